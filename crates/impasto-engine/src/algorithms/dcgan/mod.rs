//! `dcgan`: the textbook's generator and discriminator (Radford et al. 2016), with what has proved itself since: enlarging
//! by resizing before convolving, statistics of normalisations taken when training is done (Brock et al. 2019), classes by
//! gains of their own and by projection (Miyato and Koyama 2018), and spectral normalisation (Miyato et al. 2018) as an
//! option.

mod discriminator;
mod generator;
#[cfg(test)]
mod tests;

pub use discriminator::DcganDiscriminator;
pub use generator::DcganGenerator;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::train::gan::{Architecture, Build, Grid, WIDTHS, all_within, check_build};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "dcgan",
    summary: "makes pictures from noise: the textbook's convolutional generator",
    task: Task::Generator,
    paper: "Radford et al. 2016; spectral normalisation, projection and standing statistics as options since",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::None,
    min_side: 16,
    size_multiple: 1,
    margin: 0,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 500,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

/// Its dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DcganConfig {
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
    /// Whether the discriminator normalises over the batch, as the textbook's does. Gradient penalties want it off.
    pub batch_norm: bool,
    /// Whether the discriminator's weights are divided by their largest singular value.
    pub spectral: bool,
}

impl Default for DcganConfig {
    fn default() -> Self {
        Self {
            latent: 128,
            class_width: 32,
            width: 32,
            most: 256,
            discriminator_width: 64,
            discriminator_most: 256,
            batch_norm: false,
            spectral: false,
        }
    }
}

/// The architecture.
#[derive(Debug, Clone, Copy)]
pub struct Dcgan;

impl Architecture for Dcgan {
    type Config = DcganConfig;
    type Generator = DcganGenerator;
    type Discriminator = DcganDiscriminator;

    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;

    fn validate(build: &Build<DcganConfig>) -> Result<(), String> {
        let c = &build.network;
        check_build(build)?;
        all_within([
            ("latent", c.latent, 1..=4096),
            ("class_width", c.class_width, WIDTHS),
            ("width", c.width, WIDTHS),
            ("most", c.most, WIDTHS),
            ("discriminator_width", c.discriminator_width, WIDTHS),
            ("discriminator_most", c.discriminator_most, WIDTHS),
        ])
    }

    fn inexact(network: &DcganConfig) -> Option<&'static str> {
        network.batch_norm.then_some("network.batch_norm")
    }

    fn generator(build: &Build<DcganConfig>, seed: u64, device: &Device) -> DcganGenerator {
        DcganGenerator::new(build, seed, device)
    }

    fn discriminator(build: &Build<DcganConfig>, seed: u64, device: &Device) -> DcganDiscriminator {
        DcganDiscriminator::new(build, seed, device)
    }

    fn macs_per_pixel(build: &Build<DcganConfig>) -> f64 {
        let c = &build.network;
        let Ok(grid) = Grid::of(build.size) else { return 0.0 };
        let widths = grid.widths(c.width, c.most);
        let class = if build.classes.is_empty() { 0 } else { c.class_width };
        let project = (c.latent + build.codes.len() + class) as f64 * widths[0] as f64 * grid.area(0);
        let stages = (1..widths.len()).map(|i| 9.0 * (widths[i - 1] * widths[i]) as f64 * grid.area(i));
        let colour = 27.0 * c.width as f64 * grid.area(grid.doublings);
        (project + stages.sum::<f64>() + colour) / grid.area(grid.doublings)
    }
}
