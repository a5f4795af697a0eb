//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod grid;
mod head;
mod latents;
mod made;
mod network;
#[cfg(test)]
pub(crate) mod proving;

pub use grid::Grid;
pub use head::Head;
pub use latents::Latents;
pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
pub(crate) use network::{check_build, within};
