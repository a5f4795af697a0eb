//! Movements of pictures, all of one picture as one resampling, and cutout.

use burn::tensor::{Int, Tensor, TensorData};

use super::Border;
use crate::tensor;

/// What shows where there is no picture.
const GREY: f32 = 0.5;

/// From a position in the new picture to one in the old: `matrix * (x, y) + shift`, in pixels from the picture's middle,
/// columns to the right, rows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    matrix: [[f64; 2]; 2],
    shift: [f64; 2],
}

impl Affine {
    /// Nothing.
    pub(super) const SAME: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0; 2] };

    /// Looks positions up where `matrix` and `shift` lead to, before what is done already.
    fn after(&mut self, matrix: [[f64; 2]; 2], shift: [f64; 2]) {
        let [a, b] = self.matrix;
        let column = |row: [f64; 2], j: usize| row[0] * matrix[0][j] + row[1] * matrix[1][j];
        let moved = |row: [f64; 2]| row[0] * shift[0] + row[1] * shift[1];
        self.shift = [self.shift[0] + moved(a), self.shift[1] + moved(b)];
        self.matrix = [[column(a, 0), column(a, 1)], [column(b, 0), column(b, 1)]];
    }

    /// Moves the picture right and down.
    pub(super) fn then_shifted(&mut self, [right, down]: [f64; 2]) {
        self.after([[1.0, 0.0], [0.0, 1.0]], [-right, -down]);
    }

    /// Enlarges columns and rows; by negative factors they are turned around.
    pub(super) fn then_scaled(&mut self, [x, y]: [f64; 2]) {
        self.after([[1.0 / x, 0.0], [0.0, 1.0 / y]], [0.0; 2]);
    }

    /// Turns the picture clockwise.
    pub(super) fn then_rotated(&mut self, angle: f64) {
        let (sin, cos) = angle.sin_cos();
        self.after([[cos, sin], [-sin, cos]], [0.0; 2]);
    }

    /// Turns it clockwise by right angles, exactly.
    pub(super) fn then_quarters(&mut self, count: usize) {
        for _ in 0..count % 4 {
            self.after([[0.0, 1.0], [-1.0, 0.0]], [0.0; 2]);
        }
    }

    /// Where a position in pixels comes from, in pixels from the first row and column.
    fn source(&self, [y, x]: [usize; 2], [h, w]: [usize; 2]) -> [f64; 2] {
        let middle = [(w - 1) as f64 / 2.0, (h - 1) as f64 / 2.0];
        let from = [x as f64 - middle[0], y as f64 - middle[1]];
        let along = |i: usize| self.matrix[i][0] * from[0] + self.matrix[i][1] * from[1] + self.shift[i] + middle[i];
        [along(1), along(0)]
    }
}

/// The four pixels around a position, with their bilinear weights.
struct Taps {
    index: Vec<i64>,
    weight: Vec<f32>,
}

/// Pictures `[n, 3, h, w]`, each moved, by bilinear resampling: exact to the bit where pixels fall on pixels.
pub(super) fn moved(images: Tensor<4>, movements: &[Affine], border: Border) -> Tensor<4> {
    if movements.iter().all(|movement| *movement == Affine::SAME) {
        return images;
    }
    let [n, c, h, w] = images.dims();
    let mut taps: [Taps; 4] = std::array::from_fn(|_| Taps { index: Vec::new(), weight: Vec::new() });
    for movement in movements {
        for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
            let [row, column] = movement.source([y, x], [h, w]);
            let share = [row - row.floor(), column - column.floor()].map(|v| v as f32);
            for (i, taps) in taps.iter_mut().enumerate() {
                let (down, right) = (i / 2, i % 2);
                let at = [row.floor() as i64 + down as i64, column.floor() as i64 + right as i64];
                let along = |share: f32, second: usize| if second == 1 { share } else { 1.0 - share };
                let weight = along(share[0], down) * along(share[1], right);
                let inside = (0..h as i64).contains(&at[0]) && (0..w as i64).contains(&at[1]);
                taps.index.push((reflected(at[0], h) * w + reflected(at[1], w)) as i64);
                taps.weight.push(if inside || border == Border::Reflect { weight } else { 0.0 });
            }
        }
    }
    let pixels = images.reshape([n * c, h * w]);
    let mut sum: Option<Tensor<3>> = None;
    let mut covered = vec![0.0; n * h * w];
    // Where all movements are by whole pixels, three of four have no weight.
    for taps in taps.into_iter().filter(|taps| taps.weight.iter().any(|&weight| weight != 0.0)) {
        covered.iter_mut().zip(&taps.weight).for_each(|(sum, weight)| *sum += weight);
        let weight = tensor::like(taps.weight, [n, 1, h * w], &pixels);
        let index = Tensor::<3, Int>::from_data(TensorData::new(taps.index, [n, 1, h * w]), &pixels.device());
        let index = index.expand([n, c, h * w]).reshape([n * c, h * w]);
        let part = pixels.clone().gather(1, index).reshape([n, c, h * w]) * weight;
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    let sum = sum.unwrap_or_else(|| Tensor::zeros([n, c, h * w], (&pixels.device(), pixels.dtype())));
    if border == Border::Reflect {
        return sum.reshape([n, c, h, w]);
    }
    let grey = covered.into_iter().map(|covered| GREY * (1.0 - covered)).collect();
    (sum + tensor::like(grey, [n, 1, h * w], &pixels)).reshape([n, c, h, w])
}

/// An index of `count`, reflected at the first and the last as often as needed.
fn reflected(index: i64, count: usize) -> usize {
    let last = count as i64 - 1;
    if last == 0 {
        return 0;
    }
    let along = index.rem_euclid(2 * last);
    along.min(2 * last - along) as usize
}

/// Pictures `[n, 3, h, w]` with rectangles of half of both sides in grey around the given middles (shares of both sides).
pub(super) fn cut(images: Tensor<4>, cutouts: &[Option<[f32; 2]>]) -> Tensor<4> {
    if cutouts.iter().all(Option::is_none) {
        return images;
    }
    let [n, _, h, w] = images.dims();
    let covers = |middle: f32, side: usize, at: usize| {
        let (size, middle) = ((side as f32 / 2.0).round(), (middle * side as f32).floor());
        let first = middle - (size / 2.0).floor();
        (first..first + size).contains(&(at as f32))
    };
    let mut kept = Vec::with_capacity(n * h * w);
    for cutout in cutouts {
        for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
            let cut = cutout.is_some_and(|[down, right]| covers(down, h, y) && covers(right, w, x));
            kept.push(if cut { 0.0 } else { 1.0 });
        }
    }
    let grey = kept.iter().map(|kept| GREY * (1.0 - kept)).collect();
    let (kept, grey) = (tensor::like(kept, [n, 1, h, w], &images), tensor::like(grey, [n, 1, h, w], &images));
    images * kept + grey
}
