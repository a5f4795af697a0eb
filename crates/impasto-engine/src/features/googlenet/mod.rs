//! GoogLeNet (Szegedy et al. 2015) as Caffe's authors trained it on ImageNet, complete with its classifier.

mod layers;
mod lrn;

use std::path::Path;

use burn::tensor::{Device, Tensor};

use self::lrn::LocalNorm;
use super::Features;
use super::mixed::{Chain, Mixed, spatial_mean};
use crate::blocks::{Conv, ConvConfig, Pool3, pool3};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::weights::{self, Arrays};

/// The side that the network was trained at.
pub(crate) const SIDE: usize = 224;

/// The smallest side that leaves three pixels at each pooling.
const MIN_SIDE: usize = 47;

/// Mean of the training pictures: blue, green, red, of 255.
const MEAN_BGR: [f32; 3] = [104.0, 117.0, 123.0];

/// Classes, and values before the classifier.
const CLASSES: usize = 1000;
const WIDTH: usize = 1024;

/// What [`GoogLeNet::run`] returns.
#[derive(Debug, Clone)]
pub struct GoogLeNetOutput {
    /// The maps after each of the nine blocks, `[n, c, h', w']`: 256, 480, 512, 512, 512, 528, 832, 832, 1024 channels.
    pub blocks: Vec<Tensor<4>>,
    /// The means of the last block over positions, `[n, 1024]`.
    pub pool5: Tensor<2>,
    /// Scores of the 1000 ImageNet classes before the softmax, `[n, 1000]`.
    pub logits: Tensor<2>,
}

/// The network, frozen.
#[derive(Debug)]
pub struct GoogLeNet {
    first: Chain,
    second: Chain,
    norms: [LocalNorm; 2],
    blocks: Vec<Mixed>,
    /// A matrix product whose sums go in one order whatever the number of pictures.
    classifier: Conv,
}

impl GoogLeNet {
    /// Reads the network from a safetensors file (`conv1.7x7_s2`, `inception_3a.1x1` ... `loss3.classifier`).
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read or is not this network.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (arrays, _) = weights::read_arrays(path)?;
        Self::from_arrays(&arrays, device).map_err(|reason| EngineError::file(path, reason))
    }

    fn from_arrays(arrays: &Arrays, device: &Device) -> Result<Self, String> {
        let (first, channels) = Chain::new(arrays, "", 3, layers::FIRST, device)?;
        let first_norm = LocalNorm::new(channels, device);
        let (second, mut channels) = Chain::new(arrays, "", channels, layers::SECOND, device)?;
        let second_norm = LocalNorm::new(channels, device);
        let mut blocks = Vec::new();
        for block in layers::blocks() {
            let (block, out) = Mixed::new(arrays, &block, channels, device)?;
            blocks.push(block);
            channels = out;
        }
        let part = |name: &str| arrays.get(name).ok_or_else(|| format!("tensor '{name}' is missing"));
        let mut weight = part("loss3.classifier.weight")?.clone();
        weight.shape.extend([1, 1]);
        let classifier = ConvConfig::same(WIDTH, CLASSES, 1)
            .frozen(&weight, part("loss3.classifier.bias")?, device)
            .map_err(|problem| format!("loss3.classifier: {problem}"))?;
        Ok(Self { first, second, norms: [first_norm, second_norm], blocks, classifier })
    }

    /// The map after the second convolution, and those after each of the blocks.
    fn maps(&self, image: Tensor<4>) -> (Tensor<4>, Vec<Tensor<4>>) {
        let mean = Tensor::<1>::from_floats(MEAN_BGR, &image.device()).reshape([1, 3, 1, 1]);
        let half = |x| pool3(x, Pool3::MaxHalfBeyond);
        let x = self.first.forward(image.flip([1]) * 255.0 - mean); // RGB to BGR; [n, 64, 112, 112] at 224 px
        let x = self.norms[0].forward(half(x)); // [n, 64, 56, 56]
        let second = self.norms[1].forward(self.second.forward(x)); // [n, 192, 56, 56]
        let mut x = half(second.clone()); // [n, 192, 28, 28]
        let mut maps = Vec::with_capacity(self.blocks.len());
        for (i, block) in self.blocks.iter().enumerate() {
            if layers::POOLED.contains(&i) {
                x = half(x); // [n, c, 14, 14], then [n, c, 7, 7]
            }
            x = block.forward(x); // [n, c', h', w']
            maps.push(x.clone());
        }
        (second, maps)
    }

    /// Everything that may be wanted of a batch `[n, 3, h, w]` in `[0, 1]`. Trained at 224 px; sides of at least 47.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for smaller sides.
    pub fn run(&self, image: ImageTensor) -> Result<GoogLeNetOutput> {
        let [_, _, h, w] = image.dims();
        if h.min(w) < MIN_SIDE {
            return Err(EngineError::Caller(format!("GoogLeNet needs sides of at least {MIN_SIDE} px, not {w} x {h}")));
        }
        let (_, maps) = self.maps(image);
        let last = maps.last().expect("nine blocks").clone();
        let pool5 = spatial_mean(last); // [n, 1024]
        let n = pool5.dims()[0];
        let logits = self.classifier.forward(pool5.clone().reshape([n, WIDTH, 1, 1])).reshape([n, CLASSES]); // [n, 1000]
        Ok(GoogLeNetOutput { blocks: maps, pool5, logits })
    }
}

/// The blocks whose maps [`Features::extract`] returns after that of the second convolution: 3b, 4b, 4e and 5b.
const TAPS: [usize; 4] = [1, 3, 6, 8];

impl Features for GoogLeNet {
    fn name(&self) -> &'static str {
        "googlenet"
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let (second, maps) = self.maps(image);
        std::iter::once(second).chain(TAPS.map(|tap| maps[tap].clone())).collect()
    }

    fn min_side(&self) -> usize {
        MIN_SIDE
    }

    fn content_level(&self) -> usize {
        2
    }
}
