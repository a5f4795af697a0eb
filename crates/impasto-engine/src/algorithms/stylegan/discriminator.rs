//! The discriminator.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::StyleganConfig;
use crate::blocks::{Conv, ConvConfig, Down, PadMode, SLOPE, leaky_mask, with_spread};
use crate::train::gan::{Build, DiscriminatorNet, Head, Verdict};

/// Residual halvings down to the base grid, then one logit of what is there.
#[derive(Module, Debug)]
pub struct StyleganDiscriminator {
    stem: Conv,
    stages: Vec<Down>,
    last: Conv,
    head: Head,
    #[module(skip)]
    spread: bool,
    #[module(skip)]
    spectral: bool,
}

impl StyleganDiscriminator {
    pub(super) fn new(build: &Build<StyleganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        let widths = grid.widths(c.discriminator_width, c.discriminator_most);
        let conv = |name: &str, inputs: usize, outputs: usize| {
            ConvConfig::same(inputs, outputs, 3).pad_mode(PadMode::Zero).init(
                seed,
                &format!("discriminator.{name}"),
                device,
            )
        };
        let stage = |level: usize| {
            let name = format!("discriminator.stages.{level}");
            Down::init(seed, &name, [widths[level + 1], widths[level]], device)
        };
        let [rows, columns] = grid.base;
        let last = [widths[0], rows, columns];
        Self {
            stem: conv("stem", 3, widths[grid.doublings]),
            stages: (0..grid.doublings).rev().map(stage).collect(),
            last: conv("last", widths[0] + usize::from(c.spread), widths[0]),
            head: Head::new(last, build.classes.len(), &build.codes, c.spectral, seed, device),
            spread: c.spread,
            spectral: c.spectral,
        }
    }
}

impl DiscriminatorNet for StyleganDiscriminator {
    fn judge(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Verdict {
        let x = self.stem.filters(self.spectral).forward((images - 0.5) * 2.0, SLOPE); // [n, c, h, w]
        let x = self.stages.iter().fold(x, |x, stage| stage.forward(x, self.spectral)); // [n, c', h / 2, w / 2]
        let x = if self.spread { with_spread(x) } else { x }; // [n, c (+ 1), rows, columns]
        let x = self.last.filters(self.spectral).forward(x, SLOPE); // [n, c, rows, columns]
        let (logits, codes) = self.head.forward(x, labels);
        Verdict { logits, codes, taps: Vec::new() }
    }

    fn input_gradient(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Option<Tensor<4>> {
        if self.spread {
            return None;
        }
        let [_, _, h, w] = images.dims();
        let [stem, last] = [&self.stem, &self.last].map(|conv| conv.filters(self.spectral));
        let first = stem.forward((images.detach() - 0.5) * 2.0, SLOPE).detach(); // [n, c, h, w]
        let (mut x, mut passed) = (first.clone(), Vec::new());
        for stage in &self.stages {
            let (y, back) = stage.pass(x, self.spectral); // [n, c', h / 2, w / 2]
            passed.push(back);
            x = y;
        }
        let [_, _, rows, columns] = x.dims();
        let x = last.forward(x, SLOPE).detach(); // [n, c, rows, columns]
        let slope = self.head.input_gradient(x.clone(), labels) * leaky_mask(x, SLOPE); // [n, c, rows, columns]
        let slope = last.adjoint(slope, [rows, columns]);
        let slope = passed.into_iter().rev().fold(slope, |slope, back| back.back(slope)); // [n, c, h, w]
        Some(stem.adjoint(slope * leaky_mask(first, SLOPE), [h, w]) * 2.0) // [n, 3, h, w]
    }
}
