//! Normalisation and channel statistics.

use burn::tensor::Tensor;

use super::ops::{self, Norm};

/// Added to variances before the square root.
pub(crate) const EPS: f32 = 1e-5;

/// Instance normalisation followed by a gain and a shift for each sample and channel (the form of adaptive instance
/// normalisation): `x` `[n, c, h, w]`, `gain` and `shift` `[n, c]`.
pub fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Tensor<4> {
    ops::normalised(x, Norm { gain, shift, eps: EPS, slope: 1.0 }, None)
}

/// Plain instance normalisation: every channel of every sample to mean 0 and deviation 1.
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let [n, c, _, _] = x.dims();
    let like = (&x.device(), x.dtype());
    let (gain, shift) = (Tensor::ones([n, c], like), Tensor::zeros([n, c], like));
    modulated_norm(x, gain, shift)
}

/// Mean and standard deviation of every channel: `[n, c, h, w]` to two `[n, c]`.
pub fn channel_moments(x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
    let [mean, deviation, _] = ops::channel_moments(x, EPS);
    (mean, deviation)
}

/// Mean, standard deviation and skewness of every channel, the last compressed to `(-1, 1)` by `s / (1 + |s|)` (it is
/// unbounded for sparse features) and a constant for gradients: `[n, c, h, w]` to three `[n, c]`.
pub fn channel_moments3(x: Tensor<4>) -> [Tensor<2>; 3] {
    let [mean, deviation, third] = ops::channel_moments(x, EPS);
    let skewness = third.detach() / deviation.clone().detach().powi_scalar(3); // [n, c]
    let compressed = skewness.clone() / (skewness.abs() + 1.0); // [n, c]
    [mean, deviation, compressed]
}
