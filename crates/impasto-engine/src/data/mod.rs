//! Training pictures: folders indexed, checked, scaled once and kept in memory, then cropped and augmented by numbers
//! that depend only on the seed and the sample's index, so that a resumed run sees what an uninterrupted one would.

mod crops;
mod folder;
pub mod gallery;
mod imitation;
mod pairs;

pub use crops::{Augment, Crops};
pub use folder::{Folder, Rejected};
pub use gallery::Gallery;
pub use imitation::Imitation;

pub(crate) use folder::{is_hidden, picture_files, shares};
