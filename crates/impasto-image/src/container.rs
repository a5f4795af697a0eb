//! Zero-copy walks over the containers: they find metadata without decoding pixels and without allocating.
//!
//! All walkers stop at the first thing that does not fit; what they found until then stands.

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A named block of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<'a, K> {
    pub(crate) kind: K,
    pub(crate) data: &'a [u8],
}

/// The chunks of a PNG, up to and including `IEND`.
pub(crate) fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = Block<'_, [u8; 4]>> {
    let mut at = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") { Some(8_usize) } else { None };
    std::iter::from_fn(move || {
        let start = at?;
        let length = be_u32(bytes, start)? as usize;
        let kind: [u8; 4] = bytes.get(start + 4..start + 8)?.try_into().ok()?;
        let end = (start + 8).checked_add(length)?;
        let data = bytes.get(start + 8..end)?;
        at = if &kind == b"IEND" { None } else { end.checked_add(4) };
        Some(Block { kind, data })
    })
}

/// The marker segments of a JPEG up to the first scan. Markers without contents are skipped.
pub(crate) fn jpeg_segments(bytes: &[u8]) -> impl Iterator<Item = Block<'_, u8>> {
    let mut at = if bytes.starts_with(b"\xff\xd8") { Some(2_usize) } else { None };
    std::iter::from_fn(move || {
        loop {
            let start = at?;
            at = None;
            if *bytes.get(start)? != 0xff {
                // Writers that pad segments exist; resynchronise on the next marker as decoders do.
                at = Some(start + bytes.get(start..)?.iter().position(|&b| b == 0xff)?);
                continue;
            }
            let kind = *bytes.get(start + 1)?;
            match kind {
                0xff => at = Some(start + 1),
                0x00 | 0x01 | 0xd0..=0xd8 => at = Some(start + 2),
                0xd9 | 0xda => return None,
                _ => {
                    let length = usize::from(u16::from_be_bytes([*bytes.get(start + 2)?, *bytes.get(start + 3)?]));
                    let end = start + 2 + length;
                    let data = bytes.get(start + 4..end)?;
                    at = Some(end);
                    return Some(Block { kind, data });
                }
            }
        }
    })
}

/// The chunks of a WebP file.
pub(crate) fn webp_chunks(bytes: &[u8]) -> impl Iterator<Item = Block<'_, [u8; 4]>> {
    let known = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let mut at = if known { Some(12_usize) } else { None };
    std::iter::from_fn(move || {
        let start = at?;
        at = None;
        let kind: [u8; 4] = bytes.get(start..start + 4)?.try_into().ok()?;
        let length = le_u32(bytes, start + 4)? as usize;
        let end = (start + 8).checked_add(length)?;
        let data = bytes.get(start + 8..end)?;
        at = end.checked_add(length & 1);
        Some(Block { kind, data })
    })
}

/// How many image blocks a GIF holds, counted no further than `most`.
pub(crate) fn gif_frames(bytes: &[u8], most: u64) -> u64 {
    fn skip_sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
        loop {
            match usize::from(*bytes.get(at)?) {
                0 => return Some(at + 1),
                length => at += 1 + length,
            }
        }
    }
    fn table(flags: u8) -> usize {
        if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
    }
    let mut frames = 0;
    let mut walk = || -> Option<()> {
        let mut at = 13 + table(*bytes.get(10)?);
        while frames < most {
            at = match *bytes.get(at)? {
                0x21 => skip_sub_blocks(bytes, at + 2)?,
                0x2c => {
                    frames += 1;
                    skip_sub_blocks(bytes, at + 10 + table(*bytes.get(at + 9)?) + 1)?
                }
                _ => return None,
            };
        }
        None
    };
    let _end = walk();
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jpeg_segments_stop_at_the_scan() {
        let bytes = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xe1\0\x03c\xff\xda\0\x02\xff\xe2\0\x02";
        let found: Vec<_> = jpeg_segments(bytes).map(|s| (s.kind, s.data.to_vec())).collect();
        assert_eq!(found, [(0xe0, b"ab".to_vec()), (0xe1, b"c".to_vec())]);
    }

    proptest! {
        #[test]
        fn walkers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for magic in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"II*\0", b"MM\0\x2b"] {
                let mut all = magic.to_vec();
                all.extend_from_slice(&bytes);
                prop_assert!(png_chunks(&all).count() <= all.len());
                prop_assert!(jpeg_segments(&all).count() <= all.len());
                prop_assert!(webp_chunks(&all).count() <= all.len());
                prop_assert!(gif_frames(&all, 50) <= 50);
                let tiff = crate::directory::Directory::first(&all[..]);
                prop_assert!(tiff.is_none_or(|tiff| tiff.pages(50) <= 50));
            }
        }
    }
}
