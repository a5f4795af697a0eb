//! The directories of a TIFF file, looked at before a decoder does.
//!
//! Decoders expand every value of a tag into an object of its own and trust the sizes that embedded JPEGs announce; both
//! let a small file ask for gigabytes. Here values stay slices of the file, and what would grow is refused beforehand.

use std::borrow::Cow;

use crate::container::jpeg_segments;

pub(crate) mod tag {
    //! Tag numbers.
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const ORIENTATION: u16 = 274;
    pub(crate) const STRIP_BYTES: u16 = 279;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTES: u16 = 325;
    pub(crate) const XMP: u16 = 700;
    pub(crate) const ICC: u16 = 34_675;
}

/// More entries than any real file has in one directory.
const MAX_ENTRIES: usize = 4096;
/// More strips or tiles than any picture within sane limits has.
const MAX_VALUES: u64 = 1 << 18;

/// A file whose bytes can be looked at anywhere.
pub(crate) trait Bytes {
    /// How many there are.
    fn length(&self) -> usize;

    /// `length` bytes from `at` on; `None` where they are not all there.
    fn get(&self, at: usize, length: usize) -> Option<Cow<'_, [u8]>>;
}

impl Bytes for [u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn get(&self, at: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        self.get(at..at.checked_add(length)?).map(Cow::Borrowed)
    }
}

/// The first directory of a file, and how to read the file it is in.
pub(crate) struct Directory<'a, B: Bytes + ?Sized> {
    bytes: &'a B,
    little: bool,
    big: bool,
    entries: Vec<Entry>,
}

/// One tag: its number, the width of its values, and their bytes where they lie within the file.
struct Entry {
    tag: u16,
    width: usize,
    count: u64,
    /// Where they are, and how many bytes; `None` where that is not within the file.
    place: Option<(usize, usize)>,
}

impl<'a, B: Bytes + ?Sized> Directory<'a, B> {
    /// Reads the first directory; `None` when there is none within the file.
    pub(crate) fn first(bytes: &'a B) -> Option<Self> {
        let start = bytes.get(0, 4)?;
        let little = start.starts_with(b"II");
        let big = matches!(start.get(2..4)?, b"\x2b\0" | b"\0\x2b");
        let mut directory = Self { bytes, little, big, entries: Vec::new() };
        let at = directory.first_offset()?;
        let (count_width, entry, inline) = directory.widths();
        let count = directory.number(at, count_width)?.min(MAX_ENTRIES);
        for index in 0..count {
            let Some(at) = at.checked_add(count_width + index * entry) else {
                break;
            };
            let Some(read) = directory.entry(at, inline) else {
                break;
            };
            directory.entries.push(read);
        }
        Some(directory)
    }

    /// Width of the entry count, of an entry, and of an offset.
    fn widths(&self) -> (usize, usize, usize) {
        if self.big { (8, 20, 8) } else { (2, 12, 4) }
    }

    fn first_offset(&self) -> Option<usize> {
        if self.big { self.number(8, 8) } else { self.number(4, 4) }
    }

    /// An unsigned number of up to 8 bytes.
    fn number(&self, at: usize, width: usize) -> Option<usize> {
        let slice = self.bytes.get(at, width)?;
        usize::try_from(self.value(&slice)).ok()
    }

    fn value(&self, slice: &[u8]) -> u64 {
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        if self.little { slice.iter().rev().fold(0, add) } else { slice.iter().fold(0, add) }
    }

    fn entry(&self, at: usize, inline: usize) -> Option<Entry> {
        let tag = u16::try_from(self.number(at, 2)?).ok()?;
        let width = match self.number(at + 2, 2)? {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => 1,
        };
        let count = self.number(at + 4, inline)?;
        let place = at + 4 + inline;
        let place = count.checked_mul(width).and_then(|length| {
            let start = if length <= inline { place } else { self.number(place, inline)? };
            (start.checked_add(length)? <= self.bytes.length()).then_some((start, length))
        });
        Some(Entry { tag, width, count: count as u64, place })
    }

    fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The bytes of a tag's value; `None` as well where they are too many to look at.
    pub(crate) fn data(&self, tag: u16) -> Option<Cow<'a, [u8]>> {
        let (at, length) = self.find(tag)?.place?;
        self.bytes.get(at, length)
    }

    /// Whether a tag has a value that [`Directory::data`] did not want to look at.
    pub(crate) fn too_long(&self, tag: u16) -> bool {
        self.find(tag).is_some_and(|entry| entry.place.is_some()) && self.data(tag).is_none()
    }

    /// The values of a tag as numbers.
    pub(crate) fn numbers(&self, tag: u16) -> Vec<usize> {
        let width = self.find(tag).map_or(1, |entry| entry.width);
        let data = self.data(tag).unwrap_or_default();
        data.chunks_exact(width).map(|slice| usize::try_from(self.value(slice)).unwrap_or(usize::MAX)).collect()
    }

    /// The orientation tag, 1 when absent or nonsense.
    pub(crate) fn orientation(&self) -> u8 {
        let stored = self.numbers(tag::ORIENTATION).first().and_then(|&v| u8::try_from(v).ok());
        stored.filter(|v| (1..=8).contains(v)).unwrap_or(1)
    }

    /// How many directories (pages) the file chains, counted no further than `most`; a loop counts until then.
    pub(crate) fn pages(&self, most: u64) -> u64 {
        let (count_width, entry, inline) = self.widths();
        let mut pages = 0;
        let mut next = self.first_offset();
        while let Some(at) = next.filter(|&at| at != 0 && pages < most) {
            let Some(entries) = self.number(at, count_width) else {
                break;
            };
            pages += 1;
            next = entries
                .checked_mul(entry)
                .and_then(|length| at.checked_add(count_width)?.checked_add(length))
                .and_then(|at| self.number(at, inline));
        }
        pages
    }

    /// What would make a decoder allocate far beyond the picture; the reason, in words.
    pub(crate) fn hostile(&self, pixels: u64) -> Option<&'static str> {
        // Profiles, XMP and private tags may be long; they are never expanded value by value.
        let structural = |tag: u16| tag < 700 && tag != 330;
        if self.entries.iter().any(|entry| structural(entry.tag) && entry.count > MAX_VALUES) {
            return Some("a tag has more values than any picture needs");
        }
        // 6 and 7 are JPEG. A strip or tile may be padded to the edge of a tile, but is never far larger than the picture.
        let jpeg = self.numbers(tag::COMPRESSION).first().is_some_and(|c| matches!(c, 6 | 7));
        let most = pixels.saturating_mul(4).max(1 << 20);
        let pairs = [(tag::STRIP_OFFSETS, tag::STRIP_BYTES), (tag::TILE_OFFSETS, tag::TILE_BYTES)];
        let larger = |(offset, length): (usize, usize)| {
            self.bytes.get(offset, length).is_some_and(|part| announced(&part) > most)
        };
        if jpeg && pairs.iter().any(|&(o, l)| self.numbers(o).into_iter().zip(self.numbers(l)).any(larger)) {
            return Some("an embedded JPEG is larger than the picture");
        }
        None
    }
}

/// The largest pixel count that the frame headers of a JPEG announce.
fn announced(jpeg: &[u8]) -> u64 {
    let frames = jpeg_segments(jpeg).filter(|s| matches!(s.kind, 0xc0..=0xcf) && !matches!(s.kind, 0xc4 | 0xc8 | 0xcc));
    let size = |data: &[u8]| match data {
        [_, h1, h0, w1, w0, ..] => {
            u64::from(u16::from_be_bytes([*h1, *h0])) * u64::from(u16::from_be_bytes([*w1, *w0]))
        }
        _ => 0,
    };
    frames.map(|segment| size(segment.data)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian file with one directory of (tag, type, count, value or offset) and bytes after it.
    fn file(entries: &[(u16, u16, u32, u32)], tail: &[u8]) -> Vec<u8> {
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        out.extend((entries.len() as u16).to_le_bytes());
        for &(tag, kind, count, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend([0; 4]);
        out.extend_from_slice(tail);
        out
    }

    #[test]
    fn values_inline_and_elsewhere() {
        let bytes = file(&[(274, 3, 1, 6), (700, 1, 5, 8 + 2 + 24 + 4)], b"hello");
        let directory = Directory::first(&bytes[..]).unwrap();
        assert_eq!(directory.orientation(), 6);
        assert_eq!(directory.data(tag::XMP).as_deref(), Some(&b"hello"[..]));
        assert_eq!(directory.data(tag::ICC), None);
        assert_eq!(directory.pages(10), 1);
    }

    #[test]
    fn a_looping_chain_is_bounded() {
        // One empty directory at 8 that names itself as the next.
        let bytes = b"II*\0\x08\0\0\0\0\0\x08\0\0\0";
        assert_eq!(Directory::first(&bytes[..]).unwrap().pages(100), 100);
    }

    #[test]
    fn growing_files_are_refused() {
        let many = file(&[(273, 1, 1 << 20, 0)], &[]);
        assert!(Directory::first(&many[..]).unwrap().hostile(1).is_some());
        let start = 8 + 2 + 36 + 4;
        let jpeg = b"\xff\xd8\xff\xc0\0\x08\x08\x40\0\x40\0\x03";
        let bomb = file(&[(259, 3, 1, 7), (273, 4, 1, start), (279, 4, 1, jpeg.len() as u32)], jpeg);
        assert!(Directory::first(&bomb[..]).unwrap().hostile(64).is_some());
        assert!(Directory::first(&bomb[..]).unwrap().hostile(1 << 28).is_none());
    }
}
