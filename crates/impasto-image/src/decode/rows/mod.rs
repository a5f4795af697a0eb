//! Decoding by rows, for files larger than memory. Headers, metadata and samples are read by the ordinary decoders' own
//! functions.

mod png;
mod raw;
mod tiff;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::directory::Bytes;
use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::limits::Limits;

use super::{Extras, Model, Samples};

/// More metadata than this is not looked at, whatever the limits say of its parts.
const METADATA_BYTES: usize = 32 << 20;
/// About so many bytes of samples are read at a time.
const PART_BYTES: usize = 4 << 20;

/// A file whose header was read and whose rows come one after the other.
pub(crate) struct Stream {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) model: Model,
    /// The kind of samples that `rows` gives.
    pub(crate) depth: Depth,
    pub(crate) premultiplied: bool,
    pub(crate) extras: Extras,
    pub(crate) rows: Box<dyn Rows>,
}

/// Rows of interleaved samples as stored, from top to bottom.
pub(crate) trait Rows {
    /// Some more whole rows; `None` after the last, when the rest of the file was found to be sound.
    fn next(&mut self) -> Result<Option<Samples>, ImageError>;
}

/// Opens a file and tells its format.
pub(crate) fn find(path: &Path, limits: &Limits) -> Result<(File, Format), ImageError> {
    let fail = |source| ImageError::from_io("read", path, source);
    let mut file = File::open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Err(ImageError::NotAFile(path.to_path_buf()));
    }
    limits.check_file(meta.len())?;
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    let format = Format::sniff(&start);
    let format = format.ok_or_else(|| ImageError::UnknownFormat(Format::describe_unknown(&start).into()))?;
    Ok((file, format))
}

/// Reads the header of a file that [`find`] found, so that its rows can be read. Formats that do not lie row by row are
/// first laid out in a file without a name in the folder `scratch`.
pub(crate) fn open(
    file: File,
    format: Format,
    path: &Path,
    limits: &Limits,
    scratch: &Path,
) -> Result<Stream, ImageError> {
    match format {
        Format::Png => png::open(file, path, limits, scratch),
        Format::Tiff => tiff::open(file, path, limits),
        Format::Raw => raw::open(path, limits),
        Format::Jpeg | Format::WebP | Format::Bmp | Format::Gif => Err(ImageError::NotByRows(format)),
    }
}

/// A file that is looked into here and there.
struct FileBytes {
    file: File,
    length: usize,
}

impl FileBytes {
    fn new(file: &File, path: &Path) -> Result<Self, ImageError> {
        let fail = |source| ImageError::from_io("read", path, source);
        let length = usize::try_from(file.metadata().map_err(fail)?.len()).unwrap_or(usize::MAX);
        Ok(Self { file: File::open(path).map_err(fail)?, length })
    }
}

impl Bytes for FileBytes {
    fn length(&self) -> usize {
        self.length
    }

    fn get(&self, at: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        if length > METADATA_BYTES || at.checked_add(length)? > self.length {
            return None;
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at as u64)).ok()?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).ok()?;
        Some(bytes.into())
    }
}
