//! The generator: a shared micro encoder, a bottleneck in which the style's moments modulate every channel and its
//! tokens are attended to, and a resize-then-convolve decoder with modulated skips.

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::FusionConfig;
use super::code::{Code, GRID};
use crate::blocks::{Conv, ConvConfig, instance_norm, modulated_norm, relu};
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

/// Adaptive instance normalisation: the content's channels take on the style's deviations and means at the same level,
/// corrected by what a small perceptron makes of the whole style. The direct path makes colours right from the first
/// steps on; with the perceptron alone they come thousands of steps later.
#[derive(Module, Debug)]
struct Adapt {
    /// From the style vector to corrections of gain and shift, `[hidden, 2 * channels]`.
    correct: Dense,
}

impl Adapt {
    fn new(init: &Init<'_>, name: &str, channels: usize, hidden: usize) -> Self {
        Self { correct: init.dense(name, hidden, 2 * channels, 0.1 / (hidden as f32).sqrt()) }
    }

    /// `x` `[n, c, h, w]` and the style's `mean` and `deviation` `[n, c]` of the same features to `[n, c, h, w]`.
    fn forward(&self, x: Tensor<4>, [mean, deviation]: [Tensor<2>; 2], style: &Tensor<2>) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let both = self.correct.forward(style.clone()); // [n, 2c]
        let gain = deviation.clone() * (both.clone().slice([0..n, 0..c]) + 1.0); // [n, c]
        let shift = mean + deviation * both.slice([0..n, c..2 * c]); // [n, c]
        modulated_norm(x, gain, shift)
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

/// The features of the shared encoder, finest first.
pub(super) struct Levels {
    /// `[n, widths[0], h, w]`, `[n, widths[1], h / 2, w / 2]`, `[.., h / 4, ..]`, `[.., h / 8, ..]`.
    pub(super) maps: [Tensor<4>; 4],
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
    up3: Conv,
    adapt3: Adapt,
    refine3: StyledBlock,
    up2: Conv,
    adapt2: Adapt,
    refine2: StyledBlock,
    up1: Conv,
    paint: Conv,
}

/// Share of the finest skip: enough for edges, little enough that strokes replace the photograph's texture.
const SKIP2: f32 = 0.5;

/// Floor under the weight of a style, so that its logarithm stays finite.
const MIN_WEIGHT: f32 = 1e-6;

impl Generator {
    /// Draws initial weights. Residual branches start small and the output layer smaller: with larger ones training
    /// starts far from any picture, with burn's own initialisation features drown in the normalisation's epsilon.
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
            up3: init.conv("up3", ConvConfig::same(c4, c3, 3).upsampled().init_gain(0.7)),
            adapt3: Adapt::new(&init, "adapt3", c3, hidden),
            refine3: StyledBlock::new(&init, "refine3", c3, hidden),
            up2: init.conv("up2", ConvConfig::same(c3, c2, 3).upsampled().init_gain(0.7)),
            adapt2: Adapt::new(&init, "adapt2", c2, hidden),
            refine2: StyledBlock::new(&init, "refine2", c2, hidden),
            up1: init.conv("up1", ConvConfig::same(c2, c1, 3).upsampled()),
            paint: init.conv("paint", ConvConfig::same(c1, 3, config.paint_kernel).init_gain(0.15)),
        }
    }

    /// The encoder, shared by contents and styles: `[n, 3, h, w]` in `[0, 1]`, sides multiples of 8.
    pub(super) fn encode(&self, image: Tensor<4>) -> Levels {
        let x1 = relu(self.encode1.forward((image - 0.5) * 4.0)); // [n, c1, h, w]
        let x2 = relu(self.encode2.forward(x1.clone())); // [n, c2, h/2, w/2]
        let x3 = relu(self.encode3.forward(x2.clone())); // [n, c3, h/4, w/4]
        let x4 = relu(self.encode4.forward(x3.clone())); // [n, c4, h/8, w/8]
        Levels { maps: [x1, x2, x3, x4] }
    }

    /// A picture's code; see [`Code`].
    pub(super) fn code(&self, levels: &Levels) -> Code {
        Code::of(&levels.maps)
    }

    /// Paints the content's features with styles: `codes` with positive weights that sum to 1, each for the whole batch.
    pub(super) fn paint(&self, content: Levels, codes: &[(Code, f32)]) -> Tensor<4> {
        let style = self.style_vector(codes); // [n, hidden]
        let (tokens, bias) = merge_tokens(codes); // [n, t, c4], [n, t]
        let [x1, x2, x3, x4] = content.maps;
        let widths = [&x1, &x2, &x3, &x4].map(|x| x.dims()[1]);
        let moments = |level: usize| merge_moments(codes, &widths, level); // two of [n, c]
        let mut x = self.adapt4.forward(x4, moments(3), &style); // [n, c4, h/8, w/8]
        x = x.clone() + self.attention.forward(x, tokens, bias);
        for block in &self.bottleneck {
            x = block.forward(x, &style);
        }
        let x = self.up3.forward(x) + self.adapt3.forward(x3, moments(2), &style); // [n, c3, h/4, w/4]
        let x = self.refine3.forward(relu(x), &style);
        let x = self.up2.forward(x) + self.adapt2.forward(x2, moments(1), &style) * SKIP2; // [n, c2, h/2, w/2]
        let x = self.refine2.forward(relu(x), &style);
        let x = relu(self.up1.forward(x)); // [n, c1, h, w]
        self.paint.forward(x) + 0.5 // [n, 3, h, w]
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

/// The weighted mean of the styles' means and deviations at one level, two of `[n, widths[level]]`.
fn merge_moments(codes: &[(Code, f32)], widths: &[usize; 4], level: usize) -> [Tensor<2>; 2] {
    let mut parts = codes.iter().map(|(code, weight)| code.moments_of(widths, level).map(|m| m * *weight));
    let first = parts.next().expect("at least one style, checked by the caller");
    parts.fold(first, |[mean, deviation], [m, d]| [mean + m, deviation + d])
}

/// All styles' tokens side by side, with the logarithm of each style's weight as attention bias.
fn merge_tokens(codes: &[(Code, f32)]) -> (Tensor<3>, Tensor<2>) {
    let tokens = codes.iter().map(|(code, _)| code.tokens.clone()).collect::<Vec<_>>();
    let n = tokens[0].dims()[0];
    let device = tokens[0].device();
    let bias =
        codes.iter().map(|(_, weight)| Tensor::full([n, GRID * GRID], weight.max(MIN_WEIGHT).ln(), &device)).collect();
    (Tensor::cat(tokens, 1), Tensor::cat(bias, 1))
}
