//! The formats that are read and written, told apart by their first bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A picture file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Portable Network Graphics: 8 or 16 bit, alpha, lossless.
    Png,
    /// JPEG: 8 bit, no alpha, lossy.
    Jpeg,
    /// WebP: 8 bit, alpha; read in both kinds, written lossless.
    WebP,
    /// TIFF: 8, 16 or 32-bit float, alpha, lossless.
    Tiff,
    /// Windows bitmap: 8 bit; written without alpha.
    Bmp,
    /// GIF: read only (first frame), since 256 colours ruin a photograph.
    Gif,
    /// Rows of samples behind a short header: what [`Canvas`](crate::canvas::Canvas) works in; see
    /// [`canvas`](crate::canvas).
    Raw,
}

/// How finely samples are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// 8 bits or fewer a sample.
    U8,
    /// 16 bits a sample (also 9 to 15).
    U16,
    /// 32-bit floating point.
    F32,
}

impl Format {
    /// Every format, in the order in which they are offered.
    pub const ALL: [Self; 7] = [Self::Png, Self::Jpeg, Self::WebP, Self::Tiff, Self::Bmp, Self::Gif, Self::Raw];

    /// The format an extension stands for, without regard to case and with or without its dot.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        let extension = extension.trim_start_matches('.').to_ascii_lowercase();
        Some(match extension.as_str() {
            "png" => Self::Png,
            "jpg" | "jpeg" | "jpe" | "jfif" => Self::Jpeg,
            "webp" => Self::WebP,
            "tif" | "tiff" => Self::Tiff,
            "bmp" | "dib" => Self::Bmp,
            "gif" => Self::Gif,
            "impraw" => Self::Raw,
            _ => return None,
        })
    }

    /// The customary extension, without a dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tif",
            Self::Bmp => "bmp",
            Self::Gif => "gif",
            Self::Raw => "impraw",
        }
    }

    /// The registered media type, e.g. for an HTTP answer.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Gif => "image/gif",
            Self::Raw => "application/octet-stream",
        }
    }

    /// The format the first bytes announce; names and extensions play no part.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        // DICOM leaves its first 128 bytes to other formats, and some files use them to look like a TIFF as well.
        if bytes.get(128..132) == Some(b"DICM") && !starts(b"\x89PNG") {
            return None;
        }
        if starts(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if starts(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
            Some(Self::Tiff)
        } else if starts(b"GIF87a") || starts(b"GIF89a") {
            Some(Self::Gif)
        } else if starts(&crate::canvas::MAGIC) {
            Some(Self::Raw)
        } else if starts(b"BM") && bytes.len() >= 26 {
            // Two letters are weak evidence; the size of the header that follows must be one that exists.
            let size = u32::from_le_bytes([bytes[14], bytes[15], bytes[16], bytes[17]]);
            matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124).then_some(Self::Bmp)
        } else {
            None
        }
    }

    /// A guess at what unsupported bytes are, for the error message only.
    pub(crate) fn describe_unknown(bytes: &[u8]) -> &'static str {
        let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        match bytes {
            [] => "the file is empty",
            _ if at(128, b"DICM") => "it looks like DICOM",
            _ if at(0, b"8BPS") => "it looks like a Photoshop document",
            _ if at(4, b"ftypavi") => "it looks like AVIF",
            _ if at(4, b"ftyp") => "it looks like HEIF or a video",
            _ if at(0, b"\0\0\x01\0") => "it looks like a Windows icon",
            _ if at(0, b"qoif") => "it looks like QOI",
            _ if at(0, b"#?RADIANCE") => "it looks like Radiance HDR",
            _ if at(4, b"jP  ") || at(0, b"\xff\x4f\xff\x51") => "it looks like JPEG 2000",
            _ if at(0, b"\xff\x0a") || at(4, b"JXL ") => "it looks like JPEG XL",
            _ if at(0, b"%PDF") => "it looks like PDF",
            _ if at(0, b"<svg") || at(0, b"<?xml") => "it looks like SVG or XML",
            [b'P', b'1'..=b'7', ..] => "it looks like a portable any-map",
            _ => "its first bytes are of no known picture format",
        }
    }

    /// The depths this format can store, the best first; empty when it cannot be written.
    #[must_use]
    pub fn depths(self) -> &'static [Depth] {
        match self {
            Self::Png => &[Depth::U16, Depth::U8],
            Self::Tiff | Self::Raw => &[Depth::F32, Depth::U16, Depth::U8],
            Self::Jpeg | Self::WebP | Self::Bmp => &[Depth::U8],
            Self::Gif => &[],
        }
    }

    /// Whether an alpha channel survives in this format.
    #[must_use]
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::Png | Self::WebP | Self::Tiff | Self::Raw)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Raw => "raw picture",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_bytes() {
        let mut bmp = vec![0_u8; 30];
        bmp[..2].copy_from_slice(b"BM");
        bmp[14] = 40;
        let mut dicom = vec![0_u8; 128];
        dicom.extend_from_slice(b"DICM");
        let cases: [(&[u8], Option<Format>); 12] = [
            (b"\x89PNG\r\n\x1a\n", Some(Format::Png)),
            (b"\xff\xd8\xff\xe0", Some(Format::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"II*\0", Some(Format::Tiff)),
            (b"MM\0+", Some(Format::Tiff)),
            (b"GIF89a", Some(Format::Gif)),
            (b"\x89IMPRAW\n", Some(Format::Raw)),
            (b"BMW drives", None),
            (&bmp, Some(Format::Bmp)),
            (&dicom, None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Format::sniff(bytes), expected, "{:?}", &bytes[..bytes.len().min(12)]);
        }
        assert_eq!(Format::describe_unknown(&dicom), "it looks like DICOM");
    }

    #[test]
    fn extensions_round_trip() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension(".JPEG"), Some(Format::Jpeg));
        assert_eq!(Format::from_extension("exe"), None);
    }
}
