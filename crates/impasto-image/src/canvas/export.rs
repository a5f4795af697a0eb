//! Out of a canvas, into a picture file.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::encode::{EncodeOptions, Pending, check_extension, encode_bands};
use crate::error::ImageError;

use super::progress::Counter;
use super::{Bands, Progress};

/// Writes a picture to `path` by rows, atomically; the same picture that [`save`](crate::save) writes.
///
/// PNG, TIFF (as BigTIFF when the file might reach four gigabytes) and the raw form can be written so. `options` mean
/// what they mean there; an existing file is only replaced with `overwrite`.
///
/// # Errors
/// As [`save`](crate::save); [`ImageError::OutputUnsupported`] for other formats; [`ImageError::Interrupted`]. Whatever
/// happens, the old file, or none, is there, and nothing else.
pub fn export(
    picture: &dyn Bands,
    path: &Path,
    options: &EncodeOptions,
    overwrite: bool,
    progress: &mut Progress<'_>,
) -> Result<(), ImageError> {
    check_extension(path, options.format)?;
    options.check_bands(picture)?;
    let mut counter = Counter::new("writing", u64::from(picture.layout().height), progress);
    let mut pending = Pending::new(path, overwrite)?;
    pending.write(|file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        encode_bands(picture, options, &mut out, |rows| counter.add(rows))?;
        Ok(out.flush()?)
    })?;
    pending.finish()
}
