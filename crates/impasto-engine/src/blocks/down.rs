//! Halving a map in a discriminator.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::conv::{Conv, ConvConfig, Filters};
use super::ops::PadMode;
use super::resample::{avg_pool2, leaky_mask};

/// Slope of the rectifiers below zero.
pub(crate) const SLOPE: f32 = 0.2;

/// Halves a map's sides: two convolutions, of which the first takes steps of two, beside a mean and a convolution of one
/// pixel (He et al. 2016).
#[derive(Module, Debug)]
pub struct Down {
    first: Conv,
    second: Conv,
    skip: Conv,
}

/// A forward pass through [`Down`], to go back through.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    first: Filters,
    second: Filters,
    skip: Filters,
    masks: [Tensor<4>; 2],
    size: [usize; 2],
}

impl Down {
    /// From `channels_in` to `channels_out`. Layers are drawn from streams of `seed` that begin with `name`.
    pub fn init(seed: u64, name: &str, [channels_in, channels_out]: [usize; 2], device: &Device) -> Self {
        let draw = |part: &str, config: ConvConfig| {
            config.pad_mode(PadMode::Zero).init(seed, &format!("{name}.{part}"), device)
        };
        let skip = ConvConfig::same(channels_in, channels_out, 1).init_gain(std::f32::consts::FRAC_1_SQRT_2);
        Self {
            first: draw("first", ConvConfig::same(channels_in, channels_out, 4).stride(2).padding(1)),
            second: draw("second", ConvConfig::same(channels_out, channels_out, 3)),
            skip: draw("skip", skip),
        }
    }

    /// `[n, cin, h, w]` with even sides to `[n, cout, h / 2, w / 2]`. `spectral` divides weights by their largest singular
    /// value.
    pub fn forward(&self, x: Tensor<4>, spectral: bool) -> Tensor<4> {
        let skip = self.skip.filters(spectral).forward(avg_pool2(x.clone()), 1.0); // [n, cout, h / 2, w / 2]
        let y = self.first.filters(spectral).forward(x, SLOPE); // [n, cout, h / 2, w / 2]
        let y = self.second.filters(spectral).forward(y, SLOPE);
        (y + skip) * std::f32::consts::FRAC_1_SQRT_2
    }

    /// [`Down::forward`] of a constant, and what it takes to go back.
    pub(crate) fn pass(&self, x: Tensor<4>, spectral: bool) -> (Tensor<4>, Passed) {
        let [_, _, h, w] = x.dims();
        let [first, second, skip] = [&self.first, &self.second, &self.skip].map(|conv| conv.filters(spectral));
        let beside = skip.forward(avg_pool2(x.clone()), 1.0); // [n, cout, h / 2, w / 2]
        let inner = first.forward(x, SLOPE); // [n, cout, h / 2, w / 2]
        let outer = second.forward(inner.clone(), SLOPE);
        let y = ((outer.clone() + beside) * std::f32::consts::FRAC_1_SQRT_2).detach();
        let masks = [inner, outer].map(|y| leaky_mask(y, SLOPE));
        (y, Passed { first, second, skip: skip.over_means(), masks, size: [h, w] })
    }
}

impl Passed {
    /// The gradient of results `[n, cout, h / 2, w / 2]` to that of inputs, `[n, cin, h, w]`, which can be differentiated by
    /// the weights.
    pub(crate) fn back(self, slope: Tensor<4>) -> Tensor<4> {
        let slope = slope * std::f32::consts::FRAC_1_SQRT_2;
        let [inner, outer] = self.masks;
        let half = self.size.map(|side| side / 2);
        let through = self.second.adjoint(slope.clone() * outer, half) * inner; // [n, cout, h / 2, w / 2]
        self.first.adjoint(through, self.size) + self.skip.adjoint(slope, self.size) // [n, cin, h, w]
    }
}
