//! Perception networks: frozen, read from files, differentiable with respect to the picture.

mod embedder;
mod googlenet;
mod inception;
mod mixed;
pub mod percept;
mod pocket_vgg;
mod squeezenet;

pub use embedder::{
    Embedder, EmbedderProtocol, GoogLeNetEmbedder, InceptionEmbedder, Layer, PerceptEmbedder, READER, RESIZER,
};
pub use googlenet::GoogLeNet;
pub use inception::Inception;
pub use percept::{Percept, PerceptWidth};
pub use pocket_vgg::{PocketVgg, VggWidth};
pub use squeezenet::{LpipsMaps, LpipsSqueeze, SqueezeNet};

pub(crate) use pocket_vgg::frozen_conv;
pub(crate) use squeezenet::unit;

use burn::tensor::Tensor;

/// A frozen network whose activations losses compare. No parameter of it requires gradients: parts of a batch go through
/// it side by side, and what is tracked in one place by two threads makes burn's automatic differentiation wait for itself.
pub trait Features: Send + Sync {
    /// Registry name.
    fn name(&self) -> &'static str;

    /// Activations of a batch `[n, 3, h, w]` in `[0, 1]`, finest level first, each `[n, c, h', w']`. Sides must be at
    /// least [`Features::min_side`].
    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>>;

    /// The smallest side in pixels it takes.
    fn min_side(&self) -> usize;

    /// The level (an index into [`Features::extract`]) that represents content.
    fn content_level(&self) -> usize;
}
