//! Convolutions whose weights depend on a style.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::conv::{Conv, ConvConfig};
use super::dense::{Dense, matrix};
use super::down::SLOPE;
use super::noise::with_noise;
use super::ops;
use super::resample::{leaky_relu, scaled};

/// From a style `[n, width]` to a factor for each channel, which are all about 1 at first.
fn affine(seed: u64, name: &str, width: usize, channels: usize, device: &Device) -> Dense {
    let mut affine =
        Dense::init(seed, &format!("{name}.style"), [width, channels], 1.0 / (width as f32).sqrt(), device);
    affine.bias = Param::from_data(TensorData::full([channels], 1.0f32), device);
    affine
}

/// A convolution with modulated and demodulated weights (Karras et al. 2020), noise, bias and rectifier. Instead of weights
/// for each picture, inputs are scaled before and results after one convolution of the whole batch, which gives the same.
#[derive(Module, Debug)]
pub struct ModulatedConv {
    /// `[width, cin]`
    style: Dense,
    conv: Conv,
    /// Of noise, `[cout]`; begins at 0.
    strength: Param<Tensor<1>>,
}

impl ModulatedConv {
    /// For styles of `width`. Layers are drawn from streams of `seed` that begin with `name`.
    pub fn init(config: &ConvConfig, width: usize, seed: u64, name: &str, device: &Device) -> Self {
        Self {
            style: affine(seed, name, width, config.channels_in, device),
            conv: config.init(seed, &format!("{name}.conv"), device),
            strength: Param::from_data(TensorData::zeros::<f32, _>([config.channels_out]), device),
        }
    }

    /// `x` `[n, cin, h, w]`, `style` `[n, width]` and noise `[n or 1, 1, h', w']` to `[n, cout, h', w']`; where `wrap` is set, of
    /// a map that goes on where it began.
    pub fn forward(&self, x: Tensor<4>, style: Tensor<2>, noise: Option<Tensor<4>>, wrap: bool) -> Tensor<4> {
        let factors = self.style.forward(style); // [n, cin]
        let weight = self.conv.weight.val();
        let [cout, cin, kh, kw] = weight.dims();
        let squares = weight.square().reshape([cout, cin, kh * kw]).sum_dim(2).reshape([cout, cin]);
        let power = factors.clone().square().matmul(squares.transpose()); // [n, cout]
        // What the rectifier takes away of the variance is given back here.
        let gain = (2.0 / (1.0 + SLOPE * SLOPE)).sqrt();
        let demodulation = (power + 1e-8).sqrt().recip() * gain; // [n, cout]
        let y = self.conv.unbiased().forward_bordered(scaled(x, factors), 1.0, wrap); // [n, cout, h', w']
        let y = with_noise(scaled(y, demodulation), noise, self.strength.val(), self.conv.bias.val());
        leaky_relu(y, f64::from(SLOPE))
    }

    /// What takes the style first, `[cin, width]`.
    pub fn style_matrix(&self) -> Tensor<2> {
        self.style.weight.val().transpose()
    }
}

/// Colours of a map: a modulated convolution of one pixel without demodulation.
#[derive(Module, Debug)]
pub struct ModulatedColours {
    /// `[width, c]`
    style: Dense,
    /// `[3, c]`
    weight: Param<Tensor<2>>,
    /// `[3]`
    bias: Param<Tensor<1>>,
}

impl ModulatedColours {
    /// Of maps with `channels`, for styles of `width`; colours vary by about `deviation` at first.
    pub fn init([channels, width]: [usize; 2], deviation: f32, seed: u64, name: &str, device: &Device) -> Self {
        let deviation = deviation / (channels as f32).sqrt();
        Self {
            style: affine(seed, name, width, channels, device),
            weight: matrix(seed, &format!("{name}.weight"), [3, channels], deviation, device),
            bias: Param::from_data(TensorData::zeros::<f32, _>([3]), device),
        }
    }

    /// `x` `[n, c, h, w]` and `style` `[n, width]` to `[n, 3, h, w]`.
    pub fn forward(&self, x: Tensor<4>, style: Tensor<2>) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let factors = self.style.forward(style).reshape([n, 1, c]);
        let matrices = self.weight.val().reshape([1, 3, c]) * factors; // [n, 3, c]
        ops::mixed(x, matrices) + self.bias.val().reshape([1, 3, 1, 1]) // [n, 3, h, w]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use crate::tensor::values;

    fn random<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
        let draws = rng::normal(&mut rng::stream(1, name, 0), shape.iter().product());
        Tensor::from_data(TensorData::new(draws, shape), device)
    }

    /// With weights made for each picture, as the paper has it.
    #[test]
    fn scaling_before_and_after_is_modulating_and_demodulating_weights() {
        let device = Device::flex();
        for upsample in [1, 2] {
            let mut config = ConvConfig::same(3, 4, 3);
            config.spec.upsample = upsample;
            let mut layer = ModulatedConv::init(&config, 5, 1, "layer", &device);
            layer.strength = Param::from_tensor(random("strength", [4], &device));
            layer.conv.bias = Param::from_tensor(random("bias", [4], &device));
            let (x, style) = (random("x", [2, 3, 5, 6], &device), random("style", [2, 5], &device));
            let noise = random("noise", [1, 1, 5 * upsample, 6 * upsample], &device);
            let got = layer.forward(x.clone(), style.clone(), Some(noise.clone()), false);
            for i in 0..2 {
                let factors = layer.style.forward(style.clone().narrow(0, i, 1)); // [1, cin]
                let weight = layer.conv.weight.val() * factors.reshape([1, 3, 1, 1]);
                let power = weight.clone().square().reshape([4, 27]).sum_dim(1); // [4, 1]
                let weight = weight / (power + 1e-8).sqrt().reshape([4, 1, 1, 1]);
                let own = x.clone().narrow(0, i, 1);
                let y = ops::conv2d(own, weight, Tensor::zeros([4], &device), config.spec, 1.0);
                let wide = |values: Tensor<1>| values.reshape([1, 4, 1, 1]);
                let beside = noise.clone() * wide(layer.strength.val()) + wide(layer.conv.bias.val());
                let y = leaky_relu(y * (2.0f32 / 1.04).sqrt() + beside, 0.2);
                let worst = values((y - got.clone().narrow(0, i, 1)).abs().max())[0];
                assert!(worst < 1e-4, "{worst}");
            }
        }
    }

    #[test]
    fn colours_are_a_product_with_the_style() {
        let device = Device::flex();
        let layer = ModulatedColours::init([6, 5], 0.5, 1, "colours", &device);
        let (x, style) = (random("x", [2, 6, 3, 4], &device), random("style", [2, 5], &device));
        let factors = layer.style.forward(style.clone());
        let modulated = scaled(x.clone(), factors).reshape([2, 6, 12]); // [2, 6, 12]
        let weight = layer.weight.val().reshape([1, 3, 6]).repeat_dim(0, 2);
        let expected = values(weight.matmul(modulated));
        let got = values(layer.forward(x, style));
        assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
