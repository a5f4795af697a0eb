//! Two micro encoders of one shape, a modulator and a decoder.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::MicroAstConfig;
use super::code::{Code, Level};
use crate::blocks::{Conv, ConvConfig, Gauge, upsample_bilinear2};

/// Added to variances before the square root.
const EPS: f32 = 1e-5;

/// Draws layers from one seed, each from a stream of its own name.
pub(super) struct Init<'a> {
    pub(super) seed: u64,
    pub(super) device: &'a Device,
}

impl Init<'_> {
    fn conv(&self, name: String, config: ConvConfig) -> Conv {
        config.init(self.seed, &name, self.device)
    }
}

/// `x + second(relu(first(x)))`.
#[derive(Module, Debug)]
pub(super) struct Residual {
    first: Conv,
    second: Conv,
}

impl Residual {
    fn new(init: &Init<'_>, name: &str, channels: usize) -> Self {
        let conv = ConvConfig::same(channels, channels, 3);
        Self {
            first: init.conv(format!("{name}.first"), conv),
            second: init.conv(format!("{name}.second"), conv.init_gain(0.3)),
        }
    }

    /// `[n, c, h, w]` to the same.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.second.forward_map(self.first.forward_relu(x.clone()), Some(x))
    }

    /// The same with both convolutions' outputs scaled by `level.weight` and their inputs, scaled by `level.bias`,
    /// added.
    fn modulated(&self, x: Tensor<4>, level: &Level) -> Tensor<4> {
        let [_, c, _, _] = x.dims();
        let (gain, skip) = (level.weight.clone().reshape([c]), level.bias.clone().reshape([c]));
        let styled = |conv: &Conv| conv.modulated(gain.clone(), skip.clone());
        let hidden = styled(&self.first).forward_map(x.clone(), None, 0.0);
        styled(&self.second).forward_map(hidden, Some(x), 1.0)
    }
}

/// A picture to features at a quarter of its size, at two depths.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    stem: Conv,
    /// Depthwise with stride 2, pointwise, depthwise with stride 2, pointwise.
    down: Vec<Conv>,
    shallow: Residual,
    deep: Residual,
}

impl Encoder {
    fn new(init: &Init<'_>, name: &str, config: &MicroAstConfig) -> Self {
        let [a, b, c] = config.widths;
        let layers = [
            ConvConfig::same(a, b, 3).stride(2).groups(a),
            ConvConfig::same(b, b, 1),
            ConvConfig::same(b, c, 3).stride(2).groups(b),
            ConvConfig::same(c, c, 1),
        ];
        let layer = |(i, conv)| init.conv(format!("{name}.down{i}"), conv);
        Self {
            stem: init.conv(format!("{name}.stem"), ConvConfig::same(3, a, 9)),
            down: layers.into_iter().enumerate().map(layer).collect(),
            shallow: Residual::new(init, &format!("{name}.shallow"), c),
            deep: Residual::new(init, &format!("{name}.deep"), c),
        }
    }

    /// `[n, 3, h, w]` in `[0, 1]` to two maps `[n, c, h / 4, w / 4]`, rounded up; the shallower first.
    pub(super) fn forward(&self, image: Tensor<4>) -> [Tensor<4>; 2] {
        let stem = self.stem.forward_relu(image); // [n, widths[0], h, w]
        let x = self.down.iter().fold(stem, |x, conv| conv.forward_relu(x)); // [n, c, h / 4, w / 4]
        let shallow = self.shallow.forward(x);
        [shallow.clone(), self.deep.forward(shallow)]
    }
}

/// Depthwise convolutions whose outputs, averaged over the picture, modulate the decoder's filters.
#[derive(Module, Debug)]
pub(super) struct Modulator {
    /// For the shallow and the deep level.
    weights: Vec<Conv>,
    /// For the shallow and the deep level.
    biases: Vec<Conv>,
}

impl Modulator {
    fn new(init: &Init<'_>, channels: usize) -> Self {
        let conv = ConvConfig::same(channels, channels, 3).groups(channels);
        let two = |name: &str| (0..2).map(|i| init.conv(format!("modulator.{name}{i}"), conv)).collect();
        Self { weights: two("weight"), biases: two("bias") }
    }
}

/// Features back to a picture.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    deep: Residual,
    shallow: Residual,
    /// Grouped, pointwise, grouped, pointwise; the map is doubled before each grouped one.
    up: Vec<Conv>,
    paint: Conv,
}

impl Decoder {
    fn new(init: &Init<'_>, config: &MicroAstConfig) -> Self {
        let [a, b, c] = config.widths;
        let layers = [
            ConvConfig::same(c, b, 3).groups(b),
            ConvConfig::same(b, b, 1),
            ConvConfig::same(b, a, 3).groups(a),
            ConvConfig::same(a, a, 1),
        ];
        let layer = |(i, conv)| init.conv(format!("decoder.up{i}"), conv);
        Self {
            deep: Residual::new(init, "decoder.deep", c),
            shallow: Residual::new(init, "decoder.shallow", c),
            up: layers.into_iter().enumerate().map(layer).collect(),
            paint: init.conv("decoder.paint".into(), ConvConfig::same(a, 3, 9).init_gain(0.3)),
        }
    }
}

/// The whole network.
#[derive(Module, Debug)]
pub(super) struct Network {
    pub(super) content_encoder: Encoder,
    style_encoder: Encoder,
    modulator: Modulator,
    decoder: Decoder,
}

impl Network {
    pub(super) fn new(config: &MicroAstConfig, seed: u64, device: &Device) -> Self {
        let init = Init { seed, device };
        Self {
            content_encoder: Encoder::new(&init, "content_encoder", config),
            style_encoder: Encoder::new(&init, "style_encoder", config),
            modulator: Modulator::new(&init, config.widths[2]),
            decoder: Decoder::new(&init, config),
        }
    }

    /// Summarises a style picture `[1, 3, h, w]`.
    pub(super) fn code(&self, style: Tensor<4>) -> Code {
        let [shallow, deep] = self.style_encoder.forward(style);
        let level = |i: usize, map: Tensor<4>| {
            let [n, c, _, _] = map.dims();
            let pooled = |conv: &Conv| conv.forward(map.clone()).mean_dims(&[2, 3]).reshape([n, c]);
            let (weight, bias) = (pooled(&self.modulator.weights[i]), pooled(&self.modulator.biases[i]));
            let (mean, deviation) = moments(map);
            Level { mean, deviation, weight, bias }
        };
        Code { levels: [level(0, shallow), level(1, deep)] }
    }

    /// Deep content features `[1, c, h / 4, w / 4]` and a code to a picture `[1, 3, h, w]`.
    pub(super) fn paint<G: Gauge>(
        &self,
        content: Tensor<4>,
        code: &Code,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        let [shallow, deep] = &code.levels;
        let x = self.decoder.deep.modulated(adapt(content, deep, ("deep", gauge))?, deep);
        let x = self.decoder.shallow.modulated(adapt(x, shallow, ("shallow", gauge))?, shallow);
        let x = self.decoder.up.chunks(2).fold(x, |x, pair| {
            let doubled = upsample_bilinear2(x); // [1, c, 2h, 2w]
            pair.iter().fold(doubled, |x, conv| conv.forward_relu(x))
        });
        Ok(self.decoder.paint.forward(x)) // [1, 3, h, w]
    }
}

/// Channel means and deviations over `count - 1`: `[n, c, h, w]` to two `[n, c]`.
fn moments(x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
    let [n, c, h, w] = x.dims();
    let mean = x.clone().mean_dims(&[2, 3]); // [n, c, 1, 1]
    let squares = (x - mean.clone()).square().sum_dims(&[2, 3]).reshape([n, c]);
    (mean.reshape([n, c]), (squares / free(h * w) + EPS).sqrt())
}

/// Gives every channel of `x` `[1, c, h, w]`, the map called `site`, the style's mean and deviation (Huang and Belongie
/// 2017).
fn adapt<G: Gauge>(x: Tensor<4>, style: &Level, (site, gauge): (&str, &mut G)) -> Result<Tensor<4>, G::Unknown> {
    let count = gauge.positions(&x);
    // The kernel divides by the deviation over `count`, the network was trained with that over `count - 1`.
    let unbiased = (free(count) / count as f32).sqrt();
    Ok(gauge.norm(site, x, style.deviation.clone() * unbiased, style.mean.clone())?.settle())
}

/// Degrees of freedom of the variance of `count` values, at least 1.
fn free(count: usize) -> f32 {
    count.saturating_sub(1).max(1) as f32
}
