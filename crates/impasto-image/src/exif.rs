//! EXIF: orientation, and carrying what still holds after a picture was changed.
//!
//! A block is never copied as it stands: thumbnails show the old picture, maker notes hide positions and break when
//! moved, sizes and offsets no longer hold. It is rebuilt from a list of descriptive fields instead, which also bounds
//! what a hostile block can make us copy.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Context, Field, In, Reader, Tag, Value};

/// No single value carried over is larger than this.
const MAX_VALUE_BYTES: usize = 16 << 10;
/// A rebuilt block must fit one JPEG segment.
const MAX_BLOCK_BYTES: usize = 60_000;

/// Descriptive fields of the first directory.
const PRIMARY: &[Tag] = &[
    Tag::ImageDescription,
    Tag::Make,
    Tag::Model,
    Tag::XResolution,
    Tag::YResolution,
    Tag::ResolutionUnit,
    Tag::Software,
    Tag::DateTime,
    Tag::Artist,
    Tag::Copyright,
];

/// Fields of the EXIF directory that describe the moment and the camera, not the stored pixels.
const MOMENT: &[Tag] = &[
    Tag::ExposureTime,
    Tag::FNumber,
    Tag::ExposureProgram,
    Tag::PhotographicSensitivity,
    Tag::SensitivityType,
    Tag::RecommendedExposureIndex,
    Tag::DateTimeOriginal,
    Tag::DateTimeDigitized,
    Tag::OffsetTime,
    Tag::OffsetTimeOriginal,
    Tag::OffsetTimeDigitized,
    Tag::SubSecTime,
    Tag::SubSecTimeOriginal,
    Tag::SubSecTimeDigitized,
    Tag::ShutterSpeedValue,
    Tag::ApertureValue,
    Tag::BrightnessValue,
    Tag::ExposureBiasValue,
    Tag::MaxApertureValue,
    Tag::SubjectDistance,
    Tag::MeteringMode,
    Tag::LightSource,
    Tag::Flash,
    Tag::FocalLength,
    Tag::FocalLengthIn35mmFilm,
    Tag::ExposureMode,
    Tag::WhiteBalance,
    Tag::DigitalZoomRatio,
    Tag::SceneCaptureType,
    Tag::ImageUniqueID,
    Tag::CameraOwnerName,
    Tag::BodySerialNumber,
    Tag::LensSpecification,
    Tag::LensMake,
    Tag::LensModel,
    Tag::LensSerialNumber,
    Tag::UserComment,
];

/// The highest tag number of the GPS directory in EXIF 3.0.
const LAST_GPS_TAG: u16 = 31;

/// A parsed block.
pub(crate) struct Exif(exif::Exif);

impl Exif {
    /// Parses a block that starts with the TIFF header; damaged entries are left out, `None` when nothing is usable.
    pub(crate) fn read(block: Vec<u8>) -> Option<Self> {
        let parsed = Reader::new()
            .continue_on_error(true)
            .read_raw(block)
            .or_else(|error| error.distill_partial_result(|_errors| ()));
        parsed.ok().map(Self)
    }

    fn value(&self, tag: Tag) -> Option<&Value> {
        self.0.get_field(tag, In::PRIMARY).map(|field| &field.value)
    }

    /// The orientation, 1 when absent or nonsense.
    pub(crate) fn orientation(&self) -> u8 {
        let stored = self.value(Tag::Orientation).and_then(|value| value.get_uint(0));
        stored.and_then(|v| u8::try_from(v).ok()).filter(|v| (1..=8).contains(v)).unwrap_or(1)
    }

    /// The fields that may be carried over.
    pub(crate) fn fields(&self, keep_location: bool) -> Vec<Field> {
        let location = (0..=LAST_GPS_TAG).filter(|_| keep_location).map(|number| Tag(Context::Gps, number));
        PRIMARY
            .iter()
            .chain(MOMENT)
            .copied()
            .chain(location)
            .filter_map(|tag| {
                let value = self.value(tag)?;
                (0 < size(value) && size(value) <= MAX_VALUE_BYTES).then(|| Field {
                    tag,
                    ifd_num: In::PRIMARY,
                    value: value.clone(),
                })
            })
            .collect()
    }

    /// A new block with the descriptive fields, orientation 1 and colour space sRGB; `None` when there are none.
    pub(crate) fn rebuild(&self, keep_location: bool) -> Option<Vec<u8>> {
        let mut fields = self.fields(keep_location);
        if fields.is_empty() {
            return None;
        }
        let mut put = |tag, value| fields.push(Field { tag, ifd_num: In::PRIMARY, value });
        put(Tag::Orientation, Value::Short(vec![1]));
        put(Tag::ColorSpace, Value::Short(vec![1]));
        put(Tag::ExifVersion, Value::Undefined(b"0232".to_vec(), 0));
        let mut writer = Writer::new();
        for field in &fields {
            writer.push_field(field);
        }
        let mut out = Cursor::new(Vec::new());
        writer.write(&mut out, false).ok()?;
        let out = out.into_inner();
        (out.len() <= MAX_BLOCK_BYTES).then_some(out)
    }
}

/// Bytes a value takes in a file; 0 for kinds that cannot be written back.
fn size(value: &Value) -> usize {
    match value {
        Value::Byte(v) => v.len(),
        Value::Ascii(v) => v.iter().map(|s| s.len() + 1).sum(),
        Value::Short(v) => v.len() * 2,
        Value::Long(v) => v.len() * 4,
        Value::Rational(v) => v.len() * 8,
        Value::SByte(v) => v.len(),
        Value::Undefined(v, _) => v.len(),
        Value::SShort(v) => v.len() * 2,
        Value::SLong(v) => v.len() * 4,
        Value::SRational(v) => v.len() * 8,
        Value::Float(v) => v.len() * 4,
        Value::Double(v) => v.len() * 8,
        Value::Unknown(..) => 0,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use exif::Rational;
    use proptest::prelude::*;

    use super::*;

    /// A block with a camera, a position and an orientation.
    pub(crate) fn sample(orientation: u16) -> Vec<u8> {
        let degrees =
            vec![Rational { num: 48, denom: 1 }, Rational { num: 8, denom: 1 }, Rational { num: 0, denom: 1 }];
        let fields = [
            (Tag::Make, Value::Ascii(vec![b"Acme".to_vec()])),
            (Tag::Orientation, Value::Short(vec![orientation])),
            (Tag::ExposureTime, Value::Rational(vec![Rational { num: 1, denom: 50 }])),
            (Tag::PixelXDimension, Value::Long(vec![4000])),
            (Tag::MakerNote, Value::Undefined(b"secret place".to_vec(), 0)),
            (Tag::GPSLatitudeRef, Value::Ascii(vec![b"N".to_vec()])),
            (Tag::GPSLatitude, Value::Rational(degrees)),
        ]
        .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
        let mut writer = Writer::new();
        for field in &fields {
            writer.push_field(field);
        }
        let mut out = Cursor::new(Vec::new());
        writer.write(&mut out, true).unwrap();
        out.into_inner()
    }

    #[test]
    fn rebuilding_resets_and_drops() {
        let old = Exif::read(sample(6)).unwrap();
        assert_eq!(old.orientation(), 6);
        for keep in [false, true] {
            let block = old.rebuild(keep).unwrap();
            assert!(!block.windows(6).any(|w| w == b"secret"));
            let new = Exif::read(block).unwrap();
            assert_eq!(new.orientation(), 1);
            assert!(new.value(Tag::ExposureTime).is_some() && new.value(Tag::Make).is_some());
            assert!(new.value(Tag::PixelXDimension).is_none());
            assert_eq!(new.value(Tag::GPSLatitude).is_some(), keep);
        }
    }

    #[test]
    fn orientations_out_of_range_are_upright() {
        for (stored, expected) in [(0, 1), (1, 1), (8, 8), (9, 1), (600, 1)] {
            assert_eq!(Exif::read(sample(stored)).unwrap().orientation(), expected);
        }
    }

    proptest! {
        #[test]
        fn damaged_blocks_never_panic(at in 0_usize..200, value in any::<u8>(), length in 0_usize..250) {
            let mut block = sample(3);
            if let Some(byte) = block.get_mut(at) {
                *byte = value;
            }
            block.truncate(length);
            if let Some(exif) = Exif::read(block) {
                let _orientation = exif.orientation();
                if let Some(rebuilt) = exif.rebuild(true) {
                    prop_assert!(Exif::read(rebuilt).is_some());
                }
            }
        }
    }
}
