//! Adjusting picture files.

use impasto_image::Limits;
use impasto_image::adjust::Adjustments;

use super::files::{Input, OutputOptions, Target};
use super::provenance;
use crate::control::Control;
use crate::error::{EngineError, Result};

/// Reads a picture, adjusts it and writes it, keeping its size, depth, alpha and metadata; a neutral adjustment keeps
/// every pixel. Returns the bytes for [`Target::Memory`].
///
/// # Errors
/// [`EngineError::Caller`] for a value out of range; those of [`Input::open`] and [`Target::write`].
pub fn adjust_file(
    content: &Input,
    adjust: &Adjustments,
    target: &Target,
    options: &OutputOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<Vec<u8>>> {
    adjust.validate().map_err(|e| EngineError::Caller(e.to_string()))?;
    target.check(options)?;
    let opened = content.open(limits, control)?;
    let mut picture = opened.picture.clone();
    adjust.apply(&mut picture).map_err(|e| EngineError::Caller(e.to_string()))?;
    let parameters = provenance::of_adjust(adjust, content, &opened.origin);
    target.write(&picture, options, Some(parameters), control)
}
