//! What the networks of this folder are made of.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use impasto_engine::blocks::{Conv, ConvConfig, Map, PadMode};
use impasto_engine::rng;

use super::SEED;

/// Instance normalisation with a learnt gain and shift for each channel.
#[derive(Module, Debug)]
pub(super) struct Norm {
    gain: Param<Tensor<1>>,
    shift: Param<Tensor<1>>,
}

impl Norm {
    /// Gains near 1 and shifts near 0, so that mistakes in either show.
    pub(super) fn new(name: &str, channels: usize, device: &Device) -> Self {
        let draw = |part: &str, centre: f32| {
            let draws = rng::normal(&mut rng::stream(SEED, &format!("{name}.{part}"), 0), channels);
            let values: Vec<f32> = draws.into_iter().map(|v| centre + 0.1 * v).collect();
            Param::from_data(TensorData::new(values, [channels]), device)
        };
        Self { gain: draw("gain", 1.0), shift: draw("shift", 0.0) }
    }

    /// `[n, c, h, w]` to `[n, c, h, w]`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Map {
        let [n, c, _, _] = x.dims();
        let rows = |v: &Param<Tensor<1>>| v.val().reshape([1, c]).repeat_dim(0, n); // [n, c]
        Map::normalised(x, rows(&self.gain), rows(&self.shift))
    }
}

/// A convolution and the normalisation behind it.
#[derive(Module, Debug)]
pub(super) struct ConvNorm {
    conv: Conv,
    norm: Norm,
}

impl ConvNorm {
    pub(super) fn new(name: &str, config: ConvConfig, device: &Device) -> Self {
        Self { conv: drawn(name, config, device), norm: Norm::new(name, config.channels_out, device) }
    }

    /// `[n, cin, h, w]` to `[n, cout, h', w']`.
    pub(super) fn forward(&self, x: impl Into<Map>) -> Map {
        self.norm.forward(self.conv.forward_map(x, None))
    }
}

/// A convolution with the weights of the stream `name`.
pub(super) fn drawn(name: &str, config: ConvConfig, device: &Device) -> Conv {
    config.init(SEED, name, device)
}

/// A convolution that keeps the size, with zeros beyond the border.
pub(super) fn zero(channels_in: usize, channels_out: usize, kernel: usize) -> ConvConfig {
    ConvConfig::same(channels_in, channels_out, kernel).pad_mode(PadMode::Zero)
}
