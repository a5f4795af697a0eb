//! Metadata put into files that an encoder has finished.

use png::chunk::{self, ChunkType};

use crate::container::webp_chunks;
use crate::error::ImageError;
use crate::format::Format;
use crate::parameters::XMP_PREFIX;

use super::Carried;

/// A PNG text chunk: `tEXt` where that can hold the text (most tools read only that), else `iTXt`.
pub(super) fn png_text(keyword: &str, text: &str, international: bool) -> (ChunkType, Vec<u8>) {
    let mut data = keyword.as_bytes().to_vec();
    if text.is_ascii() && !international {
        data.push(0);
        data.extend_from_slice(text.as_bytes());
        return (chunk::tEXt, data);
    }
    // Keyword end, not compressed, method 0, no language, no translated keyword.
    data.extend_from_slice(&[0, 0, 0, 0, 0]);
    data.extend_from_slice(text.as_bytes());
    (chunk::iTXt, data)
}

/// Adds EXIF and XMP segments behind the JFIF header.
pub(super) fn jpeg(file: Vec<u8>, carried: &Carried) -> Result<Vec<u8>, ImageError> {
    let mut segments = Vec::new();
    for (prefix, data) in [(&b"Exif\0\0"[..], &carried.exif), (XMP_PREFIX, &carried.xmp)] {
        let Some(data) = data else { continue };
        let Ok(length) = u16::try_from(prefix.len() + data.len() + 2) else {
            let what = "hold more than 65,000 bytes of parameters or XMP: shorten them or use PNG".into();
            return Err(ImageError::OutputUnsupported { format: Format::Jpeg, what });
        };
        segments.extend_from_slice(&[0xff, 0xe1]);
        segments.extend_from_slice(&length.to_be_bytes());
        segments.extend_from_slice(prefix);
        segments.extend_from_slice(data);
    }
    if segments.is_empty() {
        return Ok(file);
    }
    let at = match file.get(2..6) {
        Some(&[0xff, 0xe0, high, low]) => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => 2,
    };
    let (head, tail) = file.split_at_checked(at).unwrap_or((&file, &[]));
    Ok([head, &segments, tail].concat())
}

/// Wraps a simple WebP into the extended kind when there is metadata to hold.
pub(super) fn webp(file: Vec<u8>, width: u32, height: u32, alpha: bool, carried: &Carried) -> Vec<u8> {
    if carried.exif.is_none() && carried.xmp.is_none() {
        return file;
    }
    let mut body = b"WEBP".to_vec();
    let mut put = |kind: &[u8; 4], data: &[u8]| {
        body.extend_from_slice(kind);
        body.extend_from_slice(&(data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        if data.len() % 2 == 1 {
            body.push(0);
        }
    };
    let flags = u8::from(alpha) << 4 | u8::from(carried.exif.is_some()) << 3 | u8::from(carried.xmp.is_some()) << 2;
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    put(b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
    for chunk in webp_chunks(&file).filter(|chunk| matches!(&chunk.kind, b"VP8L" | b"VP8 " | b"ALPH")) {
        put(&chunk.kind, chunk.data);
    }
    for (kind, data) in [(b"EXIF", &carried.exif), (b"XMP ", &carried.xmp)] {
        if let Some(data) = data {
            put(kind, data);
        }
    }
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}
