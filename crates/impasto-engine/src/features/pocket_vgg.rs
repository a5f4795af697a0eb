//! VGG-19 distilled to a sixteenth of its size (collaborative distillation, Wang et al. 2020), up to relu5_1.
//!
//! Each of the five levels has an auxiliary 1x1 convolution that maps its few channels back to the original's 64, 128,
//! 256, 512 and 512.

use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::Features;
use crate::blocks::{Conv, ConvConfig, max_pool2};
use crate::error::{EngineError, Result};
use crate::weights::{self, Array, Arrays};

/// Convolutions before each pooling: name, output channels. The first of each level is tapped.
const LEVELS: [&[(&str, usize)]; 5] = [
    &[("conv11", 16), ("conv12", 16)],
    &[("conv21", 32), ("conv22", 32)],
    &[("conv31", 64), ("conv32", 64), ("conv33", 64), ("conv34", 64)],
    &[("conv41", 128), ("conv42", 128), ("conv43", 128), ("conv44", 128)],
    &[("conv51", 128)],
];

/// The original network's width at each level.
const WIDE: [usize; 5] = [64, 128, 256, 512, 512];

/// Which activations [`PocketVgg`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VggWidth {
    /// The distilled network's own: 16, 32, 64, 128, 128 channels.
    Narrow,
    /// Mapped to the original's: 64, 128, 256, 512, 512 channels.
    Wide,
}

/// The distilled network.
#[derive(Debug)]
pub struct PocketVgg {
    input: Conv,
    levels: Vec<Vec<Conv>>,
    wide: Option<Vec<Conv>>,
}

impl PocketVgg {
    /// Reads the network from a safetensors file (`conv0`, `conv11` ... `conv51`, `conv11_aux` ... `conv51_aux`).
    ///
    /// # Errors
    /// [`EngineError::File`] when the file is not this network.
    pub fn load(path: &Path, width: VggWidth, device: &Device) -> Result<Self> {
        let (arrays, _) = weights::read_arrays(path)?;
        Self::from_arrays(&arrays, width, device).map_err(|reason| EngineError::file(path, reason))
    }

    fn from_arrays(arrays: &Arrays, width: VggWidth, device: &Device) -> Result<Self, String> {
        let mut channels = 3;
        let mut levels = Vec::new();
        for level in LEVELS {
            let mut convs = Vec::new();
            for &(name, out) in level {
                convs.push(frozen_conv(arrays, name, ConvConfig::same(channels, out, 3), device)?);
                channels = out;
            }
            levels.push(convs);
        }
        let wide = match width {
            VggWidth::Narrow => None,
            VggWidth::Wide => Some(
                LEVELS
                    .iter()
                    .zip(WIDE)
                    .map(|(level, out)| {
                        let (name, narrow) = level[0];
                        frozen_conv(arrays, &format!("{name}_aux"), ConvConfig::same(narrow, out, 1), device)
                    })
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Self { input: frozen_conv(arrays, "conv0", ConvConfig::same(3, 3, 1), device)?, levels, wide })
    }
}

impl Features for PocketVgg {
    fn name(&self) -> &'static str {
        "vgg19-pocket"
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let mut x = self.input.forward(image); // [n, 3, h, w]
        let mut taps = Vec::with_capacity(self.levels.len());
        let last = self.levels.len() - 1;
        for (i, convs) in self.levels.iter().enumerate() {
            for (j, conv) in convs.iter().enumerate() {
                x = conv.forward_relu(x); // [n, c, h / 2^i, w / 2^i]
                if j == 0 {
                    taps.push(match &self.wide {
                        Some(wide) => wide[i].forward_relu(x.clone()),
                        None => x.clone(),
                    });
                }
            }
            if i < last {
                x = max_pool2(x); // [n, c, h / 2^(i+1), w / 2^(i+1)]
            }
        }
        taps
    }

    fn min_side(&self) -> usize {
        32 // 2 px at the deepest level, the least that reflects
    }

    fn content_level(&self) -> usize {
        3
    }
}

/// A convolution with the weights `{name}.weight` and `{name}.bias`, without gradients of its own.
pub(crate) fn frozen_conv(arrays: &Arrays, name: &str, config: ConvConfig, device: &Device) -> Result<Conv, String> {
    let part = |suffix: &str| -> Result<&Array, String> {
        let full = format!("{name}.{suffix}");
        arrays.get(&full).ok_or_else(|| format!("tensor '{full}' is missing"))
    };
    config.frozen(part("weight")?, part("bias")?, device).map_err(|problem| format!("{name}: {problem}"))
}
