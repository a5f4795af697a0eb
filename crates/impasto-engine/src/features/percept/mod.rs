//! `percept`: impasto's own perception network, distilled from the VGG-19 and small enough to be part of the program.
//!
//! Five levels of 3x3 convolutions with 2x2 maximum pooling between them; the activation after the first convolution of
//! each level is a tap. The taps are what losses usually compare; 1x1 heads map them to the teacher's 64 to 512
//! channels for those who need the teacher's own space.

mod network;
mod relation;
mod train;

pub use train::{PerceptObjective, PerceptTraining};

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use self::network::Network;
use super::Features;
use crate::error::{EngineError, Result};
use crate::weights::{self, Arrays, Header};

/// Registry name, and the `algorithm` of its weights files.
pub const NAME: &str = "percept";

/// Number of levels.
pub const LEVELS: usize = 5;

/// The network's dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptConfig {
    /// Channels of each level, at full, half, quarter, eighth and sixteenth size.
    pub widths: [usize; LEVELS],
    /// 3x3 convolutions of each level.
    pub convolutions: [usize; LEVELS],
    /// Channels that the heads map each level to: the teacher's.
    pub outputs: [usize; LEVELS],
}

impl Default for PerceptConfig {
    fn default() -> Self {
        Self { widths: [16, 32, 64, 128, 128], convolutions: [2, 2, 3, 3, 1], outputs: [64, 128, 256, 512, 512] }
    }
}

impl PerceptConfig {
    /// Checks the bounds that a file from elsewhere must keep.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        let within = |name: &str, values: &[usize], high: usize| match values
            .iter()
            .find(|value| !(1..=high).contains(*value))
        {
            Some(value) => Err(format!("{name} holds {value}, not in 1..={high}")),
            None => Ok(()),
        };
        within("widths", &self.widths, 1024)?;
        within("convolutions", &self.convolutions, 16)?;
        within("outputs", &self.outputs, 4096)
    }

    /// Multiply-accumulates per pixel up to the taps, heads not counted.
    pub fn macs_per_pixel(&self) -> f64 {
        let mut sum = 0.0;
        let (mut channels, mut area) = (3.0, 1.0);
        for (level, &width) in self.widths.iter().enumerate() {
            let width = width as f64;
            // Nothing behind the deepest tap is computed for it.
            let count = if level + 1 < LEVELS { self.convolutions[level] as f64 } else { 1.0 };
            sum += 9.0 * (channels * width + (count - 1.0) * width * width) / area;
            (channels, area) = (width, area * 4.0);
        }
        sum
    }
}

/// Which activations [`Percept`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerceptWidth {
    /// The taps themselves: 16, 32, 64, 128 and 128 channels by default. What losses should use.
    Taps,
    /// Mapped to the teacher's space: 64, 128, 256, 512 and 512 channels by default.
    Wide,
}

/// The trained network, frozen.
#[derive(Debug)]
pub struct Percept {
    network: Network,
    width: PerceptWidth,
}

impl Percept {
    /// Reads the network from an impasto weights file.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read or holds another network.
    pub fn load(path: &Path, width: PerceptWidth, device: &Device) -> Result<Self> {
        let (header, arrays) = weights::load(path)?;
        Self::new(&header, &arrays, width, device).map_err(|reason| EngineError::file(path, reason))
    }

    /// Puts `arrays` into a network of the configuration in `header`.
    ///
    /// # Errors
    /// A line that says what does not fit.
    pub fn new(header: &Header, arrays: &Arrays, width: PerceptWidth, device: &Device) -> Result<Self, String> {
        if header.algorithm != NAME {
            return Err(format!("holds weights of '{}', not of '{NAME}'", header.algorithm));
        }
        let config: PerceptConfig =
            serde_json::from_value(header.config.clone()).map_err(|e| format!("its configuration is damaged ({e})"))?;
        config.validate()?;
        let network = weights::apply(Network::new(&config, 0, device), arrays)?;
        Ok(Self { network: network.no_grad(), width })
    }
}

impl Features for Percept {
    fn name(&self) -> &'static str {
        NAME
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let taps = self.network.taps(image);
        match self.width {
            PerceptWidth::Taps => taps,
            PerceptWidth::Wide => self.network.wide(taps, 0.0),
        }
    }

    fn min_side(&self) -> usize {
        32 // 2 px at the deepest level, the least that reflects
    }

    fn content_level(&self) -> usize {
        3
    }
}

#[cfg(test)]
mod tests;
