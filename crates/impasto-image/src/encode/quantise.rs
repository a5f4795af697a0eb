//! Samples rounded to what a file stores.

use crate::error::ImageError;
use crate::format::Depth;
use crate::picture::{Picture, luma};

/// What is stored for each pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Store {
    pub(super) depth: Depth,
    pub(super) grey: bool,
    pub(super) alpha: bool,
}

/// Interleaved samples: grey or RGB, then alpha if it is stored.
pub(super) enum Pixels {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

impl Pixels {
    /// Greys, each followed by alpha where there is one, as three equal channels and alpha.
    pub(super) fn coloured(self, alpha: bool) -> Self {
        fn spread<T: Copy>(pixels: &[T], alpha: bool) -> Vec<T> {
            let mut out = Vec::with_capacity(pixels.len() * 3);
            for pixel in pixels.chunks_exact(1 + usize::from(alpha)) {
                out.extend([pixel[0]; 3]);
                out.extend_from_slice(&pixel[1..]);
            }
            out
        }
        match self {
            Self::U8(v) => Self::U8(spread(&v, alpha)),
            Self::U16(v) => Self::U16(spread(&v, alpha)),
            Self::F32(v) => Self::F32(spread(&v, alpha)),
        }
    }
}

/// Refuses samples that are no numbers.
pub(super) fn check_finite(picture: &Picture) -> Result<(), ImageError> {
    let alpha = picture.alpha.as_deref().unwrap_or_default();
    let broken = picture.rgb.iter().position(|v| !v.is_finite()).or_else(|| alpha.iter().position(|v| !v.is_finite()));
    broken.map_or(Ok(()), |index| Err(ImageError::NotFinite { index }))
}

pub(super) fn quantise(picture: &Picture, store: Store) -> Result<Pixels, ImageError> {
    check_finite(picture)?;
    Ok(match store.depth {
        Depth::U8 => Pixels::U8(gather(picture, store, to_u8)),
        Depth::U16 => Pixels::U16(gather(picture, store, to_u16)),
        Depth::F32 => Pixels::F32(gather(picture, store, |v| v)),
    })
}

/// A value as one of 256 steps from 0 to 1, the nearest.
pub(crate) fn to_u8(value: f32) -> u8 {
    nearest(value.clamp(0.0, 1.0) * 255.0) as u8
}

/// A value as one of 65,536 steps from 0 to 1, the nearest.
pub(crate) fn to_u16(value: f32) -> u16 {
    nearest(value.clamp(0.0, 1.0) * 65535.0) as u16
}

/// What [`f32::round`] gives for values from 0 to 65,535; that is a call of a function for every value where the processor
/// is not known to be recent, this is not.
fn nearest(value: f32) -> i32 {
    let whole = value as i32;
    whole + i32::from(value - whole as f32 >= 0.5)
}

fn gather<T>(picture: &Picture, store: Store, step: impl Fn(f32) -> T) -> Vec<T> {
    let channels = if store.grey { 1 } else { 3 } + usize::from(store.alpha);
    let mut out = Vec::with_capacity(picture.pixels() * channels);
    for (i, &pixel) in picture.triples().iter().enumerate() {
        let a = picture.alpha.as_ref().and_then(|alpha| alpha.get(i)).copied().unwrap_or(1.0);
        // Where alpha is dropped, what it let through is white; an opaque pixel must stay exact.
        let pixel = if store.alpha || a >= 1.0 {
            pixel
        } else {
            let a = a.max(0.0);
            pixel.map(|v| v * a + 1.0 - a)
        };
        if store.grey {
            let [r, g, b] = pixel;
            out.push(step(if r == g && g == b { r } else { luma(pixel) }));
        } else {
            out.extend(pixel.map(&step));
        }
        if store.alpha {
            out.push(step(a));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_round() {
        for i in 0..=65_535 * 4 {
            let value = i as f32 / 4.0;
            for near in [value.next_down().max(0.0), value, value.next_up().min(65_535.0)] {
                assert_eq!(nearest(near), near.round() as i32, "{near}");
            }
        }
        assert_eq!([-1.0, f32::NAN, 0.0, 0.5, 1.0, 9.0].map(to_u8), [0, 0, 0, 128, 255, 255]);
    }
}
