//! The generator.

use burn::module::{Module, Param};
use burn::tensor::activation::{leaky_relu, sigmoid};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};

use super::FastganConfig;
use crate::blocks::{
    BatchNorm, BatchStatistics, Conv, ConvConfig, Dense, NORMED_DEVIATION, PadMode, SelfAttention, gated, scaled,
    settle, with_noise,
};
use crate::generator::{Form, Synthesis};
use crate::tensor::values;
use crate::train::gan::{Build, Draw, GeneratorNet, Grid, Latents, Mode};

/// Gain on the initial weights of the last convolution: pictures begin as a faint grey.
const COLOUR_GAIN: f32 = 0.5;

/// Rows and columns of what gates are made from.
const GATE_GRID: usize = 4;

/// Whether the map after so many doublings is convolved twice.
pub(super) fn is_refined(level: usize, doublings: usize) -> bool {
    level % 2 == 1 && level < doublings
}

/// Doublings from the map that gates are made from to the map that they gate.
fn reach(doublings: usize) -> usize {
    doublings.saturating_sub(1).clamp(2, 4)
}

/// Maps that gates are made from, the coarsest first; none of them is gated itself.
fn sources(doublings: usize) -> usize {
    (doublings + 1 - reach(doublings)).min(reach(doublings))
}

/// What all layers of a pass are given.
struct Pass<'a> {
    synthesis: &'a Synthesis,
    class: Option<Tensor<2>>,
    statistics: &'a mut BatchStatistics,
}

/// A convolution with noise, a normalisation and gated linear units.
#[derive(Module, Debug)]
struct Layer {
    conv: Conv,
    /// Of noise, `[2c]`; begins at 0.
    strength: Param<Tensor<1>>,
    norm: BatchNorm,
    /// Its place among layers with noise.
    #[module(skip)]
    index: usize,
}

impl Layer {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<4> {
        let x = self.conv.forward_bordered(x, 1.0, pass.synthesis.wrap); // [n, 2c, h', w']
        let ([_, c, h, w], device) = (x.dims(), x.device());
        let x = match pass.synthesis.noise.layer(self.index, [h, w], &device) {
            // The normalisation behind has a shift of its own.
            Some(noise) => with_noise(x, Some(noise), self.strength.val(), Tensor::zeros([c], &device)),
            None => x,
        };
        gated(self.norm.forward(x, pass.class.as_ref(), pass.statistics, 1.0)) // [n, c, h', w']
    }
}

/// Doubles a map's size.
#[derive(Module, Debug)]
struct Stage {
    up: Layer,
    refine: Option<Layer>,
    attention: Option<SelfAttention>,
}

impl Stage {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<4> {
        let x = self.up.forward(x, pass); // [n, c, 2h, 2w]
        let x = match &self.refine {
            Some(refine) => refine.forward(x, pass),
            None => x,
        };
        match &self.attention {
            Some(attention) => attention.forward(x),
            None => x,
        }
    }
}

/// Skip-layer excitation: a factor for each channel of a fine map, made from a coarse one.
#[derive(Module, Debug)]
struct Excite {
    squeeze: Dense,
    gates: Dense,
}

impl Excite {
    fn init(seed: u64, name: &str, [coarse, fine]: [usize; 2], device: &Device) -> Self {
        let inputs = coarse * GATE_GRID * GATE_GRID;
        let dense = |part: &str, shape: [usize; 2], gain: f32| {
            Dense::init(seed, &format!("{name}.{part}"), shape, (gain / shape[0] as f32).sqrt(), device)
        };
        Self { squeeze: dense("squeeze", [inputs, fine], 2.0), gates: dense("gates", [fine, fine], 1.0) }
    }

    /// `[n, coarse, h, w]` to `[n, fine]`, each in `(0, 1)`.
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let [n, c, h, w] = x.dims();
        let x = if [h, w] == [GATE_GRID; 2] { x } else { adaptive_avg_pool2d(x, [GATE_GRID; 2]) };
        let flat = x.reshape([n, c * GATE_GRID * GATE_GRID]); // [n, c * GATE_GRID^2]
        let squeezed = self.squeeze.forward(flat); // [n, fine]
        sigmoid(self.gates.forward(leaky_relu(squeezed, 0.1)))
    }
}

/// From the latent to the base grid and by stages to full size, the last of which are gated by the first.
#[derive(Module, Debug)]
pub struct FastganGenerator {
    latents: Latents,
    /// `[style, c * rows * columns]` of the base grid.
    project: Dense,
    first: BatchNorm,
    stages: Vec<Stage>,
    /// One for each source, the coarsest first.
    excite: Vec<Excite>,
    colour: Conv,
    #[module(skip)]
    form: Form,
    #[module(skip)]
    grid: Grid,
}

impl FastganGenerator {
    pub(super) fn new(build: &Build<FastganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        let widths = grid.widths(c.width, c.most);
        let latents = Latents::new(build.classes.len(), c.class_width, seed, device);
        let class = latents.class_width();
        // A style for the trunk, and one for what gates are made from.
        let form = build.form(c.latent, class, 2);
        let attention = grid.level_of(c.attention).ok().flatten();
        let mut index = 0;
        let mut layer = |name: String, config: ConvConfig| {
            index += 1;
            Layer {
                conv: config.pad_mode(PadMode::Zero).normed().init(seed, &name, device),
                strength: Param::from_data(TensorData::zeros::<f32, _>([config.channels_out]), device),
                norm: BatchNorm::new(config.channels_out, class, device),
                index: index - 1,
            }
        };
        let stages = (1..=grid.doublings).map(|level| {
            let (before, now) = (widths[level - 1], widths[level]);
            let name = |part: &str| format!("generator.stages.{level}.{part}");
            Stage {
                up: layer(name("up"), ConvConfig::same(before, 2 * now, 3).upsampled()),
                refine: is_refined(level, grid.doublings)
                    .then(|| layer(name("refine"), ConvConfig::same(now, 2 * now, 3))),
                attention: (attention == Some(level))
                    .then(|| SelfAttention::init(seed, &name("attention"), now, device)),
            }
        });
        let stages = stages.collect();
        let excite = |source: usize| {
            let shape = [widths[source], widths[source + reach(grid.doublings)]];
            Excite::init(seed, &format!("generator.excite.{source}"), shape, device)
        };
        let outputs = widths[0] * grid.base[0] * grid.base[1];
        let colour = ConvConfig::same(c.width, 3, 3).init_gain(COLOUR_GAIN).pad_mode(PadMode::Zero);
        Self {
            project: Dense::init(seed, "generator.project", [form.width, outputs], NORMED_DEVIATION, device),
            first: BatchNorm::new(widths[0], class, device),
            stages,
            excite: (0..sources(grid.doublings)).map(excite).collect(),
            colour: colour.init(seed, "generator.colour", device),
            latents,
            form,
            grid,
        }
    }

    /// The maps that gates are made from, coarsest first, of styles `[n, width]`.
    fn coarse(&self, styles: Tensor<2>, pass: &mut Pass<'_>) -> Vec<Tensor<4>> {
        let n = styles.dims()[0];
        let flat = self.project.forward(styles); // [n, c * rows * columns]
        let [rows, columns] = self.grid.base;
        let channels = flat.dims()[1] / (rows * columns);
        let x = flat.reshape([n, channels, rows, columns]); // [n, c, rows, columns]
        let mut maps = vec![self.first.forward(x, pass.class.as_ref(), pass.statistics, 0.2)];
        for stage in &self.stages[..self.excite.len() - 1] {
            let x = stage.forward(maps[maps.len() - 1].clone(), pass); // [n, c', 2h, 2w]
            maps.push(x);
        }
        maps
    }

    /// Styles of the trunk and, where they are others, of the gates, `[n, width]`, to pictures.
    fn forward(
        &self,
        trunk: Tensor<2>,
        gates: Option<Tensor<2>>,
        synthesis: &Synthesis,
        statistics: &mut BatchStatistics,
    ) -> Tensor<4> {
        let mut pass = Pass { synthesis, class: self.latents.class(&trunk), statistics };
        let coarse = self.coarse(trunk, &mut pass);
        let sources = match gates {
            Some(styles) => {
                let class = self.latents.class(&styles);
                self.coarse(styles, &mut Pass { synthesis, class, statistics: &mut *pass.statistics })
            }
            None => coarse.clone(),
        };
        let reach = reach(self.grid.doublings);
        let mut x = coarse[coarse.len() - 1].clone();
        for (level, stage) in (1_usize..).zip(&self.stages).skip(coarse.len() - 1) {
            x = stage.forward(x, &mut pass); // [n, c', 2h, 2w]
            if let Some(source) = level.checked_sub(reach).filter(|source| *source < sources.len()) {
                x = scaled(x, self.excite[source].forward(sources[source].clone()));
            }
        }
        let image = self.form.painted(self.colour.forward_bordered(x, 1.0, synthesis.wrap)); // [n, 3, h, w]
        image.tanh() * 0.5 + 0.5
    }

    /// Layers with statistics, in the order they are computed in.
    fn norms(&mut self) -> Vec<&mut BatchNorm> {
        let stages = self.stages.iter_mut().flat_map(|stage| std::iter::once(&mut stage.up).chain(&mut stage.refine));
        std::iter::once(&mut self.first).chain(stages.map(|layer| &mut layer.norm)).collect()
    }
}

impl GeneratorNet for FastganGenerator {
    fn form(&self) -> &Form {
        &self.form
    }

    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3> {
        self.latents.join(latents, labels).unsqueeze_dim::<3>(1).repeat_dim(1, self.form.layers) // [n, 2, width]
    }

    /// In training the first style is that of both parts.
    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis, mode: Mode) -> Tensor<4> {
        let [n, _, width] = styles.dims();
        let style = |layer: usize| styles.clone().narrow(1, layer, 1).reshape([n, width]);
        let (trunk, gates) = (style(0), style(1));
        let apart = match mode {
            Mode::Train => false,
            // Gradients are wanted of both.
            Mode::Infer => styles.is_autodiff() || values(trunk.clone()) != values(gates.clone()),
        };
        self.forward(trunk, apart.then_some(gates), synthesis, &mut mode.statistics())
    }

    fn calibrated(mut self, batches: &[Draw]) -> Self {
        let quiet = self.clone().no_grad();
        let batches = Draw::moments(batches, |draw, statistics| {
            let styles = quiet.latents.join(draw.latents.clone(), draw.labels.clone()); // [n, width]
            quiet.forward(styles, None, &draw.synthesis, statistics);
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
