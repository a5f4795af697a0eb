//! TIFF: 8, 16 and 32-bit float, deflate-compressed, with EXIF fields and XMP as tags.

use std::io::Cursor;

use exif::{Context, Field, Value};
use tiff::TiffError;
use tiff::encoder::colortype as c;
use tiff::encoder::{
    Compression, DeflateLevel, DirectoryEncoder, Rational, SRational, TiffEncoder, TiffKindStandard, TiffValue,
};
use tiff::tags::{ExtraSamples, Predictor, Tag};

use crate::error::ImageError;
use crate::exif::Exif;
use crate::format::Format;

use super::Carried;
use super::quantise::{Pixels, Store};

const TAG_XMP: Tag = Tag::Unknown(700);

pub(super) fn encode(
    width: u32,
    height: u32,
    pixels: &Pixels,
    store: Store,
    carried: &Carried,
) -> Result<Vec<u8>, ImageError> {
    let job = Job { width, height, carried };
    match (pixels, store.grey, store.alpha) {
        (Pixels::U8(v), true, false) => job.write::<c::Gray8>(v, false, true),
        (Pixels::U8(v), false, false) => job.write::<c::RGB8>(v, false, true),
        (Pixels::U8(v), false, true) => job.write::<c::RGBA8>(v, true, true),
        (Pixels::U16(v), true, false) => job.write::<c::Gray16>(v, false, true),
        (Pixels::U16(v), false, false) => job.write::<c::RGB16>(v, false, true),
        (Pixels::U16(v), false, true) => job.write::<c::RGBA16>(v, true, true),
        (Pixels::F32(v), true, false) => job.write::<c::Gray32Float>(v, false, false),
        (Pixels::F32(v), false, false) => job.write::<c::RGB32Float>(v, false, false),
        (Pixels::F32(v), false, true) => job.write::<c::RGBA32Float>(v, true, false),
        // The encoder knows no grey with alpha; three equal channels hold the same.
        (Pixels::U8(v), true, true) => job.write::<c::RGBA8>(&spread(v), true, true),
        (Pixels::U16(v), true, true) => job.write::<c::RGBA16>(&spread(v), true, true),
        (Pixels::F32(v), true, true) => job.write::<c::RGBA32Float>(&spread(v), true, false),
    }
    .map_err(|error| ImageError::Encoder { format: Format::Tiff, reason: error.to_string() })
}

fn spread<T: Copy>(grey_alpha: &[T]) -> Vec<T> {
    grey_alpha.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect()
}

struct Job<'a> {
    width: u32,
    height: u32,
    carried: &'a Carried,
}

impl Job<'_> {
    fn write<C: c::ColorType>(&self, data: &[C::Inner], alpha: bool, predict: bool) -> Result<Vec<u8>, TiffError>
    where
        [C::Inner]: TiffValue,
    {
        let mut out = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut out)?.with_compression(Compression::Deflate(DeflateLevel::Balanced));
        if predict {
            encoder = encoder.with_predictor(Predictor::Horizontal);
        }
        let fields = self.carried.exif.clone().and_then(Exif::read).map(|exif| exif.fields(true)).unwrap_or_default();
        let mut directories = Vec::new();
        for (context, pointer) in [(Context::Exif, Tag::ExifDirectory), (Context::Gps, Tag::GpsDirectory)] {
            let within: Vec<&Field> = fields.iter().filter(|field| field.tag.context() == context).collect();
            if !within.is_empty() {
                let mut directory = encoder.extra_directory()?;
                for field in within {
                    put(&mut directory, field)?;
                }
                directories.push((pointer, directory.finish_with_offsets()?));
            }
        }
        let mut image = encoder.new_image::<C>(self.width, self.height)?;
        if alpha {
            // The colour type counts alpha among its own samples already; only its meaning is missing.
            image.encoder().write_tag(Tag::ExtraSamples, ExtraSamples::UnassociatedAlpha.to_u16())?;
        }
        let directory = image.encoder();
        for field in fields.iter().filter(|field| field.tag.context() == Context::Tiff) {
            put(directory, field)?;
        }
        for (pointer, offsets) in directories {
            directory.write_tag(pointer, offsets.offset)?;
        }
        if let Some(xmp) = &self.carried.xmp {
            directory.write_tag(TAG_XMP, xmp.as_slice())?;
        }
        image.write_data(data)?;
        Ok(out.into_inner())
    }
}

type Directory<'a, 'b> = DirectoryEncoder<'a, &'b mut Cursor<Vec<u8>>, TiffKindStandard>;

fn put(directory: &mut Directory<'_, '_>, field: &Field) -> Result<(), TiffError> {
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
