//! Training: one loop, periodic work as hooks, atomic checkpoints that resume bit for bit on CPU.

mod checkpoint;
mod ema;
mod optimizer;
mod run_dir;
mod runner;
mod tensorboard;

pub use checkpoint::{Checkpoint, State};
pub use ema::Ema;
pub use optimizer::{Adam, AdamConfig, Slopes, fork};
pub use run_dir::RunDir;
pub use runner::{RunSettings, Summary, run};

use std::collections::BTreeMap;

use impasto_image::Picture;

use crate::error::Result;
use crate::weights::{Arrays, Header};

/// Figures of one step by name, in a fixed order.
pub type Metrics = BTreeMap<&'static str, f32>;

/// What is trained: the networks, their optimisers and one step. Everything that a bit-exact resume needs goes through
/// [`Objective::state`].
pub trait Objective: Send {
    /// One step, numbered from 0. Random draws must depend on the seed and `step` only.
    ///
    /// # Errors
    /// Anything that makes going on pointless.
    fn step(&mut self, step: u64) -> Result<Metrics>;

    /// All parameters, optimiser moments and averages.
    fn state(&self) -> State;

    /// Puts back what [`Objective::state`] returned.
    ///
    /// # Errors
    /// A line that says what does not fit.
    fn restore(&mut self, state: &State) -> Result<(), String>;

    /// Takes the weights of another training, as [`Objective::export`] gave them, in place of drawn ones. Optimisers
    /// start anew.
    ///
    /// # Errors
    /// A line that says what does not fit.
    fn begin_from(&mut self, weights: &Arrays) -> Result<(), String>;

    /// A picture of the present state, always of the same samples.
    ///
    /// # Errors
    /// When the network fails on them.
    fn preview(&self) -> Result<Picture>;

    /// The weights to ship (the averaged ones) and their header.
    fn export(&self) -> (Header, Arrays);

    /// Called after a roll-back from values that are not finite: lowers learning rates.
    fn soften(&mut self);
}
