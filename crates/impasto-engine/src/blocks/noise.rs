//! Noise inside networks.

use burn::tensor::Tensor;

use super::ops::{self, ConvSpec};

/// `x` `[n, c, h, w]` plus `bias` `[c]` plus `noise` `[n or 1, 1, h, w]`, where there is some, with the `strength` `[c]` of
/// each channel.
pub(crate) fn with_noise(x: Tensor<4>, noise: Option<Tensor<4>>, strength: Tensor<1>, bias: Tensor<1>) -> Tensor<4> {
    let [n, c, _, _] = x.dims();
    let Some(noise) = noise else { return x + bias.reshape([1, c, 1, 1]) };
    let noise = if noise.dims()[0] == n { noise } else { noise.repeat_dim(0, n) };
    // As a convolution of one channel to many, whose gradients have kernels.
    x + ops::conv2d(noise, strength.reshape([c, 1, 1, 1]), bias, ConvSpec::default(), 1.0)
}
