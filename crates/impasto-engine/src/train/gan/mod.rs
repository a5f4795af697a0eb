//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod ada;
mod augment;
mod batch;
mod care;
mod critic;
mod grid;
mod head;
mod latents;
mod made;
mod network;
mod objective;
mod picture;
#[cfg(test)]
pub(crate) mod proving;
mod settings;
mod watch;

pub use ada::Ada;
pub use augment::{Augment, Border, Change, Policy};
pub use critic::GanCritic;
pub use grid::Grid;
pub use head::Head;
pub use latents::Latents;
pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
pub use objective::GanObjective;
pub use settings::{AugmentSettings, GanTraining};
pub use watch::{Likeness, Limits, Looks, Observation, Remedy, Trouble, Watch, diversity, features};

pub(crate) use care::Care;
pub(crate) use network::{WIDTHS, all_within, check_build};
