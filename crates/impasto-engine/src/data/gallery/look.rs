//! What is learnt of one picture while it is decoded.

use std::borrow::Cow;

use impasto_image::{Depth, Limits, Picture, alpha};

use super::frame;
use super::settings::GallerySettings;
use super::sketch::Sketch;
use super::source::Content;

/// What remains of a picture.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Its format; `None` of raw values.
    pub(super) format: Option<impasto_image::Format>,
    pub(super) grey: bool,
    pub(super) transparent: bool,
    pub(super) deep: bool,
    /// Hash of its pixels over the background.
    pub(super) pixels: blake3::Hash,
    pub(super) sketch: Sketch,
    /// Planar 8 bit RGB of the settings' size; `None` where none is asked for.
    pub(super) planes: Option<Vec<u8>>,
}

/// How many pixels will be decoded; what cannot be told is refused later.
pub(super) fn pixels(content: &Content, limits: &Limits) -> u64 {
    let size = match content {
        Content::File(path) => impasto_image::canvas::size(path, limits).ok().map(|(_, w, h)| (w, h)),
        Content::Bytes(bytes) => impasto_image::size_of(bytes, limits).ok(),
        Content::Grey { size: [width, height], .. } => Some((*width, *height)),
        Content::Refused(_) => None,
    };
    size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}

/// Looks at a picture, and makes it fit where `framed`.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn look(content: &Content, settings: &GallerySettings, framed: bool) -> Result<Look, String> {
    let decoded = match content {
        Content::File(path) => impasto_image::open(path, &settings.limits).map_err(|e| e.to_string())?,
        Content::Bytes(bytes) => impasto_image::decode(bytes, &settings.limits).map_err(|e| e.to_string())?,
        Content::Grey { size, values } => grey(*size, values)?,
        Content::Refused(reason) => return Err(reason.clone()),
    };
    let transparent = decoded.has_transparency();
    let opaque = if transparent {
        let rgb = alpha::over(&decoded, settings.background);
        let picture = Picture::from_rgb(decoded.width, decoded.height, rgb).map_err(|e| e.to_string())?;
        Cow::Owned(picture)
    } else {
        Cow::Borrowed(&decoded)
    };
    Ok(Look {
        width: decoded.width,
        height: decoded.height,
        format: decoded.source.format,
        grey: decoded.source.grey,
        transparent,
        deep: decoded.source.depth != Depth::U8,
        pixels: hash(&opaque),
        sketch: Sketch::of(&opaque),
        planes: if framed { Some(frame::framed(&opaque, settings)?) } else { None },
    })
}

/// A picture of grey bytes.
fn grey([width, height]: [u32; 2], values: &[u8]) -> Result<Picture, String> {
    let rgb = values.iter().flat_map(|&value| [f32::from(value) / 255.0; 3]).collect();
    let mut picture = Picture::from_rgb(width, height, rgb).map_err(|e| e.to_string())?;
    picture.source.grey = true;
    Ok(picture)
}

fn hash(picture: &Picture) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&picture.width.to_le_bytes());
    hasher.update(&picture.height.to_le_bytes());
    hasher.update(bytemuck::cast_slice(&picture.rgb));
    hasher.finalize()
}
