//! Translation between two kinds of pictures: what the algorithms that learn it share. Networks (a generator of residual
//! blocks or a U-Net, a discriminator of patches, heads that project patches of features), a pool of made pictures, the
//! training state around a [`Scheme`], and the trained generator as a [`Stylizer`](crate::Stylizer) that takes no style.
//! No algorithm is known here.

mod config;
mod critic;
mod discriminator;
mod generator;
mod heads;
mod objective;
mod opponent;
mod pool;
#[cfg(test)]
pub(crate) mod proving;
mod residual;
mod round;
mod scheme;
mod settings;
mod tiled;
mod translator;
mod unet;

pub use config::{DiscriminatorConfig, GeneratorConfig, GeneratorKind, MULTIPLE};
pub use critic::PatchCritic;
pub use discriminator::PatchDiscriminator;
pub use generator::{Generator, Generators, Translated};
pub use heads::{Head, Heads};
pub use objective::TranslationObjective;
pub use pool::Pool;
pub use round::{Batch, Bout, Nets, Play, Round};
pub use scheme::Scheme;
pub use settings::TranslationTraining;
pub use translator::Translator;

pub(crate) use round::note;
pub(crate) use scheme::check_weights;
