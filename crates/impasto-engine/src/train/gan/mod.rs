//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod batch;
mod made;
mod network;
mod objective;
mod picture;
mod settings;

pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
pub use objective::GanObjective;
pub use settings::{AugmentSettings, GanTraining};
