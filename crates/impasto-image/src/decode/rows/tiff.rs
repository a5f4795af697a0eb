//! TIFF and BigTIFF by rows of strips or tiles.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::decoder::{ChunkType, Decoder, DecodingResult, TiffCodingUnit};
use tiff::tags::{ByteOrder, Tag};

use crate::decode::tiff::{Layout, Start, decoder_limits, fail, start};
use crate::decode::{Model, Samples};
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;
use crate::picture::samples as count;

use super::{FileBytes, PART_BYTES, Rows, Stream};

/// A strip, or a row of tiles, may decode to this much.
const CHUNK_BYTES: usize = 256 << 20;

type Reader = Decoder<BufReader<File>>;

pub(super) fn open(file: File, path: &Path, limits: &Limits) -> Result<Stream, ImageError> {
    let bytes = FileBytes::new(&file, path)?;
    let reader = BufReader::with_capacity(256 << 10, file);
    let Start { reader, width, height, layout, mut extras } = start(reader, &bytes, limits)?;
    layout.note(&mut extras);
    let mut reader = reader.with_limits(decoder_limits(CHUNK_BYTES));
    let (model, premultiplied, depth) = (layout.model, layout.associated, layout.depth());
    let rows: Box<dyn Rows> = match Plain::of(&mut reader, &layout, (width, height), bytes)? {
        Some(plain) => Box::new(plain),
        None => Box::new(Chunks::new(reader, layout, (width, height))?),
    };
    Ok(Stream { format: Format::Tiff, width, height, model, depth, premultiplied, extras, rows })
}

/// The size in the header.
pub(super) fn size(reader: impl Read + Seek) -> Result<(u32, u32), ImageError> {
    let decoder = Decoder::new(reader).map_err(fail)?;
    decoder.with_limits(decoder_limits(0)).dimensions().map_err(fail)
}

/// Strips or rows of tiles, through the decoder.
struct Chunks {
    reader: Reader,
    layout: Layout,
    width: u32,
    height: u32,
    /// Rows of a strip or tile, and how many lie side by side.
    rows: u32,
    across: u32,
    planar: bool,
    y: u32,
}

impl Chunks {
    fn new(mut reader: Reader, layout: Layout, (width, height): (u32, u32)) -> Result<Self, ImageError> {
        let (chunk_width, rows) = reader.chunk_dimensions();
        let (rows, across) = match reader.get_chunk_type() {
            ChunkType::Strip => (rows.clamp(1, height), 1),
            ChunkType::Tile => (rows.max(1), width.div_ceil(chunk_width.max(1))),
        };
        let planar = reader.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(fail)? == Some(2);
        let band = count(width, rows.min(height), layout.model.channels().max(layout.channels) * layout.sample_bytes());
        if band.is_none_or(|bytes| bytes > CHUNK_BYTES) {
            let rows = if across == 1 { "strips" } else { "rows of tiles" };
            let reason = format!("{rows} larger than {} MiB; write it with smaller ones", CHUNK_BYTES >> 20);
            return Err(ImageError::unsupported(Format::Tiff, reason));
        }
        Ok(Self { reader, layout, width, height, rows, across, planar, y: 0 })
    }

    /// The samples of one strip or tile, and its width.
    fn chunk(&mut self, index: u32, rows: u32) -> Result<(Samples, usize), ImageError> {
        let limits = decoder_limits(CHUNK_BYTES);
        let unit = TiffCodingUnit(index);
        let plan = self.reader.image_coding_unit_layout(unit).map_err(fail)?;
        let mut buffer = DecodingResult::U8(Vec::new());
        buffer.resize_to(&plan, &limits).map_err(fail)?;
        self.reader.read_coding_unit_bytes(unit, buffer.as_buffer(0).as_bytes_mut()).map_err(fail)?;
        let (width, height) = self.reader.chunk_data_dimensions(index);
        if height != rows {
            return Err(ImageError::corrupt(Format::Tiff, "a strip or tile has another size than announced"));
        }
        let planes = if self.planar { self.layout.channels } else { 1 };
        let (width, height) = (width as usize, height as usize);
        let samples = self.layout.samples(buffer, width, height, planes, &mut self.reader)?;
        if samples.len() != width * height * self.layout.model.channels() {
            return Err(ImageError::corrupt(Format::Tiff, "the decoded pixels do not match the size in the header"));
        }
        Ok((samples, width))
    }
}

impl Rows for Chunks {
    fn next(&mut self) -> Result<Option<Samples>, ImageError> {
        let left = self.height - self.y;
        if left == 0 {
            return Ok(None);
        }
        let (rows, first) = (self.rows.min(left), self.y / self.rows * self.across);
        self.y += rows;
        if self.across == 1 {
            return self.chunk(first, rows).map(|(samples, _)| Some(samples));
        }
        let channels = self.layout.model.channels();
        let stride = self.width as usize * channels;
        let mut band: Option<Samples> = None;
        let mut x = 0;
        for index in first..first + self.across {
            let (tile, width) = self.chunk(index, rows)?;
            let band = band.get_or_insert_with(|| tile.zeros(stride * rows as usize));
            band.paste(&tile, stride, x * channels, width * channels);
            x += width;
        }
        Ok(band)
    }
}

/// Strips too large for memory whose samples lie there as they are.
struct Plain {
    bytes: FileBytes,
    /// Where each strip starts.
    offsets: Vec<usize>,
    rows_per_strip: u32,
    kind: Kind,
    little: bool,
    /// Bytes of one row.
    row: usize,
    height: u32,
    y: u32,
}

/// The samples of a plain strip.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    U16,
    F32,
}

impl Plain {
    /// The plain strips of a file, if it has them and they are too tall to be read whole.
    fn of(
        reader: &mut Reader,
        layout: &Layout,
        (width, height): (u32, u32),
        bytes: FileBytes,
    ) -> Result<Option<Self>, ImageError> {
        let mut number = |tag| reader.find_tag_unsigned::<u16>(tag).map_err(fail);
        // Not compressed, not planar, nothing predicted, not inverted, no channels beside those of the model.
        let plain = matches!(number(Tag::Compression)?, None | Some(1))
            && matches!(number(Tag::PlanarConfiguration)?, None | Some(1))
            && matches!(number(Tag::Predictor)?, None | Some(1))
            && matches!(number(Tag::PhotometricInterpretation)?, Some(1 | 2))
            && number(Tag::SamplesPerPixel)?.is_none_or(|n| usize::from(n) == layout.channels)
            && layout.channels == layout.model.channels()
            && matches!(layout.model, Model::Grey | Model::GreyAlpha | Model::Rgb | Model::RgbAlpha);
        let format = reader.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(fail)?.unwrap_or_default();
        if format.iter().any(|f| format.first() != Some(f)) || !plain || reader.get_chunk_type() != ChunkType::Strip {
            return Ok(None);
        }
        let kind = match (layout.bits(), layout.is_float(), format.first()) {
            (8, false, None | Some(1)) => Kind::U8,
            (16, false, None | Some(1)) => Kind::U16,
            (32, true, _) => Kind::F32,
            _ => return Ok(None),
        };
        let (_, rows) = reader.chunk_dimensions();
        let rows_per_strip = rows.clamp(1, height);
        let row = width as usize * layout.channels * layout.sample_bytes();
        if row.saturating_mul(rows_per_strip as usize) <= PART_BYTES.max(row) {
            return Ok(None);
        }
        let offsets = reader.find_tag_unsigned_vec::<u64>(Tag::StripOffsets).map_err(fail)?.unwrap_or_default();
        let offsets: Vec<usize> = offsets.into_iter().map(|at| usize::try_from(at).unwrap_or(usize::MAX)).collect();
        if offsets.len() < height.div_ceil(rows_per_strip) as usize {
            return Err(ImageError::corrupt(Format::Tiff, "strips are missing"));
        }
        let little = reader.byte_order() == ByteOrder::LittleEndian;
        Ok(Some(Self { bytes, offsets, rows_per_strip, kind, little, row, height, y: 0 }))
    }
}

impl Rows for Plain {
    fn next(&mut self) -> Result<Option<Samples>, ImageError> {
        let left = self.height - self.y;
        if left == 0 {
            return Ok(None);
        }
        let (strip, within) = (self.y / self.rows_per_strip, self.y % self.rows_per_strip);
        let rows = (PART_BYTES / self.row).max(1).min((self.rows_per_strip - within).min(left) as usize);
        let cut = || ImageError::corrupt(Format::Tiff, "rows are missing: it was cut short");
        let at = self.offsets.get(strip as usize).and_then(|at| at.checked_add(within as usize * self.row));
        let at = at.filter(|at| at.checked_add(rows * self.row).is_some_and(|end| end <= self.bytes.length));
        let mut bytes = vec![0; rows * self.row];
        let mut file = &self.bytes.file;
        file.seek(SeekFrom::Start(at.ok_or_else(cut)? as u64)).map_err(|_| cut())?;
        file.read_exact(&mut bytes).map_err(|_| cut())?;
        self.y += rows as u32;
        let u16_of = |b: [u8; 2]| if self.little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) };
        let f32_of = |b: [u8; 4]| if self.little { f32::from_le_bytes(b) } else { f32::from_be_bytes(b) };
        Ok(Some(match self.kind {
            Kind::U8 => Samples::U8(bytes),
            Kind::U16 => Samples::U16(bytes.as_chunks::<2>().0.iter().map(|&b| u16_of(b)).collect()),
            Kind::F32 => Samples::F32(bytes.as_chunks::<4>().0.iter().map(|&b| f32_of(b)).collect()),
        }))
    }
}
