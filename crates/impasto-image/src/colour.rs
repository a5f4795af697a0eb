//! Colour transfer: giving a stylised picture the colours of its content.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ImageError;
use crate::picture::{Picture, luma};
use crate::resize::resize;

mod statistics;

use statistics::{HistogramMap, Histograms, MomentMap, Moments};

/// How the content's colours are kept in a stylised picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreserveColor {
    /// Not at all: the colours are the style's.
    #[default]
    None,
    /// Light and dark from the stylised picture, chroma from the content, pixel by pixel (BT.601).
    Luma,
    /// The stylised colours, moved linearly so that their mean and covariance are the content's.
    MeanCovariance,
    /// As mean and covariance, then the histograms of luma and of the two colour differences are made the content's.
    Histogram,
}

impl PreserveColor {
    /// Every mode, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::None, Self::Luma, Self::MeanCovariance, Self::Histogram];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Luma => "luma",
            Self::MeanCovariance => "mean-covariance",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for PreserveColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PreserveColor {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let text = crate::error::one_line(text);
            ImageError::InvalidArgument(format!(
                "{text:?} is no colour mode: use none, luma, mean-covariance or histogram"
            ))
        })
    }
}

/// The stylised picture with the content's colours, as `mode` says.
///
/// The result has the size, alpha, source and notes of `stylised`; the content is resized to it where a mode works pixel
/// by pixel. Statistics count pixels by their alpha. Colours that would leave [0, 1] are brought back by lowering their
/// chroma in mode `Luma`, which keeps hue and lightness, and by clamping in the others. Flat pictures are no special case.
#[must_use]
pub fn transfer(content: &Picture, stylised: &Picture, mode: PreserveColor) -> Picture {
    let resized;
    let content = if mode != PreserveColor::Luma || (content.width, content.height) == (stylised.width, stylised.height)
    {
        content
    } else {
        resized = resize(content, stylised.width, stylised.height);
        &resized
    };
    let Ok(recolour) = Recolour::gather::<Infallible>(mode, &mut |side, see| {
        see(if side == Side::Content { content } else { stylised });
        Ok(())
    });
    let mut out = stylised.clone();
    recolour.apply(Some(content), &mut out);
    out
}

/// Which picture of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Content,
    Stylised,
}

/// A transfer with whatever it has to know of the whole pictures; what is left to do is pixel by pixel.
pub(crate) enum Recolour {
    None,
    Luma,
    Moments(MomentMap),
    Histogram(MomentMap, HistogramMap),
}

/// Shows a picture, or its parts from top to bottom, to a function.
pub(crate) type Show<'a, E> = dyn FnMut(Side, &mut dyn FnMut(&Picture)) -> Result<(), E> + 'a;

impl Recolour {
    /// Gathers the statistics that `mode` needs; `show` is called for each picture as often as needed.
    pub(crate) fn gather<E>(mode: PreserveColor, show: &mut Show<'_, E>) -> Result<Self, E> {
        match mode {
            PreserveColor::None => return Ok(Self::None),
            PreserveColor::Luma => return Ok(Self::Luma),
            PreserveColor::MeanCovariance | PreserveColor::Histogram => {}
        }
        let mut moments = |side| -> Result<Moments, E> {
            let mut moments = Moments::default();
            show(side, &mut |picture| moments.add(picture))?;
            Ok(moments)
        };
        let moved = MomentMap::new(&moments(Side::Content)?, &moments(Side::Stylised)?);
        if mode == PreserveColor::MeanCovariance {
            return Ok(Self::Moments(moved));
        }
        let (mut from, mut to) = (Histograms::default(), Histograms::default());
        show(Side::Stylised, &mut |picture| from.add(picture, |pixel| moved.apply(pixel)))?;
        show(Side::Content, &mut |picture| to.add(picture, |pixel| pixel))?;
        Ok(Self::Histogram(moved, HistogramMap::new(&from, &to)))
    }

    /// Whether nothing is changed.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether [`Recolour::apply`] looks at the content's pixels.
    pub(crate) fn needs_content(&self) -> bool {
        matches!(self, Self::Luma)
    }

    /// Recolours `out`, part of the stylised picture; `content` is the same part of the content, where that is needed.
    pub(crate) fn apply(&self, content: Option<&Picture>, out: &mut Picture) {
        let pixels = out.triples_mut();
        match self {
            Self::None => {}
            Self::Luma => {
                for (pixel, &colour) in pixels.iter_mut().zip(content.map_or(&[][..], Picture::triples)) {
                    *pixel = with_luma(colour, luma(*pixel));
                }
            }
            Self::Moments(moved) => pixels.iter_mut().for_each(|pixel| *pixel = moved.apply(*pixel)),
            Self::Histogram(moved, matched) => {
                pixels.iter_mut().for_each(|pixel| *pixel = matched.apply(moved.apply(*pixel)));
            }
        }
    }
}

/// The colour with its luma replaced, its chroma lowered as little as needed to stay within [0, 1].
fn with_luma(colour: [f32; 3], target: f32) -> [f32; 3] {
    let target = target.clamp(0.0, 1.0);
    let chroma = {
        let y = luma(colour);
        colour.map(|v| v - y)
    };
    let room = chroma.iter().fold(1.0_f32, |room, &c| {
        if target + c > 1.0 {
            room.min((1.0 - target) / c)
        } else if target + c < 0.0 {
            room.min(target / -c)
        } else {
            room
        }
    });
    chroma.map(|c| (target + c * room).clamp(0.0, 1.0))
}

/// The sRGB transfer curve, linear light to code value; mirrored below 0.
pub(crate) fn srgb_encode(linear: f32) -> f32 {
    let v = linear.abs();
    let coded = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    coded.copysign(linear)
}

/// The inverse of [`srgb_encode`].
pub(crate) fn srgb_decode(coded: f32) -> f32 {
    let v = coded.abs();
    let linear = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    linear.copysign(coded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, mean: [f32; 3], spread: [f32; 3]) -> Picture {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let rgb = (0..64 * 64)
            .flat_map(|_| {
                let shared = next();
                std::array::from_fn::<f32, 3, _>(|c| mean[c] + spread[c] * (0.6 * shared + 0.4 * next()))
            })
            .collect();
        Picture::from_rgb(64, 64, rgb).unwrap()
    }

    #[test]
    fn names_round_trip() {
        for mode in PreserveColor::ALL {
            assert_eq!(mode.to_string().parse::<PreserveColor>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        assert!("colour".parse::<PreserveColor>().is_err());
    }

    #[test]
    fn luma_keeps_light_from_one_and_hue_from_the_other() {
        let content = noise(1, [0.6, 0.4, 0.3], [0.3; 3]);
        let stylised = noise(2, [0.4, 0.5, 0.6], [0.5; 3]);
        let out = transfer(&content, &stylised, PreserveColor::Luma);
        for ((o, s), c) in out.triples().iter().zip(stylised.triples()).zip(content.triples()) {
            assert!((luma(*o) - luma(*s)).abs() < 1e-5);
            let ratio = |p: &[f32; 3]| (p[0] - luma(*p), p[2] - luma(*p));
            let ((or, ob), (cr, cb)) = (ratio(o), ratio(c));
            assert!((or * cb - ob * cr).abs() < 1e-4, "the direction of the chroma is the content's");
        }
    }

    fn moments(picture: &Picture) -> ([f64; 3], [[f64; 3]; 3]) {
        let mut moments = Moments::default();
        moments.add(picture);
        moments.mean_and_covariance()
    }

    #[test]
    fn moments_are_matched() {
        let content = noise(3, [0.6, 0.4, 0.3], [0.3, 0.2, 0.4]);
        let stylised = noise(4, [0.3, 0.5, 0.6], [0.2, 0.4, 0.1]);
        let (mean, cov) = moments(&content);
        for mode in [PreserveColor::MeanCovariance, PreserveColor::Histogram] {
            let (m, c) = moments(&transfer(&content, &stylised, mode));
            for i in 0..3 {
                assert!((m[i] - mean[i]).abs() < 5e-3, "{mode}: {m:?} {mean:?}");
                for j in 0..3 {
                    assert!((c[i][j] - cov[i][j]).abs() < 1.5e-3, "{mode}: {c:?} {cov:?}");
                }
            }
        }
    }

    #[test]
    fn flat_and_single_pixel_pictures() {
        let flat = Picture::filled(8, 8, [0.2, 0.5, 0.7]).unwrap();
        let dot = Picture::filled(1, 1, [1.0, 0.0, 0.0]).unwrap();
        let busy = noise(5, [0.5; 3], [0.9; 3]);
        for mode in PreserveColor::ALL {
            for (content, stylised) in [(&flat, &busy), (&busy, &flat), (&dot, &busy), (&busy, &dot), (&dot, &dot)] {
                let out = transfer(content, stylised, mode);
                assert_eq!((out.width, out.height), (stylised.width, stylised.height));
                assert!(out.rgb.iter().all(|v| v.is_finite()), "{mode}");
            }
        }
        let onto_flat = transfer(&flat, &busy, PreserveColor::MeanCovariance);
        assert!(
            onto_flat.triples().iter().all(|p| (p[1] - 0.5).abs() < 0.02),
            "a flat content leaves no colour contrast"
        );
    }

    #[test]
    fn transfer_curve_inverts() {
        for i in -10..=20 {
            let v = i as f32 / 10.0;
            assert!((srgb_encode(srgb_decode(v)) - v).abs() < 1e-5);
        }
    }
}
