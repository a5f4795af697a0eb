//! Into a canvas and out of it.

use std::ops::ControlFlow;
use std::path::Path;

use crate::encode::{EncodeOptions, save};
use crate::error::ImageError;
use crate::limits::Limits;
use crate::picture::Picture;

use super::{Bands, Canvas, Layout, Place};

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

/// Reads a picture file into a new canvas; the same picture that [`open`](crate::open) gives, to the bit.
///
/// The canvas stores samples as finely as the decoder knows them: as u8 or u16 where the file does and its colours are
/// sRGB already, else as 32-bit float.
///
/// # Errors
/// As [`open`](crate::open) and [`Canvas::create`]; [`ImageError::Interrupted`].
pub fn import(
    input: &Path,
    place: Place<'_>,
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Canvas, ImageError> {
    let picture = crate::open(input, limits)?;
    let layout = Layout { depth: crate::Depth::F32, ..picture.layout() };
    let canvas = Canvas::create(place, layout, &picture.source)?;
    let mut counter = Counter::new("reading", u64::from(layout.height), progress);
    for (y, rows) in layout.bands() {
        canvas.draw(0, y, &picture.band(y, rows)?)?;
        counter.add(rows)?;
    }
    Ok(canvas)
}

/// Writes a picture to `path`, atomically; the same picture that [`save`](crate::save) writes, to the bit.
///
/// # Errors
/// As [`save`](crate::save); [`ErrorKind::Caller`](crate::ErrorKind::Caller) for a format that cannot be written by rows;
/// [`ImageError::Interrupted`].
pub fn export(
    picture: &dyn Bands,
    path: &Path,
    options: &EncodeOptions,
    overwrite: bool,
    progress: &mut Progress<'_>,
) -> Result<(), ImageError> {
    let layout = picture.layout();
    let mut whole = picture.band(0, layout.height)?;
    whole.source = picture.source().clone();
    save(&whole, path, options, overwrite)?;
    Counter::new("writing", u64::from(layout.height), progress).add(layout.height)
}
