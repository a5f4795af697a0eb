//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod augment;
mod made;
mod network;

pub use augment::{Augment, Border, Change, Policy};
pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
