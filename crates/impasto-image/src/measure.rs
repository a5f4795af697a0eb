//! The size of a picture, told by its header.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::ImageError;
use crate::format::Format;

/// Bytes by which a format is told.
const START: usize = 64;

/// What a header says of a picture. Nothing is checked but that it can be read; an EXIF orientation is not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The file's format.
    pub format: Format,
    /// Width in pixels, as stored.
    pub width: u32,
    /// Height in pixels, as stored.
    pub height: u32,
}

impl Measure {
    /// Width times height.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Reads the header of a file; no pixels.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for what is no picture, missing or damaged;
/// [`ErrorKind::Environment`](crate::ErrorKind::Environment) when the file cannot be read.
pub fn measure_file(path: &Path) -> Result<Measure, ImageError> {
    let fail = |source| ImageError::from_io("read", path, source);
    if !std::fs::metadata(path).map_err(fail)?.is_file() {
        return Err(ImageError::NotAFile(path.to_path_buf()));
    }
    measure_from(BufReader::new(File::open(path).map_err(fail)?))
}

/// As [`measure_file`], of a file in memory.
///
/// # Errors
/// As [`measure_file`].
pub fn measure(bytes: &[u8]) -> Result<Measure, ImageError> {
    measure_from(Cursor::new(bytes))
}

fn measure_from(mut reader: impl BufRead + Seek) -> Result<Measure, ImageError> {
    let mut start = Vec::with_capacity(START);
    let unread = |_| ImageError::UnknownFormat("it cannot be read to its end".into());
    reader.by_ref().take(START as u64).read_to_end(&mut start).map_err(unread)?;
    reader.rewind().map_err(unread)?;
    let format =
        Format::sniff(&start).ok_or_else(|| ImageError::UnknownFormat(Format::describe_unknown(&start).into()))?;
    // Decoders may panic on damaged headers; nothing half-changed can be seen after that.
    let size = catch_unwind(AssertUnwindSafe(|| size(format, &start, reader)));
    let panicked = || ImageError::DecoderPanicked { format, reason: "while its header was read".into() };
    let (width, height) = size.unwrap_or_else(|_| Err(panicked()))?;
    Ok(Measure { format, width, height })
}

/// Width and height.
fn size(format: Format, start: &[u8], reader: impl BufRead + Seek) -> Result<(u32, u32), ImageError> {
    let damaged = |reason: String| ImageError::Corrupt { format, reason: crate::error::one_line(&reason) };
    match format {
        Format::Raw => {
            let side = |at: usize| start.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
            side(12).zip(side(16)).ok_or_else(|| damaged("the header is cut short".into()))
        }
        Format::Tiff => {
            // `image` refuses kinds of samples that are read here, and the larger form of the format.
            let mut decoder = tiff::decoder::Decoder::new(reader).map_err(|e| damaged(e.to_string()))?;
            decoder.dimensions().map_err(|e| damaged(e.to_string()))
        }
        _ => {
            let mut reader = image::ImageReader::new(reader);
            reader.set_format(match format {
                Format::Jpeg => image::ImageFormat::Jpeg,
                Format::WebP => image::ImageFormat::WebP,
                Format::Bmp => image::ImageFormat::Bmp,
                Format::Gif => image::ImageFormat::Gif,
                _ => image::ImageFormat::Png,
            });
            reader.into_dimensions().map_err(|e| damaged(e.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeOptions, Picture, encode};

    #[test]
    fn headers_tell_sizes() {
        let picture = Picture::filled(37, 21, [0.3, 0.6, 0.1]).unwrap();
        for format in Format::ALL.into_iter().filter(|f| !f.depths().is_empty()) {
            let bytes = encode(&picture, &EncodeOptions::new(format)).unwrap();
            assert_eq!(measure(&bytes).unwrap(), Measure { format, width: 37, height: 21 });
            for length in [0, 7, 15] {
                assert!(measure(&bytes[..length.min(bytes.len())]).is_err(), "{format} {length}");
            }
        }
    }
}
