//! Changes of colour: an affine map of each pixel's RGB, then contrast about the picture's mean.

use burn::tensor::Tensor;

use crate::tensor;

/// Where lightness neither rises nor falls with contrast.
const GREY: f64 = 0.5;

/// What happens to the colours of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    /// Row by row: RGB to R, to G and to B.
    matrix: [[f64; 3]; 3],
    shift: [f64; 3],
    /// Factor on differences from the picture's mean, over all channels and positions, applied last.
    contrast: f64,
}

impl Colour {
    /// Nothing.
    pub(super) const SAME: Self =
        Self { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], shift: [0.0; 3], contrast: 1.0 };

    fn then(&mut self, matrix: [[f64; 3]; 3], shift: f64) {
        let row = |row: [f64; 3], column: usize| (0..3).map(|k| row[k] * self.matrix[k][column]).sum();
        let product = matrix.map(|r| std::array::from_fn(|column| row(r, column)));
        self.shift = matrix.map(|r| (0..3).map(|k| r[k] * self.shift[k]).sum::<f64>() + shift);
        self.matrix = product;
    }

    /// `own` times the identity plus `grey` times the mean over channels.
    fn then_mixed(&mut self, own: f64, grey: f64, shift: f64) {
        let entry = |i: usize, j: usize| grey / 3.0 + if i == j { own } else { 0.0 };
        self.then(std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j))), shift);
    }

    pub(super) fn brighten(&mut self, by: f64) {
        self.then_mixed(1.0, 0.0, by);
    }

    /// About mid grey.
    pub(super) fn contrast(&mut self, factor: f64) {
        self.then_mixed(factor, 0.0, GREY * (1.0 - factor));
    }

    /// Differences from the pixel's grey.
    pub(super) fn saturate(&mut self, factor: f64) {
        self.then_mixed(factor, 1.0 - factor, 0.0);
    }

    /// The pixel's grey, to the other side of mid grey.
    pub(super) fn flip_luma(&mut self) {
        self.then_mixed(1.0, -2.0, 2.0 * GREY);
    }

    /// Around the axis of greys (Rodrigues' formula).
    pub(super) fn turn_hue(&mut self, angle: f64) {
        let (sin, cos) = angle.sin_cos();
        let side = sin / 3f64.sqrt();
        let along = (1.0 - cos) / 3.0;
        let matrix = std::array::from_fn(|i: usize| {
            std::array::from_fn(|j: usize| match (j + 3 - i) % 3 {
                0 => along + cos,
                1 => along - side,
                _ => along + side,
            })
        });
        self.then(matrix, 0.0);
    }

    /// DiffAugment's: brightness, saturation, contrast about the picture's mean.
    pub(super) fn diffaugment(&mut self, brightness: f64, saturation: f64, contrast: f64) {
        self.brighten(brightness);
        self.saturate(saturation);
        self.contrast *= contrast;
    }
}

/// Pictures `[n, 3, h, w]` with a change each.
pub(super) fn apply(images: Tensor<4>, colours: &[Colour]) -> Tensor<4> {
    if colours.iter().all(|colour| *colour == Colour::SAME) {
        return images;
    }
    let [n, c, h, w] = images.dims();
    let all =
        |value: &dyn Fn(&Colour) -> Vec<f64>| colours.iter().flat_map(value).map(|v| v as f32).collect::<Vec<f32>>();
    let matrices = tensor::like(all(&|colour| colour.matrix.concat()), [n, c, c], &images);
    let shifts = tensor::like(all(&|colour| colour.shift.to_vec()), [n, c, 1], &images);
    let contrasts = tensor::like(all(&|colour| vec![colour.contrast]), [n, 1, 1], &images);
    let x = matrices.matmul(images.reshape([n, c, h * w])) + shifts; // [n, 3, hw]
    let mean = x.clone().reshape([n, 1, c * h * w]).mean_dim(2); // [n, 1, 1]
    let rest = -contrasts.clone() + 1.0; // [n, 1, 1], exactly 0 without contrast
    (x * contrasts + mean * rest).reshape([n, c, h, w])
}
