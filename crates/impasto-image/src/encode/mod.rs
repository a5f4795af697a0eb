//! From a [`Picture`] to bytes, and safely onto the disk.

mod png;
mod quantise;
mod raw;
mod save;
mod tiff;
mod wrap;

use std::io::{Cursor, Seek, Write};

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::canvas::{Bands, Layout};
use crate::error::ImageError;
use crate::exif::Exif;
use crate::format::{Depth, Format};
use crate::parameters::{Parameters, xmp_packet};
use crate::picture::{Metadata, Picture, Source, samples};

use quantise::{Pixels, Store};

pub(crate) use quantise::{to_u8, to_u16};

pub use save::save;
pub(crate) use save::{Failed, Pending, check_extension};

/// What happens to the metadata of the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetadataPolicy {
    /// Descriptive EXIF fields, the position among them, and XMP are carried over.
    Keep,
    /// Nothing is carried over.
    Strip,
    /// Descriptive EXIF fields are carried over without the position; XMP, which may repeat it anywhere, is not.
    #[default]
    KeepExceptLocation,
}

/// How a picture is written.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// The format. GIF cannot be written.
    pub format: Format,
    /// Bits a sample; `None` keeps the source's as far as the format can. More than the format can is an error only when
    /// asked for.
    pub depth: Option<Depth>,
    /// 1 (small) to 100 (good), default 95; for JPEG only. WebP is always written lossless.
    pub jpeg_quality: u8,
    /// What happens to the source's metadata; parameters are written in any case.
    pub metadata: MetadataPolicy,
    /// `Some(true)` writes luma as greyscale, anything else colour (even for a grey source: stylising adds colour).
    pub grey: Option<bool>,
    /// Provenance to write into the file; see [`Parameters`].
    pub parameters: Option<Parameters>,
}

impl EncodeOptions {
    /// The defaults for a format.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            depth: None,
            jpeg_quality: 95,
            metadata: MetadataPolicy::default(),
            grey: None,
            parameters: None,
        }
    }

    /// The defaults for the format that a path's extension names.
    ///
    /// # Errors
    /// [`ImageError::UnknownExtension`] when it names none.
    pub fn for_path(path: &std::path::Path) -> Result<Self, ImageError> {
        let extension = path.extension().and_then(|e| e.to_str());
        let format = extension.and_then(Format::from_extension);
        format.map(Self::new).ok_or_else(|| ImageError::UnknownExtension(path.to_path_buf()))
    }

    /// What of this picture the file will not hold, one sentence each, so that a program can tell its user.
    #[must_use]
    pub fn losses(&self, picture: &Picture) -> Vec<String> {
        self.losses_of(&picture.source, picture.has_transparency())
    }

    /// As [`EncodeOptions::losses`], of a picture that is not at hand as a whole.
    #[must_use]
    pub fn losses_of(&self, source: &Source, transparent: bool) -> Vec<String> {
        let format = self.format;
        let mut losses = Vec::new();
        if !format.has_alpha() && transparent {
            losses.push(format!("{format} has no alpha: transparent parts were laid over white."));
        }
        if self.depth.is_none() && !format.depths().contains(&source.depth) {
            losses.push(format!("{format} cannot hold the source's precision: it was rounded."));
        }
        if format == Format::Bmp {
            if self.parameters.is_some() {
                losses.push("BMP has no place for parameters: they were left out.".into());
            }
            if self.metadata != MetadataPolicy::Strip && source.metadata.exif.is_some() {
                losses.push("BMP has no place for EXIF: it was left out.".into());
            }
        }
        losses
    }

    /// Refuses a picture that cannot be written by rows; the depth to write.
    pub(crate) fn check_bands(&self, picture: &dyn Bands) -> Result<Depth, ImageError> {
        let format = self.format;
        if matches!(format, Format::Jpeg | Format::WebP | Format::Bmp) {
            let what = "be written by rows: use PNG, TIFF or .impraw for pictures larger than memory".into();
            return Err(ImageError::OutputUnsupported { format, what });
        }
        let Layout { width, height, .. } = picture.layout();
        self.check(width, height, picture.source().depth)
    }

    /// Refuses what the format cannot do with a picture of this size; the depth to write.
    fn check(&self, width: u32, height: u32, source: Depth) -> Result<Depth, ImageError> {
        let format = self.format;
        let refuse = |what: String| ImageError::OutputUnsupported { format, what };
        let longest = match format {
            Format::Gif => {
                return Err(refuse("be written (256 colours ruin a photograph): use PNG".into()));
            }
            Format::Jpeg => 65_535,
            Format::WebP => 16_383,
            _ => i32::MAX as u32,
        };
        if width > longest || height > longest {
            return Err(refuse(format!(
                "hold a picture of {width}x{height} (at most {longest} a side): use PNG or TIFF"
            )));
        }
        if !(1..=100).contains(&self.jpeg_quality) {
            let quality = self.jpeg_quality;
            return Err(ImageError::InvalidArgument(format!(
                "the JPEG quality is {quality}; it must be from 1 to 100"
            )));
        }
        if let Some(parameters) = &self.parameters {
            parameters.check()?;
        }
        let depths = format.depths();
        match self.depth {
            Some(depth) if depths.contains(&depth) => Ok(depth),
            Some(depth) => Err(refuse(format!("store {depth:?} samples: use PNG (8, 16) or TIFF (8, 16, float)"))),
            // The best the format can that is no finer than the source.
            None => Ok(depths.iter().copied().find(|&d| d <= source).unwrap_or(Depth::U8)),
        }
    }
}

/// Refuses buffers that do not match the size.
fn check_samples(picture: &Picture) -> Result<(), ImageError> {
    let (width, height) = (picture.width, picture.height);
    let expected = samples(width, height, 3);
    let alpha_fits = picture.alpha.as_ref().is_none_or(|alpha| Some(alpha.len() * 3) == expected);
    if width == 0 || height == 0 || expected != Some(picture.rgb.len()) || !alpha_fits {
        let expected = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(3);
        return Err(ImageError::SizeMismatch { width, height, expected, found: picture.rgb.len() as u64 });
    }
    Ok(())
}

/// Metadata ready to be written.
struct Carried {
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

impl Carried {
    fn new(source: &Metadata, options: &EncodeOptions) -> Self {
        let (keep, location) = match options.metadata {
            MetadataPolicy::Keep => (true, true),
            MetadataPolicy::KeepExceptLocation => (true, false),
            MetadataPolicy::Strip => (false, false),
        };
        let exif = source.exif.as_ref().filter(|_| keep).and_then(|b| Exif::read(b.clone())?.rebuild(location));
        let old = source.xmp.as_deref().filter(|_| location);
        // In a PNG the parameters have chunks of their own.
        let ours = options.parameters.as_ref().filter(|_| options.format != Format::Png);
        Self { exif, xmp: xmp_packet(old, ours) }
    }
}

/// Encodes a picture.
///
/// Samples are clamped to [0, 1] and rounded to the nearest step (32-bit float TIFF keeps them as they are). The file is
/// sRGB: PNG says so, the others carry no profile. Formats without alpha (JPEG, BMP) get the picture laid over white;
/// [`EncodeOptions::losses`] tells beforehand.
///
/// # Errors
/// [`ErrorKind::Caller`](crate::ErrorKind::Caller) for options the format cannot serve,
/// [`ImageError::NotFinite`] when a sample is NaN or infinite, [`ImageError::SizeMismatch`] for a broken picture.
pub fn encode(picture: &Picture, options: &EncodeOptions) -> Result<Vec<u8>, ImageError> {
    check_samples(picture)?;
    let (width, height, format) = (picture.width, picture.height, options.format);
    let depth = options.check(width, height, picture.source.depth)?;
    let store = Store { depth, grey: options.grey == Some(true), alpha: format.has_alpha() && picture.alpha.is_some() };
    let carried = Carried::new(&picture.source.metadata, options);
    if matches!(format, Format::Png | Format::Tiff | Format::Raw) {
        let mut whole = |_, _| Ok(quantise::quantise(picture, store)?);
        let mut parts = |y, rows| Ok(quantise::quantise(&picture.band(y, rows)?, store)?);
        let mut out = Cursor::new(Vec::new());
        // The decision about numbers comes before everything else: their index is one of the whole picture.
        quantise::check_finite(picture)?;
        let job =
            |bands| Job { width, height, store, carried: &carried, parameters: options.parameters.as_ref(), bands };
        let written = match format {
            Format::Png => png::write_whole(job(&mut whole), &mut out),
            Format::Tiff => tiff::write(job(&mut parts), &mut out),
            _ => raw::write(job(&mut parts), &mut out),
        };
        written.map_err(|failed| match failed {
            Failed::Io(error) => ImageError::Encoder { format, reason: error.to_string() },
            Failed::Image(error) => error,
        })?;
        return Ok(out.into_inner());
    }
    let fail = |error: image::ImageError| ImageError::Encoder { format, reason: error.to_string() };
    match (format, quantise::quantise(picture, store)?) {
        (Format::Jpeg, Pixels::U8(raw)) => {
            let mut out = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut out, options.jpeg_quality);
            encoder.write_image(&raw, width, height, color_type(store)).map_err(fail)?;
            wrap::jpeg(out, &carried)
        }
        (Format::WebP, Pixels::U8(raw)) => {
            let mut out = Vec::new();
            WebPEncoder::new_lossless(&mut out).write_image(&raw, width, height, color_type(store)).map_err(fail)?;
            Ok(wrap::webp(out, width, height, store.alpha, &carried))
        }
        (Format::Bmp, Pixels::U8(raw)) => {
            let mut out = Cursor::new(Vec::new());
            BmpEncoder::new(&mut out).write_image(&raw, width, height, color_type(store)).map_err(fail)?;
            Ok(out.into_inner())
        }
        (format, _) => Err(ImageError::Encoder { format, reason: "no such depth".into() }),
    }
}

/// A picture on its way into a file, band by band.
struct Job<'a> {
    width: u32,
    height: u32,
    store: Store,
    carried: &'a Carried,
    parameters: Option<&'a Parameters>,
    /// Gives the samples of `rows` rows from a row on; asked from top to bottom.
    bands: &'a mut dyn FnMut(u32, u32) -> Result<Pixels, Failed>,
}

/// Writes a picture to `out` by rows.
///
/// # Errors
/// As [`encode`]; [`ImageError::OutputUnsupported`] for formats that are not written by rows.
pub(crate) fn encode_bands(
    picture: &dyn Bands,
    options: &EncodeOptions,
    out: impl Write + Seek,
    mut done: impl FnMut(u32) -> Result<(), ImageError>,
) -> Result<(), Failed> {
    let (Layout { width, height, alpha, .. }, source) = (picture.layout(), picture.source());
    let depth = options.check_bands(picture)?;
    let store = Store { depth, grey: options.grey == Some(true), alpha };
    let carried = Carried::new(&source.metadata, options);
    let mut bands = |y, rows| {
        let pixels = quantise::quantise(&picture.band(y, rows)?, store).map_err(|error| match error {
            ImageError::NotFinite { index } => ImageError::NotFinite { index: index + 3 * width as usize * y as usize },
            other => other,
        })?;
        done(rows)?;
        Ok(pixels)
    };
    let parameters = options.parameters.as_ref();
    let job = Job { width, height, store, carried: &carried, parameters, bands: &mut bands };
    match options.format {
        Format::Png => png::write(job, out),
        Format::Tiff => tiff::write(job, out),
        _ => raw::write(job, out),
    }
}

fn color_type(store: Store) -> ExtendedColorType {
    match (store.grey, store.alpha) {
        (true, false) => ExtendedColorType::L8,
        (true, true) => ExtendedColorType::La8,
        (false, false) => ExtendedColorType::Rgb8,
        (false, true) => ExtendedColorType::Rgba8,
    }
}

#[cfg(test)]
mod tests;
