//! Means, covariances and histograms of colour, and their matching.

use super::with_luma;
use crate::picture::{Picture, luma};

type Vector = [f64; 3];
type Matrix = [[f64; 3]; 3];

/// Variance added to the stylised colours before they are stretched: one hundredth of the range, squared. It keeps the
/// noise of nearly flat pictures from being blown up.
const FLOOR: f64 = 1e-4;
const BINS: usize = 1024;
/// An axis whose values lie closer together than this is flat: matching it would only stretch noise.
const MIN_SPREAD: f64 = 0.004;

/// Pixels with their weights (alpha, or 1).
fn weighted(picture: &Picture) -> impl Iterator<Item = (&[f32; 3], f64)> {
    let alpha = picture.alpha.as_deref();
    picture
        .triples()
        .iter()
        .enumerate()
        .map(move |(i, pixel)| (pixel, alpha.and_then(|alpha| alpha.get(i)).map_or(1.0, |&a| f64::from(a))))
}

/// Sums over the colours of a picture, weighted by alpha. Parts of a picture are added from top to bottom; the sums are
/// then those of the whole picture to the bit.
#[derive(Default)]
pub(crate) struct Moments {
    total: f64,
    sum: Vector,
    square: Matrix,
}

impl Moments {
    pub(crate) fn add(&mut self, picture: &Picture) {
        for (pixel, weight) in weighted(picture) {
            let v = pixel.map(f64::from);
            self.total += weight;
            for i in 0..3 {
                self.sum[i] += weight * v[i];
                for j in 0..=i {
                    self.square[i][j] += weight * v[i] * v[j];
                }
            }
        }
    }

    /// Mean and covariance; zeros when nothing is visible.
    pub(crate) fn mean_and_covariance(&self) -> (Vector, Matrix) {
        if self.total <= 0.0 {
            return ([0.0; 3], [[0.0; 3]; 3]);
        }
        let mean = self.sum.map(|m| m / self.total);
        let mut covariance = [[0.0; 3]; 3];
        for i in 0..3 {
            for j in 0..=i {
                covariance[i][j] = self.square[i][j] / self.total - mean[i] * mean[j];
                covariance[j][i] = covariance[i][j];
            }
        }
        (mean, covariance)
    }
}

/// The linear map that gives colours the content's mean and covariance while changing them least (the optimal transport
/// between two Gaussians).
pub(crate) struct MomentMap {
    from_mean: [f32; 3],
    to_mean: [f32; 3],
    map: [[f32; 3]; 3],
}

impl MomentMap {
    pub(crate) fn new(content: &Moments, stylised: &Moments) -> Self {
        let (to_mean, to) = content.mean_and_covariance();
        let (from_mean, mut from) = stylised.mean_and_covariance();
        for (i, row) in from.iter_mut().enumerate() {
            row[i] += FLOOR;
        }
        let root = power(&from, 0.5);
        let inverse = power(&from, -0.5);
        let middle = power(&product(&product(&root, &to), &root), 0.5);
        let map = product(&product(&inverse, &middle), &inverse).map(|row| row.map(|v| v as f32));
        Self { from_mean: from_mean.map(|v| v as f32), to_mean: to_mean.map(|v| v as f32), map }
    }

    /// The colour moved, and clamped to [0, 1].
    pub(crate) fn apply(&self, pixel: [f32; 3]) -> [f32; 3] {
        let d: [f32; 3] = std::array::from_fn(|c| pixel[c] - self.from_mean[c]);
        let map = &self.map;
        std::array::from_fn(|r| {
            (self.to_mean[r] + map[r][0] * d[0] + map[r][1] * d[1] + map[r][2] * d[2]).clamp(0.0, 1.0)
        })
    }
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map(|row| std::array::from_fn(|c| (0..3).map(|k| row[k] * b[k][c]).sum()))
}

/// A power of a symmetric matrix without negative eigenvalues (those that rounding made negative count as 0).
fn power(matrix: &Matrix, exponent: f64) -> Matrix {
    let (values, vectors) = eigen(*matrix);
    let powers = values.map(|v| if v > 1e-12 { v.powf(exponent) } else { 0.0 });
    std::array::from_fn(|r| std::array::from_fn(|c| (0..3).map(|k| vectors[r][k] * powers[k] * vectors[c][k]).sum()))
}

/// Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by Jacobi rotations.
fn eigen(mut a: Matrix) -> (Vector, Matrix) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Convergence is quadratic; 3x3 matrices need five or six sweeps at most.
    for _ in 0..16 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-300 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
            let cos = 1.0 / t.hypot(1.0);
            let sin = t * cos;
            for row in [&mut a, &mut v].into_iter().flatten() {
                (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
            }
            let (row_p, row_q) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| cos * row_p[k] - sin * row_q[k]);
            a[q] = std::array::from_fn(|k| sin * row_p[k] + cos * row_q[k]);
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

/// Luma and the two colour differences, each scaled to [0, 1]. Matching these apart, unlike red, green and blue, cannot
/// pair the brightest of one channel with the darkest of another and so make colours that neither picture has.
fn opponent([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = luma([r, g, b]);
    [y, (r - y + 1.0) / 2.0, (b - y + 1.0) / 2.0]
}

/// The inverse of [`opponent`], with the chroma lowered where the colour would leave [0, 1].
fn from_opponent([y, u, v]: [f32; 3]) -> [f32; 3] {
    let (r, b) = (y + 2.0 * u - 1.0, y + 2.0 * v - 1.0);
    let g = (y - 0.299 * r - 0.114 * b) / 0.587;
    with_luma([r, g, b], y)
}

/// How often luma and colour differences fall into each bin, weighted by alpha; parts of a picture are added as with
/// [`Moments`].
pub(crate) struct Histograms {
    counts: [Vec<f64>; 3],
}

impl Default for Histograms {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| vec![0.0; BINS]) }
    }
}

impl Histograms {
    /// Counts the colours that `map` makes of a picture's.
    pub(crate) fn add(&mut self, picture: &Picture, map: impl Fn([f32; 3]) -> [f32; 3]) {
        for (&pixel, weight) in weighted(picture) {
            for (counts, value) in self.counts.iter_mut().zip(opponent(map(pixel))) {
                let bin = (value.clamp(0.0, 1.0) * BINS as f32) as usize;
                counts[bin.min(BINS - 1)] += weight;
            }
        }
    }

    /// For each axis, the share of values below each of `BINS + 1` bin edges.
    fn distributions(&self) -> [Vec<f64>; 3] {
        self.counts.each_ref().map(|counts| {
            let total: f64 = counts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            let mut sum = 0.0;
            let mut edges = vec![0.0];
            edges.extend(counts.iter().map(|count| {
                sum += count;
                sum / total
            }));
            edges
        })
    }
}

/// Gives luma and colour differences of colours, whose values lie in [0, 1], the content's distributions. Nearly flat ones
/// stay as they are.
pub(crate) struct HistogramMap {
    from: [Vec<f64>; 3],
    to: [Vec<f64>; 3],
    busy: [bool; 3],
}

impl HistogramMap {
    pub(crate) fn new(stylised: &Histograms, content: &Histograms) -> Self {
        let from = stylised.distributions();
        let busy = std::array::from_fn(|c| spread(&from[c]) > MIN_SPREAD);
        Self { from, to: content.distributions(), busy }
    }

    pub(crate) fn apply(&self, pixel: [f32; 3]) -> [f32; 3] {
        let mut axes = opponent(pixel);
        for (c, value) in axes.iter_mut().enumerate().filter(|(c, _)| self.busy[*c]) {
            *value = matched(&self.from[c], &self.to[c], *value);
        }
        from_opponent(axes)
    }
}

/// The distance between the 5th and the 95th percentile.
fn spread(edges: &[f64]) -> f64 {
    let at = |share| edges.partition_point(|&edge| edge < share);
    at(0.95).saturating_sub(at(0.05)) as f64 / BINS as f64
}

/// The value that has as much of `to` below it as `value` has of `from`. Within a bin, values count as spread evenly.
fn matched(from: &[f64], to: &[f64], value: f32) -> f32 {
    let at = f64::from(value.clamp(0.0, 1.0)) * BINS as f64;
    let bin = (at as usize).min(BINS - 1);
    let share = from[bin] + (at - bin as f64) * (from[bin + 1] - from[bin]);
    // The last edge not above the share starts the bin that holds it, unless everything lies below.
    let low = to.partition_point(|&edge| edge <= share).saturating_sub(1);
    let (low, part) = if low < BINS {
        (low, (share - to[low]) / (to[low + 1] - to[low]).max(f64::MIN_POSITIVE))
    } else {
        (to.partition_point(|&edge| edge < to[BINS]).saturating_sub(1), 1.0)
    };
    ((low as f64 + part.clamp(0.0, 1.0)) / BINS as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_square_back() {
        for m in [
            [[0.04, 0.01, 0.0], [0.01, 0.09, -0.02], [0.0, -0.02, 0.01]],
            [[0.0; 3]; 3],
            [[1.0, 1.0, 1.0]; 3],
            [[1e-9, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]],
        ] {
            let root = power(&m, 0.5);
            let back = product(&root, &root);
            for (a, b) in back.iter().flatten().zip(m.iter().flatten()) {
                assert!((a - b).abs() < 1e-8, "{back:?} {m:?}");
            }
        }
    }

    #[test]
    fn matching_a_distribution_with_itself_changes_nothing_much() {
        let rgb = (0..3 * 4096).map(|i| ((i * 7919) % 4096) as f32 / 4095.0).collect();
        let picture = Picture::from_rgb(64, 64, rgb).unwrap();
        let mut histograms = Histograms::default();
        histograms.add(&picture, |pixel| pixel);
        let map = HistogramMap::new(&histograms, &histograms);
        for &pixel in picture.triples() {
            assert!(map.apply(pixel).iter().zip(pixel).all(|(a, b)| (a - b).abs() < 1e-3));
        }
    }
}
