//! The discriminator.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::FastganConfig;
use crate::blocks::{Conv, ConvConfig, Dense, Down, Embedding, PadMode, SLOPE, avg_pool2, gated, leaky_mask};
use crate::train::gan::{Build, DiscriminatorNet, Verdict};

/// Enlarges a map and paints a picture.
#[derive(Module, Debug)]
struct Decoder {
    stages: Vec<Conv>,
    colour: Conv,
}

impl Decoder {
    /// With so many doublings, and `width` channels at the end, twice as many before each doubling.
    fn init(seed: u64, name: &str, channels: usize, doublings: usize, width: usize, device: &Device) -> Self {
        let zeros = |config: ConvConfig| config.pad_mode(PadMode::Zero);
        let mut before = channels;
        let mut stage = |i: usize| {
            let now = channels.min(width << (doublings - 1 - i));
            let config = ConvConfig::same(before, 2 * now, 3).upsampled();
            before = now;
            zeros(config).init(seed, &format!("{name}.{i}"), device)
        };
        let stages = (0..doublings).map(&mut stage).collect();
        let colour = zeros(ConvConfig::same(before, 3, 3)).init_gain(0.5);
        Self { stages, colour: colour.init(seed, &format!("{name}.colour"), device) }
    }

    /// `[n, c, h, w]` to a picture `[n, 3, h << doublings, w << doublings]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.stages.iter().fold(x, |x, stage| gated(stage.forward(x))); // [n, c', 2h, 2w]
        sigmoid(self.colour.forward(x))
    }
}

/// Decoders of the whole picture at half its size and of one quarter of it in full.
#[derive(Module, Debug)]
struct Decoders {
    whole: Decoder,
    part: Decoder,
}

/// Halves the picture again and again. Every position of the base grid has a logit of the whole picture and one of its
/// own part.
#[derive(Module, Debug)]
pub struct FastganDiscriminator {
    /// To half size.
    stem: Conv,
    stages: Vec<Down>,
    /// From the base grid, each position by itself. What follows is linear: classes are compared here.
    whole: Conv,
    whole_logit: Conv,
    /// From the map before the base grid.
    part: Conv,
    part_logit: Conv,
    classes: Option<Embedding>,
    codes: Option<Dense>,
    decoders: Option<Decoders>,
    #[module(skip)]
    spectral: bool,
}

impl FastganDiscriminator {
    pub(super) fn new(build: &Build<FastganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        // By level, from the base grid to half size.
        let widths = &grid.widths(c.discriminator_width, c.discriminator_most)[1..];
        let doublings = grid.doublings;
        let halving = |inputs: usize, outputs: usize| ConvConfig::same(inputs, outputs, 4).stride(2).padding(1);
        let draw = |name: &str, config: ConvConfig| {
            config.pad_mode(PadMode::Zero).init(seed, &format!("discriminator.{name}"), device)
        };
        let stage = |level: usize| {
            let name = format!("discriminator.stages.{level}");
            Down::init(seed, &name, [widths[level + 1], widths[level]], device)
        };
        let [rows, columns] = grid.base;
        let inputs = widths[0] * rows * columns;
        let decoders = || {
            let decoder = |name: &str, level: usize, doublings: usize| {
                let name = format!("discriminator.decoders.{name}");
                Decoder::init(seed, &name, widths[level], doublings, c.decoder_width, device)
            };
            let level = 2.min(doublings - 1);
            Decoders { whole: decoder("whole", 1, doublings - 2), part: decoder("part", level, doublings - level) }
        };
        Self {
            stem: draw("stem", halving(3, widths[doublings - 1])),
            stages: (0..doublings - 1).rev().map(stage).collect(),
            whole: draw("whole", ConvConfig::same(widths[0], widths[0], 1)),
            whole_logit: draw("whole_logit", ConvConfig::same(widths[0], 1, 3).init_gain(0.7)),
            part: draw("part", halving(widths[1], widths[0])),
            part_logit: draw("part_logit", ConvConfig::same(widths[0], 1, 1).init_gain(0.7)),
            classes: (!build.classes.is_empty()).then(|| {
                let shape = [build.classes.len(), widths[0]];
                let deviation = 1.0 / (widths[0] as f32).sqrt();
                Embedding::init(seed, "discriminator.classes", shape, deviation, device)
            }),
            codes: (!build.codes.is_empty()).then(|| {
                let shape = [inputs, build.codes.len()];
                Dense::init(seed, "discriminator.codes", shape, 1.0 / (inputs as f32).sqrt(), device)
            }),
            decoders: (c.decoder_width > 0).then(decoders),
            spectral: c.spectral,
        }
    }

    /// What stands for the classes, `[n, c, 1, 1]`.
    fn class(&self, labels: Option<Tensor<2>>) -> Option<Tensor<4>> {
        let vectors = self.classes.as_ref()?.forward(labels?); // [n, c]
        let [n, c] = vectors.dims();
        Some(vectors.reshape([n, c, 1, 1]))
    }
}

impl DiscriminatorNet for FastganDiscriminator {
    fn judge(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Verdict {
        let n = images.dims()[0];
        let stem = self.stem.filters(self.spectral).forward((images - 0.5) * 2.0, SLOPE); // [n, c, h / 2, w / 2]
        let mut maps = vec![stem];
        for stage in &self.stages {
            maps.push(stage.forward(maps[maps.len() - 1].clone(), self.spectral)); // [n, c', h / 2, w / 2]
        }
        let base = maps[maps.len() - 1].clone(); // [n, c, rows, columns]
        let [_, c, rows, columns] = base.dims();
        let own = maps[maps.len() - 2].clone(); // [n, c, 2 * rows, 2 * columns]
        let flat = |x: Tensor<4>| x.reshape([n, rows * columns]);

        let hidden = self.whole.filters(self.spectral).forward(base.clone(), SLOPE); // [n, c, rows, columns]
        let mut whole = self.whole_logit.filters(self.spectral).forward(hidden.clone(), 1.0); // [n, 1, rows, columns]
        if let Some(class) = self.class(labels) {
            whole = whole + (hidden * class).sum_dim(1); // [n, 1, rows, columns]
        }
        let part = self.part.filters(self.spectral).forward(own.clone(), SLOPE); // [n, c, rows, columns]
        let part = self.part_logit.filters(self.spectral).forward(part, 1.0); // [n, 1, rows, columns]
        let coarse = maps.len().saturating_sub(3);
        Verdict {
            logits: Tensor::cat(vec![flat(whole), flat(part)], 1), // [n, 2 * rows * columns]
            codes: self.codes.as_ref().map(|codes| codes.forward(base.reshape([n, c * rows * columns]))),
            taps: vec![own, maps[coarse].clone()],
        }
    }

    fn rebuilt(&self, verdict: &Verdict, images: &Tensor<4>, part: u64) -> Option<Tensor<1>> {
        let decoders = self.decoders.as_ref()?;
        let [whole, fine] = verdict.taps.as_slice() else { return None };
        let error = |made: Tensor<4>, wanted: Tensor<4>| {
            let difference = made - wanted;
            difference.clone().abs().mean() + difference.square().mean()
        };
        // One quarter of a map or picture.
        let quarter = |x: &Tensor<4>| {
            let [_, _, h, w] = x.dims();
            let (row, column) = (part as usize / 2 % 2, part as usize % 2);
            x.clone().narrow(2, row * h / 2, h / 2).narrow(3, column * w / 2, w / 2)
        };
        let whole = error(decoders.whole.forward(whole.clone()), avg_pool2(images.clone()));
        let part = error(decoders.part.forward(quarter(fine)), quarter(images));
        Some(whole + part)
    }

    fn input_gradient(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Option<Tensor<4>> {
        let [n, _, h, w] = images.dims();
        let size = |x: &Tensor<4>| {
            let [_, _, h, w] = x.dims();
            [h, w]
        };
        let stem = self.stem.filters(self.spectral);
        let first = stem.forward((images.detach() - 0.5) * 2.0, SLOPE).detach(); // [n, c, h / 2, w / 2]
        let (mut x, mut own, mut passed) = (first.clone(), first.clone(), Vec::new());
        for stage in &self.stages {
            own = x.clone();
            let (y, back) = stage.pass(x, self.spectral); // [n, c', h / 2, w / 2]
            passed.push(back);
            x = y;
        }
        let [part, part_logit, whole, whole_logit] =
            [&self.part, &self.part_logit, &self.whole, &self.whole_logit].map(|conv| conv.filters(self.spectral));
        let mask = leaky_mask(part.forward(own.clone(), SLOPE), SLOPE); // [n, c, rows, columns]
        let base = size(&x);
        let ones = Tensor::ones([n, 1, base[0], base[1]], (&x.device(), x.dtype()));
        let from_part = part.adjoint(part_logit.adjoint(ones.clone(), base) * mask, size(&own)); // [n, c, 2r, 2c]
        let mut slope = whole_logit.adjoint(ones, base); // [n, c, rows, columns]
        if let Some(class) = self.class(labels) {
            slope = slope + class;
        }
        let mask = leaky_mask(whole.forward(x, SLOPE), SLOPE); // [n, c, rows, columns]
        slope = whole.adjoint(slope * mask, base); // [n, c, rows, columns]
        let mut passed = passed.into_iter().rev();
        // The last stage leads from the map that parts are judged by to the base grid.
        slope = passed.next()?.back(slope) + from_part; // [n, c, 2r, 2c]
        slope = passed.fold(slope, |slope, back| back.back(slope));
        Some(stem.adjoint(slope * leaky_mask(first, SLOPE), [h, w]) * 2.0) // [n, 3, h, w]
    }
}
