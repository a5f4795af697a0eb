//! Distance between the colours of two pictures.

use rayon::prelude::*;

use super::Planes;
use crate::error::Result;
use crate::tensor::ImageTensor;

/// Bins are this wide, in units of CIELAB.
const BIN: f64 = 0.5;
/// No colour of sRGB is further from black than this.
const REACH: f64 = 150.0;
/// Bins of a histogram.
const BINS: usize = (2.0 * REACH / BIN) as usize;
/// Pixels that one task counts.
const CHUNK: usize = 1 << 16;

/// The axes, the diagonals of the faces and those of the cube: every sign of {-1, 0, 1}^3 once, without its opposite.
const DIRECTIONS: [[f64; 3]; 13] = [
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0],
    [1.0, 1.0, 0.0],
    [1.0, -1.0, 0.0],
    [1.0, 0.0, 1.0],
    [1.0, 0.0, -1.0],
    [0.0, 1.0, 1.0],
    [0.0, 1.0, -1.0],
    [1.0, 1.0, 1.0],
    [1.0, 1.0, -1.0],
    [1.0, -1.0, 1.0],
    [1.0, -1.0, -1.0],
];

/// How far the colours of two sets of pictures `[n, 3, h, w]` are apart, wherever in the pictures they are: colours (sRGB,
/// clamped to `[0, 1]`) in CIELAB for D65, projected on 13 directions, histograms with bins of half a unit, and the mean
/// over the directions of the earth mover's distance between them. In units of CIELAB, of which about 2 can just be seen; 0
/// for equal histograms, symmetric. Sizes may differ.
///
/// CIELAB, because its distances are near those that are seen. Projections, because an earth mover's distance, unlike
/// chi-square, does not jump where a colour crosses from one bin to the next, and along a line it is exact and fast
/// (the sliced Wasserstein distance of Rabin et al. 2011 with fixed directions).
///
/// # Errors
/// [`EngineError::Caller`](crate::EngineError::Caller) when there is no picture,
/// [`EngineError::Internal`](crate::EngineError::Internal) when a value is not finite.
pub fn histogram_distance(a: ImageTensor, b: ImageTensor) -> Result<f64> {
    let (a, b) = (histograms(&Planes::of(a)?), histograms(&Planes::of(b)?));
    let moved: f64 = a.iter().zip(&b).map(|(a, b)| earth_movers(a, b)).sum();
    Ok(moved / DIRECTIONS.len() as f64)
}

/// Pixels in every bin, for each direction.
fn histograms(pictures: &Planes) -> Vec<Vec<u64>> {
    let pixels = pictures.height * pictures.width;
    let empty = || vec![vec![0_u64; BINS]; DIRECTIONS.len()];
    let chunk = |start: usize| {
        let mut counts = empty();
        for at in start..(start + CHUNK).min(pictures.values.len() / 3) {
            let (picture, pixel) = (at / pixels, at % pixels);
            let value = |channel: usize| f64::from(pictures.values[(picture * 3 + channel) * pixels + pixel]);
            let lab = lab([value(0), value(1), value(2)]);
            for (direction, counts) in DIRECTIONS.iter().zip(&mut counts) {
                let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
                let place = direction.iter().zip(lab).map(|(d, v)| d * v).sum::<f64>() / length;
                counts[(((place + REACH) / BIN) as usize).min(BINS - 1)] += 1;
            }
        }
        counts
    };
    let add = |mut a: Vec<Vec<u64>>, b: Vec<Vec<u64>>| {
        a.iter_mut().flatten().zip(b.iter().flatten()).for_each(|(a, b)| *a += b);
        a
    };
    (0..pictures.values.len() / 3).into_par_iter().step_by(CHUNK).map(chunk).reduce(empty, add)
}

/// Between histograms of any mass, in units of CIELAB: the area between their cumulative shares.
fn earth_movers(a: &[u64], b: &[u64]) -> f64 {
    let total = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (all_a, all_b) = (total(a), total(b));
    let (mut below_a, mut below_b, mut area) = (0, 0, 0.0);
    for (a, b) in a.iter().zip(b) {
        below_a += a;
        below_b += b;
        area += (below_a as f64 / all_a - below_b as f64 / all_b).abs() * BIN;
    }
    area
}

/// CIELAB (CIE 1976) for the white of D65, of a colour in sRGB (IEC 61966-2-1).
fn lab(colour: [f64; 3]) -> [f64; 3] {
    const XYZ: [[f64; 3]; 3] = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];
    const KNEE: f64 = 6.0 / 29.0;
    let linear = colour.map(|v| {
        let v = v.clamp(0.0, 1.0);
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let [x, y, z] = XYZ.map(|row| {
        // White is where all three are 1, so that greys have no colour.
        let share = row.iter().zip(linear).map(|(m, v)| m * v).sum::<f64>() / row.iter().sum::<f64>();
        if share > KNEE.powi(3) { share.cbrt() } else { share / (3.0 * KNEE * KNEE) + 4.0 / 29.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{landscape, picture};
    use super::*;

    #[test]
    fn known_colours() {
        // Values of D65 as colour tables give them.
        for (colour, expected) in [
            ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
            ([0.0, 0.0, 1.0], [32.30, 79.19, -107.86]),
        ] {
            let found = lab(colour);
            assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 0.02), "{colour:?}: {found:?}");
        }
    }

    #[test]
    fn directions_are_the_cube_s() {
        let mut seen = std::collections::BTreeSet::new();
        for d in DIRECTIONS {
            assert!(seen.insert(d.map(|v| v as i8)) && seen.insert(d.map(|v| -v as i8)));
        }
        assert_eq!(seen.len(), 26);
    }

    /// A grey lighter by 20 is moved by 20 times the mean cosine between the axis of lightness and the directions.
    #[test]
    fn greys_are_moved_by_their_lightness() {
        let grey = |h, w, l: f64| {
            let linear = ((l + 16.0) / 116.0).powi(3);
            let value = 1.055 * linear.powf(1.0 / 2.4) - 0.055;
            picture(h, w, |_, _, _| value as f32)
        };
        let cosines = 1.0 + 4.0 / 2_f64.sqrt() + 4.0 / 3_f64.sqrt();
        let distance = histogram_distance(grey(8, 8, 40.25), grey(5, 9, 60.25)).unwrap();
        assert!((distance - 20.0 * cosines / 13.0).abs() < BIN, "{distance}");
        assert_eq!(histogram_distance(grey(8, 8, 40.0), grey(9, 3, 40.0)).unwrap(), 0.0);
    }

    #[test]
    fn places_do_not_matter_and_colours_do() {
        let a = landscape("a", 40, 60);
        assert_eq!(histogram_distance(a.clone(), a.clone().flip([3])).unwrap(), 0.0);
        let swapped = a.clone().flip([1]);
        let (there, back) =
            (histogram_distance(a.clone(), swapped.clone()).unwrap(), histogram_distance(swapped, a).unwrap());
        assert!(there > 1.0 && there == back, "{there} {back}");
    }
}
