//! The evaluator: what makes figures of folders of pictures, and what it needs for that.

mod cache;
mod embed;
mod networks;
mod set;

pub use cache::{Cache, Topic};
pub use embed::embed;
pub use networks::{EvalNetworks, NetworkIdentity, NetworkKind, Unavailable};
pub use set::{PictureFile, PictureSet};

#[cfg(test)]
mod tests;
