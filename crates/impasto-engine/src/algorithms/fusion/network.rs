//! The generator: a shared micro encoder, a bottleneck in which the style's moments modulate every channel and its
//! tokens are attended to, and a resize-then-convolve decoder that takes on the style's second moments at every level,
//! down to the colours themselves.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::FusionConfig;
use super::code::{Blend, Code, LEVELS, Shares, Target};
use super::grain::Grain;
use crate::blocks::{Conv, ConvConfig, Dense, EPS, Gauge, Whole, channel_softmax, mixed};

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
        Dense::init(self.seed, name, [inputs, outputs], deviation, self.device)
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

    /// Gain and shift of normalised features, `[n, c]` each.
    fn modulation(&self, target: &Target, style: &Tensor<2>) -> [Tensor<2>; 2] {
        let [n, c] = target.mean.dims();
        let both = self.correct.forward(style.clone()); // [n, 2c]
        let gain = target.deviation.clone() * (both.clone().slice([0..n, 0..c]) + 1.0); // [n, c]
        let shift = target.mean.clone() + target.deviation.clone() * both.slice([0..n, c..2 * c]); // [n, c]
        [gain, shift]
    }

    /// `x` `[n, c, h, w]`, the map called `site`, and the style's statistics of as many channels to `[n, c, h, w]`, through
    /// a leaky rectifier of `slope` (1: none).
    fn forward<G: Gauge>(
        &self,
        x: Tensor<4>,
        target: &Target,
        style: &Tensor<2>,
        slope: f32,
        (site, gauge): (&str, &mut G),
    ) -> Result<Tensor<4>, G::Unknown> {
        let [gain, shift] = self.modulation(target, style);
        match &target.correlations {
            Some(correlations) => gauge.recolour(site, x, correlations.clone(), gain, shift, slope),
            None => Ok(gauge.norm(site, x, gain, shift)?.leaky(slope).settle()),
        }
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

    /// `x` `[n, from, h / 2, w / 2]` and the content's features `[n, to, h, w]` to `[n, to, h, w]`. The maps on the way
    /// are called `name.up`, `name.content`, `name.sum` and `name.refine`; the content is asked for when it is needed.
    fn forward<G: Gauge>(
        &self,
        x: Tensor<4>,
        content: impl FnOnce() -> Tensor<4>,
        share: f32,
        target: &Target,
        style: &Tensor<2>,
        (name, gauge): (&str, &mut G),
    ) -> Result<Tensor<4>, G::Unknown> {
        let x = gauge.plain_norm(&format!("{name}.up"), self.up.forward(x))?; // [n, to, h, w]
        let keep = (self.keep.forward(style.clone()) + 1.0) * share; // [n, to]
        let content = gauge.norm(&format!("{name}.content"), content(), keep.clone(), keep.zeros_like())?; // [n, to, h, w]
        let x = self.adapt.forward(x.plus(content), target, style, 0.0, (&format!("{name}.sum"), gauge))?;
        self.refine.forward(x, style, (&format!("{name}.refine"), gauge))
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

    /// `x` `[n, c, h, w]` to the same; the branch's map is called `site`.
    fn forward<G: Gauge>(
        &self,
        x: Tensor<4>,
        style: &Tensor<2>,
        (site, gauge): (&str, &mut G),
    ) -> Result<Tensor<4>, G::Unknown> {
        let [n, c, _, _] = x.dims();
        let both = self.affine.forward(style.clone()); // [n, 2c]
        let gain = both.clone().slice([0..n, 0..c]) + 1.0; // [n, c]
        let shift = both.slice([0..n, c..2 * c]); // [n, c]
        let branch = gauge.norm(site, self.first.forward(x.clone()), gain, shift)?;
        Ok(self.second.forward_map(branch.relu(), Some(x)))
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

    /// `normal`, normalised features `[n, c, h, w]`, `tokens` `[n, t, c]` and `bias` `[n, t]` (logarithms of the tokens'
    /// weights) to `[n, c, h, w]`.
    fn forward(&self, normal: Tensor<4>, tokens: Tensor<3>, bias: Tensor<2>) -> Tensor<4> {
        let [n, t, _] = tokens.dims();
        let rows = |x: Tensor<3>, layer: &Dense| {
            let [n, rows, c] = x.dims();
            let y = layer.forward(x.reshape([n * rows, c])); // [n * rows, width]
            let width = y.dims()[1];
            y.reshape([n, rows, width])
        };
        let query = self.query.at_positions(normal); // [n, width, h, w]
        let width = query.dims()[1];
        let key = rows(normalise_tokens(tokens.clone()), &self.key) / (width as f32).sqrt(); // [n, t, width]
        let value = rows(tokens, &self.value).swap_dims(1, 2); // [n, width, t]
        let scores = mixed(query, key) + bias.reshape([n, t, 1, 1]); // [n, t, h, w]
        let taken = mixed(channel_softmax(scores), value); // [n, width, h, w]
        self.output.at_positions(taken) // [n, c, h, w]
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

/// What the encoder's maps are called, finest first; those that are fused are called after where.
pub(super) const CONTENT: [&str; LEVELS] = ["content", "encode1", "fuse2.content", "fuse3.content", "encode4"];

/// Styles as the stages of painting take them.
#[derive(Debug, Clone)]
pub(super) struct Guide {
    /// Of each layer, from coarse to fine, `[n, hidden]`.
    style: [Tensor<2>; 3],
    blend: Blend,
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

/// 1 for pictures with something on them, less the flatter they are: the deviations of their channels, `[n, 3]`, to
/// `[n, 1]`. Every normalisation amplifies, and in a picture of one colour there is nothing but rounding errors to
/// amplify.
fn liveliness(deviation: Tensor<2>) -> Tensor<2> {
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

    /// The same with an encoder that is not trained.
    pub(super) fn with_fixed_encoder(self) -> Self {
        Self {
            encode1: self.encode1.no_grad(),
            encode2: self.encode2.no_grad(),
            encode3: self.encode3.no_grad(),
            encode4: self.encode4.no_grad(),
            ..self
        }
    }

    /// The encoder, shared by contents and styles: `[n, 3, h, w]` in `[0, 1]`, sides multiples of 8.
    pub(super) fn encode(&self, image: Tensor<4>) -> Levels {
        let x1 = self.full(image.clone()); // [n, c1, h, w]
        let x2 = self.encode2.forward_relu(x1.clone()); // [n, c2, h/2, w/2]
        let x3 = self.encode3.forward_relu(x2.clone()); // [n, c3, h/4, w/4]
        let x4 = self.encode4.forward_relu(x3.clone()); // [n, c4, h/8, w/8]
        Levels { maps: [image, x1, x2, x3, x4] }
    }

    /// What [`Generator::encode`] gave, with a grain in the features that are fused; the coarsest stay as they are, in which noise
    /// would become clouds.
    /// The picture begins at `origin` of the whole.
    pub(super) fn grained(&self, levels: Levels, grain: Grain, origin: [usize; 2]) -> Levels {
        if grain.amount == 0.0 {
            return levels;
        }
        let [image, x1, _, _, x4] = levels.maps;
        let x2 = self.half(grain.on(image.clone(), origin)); // [n, c2, h/2, w/2]
        let x3 = self.encode3.forward_relu(x2.clone()); // [n, c3, h/4, w/4]
        Levels { maps: [image, x1, x2, x3, x4] }
    }

    fn full(&self, image: Tensor<4>) -> Tensor<4> {
        self.encode1.forward_relu((image - 0.5) * 4.0) // [n, c1, h, w]
    }

    /// The encoder's features at half the size: `[n, 3, h, w]` to `[n, c2, h/2, w/2]`.
    pub(super) fn half(&self, image: Tensor<4>) -> Tensor<4> {
        self.encode2.forward_relu(self.full(image)) // [n, c2, h/2, w/2]
    }

    /// The encoder's features at a quarter of the size: `[n, 3, h, w]` to `[n, c3, h/4, w/4]`.
    pub(super) fn quarter(&self, image: Tensor<4>) -> Tensor<4> {
        self.encode3.forward_relu(self.half(image)) // [n, c3, h/4, w/4]
    }

    /// A picture's code; see [`Code`].
    pub(super) fn code(&self, levels: &Levels) -> Code {
        Code::of(&levels.maps)
    }

    /// Paints the content's features with styles: `codes` with weights that sum to 1, each for the whole batch.
    pub(super) fn paint(&self, content: Levels, codes: &[(Code, f32)]) -> Tensor<4> {
        let codes: Vec<(Code, Shares)> = codes.iter().map(|(code, weight)| (code.clone(), [*weight; 3])).collect();
        self.paint_layers(content, &codes)
    }

    /// [`Generator::paint`] with weights of their own in each layer.
    pub(super) fn paint_layers(&self, content: Levels, codes: &[(Code, Shares)]) -> Tensor<4> {
        let guide = self.guide(codes);
        let [image, _, x2, x3, x4] = content.maps;
        let painted = self.bottleneck(x4, &guide, &mut Whole).and_then(|x| {
            let x = self.fuse_quarter(x, || x3, &guide, &mut Whole)?;
            let x = self.fuse_half(x, || x2, &guide, &mut Whole)?;
            self.colours(x, image, &guide, &mut Whole)
        });
        let Ok(painted) = painted;
        painted
    }

    /// What the stages of painting take of styles: `codes` as for [`Generator::paint_layers`].
    pub(super) fn guide(&self, codes: &[(Code, Shares)]) -> Guide {
        Guide { style: self.style_vectors(codes), blend: Code::blend(codes) }
    }

    /// First stage: the coarsest features `[n, c4, h/8, w/8]` take on the style, to the same shape.
    pub(super) fn bottleneck<G: Gauge>(
        &self,
        x: Tensor<4>,
        Guide { style, blend }: &Guide,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        let [style, _, _] = style;
        let [gain, shift] = self.adapt4.modulation(&blend.targets[4], style);
        let x = gauge.norm(CONTENT[4], x, gain.clone(), shift.clone())?.settle(); // [n, c4, h/8, w/8]
        let normal = gauge.norm_again(CONTENT[4], x.clone(), gain, shift)?.settle();
        let mut x = x + self.attention.forward(normal, blend.tokens.clone(), blend.bias.clone());
        for (i, block) in self.bottleneck.iter().enumerate() {
            x = block.forward(x, style, (&format!("bottleneck.{i}"), gauge))?;
        }
        Ok(x)
    }

    /// Second stage: `x` `[n, c4, h/8, w/8]` of the first and the content's `[n, c3, h/4, w/4]` to `[n, c3, h/4, w/4]`.
    pub(super) fn fuse_quarter<G: Gauge>(
        &self,
        x: Tensor<4>,
        content: impl FnOnce() -> Tensor<4>,
        Guide { style, blend }: &Guide,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        self.fuse3.forward(x, content, SHARES[0], &blend.targets[3], &style[1], ("fuse3", gauge))
    }

    /// Third stage: `x` `[n, c3, h/4, w/4]` of the second and the content's `[n, c2, h/2, w/2]` to a picture
    /// `[n, 3, h, w]` whose colours are not yet the style's.
    pub(super) fn fuse_half<G: Gauge>(
        &self,
        x: Tensor<4>,
        content: impl FnOnce() -> Tensor<4>,
        Guide { style, blend }: &Guide,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        let [_, middle, fine] = style;
        let x = self.fuse2.forward(x, content, SHARES[1], &blend.targets[2], middle, ("fuse2", gauge))?;
        let x = self.adapt1.forward(self.up1.forward(x), &blend.targets[1], fine, 0.0, ("up1", gauge))?; // [n, c1, h, w]
        Ok(self.paint.forward(x)) // [n, 3, h, w]
    }

    /// Last stage: the picture `x` `[n, 3, h, w]` of the third takes on the style's colours, as far as there is
    /// something on the content `image` `[n, 3, h, w]`.
    pub(super) fn colours<G: Gauge>(
        &self,
        x: Tensor<4>,
        image: Tensor<4>,
        Guide { style, blend }: &Guide,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        let lively = liveliness(gauge.deviation(CONTENT[0], image)?); // [n, 1]
        let target = blend.targets[0].clone();
        let target = Target { deviation: target.deviation * lively, ..target };
        self.colours.forward(x, &target, &style[2], 1.0, ("colours", gauge))
    }

    /// Moments through a small perceptron; several styles are mixed after it, where interpolation is smooth.
    fn style_vectors(&self, codes: &[(Code, Shares)]) -> [Tensor<2>; 3] {
        let vector = |code: &Code| {
            let hidden = self.style_hidden.forward(code.moments.clone()); // [n, hidden]
            let seen = self.style_output.forward(burn::tensor::activation::leaky_relu(hidden, 0.2)); // [n, hidden]
            match code.hand() {
                Some(hand) => seen + hand.clone(), // [n, hidden]
                None => seen,
            }
        };
        let vectors: Vec<Tensor<2>> = codes.iter().map(|(code, _)| vector(code)).collect();
        let mixed = |layer: usize| {
            let mut parts = vectors.iter().zip(codes).map(|(vector, (_, shares))| vector.clone() * shares[layer]);
            let first = parts.next().expect("at least one style, checked by the caller");
            parts.fold(first, |sum, part| sum + part)
        };
        let alike = codes.iter().all(|(_, [coarse, middle, fine])| coarse == middle && middle == fine);
        match alike {
            true => {
                let style = mixed(0);
                [style.clone(), style.clone(), style]
            }
            false => std::array::from_fn(mixed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::channel_moments;
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
