//! Faint forms left out of a picture.

use burn::tensor::Tensor;

use super::ops::Pool3;
use super::resample::{avg_pool2, pool3, upsample_bilinear2};

/// Times that the filter is run: twice leaves little of a texture that once leaves half of.
const ROUNDS: usize = 2;

/// Pixels that a value depends on, in each direction: of cells of 2 px two around each twice, one more from which is interpolated,
/// and the rest of its own.
pub(crate) const SIMPLIFIED_REACH: usize = ROUNDS * 12;

/// `image` `[n, 3, h, w]`, even sides, without the forms that deviate from what is around them by less than about
/// `deviation`, in the image's values; edges that are stronger stay sharp. 0 changes nothing. A guided filter (He, Sun and Tang 2010) of
/// which the image is its own guide, all channels together, whose factors are found at half the size (He and Sun 2015).
pub(crate) fn simplified(image: Tensor<4>, deviation: f32) -> Tensor<4> {
    if deviation == 0.0 {
        return image;
    }
    (0..ROUNDS).fold(image, |image, _| filtered(image, deviation * deviation))
}

/// One round: each place is moved towards its surroundings' mean, the nearer their variance is to `faint` or below.
fn filtered(image: Tensor<4>, faint: f32) -> Tensor<4> {
    let around = |x: Tensor<4>| pool3(pool3(x, Pool3::MeanAround), Pool3::MeanAround);
    let surroundings = |x: Tensor<4>| around(avg_pool2(x)); // [n, c, h/2, w/2]
    let enlarged = |x: Tensor<4>| upsample_bilinear2(around(x)); // [n, c, h, w]
    let mean = surroundings(image.clone()); // [n, 3, h/2, w/2]
    let square = surroundings(image.clone().square().mean_dim(1)); // [n, 1, h/2, w/2]
    let variance = (square - mean.clone().square().mean_dim(1)).clamp_min(0.0);
    let kept = variance.clone() / (variance + faint);
    let plain = mean * (-kept.clone() + 1.0); // [n, 3, h/2, w/2]
    image * enlarged(kept) + enlarged(plain) // [n, 3, h, w]
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::tensor::{from_planar, values};

    const SIDE: usize = 96;

    fn picture(value: impl Fn(usize, usize) -> f32) -> Tensor<4> {
        let values = (0..3 * SIDE * SIDE).map(|i| value(i / SIDE % SIDE, i % SIDE)).collect();
        from_planar(values, 1, SIDE, SIDE, &Device::flex())
    }

    #[test]
    fn faint_forms_go_and_edges_stay() {
        let half = SIDE / 2;
        let faint = |y: usize, x: usize| 0.02 * if (y / 2 + x / 2).is_multiple_of(2) { 1.0 } else { -1.0 };
        let edge = |x: usize| if x < half { 0.1 } else { 0.9 };
        let at = |image: &Tensor<4>, y: usize, x: usize| values(image.clone())[y * SIDE + x];
        let out = simplified(picture(|y, x| edge(x) + faint(y, x)), 0.06);
        let texture = |image: &Tensor<4>| (0..8).map(|i| (at(image, 40 + i, 8) - 0.1).abs()).fold(0.0, f32::max);
        assert!(texture(&out) < 0.002, "{}", texture(&out));
        let step = at(&out, 40, half) - at(&out, 40, half - 1);
        assert!(step > 0.65, "of an edge of 0.8 {step} is left");
        // One colour stays it, and nothing is done where nothing is asked for.
        let plain = values(simplified(picture(|_, _| 0.4), 0.06));
        assert!(plain.iter().all(|v| (v - 0.4).abs() < 1e-5));
        let image = picture(faint);
        assert_eq!(values(simplified(image.clone(), 0.0)), values(image));
    }

    #[test]
    fn nothing_further_away_than_the_reach_counts() {
        let wave = |y: usize, x: usize| 0.5 + 0.3 * (y as f32 * 0.9).sin() * (x as f32 * 0.5).cos();
        let far = |x: usize| if x >= 40 + SIMPLIFIED_REACH { 0.7 } else { 0.0 };
        let (before, after) = (simplified(picture(wave), 0.06), simplified(picture(|y, x| wave(y, x) + far(x)), 0.06));
        let own = |image: Tensor<4>| values(image.narrow(3, 0, 40));
        assert_eq!(own(before.clone()), own(after.clone()));
        assert_ne!(values(before), values(after));
    }
}
