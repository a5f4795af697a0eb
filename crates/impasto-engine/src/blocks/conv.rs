//! The convolution layer.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::batch_norm::NORMED_DEVIATION;
use super::map::Map;
use super::ops::{self, ConvSpec, Layer, Packs, PadMode};
use super::spectral;
use super::wrap::wrapped;
use crate::rng;
use crate::weights::Array;

/// How a [`Conv`] is built.
#[derive(Debug, Clone, Copy)]
pub struct ConvConfig {
    /// Input channels.
    pub channels_in: usize,
    /// Output channels.
    pub channels_out: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Geometry.
    pub spec: ConvSpec,
    /// Factor on the He-normal initial weights.
    pub init_gain: f32,
}

impl ConvConfig {
    /// A convolution that keeps the picture's size: odd `kernel`, reflect padding of `kernel / 2`.
    pub fn same(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self::same_rectangle(channels_in, channels_out, [kernel; 2])
    }

    /// [`ConvConfig::same`] with a kernel of odd sides, rows by columns.
    pub fn same_rectangle(channels_in: usize, channels_out: usize, kernel: [usize; 2]) -> Self {
        let spec = ConvSpec { padding: kernel.map(|side| side / 2), ..ConvSpec::default() };
        Self { channels_in, channels_out, kernel, spec, init_gain: 1.0 }
    }

    /// Sets the stride.
    pub fn stride(mut self, stride: usize) -> Self {
        self.spec.stride = stride;
        self
    }

    /// Doubles the picture's size (nearest neighbour) before convolving.
    pub fn upsampled(mut self) -> Self {
        self.spec.upsample = 2;
        self
    }

    /// Sets the number of channel groups.
    pub fn groups(mut self, groups: usize) -> Self {
        self.spec.groups = groups;
        self
    }

    /// Sets what lies beyond the border.
    pub fn pad_mode(mut self, mode: PadMode) -> Self {
        self.spec.pad_mode = mode;
        self
    }

    /// Sets the padding on all sides.
    pub fn padding(mut self, padding: usize) -> Self {
        self.spec.padding = [padding; 2];
        self
    }

    /// Scales the initial weights: below 1 for the last layer of a residual branch or of the network.
    pub fn init_gain(mut self, gain: f32) -> Self {
        self.init_gain = gain;
        self
    }

    /// For a layer with a batch normalisation behind it: initial weights of [`NORMED_DEVIATION`].
    pub fn normed(self) -> Self {
        let shape = self.weight_shape();
        let fan_in = (shape[1] * shape[2] * shape[3]) as f32;
        self.init_gain(NORMED_DEVIATION * (fan_in / 2.0).sqrt())
    }

    /// Draws He-normal weights from the stream named `name` of `seed`; biases are zero.
    pub fn init(&self, seed: u64, name: &str, device: &Device) -> Conv {
        let shape = self.weight_shape();
        let fan_in = (shape[1] * shape[2] * shape[3]) as f32;
        let deviation = self.init_gain * (2.0 / fan_in).sqrt();
        let draws = rng::normal(&mut rng::stream(seed, name, 0), shape.iter().product());
        let weights: Vec<f32> = draws.into_iter().map(|v| v * deviation).collect();
        Conv {
            weight: Param::from_data(TensorData::new(weights, shape), device),
            bias: Param::from_data(TensorData::zeros::<f32, _>([self.channels_out]), device),
            spec: self.spec,
            packs: Packs::default(),
        }
    }

    /// The convolution with these weights, frozen.
    ///
    /// # Errors
    /// What is wrong with which of the two: its shape, or a value that is not finite.
    pub(crate) fn frozen(&self, weight: &Array, bias: &Array, device: &Device) -> Result<Conv, String> {
        let shape = self.weight_shape();
        let checked = |name: &str, array: &Array, shape: &[usize]| {
            if array.shape != shape {
                return Err(format!("tensor '{name}' has shape {:?}, expected {shape:?}", array.shape));
            }
            if array.values.iter().any(|v| !v.is_finite()) {
                return Err(format!("tensor '{name}' holds values that are not finite"));
            }
            Ok(TensorData::new(array.values.clone(), shape.to_vec()))
        };
        let conv = Conv {
            weight: Param::from_data(checked("weight", weight, &shape)?, device),
            bias: Param::from_data(checked("bias", bias, &[self.channels_out])?, device),
            spec: self.spec,
            packs: Packs::default(),
        };
        Ok(conv.no_grad())
    }

    fn weight_shape(&self) -> [usize; 4] {
        [self.channels_out, self.channels_in / self.spec.groups, self.kernel[0], self.kernel[1]]
    }
}

/// A 2-D convolution with bias.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[cout, cin / groups, kh, kw]`
    pub weight: Param<Tensor<4>>,
    /// `[cout]`
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    spec: ConvSpec,
    #[module(skip)]
    packs: Packs,
}

impl Conv {
    fn layer(&self) -> Layer {
        Layer { spec: self.spec, packs: Some(self.packs.clone()) }
    }

    /// `x` `[n, cin, h, w]` to `[n, cout, h', w']`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv2d(x, self.weight.val(), self.bias.val(), self.layer(), 1.0)
    }

    /// [`Conv::forward`], then `max(y, 0)`, in one pass.
    pub fn forward_relu(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_leaky(x, 0.0)
    }

    /// [`Conv::forward`], then `slope * y` where `y` is below zero, in one pass; `slope` from 0 to 1.
    pub fn forward_leaky(&self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        ops::conv2d(x, self.weight.val(), self.bias.val(), self.layer(), slope)
    }

    /// [`Conv::forward`] of a map with what is still to be done to it, plus `residual` `[n, cout, h', w']`, in one pass where
    /// gradients are not wanted.
    pub fn forward_map(&self, x: impl Into<Map>, residual: Option<Tensor<4>>) -> Tensor<4> {
        let (x, affine) = x.into().parts();
        ops::fused_conv2d(x, affine, self.weight.val(), self.bias.val(), residual, self.layer(), 1.0)
    }

    /// [`Conv::forward_leaky`] of a map that goes on where it began, where `wrap` is set.
    pub fn forward_bordered(&self, x: Tensor<4>, slope: f32, wrap: bool) -> Tensor<4> {
        self.filters(false).forward_bordered(x, slope, wrap)
    }

    /// The convolution itself, with weights divided by their largest singular value where `spectral` is set.
    pub(crate) fn filters(&self, spectral: bool) -> Filters {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        if !spectral {
            return Filters { weight, bias, layer: self.layer() };
        }
        let [cout, cin, kh, kw] = weight.dims();
        let weight = spectral::normalised(weight.reshape([cout, cin * kh * kw])).reshape([cout, cin, kh, kw]);
        Filters { weight, bias, layer: self.spec.into() }
    }

    /// The convolution without its bias.
    pub(crate) fn unbiased(&self) -> Filters {
        let bias = Tensor::zeros_like(&self.bias.val()).detach();
        Filters { weight: self.weight.val(), bias, layer: self.layer() }
    }

    /// The convolution `x` to `forward(x) * gain + x * skip`, `[cout]` both, of one that keeps number of channels and
    /// size.
    pub(crate) fn modulated(&self, gain: Tensor<1>, skip: Tensor<1>) -> Filters {
        let [cout, cin, kh, kw] = self.weight.val().dims();
        debug_assert!(cout == cin && self.spec.groups == 1 && self.spec.stride == 1 && self.spec.upsample == 1);
        // What is skipped is a filter with one value in the middle.
        let same = Tensor::<2>::eye(cout, &gain.device()) * skip.unsqueeze(); // [cout, cin]
        let middle = Tensor::zeros([cout, cin, kh, kw], &gain.device())
            .slice_assign([0..cout, 0..cin, kh / 2..kh / 2 + 1, kw / 2..kw / 2 + 1], same.reshape([cout, cin, 1, 1]));
        let weight = self.weight.val() * gain.clone().reshape([cout, 1, 1, 1]) + middle;
        Filters { weight, bias: self.bias.val() * gain, layer: self.spec.into() }
    }
}

/// A convolution made for one occasion.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    weight: Tensor<4>,
    bias: Tensor<1>,
    layer: Layer,
}

impl Filters {
    /// `x` `[n, cin, h, w]` to `[n, cout, h', w']`, through a leaky rectifier of `slope`.
    pub(crate) fn forward(&self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        ops::conv2d(x, self.weight.clone(), self.bias.clone(), self.layer.clone(), slope)
    }

    /// [`Filters::forward`] of a map that goes on where it began, where `wrap` is set.
    pub(crate) fn forward_bordered(&self, x: Tensor<4>, slope: f32, wrap: bool) -> Tensor<4> {
        if !wrap {
            return self.forward(x, slope);
        }
        let spec = self.layer.spec;
        debug_assert!(spec.stride == 1);
        let margin = spec.padding.map(|padding| padding.div_ceil(spec.upsample));
        wrapped(x, margin, spec.upsample, |x| self.forward(x, slope))
    }

    /// A convolution of one pixel, and the mean of 2x2 pixels before it, as one.
    pub(crate) fn over_means(self) -> Self {
        let spec = self.layer.spec;
        debug_assert!(self.weight.dims()[2..] == [1, 1] && spec.stride == 1);
        let weight = self.weight.repeat_dim(2, 2).repeat_dim(3, 2) / 4.0; // [cout, cin, 2, 2]
        Self { weight, bias: self.bias, layer: ConvSpec { stride: 2, ..spec }.into() }
    }

    /// The adjoint of the convolution without its bias: the gradient `dy` `[n, cout, h', w']` of its results to that of
    /// its inputs, `[n, cin, size[0], size[1]]`.
    pub(crate) fn adjoint(&self, dy: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        ops::conv2d_adjoint(dy, self.weight.clone(), size, self.layer.clone())
    }

    /// As [`Conv::forward_map`], with a leaky rectifier of `slope` after the sum.
    pub(crate) fn forward_map(&self, x: impl Into<Map>, residual: Option<Tensor<4>>, slope: f32) -> Tensor<4> {
        let (x, affine) = x.into().parts();
        ops::fused_conv2d(x, affine, self.weight.clone(), self.bias.clone(), residual, self.layer.clone(), slope)
    }
}
