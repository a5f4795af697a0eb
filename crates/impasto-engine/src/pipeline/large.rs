//! Picture files too large for memory: laid out on disk, looked at by rows.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use impasto_image::canvas::{self, Bands, Canvas, Place, Step};
use impasto_image::{ErrorKind, ImageError, Limits, Parameters};

use super::files::{Input, Origin, OutputOptions, Target, write_error};
use super::memory;
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};

/// A picture that was read onto the disk.
#[derive(Debug)]
pub struct Imported {
    /// The picture.
    pub canvas: Canvas,
    /// Its file.
    pub origin: Origin,
}

impl Input {
    /// Whether the picture, read whole, would take more than `max_memory` bytes, or more than the system has left where
    /// that is `None`. Only the header of a file is read for that.
    ///
    /// # Errors
    /// [`EngineError::Picture`] for a file over the limits. Whatever else is wrong with it is left to those who read it.
    pub fn is_large(&self, limits: &Limits, max_memory: Option<u64>) -> Result<bool> {
        let Self::File(path) = self else { return Ok(false) };
        match canvas::size(path, limits) {
            Ok((_, width, height)) => Ok(!memory::holds(u64::from(width) * u64::from(height), max_memory)),
            Err(error) if error.kind() == ErrorKind::Limit => Err(EngineError::picture(path, error)),
            Err(_) => Ok(false),
        }
    }

    /// Reads a file into a new canvas, by rows; what the decoder noticed becomes notes.
    ///
    /// # Errors
    /// [`EngineError::Picture`] when it cannot be read by rows; [`EngineError::Environment`] when there is no room;
    /// [`EngineError::Cancelled`].
    pub fn import(&self, place: Place<'_>, limits: &Limits, control: &Control) -> Result<Imported> {
        let canvas = self.lay_out(place, limits, control)?;
        Ok(Imported { canvas, origin: self.origin(limits)? })
    }

    /// The picture of [`Input::import`] alone.
    ///
    /// # Errors
    /// As [`Input::import`].
    pub(super) fn lay_out(&self, place: Place<'_>, limits: &Limits, control: &Control) -> Result<Canvas> {
        let Self::File(path) = self else {
            return Err(EngineError::Limit("only files can be read by rows: save the picture to a file first".into()));
        };
        let canvas = canvas::import(path, place, limits, &mut watch(control)).map_err(|e| read_error(path, e))?;
        for note in canvas.notes() {
            control.note(format!("{}: {note}", path.display()));
        }
        Ok(canvas)
    }
}

impl Target {
    /// As [`Target::write`], by rows.
    ///
    /// # Errors
    /// As [`Target::write`]; [`EngineError::Caller`] for a format that cannot be written by rows;
    /// [`EngineError::Limit`] for [`Target::Memory`]; [`EngineError::Cancelled`].
    pub fn export(
        &self,
        picture: &dyn Bands,
        options: &OutputOptions,
        parameters: Option<Parameters>,
        control: &Control,
    ) -> Result<()> {
        let Self::File(path) = self else {
            let text = "the picture is too large for memory: name a file for the result with -o FILE";
            return Err(EngineError::Limit(text.into()));
        };
        let grey = picture.source().grey && is_grey(picture, control)?;
        let encode = self.encode_options(options, grey, parameters)?;
        for loss in encode.losses_of(picture.source(), false) {
            control.warn(loss);
        }
        canvas::export(picture, path, &encode, options.overwrite, &mut watch(control)).map_err(write_error)
    }

    /// A folder on the disk that the result goes to, for what is needed on the way there.
    pub fn scratch(&self) -> &Path {
        let folder = match self {
            Self::File(path) => path.parent(),
            Self::Memory(_) => None,
        };
        folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// Passes progress on, each stage with its beginning and end, and stops when the control was cancelled.
pub fn watch(control: &Control) -> impl FnMut(Step) -> ControlFlow<()> + '_ {
    let mut stage: Option<(&'static str, Instant)> = None;
    move |Step { stage: name, done, total }| {
        let since = match stage {
            Some((known, since)) if known == name => since,
            _ => {
                control.emit(Event::Started { stage: name.to_owned(), total });
                let now = Instant::now();
                stage = Some((name, now));
                now
            }
        };
        control.emit(Event::Progress { done, total, message: String::new() });
        if done == total {
            control.emit(Event::Finished { stage: name.to_owned(), seconds: since.elapsed().as_secs_f64() });
            stage = None;
        }
        if control.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn is_grey(picture: &dyn Bands, control: &Control) -> Result<bool> {
    let layout = picture.layout();
    for y in (0..layout.height).step_by(layout.band_rows() as usize) {
        control.check()?;
        let band = picture.band(y, layout.band_rows().min(layout.height - y)).map_err(write_error)?;
        if !super::files::is_grey(&band) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_error(path: &Path, error: ImageError) -> EngineError {
    match error {
        ImageError::Interrupted => EngineError::Cancelled,
        error => EngineError::picture(path, error),
    }
}
