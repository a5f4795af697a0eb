//! Fine contrast added or taken away, both by the difference between a picture and a Gaussian blur of it.

use crate::picture::{Picture, luma};

/// Standard deviation of the Gaussian in pixels: one, and more where softening asks for more.
fn deviation(amount: f32) -> f32 {
    (-amount).max(1.0)
}

/// How far a pixel's result looks, in pixels: three standard deviations, beyond which hardly anything lies.
pub(super) fn radius(amount: f32) -> u32 {
    (3.0 * deviation(amount)).ceil() as u32
}

/// Adds `amount` times what a Gaussian takes away from luma where it is positive (an unsharp mask, which gives edges no
/// coloured fringe); where it is negative, goes over into the blurred picture, all of it at -1 and below.
pub(super) fn change(picture: &mut Picture, amount: f32) {
    let gaussian = Gaussian::new(deviation(amount), radius(amount) as usize);
    let width = picture.width as usize;
    if amount > 0.0 {
        let base: Vec<f32> = picture.triples().iter().map(|&pixel| luma(pixel)).collect();
        let mut rows = picture.triples_mut().chunks_exact_mut(width).zip(base.chunks_exact(width));
        gaussian.blur(&base, width, |blurred| {
            let (row, base) = rows.next().unwrap_or_default();
            for ((pixel, y), blurred) in row.iter_mut().zip(base).zip(blurred) {
                *pixel = pixel.map(|v| v + amount * (y - blurred));
            }
        });
        return;
    }
    let share = (-amount).min(1.0);
    for channel in 0..3 {
        // One channel at a time, so that no more memory is taken than by sharpening.
        let base: Vec<f32> = picture.triples().iter().map(|pixel| pixel[channel]).collect();
        let mut rows = picture.triples_mut().chunks_exact_mut(width);
        gaussian.blur(&base, width, |blurred| {
            for (pixel, blurred) in rows.next().unwrap_or_default().iter_mut().zip(blurred) {
                pixel[channel] += share * (blurred - pixel[channel]);
            }
        });
    }
}

/// The weights of a Gaussian, which sum to 1.
struct Gaussian(Vec<f32>);

impl Gaussian {
    fn new(deviation: f32, radius: usize) -> Self {
        let weight = |i: usize| (-0.5 * ((i as f32 - radius as f32) / deviation).powi(2)).exp();
        let weights: Vec<f32> = (0..=2 * radius).map(weight).collect();
        let total: f32 = weights.iter().sum();
        Self(weights.into_iter().map(|weight| weight / total).collect())
    }

    /// Blurs `plane`, whose rows have `width` values, and shows the result row by row from the top. What lies beyond a
    /// border is like the border. Every value is summed in one order, whatever lies around its neighbourhood.
    fn blur(&self, plane: &[f32], width: usize, mut see: impl FnMut(&[f32])) {
        let radius = self.0.len() / 2;
        let add = |sum: &mut [f32], weight: f32, values: &[f32]| {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        };
        let mut across = vec![0.0; plane.len()];
        let mut wide = vec![0.0; width + 2 * radius];
        for (row, sum) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
            wide[..radius].fill(row[0]);
            wide[radius..radius + width].copy_from_slice(row);
            wide[radius + width..].fill(row[width - 1]);
            self.0.iter().enumerate().for_each(|(at, &weight)| add(sum, weight, &wide[at..at + width]));
        }
        let last = plane.len() / width - 1;
        let mut sum = vec![0.0; width];
        for y in 0..=last {
            sum.fill(0.0);
            for (at, &weight) in self.0.iter().enumerate() {
                let from = (y + at).saturating_sub(radius).min(last) * width;
                add(&mut sum, weight, &across[from..from + width]);
            }
            see(&sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One white pixel in the middle of black.
    fn point(side: u32) -> Picture {
        let mut picture = Picture::filled(side, side, [0.0; 3]).unwrap();
        let middle = picture.pixels() / 2;
        picture.triples_mut()[middle] = [1.0; 3];
        picture
    }

    /// Mean square of the distance from the middle along one axis, weighed by brightness, and the sum of that.
    fn spread(picture: &Picture) -> (f32, f32) {
        let (width, middle) = (picture.width as usize, picture.width as f32 / 2.0 - 0.5);
        let at = |(i, pixel): (usize, &[f32; 3])| pixel[1] * ((i % width) as f32 - middle).powi(2);
        let total: f32 = picture.triples().iter().map(|pixel| pixel[1]).sum();
        (picture.triples().iter().enumerate().map(at).sum::<f32>() / total, total)
    }

    #[test]
    fn softening_is_a_gaussian_of_so_many_pixels() {
        for (amount, variance) in [(-1.0, 1.0), (-2.0, 4.0), (-3.5, 12.25)] {
            let mut picture = point(41);
            change(&mut picture, amount);
            let (found, total) = spread(&picture);
            // Three deviations hold all but 3 % of the variance.
            assert!((found / variance - 1.0).abs() < 0.04 && (total - 1.0).abs() < 1e-4, "{amount}: {found} {total}");
        }
        let mut half = point(41);
        change(&mut half, -0.5);
        assert!((spread(&half).0 - 0.5).abs() < 0.03, "half of the way to a Gaussian of one pixel");
    }

    #[test]
    fn sharpening_and_softening_meet_at_nothing() {
        let (mut more, mut less, still) = (point(9), point(9), point(9));
        change(&mut more, 0.01);
        change(&mut less, -0.01);
        for ((more, less), still) in more.rgb.iter().zip(&less.rgb).zip(&still.rgb) {
            assert!(((more - still) + (less - still)).abs() < 1e-6, "grey goes as far one way as the other");
        }
    }

    #[test]
    fn sharpening_keeps_the_colour_and_softening_blurs_it() {
        // Two colours of one luma: sharpening sees no edge.
        let (red, green) = ([0.6, 0.3, 0.3], [0.3, 0.3 + 0.3 * 0.299 / 0.587, 0.3]);
        let edge = Picture::from_rgb(8, 1, [red.repeat(4), green.repeat(4)].concat()).unwrap();
        let changed = |amount: f32| {
            let mut picture = edge.clone();
            change(&mut picture, amount);
            picture.rgb.iter().zip(&edge.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(changed(2.0) < 1e-5 && changed(-1.0) > 0.05);
    }
}
