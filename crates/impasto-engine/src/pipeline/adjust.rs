//! Adjusting picture files.

use impasto_image::Limits;
use impasto_image::adjust::Adjustments;
use impasto_image::canvas::{Adjusted, Place};

use super::files::{Input, OutputOptions, Target};
use super::large::Imported;
use super::provenance;
use crate::control::Control;
use crate::error::{EngineError, Result};

/// Reads a picture, adjusts it and writes it, keeping its size, depth, alpha and metadata; a neutral adjustment keeps
/// every pixel. Returns the bytes for [`Target::Memory`].
///
/// A file that, read whole, would take more than `max_memory` bytes (what the system has left where that is `None`) is
/// read, adjusted and written by rows, with the same result; its pixels lie on the disk beside the target meanwhile.
///
/// # Errors
/// [`EngineError::Caller`] for a value out of range; those of [`Input::open`] and [`Target::write`], or [`Input::import`]
/// and [`Target::export`].
pub fn adjust_file(
    content: &Input,
    adjust: &Adjustments,
    target: &Target,
    options: &OutputOptions,
    limits: &Limits,
    max_memory: Option<u64>,
    control: &Control,
) -> Result<Option<Vec<u8>>> {
    adjust.validate().map_err(|e| EngineError::Caller(e.to_string()))?;
    target.check(options)?;
    if content.is_large(limits, max_memory)? {
        let Imported { canvas, origin } = content.import(Place::Scratch(target.scratch()), limits, control)?;
        let adjusted = Adjusted::new(&canvas, *adjust).map_err(|e| EngineError::Caller(e.to_string()))?;
        let parameters = provenance::of_adjust(adjust, content, &origin);
        return target.export(&adjusted, options, Some(parameters), control).map(|()| None);
    }
    let opened = content.open(limits, control)?;
    let mut picture = opened.picture.clone();
    adjust.apply(&mut picture).map_err(|e| EngineError::Caller(e.to_string()))?;
    let parameters = provenance::of_adjust(adjust, content, &opened.origin);
    target.write(&picture, options, Some(parameters), control)
}
