//! Masks: where, and how strongly.

use crate::error::ImageError;
use crate::picture::{Picture, luma, samples};
use crate::resize::resample;

/// A weight for each pixel, nominally in [0, 1]: 1 is fully inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The weights row by row, `width * height` of them.
    pub values: Vec<f32>,
}

impl Mask {
    /// A mask from its weights, clamped to [0, 1]; values that are not numbers become 0.
    ///
    /// # Errors
    /// [`ImageError::SizeMismatch`] unless `values.len() == width * height`.
    pub fn new(width: u32, height: u32, mut values: Vec<f32>) -> Result<Self, ImageError> {
        if samples(width, height, 1) != Some(values.len()) {
            let expected = u64::from(width) * u64::from(height);
            return Err(ImageError::SizeMismatch { width, height, expected, found: values.len() as u64 });
        }
        for value in &mut values {
            *value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        }
        Ok(Self { width, height, values })
    }

    /// The mask a picture draws: its alpha where that says anything (some pixel is not opaque), else its luma, so that
    /// white is inside and black is outside.
    #[must_use]
    pub fn from_picture(picture: &Picture) -> Self {
        Self::drawn(picture, picture.has_transparency())
    }

    /// As [`Mask::from_picture`], with what it looks at decided beforehand: a part of a picture cannot tell.
    pub(crate) fn drawn(picture: &Picture, from_alpha: bool) -> Self {
        let values = match &picture.alpha {
            Some(alpha) if from_alpha => alpha.clone(),
            _ => picture.triples().iter().map(|&pixel| luma(pixel).clamp(0.0, 1.0)).collect(),
        };
        Self { width: picture.width, height: picture.height, values }
    }

    /// The mask at another size, by the same resampler as pictures; a side of 0 is taken for 1.
    #[must_use]
    pub fn resize(&self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let values = resample(&self.values, 1, (self.width, self.height), (width, height));
        Self { width, height, values }
    }

    /// The mask with its edges softened over about `radius` pixels to either side.
    ///
    /// Three box blurs, which are close to a Gaussian; the border continues outwards. A radius of 0 or below, or one that
    /// is not a number, gives a copy.
    #[must_use]
    pub fn feather(&self, radius: f32) -> Self {
        if radius.is_nan() || radius <= 0.0 || self.values.is_empty() {
            return self.clone();
        }
        let (width, height) = (self.width as usize, self.height as usize);
        // Three boxes of half-width h have the spread of a Gaussian of sigma^2 = h (h + 1); radius is two sigma.
        let sigma = radius / 2.0;
        let half = (((1.0 + 4.0 * sigma * sigma).sqrt() - 1.0) / 2.0).round().max(1.0) as usize;
        let mut values = self.values.clone();
        for _ in 0..3 {
            for row in values.chunks_exact_mut(width) {
                box_blur(row, half.min(width));
            }
        }
        let mut column = vec![0.0; height];
        for x in 0..width {
            for (y, value) in column.iter_mut().enumerate() {
                *value = values[y * width + x];
            }
            for _ in 0..3 {
                box_blur(&mut column, half.min(height));
            }
            for (y, &value) in column.iter().enumerate() {
                values[y * width + x] = value;
            }
        }
        Self { width: self.width, height: self.height, values }
    }

    /// Inside and outside exchanged.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self { width: self.width, height: self.height, values: self.values.iter().map(|v| 1.0 - v).collect() }
    }
}

/// Mean over `2 * half + 1` neighbours in place, the ends continued.
fn box_blur(line: &mut [f32], half: usize) {
    let Some(last) = line.len().checked_sub(1) else {
        return;
    };
    let old = line.to_vec();
    let at = |i: isize| f64::from(old[i.clamp(0, last as isize) as usize]);
    let half = half as isize;
    let mut sum: f64 = (-half..=half).map(at).sum();
    let scale = 1.0 / (2 * half + 1) as f64;
    for (i, value) in line.iter_mut().enumerate() {
        *value = (sum * scale).clamp(0.0, 1.0) as f32;
        let i = i as isize;
        sum += at(i + half + 1) - at(i - half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_counts_only_when_it_says_something() {
        let mut picture = Picture::filled(2, 1, [1.0; 3]).unwrap();
        picture.triples_mut()[1] = [0.0; 3];
        assert_eq!(Mask::from_picture(&picture).values, [1.0, 0.0]);
        picture.alpha = Some(vec![1.0, 1.0]);
        assert_eq!(Mask::from_picture(&picture).values, [1.0, 0.0]);
        picture.alpha = Some(vec![0.25, 1.0]);
        assert_eq!(Mask::from_picture(&picture).values, [0.25, 1.0]);
    }

    #[test]
    fn feathering_keeps_far_values_and_the_middle() {
        let values = (0..64 * 8).map(|i| if i % 64 < 32 { 0.0 } else { 1.0 }).collect();
        let mask = Mask::new(64, 8, values).unwrap();
        let soft = mask.feather(8.0);
        let row = &soft.values[64 * 4..64 * 5];
        assert!(row[8] < 1e-3 && row[56] > 1.0 - 1e-3, "{row:?}");
        assert!(row[30] > 0.2 && row[30] < 0.5 && row[33] > 0.5 && row[33] < 0.8, "{row:?}");
        assert!(row.windows(2).all(|w| w[1] >= w[0] - 1e-6));
        for same in [0.0, -1.0, f32::NAN] {
            assert_eq!(mask.feather(same), mask);
        }
        assert!(mask.feather(1e9).values.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn checks_and_inversion() {
        assert!(Mask::new(2, 2, vec![0.0; 3]).is_err());
        let mask = Mask::new(2, 1, vec![f32::NAN, 7.0]).unwrap();
        assert_eq!(mask.values, [0.0, 1.0]);
        assert_eq!(mask.invert().values, [1.0, 0.0]);
        assert_eq!(mask.resize(4, 4).values.len(), 16);
    }
}
