//! PNG: 8 or 16 bit, with parameters in text chunks of their own.

use std::cell::Cell;
use std::io::{self, Write};

use png::{BitDepth, ColorType, EncodingError, SrgbRenderingIntent, Writer};

use crate::canvas::Layout;
use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::parameters::{JSON_KEYWORD, TEXT_KEYWORD};

use super::quantise::Pixels;
use super::{Failed, Job, wrap};

/// Bytes of one chunk of pixels.
const CHUNK_BYTES: usize = 256 << 10;

/// Writes a picture whose pixels are all there.
pub(super) fn write_whole(job: Job<'_>, out: impl Write) -> Result<(), Failed> {
    let mut writer = start(&job, out)?;
    writer.write_image_data(&raw((job.bands)(0, job.height)?)?).map_err(fail)?;
    writer.finish().map_err(fail)
}

/// Writes a picture band by band.
pub(super) fn write(job: Job<'_>, out: impl Write) -> Result<(), Failed> {
    let refusal = Cell::new(None);
    let written = write_bands(job, Watched { out, refusal: &refusal });
    // The encoder hands errors of the file on as texts, in which a full disk could not be told from another failure.
    written.map_err(|failed| refusal.take().map_or(failed, Failed::Io))
}

/// Remembers why the file refused to be written.
struct Watched<'a, W> {
    out: W,
    refusal: &'a Cell<Option<io::Error>>,
}

impl<W> Watched<'_, W> {
    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let copy = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            self.refusal.set(Some(copy));
        }
        result
    }
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.noted(result)
    }
}

fn write_bands(job: Job<'_>, out: impl Write) -> Result<(), Failed> {
    let mut writer = start(&job, out)?;
    let Job { width, height, store, bands, .. } = job;
    let mut stream = writer.stream_writer_with_size(CHUNK_BYTES).map_err(fail)?;
    for (y, rows) in (Layout { width, height, alpha: store.alpha, depth: store.depth }).bands() {
        stream.write_all(&raw(bands(y, rows)?)?)?;
    }
    stream.finish().map_err(fail)?;
    writer.finish().map_err(fail)
}

/// Writes everything before the pixels.
fn start<W: Write>(job: &Job<'_>, out: W) -> Result<Writer<W>, Failed> {
    let Job { width, height, store, carried, parameters, .. } = job;
    let mut encoder = png::Encoder::new(out, *width, *height);
    encoder.set_color(match (store.grey, store.alpha) {
        (true, false) => ColorType::Grayscale,
        (true, true) => ColorType::GrayscaleAlpha,
        (false, false) => ColorType::Rgb,
        (false, true) => ColorType::Rgba,
    });
    encoder.set_depth(if store.depth == Depth::U8 { BitDepth::Eight } else { BitDepth::Sixteen });
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header().map_err(fail)?;
    if let Some(exif) = &carried.exif {
        writer.write_chunk(png::chunk::eXIf, exif).map_err(fail)?;
    }
    if let Some(xmp) = carried.xmp.as_deref().and_then(|xmp| std::str::from_utf8(xmp).ok()) {
        let (kind, data) = wrap::png_text("XML:com.adobe.xmp", xmp, true);
        writer.write_chunk(kind, &data).map_err(fail)?;
    }
    if let Some(parameters) = parameters {
        for (keyword, text) in [(TEXT_KEYWORD, parameters.text.clone()), (JSON_KEYWORD, parameters.ascii_json())] {
            let (kind, data) = wrap::png_text(keyword, &text, false);
            writer.write_chunk(kind, &data).map_err(fail)?;
        }
    }
    Ok(writer)
}

/// Samples as PNG orders their bytes.
fn raw(pixels: Pixels) -> Result<Vec<u8>, Failed> {
    match pixels {
        Pixels::U8(v) => Ok(v),
        Pixels::U16(v) => Ok(v.iter().flat_map(|v| v.to_be_bytes()).collect()),
        Pixels::F32(_) => Err(ImageError::Encoder { format: Format::Png, reason: "no such depth".into() }.into()),
    }
}

fn fail(error: EncodingError) -> Failed {
    match error {
        EncodingError::IoError(error) => Failed::Io(error),
        other => Failed::Image(ImageError::Encoder { format: Format::Png, reason: other.to_string() }),
    }
}
