//! The operations that run on impasto's own CPU kernels, with hand-written gradients, and their composition from
//! burn's standard operations for every other device. Callers see one function each.

#[cfg(feature = "flex")]
use burn::tensor::DType;
use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::device;

pub(crate) mod composed;
#[cfg(feature = "flex")]
mod kernels;
#[cfg(all(test, feature = "flex"))]
mod tests;

#[cfg(feature = "flex")]
pub(crate) use kernels::Packs;

/// What lies beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The picture mirrored about its border pixels (the border itself is not repeated).
    #[default]
    Reflect,
}

/// What is made of the values under each 3x3 window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool3 {
    /// The largest, stride 2, windows within the map only.
    MaxHalf,
    /// The largest, stride 2; a last window that reaches one row or column beyond the map counts ("ceil mode").
    MaxHalfBeyond,
    /// The largest around each value; what is beyond the map does not count.
    MaxAround,
    /// The mean around each value; what is beyond the map does not count.
    MeanAround,
}

/// The geometry of a convolution; channel counts and kernel size come from the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvSpec {
    /// Step between output pixels, at least 1.
    pub stride: usize,
    /// Border in pixels above and below, left and right, after upsampling.
    pub padding: [usize; 2],
    /// What the border holds.
    pub pad_mode: PadMode,
    /// Channel groups; the number of channels for a depthwise convolution.
    pub groups: usize,
    /// Nearest-neighbour enlargement of the input before padding: 1 or 2 (resize, then convolve).
    pub upsample: usize,
}

impl Default for ConvSpec {
    fn default() -> Self {
        Self { stride: 1, padding: [0; 2], pad_mode: PadMode::Reflect, groups: 1, upsample: 1 }
    }
}

/// Where a layer keeps what was made of its weights for devices with kernels; there are none here.
#[cfg(not(feature = "flex"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct Packs;

/// A convolution but for its weights.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// The geometry.
    pub(crate) spec: ConvSpec,
    /// Where what is made of the weights is kept, if they are used more than once.
    pub(crate) packs: Option<Packs>,
}

impl From<ConvSpec> for Layer {
    fn from(spec: ConvSpec) -> Self {
        Self { spec, packs: None }
    }
}

/// Whether the kernels take `x`: they compute in f32. In f64, in which `doctor` checks all devices, operations are composed.
#[cfg(feature = "flex")]
fn has_kernels(x: &Tensor<4>) -> bool {
    x.dtype() == DType::F32 && device::has_kernels(&x.device())
}

/// 2-D convolution and leaky rectifier: `x` `[n, cin, h, w]`, `weight` `[cout, cin / groups, kh, kw]`, `bias` `[cout]` to
/// `[n, cout, h', w']`. `slope` is the factor on results below zero, from 0 to 1, which stands for none.
pub(crate) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    layer: impl Into<Layer>,
    slope: f32,
) -> Tensor<4> {
    let layer = layer.into();
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::conv2d(x, weight, bias, layer, slope);
    }
    composed::conv2d(x, weight, bias, layer.spec, slope)
}

/// The adjoint of a convolution, which is the gradient of its input, as an operation that can itself be differentiated by
/// both arguments: `dy` `[n, cout, h', w']` and `weight` `[cout, cin / groups, kh, kw]` to `[n, cin, size[0], size[1]]`. For
/// convolutions with zeros beyond the border that do not enlarge.
pub(crate) fn conv2d_adjoint(dy: Tensor<4>, weight: Tensor<4>, size: [usize; 2], layer: impl Into<Layer>) -> Tensor<4> {
    let layer = layer.into();
    debug_assert!(layer.spec.pad_mode == PadMode::Zero && layer.spec.upsample == 1);
    #[cfg(feature = "flex")]
    if has_kernels(&dy) {
        return kernels::conv2d_adjoint(dy, weight, size, layer);
    }
    composed::conv2d_adjoint(dy, weight, size, layer.spec)
}

/// What is done to every value of a feature map: `(x - mean) * scale + shift`, then a leaky rectifier.
#[derive(Debug, Clone)]
pub(crate) struct Affine {
    /// Subtracted, `[n, c]`.
    pub(crate) mean: Tensor<2>,
    /// Multiplied, `[n, c]`.
    pub(crate) scale: Tensor<2>,
    /// Added, `[n, c]`.
    pub(crate) shift: Tensor<2>,
    /// Factor on values below zero, from 0 to 1, which stands for none.
    pub(crate) slope: f32,
}

/// Whether the operations on an [`Affine`] do what they do in one pass: on devices with kernels, for maps that no
/// gradients are wanted of.
pub(crate) fn fuses(x: &Tensor<4>) -> bool {
    #[cfg(feature = "flex")]
    return !x.is_autodiff() && has_kernels(x);
    #[cfg(not(feature = "flex"))]
    {
        let _ = x;
        false
    }
}

/// [`conv2d`] of `affine(x)`, with `residual` `[n, cout, h', w']` added before the rectifier. In one pass where the
/// map [`fuses`].
pub(crate) fn fused_conv2d(
    x: Tensor<4>,
    affine: Option<Affine>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    layer: Layer,
    slope: f32,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fuses(&x) {
        return kernels::fused_conv2d(x, affine, weight, bias, residual, layer, slope);
    }
    let x = match affine {
        Some(affine) => composed::affine_sum(x, affine, None),
        None => x,
    };
    match residual {
        Some(residual) => composed::rectified(conv2d(x, weight, bias, layer, 1.0) + residual, slope),
        None => conv2d(x, weight, bias, layer, slope),
    }
}

/// `affine(x)`, plus `other` to which its own may be applied; all maps `[n, c, h, w]`. In one pass where the map
/// [`fuses`].
pub(crate) fn affine_sum(x: Tensor<4>, affine: Affine, other: Option<(Tensor<4>, Option<Affine>)>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fuses(&x) {
        return kernels::affine_sum(x, affine, other);
    }
    composed::affine_sum(x, affine, other)
}

/// Mean and deviation `sqrt(variance + eps)` of every channel, for maps that [`fuses`] says yes to: `[n, c, h, w]` to
/// two `[n, c]`.
#[cfg(feature = "flex")]
pub(crate) fn moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 2] {
    kernels::moments(x, eps)
}

/// Covariances of the channels over positions: `x` `[n, c, h, w]` with means `[n, c]` to `[n, c, c]`. In one pass where
/// the map [`fuses`].
pub(crate) fn covariances(x: Tensor<4>, mean: Tensor<2>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if fuses(&x) {
        return kernels::covariances(x, mean);
    }
    let [n, c, h, w] = x.dims();
    let centred = (x - mean.reshape([n, c, 1, 1])).reshape([n, c, h * w]); // [n, c, hw]
    centred.clone().matmul(centred.swap_dims(1, 2)) / (h * w) as f32 // [n, c, c]
}

/// Products of the channels, averaged over positions: `x` `[n, c, h, w]` to `[n, c, c]`.
pub(crate) fn products(x: Tensor<4>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::products(x);
    }
    composed::products(x)
}

/// A matrix for each sample times the channels at every position: `x` `[n, c, h, w]` and `matrices` `[n, d, c]` to
/// `[n, d, h, w]`.
pub(crate) fn mixed(x: Tensor<4>, matrices: Tensor<3>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::mixed(x, matrices);
    }
    composed::mixed(x, matrices)
}

/// The mean of `(a - b)^2` over everything: two maps `[n, c, h, w]` to `[1]`.
pub(crate) fn mean_squared_difference(a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if has_kernels(&a) {
        return kernels::mean_squared_difference(a, b);
    }
    composed::mean_squared_difference(a, b)
}

/// Bilinear enlargement by two, half-pixel centres: `[n, c, h, w]` to `[n, c, 2h, 2w]`.
pub(crate) fn upsample_bilinear2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::upsample_bilinear2(x);
    }
    composed::upsample_bilinear2(x)
}

/// An instance normalisation with a gain and a shift for each sample and channel, and the rectifier behind it:
/// `(x - mean) / sqrt(variance + eps) * gain + shift`, then a leaky rectifier.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    /// Multiplied, `[n, c]`.
    pub(crate) gain: Tensor<2>,
    /// Added, `[n, c]`.
    pub(crate) shift: Tensor<2>,
    /// Added to variances.
    pub(crate) eps: f32,
    /// Factor on values below zero, from 0 to 1, which stands for none.
    pub(crate) slope: f32,
}

/// `norm(x)`, plus `residual`, both `[n, c, h, w]`.
pub(crate) fn normalised(x: Tensor<4>, norm: Norm, residual: Option<Tensor<4>>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::normalised(x, norm, residual);
    }
    composed::normalised(x, norm, residual)
}

/// `x` where positive, `slope * x` elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::leaky_relu(x, slope);
    }
    composed::leaky_relu(x, slope)
}

/// Gated linear units: the first half of the channels times the logistic function of the second, `[n, 2c, h, w]` to
/// `[n, c, h, w]`.
pub(crate) fn gated(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::gated(x);
    }
    composed::gated(x)
}

/// The softmax over the channels at every position, `[n, c, h, w]` to the same.
pub(crate) fn channel_softmax(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::channel_softmax(x);
    }
    composed::channel_softmax(x)
}

/// Every channel of every sample times its factor: `x` `[n, c, h, w]`, `factors` `[n, c]`.
pub(crate) fn scaled(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::scaled(x, factors);
    }
    composed::scaled(x, factors)
}

/// 2x2 maximum pooling, stride 2, odd rests dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub(crate) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::max_pool2(x);
    }
    composed::max_pool2(x)
}

/// 2x2 mean pooling, stride 2, odd rests dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub(crate) fn avg_pool2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::avg_pool2(x);
    }
    composed::avg_pool2(x)
}

/// Mean, deviation `sqrt(variance + eps)` and mean cube of the centred values of every channel: `x` `[n, c, h, w]` to
/// three `[n, c]`. The third is a constant for gradients.
pub(crate) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return kernels::channel_moments(x, eps);
    }
    composed::channel_moments(x, eps)
}

/// 3x3 pooling: `[n, c, h, w]` to `[n, c, h', w']`, by a kernel where the map [`fuses`].
pub(crate) fn pool3(x: Tensor<4>, pool: Pool3) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fuses(&x) {
        return kernels::pool3(x, pool);
    }
    composed::pool3(x, pool)
}
