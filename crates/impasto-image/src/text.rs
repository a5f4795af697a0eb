//! Text chunks of PNG files, read within bounds.
//!
//! Decoders that hand text over unbounded let a half-megabyte file grow to half a gigabyte; here every chunk and all
//! chunks together have a ceiling, and compressed text is inflated no further than that.

use std::io::Read;

use crate::container::png_chunks;
use crate::error::ImageError;
use crate::limits::Limits;

/// One keyword and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) keyword: String,
    pub(crate) text: String,
}

/// Inflates a zlib stream to at most `limit` bytes; `None` when it is damaged, an error when it would be longer.
pub(crate) fn inflate(data: &[u8], limit: usize, what: &'static str) -> Result<Option<Vec<u8>>, ImageError> {
    let mut out = Vec::new();
    let ceiling = (limit as u64).saturating_add(1);
    if flate2::read::ZlibDecoder::new(data).take(ceiling).read_to_end(&mut out).is_err() {
        return Ok(None);
    }
    if out.len() > limit {
        return Err(ImageError::Limit { what, found: out.len() as u64, limit: limit as u64 });
    }
    Ok(Some(out))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The text chunks of a PNG whose keyword is in `wanted`; damaged ones are left out.
///
/// # Errors
/// [`ImageError::Limit`] when a chunk or all of them together pass the limits.
pub(crate) fn png_texts(bytes: &[u8], wanted: &[&str], limits: &Limits) -> Result<Vec<Text>, ImageError> {
    const WHAT: &str = "the length in bytes of a PNG text";
    let mut found = Vec::new();
    let mut total = 0_usize;
    for chunk in png_chunks(bytes) {
        if !matches!(&chunk.kind, b"tEXt" | b"zTXt" | b"iTXt") {
            continue;
        }
        let Some((keyword, rest)) = cut(chunk.data) else {
            continue;
        };
        let keyword = latin1(keyword.get(..keyword.len().min(80)).unwrap_or(keyword));
        if !wanted.contains(&keyword.as_str()) {
            continue;
        }
        let limit = limits.max_text_bytes.min(limits.max_all_text_bytes().saturating_sub(total));
        if rest.len() > limit {
            return Err(ImageError::Limit { what: WHAT, found: rest.len() as u64, limit: limit as u64 });
        }
        let text = match &chunk.kind {
            b"tEXt" => Some(latin1(rest)),
            b"zTXt" => match rest.split_first() {
                Some((0, data)) => inflate(data, limit, WHAT)?.map(|raw| latin1(&raw)),
                _ => None,
            },
            _ => international(rest, limit, WHAT)?,
        };
        if let Some(text) = text {
            total = total.saturating_add(text.len());
            found.push(Text { keyword, text });
        }
    }
    Ok(found)
}

/// The part of an `iTXt` chunk after the keyword.
fn international(rest: &[u8], limit: usize, what: &'static str) -> Result<Option<String>, ImageError> {
    let [flag, method, rest @ ..] = rest else {
        return Ok(None);
    };
    let Some((_language, rest)) = cut(rest) else {
        return Ok(None);
    };
    let Some((_translated, rest)) = cut(rest) else {
        return Ok(None);
    };
    let raw = match (flag, method) {
        (0, _) => rest.to_vec(),
        (1, 0) => match inflate(rest, limit, what)? {
            Some(raw) => raw,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(String::from_utf8(raw).ok())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in chunks {
            out.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
            out.extend_from_slice(*kind);
            out.extend_from_slice(data);
            out.extend_from_slice(&[0; 4]);
        }
        out
    }

    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_three_kinds() {
        let mut ztxt = b"parameters\0\0".to_vec();
        ztxt.extend(deflate(b"caf\xe9"));
        let mut itxt = b"parameters\0\x01\0en\0\0".to_vec();
        itxt.extend(deflate("Öl".as_bytes()));
        let file = png(&[
            (b"tEXt", b"parameters\0plain".to_vec()),
            (b"zTXt", ztxt),
            (b"iTXt", itxt),
            (b"tEXt", b"other\0x".to_vec()),
        ]);
        let texts = png_texts(&file, &["parameters"], &Limits::default()).unwrap();
        assert_eq!(texts.iter().map(|t| t.text.as_str()).collect::<Vec<_>>(), ["plain", "café", "Öl"]);
    }

    #[test]
    fn bombs_are_refused() {
        let mut itxt = b"parameters\0\x01\0\0\0".to_vec();
        itxt.extend(deflate(&vec![b'a'; 8 << 20]));
        assert!(itxt.len() < 20_000);
        let error = png_texts(&png(&[(b"iTXt", itxt)]), &["parameters"], &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Limit);
        // Many chunks that are each allowed still have a ceiling together.
        let one = (b"tEXt", [b"parameters\0".to_vec(), vec![b'a'; 1 << 20]].concat());
        let chunks: Vec<_> = std::iter::repeat_n(one, 5).collect();
        assert!(png_texts(&png(&chunks), &["parameters"], &Limits::default()).is_err());
        assert_eq!(png_texts(&png(&chunks[..4]), &["parameters"], &Limits::default()).unwrap().len(), 4);
    }
}
