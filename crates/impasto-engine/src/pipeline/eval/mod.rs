//! The evaluator: what makes figures of folders of pictures, and what it needs for that.

pub mod attribution;
mod cache;
mod embed;
pub mod memorised;
mod networks;
mod set;

pub use cache::{Cache, Topic};
pub use embed::embed;
pub use networks::{EvalNetworks, NetworkIdentity, NetworkKind, Unavailable};
pub use set::{PictureFile, PictureSet};

#[cfg(test)]
mod tests;
