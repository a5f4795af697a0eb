//! Provenance: what made a picture, written into the picture.
//!
//! PNG files get two text chunks, `parameters` (one readable line, where users of other tools look for it) and `impasto`
//! (JSON). JPEG, WebP and TIFF get the same two as properties of an XMP packet. BMP has no place for them.

use std::borrow::Cow;
use std::path::Path;

use crate::canvas::Header;
use crate::container::{jpeg_segments, webp_chunks};
use crate::decode::rows;
use crate::directory::{Directory, tag};
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;
use crate::text::png_texts;

/// The keyword of the readable line in a PNG.
pub(crate) const TEXT_KEYWORD: &str = "parameters";
/// The keyword of the JSON in a PNG.
pub(crate) const JSON_KEYWORD: &str = "impasto";

/// The JPEG segment prefix that marks XMP.
pub(crate) const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

const NAMESPACE: &str = "urn:impasto:parameters:1";

/// What made a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// One readable line.
    pub text: String,
    /// The same, complete and exact, for machines.
    pub json: serde_json::Value,
}

impl Parameters {
    /// Refuses what XML or a PNG text cannot hold: control characters other than tab and line ends, and the two
    /// characters that Unicode reserves as "not a character".
    pub(crate) fn check(&self) -> Result<(), ImageError> {
        let bad =
            |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
        match self.text.chars().find(|&c| bad(c)) {
            Some(c) => Err(ImageError::InvalidArgument(format!("the parameters hold the character {c:?}; remove it"))),
            None => Ok(()),
        }
    }

    /// The JSON in plain ASCII, so that no reader can take it for another encoding.
    pub(crate) fn ascii_json(&self) -> String {
        let mut out = String::new();
        for c in self.json.to_string().chars() {
            if c.is_ascii() && c != '\u{7f}' {
                out.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out
    }

    fn from_parts(text: Option<String>, json: Option<String>) -> Option<Self> {
        // A readable line alone may be any other tool's; only our own JSON makes it ours.
        let json = serde_json::from_str(&json?).ok()?;
        Some(Self { text: text.unwrap_or_default(), json })
    }

    /// Our part of an XMP packet.
    fn description(&self) -> String {
        format!(
            "<rdf:Description rdf:about=\"\" xmlns:impasto=\"{NAMESPACE}\"><impasto:parameters>{}</impasto:parameters>\
             <impasto:json>{}</impasto:json></rdf:Description>",
            escape(&self.text),
            escape(&self.ascii_json()),
        )
    }
}

/// Reads back what [`encode`](crate::encode) wrote; `None` when the file holds no parameters of ours.
///
/// Only metadata is read, no pixels, and within the limits: `max_text_bytes` for one text, four times that in all.
///
/// # Errors
/// [`ImageError::UnknownFormat`] for bytes that are no supported picture; [`ImageError::Limit`] for texts over the limits.
pub fn read_parameters(bytes: &[u8], limits: &Limits) -> Result<Option<Parameters>, ImageError> {
    limits.check_file(bytes.len() as u64)?;
    let format =
        Format::sniff(bytes).ok_or_else(|| ImageError::UnknownFormat(Format::describe_unknown(bytes).into()))?;
    let packet: Option<Cow<'_, [u8]>> = match format {
        Format::Png => {
            let texts = png_texts(bytes, &[TEXT_KEYWORD, JSON_KEYWORD], limits)?;
            let get = |keyword| texts.iter().find(|t| t.keyword == keyword).map(|t| t.text.clone());
            return Ok(Parameters::from_parts(get(TEXT_KEYWORD), get(JSON_KEYWORD)));
        }
        Format::Jpeg => jpeg_segments(bytes)
            .filter(|segment| segment.kind == 0xe1)
            .find_map(|segment| segment.data.strip_prefix(XMP_PREFIX))
            .map(Cow::Borrowed),
        Format::WebP => webp_chunks(bytes).find(|chunk| &chunk.kind == b"XMP ").map(|chunk| chunk.data.into()),
        Format::Tiff => Directory::first(bytes).and_then(|file| file.data(tag::XMP)),
        Format::Raw => {
            let header = Header::read(bytes, bytes.len() as u64)?;
            header.source(header.metadata(bytes)).metadata.xmp.map(Cow::Owned)
        }
        Format::Bmp | Format::Gif => None,
    };
    from_packet(packet.as_deref(), limits)
}

/// Reads back what [`encode`](crate::encode) or [`canvas::export`](crate::canvas::export) wrote into a file of any size; as
/// [`read_parameters`] otherwise.
///
/// # Errors
/// As [`read_parameters`], and [`ErrorKind::Environment`](crate::ErrorKind::Environment) when the file cannot be read.
pub fn read_parameters_from(path: &Path, limits: &Limits) -> Result<Option<Parameters>, ImageError> {
    match rows::metadata(path, limits)? {
        rows::Found::File(bytes) => read_parameters(&bytes, limits),
        rows::Found::Xmp(packet) => from_packet(packet.as_deref(), limits),
    }
}

/// Our part of an XMP packet.
fn from_packet(packet: Option<&[u8]>, limits: &Limits) -> Result<Option<Parameters>, ImageError> {
    let Some(packet) = packet else {
        return Ok(None);
    };
    if packet.len() > limits.max_text_bytes {
        let (found, limit) = (packet.len() as u64, limits.max_text_bytes as u64);
        return Err(ImageError::Limit { what: "the length in bytes of the XMP packet", found, limit });
    }
    let Ok(packet) = std::str::from_utf8(packet) else {
        return Ok(None);
    };
    Ok(Parameters::from_parts(element(packet, "parameters"), element(packet, "json")))
}

/// An XMP packet with `parameters`, built around `existing` where that is a packet we can extend; without parameters the
/// existing packet as it is.
pub(crate) fn xmp_packet(existing: Option<&[u8]>, parameters: Option<&Parameters>) -> Option<Vec<u8>> {
    let Some(parameters) = parameters else {
        return existing.map(<[u8]>::to_vec);
    };
    let description = parameters.description();
    if let Some(old) = existing.and_then(|old| std::str::from_utf8(old).ok()) {
        let old = without_ours(old);
        if let Some(at) = old.rfind("</rdf:RDF>") {
            let (head, tail) = old.split_at(at);
            return Some(format!("{head}{description}{tail}").into_bytes());
        }
    }
    let packet = format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">{description}</rdf:RDF></x:xmpmeta>\
         <?xpacket end=\"w\"?>"
    );
    Some(packet.into_bytes())
}

/// The packet without descriptions that an earlier run wrote.
fn without_ours(packet: &str) -> String {
    let start = format!("<rdf:Description rdf:about=\"\" xmlns:impasto=\"{NAMESPACE}\">");
    const END: &str = "</rdf:Description>";
    let mut rest = packet;
    let mut out = String::with_capacity(packet.len());
    while let Some(at) = rest.find(&start) {
        out.push_str(&rest[..at]);
        match rest[at..].find(END) {
            Some(end) => rest = &rest[at + end + END.len()..],
            None => return out,
        }
    }
    out.push_str(rest);
    out
}

/// The text of one of our elements.
fn element(packet: &str, name: &str) -> Option<String> {
    let ours = &packet[packet.find(NAMESPACE)?..];
    let (open, close) = (format!("<impasto:{name}>"), format!("</impasto:{name}>"));
    let start = ours.find(&open)? + open.len();
    let length = ours.get(start..)?.find(&close)?;
    Some(unescape(ours.get(start..start + length)?))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML readers turn line ends into one kind unless they are written as references.
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&quot;", '"'),
            ("&apos;", '\''),
            ("&#13;", '\r'),
            ("&#xD;", '\r'),
        ];
        let (length, c) =
            known.iter().find(|(name, _)| rest.starts_with(name)).map_or((1, '&'), |(name, c)| (name.len(), *c));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(text: &str) -> Parameters {
        Parameters { text: text.into(), json: serde_json::json!({ "seed": 7, "é": "<&>\u{0}😀" }) }
    }

    #[test]
    fn packets_extend_what_is_there_and_replace_what_was_ours() {
        let foreign = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF><rdf:Description rdf:about=\"\"><a/></rdf:Description></rdf:RDF></x:xmpmeta>";
        let once = xmp_packet(Some(foreign.as_bytes()), Some(&sample("first"))).unwrap();
        let twice = String::from_utf8(xmp_packet(Some(&once), Some(&sample("second"))).unwrap()).unwrap();
        assert!(twice.contains("<a/>") && !twice.contains("first"));
        assert_eq!(twice.matches(NAMESPACE).count(), 1);
        assert_eq!(element(&twice, "parameters").as_deref(), Some("second"));
        assert_eq!(xmp_packet(Some(b"x"), None).as_deref(), Some(&b"x"[..]));
        assert_eq!(xmp_packet(None, None), None);
    }

    #[test]
    fn texts_that_cannot_be_stored_are_refused() {
        for bad in ["a\0b", "\u{1b}[31m", "\u{ffff}"] {
            assert!(sample(bad).check().is_err(), "{bad:?}");
        }
        assert!(sample("a\tb\r\nc — ü").check().is_ok());
    }

    proptest! {
        #[test]
        fn escaping_round_trips(text in any::<String>()) {
            prop_assert_eq!(unescape(&escape(&text)), text);
        }

        #[test]
        fn readers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for magic in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"II*\0"] {
                let mut all = magic.to_vec();
                all.extend_from_slice(&bytes);
                let _either = read_parameters(&all, &Limits::default());
            }
        }
    }
}
