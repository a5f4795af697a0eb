//! The evaluator: metrics that name their protocol, sanity rows, intervals, and reports that can be compared.

mod cache;
pub mod compare;
mod embed;
mod networks;
pub mod protocol;
pub mod report;
mod set;

pub use cache::{Cache, Topic};
pub use embed::embed;
pub use networks::{EvalNetworks, NetworkIdentity, NetworkKind, Unavailable};
pub use set::{PictureFile, PictureSet};

#[cfg(test)]
mod tests;
