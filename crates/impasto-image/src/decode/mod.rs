//! From bytes to a [`Picture`].

mod jpeg;
mod orient;
mod png;
mod raster;
mod raw;
pub(crate) mod rows;
mod simple;
mod tiff;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::{ImageError, one_line};
use crate::format::{Depth, Format};
use crate::limits::Limits;
use crate::picture::{Metadata, Picture, Source};
use crate::{alpha, exif};

pub(crate) use orient::{apply as turn, place};
pub(crate) use raster::{Model, Raster, Samples, ToSrgb};

/// What a container says besides its pixels.
#[derive(Debug)]
pub(crate) struct Extras {
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    /// EXIF orientation 1 to 8.
    pub(crate) orientation: u8,
    /// The file's own statement of its colours where there is no profile (PNG `gAMA` and `cHRM`).
    pub(crate) calibration: Option<crate::icc::Calibration>,
    /// Depth and greyness to remember where they are not those of the samples stored.
    pub(crate) origin: Option<(Depth, bool)>,
    pub(crate) notes: Vec<String>,
}

impl Default for Extras {
    fn default() -> Self {
        Self { icc: None, exif: None, xmp: None, orientation: 1, calibration: None, origin: None, notes: Vec::new() }
    }
}

impl Extras {
    /// Takes an EXIF block: its orientation, and itself rebuilt without what no longer holds.
    pub(crate) fn take_exif(&mut self, block: &[u8], limits: &Limits) {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        if block.len() > limits.max_exif_bytes {
            self.notes.push("The EXIF block is larger than the limit and was ignored.".into());
            return;
        }
        match exif::Exif::read(block.to_vec()) {
            Some(found) => {
                self.orientation = found.orientation();
                self.exif = found.rebuild(true);
            }
            None => self.notes.push("The EXIF block is damaged and was ignored.".into()),
        }
    }

    /// Takes a colour profile unless it is over the limit.
    pub(crate) fn take_icc(&mut self, profile: &[u8], limits: &Limits) {
        if profile.len() > limits.max_icc_bytes {
            self.notes.push("The colour profile is larger than the limit and was ignored.".into());
        } else {
            self.icc = Some(profile.to_vec());
        }
    }

    pub(crate) fn take_xmp(&mut self, packet: &[u8], limits: &Limits) {
        if packet.len() > limits.max_text_bytes {
            self.notes.push("The XMP packet is larger than the limit and was ignored.".into());
        } else {
            self.xmp = Some(packet.to_vec());
        }
    }

    /// Checks an announced number of frames and notes that only the first is used.
    pub(crate) fn take_frames(&mut self, frames: u64, what: &str, limits: &Limits) -> Result<(), ImageError> {
        limits.check_frames(frames)?;
        if frames > 1 {
            self.notes.push(format!("The file holds {frames} {what}; only the first is used."));
        }
        Ok(())
    }
}

/// Decodes a picture.
///
/// The format is told by the first bytes. The header is read first and held against `limits` before pixels are
/// allocated. The result is upright (EXIF orientation applied), converted to sRGB from whatever colour profile the file
/// carries, with alpha apart; colours under fully transparent pixels are filled from their neighbours, so that filtering
/// across an edge makes no halo. Of animations and multi-page files the first frame is decoded. [`Picture::notes`] says
/// whatever was ignored or repaired.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for bytes that are no picture, damaged or unsupported;
/// [`ErrorKind::Limit`](crate::ErrorKind::Limit) for what is over `limits`. Decoder panics are contained and become
/// [`ImageError::DecoderPanicked`].
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, ImageError> {
    limits.check_file(bytes.len() as u64)?;
    let format =
        Format::sniff(bytes).ok_or_else(|| ImageError::UnknownFormat(Format::describe_unknown(bytes).into()))?;
    contained(format, || decode_as(format, bytes, limits))
}

/// Runs a decoder and makes an error of its panic. Nothing that `work` changes may be looked at after that.
pub(crate) fn contained<T>(format: Format, work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ImageError::DecoderPanicked { format, reason: panic_text(&*panic) }))
}

/// Reads and decodes a file; see [`decode`].
///
/// # Errors
/// As [`decode`], and [`ErrorKind::Environment`](crate::ErrorKind::Environment) when the file cannot be read.
pub fn open(path: &Path, limits: &Limits) -> Result<Picture, ImageError> {
    decode(&read_file(path, limits)?, limits)
}

/// Reads a whole file, never more than the limit, even from a file that grows while it is read.
fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let fail = |source| ImageError::from_io("read", path, source);
    let meta = std::fs::metadata(path).map_err(fail)?;
    if !meta.is_file() {
        return Err(ImageError::NotAFile(path.to_path_buf()));
    }
    limits.check_file(meta.len())?;
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    File::open(path)
        .map_err(fail)?
        .take(limits.max_file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    limits.check_file(bytes.len() as u64)?;
    Ok(bytes)
}

fn decode_as(format: Format, bytes: &[u8], limits: &Limits) -> Result<Picture, ImageError> {
    let (raster, mut extras) = match format {
        Format::Png => png::decode(bytes, limits)?,
        Format::Jpeg => jpeg::decode(bytes, limits)?,
        Format::Tiff => tiff::decode(bytes, limits)?,
        Format::Raw => raw::decode(bytes, limits)?,
        Format::WebP | Format::Bmp | Format::Gif => simple::decode(format, bytes, limits)?,
    };
    let (depth, grey) = extras.origin.unwrap_or((raster.depth(), raster.model.is_grey()));
    let (width, height) = (raster.width, raster.height);
    let (rgb, alpha) = raster.into_srgb(format, &mut extras)?;
    // The GIF decoder always adds alpha; where it says nothing, the file had none.
    let alpha = alpha.filter(|alpha| format != Format::Gif || alpha.iter().any(|&a| a < 1.0));
    let source = Source {
        format: Some(format),
        depth,
        grey,
        metadata: Metadata { exif: extras.exif.take(), xmp: extras.xmp.take() },
    };
    let mut picture = Picture { width, height, rgb, alpha, source, notes: extras.notes };
    orient::apply(&mut picture, extras.orientation);
    alpha::bleed(&mut picture);
    Ok(picture)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn refusals_name_the_culprit() {
        let limits = Limits::default();
        let cases: [(&[u8], ErrorKind); 4] = [
            (b"", ErrorKind::Input),
            (b"hello", ErrorKind::Input),
            (b"\x89PNG\r\n\x1a\n", ErrorKind::Input),
            (b"\xff\xd8\xff", ErrorKind::Input),
        ];
        for (bytes, kind) in cases {
            let error = decode(bytes, &limits).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
        let small = Limits { max_file_bytes: 3, ..limits };
        assert_eq!(decode(b"hello", &small).unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn missing_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        assert!(matches!(open(&folder.path().join("no.png"), &limits), Err(ImageError::NotFound(_))));
        assert!(matches!(open(folder.path(), &limits), Err(ImageError::NotAFile(_))));
    }
}
