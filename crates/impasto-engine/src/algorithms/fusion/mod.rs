//! `fusion`: fuses the features of any style picture into any content picture in one pass. impasto's own network, in
//! the line of micro encoders with feature and filter modulation (MicroAST, Wang et al. 2023), adaptive instance
//! normalisation (Huang and Belongie 2017) and attention to matching style regions (AdaAttN, Liu et al. 2021).

mod artist;
mod code;
mod critic;
mod discriminator;
mod grain;
mod network;
mod preparation;
mod settings;
mod stylizer;
mod tiled;
mod train;

pub use artist::{ArtistObjective, ArtistTraining, DESCRIPTOR as ARTIST_DESCRIPTOR};
pub use critic::Critic;
pub use network::Generator;
pub use settings::FusionTraining;
pub use stylizer::Fusion;
pub use train::FusionObjective;

use serde::{Deserialize, Serialize};

use code::{LEVELS, MOMENTS};

use crate::descriptor::{Descriptor, StyleInput, Task};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "fusion",
    summary: "paints any picture in the style of any other, in one pass",
    task: Task::Stylizer,
    paper: "impasto's own; after MicroAST (Wang et al. 2023), AdaIN (Huang and Belongie 2017), AdaAttN (Liu et al. 2021)",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::PictureOrCode,
    min_side: 64,
    size_multiple: 8,
    margin: 16,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 195,
    tile_bytes_per_pixel: 190,
    kept_bytes: 110 << 20,
};

/// The generator's dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FusionConfig {
    /// Channels at full, half, quarter and eighth size.
    pub widths: [usize; 4],
    /// Width of the style vector.
    pub style_width: usize,
    /// Width of keys and values of the attention to style tokens.
    pub attention_width: usize,
    /// Residual blocks at an eighth of the size.
    pub blocks: usize,
    /// Side of the last convolution's kernel.
    pub paint_kernel: usize,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self { widths: [16, 32, 64, 96], style_width: 96, attention_width: 32, blocks: 2, paint_kernel: 5 }
    }
}

impl FusionConfig {
    /// Numbers in a code's moments.
    fn code_moments(&self) -> usize {
        MOMENTS * self.channels().iter().sum::<usize>()
    }

    /// Channels of every level with statistics.
    fn channels(&self) -> [usize; LEVELS] {
        let [c1, c2, c3, c4] = self.widths;
        [3, c1, c2, c3, c4]
    }

    /// Checks the bounds that a file from elsewhere must keep.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        let within = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!("{name} is {value}, not in {low}..={high}"))
            }
        };
        for width in self.widths {
            within("widths", width, 1, 1024)?;
        }
        within("style_width", self.style_width, 1, 4096)?;
        within("attention_width", self.attention_width, 1, 1024)?;
        within("blocks", self.blocks, 0, 64)?;
        within("paint_kernel", self.paint_kernel, 1, 15)?;
        if self.paint_kernel.is_multiple_of(2) { Err("paint_kernel must be odd".into()) } else { Ok(()) }
    }

    /// Multiply-accumulates per content pixel.
    pub fn macs_per_pixel(&self) -> f64 {
        stylizer::macs_per_pixel(self)
    }
}
