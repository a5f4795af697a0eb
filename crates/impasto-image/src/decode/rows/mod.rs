//! Decoding by rows, for files larger than memory. Headers, metadata and samples are read by the ordinary decoders' own
//! functions.

mod png;
mod raw;
mod tiff;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::ImageReader;

use crate::canvas::{Canvas, Header};
use crate::directory::{Bytes, Directory, tag};
use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::limits::Limits;

use super::{Extras, Model, Samples, contained};

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

/// The format and the size in pixels that a file's header announces, within the limits. Pixels are neither read nor
/// allocated, and the picture may still turn out to be damaged.
///
/// # Errors
/// As [`open`](crate::open).
pub fn size(path: &Path, limits: &Limits) -> Result<(Format, u32, u32), ImageError> {
    let (file, format) = find(path, limits)?;
    if format == Format::Raw {
        let canvas = Canvas::open(path)?;
        let (width, height) = (canvas.layout().width, canvas.layout().height);
        limits.check_size(width, height)?;
        return Ok((format, width, height));
    }
    let (width, height) = announced(format, BufReader::new(file), limits)?;
    Ok((format, width, height))
}

/// As [`size`], of a file in memory: its width and height.
///
/// # Errors
/// As [`decode`](crate::decode).
pub fn size_of(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    limits.check_file(bytes.len() as u64)?;
    let format =
        Format::sniff(bytes).ok_or_else(|| ImageError::UnknownFormat(Format::describe_unknown(bytes).into()))?;
    if format == Format::Raw {
        let layout = Header::read(bytes, bytes.len() as u64)?.layout;
        limits.check_size(layout.width, layout.height)?;
        return Ok((layout.width, layout.height));
    }
    announced(format, Cursor::new(bytes), limits)
}

/// The size in the header of any format but the raw form, within the limits.
fn announced(format: Format, reader: impl BufRead + Seek, limits: &Limits) -> Result<(u32, u32), ImageError> {
    let (width, height) = contained(format, || match format {
        Format::Png => png::size(reader),
        Format::Tiff => tiff::size(reader),
        Format::Jpeg | Format::WebP | Format::Bmp | Format::Gif | Format::Raw => {
            let reader = ImageReader::new(reader).with_guessed_format();
            let reader = reader.map_err(|error| ImageError::corrupt(format, error))?;
            reader.into_dimensions().map_err(|error| ImageError::corrupt(format, error))
        }
    })?;
    limits.check_size(width, height)?;
    Ok((width, height))
}

/// Where provenance is found in a file of any size.
pub(crate) enum Found {
    /// A file, perhaps without its pixels.
    File(Vec<u8>),
    /// The XMP packet, if there is one.
    Xmp(Option<Vec<u8>>),
}

/// Reads what of a file may hold provenance.
pub(crate) fn metadata(path: &Path, limits: &Limits) -> Result<Found, ImageError> {
    let (mut file, format) = find(path, limits)?;
    let fail = |source| ImageError::from_io("read", path, source);
    Ok(match format {
        Format::Png => Found::File(png::metadata(&mut file).map_err(fail)?.0),
        Format::Tiff => {
            let bytes = FileBytes::new(&file, path)?;
            Found::Xmp(Directory::first(&bytes).and_then(|file| file.data(tag::XMP)).map(Cow::into_owned))
        }
        Format::Raw => Found::Xmp(Canvas::open(path)?.source().metadata.xmp.clone()),
        Format::Jpeg | Format::WebP | Format::Bmp | Format::Gif => {
            let mut bytes = Vec::new();
            file.take(limits.max_file_bytes).read_to_end(&mut bytes).map_err(fail)?;
            Found::File(bytes)
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeOptions, Picture, encode};

    #[test]
    fn headers_tell_the_size() {
        let (picture, limits) = (Picture::filled(13, 7, [0.2; 3]).unwrap(), Limits::default());
        let small = Limits { max_side: 12, ..limits };
        for format in Format::ALL.into_iter().filter(|format| !format.depths().is_empty()) {
            let bytes = encode(&picture, &EncodeOptions::new(format)).unwrap();
            assert_eq!(size_of(&bytes, &limits).unwrap(), (13, 7), "{format}");
            assert!(matches!(size_of(&bytes, &small), Err(ImageError::Limit { .. })), "{format}");
            for cut in 0..bytes.len().min(200) {
                if let Ok(found) = size_of(&bytes[..cut], &limits) {
                    assert_eq!(found, (13, 7), "{format} cut at {cut}");
                }
            }
        }
    }
}
