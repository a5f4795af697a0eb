//! The generator.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::DcganConfig;
use crate::blocks::{BatchNorm, BatchStatistics, Conv, ConvConfig, Dense, NORMED_DEVIATION, PadMode, settle};
use crate::generator::{Form, Synthesis};
use crate::train::gan::{Build, Draw, GeneratorNet, Grid, Latents, Mode};

/// Gain on the initial weights of the last convolution: pictures begin as a faint grey.
const COLOUR_GAIN: f32 = 0.3;

/// Doubles a map's size: enlarge, convolve, normalise, rectify.
#[derive(Module, Debug)]
struct Stage {
    conv: Conv,
    norm: BatchNorm,
}

/// A fully connected layer to the base grid, then stages that double its size, then the colours.
#[derive(Module, Debug)]
pub struct DcganGenerator {
    latents: Latents,
    /// `[style, c * rows * columns]` of the base grid.
    project: Dense,
    first: BatchNorm,
    stages: Vec<Stage>,
    colour: Conv,
    #[module(skip)]
    form: Form,
    #[module(skip)]
    grid: Grid,
}

impl DcganGenerator {
    pub(super) fn new(build: &Build<DcganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        let widths = grid.widths(c.width, c.most);
        let latents = Latents::new(build.classes.len(), c.class_width, seed, device);
        let form = build.form(c.latent, latents.class_width(), 1);
        let class = latents.class_width();
        let zeros = |config: ConvConfig| config.pad_mode(PadMode::Zero);
        let stage = |i: usize| Stage {
            conv: zeros(ConvConfig::same(widths[i], widths[i + 1], 3).upsampled().normed()).init(
                seed,
                &format!("generator.stages.{i}"),
                device,
            ),
            norm: BatchNorm::new(widths[i + 1], class, device),
        };
        let outputs = widths[0] * grid.base[0] * grid.base[1];
        Self {
            project: Dense::init(seed, "generator.project", [form.width, outputs], NORMED_DEVIATION, device),
            first: BatchNorm::new(widths[0], class, device),
            stages: (0..grid.doublings).map(stage).collect(),
            colour: zeros(ConvConfig::same(c.width, 3, 3)).init_gain(COLOUR_GAIN).init(
                seed,
                "generator.colour",
                device,
            ),
            latents,
            form,
            grid,
        }
    }

    /// Styles `[n, width]` to pictures.
    fn forward(&self, styles: Tensor<2>, wrap: bool, statistics: &mut BatchStatistics) -> Tensor<4> {
        let n = styles.dims()[0];
        let class = self.latents.class(&styles);
        let flat = self.project.forward(styles); // [n, c * rows * columns]
        let [rows, columns] = self.grid.base;
        let channels = flat.dims()[1] / (rows * columns);
        let x = flat.reshape([n, channels, rows, columns]); // [n, c, rows, columns]
        let x = self.first.forward(x, class.as_ref(), statistics, 0.0);
        let x = self.stages.iter().fold(x, |x, stage| {
            let x = stage.conv.forward_bordered(x, 1.0, wrap); // [n, c', 2h, 2w]
            stage.norm.forward(x, class.as_ref(), statistics, 0.0)
        });
        let image = self.form.painted(self.colour.forward_bordered(x, 1.0, wrap)); // [n, 3, h, w]
        image.tanh() * 0.5 + 0.5
    }

    /// Layers with statistics, in the order they are computed in.
    fn norms(&mut self) -> Vec<&mut BatchNorm> {
        std::iter::once(&mut self.first).chain(self.stages.iter_mut().map(|stage| &mut stage.norm)).collect()
    }
}

impl GeneratorNet for DcganGenerator {
    fn form(&self) -> &Form {
        &self.form
    }

    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3> {
        self.latents.join(latents, labels).unsqueeze_dim(1) // [n, 1, width]
    }

    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis, mode: Mode) -> Tensor<4> {
        let [n, _, width] = styles.dims();
        self.forward(styles.reshape([n, width]), synthesis.wrap, &mut mode.statistics())
    }

    fn calibrated(mut self, batches: &[Draw]) -> Self {
        let quiet = self.clone().no_grad();
        let batches = Draw::moments(batches, |draw, statistics| {
            let styles = quiet.latents.join(draw.latents.clone(), draw.labels.clone()); // [n, width]
            quiet.forward(styles, draw.synthesis.wrap, statistics);
        });
        settle(self.norms(), &batches);
        self
    }

    fn centre(&self) -> Tensor<3> {
        self.latents.centre(&self.form, &self.project.weight.device())
    }

    fn style_matrix(&self, _: usize) -> Tensor<2> {
        self.project.weight.val().transpose() // [outputs, width]
    }
}
