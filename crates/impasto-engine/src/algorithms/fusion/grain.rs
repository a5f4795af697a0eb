//! Grain: faint noise on a content, from which strokes are made where it has nothing of its own. A network can only paint a
//! plain sky plainly: what it normalises there is rounding and compression.

use burn::tensor::Tensor;
use impasto_image::adjust::place_noise;

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

    /// Its values of deviation 1 at `rows` x `columns` places from `top`, `left` on.
    fn field(self, [top, left]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<f32> {
        let places = (top..top + rows).flat_map(|y| (left..left + columns).map(move |x| (x as u32, y as u32)));
        places.map(|(x, y)| place_noise(self.seed, x, y)).collect()
    }
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
}
