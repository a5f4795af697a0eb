//! Making style codes.

use std::path::Path;

use impasto_image::Picture;

use super::loader::{STYLE_SIDE, at_style_size, style_tensor};
use super::painter::Resources;
use crate::error::{EngineError, Result};
use crate::models;
use crate::registry;
use crate::styles::{FORMAT_VERSION, StyleCode, StyleHeader};
use crate::traits::Direction;

/// What is said about a work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StyleDescription {
    /// The work's title.
    pub title: String,
    /// Who made it.
    pub artist: String,
    /// When it was made.
    pub year: String,
    /// Where the picture of it comes from.
    pub source: String,
    /// Licence of the work and its code.
    pub licence: String,
}

/// The bytes of a style file: the code that the default stylizer makes of a picture, with weights from `model` or the
/// bundled ones. The picture is seen at `style_size` on its shorter side, like `--style` sees it.
///
/// # Errors
/// Those of [`models::open_network`].
pub fn make_style(
    picture: &Picture,
    about: &StyleDescription,
    model: Option<&Path>,
    style_size: Option<u32>,
    resources: &Resources,
) -> Result<Vec<u8>> {
    let entry = registry::find(registry::DEFAULT_STYLIZER)?;
    let (network, info) = models::open_network(entry, model, Direction::default(), &resources.device.device)?;
    let seen = at_style_size(picture, style_size.or(Some(STYLE_SIDE)), style_size.is_some());
    let image = style_tensor(&seen, Some(&*network), &resources.device.device);
    let arrays = network
        .encode_style(&image)?
        .ok_or_else(|| EngineError::Internal(format!("{} makes no style codes", entry.descriptor.name)))?;
    let header = StyleHeader {
        version: FORMAT_VERSION,
        title: about.title.clone(),
        artist: about.artist.clone(),
        year: about.year.clone(),
        source: about.source.clone(),
        licence: about.licence.clone(),
        algorithm: entry.descriptor.name.to_owned(),
        weights: info.blake3,
    };
    StyleCode::encode(&header, &arrays)
}
