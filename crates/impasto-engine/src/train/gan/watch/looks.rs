//! Figures of a set of pictures that need no network.

use burn::tensor::Tensor;
use burn::tensor::module::adaptive_avg_pool2d;

use crate::blocks::channel_moments;
use crate::tensor;

/// Rows and columns that pictures are reduced to.
const GRID: [usize; 2] = [8, 8];

/// Smallest figures of real pictures that others are compared with: below, all pictures are one.
const SMALLEST: f32 = 1e-3;

/// Figures of a set of pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Looks {
    /// Mean distance of two pictures' [`features`].
    pub diversity: f32,
    /// Median distance of a picture's features from those nearest to them.
    pub nearest: f32,
    /// Share of values at 0 or below, or at 1 or above.
    pub saturation: f32,
    /// Mean absolute difference of neighbouring pixels.
    pub roughness: f32,
}

impl Looks {
    /// Those of pictures `[n, 3, h, w]` in `[0, 1]`, at least two.
    pub fn of(images: Tensor<4>) -> Self {
        let [n, c, h, w] = images.dims();
        let images = images.detach();
        let distances = distances(&tensor::values(features(images.clone())), n);
        let mut nearest: Vec<f32> =
            distances.iter().map(|row| row.iter().copied().fold(f32::INFINITY, f32::min)).collect();
        nearest.sort_by(f32::total_cmp);
        let values = tensor::values(images);
        let saturated = values.iter().filter(|&&v| v <= 0.0 || v >= 1.0).count();
        let (mut differences, mut count) = (0.0, 0usize);
        for plane in values.chunks_exact(h * w) {
            let right = (0..h * w).filter(|i| (i + 1) % w != 0).map(|i| (i, i + 1));
            let below = (0..h * w - w).map(|i| (i, i + w));
            for (a, b) in right.chain(below) {
                differences += f64::from((plane[a] - plane[b]).abs());
                count += 1;
            }
        }
        Self {
            diversity: mean_distance(&distances),
            nearest: nearest.get(n / 2).copied().unwrap_or_default(),
            saturation: saturated as f32 / (n * c * h * w).max(1) as f32,
            roughness: (differences / count.max(1) as f64) as f32,
        }
    }

    /// [`Looks::diversity`] as a share of that of real pictures.
    pub fn diversity_beside(&self, real: &Self) -> f32 {
        self.diversity / real.diversity.max(SMALLEST)
    }

    /// [`Looks::nearest`] as a share of that of real pictures. Real pictures may be copies of one another; their
    /// nearest are taken for at least a twentieth of their diversity apart.
    pub fn nearest_beside(&self, real: &Self) -> f32 {
        self.nearest / real.nearest.max(0.05 * real.diversity).max(SMALLEST)
    }

    /// [`Looks::roughness`] as a multiple of that of real pictures.
    pub fn roughness_beside(&self, real: &Self) -> f32 {
        self.roughness / real.roughness.max(SMALLEST)
    }
}

/// Numbers that pictures `[n, 3, h, w]` are told apart by, `[n, 198]`: their means over a grid of 8 by 8, and each
/// channel's mean and deviation.
pub fn features(images: Tensor<4>) -> Tensor<2> {
    let [n, c, _, _] = images.dims();
    let [rows, columns] = GRID;
    let (mean, deviation) = channel_moments(images.clone()); // [n, 3] each
    let cells = adaptive_avg_pool2d(images, GRID).reshape([n, c * rows * columns]); // [n, 192]
    Tensor::cat(vec![cells, mean, deviation], 1) // [n, 198]
}

/// Mean Euclidean distance of two different rows of `[n, d]`; 0 for fewer than two.
pub fn diversity(features: Tensor<2>) -> f32 {
    let n = features.dims()[0];
    mean_distance(&distances(&tensor::values(features), n))
}

/// The distances of each of `n` rows from all others, summed in double precision: rows that are nearly equal are.
fn distances(values: &[f32], n: usize) -> Vec<Vec<f32>> {
    let rows: Vec<&[f32]> = values.chunks_exact((values.len() / n.max(1)).max(1)).collect();
    let distance = |a: &[f32], b: &[f32]| {
        let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt() as f32
    };
    let from = |i: usize| rows.iter().enumerate().filter(move |(j, _)| *j != i);
    (0..rows.len()).map(|i| from(i).map(|(_, row)| distance(rows[i], row)).collect()).collect()
}

fn mean_distance(distances: &[Vec<f32>]) -> f32 {
    let count = distances.iter().map(Vec::len).sum::<usize>();
    let sum: f64 = distances.iter().flatten().map(|&v| f64::from(v)).sum();
    (sum / count.max(1) as f64) as f32
}
