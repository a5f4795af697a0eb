//! Normalisation and channel statistics.

use burn::tensor::Tensor;

use super::ops;

/// Added to variances before the square root.
pub(crate) const EPS: f32 = 1e-5;

/// Instance normalisation followed by a gain and a shift for each sample and channel (the form of adaptive instance
/// normalisation): `x` `[n, c, h, w]`, `gain` and `shift` `[n, c]`.
pub fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Tensor<4> {
    ops::modulated_norm(x, gain, shift, EPS)
}

/// Plain instance normalisation: every channel of every sample to mean 0 and deviation 1.
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let [n, c, _, _] = x.dims();
    let device = x.device();
    modulated_norm(x, Tensor::ones([n, c], &device), Tensor::zeros([n, c], &device))
}

/// Mean and standard deviation of every channel: `[n, c, h, w]` to two `[n, c]`.
pub fn channel_moments(x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
    let [n, c, h, w] = x.dims();
    let x = x.reshape([n, c, h * w]); // [n, c, hw]
    let mean = x.clone().mean_dim(2); // [n, c, 1]
    let variance = (x - mean.clone()).square().mean_dim(2); // [n, c, 1]
    (mean.reshape([n, c]), (variance + EPS).sqrt().reshape([n, c]))
}
