//! The first bytes of a canvas; the layout is documented in [`super`].

use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::picture::{Metadata, Source};

use super::Layout;

/// What every canvas starts with: a byte no text has, the name, and an end of line that a transfer as text would change.
pub(crate) const MAGIC: [u8; 8] = *b"\x89IMPRAW\n";
const VERSION: u32 = 1;
/// The fixed part.
pub(super) const FIXED: usize = 64;
/// Pixels start at a multiple of this, so that rows and pages of the file agree.
const ALIGNMENT: u64 = 4096;
/// No EXIF block or XMP packet worth carrying is larger.
const MAX_METADATA: usize = 16 << 20;
/// Longest side: a single row must fit in memory many times over.
const MAX_SIDE: u32 = 1 << 20;

const FLAG_GREY: u8 = 1;
const KNOWN_FLAGS: u8 = FLAG_GREY;

/// What the fixed part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) layout: Layout,
    /// Where the pixels start.
    pub(crate) data: u64,
    /// The depth the picture had before it was laid out here.
    pub(crate) depth: Depth,
    pub(crate) grey: bool,
    exif: usize,
    xmp: usize,
}

fn code(depth: Depth) -> u8 {
    match depth {
        Depth::U8 => 1,
        Depth::U16 => 2,
        Depth::F32 => 4,
    }
}

fn depth(code: u8) -> Option<Depth> {
    [Depth::U8, Depth::U16, Depth::F32].into_iter().find(|&depth| self::code(depth) == code)
}

impl Header {
    /// The header of a canvas that is to be made.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] for sides or metadata that no canvas can have.
    pub(crate) fn new(layout: Layout, source: &Source) -> Result<Self, ImageError> {
        check(layout).map_err(ImageError::InvalidArgument)?;
        let length = |block: &Option<Vec<u8>>| block.as_ref().map_or(0, Vec::len);
        let (exif, xmp) = (length(&source.metadata.exif), length(&source.metadata.xmp));
        if exif.max(xmp) > MAX_METADATA {
            let text = format!("metadata of {} bytes; a raw picture holds up to {MAX_METADATA}", exif.max(xmp));
            return Err(ImageError::InvalidArgument(text));
        }
        let data = ((FIXED + exif + xmp) as u64).next_multiple_of(ALIGNMENT);
        Ok(Self { layout, data, depth: source.depth, grey: source.grey, exif, xmp })
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.data + self.layout.bytes()
    }

    /// Header and metadata, up to the first pixel.
    pub(crate) fn to_bytes(&self, metadata: &Metadata) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [VERSION, self.layout.width, self.layout.height] {
            out.extend(number.to_le_bytes());
        }
        let flags = if self.grey { FLAG_GREY } else { 0 };
        out.extend([self.layout.channels() as u8, code(self.layout.depth), code(self.depth), flags]);
        out.extend(self.data.to_le_bytes());
        for length in [self.exif, self.xmp] {
            out.extend((length as u32).to_le_bytes());
        }
        out.resize(FIXED, 0);
        for block in [&metadata.exif, &metadata.xmp].into_iter().flatten() {
            out.extend_from_slice(block);
        }
        out.resize(self.data as usize, 0);
        out
    }

    /// Reads the fixed part and holds it against the length of the file it is from.
    ///
    /// # Errors
    /// [`ImageError::Corrupt`] for anything that is not as documented, [`ImageError::Unsupported`] for a later version.
    pub(crate) fn read(fixed: &[u8], file_bytes: u64) -> Result<Self, ImageError> {
        let corrupt = |reason: &str| ImageError::corrupt(Format::Raw, reason);
        let Some(fixed) = fixed.first_chunk::<FIXED>().filter(|fixed| fixed.starts_with(&MAGIC)) else {
            return Err(corrupt("its header is missing"));
        };
        let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let version = number(8);
        if version != VERSION {
            return Err(ImageError::unsupported(
                Format::Raw,
                format!("version {version}; this program knows {VERSION}"),
            ));
        }
        let alpha = match fixed[20] {
            3 => false,
            4 => true,
            _ => return Err(corrupt("it must have 3 or 4 channels")),
        };
        let (Some(stored), Some(was)) = (depth(fixed[21]), depth(fixed[22])) else {
            return Err(corrupt("its samples are of no known kind"));
        };
        let flags = fixed[23];
        if flags & !KNOWN_FLAGS != 0 || fixed[40..].iter().any(|&b| b != 0) {
            return Err(corrupt("reserved bytes are in use"));
        }
        let layout = Layout { width: number(12), height: number(16), alpha, depth: stored };
        check(layout).map_err(|reason| corrupt(&reason))?;
        let data = u64::from(number(24)) | u64::from(number(28)) << 32;
        let (exif, xmp) = (number(32) as usize, number(36) as usize);
        if exif.max(xmp) > MAX_METADATA || data < (FIXED + exif + xmp) as u64 {
            return Err(corrupt("its metadata does not fit before its pixels"));
        }
        let header = Self { layout, data, depth: was, grey: flags & FLAG_GREY != 0, exif, xmp };
        if data.checked_add(layout.bytes()) != Some(file_bytes) {
            let Layout { width, height, .. } = layout;
            let reason =
                format!("{width}x{height} pixels do not fit its length of {file_bytes} bytes: it was cut short");
            return Err(corrupt(&reason));
        }
        Ok(header)
    }

    /// Bytes of metadata behind the fixed part.
    pub(crate) fn metadata_bytes(&self) -> usize {
        self.exif + self.xmp
    }

    /// The metadata in a whole file.
    pub(crate) fn metadata<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        file.get(FIXED..FIXED + self.metadata_bytes()).unwrap_or_default()
    }

    /// The source as the header and the metadata behind it tell.
    pub(crate) fn source(&self, metadata: &[u8]) -> Source {
        let (exif, xmp) = metadata.split_at_checked(self.exif).unwrap_or_default();
        let some = |block: &[u8]| (!block.is_empty()).then(|| block.to_vec());
        let metadata = Metadata { exif: some(exif), xmp: some(xmp) };
        Source { format: Some(Format::Raw), depth: self.depth, grey: self.grey, metadata }
    }
}

/// Refuses sides that no canvas can have.
fn check(layout: Layout) -> Result<(), String> {
    let Layout { width, height, .. } = layout;
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        return Ok(());
    }
    Err(format!("a raw picture of {width}x{height}; each side must be from 1 to {MAX_SIDE}"))
}
