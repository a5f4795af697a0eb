//! SqueezeNet 1.1 (Iandola et al. 2016), as its authors trained it on ImageNet, and LPIPS over its sibling.

mod lpips;
mod trunk;

pub(crate) use lpips::unit;
pub use lpips::{LpipsMaps, LpipsSqueeze};

use std::path::Path;

use burn::tensor::{Device, Tensor};

use self::trunk::{MIN_SIDE, Names, Trunk};
use super::{Features, frozen_conv};
use crate::blocks::{Conv, ConvConfig};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::weights::{self, Arrays};

/// Mean of the training pictures: blue, green, red, of 255.
const MEAN_BGR: [f32; 3] = [104.0, 117.0, 123.0];

/// The maps that [`Features::extract`] returns: the first convolution, then the last fire module before each pooling
/// and the last of all (fire 3, 5, 7 and 9).
const TAPS: [usize; 5] = [0, 2, 4, 6, 8];

const NAMES: Names = Names {
    first: "conv1",
    fire: |i| ["squeeze1x1", "expand1x1", "expand3x3"].map(|part| format!("fire{}.{part}", i + 2)),
};

/// The network, frozen.
#[derive(Debug)]
pub struct SqueezeNet {
    trunk: Trunk,
    classifier: Conv,
}

impl SqueezeNet {
    /// Reads the network from a safetensors file (`conv1`, `fire2.squeeze1x1` ... `fire9.expand3x3`, `conv10`).
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read or is not this network.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (arrays, _) = weights::read_arrays(path)?;
        Self::from_arrays(&arrays, device).map_err(|reason| EngineError::file(path, reason))
    }

    fn from_arrays(arrays: &Arrays, device: &Device) -> Result<Self, String> {
        let trunk = Trunk::new(arrays, &NAMES, device)?;
        Ok(Self { trunk, classifier: frozen_conv(arrays, "conv10", ConvConfig::same(512, 1000, 1), device)? })
    }

    /// All activations of a batch `[n, 3, h, w]` in `[0, 1]`: after the first convolution and after fire modules 2 to
    /// 9; 64, 128, 128, 256, 256, 384, 384, 512 and 512 channels. Sides of at least 31.
    pub fn maps(&self, image: ImageTensor) -> Vec<Tensor<4>> {
        let device = image.device();
        let mean = Tensor::<1>::from_floats(MEAN_BGR, &device).reshape([1, 3, 1, 1]);
        self.trunk.forward(image.flip([1]) * 255.0 - mean) // RGB to BGR
    }

    /// Scores of the 1000 ImageNet classes for a batch `[n, 3, h, w]` in `[0, 1]`, before the softmax: `[n, 1000]`.
    /// Trained at 227 px; sides of at least 31.
    pub fn logits(&self, image: ImageTensor) -> Tensor<2> {
        let mut maps = self.maps(image);
        let last = maps.swap_remove(TAPS[4]);
        let n = last.dims()[0];
        let scores = self.classifier.forward_relu(last); // [n, 1000, h', w']
        scores.mean_dims(&[2, 3]).reshape([n, 1000])
    }
}

impl Features for SqueezeNet {
    fn name(&self) -> &'static str {
        "squeezenet"
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let maps = self.maps(image);
        TAPS.iter().map(|&tap| maps[tap].clone()).collect()
    }

    fn min_side(&self) -> usize {
        MIN_SIDE
    }

    fn content_level(&self) -> usize {
        2
    }
}
