//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod made;
mod network;

pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
