//! Grain as film has it: the same in all colours, strongest in mid-tones.

use crate::picture::{Picture, luma};

/// Lays grain over rows of a picture of which the first is its row `top`. `amount` is the standard deviation on middle
/// grey; black and white have none, which also keeps their mean where it is. What a pixel gets depends on the seed and its
/// place only.
pub(super) fn lay(picture: &mut Picture, amount: f32, seed: u32, top: u32) {
    let width = picture.width as usize;
    for (y, row) in (top..).zip(picture.triples_mut().chunks_exact_mut(width)) {
        for (x, pixel) in (0..).zip(row) {
            let shade = luma(*pixel).clamp(0.0, 1.0);
            let grain = amount * 4.0 * shade * (1.0 - shade) * place_noise(u64::from(seed), x, y);
            *pixel = pixel.map(|v| v + grain);
        }
    }
}

/// White noise at a place of a picture: mean 0, variance 1, nearly normal. It depends on the seed and the place only, so that tiles
/// have what the whole picture has there, and is a sum of whole numbers, so that it is the same on every machine.
pub fn place_noise(seed: u64, x: u32, y: u32) -> f32 {
    /// Deviation of the sum of four numbers that are uniform in `0..=65535`.
    const DEVIATION: f32 = 37_837.23;
    let bits = mix(mix(seed) ^ (u64::from(y) << 32 | u64::from(x)));
    let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xffff).sum();
    (sum as f32 - 2.0 * 65_535.0) / DEVIATION
}

/// One step of SplitMix64 (Steele et al. 2014), whose every output bit depends on every input bit.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_has_its_deviation_and_no_pattern() {
        let side = 256;
        let mut picture = Picture::filled(side, side, [0.5; 3]).unwrap();
        lay(&mut picture, 0.05, 1, 0);
        let values: Vec<f64> = picture.triples().iter().map(|pixel| f64::from(pixel[0]) - 0.5).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let squares: Vec<f64> = values.iter().map(|v| v * v).collect();
        assert!(mean(&values).abs() < 1e-3 && (mean(&squares).sqrt() - 0.05).abs() < 1e-3);
        for step in [1, 2, side as usize, side as usize + 1] {
            let products: Vec<f64> = values.iter().zip(&values[step..]).map(|(a, b)| a * b).collect();
            assert!((mean(&products) / mean(&squares)).abs() < 0.02, "neighbours {step} apart are alike");
        }
        assert!(picture.triples().iter().all(|[r, g, b]| r == g && g == b), "grain has no colour");
    }

    #[test]
    fn grain_depends_on_seed_and_place_and_spares_black_and_white() {
        let grey = Picture::filled(8, 8, [0.4; 3]).unwrap();
        let laid = |seed: u32, top: u32| {
            let mut picture = grey.clone();
            lay(&mut picture, 0.1, seed, top);
            picture.rgb
        };
        assert_eq!(laid(3, 0), laid(3, 0));
        assert_ne!(laid(3, 0), laid(4, 0));
        assert_eq!(laid(3, 0)[2 * 24..], laid(3, 2)[..6 * 24], "rows of a picture have the grain of their place");
        for shade in [0.0, 1.0] {
            let mut flat = Picture::filled(4, 4, [shade; 3]).unwrap();
            lay(&mut flat, 0.5, 3, 0);
            assert!(flat.rgb.iter().all(|v| *v == shade));
        }
    }
}
