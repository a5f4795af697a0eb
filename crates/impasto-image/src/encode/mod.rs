//! From a [`Picture`] to bytes, and safely onto the disk.

mod quantise;
mod raw;
mod save;
mod tiff;
mod wrap;

use std::io::Cursor;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::error::ImageError;
use crate::exif::Exif;
use crate::format::{Depth, Format};
use crate::parameters::{JSON_KEYWORD, Parameters, TEXT_KEYWORD, xmp_packet};
use crate::picture::{Picture, samples};

use quantise::{Pixels, Store};

pub(crate) use quantise::{to_u8, to_u16};

pub use save::save;

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
        let format = self.format;
        let mut losses = Vec::new();
        if !format.has_alpha() && picture.has_transparency() {
            losses.push(format!("{format} has no alpha: transparent parts were laid over white."));
        }
        if self.depth.is_none() && !format.depths().contains(&picture.source.depth) {
            losses.push(format!("{format} cannot hold the source's precision: it was rounded."));
        }
        if format == Format::Bmp {
            if self.parameters.is_some() {
                losses.push("BMP has no place for parameters: they were left out.".into());
            }
            if self.metadata != MetadataPolicy::Strip && picture.source.metadata.exif.is_some() {
                losses.push("BMP has no place for EXIF: it was left out.".into());
            }
        }
        losses
    }

    fn check(&self, picture: &Picture) -> Result<Depth, ImageError> {
        let format = self.format;
        let refuse = |what: String| ImageError::OutputUnsupported { format, what };
        let (width, height) = (picture.width, picture.height);
        let expected = samples(width, height, 3);
        let alpha_fits = picture.alpha.as_ref().is_none_or(|alpha| Some(alpha.len() * 3) == expected);
        if width == 0 || height == 0 || expected != Some(picture.rgb.len()) || !alpha_fits {
            let expected = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(3);
            return Err(ImageError::SizeMismatch { width, height, expected, found: picture.rgb.len() as u64 });
        }
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
            None => Ok(depths.iter().copied().find(|&d| d <= picture.source.depth).unwrap_or(Depth::U8)),
        }
    }
}

/// Metadata ready to be written.
struct Carried {
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

impl Carried {
    fn new(picture: &Picture, options: &EncodeOptions) -> Self {
        let source = &picture.source.metadata;
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
    let depth = options.check(picture)?;
    let store =
        Store { depth, grey: options.grey == Some(true), alpha: options.format.has_alpha() && picture.alpha.is_some() };
    let pixels = quantise::quantise(picture, store)?;
    let carried = Carried::new(picture, options);
    let (width, height) = (picture.width, picture.height);
    let format = options.format;
    let fail = |error: image::ImageError| ImageError::Encoder { format, reason: error.to_string() };
    match (format, pixels) {
        (Format::Png, pixels) => png(width, height, &pixels, store, options.parameters.as_ref(), &carried),
        (Format::Tiff, pixels) => tiff::encode(width, height, &pixels, store, &carried),
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
        (Format::Raw, pixels) => raw::encode(width, height, &pixels, store, picture.source.grey, carried),
        (format, _) => Err(ImageError::Encoder { format, reason: "no such depth".into() }),
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

fn png(
    width: u32,
    height: u32,
    pixels: &Pixels,
    store: Store,
    parameters: Option<&Parameters>,
    carried: &Carried,
) -> Result<Vec<u8>, ImageError> {
    let fail = |error: png::EncodingError| ImageError::Encoder { format: Format::Png, reason: error.to_string() };
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(match (store.grey, store.alpha) {
        (true, false) => png::ColorType::Grayscale,
        (true, true) => png::ColorType::GrayscaleAlpha,
        (false, false) => png::ColorType::Rgb,
        (false, true) => png::ColorType::Rgba,
    });
    encoder.set_depth(if store.depth == Depth::U8 { png::BitDepth::Eight } else { png::BitDepth::Sixteen });
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header().map_err(fail)?;
    if let Some(exif) = &carried.exif {
        writer.write_chunk(png::chunk::eXIf, exif).map_err(fail)?;
    }
    if let Some(xmp) = carried.xmp.as_deref().and_then(|xmp| std::str::from_utf8(xmp).ok()) {
        let (kind, data) = wrap::png_text("XML:com.adobe.xmp", xmp, true);
        writer.write_chunk(kind, &data).map_err(fail)?;
    }
    if let Some(parameters) = parameters {
        for (keyword, text) in [(TEXT_KEYWORD, parameters.text.clone()), (JSON_KEYWORD, parameters.ascii_json())] {
            let (kind, data) = wrap::png_text(keyword, &text, false);
            writer.write_chunk(kind, &data).map_err(fail)?;
        }
    }
    match pixels {
        Pixels::U8(raw) => writer.write_image_data(raw).map_err(fail)?,
        Pixels::U16(wide) => {
            let raw: Vec<u8> = wide.iter().flat_map(|v| v.to_be_bytes()).collect();
            writer.write_image_data(&raw).map_err(fail)?;
        }
        Pixels::F32(_) => {
            return Err(ImageError::Encoder { format: Format::Png, reason: "no such depth".into() });
        }
    }
    writer.finish().map_err(fail)?;
    Ok(out)
}

#[cfg(test)]
mod tests;
