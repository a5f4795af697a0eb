//! Training: one loop, periodic work as hooks, atomic checkpoints that resume bit for bit on CPU.

mod checkpoint;
mod critic;
mod ema;
pub mod gan;
mod optimizer;
mod page;
mod run_dir;
mod runner;
mod tensorboard;

pub use checkpoint::{Checkpoint, State};
pub use critic::Critic;
pub use ema::Ema;
pub use optimizer::{Adam, AdamConfig, ParamGrads, fork};
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
    ///
    /// # Errors
    /// When statistics that belong to the weights cannot be taken.
    fn export(&self) -> Result<(Header, Arrays)>;

    /// How training goes, asked for now and then and before every checkpoint. What it depends on belongs to the state;
    /// what it measures is added to `figures`, which are logged.
    ///
    /// # Errors
    /// When the network fails on the samples that are looked at.
    fn watch(&mut self, step: u64, figures: &mut Metrics) -> Result<Health> {
        let _ = (step, figures);
        Ok(Health::Well)
    }

    /// What was noticed about the pictures while training was prepared, a line for people each.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Called after a roll-back for `cause`: changes settings so that the same does not happen again, and says in a few
    /// words what was changed, such as "half the learning rate".
    fn soften(&mut self, cause: Cause) -> String;
}

/// Why a roll-back was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A figure of a step is not finite.
    NotFinite,
    /// [`Objective::watch`] saw a collapse.
    Collapse,
}

/// How training goes, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    Well,
    /// There is something to be said, but going on may mend it.
    Worrying(String),
    /// What is seen may be the beginning of a collapse: no state to go back to.
    Doubtful(String),
    /// Going on is pointless: back to the last good checkpoint.
    Collapsed(String),
}

/// A learning rate's share of its highest: rises in a line over `warm_up` steps and falls along half a cosine over
/// `steps` down to `floor` (Loshchilov and Hutter 2017).
pub fn warm_cosine(step: u64, steps: u64, warm_up: u64, floor: f32) -> f32 {
    let rise = ((step + 1) as f32 / warm_up.max(1) as f32).min(1.0);
    let along = (step as f32 / steps.max(1) as f32).min(1.0);
    rise * (floor + (1.0 - floor) * 0.5 * (1.0 + (std::f32::consts::PI * along).cos()))
}

/// One or two parts of a batch at the same time: it keeps all cores busy between the large operations.
pub(crate) fn side_by_side<T: Send, R: Send>(parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(first), Some(second)) => {
            let (first, second) = rayon::join(|| work(first), || work(second));
            vec![first, second]
        }
        (Some(only), None) => vec![work(only)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::warm_cosine;

    #[test]
    fn rates_rise_then_fall_to_the_floor() {
        let at = |step| warm_cosine(step, 1000, 10, 0.1);
        assert!(at(0) < 0.11 && at(4) < at(9) && at(9) > 0.99);
        assert!((at(500) - 0.55).abs() < 1e-3 && (at(1000) - 0.1).abs() < 1e-6 && (at(5000) - 0.1).abs() < 1e-6);
        assert!(warm_cosine(0, 0, 0, 0.5).is_finite());
    }
}
