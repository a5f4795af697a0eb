//! The dimensions of the networks.

use serde::{Deserialize, Serialize};

/// Sides of pictures are multiples of this: what the deepest generator needs.
pub const MULTIPLE: u32 = 1 << MOST_HALVINGS;

/// How often a generator halves its picture at most.
const MOST_HALVINGS: usize = 5;

/// The build of a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorKind {
    /// Residual blocks at a quarter of the size (Johnson et al. 2016): what is painted lies where the content does.
    #[default]
    Residual,
    /// An encoder and a decoder with a connection at every size (Ronneberger et al. 2015): sees far, copies details.
    Unet,
}

/// The dimensions of a generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// The build: residual or unet.
    pub kind: GeneratorKind,
    /// Channels at full size (residual) or half size (unet); they double with every halving, up to eight times as many.
    pub width: usize,
    /// Residual blocks; 6 and 9 are usual. Nothing to a unet.
    pub blocks: usize,
    /// How often sides are halved, from 1 to 5; 2 is usual for residual, as often as crops allow for unet.
    pub halvings: usize,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self { kind: GeneratorKind::Residual, width: 32, blocks: 6, halvings: 2 }
    }
}

impl GeneratorConfig {
    /// The usual U-Net.
    pub fn unet() -> Self {
        Self { kind: GeneratorKind::Unet, halvings: MOST_HALVINGS, ..Self::default() }
    }

    /// Channels after so many halvings.
    pub(super) fn channels(&self, halvings: usize) -> usize {
        self.width << halvings.min(3)
    }

    /// Checks the bounds that a file from elsewhere must keep.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        within("width", self.width, 1, 512)?;
        within("blocks", self.blocks, 1, 64)?;
        within("halvings", self.halvings, 1, MOST_HALVINGS)
    }

    /// Multiply-accumulates per picture pixel.
    pub fn macs_per_pixel(&self) -> f64 {
        match self.kind {
            GeneratorKind::Residual => {
                let (outer, block) = self.macs_of_parts();
                outer + self.blocks as f64 * block
            }
            GeneratorKind::Unet => (1..=self.halvings).map(|i| self.unet_halves(i) + self.unet_doubles(i)).sum(),
        }
    }

    /// Multiply-accumulates per picture pixel of a residual generator: of what is around the blocks, and of one block.
    pub(super) fn macs_of_parts(&self) -> (f64, f64) {
        let conv = |cin: usize, cout: usize, side: f64, halvings: usize| {
            side * side * (cin * cout) as f64 / f64::from(1 << (2 * halvings))
        };
        let deepest = self.channels(self.halvings);
        let halves = |i: usize| conv(self.channels(i - 1), self.channels(i), 3.0, i);
        let doubles = |i: usize| conv(self.channels(i), self.channels(i - 1), 3.0, i - 1);
        let outer =
            2.0 * conv(3, self.width, 7.0, 0) + (1..=self.halvings).map(|i| halves(i) + doubles(i)).sum::<f64>();
        (outer, 2.0 * conv(deepest, deepest, 3.0, self.halvings))
    }

    fn unet_halves(&self, level: usize) -> f64 {
        let from = if level == 1 { 3 } else { self.channels(level - 2) };
        (16 * from * self.channels(level - 1)) as f64 / f64::from(1 << (2 * level))
    }

    fn unet_doubles(&self, level: usize) -> f64 {
        let from = self.channels(level - 1) * if level == self.halvings { 1 } else { 2 };
        let to = if level == 1 { 3 } else { self.channels(level - 2) };
        (9 * from * to) as f64 / f64::from(1 << (2 * (level - 1)))
    }
}

/// The dimensions of a discriminator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorConfig {
    /// Channels at half size; they double with every layer, up to eight times as many.
    pub width: usize,
    /// Convolutions that halve: a logit sees 16, 34, 70 or 142 pixels with 1 to 4.
    pub layers: usize,
    /// Discriminators, each of a picture half as large as that of the one before.
    pub scales: usize,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self { width: 32, layers: 3, scales: 1 }
    }
}

impl DiscriminatorConfig {
    /// Channels of a layer.
    pub(super) fn channels(&self, layer: usize) -> usize {
        self.width << layer.min(3)
    }

    /// Checks that crops of side `crop` can be judged.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self, crop: usize) -> Result<(), String> {
        within("width", self.width, 1, 512)?;
        within("layers", self.layers, 1, 5)?;
        within("scales", self.scales, 1, 4)?;
        // Two convolutions of 4 pixels with one beyond each border take two more.
        let smallest = crop >> (self.layers + self.scales - 1);
        if smallest < 3 {
            let least = 3 << (self.layers + self.scales - 1);
            return Err(format!("crops of {crop} px leave it no patch; take layers or scales away, or crop {least}"));
        }
        Ok(())
    }
}

fn within(name: &str, value: usize, low: usize, high: usize) -> Result<(), String> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(format!("{name} is {value}, not in {low}..={high}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept() {
        GeneratorConfig::default().validate().unwrap();
        GeneratorConfig::unet().validate().unwrap();
        let deep = GeneratorConfig { halvings: 6, ..GeneratorConfig::default() };
        assert!(deep.validate().unwrap_err().contains("halvings is 6"));
        let usual = DiscriminatorConfig::default();
        usual.validate(32).unwrap();
        let scales = DiscriminatorConfig { scales: 3, ..usual };
        assert!(scales.validate(64).unwrap_err().contains("crop 96"));
        scales.validate(96).unwrap();
    }

    #[test]
    fn macs_are_those_of_the_papers_generator() {
        // Nine blocks at a quarter of the size, 64 channels: 56.8 G for 256 x 256, less the transposed convolutions' share.
        let config = GeneratorConfig { width: 64, blocks: 9, ..GeneratorConfig::default() };
        let giga = config.macs_per_pixel() * 65536.0 / 1e9;
        assert!((50.0..62.0).contains(&giga), "{giga}");
    }
}
