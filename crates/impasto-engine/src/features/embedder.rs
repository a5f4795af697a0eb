//! Pictures to vectors that metrics compare.

use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use super::googlenet::{self, GoogLeNet};
use super::inception::{self, Inception};
use super::{Features, Percept};
use crate::blocks::channel_moments;
use crate::error::Result;
use crate::tensor::ImageTensor;

/// The one resizer of all embedders: the whole picture to a square, whatever its proportions, by Pillow's antialiased
/// bicubic filter on sRGB values, channel by channel in floating point and clamped, not rounded to 8 bit, as clean-fid
/// (Parmar et al. 2022) does.
pub const RESIZER: &str = "pillow-bicubic-f32";

/// How pictures are read before that.
pub const READER: &str = "first frame, EXIF orientation applied, profile to sRGB, transparency over white";

/// A part of an [`Embedder`]'s output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Values for each picture.
    pub width: usize,
}

/// All that a vector depends on besides the picture: vectors made under different protocols are not comparable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedderProtocol {
    /// The network's name.
    pub name: String,
    /// SHA-256 of its weights file, in hexadecimal.
    pub weights_sha256: String,
    /// Side in pixels that pictures are resized to.
    pub side: u32,
    /// How they are resized: [`RESIZER`].
    pub resizer: String,
    /// How files are read: [`READER`].
    pub reader: String,
    /// What the network itself does to values in `[0, 1]`.
    pub range: String,
    /// The layers, in order.
    pub layers: Vec<Layer>,
}

impl EmbedderProtocol {
    fn new(name: &str, weights_sha256: String, side: usize, range: &str, layers: &[(&str, usize)]) -> Self {
        let layer = |&(name, width): &(&str, usize)| Layer { name: name.into(), width };
        Self {
            name: name.into(),
            weights_sha256,
            side: side as u32,
            resizer: RESIZER.into(),
            reader: READER.into(),
            range: range.into(),
            layers: layers.iter().map(layer).collect(),
        }
    }

    /// The place of a layer among the results of [`Embedder::embed`].
    pub fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// Values of all layers together.
    pub fn width(&self) -> usize {
        self.layers.iter().map(|layer| layer.width).sum()
    }
}

/// A frozen network that turns pictures into vectors.
pub trait Embedder: Send + Sync {
    /// What its vectors depend on.
    fn protocol(&self) -> &EmbedderProtocol;

    /// Where it runs.
    fn device(&self) -> &Device;

    /// Pictures `[n, 3, side, side]` in `[0, 1]` to one `[n, width]` for each layer of the protocol. A picture's vector
    /// does not depend on the others of its batch.
    ///
    /// # Errors
    /// [`EngineError::Caller`](crate::EngineError::Caller) when the sides are too small for the network.
    fn embed(&self, pictures: ImageTensor) -> Result<Vec<Tensor<2>>>;
}

/// [`Inception`]: the means of two depths, `mixed6e-768` and `mixed7a-1280`.
#[derive(Debug)]
pub struct InceptionEmbedder {
    network: Inception,
    device: Device,
    protocol: EmbedderProtocol,
}

impl InceptionEmbedder {
    /// Wraps a network that was read from a file with this hash.
    pub fn new(network: Inception, weights_sha256: String, device: &Device) -> Self {
        let layers = &Inception::LAYERS;
        let protocol = EmbedderProtocol::new("inception-v3", weights_sha256, inception::SIDE, "2 x - 1", layers);
        Self { network, device: device.clone(), protocol }
    }
}

impl Embedder for InceptionEmbedder {
    fn protocol(&self) -> &EmbedderProtocol {
        &self.protocol
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn embed(&self, pictures: ImageTensor) -> Result<Vec<Tensor<2>>> {
        self.network.pooled(pictures).map(Vec::from) // [n, 768], [n, 1280]
    }
}

/// [`GoogLeNet`]: `pool5-1024`, and `probabilities-1000` of the ImageNet classes.
#[derive(Debug)]
pub struct GoogLeNetEmbedder {
    network: GoogLeNet,
    device: Device,
    protocol: EmbedderProtocol,
}

impl GoogLeNetEmbedder {
    /// Wraps a network that was read from a file with this hash.
    pub fn new(network: GoogLeNet, weights_sha256: String, device: &Device) -> Self {
        let layers = &[("pool5-1024", 1024), ("probabilities-1000", 1000)];
        let range = "255 x, blue green red, minus (104, 117, 123)";
        let protocol = EmbedderProtocol::new("googlenet-bvlc", weights_sha256, googlenet::SIDE, range, layers);
        Self { network, device: device.clone(), protocol }
    }
}

impl Embedder for GoogLeNetEmbedder {
    fn protocol(&self) -> &EmbedderProtocol {
        &self.protocol
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn embed(&self, pictures: ImageTensor) -> Result<Vec<Tensor<2>>> {
        let output = self.network.run(pictures)?;
        Ok(vec![output.pool5, activation::softmax(output.logits, 1)]) // [n, 1024], [n, 1000]
    }
}

/// [`Percept`]: mean and deviation of every channel of its five taps, one layer, `moments-736` with the bundled weights.
/// It needs no file from elsewhere; what it says of style (its taps are what style losses compare) it says of no more
/// than that, and it was trained on fewer pictures than the classification networks.
#[derive(Debug)]
pub struct PerceptEmbedder {
    network: Percept,
    device: Device,
    protocol: EmbedderProtocol,
}

/// The side that percept sees pictures at.
const PERCEPT_SIDE: usize = 256;

impl PerceptEmbedder {
    /// Wraps a network, which must give its taps ([`super::PerceptWidth::Taps`]), with the hash of its weights.
    pub fn new(network: Percept, weights_sha256: String, device: &Device) -> Self {
        let probe = network.extract(Tensor::zeros([1, 3, network.min_side(), network.min_side()], device));
        let width = probe.iter().map(|tap| 2 * tap.dims()[1]).sum();
        let name = format!("moments-{width}");
        let layers = [(name.as_str(), width)];
        let protocol = EmbedderProtocol::new("percept", weights_sha256, PERCEPT_SIDE, "4 x - 2", &layers);
        Self { network, device: device.clone(), protocol }
    }
}

impl Embedder for PerceptEmbedder {
    fn protocol(&self) -> &EmbedderProtocol {
        &self.protocol
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn embed(&self, pictures: ImageTensor) -> Result<Vec<Tensor<2>>> {
        let moments = self.network.extract(pictures).into_iter().flat_map(|tap| {
            let (mean, deviation) = channel_moments(tap); // [n, c] both
            [mean, deviation]
        });
        Ok(vec![Tensor::cat(moments.collect(), 1)]) // [n, 736]
    }
}
