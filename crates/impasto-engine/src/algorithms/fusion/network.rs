//! The generator: a shared micro encoder, a bottleneck in which the style's moments modulate every channel and its
//! tokens are attended to, and a resize-then-convolve decoder that takes on the style's second moments at every level,
//! down to the colours themselves.

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::FusionConfig;
use super::code::{Blend, Code, LEVELS, Target};
use crate::blocks::{Conv, ConvConfig, EPS, channel_moments, instance_norm, modulated_norm, recorrelate, relu};
use crate::rng;

/// Draws layers from one seed, each from a stream of its own name.
struct Init<'a> {
    seed: u64,
    device: &'a Device,
}

impl Init<'_> {
    fn conv(&self, name: &str, config: ConvConfig) -> Conv {
        config.init(self.seed, name, self.device)
    }

    fn dense(&self, name: &str, inputs: usize, outputs: usize, deviation: f32) -> Dense {
        let draws = rng::normal(&mut rng::stream(self.seed, name, 0), inputs * outputs);
        let weights = draws.into_iter().map(|v| v * deviation).collect();
        Dense {
            weight: Param::from_data(TensorData::new(weights, [inputs, outputs]), self.device),
            bias: Param::from_data(TensorData::zeros::<f32, _>([outputs]), self.device),
        }
    }
}

/// A fully connected layer.
#[derive(Module, Debug)]
pub(super) struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Dense {
    /// `[n, inputs]` to `[n, outputs]`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }
}

/// Adaptive instance normalisation: channels take on the style's deviations and means of the encoder's features at the
/// same level, corrected by what a small perceptron makes of the whole style. The direct path makes colours right from
/// the first steps on; with the perceptron alone they come thousands of steps later. With correlations, the channels
/// also vary together as the style's do.
#[derive(Module, Debug)]
struct Adapt {
    /// From the style vector to corrections of gain and shift, `[hidden, 2 * channels]`.
    correct: Dense,
}

impl Adapt {
    fn new(init: &Init<'_>, name: &str, channels: usize, hidden: usize) -> Self {
        Self { correct: init.dense(name, hidden, 2 * channels, 0.1 / (hidden as f32).sqrt()) }
    }

    /// `x` `[n, c, h, w]` and the style's statistics of as many channels to `[n, c, h, w]`.
    fn forward(&self, x: Tensor<4>, target: Target, style: &Tensor<2>) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let both = self.correct.forward(style.clone()); // [n, 2c]
        let gain = target.deviation.clone() * (both.clone().slice([0..n, 0..c]) + 1.0); // [n, c]
        let shift = target.mean + target.deviation * both.slice([0..n, c..2 * c]); // [n, c]
        let x = match target.correlations {
            Some(correlations) => recorrelate(x, correlations),
            None => x,
        };
        modulated_norm(x, gain, shift)
    }
}

/// One level of the decoder: enlarges what comes from below, adds the content's features of this level as much as the
/// style wants, and gives the sum the style's statistics.
#[derive(Module, Debug)]
struct Fuse {
    up: Conv,
    /// From the style vector to the gain of the content's features, `[hidden, channels]`.
    keep: Dense,
    adapt: Adapt,
    refine: StyledBlock,
}

impl Fuse {
    fn new(init: &Init<'_>, name: &str, [from, to]: [usize; 2], hidden: usize) -> Self {
        Self {
            up: init.conv(&format!("{name}.up"), ConvConfig::same(from, to, 3).upsampled().init_gain(0.7)),
            keep: init.dense(&format!("{name}.keep"), hidden, to, 0.1 / (hidden as f32).sqrt()),
            adapt: Adapt::new(init, &format!("{name}.adapt"), to, hidden),
            refine: StyledBlock::new(init, &format!("{name}.refine"), to, hidden),
        }
    }

    /// `x` `[n, from, h / 2, w / 2]` and the content's features `[n, to, h, w]` to `[n, to, h, w]`.
    fn forward(&self, x: Tensor<4>, content: Tensor<4>, share: f32, target: Target, style: &Tensor<2>) -> Tensor<4> {
        let keep = (self.keep.forward(style.clone()) + 1.0) * share; // [n, to]
        let content = modulated_norm(content, keep.clone(), keep.zeros_like()); // [n, to, h, w]
        let x = instance_norm(self.up.forward(x)) + content; // [n, to, h, w]
        let x = self.adapt.forward(x, target, style);
        self.refine.forward(relu(x), style)
    }
}

/// `x + conv(relu(modulated(conv(x))))`: the branch is modulated by the style, the trunk keeps its statistics. Starts
/// close to the identity.
#[derive(Module, Debug)]
struct StyledBlock {
    first: Conv,
    /// From the style vector to gain and shift, `[hidden, 2 * channels]`.
    affine: Dense,
    second: Conv,
}

impl StyledBlock {
    fn new(init: &Init<'_>, name: &str, channels: usize, hidden: usize) -> Self {
        let conv = ConvConfig::same(channels, channels, 3);
        Self {
            first: init.conv(&format!("{name}.first"), conv),
            affine: init.dense(&format!("{name}.affine"), hidden, 2 * channels, 0.3 / (hidden as f32).sqrt()),
            second: init.conv(&format!("{name}.second"), conv.init_gain(0.3)),
        }
    }

    fn forward(&self, x: Tensor<4>, style: &Tensor<2>) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let both = self.affine.forward(style.clone()); // [n, 2c]
        let gain = both.clone().slice([0..n, 0..c]) + 1.0; // [n, c]
        let shift = both.slice([0..n, c..2 * c]); // [n, c]
        let branch = modulated_norm(self.first.forward(x.clone()), gain, shift);
        x + self.second.forward(relu(branch))
    }
}

/// Attention from content positions to style tokens: where the content resembles a region of the style, that region's
/// features are added.
#[derive(Module, Debug)]
struct TokenAttention {
    query: Dense,
    key: Dense,
    value: Dense,
    output: Dense,
}

impl TokenAttention {
    fn new(init: &Init<'_>, channels: usize, width: usize) -> Self {
        let deviation = 1.0 / (channels as f32).sqrt();
        Self {
            query: init.dense("attention.query", channels, width, deviation),
            key: init.dense("attention.key", channels, width, deviation),
            value: init.dense("attention.value", channels, width, deviation),
            output: init.dense("attention.output", width, channels, 0.1 / (width as f32).sqrt()),
        }
    }

    /// `x` `[n, c, h, w]`, `tokens` `[n, t, c]`, `bias` `[n, t]` (logarithms of the tokens' weights) to `[n, c, h, w]`.
    fn forward(&self, x: Tensor<4>, tokens: Tensor<3>, bias: Tensor<2>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let t = tokens.dims()[1];
        let positions = instance_norm(x).reshape([n, c, h * w]).swap_dims(1, 2); // [n, hw, c]
        let rows = |x: Tensor<3>, layer: &Dense| {
            let [n, rows, c] = x.dims();
            let y = layer.forward(x.reshape([n * rows, c])); // [n * rows, width]
            let width = y.dims()[1];
            y.reshape([n, rows, width])
        };
        let query = rows(positions, &self.query); // [n, hw, width]
        let key = rows(normalise_tokens(tokens.clone()), &self.key); // [n, t, width]
        let value = rows(tokens, &self.value); // [n, t, width]
        let width = query.dims()[2];
        let scores = query.matmul(key.swap_dims(1, 2)) / (width as f32).sqrt(); // [n, hw, t]
        let attention = softmax(scores + bias.reshape([n, 1, t]), 2); // [n, hw, t]
        let mixed = rows(attention.matmul(value), &self.output); // [n, hw, c]
        mixed.swap_dims(1, 2).reshape([n, c, h, w])
    }
}

/// Tokens to mean 0 and deviation 1 over the tokens of each channel, as instance normalisation does for the content.
fn normalise_tokens(tokens: Tensor<3>) -> Tensor<3> {
    let mean = tokens.clone().mean_dim(1); // [n, 1, c]
    let centred = tokens - mean; // [n, t, c]
    let variance = centred.clone().square().mean_dim(1); // [n, 1, c]
    centred / (variance + 1e-5).sqrt()
}

/// The picture and the features of the shared encoder, finest first.
pub(super) struct Levels {
    /// `[n, 3, h, w]`, `[n, widths[0], h, w]`, `[n, widths[1], h / 2, w / 2]`, `[.., h / 4, ..]`, `[.., h / 8, ..]`.
    pub(super) maps: [Tensor<4>; LEVELS],
}

/// The whole generator.
#[derive(Module, Debug)]
pub struct Generator {
    encode1: Conv,
    encode2: Conv,
    encode3: Conv,
    encode4: Conv,
    style_hidden: Dense,
    style_output: Dense,
    adapt4: Adapt,
    attention: TokenAttention,
    bottleneck: Vec<StyledBlock>,
    fuse3: Fuse,
    fuse2: Fuse,
    up1: Conv,
    adapt1: Adapt,
    paint: Conv,
    colours: Adapt,
}

/// Deviation of a picture's values below which its painting becomes as flat as it is.
const FLAT: f32 = 0.02;

/// 1 for pictures with something on them, `[n, 3, h, w]` to `[n, 1]`; less the flatter they are. Every normalisation
/// amplifies, and in a picture of one colour there is nothing but rounding errors to amplify.
fn liveliness(image: Tensor<4>) -> Tensor<2> {
    let (_, deviation) = channel_moments(image); // [n, 3]
    let least = EPS.sqrt(); // the deviation of a constant, as it is computed
    (deviation.mean_dim(1) - least).clamp(0.0, FLAT) / FLAT // [n, 1]
}

/// Shares of the content's own features at a quarter and at half the size: enough for edges, little enough at the finer
/// that strokes replace the photograph's texture.
const SHARES: [f32; 2] = [1.0, 0.5];

impl Generator {
    /// Draws initial weights. Residual branches start small: with larger ones training starts far from any picture, with
    /// burn's own initialisation features drown in the normalisation's epsilon.
    pub fn new(config: &FusionConfig, seed: u64, device: &Device) -> Self {
        let init = Init { seed, device };
        let [c1, c2, c3, c4] = config.widths;
        let hidden = config.style_width;
        let he = |inputs: usize| (2.0 / inputs as f32).sqrt();
        Self {
            encode1: init.conv("encode1", ConvConfig::same(3, c1, 3)),
            encode2: init.conv("encode2", ConvConfig::same(c1, c2, 3).stride(2)),
            encode3: init.conv("encode3", ConvConfig::same(c2, c3, 3).stride(2)),
            encode4: init.conv("encode4", ConvConfig::same(c3, c4, 3).stride(2)),
            style_hidden: init.dense("style_hidden", config.code_moments(), hidden, he(config.code_moments())),
            style_output: init.dense("style_output", hidden, hidden, he(hidden)),
            adapt4: Adapt::new(&init, "adapt4", c4, hidden),
            attention: TokenAttention::new(&init, c4, config.attention_width),
            bottleneck: (0..config.blocks)
                .map(|i| StyledBlock::new(&init, &format!("bottleneck.{i}"), c4, hidden))
                .collect(),
            fuse3: Fuse::new(&init, "fuse3", [c4, c3], hidden),
            fuse2: Fuse::new(&init, "fuse2", [c3, c2], hidden),
            up1: init.conv("up1", ConvConfig::same(c2, c1, 3).upsampled()),
            adapt1: Adapt::new(&init, "adapt1", c1, hidden),
            paint: init.conv("paint", ConvConfig::same(c1, 3, config.paint_kernel)),
            colours: Adapt::new(&init, "colours", 3, hidden),
        }
    }

    /// The encoder, shared by contents and styles: `[n, 3, h, w]` in `[0, 1]`, sides multiples of 8.
    pub(super) fn encode(&self, image: Tensor<4>) -> Levels {
        let x1 = relu(self.encode1.forward((image.clone() - 0.5) * 4.0)); // [n, c1, h, w]
        let x2 = relu(self.encode2.forward(x1.clone())); // [n, c2, h/2, w/2]
        let x3 = relu(self.encode3.forward(x2.clone())); // [n, c3, h/4, w/4]
        let x4 = relu(self.encode4.forward(x3.clone())); // [n, c4, h/8, w/8]
        Levels { maps: [image, x1, x2, x3, x4] }
    }

    /// A picture's code; see [`Code`].
    pub(super) fn code(&self, levels: &Levels) -> Code {
        Code::of(&levels.maps)
    }

    /// Paints the content's features with styles: `codes` with positive weights that sum to 1, each for the whole batch.
    pub(super) fn paint(&self, content: Levels, codes: &[(Code, f32)]) -> Tensor<4> {
        let style = self.style_vector(codes); // [n, hidden]
        let Blend { targets: [colours, target1, target2, target3, target4], tokens, bias } = Code::blend(codes);
        let [image, _, x2, x3, x4] = content.maps;
        let mut x = self.adapt4.forward(x4, target4, &style); // [n, c4, h/8, w/8]
        x = x.clone() + self.attention.forward(x, tokens, bias);
        for block in &self.bottleneck {
            x = block.forward(x, &style);
        }
        let x = self.fuse3.forward(x, x3, SHARES[0], target3, &style); // [n, c3, h/4, w/4]
        let x = self.fuse2.forward(x, x2, SHARES[1], target2, &style); // [n, c2, h/2, w/2]
        let x = relu(self.adapt1.forward(self.up1.forward(x), target1, &style)); // [n, c1, h, w]
        let colours = Target { deviation: colours.deviation * liveliness(image), ..colours };
        self.colours.forward(self.paint.forward(x), colours, &style) // [n, 3, h, w]
    }

    /// Moments through a small perceptron; several styles are mixed after it, where interpolation is smooth.
    fn style_vector(&self, codes: &[(Code, f32)]) -> Tensor<2> {
        let vector = |code: &Code| {
            let hidden = self.style_hidden.forward(code.moments.clone()); // [n, hidden]
            self.style_output.forward(burn::tensor::activation::leaky_relu(hidden, 0.2)) // [n, hidden]
        };
        let mut parts = codes.iter().map(|(code, weight)| vector(code) * *weight);
        let first = parts.next().expect("at least one style, checked by the caller");
        parts.fold(first, |sum, part| sum + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;

    /// Largest deviation of the colours of `content` painted in a lively style.
    fn deviation(content: impl Fn(usize, usize) -> f32) -> f32 {
        let device = Device::flex();
        let picture = |value: &dyn Fn(usize, usize) -> f32| {
            let values = (0..3).flat_map(|c| (0..64 * 64).map(move |i| value(i / 64 + c, i % 64))).collect();
            tensor::from_planar(values, 1, 64, 64, &device)
        };
        let generator = Generator::new(&FusionConfig::default(), 1, &device);
        let waves = |y: usize, x: usize| (0.5 + 0.4 * (x as f32 * 0.3 + y as f32 * 0.7).sin()).clamp(0.0, 1.0);
        let code = generator.code(&generator.encode(picture(&waves)));
        let painted = generator.paint(generator.encode(picture(&content)), &[(code, 1.0)]);
        let (_, deviation) = channel_moments(painted);
        tensor::scalar(deviation.max())
    }

    #[test]
    fn a_picture_of_one_colour_stays_one() {
        for grey in [0.0, 0.3, 1.0] {
            assert!(deviation(|_, _| grey) < 0.005, "{grey}");
        }
        assert!(deviation(|y, x| 0.5 + 0.1 * ((x / 8 + y / 8) % 2) as f32) > 0.1);
    }
}
