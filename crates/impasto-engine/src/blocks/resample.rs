//! Pooling, enlarging and activations.

use burn::tensor::Tensor;

use super::ops::{self, Pool3};

/// 2x2 maximum pooling, stride 2, last odd row and column dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    ops::max_pool2(x)
}

/// 2x2 mean pooling, stride 2, last odd row and column dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub fn avg_pool2(x: Tensor<4>) -> Tensor<4> {
    ops::avg_pool2(x)
}

/// 3x3 pooling: `[n, c, h, w]` to the same size around each value, or to `(h - 1) / 2` rows (rounded up with windows
/// beyond the border) and as many columns where it halves, which needs sides of at least 3.
pub fn pool3(x: Tensor<4>, pool: Pool3) -> Tensor<4> {
    ops::pool3(x, pool)
}

/// Bilinear enlargement by two, half-pixel centres: `[n, c, h, w]` to `[n, c, 2h, 2w]`.
pub fn upsample_bilinear2(x: Tensor<4>) -> Tensor<4> {
    ops::upsample_bilinear2(x)
}

/// `max(x, 0)`.
pub fn relu(x: Tensor<4>) -> Tensor<4> {
    ops::leaky_relu(x, 0.0)
}

/// `x` where positive, `slope * x` elsewhere.
pub fn leaky_relu(x: Tensor<4>, slope: f64) -> Tensor<4> {
    ops::leaky_relu(x, slope as f32)
}

/// What a rectifier multiplied by to give `y`, as a constant: 1 where `y` is positive, `slope` elsewhere.
pub(crate) fn leaky_mask(y: Tensor<4>, slope: f32) -> Tensor<4> {
    let positive = y.clone().detach().greater_elem(0.0).float().cast(y.dtype());
    positive * (1.0 - slope) + slope
}

/// Gated linear units (Dauphin et al. 2017): the first half of the channels times the logistic function of the second,
/// `[n, 2c, h, w]` to `[n, c, h, w]`.
pub fn gated(x: Tensor<4>) -> Tensor<4> {
    ops::gated(x)
}

/// Every channel of every sample times its factor: `x` `[n, c, h, w]` and `factors` `[n, c]` to `[n, c, h, w]`.
pub fn scaled(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    ops::scaled(x, factors)
}
