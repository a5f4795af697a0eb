//! PNG by rows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::decode::png::{Start, extras, fail, header, native, start};
use crate::decode::{Extras, Samples};
use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::limits::Limits;

use super::{METADATA_BYTES, PART_BYTES, Rows, Stream};

/// Deflate turns no byte into more than this many.
const DEFLATE_RATIO: u64 = 1032;

type Reader = png::Reader<BufReader<File>>;

pub(super) fn open(mut file: File, path: &Path, limits: &Limits, scratch: &Path) -> Result<Stream, ImageError> {
    let fail_io = |source| ImageError::from_io("read", path, source);
    let length = file.metadata().map_err(fail_io)?.len();
    let (metadata, complete) = metadata(&mut file).map_err(fail_io)?;
    file.seek(SeekFrom::Start(0)).map_err(fail_io)?;
    let read_extras = |limits: &Limits| -> Result<Extras, ImageError> {
        let mut extras = extras(&metadata, limits)?;
        if !complete {
            extras.notes.push("Metadata beyond 32 MiB was ignored.".into());
        }
        Ok(extras)
    };
    let Start { reader, width, height, model, wide, extras } =
        start(BufReader::with_capacity(256 << 10, file), limits, read_extras)?;
    // A header may promise what no compression could have put into so short a file.
    let raw = reader.info().raw_row_length() as u64 * u64::from(height);
    if raw / DEFLATE_RATIO > length {
        let reason = format!("{width}x{height} pixels cannot come from {length} bytes: it was cut short");
        return Err(ImageError::corrupt(Format::Png, reason));
    }
    let row = width as usize * model.channels() * if wide { 2 } else { 1 };
    let rows: Box<dyn Rows> = if reader.info().interlaced {
        let fail = |source| ImageError::from_io("write", scratch, source);
        let file = spread(reader, (width, height), row, scratch)?;
        Box::new(Spread { file: BufReader::new(file.map_err(fail)?), left: height, row, wide, path: scratch.into() })
    } else {
        Box::new(Straight { reader, left: height, row, wide })
    };
    let depth = if wide { Depth::U16 } else { Depth::U8 };
    Ok(Stream { format: Format::Png, width, height, model, depth, premultiplied: false, extras, rows })
}

/// The size in the header.
pub(super) fn size(reader: impl BufRead + Seek) -> Result<(u32, u32), ImageError> {
    header(reader).map(|(_, width, height)| (width, height))
}

/// The file without its pixels, and whether that is all of it: what the walkers over whole files need.
pub(super) fn metadata(file: &mut (impl Read + Seek)) -> io::Result<(Vec<u8>, bool)> {
    const KEPT: [&[u8; 4]; 9] = [b"iCCP", b"eXIf", b"sRGB", b"gAMA", b"cICP", b"acTL", b"tEXt", b"zTXt", b"iTXt"];
    let mut file = BufReader::new(file);
    let mut out = vec![0; 8];
    file.read_exact(&mut out)?;
    let mut complete = true;
    let mut head = [0; 8];
    while file.read_exact(&mut head).is_ok() {
        let [l0, l1, l2, l3, kind @ ..] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let wanted = KEPT.contains(&&kind);
        let fits = out.len() + length <= METADATA_BYTES;
        complete &= fits || !wanted;
        if wanted && fits {
            out.extend(head);
            // The four bytes are the chunk's checksum.
            let read = (&mut file).take(length as u64 + 4).read_to_end(&mut out)?;
            if read < length + 4 {
                break;
            }
        } else {
            file.seek_relative(length as i64 + 4)?;
        }
        if &kind == b"IEND" {
            break;
        }
    }
    Ok((out, complete))
}

/// How many rows of `row` bytes are read at a time.
fn part(row: usize, left: u32) -> u32 {
    ((PART_BYTES / row.max(1)).max(1) as u64).min(u64::from(left)) as u32
}

/// Rows as they come.
struct Straight {
    reader: Reader,
    left: u32,
    /// Bytes of one.
    row: usize,
    wide: bool,
}

impl Rows for Straight {
    fn next(&mut self) -> Result<Option<Samples>, ImageError> {
        let missing = || ImageError::corrupt(Format::Png, "rows are missing");
        if self.left == 0 {
            // Asking for one more row makes the decoder check the end of the pixels.
            let more = self.reader.read_row(&mut vec![0; self.row]).map_err(fail)?;
            return if more.is_some() { Err(missing()) } else { Ok(None) };
        }
        let rows = part(self.row, self.left);
        let mut bytes = vec![0; self.row * rows as usize];
        for row in bytes.chunks_exact_mut(self.row) {
            self.reader.read_row(row).map_err(fail)?.ok_or_else(missing)?;
        }
        self.left -= rows;
        Ok(Some(native(bytes, self.wide)))
    }
}

/// The seven passes of an interlaced picture: first column and row of each, and the steps between.
const PASSES: [[u32; 4]; 7] =
    [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/// Lays the pixels of an interlaced picture where they belong, in a file without a name.
fn spread(
    mut reader: Reader,
    (width, height): (u32, u32),
    row: usize,
    scratch: &Path,
) -> Result<io::Result<File>, ImageError> {
    let mut file = match tempfile::tempfile_in(scratch) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = file.set_len(row as u64 * u64::from(height)) {
        return Ok(Err(error));
    }
    let pixel = row / width as usize;
    let (mut found, mut whole) = (vec![0; row], vec![0; row]);
    for [x0, y0, across, down] in PASSES {
        if x0 >= width {
            continue;
        }
        for y in (y0..height).step_by(down as usize) {
            if reader.read_row(&mut found).map_err(fail)?.is_none() {
                return Err(ImageError::corrupt(Format::Png, "rows are missing"));
            }
            let mut put = || -> io::Result<()> {
                let at = SeekFrom::Start(row as u64 * u64::from(y));
                if across == 1 {
                    whole.copy_from_slice(&found);
                } else {
                    file.seek(at)?;
                    file.read_exact(&mut whole)?;
                    let places = whole.chunks_exact_mut(pixel).skip(x0 as usize).step_by(across as usize);
                    for (place, from) in places.zip(found.chunks_exact(pixel)) {
                        place.copy_from_slice(from);
                    }
                }
                file.seek(at)?;
                file.write_all(&whole)
            };
            if let Err(error) = put() {
                return Ok(Err(error));
            }
        }
    }
    if reader.read_row(&mut found).map_err(fail)?.is_some() {
        return Err(ImageError::corrupt(Format::Png, "there are more rows than the header says"));
    }
    Ok(file.seek(SeekFrom::Start(0)).map(|_| file))
}

/// Rows from a file of nothing else.
struct Spread {
    file: BufReader<File>,
    left: u32,
    row: usize,
    wide: bool,
    path: std::path::PathBuf,
}

impl Rows for Spread {
    fn next(&mut self) -> Result<Option<Samples>, ImageError> {
        if self.left == 0 {
            return Ok(None);
        }
        let rows = part(self.row, self.left);
        let mut bytes = vec![0; self.row * rows as usize];
        self.file.read_exact(&mut bytes).map_err(|e| ImageError::from_io("read", &self.path, e))?;
        self.left -= rows;
        Ok(Some(native(bytes, self.wide)))
    }
}
