//! Saying how far long work is, and stopping it.

use std::ops::ControlFlow;

use crate::error::ImageError;
use crate::picture::Picture;

use super::Bands;

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done, one word for people; steps are counted anew when it changes.
    pub stage: &'static str,
    /// Rows done.
    pub done: u64,
    /// Rows in all.
    pub total: u64,
}

/// Called after every few rows; [`ControlFlow::Break`] ends the work with [`ImageError::Interrupted`].
pub type Progress<'a> = dyn FnMut(Step) -> ControlFlow<()> + 'a;

/// Counts the rows of one stage.
pub(super) struct Counter<'a, 'b> {
    step: Step,
    progress: &'a mut Progress<'b>,
}

impl<'a, 'b> Counter<'a, 'b> {
    pub(super) fn new(stage: &'static str, total: u64, progress: &'a mut Progress<'b>) -> Self {
        Self { step: Step { stage, done: 0, total }, progress }
    }

    /// Says that so many more rows are done.
    pub(super) fn add(&mut self, rows: u32) -> Result<(), ImageError> {
        self.step.done += u64::from(rows);
        match (self.progress)(self.step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ImageError::Interrupted),
        }
    }

    /// Shows every band from top to bottom.
    pub(super) fn each_band(
        &mut self,
        bands: &dyn Bands,
        mut see: impl FnMut(&Picture) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        for (y, rows) in bands.layout().bands() {
            see(&bands.band(y, rows)?)?;
            self.add(rows)?;
        }
        Ok(())
    }
}
