//! Training a generator against a discriminator: one objective for every architecture, loss and penalty.

mod ada;
mod augment;
mod made;
mod network;
mod watch;

pub use ada::{Ada, AdaSettings};
pub use augment::{Augment, Border, Change, Policy};
pub use made::Made;
pub use network::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Mode, Verdict};
pub use watch::{Limits, Looks, Observation, Remedy, Trouble, Watch, diversity, features};
