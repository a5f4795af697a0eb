//! `microast`: Micro AST (Wang et al. 2023, "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer"),
//! a peer to compare with. impasto runs its authors' weights and does not train it.

mod code;
mod import;
mod network;
mod stylizer;
mod tiled;

pub use import::{convert, import};
pub use stylizer::MicroAst;

use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "microast",
    summary: "paints any picture in the style of any other, in one pass; a peer to compare with",
    task: Task::Stylizer,
    paper: "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer (Wang et al. 2023)",
    licence: "MIT",
    style_input: StyleInput::PictureOrCode,
    min_side: 16,
    size_multiple: 4,
    margin: 0,
    differentiable: true,
    trainable: false,
    bytes_per_pixel: 185,
    tile_bytes_per_pixel: 212,
    kept_bytes: 43 << 20,
};

/// The network's dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MicroAstConfig {
    /// Channels at full, half and quarter size; each a multiple of the one before.
    pub widths: [usize; 3],
}

impl Default for MicroAstConfig {
    fn default() -> Self {
        Self { widths: [16, 32, 64] }
    }
}

impl MicroAstConfig {
    /// Checks the bounds that a file from elsewhere must keep.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        let [a, b, c] = self.widths;
        if self.widths.iter().any(|width| !(1..=1024).contains(width)) || b % a != 0 || c % b != 0 {
            return Err(format!("widths are {:?}, not in 1..=1024 and each a multiple of the last", self.widths));
        }
        Ok(())
    }

    /// Multiply-accumulates per content pixel, styles encoded beforehand.
    pub fn macs_per_pixel(&self) -> f64 {
        let [a, b, c] = self.widths.map(|width| width as f64);
        let down = 9.0 * b / 4.0 + b * b / 4.0 + 9.0 * c / 16.0 + c * c / 16.0;
        let residual = 4.0 * 2.0 * 9.0 * c * c / 16.0;
        let up = 9.0 * c / 4.0 + b * b / 4.0 + 9.0 * b + a * a;
        81.0 * 3.0 * a + down + residual + up + 81.0 * a * 3.0
    }
}

#[cfg(test)]
mod tests;
