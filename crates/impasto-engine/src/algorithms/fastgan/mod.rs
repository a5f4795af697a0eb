//! `fastgan`: for few pictures (Liu et al. 2021). In the generator, maps of the first sizes decide which channels of the
//! last are let through (skip-layer excitation); the discriminator must rebuild real pictures from what it saw of them.

mod discriminator;
mod generator;
#[cfg(test)]
mod tests;

pub use discriminator::FastganDiscriminator;
pub use generator::FastganGenerator;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::train::gan::{Architecture, Build, Grid, WIDTHS, all_within, check_build};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "fastgan",
    summary: "makes pictures from noise, learnt from a hundred to a few thousand",
    task: Task::Generator,
    paper: "Liu et al. 2021; self-attention (Zhang et al. 2019) as an option",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::None,
    min_side: 16,
    size_multiple: 1,
    margin: 0,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 900,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

/// Its dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FastganConfig {
    /// Numbers of a latent, structured codes not counted.
    pub latent: usize,
    /// Numbers that stand for a class.
    pub class_width: usize,
    /// Channels of the generator at full size; twice as many at each halving.
    pub width: usize,
    /// Most channels of the generator.
    pub most: usize,
    /// Channels of the discriminator at half size; twice as many at each halving.
    pub discriminator_width: usize,
    /// Most channels of the discriminator.
    pub discriminator_most: usize,
    /// Channels at the end of the decoders by which the discriminator rebuilds real pictures; 0 for none.
    pub decoder_width: usize,
    /// Shorter side in pixels of the maps with self-attention; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<usize>,
    /// Whether the discriminator's weights are divided by their largest singular value.
    pub spectral: bool,
}

impl Default for FastganConfig {
    fn default() -> Self {
        Self {
            latent: 128,
            class_width: 32,
            width: 32,
            most: 128,
            discriminator_width: 48,
            discriminator_most: 192,
            decoder_width: 16,
            attention: None,
            spectral: false,
        }
    }
}

/// The architecture.
#[derive(Debug, Clone, Copy)]
pub struct Fastgan;

impl Architecture for Fastgan {
    type Config = FastganConfig;
    type Generator = FastganGenerator;
    type Discriminator = FastganDiscriminator;

    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;

    fn validate(build: &Build<FastganConfig>) -> Result<(), String> {
        let c = &build.network;
        check_build(build)?;
        all_within([
            ("latent", c.latent, 1..=4096),
            ("class_width", c.class_width, WIDTHS),
            ("decoder_width", c.decoder_width, 0..=1024),
            ("width", c.width, WIDTHS),
            ("most", c.most, WIDTHS),
            ("discriminator_width", c.discriminator_width, WIDTHS),
            ("discriminator_most", c.discriminator_most, WIDTHS),
        ])?;
        Grid::of(build.size)?.level_of(c.attention).map(drop)
    }

    fn generator(build: &Build<FastganConfig>, seed: u64, device: &Device) -> FastganGenerator {
        FastganGenerator::new(build, seed, device)
    }

    fn discriminator(build: &Build<FastganConfig>, seed: u64, device: &Device) -> FastganDiscriminator {
        FastganDiscriminator::new(build, seed, device)
    }

    fn macs_per_pixel(build: &Build<FastganConfig>) -> f64 {
        let c = &build.network;
        let Ok(grid) = Grid::of(build.size) else { return 0.0 };
        let widths = grid.widths(c.width, c.most);
        let class = if build.classes.is_empty() { 0 } else { c.class_width };
        let project = ((c.latent + build.codes.len() + class) * widths[0]) as f64 * grid.area(0);
        let stages = (1..widths.len()).map(|level| {
            let refined = if generator::is_refined(level, grid.doublings) { widths[level] } else { 0 };
            18.0 * (widths[level] * (widths[level - 1] + refined)) as f64 * grid.area(level)
        });
        let colours = 27.0 * c.width as f64 * grid.area(grid.doublings);
        (project + stages.sum::<f64>() + colours) / grid.area(grid.doublings)
    }
}
