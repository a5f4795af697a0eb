//! Finding one's way among a generator's pictures: directions, walks, variations, photographs, evolution.

mod directions;
mod evolve;
mod eye;
mod project;
mod vary;
mod walk;

pub use directions::{DirectionsJob, Method, Strips, find, strips};
pub use evolve::{Brood, Child, Evolution, EvolveJob, offspring};
pub use eye::Eye;
pub use project::{ProjectJob, Projection, Shown, project, projected};
pub use vary::{Variation, VaryJob, vary};
pub use walk::{Ease, Space, Walk, WalkJob};
