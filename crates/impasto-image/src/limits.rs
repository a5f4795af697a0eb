//! How large an input may be.

use serde::{Deserialize, Serialize};

use crate::error::ImageError;

/// Bounds that every decode is held to. Sizes are read from the header and checked before pixels are allocated.
///
/// The defaults suit a desktop; a server that decodes for strangers sets them lower and adds a budget over all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most pixels in one picture (default 64 Mi).
    pub max_pixels: u64,
    /// Longest side in pixels (default 16,384).
    pub max_side: u32,
    /// Largest file in bytes (default 64 MiB).
    pub max_file_bytes: u64,
    /// Most frames or pages a file may announce (default 512); only the first is decoded.
    pub max_frames: u32,
    /// Largest colour profile in bytes, after decompression (default 4 MiB); a larger one is ignored with a note.
    pub max_icc_bytes: usize,
    /// Largest EXIF block in bytes (default 1 MiB); a larger one is ignored with a note.
    pub max_exif_bytes: usize,
    /// Largest single text (PNG text chunk, XMP packet) in bytes, after decompression (default 1 MiB).
    pub max_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 64 << 20,
            max_side: 16_384,
            max_file_bytes: 64 << 20,
            max_frames: 512,
            max_icc_bytes: 4 << 20,
            max_exif_bytes: 1 << 20,
            max_text_bytes: 1 << 20,
        }
    }
}

impl Limits {
    /// How many bytes of text one file may yield in all: four full chunks.
    pub(crate) fn max_all_text_bytes(&self) -> usize {
        self.max_text_bytes.saturating_mul(4)
    }

    /// Refuses a size over the limits.
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), ImageError> {
        let side = width.max(height);
        if side > self.max_side {
            let limit = u64::from(self.max_side);
            return Err(ImageError::Limit { what: "the picture's longest side", found: u64::from(side), limit });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            let limit = self.max_pixels;
            return Err(ImageError::Limit { what: "the picture's pixel count", found: pixels, limit });
        }
        Ok(())
    }

    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), ImageError> {
        if bytes > self.max_file_bytes {
            let limit = self.max_file_bytes;
            return Err(ImageError::Limit { what: "the file's size in bytes", found: bytes, limit });
        }
        Ok(())
    }

    pub(crate) fn check_frames(&self, frames: u64) -> Result<(), ImageError> {
        if frames > u64::from(self.max_frames) {
            let limit = u64::from(self.max_frames);
            return Err(ImageError::Limit { what: "the number of frames", found: frames, limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let limits = Limits { max_pixels: 100, max_side: 50, ..Limits::default() };
        for (width, height, ok) in
            [(10, 10, true), (50, 2, true), (51, 1, false), (11, 10, false), (u32::MAX, u32::MAX, false)]
        {
            assert_eq!(limits.check_size(width, height).is_ok(), ok, "{width}x{height}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Limits>(r#"{"max_sides": 3}"#).is_err());
        assert_eq!(serde_json::from_str::<Limits>("{}").unwrap(), Limits::default());
    }
}
