//! The picture as everything else sees it.

use crate::error::ImageError;
use crate::format::{Depth, Format};

/// A decoded picture: upright, sRGB, 32-bit float, alpha apart.
///
/// Invariants that every function here keeps and expects: `rgb.len() == 3 * width * height`, `alpha`, when present, has
/// `width * height` values, and both sides are at least 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Interleaved red, green, blue with the sRGB transfer curve, nominally in [0, 1], row by row.
    pub rgb: Vec<f32>,
    /// Straight (not premultiplied) alpha in [0, 1]; `None` when the picture has no alpha channel.
    pub alpha: Option<Vec<f32>>,
    /// Where it came from and what should survive a save.
    pub source: Source,
    /// What a careful person would want to know about the decoding, one sentence each.
    pub notes: Vec<String>,
}

/// What is remembered of the file a picture came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its format; `None` when the picture was made, not read.
    pub format: Option<Format>,
    /// Its sample depth, kept on save where the output format can.
    pub depth: Depth,
    /// Whether it was stored as greyscale.
    pub grey: bool,
    /// Metadata that may be carried over.
    pub metadata: Metadata,
}

impl Default for Source {
    fn default() -> Self {
        Self { format: None, depth: Depth::U8, grey: false, metadata: Metadata::default() }
    }
}

/// Metadata blocks as found in the file, bounded by the limits, neither trusted nor interpreted until a save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The EXIF block (a TIFF structure without the `Exif\0\0` prefix), its orientation already reset to 1.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub xmp: Option<Vec<u8>>,
}

/// Samples in a `width` x `height` buffer with `channels` each, or `None` when the product does not fit.
pub(crate) fn samples(width: u32, height: u32, channels: usize) -> Option<usize> {
    usize::try_from(width).ok()?.checked_mul(usize::try_from(height).ok()?)?.checked_mul(channels)
}

/// Refuses a size without pixels, or one that `found` samples do not fit.
pub(crate) fn check(width: u32, height: u32, channels: usize, found: usize) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::InvalidArgument(format!("a picture of {width}x{height} has no pixels")));
    }
    if samples(width, height, channels) == Some(found) {
        return Ok(());
    }
    let expected = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(channels as u64);
    Err(ImageError::SizeMismatch { width, height, expected, found: found as u64 })
}

impl Picture {
    /// A picture from interleaved RGB samples, without alpha.
    ///
    /// # Errors
    /// [`ImageError::SizeMismatch`] unless `rgb.len() == 3 * width * height`; [`ImageError::InvalidArgument`] for a side of 0.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<f32>) -> Result<Self, ImageError> {
        check(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb, alpha: None, source: Source::default(), notes: Vec::new() })
    }

    /// A picture from three planes, all red first, then all green, then all blue (the layout of networks).
    ///
    /// # Errors
    /// As [`Picture::from_rgb`].
    pub fn from_planar(width: u32, height: u32, planes: &[f32]) -> Result<Self, ImageError> {
        check(width, height, 3, planes.len())?;
        let n = planes.len() / 3;
        let (red, rest) = planes.split_at(n);
        let (green, blue) = rest.split_at(n);
        let mut rgb = Vec::with_capacity(planes.len());
        for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
            rgb.extend_from_slice(&[r, g, b]);
        }
        Self::from_rgb(width, height, rgb)
    }

    /// A picture of one colour.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] for a side of 0 or a size that does not fit in memory's address range.
    pub fn filled(width: u32, height: u32, colour: [f32; 3]) -> Result<Self, ImageError> {
        let n = samples(width, height, 1)
            .filter(|n| n.checked_mul(3).is_some())
            .ok_or_else(|| ImageError::InvalidArgument(format!("a picture of {width}x{height} is too large")))?;
        Self::from_rgb(width, height, colour.repeat(n))
    }

    /// The three colour planes one after the other, length `3 * width * height`.
    #[must_use]
    pub fn to_planar(&self) -> Vec<f32> {
        let mut planes = Vec::with_capacity(self.rgb.len());
        for channel in 0..3 {
            planes.extend(self.rgb.iter().skip(channel).step_by(3));
        }
        planes
    }

    /// Width times height.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.rgb.len() / 3
    }

    /// The pixels as triples.
    #[must_use]
    pub fn triples(&self) -> &[[f32; 3]] {
        self.rgb.as_chunks::<3>().0
    }

    /// The pixels as triples, to be changed in place.
    #[must_use]
    pub fn triples_mut(&mut self) -> &mut [[f32; 3]] {
        self.rgb.as_chunks_mut::<3>().0
    }

    /// Whether any pixel is less than fully opaque.
    #[must_use]
    pub fn has_transparency(&self) -> bool {
        self.alpha.as_ref().is_some_and(|alpha| alpha.iter().any(|&a| a < 1.0))
    }

    /// The same picture with other colours (a network's answer), keeping alpha, source and notes.
    ///
    /// # Errors
    /// [`ImageError::SizeMismatch`] unless `rgb` has as many samples as this picture.
    pub fn with_rgb(&self, rgb: Vec<f32>) -> Result<Self, ImageError> {
        check(self.width, self.height, 3, rgb.len())?;
        Ok(Self {
            width: self.width,
            height: self.height,
            rgb,
            alpha: self.alpha.clone(),
            source: self.source.clone(),
            notes: self.notes.clone(),
        })
    }
}

/// BT.601 luma of a pixel, the weights every step of this crate uses.
pub(crate) fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planar_round_trip() {
        let rgb: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let picture = Picture::from_rgb(4, 2, rgb).unwrap();
        let planes = picture.to_planar();
        assert_eq!(&planes[..3], &[0.0, 3.0, 6.0]);
        assert_eq!(Picture::from_planar(4, 2, &planes).unwrap(), picture);
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Picture::from_rgb(2, 2, vec![0.0; 11]).is_err());
        assert!(Picture::from_rgb(0, 2, vec![]).is_err());
        assert!(Picture::from_planar(u32::MAX, u32::MAX, &[]).is_err());
        assert!(Picture::filled(u32::MAX, u32::MAX, [0.0; 3]).is_err());
    }
}
