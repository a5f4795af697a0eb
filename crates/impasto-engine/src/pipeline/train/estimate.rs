//! `--dry-run`: what a run will need, from a few steps of it.

use std::time::{Duration, Instant};

use super::Training;
use crate::control::{Control, Event};
use crate::error::Result;

/// What a run will need.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Numbers in the weights that the run will export.
    pub parameters: usize,
    /// Multiply-accumulates per picture pixel of one forward pass.
    pub macs_per_pixel: f64,
    /// Bytes of pictures kept in memory.
    pub data_bytes: usize,
    /// Peak resident memory of this process over the timed steps; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
    /// Mean time of a step.
    pub per_step: Duration,
    /// Steps in all.
    pub steps: u64,
    /// Samples a second.
    pub samples_per_second: f64,
}

impl Estimate {
    /// Time of the whole run without previews and checkpoints.
    pub fn total(&self) -> Duration {
        self.per_step.mul_f64(self.steps as f64)
    }
}

impl Training {
    /// Times a few steps, spread over the run because late ones may do more than early ones, and throws their result
    /// away: the training is used up.
    ///
    /// # Errors
    /// Those of a step; [`crate::EngineError::Cancelled`].
    pub fn estimate(mut self, control: &Control) -> Result<Estimate> {
        let steps = self.plan.steps;
        let at = |eighth: u64| (steps - 1) / 8 * eighth + (steps - 1) % 8 * eighth / 8;
        let timed = [at(1), at(3), at(5), at(7)];
        control.emit(Event::Started { stage: "dry run".into(), total: timed.len() as u64 });
        self.objective.step(0)?; // the first one also fills caches
        let started = Instant::now();
        for (done, step) in timed.into_iter().enumerate() {
            control.check()?;
            self.objective.step(step)?;
            control.emit(Event::Progress { done: done as u64 + 1, total: 4, message: String::new() });
        }
        let per_step = started.elapsed() / timed.len() as u32;
        control.emit(Event::Finished { stage: "dry run".into(), seconds: started.elapsed().as_secs_f64() });
        Ok(Estimate {
            parameters: self.objective.export()?.1.values().map(|array| array.values.len()).sum(),
            macs_per_pixel: self.macs_per_pixel,
            data_bytes: self.data_bytes,
            peak_bytes: peak_bytes(),
            per_step,
            steps,
            samples_per_second: self.plan.batch as f64 / per_step.as_secs_f64().max(1e-9),
        })
    }
}

/// This process's peak resident memory, where the system tells (Linux).
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
