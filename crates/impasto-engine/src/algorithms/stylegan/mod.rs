//! `stylegan`: styles for every layer (Karras et al. 2019, 2020). A mapping network, modulated convolutions from a learnt
//! constant, noise in every layer, colours summed over all sizes; a residual discriminator.

mod discriminator;
mod generator;
#[cfg(test)]
mod tests;

pub use discriminator::StyleganDiscriminator;
pub use generator::StyleganGenerator;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::train::gan::{Architecture, Build, Grid, WIDTHS, all_within, check_build};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "stylegan",
    summary: "makes pictures from noise, with a style for every layer to mix and move",
    task: Task::Generator,
    paper: "Karras et al. 2019, 2020; self-attention (Zhang et al. 2019) as an option",
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
pub struct StyleganConfig {
    /// Numbers of a latent, structured codes not counted.
    pub latent: usize,
    /// Numbers that stand for a class in the mapping.
    pub class_width: usize,
    /// Numbers of a style.
    pub style_width: usize,
    /// Layers of the mapping.
    pub mapping_layers: usize,
    /// Channels of the generator at full size; twice as many at each halving.
    pub width: usize,
    /// Most channels of the generator.
    pub most: usize,
    /// Channels of the discriminator at full size; twice as many at each halving.
    pub discriminator_width: usize,
    /// Most channels of the discriminator.
    pub discriminator_most: usize,
    /// Shorter side in pixels of the generator's maps with self-attention; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<usize>,
    /// Whether the discriminator sees how much pictures of a batch differ (minibatch standard deviation). Gradient penalties
    /// are exact only without.
    pub spread: bool,
    /// Whether the discriminator's weights are divided by their largest singular value.
    pub spectral: bool,
}

impl Default for StyleganConfig {
    fn default() -> Self {
        Self {
            latent: 128,
            class_width: 32,
            style_width: 128,
            mapping_layers: 4,
            width: 32,
            most: 192,
            discriminator_width: 32,
            discriminator_most: 192,
            attention: None,
            spread: true,
            spectral: false,
        }
    }
}

/// The architecture.
#[derive(Debug, Clone, Copy)]
pub struct Stylegan;

impl Architecture for Stylegan {
    type Config = StyleganConfig;
    type Generator = StyleganGenerator;
    type Discriminator = StyleganDiscriminator;

    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;

    fn validate(build: &Build<StyleganConfig>) -> Result<(), String> {
        let c = &build.network;
        check_build(build)?;
        all_within([
            ("latent", c.latent, 1..=4096),
            ("class_width", c.class_width, WIDTHS),
            ("style_width", c.style_width, 1..=4096),
            ("mapping_layers", c.mapping_layers, 1..=64),
            ("width", c.width, WIDTHS),
            ("most", c.most, WIDTHS),
            ("discriminator_width", c.discriminator_width, WIDTHS),
            ("discriminator_most", c.discriminator_most, WIDTHS),
        ])?;
        Grid::of(build.size)?.level_of(c.attention).map(drop)
    }

    fn inexact(network: &StyleganConfig) -> Option<&'static str> {
        network.spread.then_some("network.spread")
    }

    fn generator(build: &Build<StyleganConfig>, seed: u64, device: &Device) -> StyleganGenerator {
        StyleganGenerator::new(build, seed, device)
    }

    fn discriminator(build: &Build<StyleganConfig>, seed: u64, device: &Device) -> StyleganDiscriminator {
        StyleganDiscriminator::new(build, seed, device)
    }

    fn macs_per_pixel(build: &Build<StyleganConfig>) -> f64 {
        let c = &build.network;
        let Ok(grid) = Grid::of(build.size) else { return 0.0 };
        let widths = grid.widths(c.width, c.most);
        let of = |level: usize| {
            let before = level.checked_sub(1).map_or(0, |before| widths[before]);
            // The colours' convolution is of one pixel.
            (9 * widths[level] * (before + widths[level]) + 3 * widths[level]) as f64 * grid.area(level)
        };
        (0..=grid.doublings).map(of).sum::<f64>() / grid.area(grid.doublings)
    }
}
