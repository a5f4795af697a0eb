//! PNG, with metadata read by our own bounded walker instead of the decoder's.

use std::io::{BufRead, Cursor, Seek};

use png::{BitDepth, ColorType, Transformations};

use crate::container::png_chunks;
use crate::error::ImageError;
use crate::format::Format;
use crate::icc::Calibration;
use crate::limits::Limits;
use crate::picture::samples;
use crate::text::{inflate, png_texts};

use super::{Extras, Model, Raster, Samples};

/// What the decoder may allocate besides the picture itself: rows, tables, one chunk.
const DECODER_BYTES: usize = 16 << 20;

const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let Start { mut reader, width, height, model, wide, extras } =
        start(Cursor::new(bytes), limits, |limits| extras(bytes, limits))?;
    let too_large = || ImageError::DecoderMemory { format: Format::Png };
    let length = samples(width, height, model.channels() * if wide { 2 } else { 1 }).ok_or_else(too_large)?;
    if reader.output_buffer_size() != Some(length) {
        return Err(ImageError::corrupt(Format::Png, "the first frame does not cover the picture"));
    }
    let mut buffer = vec![0_u8; length];
    reader.next_frame(&mut buffer).map_err(fail)?;
    Ok((Raster { width, height, model, samples: native(buffer, wide), premultiplied: false }, extras))
}

/// Where pixels are about to be read.
pub(super) struct Start<R: BufRead + Seek> {
    pub(super) reader: png::Reader<R>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) model: Model,
    /// Whether samples have 16 bits.
    pub(super) wide: bool,
    pub(super) extras: Extras,
}

/// Reads the header: width and height.
pub(super) fn header<R: BufRead + Seek>(reader: R) -> Result<(png::Decoder<R>, u32, u32), ImageError> {
    let mut decoder = png::Decoder::new_with_limits(reader, png::Limits { bytes: DECODER_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(fail)?;
    let (width, height) = (header.width, header.height);
    Ok((decoder, width, height))
}

/// Reads the header, holds it against the limits, and reads the metadata with `extras` before the decoder goes on.
pub(super) fn start<R: BufRead + Seek>(
    reader: R,
    limits: &Limits,
    extras: impl FnOnce(&Limits) -> Result<Extras, ImageError>,
) -> Result<Start<R>, ImageError> {
    let (decoder, width, height) = header(reader)?;
    limits.check_size(width, height)?;
    let extras = extras(limits)?;
    let reader = decoder.read_info().map_err(fail)?;
    let (color, depth) = reader.output_color_type();
    let model = match color {
        ColorType::Grayscale => Model::Grey,
        ColorType::GrayscaleAlpha => Model::GreyAlpha,
        ColorType::Rgb => Model::Rgb,
        ColorType::Rgba => Model::RgbAlpha,
        ColorType::Indexed => {
            return Err(ImageError::corrupt(Format::Png, "the palette is missing"));
        }
    };
    Ok(Start { reader, width, height, model, wide: depth == BitDepth::Sixteen, extras })
}

/// Samples from the decoder's bytes.
pub(super) fn native(bytes: Vec<u8>, wide: bool) -> Samples {
    if wide {
        Samples::U16(bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect())
    } else {
        Samples::U8(bytes)
    }
}

pub(super) fn extras(bytes: &[u8], limits: &Limits) -> Result<Extras, ImageError> {
    let mut extras = Extras::default();
    let (mut gamma, mut srgb) = (None, false);
    for chunk in png_chunks(bytes) {
        match &chunk.kind {
            b"iCCP" if extras.icc.is_none() => profile(chunk.data, &mut extras, limits),
            b"eXIf" if extras.exif.is_none() => extras.take_exif(chunk.data, limits),
            b"sRGB" => srgb = true,
            b"gAMA" => gamma = chunk.data.try_into().ok().map(u32::from_be_bytes),
            b"cICP" => cicp(chunk.data, &mut extras),
            b"acTL" => {
                let frames = chunk.data.first_chunk::<4>().map_or(0, |raw| u32::from_be_bytes(*raw));
                // Above 2^31 the number is no number by the standard; then there is no animation either.
                if frames <= i32::MAX as u32 {
                    extras.take_frames(u64::from(frames), "frames", limits)?;
                }
            }
            _ => {}
        }
    }
    // The standard ranks a profile over sRGB over gAMA. Below 0.01 or above 100 the value is nonsense.
    if let Some(gamma) = gamma.filter(|g| !srgb && (1_000..=10_000_000).contains(g)) {
        extras.calibration = Some(Calibration { gamma: f64::from(gamma) / 100_000.0 });
    }
    match png_texts(bytes, &[XMP_KEYWORD], limits) {
        Ok(texts) => {
            if let Some(text) = texts.first() {
                extras.take_xmp(text.text.as_bytes(), limits);
            }
        }
        Err(_) => extras.notes.push("The XMP packet is larger than the limit and was ignored.".into()),
    }
    Ok(extras)
}

fn profile(data: &[u8], extras: &mut Extras, limits: &Limits) {
    let name_end = data.iter().take(80).position(|&b| b == 0);
    let packed = name_end.and_then(|end| data.get(end + 1..)).and_then(|rest| rest.strip_prefix(&[0]));
    match packed.map(|packed| inflate(packed, limits.max_icc_bytes, "the colour profile's size in bytes")) {
        Some(Ok(Some(profile))) => extras.take_icc(&profile, limits),
        Some(Err(_)) => extras.notes.push("The colour profile is larger than the limit and was ignored.".into()),
        Some(Ok(None)) | None => extras.notes.push("The colour profile is damaged and was ignored.".into()),
    }
}

/// Coding-independent code points: plain sRGB is fine, anything else is not converted, and says so.
fn cicp(data: &[u8], extras: &mut Extras) {
    if let [primaries, transfer, ..] = data
        && !(*primaries == 1 && matches!(transfer, 1 | 13))
    {
        extras.notes.push("The picture is coded for another display (cICP), which is not converted.".into());
    }
}

pub(super) fn fail(error: png::DecodingError) -> ImageError {
    match error {
        png::DecodingError::LimitsExceeded => ImageError::DecoderMemory { format: Format::Png },
        other => ImageError::corrupt(Format::Png, other),
    }
}
