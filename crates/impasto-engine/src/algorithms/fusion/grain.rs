//! Grain: faint noise on a content, from which strokes are made where it has nothing of its own. A network can only paint a
//! plain sky plainly: what it normalises there is rounding and compression.

use burn::tensor::Tensor;

use crate::tensor;

/// Noise that depends on its place in the picture only, so that a tile has what the whole picture has there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grain {
    /// Its deviation, in the picture's values from 0 to 1.
    pub(super) amount: f32,
    /// Which noise.
    pub(super) seed: u64,
}

impl Grain {
    /// `image` `[n, 3, h, w]`, whose first row and column are those of `origin` in the whole picture, with the grain: the same in
    /// all channels and samples.
    pub(super) fn on(self, image: Tensor<4>, origin: [usize; 2]) -> Tensor<4> {
        if self.amount == 0.0 {
            return image;
        }
        let [_, _, h, w] = image.dims();
        let field = tensor::like(self.field(origin, [h, w]), [1, 1, h, w], &image);
        image + field * self.amount
    }

    /// Standard normal numbers (nearly: each the sum of four even ones) of `rows` x `columns` places from `top`, `left` on.
    fn field(self, [top, left]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<f32> {
        let seed = mixed(self.seed);
        let places = (top..top + rows).flat_map(|y| (left..left + columns).map(move |x| ((y as u64) << 32) | x as u64));
        places.map(|place| normal(mixed(place ^ seed))).collect()
    }
}

/// SplitMix64 (Steele et al. 2014): every bit of the result depends on every bit of `x`.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Four times 16 bits as even numbers in `[0, 1)`, whose sum has mean 2 and variance 1 / 3.
fn normal(bits: u64) -> f32 {
    let parts = (0..4).map(|i| ((bits >> (16 * i)) & 0xFFFF) as f32 / 65536.0);
    (parts.sum::<f32>() - 2.0) * 3f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_have_the_grain_of_the_whole() {
        let grain = Grain { amount: 1.0, seed: 5 };
        let whole = grain.field([0, 0], [200, 300]);
        let tile = grain.field([40, 70], [3, 20]);
        for (row, values) in tile.chunks(20).enumerate() {
            assert_eq!(values, &whole[(40 + row) * 300 + 70..][..20]);
        }
        assert_ne!(tile, Grain { seed: 6, ..grain }.field([40, 70], [3, 20]));
    }

    #[test]
    fn it_is_white_and_normal() {
        let field = Grain { amount: 1.0, seed: 1 }.field([0, 0], [256, 256]);
        let mean = |values: &mut dyn Iterator<Item = f32>| values.sum::<f32>() / field.len() as f32;
        let power = |n: i32| mean(&mut field.iter().map(|v| v.powi(n)));
        // Four even numbers have a kurtosis of 2.7. The mean of 65,536 deviates by 0.004.
        for (n, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 2.7)] {
            assert!((power(n) - expected).abs() < 0.05, "{n}: {}", power(n));
        }
        for apart in [1, 256, 257] {
            let product = mean(&mut field.iter().zip(&field[apart..]).map(|(a, b)| a * b));
            assert!(product.abs() < 0.02, "{apart}: {product}");
        }
    }
}
