//! Inception v3 (Szegedy et al. 2016) as the Frechet inception distance (Heusel et al. 2017) uses it: the weights of
//! TensorFlow's graph of 2015-12-05, with the batch normalisation folded into the convolutions.
//!
//! The network ends after `Mixed_7a`, so that the means over positions of two depths are to be had: 768 values after
//! `Mixed_6e` (what pytorch-fid calls `--dims 768`) and 1280 after `Mixed_7a`; not the 2048 of the last block, which are
//! what papers usually report and are not comparable with either.

mod layers;

use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::mixed::{Chain, Mixed, spatial_mean};
use crate::blocks::{Pool3, pool3};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::weights::{self, Arrays};

/// The side that the network was trained at.
pub(crate) const SIDE: usize = 299;

/// The smallest side that leaves a pixel at the deepest level.
const MIN_SIDE: usize = 75;

/// The network, frozen.
#[derive(Debug)]
pub struct Inception {
    /// Up to the first pooling, up to the second.
    stem: [Chain; 2],
    /// `Mixed_5b` to `Mixed_6e`.
    blocks: Vec<Mixed>,
    /// `Mixed_7a`.
    last: Mixed,
}

impl Inception {
    /// Names and widths of what [`Inception::pooled`] returns.
    pub const LAYERS: [(&'static str, usize); 2] = [("mixed6e-768", 768), ("mixed7a-1280", 1280)];

    /// Reads the network from a safetensors file (`Conv2d_1a_3x3` ... `Mixed_7a.branch7x7x3_4`, torchvision's names).
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read or is not this network.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (arrays, _) = weights::read_arrays(path)?;
        Self::from_arrays(&arrays, device).map_err(|reason| EngineError::file(path, reason))
    }

    fn from_arrays(arrays: &Arrays, device: &Device) -> Result<Self, String> {
        let (first, channels) = Chain::new(arrays, "", 3, layers::STEM[0], device)?;
        let (second, mut channels) = Chain::new(arrays, "", channels, layers::STEM[1], device)?;
        let mut blocks = Vec::new();
        for block in layers::blocks() {
            let (block, out) = Mixed::new(arrays, &block, channels, device)?;
            blocks.push(block);
            channels = out;
        }
        let (last, _) = Mixed::new(arrays, &layers::block_7a(), channels, device)?;
        Ok(Self { stem: [first, second], blocks, last })
    }

    /// Means over positions of two depths for a batch `[n, 3, h, w]` in `[0, 1]`: `[n, 768]` and `[n, 1280]`, none below
    /// zero. Trained at 299 px; sides of at least 75.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for smaller sides.
    pub fn pooled(&self, image: ImageTensor) -> Result<[Tensor<2>; 2]> {
        let [_, _, h, w] = image.dims();
        if h.min(w) < MIN_SIDE {
            return Err(EngineError::Caller(format!("Inception needs sides of at least {MIN_SIDE} px, not {w} x {h}")));
        }
        let mut x = image * 2.0 - 1.0;
        for chain in &self.stem {
            x = pool3(chain.forward(x), Pool3::MaxHalf); // [n, 64, 73, 73], then [n, 192, 35, 35] at 299 px
        }
        for block in &self.blocks {
            x = block.forward(x); // [n, 256 to 288, 35, 35], then [n, 768, 17, 17]
        }
        Ok([spatial_mean(x.clone()), spatial_mean(self.last.forward(x))]) // [n, 768], [n, 1280]
    }
}
