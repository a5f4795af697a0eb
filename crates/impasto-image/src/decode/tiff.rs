//! TIFF in the many shapes that programs write.

use std::io::{Cursor, Read, Seek};

use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use crate::directory::{Bytes, Directory, tag};
use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::limits::Limits;
use crate::picture::samples;

use super::{Extras, Model, Raster, Samples};

/// One strip or tile may be this large, or as large as the file in memory, before the decoder refuses.
const CHUNK_BYTES: usize = 32 << 20;
/// Structural tags are expanded value by value; real ones stay far below this.
const VALUE_BYTES: usize = 16 << 20;
/// EXIF fields are looked up in a copy of the file; the fields of a larger one are not worth that.
const EXIF_FILE_BYTES: usize = 32 << 20;
/// The value of `ExtraSamples` that means "colours are multiplied by this alpha".
const ASSOCIATED_ALPHA: u16 = 1;
/// The value of `SampleFormat` that means floating point.
const FLOAT_SAMPLES: u16 = 3;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let Start { reader, width, height, layout, mut extras } = start(Cursor::new(bytes), bytes, limits)?;
    let too_large = || ImageError::DecoderMemory { format: Format::Tiff };
    let stored = samples(width, height, layout.channels).ok_or_else(too_large)?;
    let mut allowed = decoder_limits(stored.saturating_mul(layout.sample_bytes()));
    // Some programs write a picture as one strip, which cannot be longer than the file that is in memory already.
    allowed.intermediate_buffer_size = CHUNK_BYTES.max(bytes.len());
    let mut reader = reader.with_limits(allowed);
    let mut buffer = DecodingResult::U8(Vec::new());
    let plan = reader.read_image_to_buffer(&mut buffer).map_err(fail)?;
    if buffer.as_buffer(0).as_bytes().len() < plan.complete_len {
        return Err(too_large());
    }
    let planes = if plan.planes > 1 { layout.channels } else { 1 };
    let samples = layout.samples(buffer, width as usize, height as usize, planes, &mut reader)?;
    layout.note(&mut extras);
    Ok((Raster { width, height, model: layout.model, samples, premultiplied: layout.associated }, extras))
}

/// Where pixels are about to be read.
pub(super) struct Start<R: Read + Seek> {
    pub(super) reader: Decoder<R>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: Layout,
    pub(super) extras: Extras,
}

/// Reads the header and the metadata of the file that is both `reader` and `file`, and holds them against the limits.
pub(super) fn start<R: Read + Seek>(
    reader: R,
    file: &(impl Bytes + ?Sized),
    limits: &Limits,
) -> Result<Start<R>, ImageError> {
    let directory =
        Directory::first(file).ok_or_else(|| ImageError::corrupt(Format::Tiff, "the first directory is missing"))?;
    if let Some(reason) = directory.hostile(limits.max_pixels) {
        return Err(ImageError::corrupt(Format::Tiff, reason));
    }
    let mut reader = Decoder::new(reader).map_err(fail)?.with_limits(decoder_limits(0));
    let (width, height) = reader.dimensions().map_err(fail)?;
    if width == 0 || height == 0 {
        return Err(ImageError::corrupt(Format::Tiff, "the picture has no pixels"));
    }
    limits.check_size(width, height)?;
    if let Some(reason) = directory.hostile(u64::from(width) * u64::from(height)) {
        return Err(ImageError::corrupt(Format::Tiff, reason));
    }
    let color = reader.colortype().map_err(fail)?;
    let extras = extras(file, &directory, limits)?;
    let layout = Layout::of(color, &mut reader)?;
    Ok(Start { reader, width, height, layout, extras })
}

/// What the decoder may allocate when `pixels` bytes of samples are asked of it at once.
pub(super) fn decoder_limits(pixels: usize) -> TiffLimits {
    let mut values = TiffLimits::default();
    values.ifd_value_size = VALUE_BYTES;
    values.decoding_buffer_size = pixels.max(VALUE_BYTES);
    values.intermediate_buffer_size = CHUNK_BYTES;
    values
}

/// How the samples lie in the file.
pub(super) struct Layout {
    pub(super) model: Model,
    /// Channels stored, before a palette is looked up.
    pub(super) channels: usize,
    bits: u8,
    /// Whether samples are floating point.
    float: bool,
    palette: bool,
    /// Stored as YCbCr and to be converted.
    ycbcr: bool,
    pub(super) associated: bool,
}

impl Layout {
    fn of<R: Read + Seek>(color: ColorType, reader: &mut Decoder<R>) -> Result<Self, ImageError> {
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
        let format = reader.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(fail)?.unwrap_or_default();
        Ok(Self {
            model,
            channels,
            bits,
            float: format.first() == Some(&FLOAT_SAMPLES),
            palette: matches!(color, ColorType::Palette(_)),
            ycbcr: matches!(color, ColorType::YCbCr(_)),
            associated: model.has_alpha() && extra.first() == Some(&ASSOCIATED_ALPHA),
        })
    }

    /// Bytes of a sample as the decoder hands it over.
    pub(super) fn sample_bytes(&self) -> usize {
        usize::from(self.bits.div_ceil(8).max(1))
    }

    /// Bits of a sample as stored.
    pub(super) fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether samples are floating point.
    pub(super) fn is_float(&self) -> bool {
        self.float
    }

    /// The kind of samples that [`Layout::samples`] gives.
    pub(super) fn depth(&self) -> Depth {
        match self.bits {
            ..=8 => Depth::U8,
            16 if !self.float => Depth::U16,
            _ => Depth::F32,
        }
    }

    /// Says what is done with the samples that a careful person would want to know.
    pub(super) fn note(&self, extras: &mut Extras) {
        if self.associated {
            extras.notes.push("Colours stored multiplied by alpha were divided by it.".into());
        }
    }

    /// Interleaved samples of the model, from what the decoder gave for `width` x `height` pixels.
    pub(super) fn samples<R: Read + Seek>(
        &self,
        buffer: DecodingResult,
        width: usize,
        height: usize,
        planes: usize,
        reader: &mut Decoder<R>,
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

fn palette<R: Read + Seek>(indices: &[u8], bits: u8, reader: &mut Decoder<R>) -> Result<Samples, ImageError> {
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

fn extras(
    file: &(impl Bytes + ?Sized),
    directory: &Directory<'_, impl Bytes + ?Sized>,
    limits: &Limits,
) -> Result<Extras, ImageError> {
    let mut extras = Extras { orientation: directory.orientation(), ..Extras::default() };
    extras.take_frames(directory.pages(u64::from(limits.max_frames) + 1), "pages", limits)?;
    if let Some(profile) = directory.data(tag::ICC) {
        extras.take_icc(&profile, limits);
    }
    if let Some(packet) = directory.data(tag::XMP) {
        extras.take_xmp(&packet, limits);
    }
    for (tag, what) in [(tag::ICC, "colour profile"), (tag::XMP, "XMP packet")] {
        if directory.too_long(tag) {
            extras.notes.push(format!("The {what} is larger than the limit and was ignored."));
        }
    }
    // A TIFF file is itself the structure that EXIF borrowed.
    let small = Some(file.length()).filter(|&length| length <= EXIF_FILE_BYTES);
    if let Some(whole) = small.and_then(|length| file.get(0, length)) {
        extras.exif = crate::exif::Exif::read(whole.into_owned()).and_then(|found| found.rebuild(true));
    }
    Ok(extras)
}

pub(super) fn fail(error: TiffError) -> ImageError {
    match error {
        TiffError::UnsupportedError(what) => ImageError::unsupported(Format::Tiff, what),
        TiffError::LimitsExceeded => ImageError::DecoderMemory { format: Format::Tiff },
        other => ImageError::corrupt(Format::Tiff, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey TIFF file of 8 bit, uncompressed, in one strip.
    fn one_strip(width: u32, height: u32) -> Vec<u8> {
        let tags: [(u16, u32); 9] = [
            (256, width),
            (257, height),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 122),
            (277, 1),
            (278, height),
            (279, width * height),
        ];
        let mut bytes = b"II*\0\x08\0\0\0\x09\0".to_vec();
        for (tag, value) in tags {
            bytes.extend(tag.to_le_bytes());
            bytes.extend([4, 0, 1, 0, 0, 0]); // one number of 32 bit
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes.resize(122 + (width * height) as usize, 77);
        bytes
    }

    #[test]
    fn a_large_picture_may_be_one_strip() {
        let side = 5900;
        let bytes = one_strip(side, side);
        assert!(bytes.len() > CHUNK_BYTES);
        let (raster, _) = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!((raster.width, raster.height), (side, side));
    }

    #[test]
    fn a_strip_cannot_be_longer_than_its_file() {
        let mut bytes = one_strip(200, 200);
        bytes.truncate(1000);
        assert!(decode(&bytes, &Limits::default()).is_err());
    }
}
