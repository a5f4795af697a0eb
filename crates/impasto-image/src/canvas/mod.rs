//! Pictures larger than memory: a picture in a file, read and written in parts.
//!
//! - [`Canvas`] keeps the pixels of an upright sRGB picture, alpha straight, in one file. Rectangles are read and written
//!   as planes of 32-bit float, from as many threads as one likes.
//! - [`import`] turns a file into a canvas, [`export`] writes a picture file; both go by rows, so that their memory does
//!   not grow with the height of the picture.
//! - [`Bands`] is what can be asked for rows: a canvas, a [`Picture`](crate::Picture), or one of these seen through
//!   [`Adjusted`], [`Recoloured`], [`Masked`] or [`Blended`]. These compute what the same functions compute on whole pictures, to the
//!   bit.
//!
//! # The raw form
//!
//! A canvas is also a file format, [`Format::Raw`](crate::Format::Raw) with the extension `.impraw`. All numbers are
//! little-endian:
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..8 | `89 49 4D 50 52 41 57 0A` (`\x89IMPRAW\n`) |
//! | 8..12 | version, 1 |
//! | 12..16, 16..20 | width and height, from 1 to 1,048,576 |
//! | 20 | channels: 3 (red, green, blue) or 4 (and straight alpha) |
//! | 21 | how samples are stored: 1 as u8, 2 as u16 (both from 0 to full scale), 4 as f32 (nominally from 0 to 1) |
//! | 22 | the depth the picture had where it came from, in the same code; a hint for writing it |
//! | 23 | bit 0: it came from a greyscale file; the others are 0 |
//! | 24..32 | where the pixels start; a multiple of 4096 when written here |
//! | 32..36, 36..40 | lengths of an EXIF block (a TIFF structure) and of an XMP packet, 0 where there is none |
//! | 40..64 | 0 |
//! | 64.. | the EXIF block, then the XMP packet |
//! | from the start of the pixels | rows from top to bottom, pixels from left to right, channels interleaved, no gaps |
//!
//! The file ends with the last pixel. Colours are sRGB with its transfer curve; alpha is not multiplied in.

mod at;
mod bands;
mod bleed;
mod export;
mod file;
mod header;
mod import;
mod progress;

pub use crate::decode::rows::size;
use crate::format::Depth;

pub use bands::{Adjusted, Bands, Blended, Drawn, Masked, Recoloured, Weights};
pub use export::export;
pub use file::{Canvas, Place};
pub(crate) use header::{Header, MAGIC};
pub use import::import;
pub use progress::{Progress, Step};

/// Size and kind of the pixels of a canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// How samples are stored. Values between the steps of [`Depth::U8`] and [`Depth::U16`] are rounded.
    pub depth: Depth,
}

impl Layout {
    /// Channels: 3, or 4 with alpha.
    #[must_use]
    pub fn channels(self) -> usize {
        3 + usize::from(self.alpha)
    }

    /// Bytes of one pixel.
    #[must_use]
    pub fn pixel_bytes(self) -> usize {
        self.channels()
            * match self.depth {
                Depth::U8 => 1,
                Depth::U16 => 2,
                Depth::F32 => 4,
            }
    }

    /// Bytes of all pixels.
    #[must_use]
    pub fn bytes(self) -> u64 {
        // At most 2^20 * 2^20 * 16 in any canvas; other sizes are refused later, with words.
        (u64::from(self.width) * u64::from(self.height)).saturating_mul(self.pixel_bytes() as u64)
    }

    /// How many rows work by bands takes at a time: some 16 MiB of 32-bit float, one row at least.
    #[must_use]
    pub fn band_rows(self) -> u32 {
        const BAND_BYTES: u64 = 16 << 20;
        let row = u64::from(self.width.max(1)) * self.channels() as u64 * 4;
        (BAND_BYTES / row).clamp(1, u64::from(self.height.max(1))) as u32
    }

    /// The rectangle of all pixels.
    #[must_use]
    pub fn all(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Bands of [`Layout::band_rows`] rows from top to bottom: the first row and the number of rows of each.
    pub(crate) fn bands(self) -> impl Iterator<Item = (u32, u32)> {
        let rows = self.band_rows();
        (0..self.height).step_by(rows as usize).map(move |y| (y, rows.min(self.height - y)))
    }
}

/// A rectangle of pixels within a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

impl Rect {
    /// Width times height.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Whether it lies within a picture of `layout` and holds a pixel.
    fn within(self, layout: Layout) -> bool {
        let fits =
            |at: u32, length: u32, size: u32| length > 0 && at.checked_add(length).is_some_and(|end| end <= size);
        fits(self.x, self.width, layout.width) && fits(self.y, self.height, layout.height)
    }
}

#[cfg(test)]
mod tests;
