//! The discriminator.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::DcganConfig;
use crate::blocks::{BatchNorm, BatchStatistics, Conv, ConvConfig, PadMode, leaky_mask};
use crate::train::gan::{Build, DiscriminatorNet, Head, Verdict};

/// Slope of the rectifiers below zero.
const SLOPE: f32 = 0.2;

/// Halves a map's size.
#[derive(Module, Debug)]
struct Stage {
    conv: Conv,
    norm: Option<BatchNorm>,
}

/// Convolutions of kernel 4 and stride 2 down to the base grid, then the head.
#[derive(Module, Debug)]
pub struct DcganDiscriminator {
    stages: Vec<Stage>,
    head: Head,
    #[module(skip)]
    spectral: bool,
}

impl DcganDiscriminator {
    pub(super) fn new(build: &Build<DcganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        let mut widths = vec![3];
        // From half size down to the base grid.
        widths.extend(grid.widths(c.discriminator_width, c.discriminator_most).into_iter().rev().take(grid.doublings));
        let stage = |i: usize| Stage {
            conv: ConvConfig::same(widths[i], widths[i + 1], 4).stride(2).padding(1).pad_mode(PadMode::Zero).init(
                seed,
                &format!("discriminator.stages.{i}"),
                device,
            ),
            // The textbook leaves the first stage as it is.
            norm: (c.batch_norm && i > 0).then(|| BatchNorm::new(widths[i + 1], 0, device)),
        };
        let [rows, columns] = grid.base;
        let last = [widths[grid.doublings], rows, columns];
        Self {
            stages: (0..grid.doublings).map(stage).collect(),
            head: Head::new(last, build.classes.len(), &build.codes, c.spectral, seed, device),
            spectral: c.spectral,
        }
    }
}

impl DiscriminatorNet for DcganDiscriminator {
    fn judge(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Verdict {
        let mut statistics = BatchStatistics::Batch(Vec::new());
        let x = self.stages.iter().fold((images - 0.5) * 2.0, |x, stage| {
            let filters = stage.conv.filters(self.spectral);
            match &stage.norm {
                Some(norm) => norm.forward(filters.forward(x, 1.0), None, &mut statistics, SLOPE),
                None => filters.forward(x, SLOPE),
            } // [n, c', h / 2, w / 2]
        });
        let (logits, codes) = self.head.forward(x, labels);
        Verdict { logits, codes, taps: Vec::new() }
    }

    fn input_gradient(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Option<Tensor<4>> {
        if self.stages.iter().any(|stage| stage.norm.is_some()) {
            return None;
        }
        // Rectifiers are straight almost everywhere: where they bend, and so the whole forward pass, is constant.
        let mut x = (images.detach() - 0.5) * 2.0;
        let mut passed = Vec::new();
        for stage in &self.stages {
            let filters = stage.conv.filters(self.spectral);
            let [_, _, h, w] = x.dims();
            x = filters.forward(x, SLOPE).detach(); // [n, c', h / 2, w / 2]
            passed.push((filters, [h, w], leaky_mask(x.clone(), SLOPE)));
        }
        let slope = self.head.input_gradient(x, labels); // [n, c, rows, columns]
        let slope =
            passed.into_iter().rev().fold(slope, |slope, (filters, size, mask)| filters.adjoint(slope * mask, size));
        Some(slope * 2.0) // [n, 3, h, w]
    }
}
