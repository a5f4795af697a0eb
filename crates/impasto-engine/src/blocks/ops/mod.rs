//! The operations that run on impasto's own CPU kernels, with hand-written gradients, and their composition from
//! burn's standard operations for every other device. Callers see one function each.

use burn::tensor::Tensor;

use crate::device;

pub(crate) mod composed;
#[cfg(feature = "flex")]
mod kernels;
#[cfg(all(test, feature = "flex"))]
mod tests;

/// What lies beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The picture mirrored about its border pixels (the border itself is not repeated).
    #[default]
    Reflect,
}

/// The geometry of a convolution; channel counts and kernel size come from the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvSpec {
    /// Step between output pixels, at least 1.
    pub stride: usize,
    /// Border in pixels on each side, after upsampling.
    pub padding: usize,
    /// What the border holds.
    pub pad_mode: PadMode,
    /// Channel groups; the number of channels for a depthwise convolution.
    pub groups: usize,
    /// Nearest-neighbour enlargement of the input before padding: 1 or 2 (resize, then convolve).
    pub upsample: usize,
}

impl Default for ConvSpec {
    fn default() -> Self {
        Self { stride: 1, padding: 0, pad_mode: PadMode::Reflect, groups: 1, upsample: 1 }
    }
}

/// 2-D convolution: `x` `[n, cin, h, w]`, `weight` `[cout, cin / groups, kh, kw]`, `bias` `[cout]` to
/// `[n, cout, h', w']`.
pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::conv2d(x, weight, bias, spec);
    }
    composed::conv2d(x, weight, bias, spec)
}

/// Instance normalisation with a gain and a shift for each sample and channel:
/// `(x - mean) / sqrt(variance + eps) * gain + shift`, `x` `[n, c, h, w]`, `gain` and `shift` `[n, c]`.
pub(crate) fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>, eps: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::modulated_norm(x, gain, shift, eps);
    }
    composed::modulated_norm(x, gain, shift, eps)
}

/// `x` where positive, `slope * x` elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::leaky_relu(x, slope);
    }
    composed::leaky_relu(x, slope)
}

/// 2x2 maximum pooling, stride 2, odd rests dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub(crate) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::max_pool2(x);
    }
    composed::max_pool2(x)
}

/// Mean, deviation `sqrt(variance + eps)` and mean cube of the centred values of every channel: `x` `[n, c, h, w]` to
/// three `[n, c]`. The third is a constant for gradients.
pub(crate) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::channel_moments(x, eps);
    }
    composed::channel_moments(x, eps)
}
