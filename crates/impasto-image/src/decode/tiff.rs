//! TIFF in the many shapes that programs write.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use crate::directory::{Directory, tag};
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;
use crate::picture::samples;

use super::{Extras, Model, Raster, Samples};

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// One strip or tile may be this large before the decoder refuses; real files stay far below.
const CHUNK_BYTES: usize = 32 << 20;
/// Structural tags are expanded value by value; real ones stay far below this.
const VALUE_BYTES: usize = 16 << 20;
/// EXIF fields are looked up in a copy of the file; the fields of a larger one are not worth that.
const EXIF_FILE_BYTES: usize = 32 << 20;
/// The value of `ExtraSamples` that means "colours are multiplied by this alpha".
const ASSOCIATED_ALPHA: u16 = 1;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let directory =
        Directory::first(bytes).ok_or_else(|| ImageError::corrupt(Format::Tiff, "the first directory is missing"))?;
    if let Some(reason) = directory.hostile(limits.max_pixels) {
        return Err(ImageError::corrupt(Format::Tiff, reason));
    }
    let mut values = TiffLimits::default();
    values.ifd_value_size = VALUE_BYTES;
    values.decoding_buffer_size = VALUE_BYTES;
    values.intermediate_buffer_size = CHUNK_BYTES;
    let mut reader = Decoder::new(Cursor::new(bytes)).map_err(fail)?.with_limits(values.clone());
    let (width, height) = reader.dimensions().map_err(fail)?;
    if width == 0 || height == 0 {
        return Err(ImageError::corrupt(Format::Tiff, "the picture has no pixels"));
    }
    limits.check_size(width, height)?;
    if let Some(reason) = directory.hostile(u64::from(width) * u64::from(height)) {
        return Err(ImageError::corrupt(Format::Tiff, reason));
    }
    let color = reader.colortype().map_err(fail)?;
    let mut extras = extras(bytes, &directory, limits)?;
    let layout = Layout::of(color, &mut reader)?;

    let too_large = || ImageError::DecoderMemory { format: Format::Tiff };
    let stored = samples(width, height, layout.channels).ok_or_else(too_large)?;
    let bytes_per_sample = usize::from(layout.bits.div_ceil(8).max(1));
    values.decoding_buffer_size = stored.saturating_mul(bytes_per_sample).max(VALUE_BYTES);
    let mut reader = reader.with_limits(values);
    let mut buffer = DecodingResult::U8(Vec::new());
    let plan = reader.read_image_to_buffer(&mut buffer).map_err(fail)?;
    if buffer.as_buffer(0).as_bytes().len() < plan.complete_len {
        return Err(too_large());
    }
    let planes = if plan.planes > 1 { layout.channels } else { 1 };
    let samples = layout.samples(buffer, width as usize, height as usize, planes, &mut reader)?;
    if layout.associated {
        extras.notes.push("Colours stored multiplied by alpha were divided by it.".into());
    }
    Ok((Raster { width, height, model: layout.model, samples, premultiplied: layout.associated }, extras))
}

/// How the samples lie in the file.
struct Layout {
    model: Model,
    /// Channels stored, before a palette is looked up.
    channels: usize,
    bits: u8,
    palette: bool,
    /// Stored as YCbCr and to be converted.
    ycbcr: bool,
    associated: bool,
}

impl Layout {
    fn of(color: ColorType, reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        let (model, channels, bits) = match color {
            ColorType::Gray(bits) => (Model::Grey, 1, bits),
            ColorType::GrayA(bits) => (Model::GreyAlpha, 2, bits),
            ColorType::Multiband { bit_depth, num_samples: 2 } => (Model::GreyAlpha, 2, bit_depth),
            ColorType::RGB(bits) => (Model::Rgb, 3, bits),
            ColorType::RGBA(bits) => (Model::RgbAlpha, 4, bits),
            ColorType::CMYK(bits) => (Model::Cmyk, 4, bits),
            ColorType::CMYKA(bits) => (Model::CmykAlpha, 5, bits),
            ColorType::Palette(bits @ 1..=8) => (Model::Rgb, 1, bits),
            ColorType::YCbCr(8) => (Model::Rgb, 3, 8),
            other => {
                return Err(ImageError::unsupported(Format::Tiff, format!("colour type {other:?}")));
            }
        };
        if !matches!(bits, 1 | 2 | 4 | 8 | 16 | 32 | 64) || (bits < 8 && channels > 1) {
            return Err(ImageError::unsupported(Format::Tiff, format!("{bits} bits a sample")));
        }
        let extra = reader.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(fail)?.unwrap_or_default();
        Ok(Self {
            model,
            channels,
            bits,
            palette: matches!(color, ColorType::Palette(_)),
            ycbcr: matches!(color, ColorType::YCbCr(_)),
            associated: model.has_alpha() && extra.first() == Some(&ASSOCIATED_ALPHA),
        })
    }

    fn samples(
        &self,
        buffer: DecodingResult,
        width: usize,
        height: usize,
        planes: usize,
        reader: &mut Reader<'_>,
    ) -> Result<Samples, ImageError> {
        let all = width * height * self.channels;
        let samples = match buffer {
            DecodingResult::U8(packed) if self.bits < 8 => Samples::U8(self.unpack(&packed, width, height)?),
            DecodingResult::U8(mut v) => {
                v.truncate(all);
                Samples::U8(interleave(v, planes))
            }
            DecodingResult::U16(v) => Samples::U16(interleave(v, planes)),
            DecodingResult::U32(v) => {
                let scaled = v.iter().map(|&s| (f64::from(s) / f64::from(u32::MAX)) as f32).collect();
                Samples::F32(interleave(scaled, planes))
            }
            DecodingResult::F32(v) => Samples::F32(interleave(v, planes)),
            DecodingResult::F64(v) => Samples::F32(interleave(v.iter().map(|&s| s as f32).collect(), planes)),
            DecodingResult::F16(v) => Samples::F32(interleave(v.iter().map(|s| s.to_f32()).collect(), planes)),
            _ => {
                return Err(ImageError::unsupported(Format::Tiff, "signed or 64-bit samples"));
            }
        };
        match samples {
            Samples::U8(indices) if self.palette => palette(&indices, self.bits, reader),
            Samples::U8(mut pixels) if self.ycbcr => {
                for pixel in pixels.as_chunks_mut::<3>().0 {
                    let [y, cb, cr] = pixel.map(f32::from);
                    let (cb, cr) = (cb - 128.0, cr - 128.0);
                    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
                    *pixel = rgb.map(|v| v.round().clamp(0.0, 255.0) as u8);
                }
                Ok(Samples::U8(pixels))
            }
            other => Ok(other),
        }
    }

    /// Spreads 1, 2 or 4-bit samples, whose rows start on whole bytes. Greys are scaled up, palette indices are not.
    fn unpack(&self, packed: &[u8], width: usize, height: usize) -> Result<Vec<u8>, ImageError> {
        let bits = usize::from(self.bits);
        let stride = (width * bits).div_ceil(8);
        if packed.len() < stride * height {
            return Err(ImageError::corrupt(Format::Tiff, "rows are missing"));
        }
        let mask = (1_u8 << bits) - 1;
        let scale = if self.palette { 1 } else { 255 / mask };
        let mut out = Vec::with_capacity(width * height);
        for row in packed.chunks_exact(stride).take(height) {
            for x in 0..width {
                let at = x * bits;
                out.push((row[at / 8] >> (8 - bits - at % 8) & mask) * scale);
            }
        }
        Ok(out)
    }
}

/// Turns `planes` planes one after the other into interleaved samples.
fn interleave<T: Copy>(samples: Vec<T>, planes: usize) -> Vec<T> {
    let plane = samples.len() / planes.max(1);
    if planes <= 1 || plane == 0 {
        return samples;
    }
    let mut out = Vec::with_capacity(samples.len());
    for i in 0..plane {
        out.extend(samples.chunks_exact(plane).map(|p| p[i]));
    }
    out
}

fn palette(indices: &[u8], bits: u8, reader: &mut Reader<'_>) -> Result<Samples, ImageError> {
    let map = reader.get_tag_u16_vec(Tag::ColorMap).map_err(fail)?;
    let entries = 1_usize << bits;
    let (red, rest) = map.split_at_checked(entries).unwrap_or_default();
    let (green, rest) = rest.split_at_checked(entries).unwrap_or_default();
    let Some(blue) = rest.get(..entries) else {
        return Err(ImageError::corrupt(Format::Tiff, "the palette is too short"));
    };
    // Maps are 16 bits wide by definition, but what they hold is 8-bit colour (and some writers forget to scale it).
    let scaled = map.iter().any(|&v| v > 255);
    let narrow = |v: u16| if scaled { (v >> 8) as u8 } else { v as u8 };
    let mut out = Vec::with_capacity(indices.len() * 3);
    for &index in indices {
        let i = usize::from(index) % entries;
        out.extend([red[i], green[i], blue[i]].map(narrow));
    }
    Ok(Samples::U8(out))
}

fn extras(bytes: &[u8], directory: &Directory<'_>, limits: &Limits) -> Result<Extras, ImageError> {
    let mut extras = Extras { orientation: directory.orientation(), ..Extras::default() };
    extras.take_frames(directory.pages(u64::from(limits.max_frames) + 1), "pages", limits)?;
    if let Some(profile) = directory.data(tag::ICC) {
        extras.take_icc(profile, limits);
    }
    if let Some(packet) = directory.data(tag::XMP) {
        extras.take_xmp(packet, limits);
    }
    // A TIFF file is itself the structure that EXIF borrowed.
    if bytes.len() <= EXIF_FILE_BYTES {
        extras.exif = crate::exif::Exif::read(bytes.to_vec()).and_then(|found| found.rebuild(true));
    }
    Ok(extras)
}

fn fail(error: TiffError) -> ImageError {
    match error {
        TiffError::UnsupportedError(what) => ImageError::unsupported(Format::Tiff, what),
        TiffError::LimitsExceeded => ImageError::DecoderMemory { format: Format::Tiff },
        other => ImageError::corrupt(Format::Tiff, other),
    }
}
