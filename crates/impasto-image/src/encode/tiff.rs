//! TIFF: 8, 16 and 32-bit float, deflate-compressed strips, with EXIF fields and XMP as tags.

use std::io::{Seek, Write};
use std::num::NonZero;

use exif::{Context, Field, Value};
use flate2::Compression as Level;
use flate2::write::ZlibEncoder;
use tiff::TiffError;
use tiff::encoder::{DirectoryEncoder, Rational, SRational, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard};
use tiff::tags::{
    CompressionMethod, ExtraSamples, PhotometricInterpretation, Predictor, ResolutionUnit, SampleFormat, Tag,
};

use crate::error::ImageError;
use crate::exif::Exif;
use crate::format::{Depth, Format};

use super::quantise::{Pixels, Store};
use super::{Failed, Job};

const TAG_XMP: Tag = Tag::Unknown(700);
/// About so many bytes of samples make a strip.
const STRIP_BYTES: usize = 1 << 20;

/// Writes a picture strip by strip; as BigTIFF when four gigabytes might not be enough for it.
pub(super) fn write(job: Job<'_>, out: impl Write + Seek) -> Result<(), Failed> {
    let metadata = [&job.carried.exif, &job.carried.xmp].into_iter().flatten().map(Vec::len).sum();
    if is_big(job.width, job.height, job.store, metadata) {
        write_as::<TiffKindBig, _>(job, out, true)
    } else {
        write_as::<TiffKindStandard, _>(job, out, false)
    }
}

/// Whether a file might need offsets beyond four gigabytes.
pub(super) fn is_big(width: u32, height: u32, store: Store, metadata: usize) -> bool {
    let pixel = channels(store) * sample_bytes(store.depth);
    let pixels = (u64::from(width) * u64::from(height)).saturating_mul(pixel as u64);
    // What does not compress grows by less than this; each row has at most one strip with two entries of 8 bytes.
    let more = pixels / 256 + metadata as u64 + (1 << 20) + 16 * u64::from(height);
    pixels.saturating_add(more) > u64::from(u32::MAX)
}

fn channels(store: Store) -> usize {
    match (store.grey, store.alpha) {
        (true, false) => 1,
        (false, false) => 3,
        // Few programs read grey with alpha; three equal channels hold the same.
        (_, true) => 4,
    }
}

fn sample_bytes(depth: Depth) -> usize {
    match depth {
        Depth::U8 => 1,
        Depth::U16 => 2,
        Depth::F32 => 4,
    }
}

/// Writes a TIFF of one kind; `big` says which.
pub(super) fn write_as<K: TiffKind, W: Write + Seek>(job: Job<'_>, out: W, big: bool) -> Result<(), Failed> {
    let Job { width, height, store, carried, bands, .. } = job;
    let (channels, bytes) = (channels(store), sample_bytes(store.depth));
    let row = width as usize * channels * bytes;
    let mut encoder = TiffEncoder::<W, K>::new_generic(out).map_err(fail)?;

    let fields = carried.exif.clone().and_then(Exif::read).map(|exif| exif.fields(true)).unwrap_or_default();
    let mut directories = Vec::new();
    for (context, pointer) in [(Context::Exif, Tag::ExifDirectory), (Context::Gps, Tag::GpsDirectory)] {
        let within: Vec<&Field> = fields.iter().filter(|field| field.tag.context() == context).collect();
        if !within.is_empty() {
            let mut directory = encoder.extra_directory().map_err(fail)?;
            for field in within {
                put(&mut directory, field).map_err(fail)?;
            }
            directories.push((pointer, directory.finish_with_offsets().map_err(fail)?));
        }
    }

    let mut image = encoder.image_directory().map_err(fail)?;
    let rows_per_strip = (STRIP_BYTES.div_ceil(row)).min(height as usize) as u32;
    let (mut offsets, mut lengths) = (Vec::<u64>::new(), Vec::<u64>::new());
    // Strips are compressed side by side and written in their order.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u32;
    for first in (0..height).step_by((rows_per_strip * threads) as usize) {
        let rows = (rows_per_strip * threads).min(height - first);
        let pixels = bands(first, rows)?;
        let pixels = if store.grey && store.alpha { pixels.coloured(true) } else { pixels };
        for strip in compress(pixels, rows_per_strip as usize * width as usize * channels, row, channels)? {
            offsets.push(image.write_data(strip.as_slice()).map_err(fail)?);
            lengths.push(strip.len() as u64);
        }
    }

    let tags = (|| {
        image.write_tag(Tag::ImageWidth, width)?;
        image.write_tag(Tag::ImageLength, height)?;
        image.write_tag(Tag::Compression, CompressionMethod::Deflate.to_u16())?;
        let predictor = if store.depth == Depth::F32 { Predictor::None } else { Predictor::Horizontal };
        image.write_tag(Tag::Predictor, predictor.to_u16())?;
        let grey = channels == 1;
        let meaning = if grey { PhotometricInterpretation::BlackIsZero } else { PhotometricInterpretation::RGB };
        image.write_tag(Tag::PhotometricInterpretation, meaning.to_u16())?;
        image.write_tag(Tag::RowsPerStrip, rows_per_strip)?;
        image.write_tag(Tag::SamplesPerPixel, channels as u16)?;
        image.write_tag(Tag::BitsPerSample, vec![8 * bytes as u16; channels].as_slice())?;
        let format = if store.depth == Depth::F32 { SampleFormat::IEEEFP } else { SampleFormat::Uint };
        image.write_tag(Tag::SampleFormat, vec![format.to_u16(); channels].as_slice())?;
        image.write_tag(Tag::XResolution, Rational { n: 1, d: 1 })?;
        image.write_tag(Tag::YResolution, Rational { n: 1, d: 1 })?;
        image.write_tag(Tag::ResolutionUnit, ResolutionUnit::None.to_u16())?;
        if store.alpha {
            image.write_tag(Tag::ExtraSamples, ExtraSamples::UnassociatedAlpha.to_u16())?;
        }
        for (tag, values) in [(Tag::StripOffsets, &offsets), (Tag::StripByteCounts, &lengths)] {
            if big {
                image.write_tag(tag, values.as_slice())?;
            } else {
                let values: Result<Vec<u32>, _> = values.iter().map(|&v| u32::try_from(v)).collect();
                image.write_tag(tag, values?.as_slice())?;
            }
        }
        for field in fields.iter().filter(|field| field.tag.context() == Context::Tiff) {
            put(&mut image, field)?;
        }
        for (pointer, offsets) in directories {
            image.write_tag(pointer, offsets.offset)?;
        }
        if let Some(xmp) = &carried.xmp {
            image.write_tag(TAG_XMP, xmp.as_slice())?;
        }
        image.finish()
    })();
    tags.map_err(fail)
}

/// Compresses strips of `strip` samples; a row has `row` bytes.
fn compress(pixels: Pixels, strip: usize, row: usize, channels: usize) -> Result<Vec<Vec<u8>>, Failed> {
    match pixels {
        Pixels::U8(v) => each(&v, strip, |v| deflate(&predicted(v, row, channels, u8::wrapping_sub))),
        Pixels::U16(v) => {
            each(&v, strip, |v| deflate(bytemuck::cast_slice(&predicted(v, row / 2, channels, u16::wrapping_sub))))
        }
        Pixels::F32(v) => each(&v, strip, |v| deflate(bytemuck::cast_slice(v))),
    }
}

/// Does `work` for every strip, each on a thread of its own.
fn each<T: Sync>(
    samples: &[T],
    strip: usize,
    work: impl Fn(&[T]) -> std::io::Result<Vec<u8>> + Sync,
) -> Result<Vec<Vec<u8>>, Failed> {
    if samples.len() <= strip {
        return Ok(vec![work(samples)?]);
    }
    let work = &work;
    std::thread::scope(|scope| {
        let started: Vec<_> = samples.chunks(strip).map(|part| scope.spawn(move || work(part))).collect();
        let lost = || std::io::Error::other("a thread that compressed a strip failed");
        started.into_iter().map(|thread| Ok(thread.join().unwrap_or_else(|_| Err(lost()))?)).collect()
    })
}

/// Every sample less the one of the same channel to its left; a row has `row` samples.
fn predicted<T: Copy>(samples: &[T], row: usize, channels: usize, less: impl Fn(T, T) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(samples.len());
    for row in samples.chunks_exact(row) {
        out.extend_from_slice(&row[..channels]);
        out.extend(row[channels..].iter().zip(row).map(|(&v, &left)| less(v, left)));
    }
    out
}

fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Level::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn fail(error: TiffError) -> Failed {
    match error {
        TiffError::IoError(error) => Failed::Io(error),
        other => Failed::Image(ImageError::Encoder { format: Format::Tiff, reason: other.to_string() }),
    }
}

fn put<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    field: &Field,
) -> Result<(), TiffError> {
    let tag = Tag::from_u16_exhaustive(field.tag.number());
    match &field.value {
        Value::Byte(v) => directory.write_tag(tag, v.as_slice()),
        // Undefined bytes written as plain bytes would be another type; readers accept both only for some tags.
        Value::Undefined(v, _) => directory.write_tag(tag, v.as_slice()),
        Value::Ascii(v) => {
            let text: Vec<u8> = v.join(&b' ').into_iter().filter(|&b| b != 0).collect();
            directory.write_tag(tag, String::from_utf8_lossy(&text).as_ref())
        }
        Value::Short(v) => directory.write_tag(tag, v.as_slice()),
        Value::Long(v) => directory.write_tag(tag, v.as_slice()),
        Value::SShort(v) => directory.write_tag(tag, v.as_slice()),
        Value::SLong(v) => directory.write_tag(tag, v.as_slice()),
        Value::Rational(v) => {
            let v: Vec<Rational> = v.iter().map(|r| Rational { n: r.num, d: r.denom }).collect();
            directory.write_tag(tag, v.as_slice())
        }
        Value::SRational(v) => {
            let v: Vec<SRational> = v.iter().map(|r| SRational { n: r.num, d: r.denom }).collect();
            directory.write_tag(tag, v.as_slice())
        }
        _ => Ok(()),
    }
}
