//! WebP, BMP and GIF: 8-bit formats for which `image`'s own decoders give everything that is needed.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

use crate::container::{gif_frames, webp_chunks};
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;

use super::{Extras, Model, Raster, Samples};

/// What a decoder may allocate besides the picture itself.
const DECODER_BYTES: u64 = 16 << 20;

pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let mut extras = Extras::default();
    let reader = Cursor::new(bytes);
    let fail = |error| fail(format, error);
    let raster = match format {
        Format::WebP => {
            webp_extras(bytes, &mut extras, limits)?;
            read(format, WebPDecoder::new(reader).map_err(fail)?, limits)?
        }
        Format::Gif => {
            extras.take_frames(gif_frames(bytes, u64::from(limits.max_frames) + 1), "frames", limits)?;
            read(format, GifDecoder::new(reader).map_err(fail)?, limits)?
        }
        _ => read(format, BmpDecoder::new(reader).map_err(fail)?, limits)?,
    };
    Ok((raster, extras))
}

fn read<D: ImageDecoder>(format: Format, mut decoder: D, limits: &Limits) -> Result<Raster, ImageError> {
    let fail = |error| fail(format, error);
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let model = match decoder.color_type() {
        ColorType::L8 => Model::Grey,
        ColorType::La8 => Model::GreyAlpha,
        ColorType::Rgb8 => Model::Rgb,
        ColorType::Rgba8 => Model::RgbAlpha,
        other => {
            return Err(ImageError::unsupported(format, format!("colour type {other:?}")));
        }
    };
    let length = decoder.total_bytes();
    let mut inner = image::Limits::no_limits();
    inner.max_image_width = Some(limits.max_side);
    inner.max_image_height = Some(limits.max_side);
    // Lossy WebP and GIF keep a second canvas while they compose the first frame.
    inner.max_alloc = Some(length.saturating_mul(2).saturating_add(DECODER_BYTES));
    decoder.set_limits(inner).map_err(fail)?;
    let length = usize::try_from(length).map_err(|_| ImageError::DecoderMemory { format })?;
    let mut pixels = vec![0_u8; length];
    decoder.read_image(&mut pixels).map_err(fail)?;
    Ok(Raster { width, height, model, samples: Samples::U8(pixels), premultiplied: false })
}

fn webp_extras(bytes: &[u8], extras: &mut Extras, limits: &Limits) -> Result<(), ImageError> {
    let mut frames = 0;
    for chunk in webp_chunks(bytes) {
        match &chunk.kind {
            b"ICCP" if extras.icc.is_none() => extras.take_icc(chunk.data, limits),
            b"EXIF" if extras.exif.is_none() => extras.take_exif(chunk.data, limits),
            b"XMP " if extras.xmp.is_none() => extras.take_xmp(chunk.data, limits),
            b"ANMF" => frames += 1,
            _ => {}
        }
    }
    extras.take_frames(frames, "frames", limits)
}

fn fail(format: Format, error: image::ImageError) -> ImageError {
    match error {
        image::ImageError::Limits(_) => ImageError::DecoderMemory { format },
        image::ImageError::Unsupported(what) => ImageError::unsupported(format, what),
        other => ImageError::corrupt(format, other),
    }
}
