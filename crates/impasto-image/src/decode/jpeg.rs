//! JPEG, down to the ink values of CMYK files.

use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use crate::container::jpeg_segments;
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;

use super::{Extras, Model, Raster, Samples};

const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let side = usize::try_from(limits.max_side).unwrap_or(usize::MAX);
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side)
        .set_strict_mode(false)
        .jpeg_set_max_scans(200);
    let header = |options| -> Result<(Decoder<'_>, u32, u32, ColorSpace), ImageError> {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(|error| fail(&error, limits))?;
        let size = decoder.dimensions().and_then(|(w, h)| Some((u32::try_from(w).ok()?, u32::try_from(h).ok()?)));
        match (size, decoder.input_colorspace()) {
            (Some((width, height)), Some(space)) if width > 0 && height > 0 => Ok((decoder, width, height, space)),
            _ => Err(ImageError::corrupt(Format::Jpeg, "the header has no picture size")),
        }
    };
    let (mut decoder, width, height, space) = header(options)?;
    limits.check_size(width, height)?;
    let mut extras = extras(bytes, limits);

    let (wanted, model) = match space {
        ColorSpace::Luma => (ColorSpace::Luma, Model::Grey),
        ColorSpace::YCbCr | ColorSpace::RGB => (ColorSpace::RGB, Model::Rgb),
        // Asking for the stored model back turns the decoder's own, profile-less conversion off.
        ColorSpace::CMYK | ColorSpace::YCCK => (space, Model::Cmyk),
        other => {
            return Err(ImageError::unsupported(Format::Jpeg, format!("colour model {other:?}")));
        }
    };
    // A strict pass first: only then is it known whether the lenient one has to make something up.
    decoder.set_options(options.jpeg_set_out_colorspace(wanted).set_strict_mode(true));
    let mut pixels = match decoder.decode() {
        Ok(pixels) => pixels,
        Err(strict) => {
            drop(decoder);
            let (mut decoder, ..) = header(options.jpeg_set_out_colorspace(wanted))?;
            let pixels = decoder.decode().map_err(|error| fail(&error, limits))?;
            let reason = crate::error::one_line(&strict.to_string());
            extras
                .notes
                .push(format!("The JPEG data is damaged ({reason}); the rest was decoded as well as possible."));
            pixels
        }
    };
    match space {
        ColorSpace::YCCK => ycck_to_cmyk(&mut pixels),
        // Everybody writes CMYK JPEGs the way Adobe does: inverted.
        ColorSpace::CMYK => pixels.iter_mut().for_each(|ink| *ink = 255 - *ink),
        _ => {}
    }
    Ok((Raster { width, height, model, samples: Samples::U8(pixels), premultiplied: false }, extras))
}

/// YCCK holds the picture's RGB negative as YCbCr, beside inverted black; both become ink.
fn ycck_to_cmyk(pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        let [y, cb, cr, k] = pixel.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let ink = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb, 255.0 - k];
        *pixel = ink.map(|v| v.round().clamp(0.0, 255.0) as u8);
    }
}

fn extras(bytes: &[u8], limits: &Limits) -> Extras {
    let mut extras = Extras::default();
    let mut parts: Vec<(u8, &[u8])> = Vec::new();
    let mut exif_seen = false;
    for segment in jpeg_segments(bytes) {
        match segment.kind {
            0xe1 if segment.data.starts_with(b"Exif\0") && !exif_seen => {
                exif_seen = true;
                extras.take_exif(segment.data.get(6..).unwrap_or_default(), limits);
            }
            0xe1 if extras.xmp.is_none() => {
                if let Some(packet) = segment.data.strip_prefix(XMP_PREFIX) {
                    extras.take_xmp(packet, limits);
                }
            }
            0xe2 => {
                if let Some([number, _count, part @ ..]) = segment.data.strip_prefix(ICC_PREFIX) {
                    parts.push((*number, part));
                } else if segment.data.starts_with(b"MPF\0") {
                    extras.notes.push("The file holds several pictures; only the first is used.".into());
                }
            }
            _ => {}
        }
    }
    if !parts.is_empty() {
        parts.sort_by_key(|(number, _)| *number);
        let profile: Vec<u8> = parts.iter().flat_map(|(_, part)| part.iter().copied()).collect();
        extras.take_icc(&profile, limits);
    }
    extras
}

fn fail(error: &DecodeErrors, limits: &Limits) -> ImageError {
    match error {
        DecodeErrors::LargeDimensions(found) => ImageError::Limit {
            what: "the picture's longest side",
            found: *found as u64,
            limit: u64::from(limits.max_side),
        },
        DecodeErrors::Unsupported(what) => ImageError::unsupported(Format::Jpeg, format!("{what:?}")),
        other => ImageError::corrupt(Format::Jpeg, format!("{other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ycck_white_black_and_red() {
        // Adobe stores negatives: white paper is Y=0 with K inverted to 255.
        let mut pixels = [0, 128, 128, 255, 0, 128, 128, 0, 179, 171, 1, 255];
        ycck_to_cmyk(&mut pixels);
        assert_eq!(pixels[..4], [0, 0, 0, 0]);
        assert_eq!(pixels[4..8], [0, 0, 0, 255]);
        assert!(pixels[8] < 4 && pixels[9] > 240 && pixels[10] > 240, "{pixels:?}");
    }
}
