//! Decoded samples in the file's own colours, and their way to sRGB.

use crate::error::ImageError;
use crate::format::{Depth, Format};
use crate::icc::Converter;
use crate::picture::samples;

use super::Extras;

/// What the channels of a raster mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
    /// Ink coverage: 0 is paper, full scale is solid ink.
    Cmyk,
    CmykAlpha,
}

impl Model {
    pub(crate) fn colours(self) -> usize {
        match self {
            Self::Grey | Self::GreyAlpha => 1,
            Self::Rgb | Self::RgbAlpha => 3,
            Self::Cmyk | Self::CmykAlpha => 4,
        }
    }

    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::RgbAlpha | Self::CmykAlpha)
    }

    pub(crate) fn channels(self) -> usize {
        self.colours() + usize::from(self.has_alpha())
    }

    pub(crate) fn is_grey(self) -> bool {
        self.colours() == 1
    }
}

/// Interleaved samples as stored.
pub(crate) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

impl Samples {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// As many samples of the same kind, all 0.
    pub(crate) fn zeros(&self, length: usize) -> Self {
        match self {
            Self::U8(_) => Self::U8(vec![0; length]),
            Self::U16(_) => Self::U16(vec![0; length]),
            Self::F32(_) => Self::F32(vec![0.0; length]),
        }
    }

    /// Puts the rows of `part`, each `width` samples long, into rows of `stride` samples from sample `at` of each on.
    /// Parts of another kind are left out; one picture has one kind.
    pub(crate) fn paste(&mut self, part: &Self, stride: usize, at: usize, width: usize) {
        fn rows<T: Copy>(to: &mut [T], from: &[T], stride: usize, at: usize, width: usize) {
            for (to, from) in to.chunks_exact_mut(stride).zip(from.chunks_exact(width)) {
                to[at..at + width].copy_from_slice(from);
            }
        }
        match (self, part) {
            (Self::U8(to), Self::U8(from)) => rows(to, from, stride, at, width),
            (Self::U16(to), Self::U16(from)) => rows(to, from, stride, at, width),
            (Self::F32(to), Self::F32(from)) => rows(to, from, stride, at, width),
            _ => {}
        }
    }

    /// Samples `from..from + out.len()` scaled to [0, 1].
    fn read(&self, from: usize, out: &mut [f32]) {
        match self {
            Self::U8(v) => {
                for (o, &s) in out.iter_mut().zip(&v[from..]) {
                    *o = f32::from(s) / 255.0;
                }
            }
            Self::U16(v) => {
                for (o, &s) in out.iter_mut().zip(&v[from..]) {
                    *o = f32::from(s) / 65535.0;
                }
            }
            Self::F32(v) => {
                for (o, &s) in out.iter_mut().zip(&v[from..]) {
                    *o = s;
                }
            }
        }
    }
}

/// A decoded picture in its file's own colour model.
pub(crate) struct Raster {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) model: Model,
    pub(crate) samples: Samples,
    /// Whether colours are stored multiplied by alpha.
    pub(crate) premultiplied: bool,
}

/// Colours and alpha of a picture.
pub(crate) type Planes = (Vec<f32>, Option<Vec<f32>>);

impl Raster {
    pub(crate) fn depth(&self) -> Depth {
        match self.samples {
            Samples::U8(_) => Depth::U8,
            Samples::U16(_) => Depth::U16,
            Samples::F32(_) => Depth::F32,
        }
    }

    /// Converts to interleaved sRGB and straight alpha, a row at a time so that no second full-size copy exists.
    pub(crate) fn into_srgb(self, format: Format, extras: &mut Extras) -> Result<Planes, ImageError> {
        let expected = samples(self.width, self.height, self.model.channels());
        if self.width == 0 || self.height == 0 || expected != Some(self.samples.len()) {
            return Err(ImageError::corrupt(format, "the decoded pixels do not match the size in the header"));
        }
        let mut converter = ToSrgb::new(self.model, self.premultiplied, self.width, extras);
        let planes = converter.rows(&self.samples, 0, self.height);
        converter.note(&mut extras.notes);
        Ok(planes)
    }
}

/// Converts rows of samples as stored to interleaved sRGB and straight alpha.
pub(crate) struct ToSrgb {
    converter: Converter,
    model: Model,
    premultiplied: bool,
    width: usize,
    broken: bool,
    outside: bool,
}

impl ToSrgb {
    /// For pictures of `model` that are `width` pixels wide; the profile is taken from `extras`.
    pub(crate) fn new(model: Model, premultiplied: bool, width: u32, extras: &mut Extras) -> Self {
        let converter = Converter::new(model, extras);
        Self { converter, model, premultiplied, width: width as usize, broken: false, outside: false }
    }

    /// Whether samples come out as they went in.
    pub(crate) fn is_exact(&self) -> bool {
        self.converter.is_exact() && !self.premultiplied
    }

    /// Rows `first..first + rows` of `samples`, which has them.
    pub(crate) fn rows(&mut self, samples: &Samples, first: u32, rows: u32) -> Planes {
        let (colours, channels) = (self.model.colours(), self.model.channels());
        let (width, rows) = (self.width, rows as usize);
        let mut rgb = vec![0.0_f32; width * rows * 3];
        let mut alpha = self.model.has_alpha().then(|| Vec::with_capacity(width * rows));
        let mut row = vec![0.0_f32; width * channels];
        let mut ink = vec![0.0_f32; width * colours];
        for (y, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
            samples.read((first as usize + y) * width * channels, &mut row);
            for value in &mut row {
                if !value.is_finite() {
                    *value = 0.0;
                    self.broken = true;
                }
            }
            for (pixel, ink) in row.chunks_exact(channels).zip(ink.chunks_exact_mut(colours)) {
                ink.copy_from_slice(&pixel[..colours]);
                if let Some(alpha) = &mut alpha {
                    let a = pixel[colours].clamp(0.0, 1.0);
                    alpha.push(a);
                    if self.premultiplied && a > 0.0 {
                        for value in ink {
                            *value = (*value / a).min(1.0);
                        }
                    }
                }
            }
            self.converter.row(&ink, out);
            self.outside |= out.iter().any(|&v| !(-0.001..=1.001).contains(&v));
        }
        (rgb, alpha)
    }

    /// Says what was found on the way.
    pub(crate) fn note(&self, notes: &mut Vec<String>) {
        if self.broken {
            notes.push("Some samples were not numbers; they are black now.".into());
        }
        if self.outside {
            notes.push("Some colours lie outside the range from black to white.".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(model: Model, samples: Samples, premultiplied: bool) -> Planes {
        let raster = Raster { width: 1, height: 1, model, samples, premultiplied };
        raster.into_srgb(Format::Tiff, &mut Extras::default()).unwrap()
    }

    #[test]
    fn models() {
        let close = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3);
        let (rgb, alpha) = convert(Model::GreyAlpha, Samples::U16(vec![65535, 0]), false);
        assert!(close(&rgb, &[1.0; 3]) && alpha == Some(vec![0.0]));
        let (rgb, _) = convert(Model::RgbAlpha, Samples::U8(vec![128, 64, 0, 128]), true);
        assert!(close(&rgb, &[1.0, 0.5, 0.0]), "{rgb:?}");
        let (rgb, alpha) = convert(Model::Cmyk, Samples::F32(vec![0.0, 1.0, 1.0, 0.0]), false);
        assert!(close(&rgb, &[1.0, 0.0, 0.0]) && alpha.is_none());
    }

    #[test]
    fn wrong_length_is_an_error_and_nan_a_note() {
        let raster =
            Raster { width: 2, height: 1, model: Model::Rgb, samples: Samples::U8(vec![0; 5]), premultiplied: false };
        assert!(raster.into_srgb(Format::Png, &mut Extras::default()).is_err());
        let mut extras = Extras::default();
        let samples = Samples::F32(vec![f32::NAN, 0.5, f32::INFINITY]);
        let raster = Raster { width: 1, height: 1, model: Model::Rgb, samples, premultiplied: false };
        let (rgb, _) = raster.into_srgb(Format::Tiff, &mut extras).unwrap();
        assert_eq!(rgb, [0.0, 0.5, 0.0]);
        assert_eq!(extras.notes.len(), 1);
    }
}
