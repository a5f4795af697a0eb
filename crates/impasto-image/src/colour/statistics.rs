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

/// Mean and covariance of the colours, weighted by alpha; zeros when nothing is visible.
pub(super) fn moments(picture: &Picture) -> (Vector, Matrix) {
    let (mut total, mut mean, mut square) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
    for (pixel, weight) in weighted(picture) {
        let v = pixel.map(f64::from);
        total += weight;
        for i in 0..3 {
            mean[i] += weight * v[i];
            for j in 0..=i {
                square[i][j] += weight * v[i] * v[j];
            }
        }
    }
    if total <= 0.0 {
        return ([0.0; 3], [[0.0; 3]; 3]);
    }
    let mean = mean.map(|m| m / total);
    let mut covariance = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..=i {
            covariance[i][j] = square[i][j] / total - mean[i] * mean[j];
            covariance[j][i] = covariance[i][j];
        }
    }
    (mean, covariance)
}

/// Moves the colours of `out` by the linear map that gives them the content's mean and covariance while changing them
/// least (the optimal transport between two Gaussians).
pub(super) fn match_moments(content: &Picture, out: &mut Picture) {
    let (to_mean, to) = moments(content);
    let (from_mean, mut from) = moments(out);
    for (i, row) in from.iter_mut().enumerate() {
        row[i] += FLOOR;
    }
    let root = power(&from, 0.5);
    let inverse = power(&from, -0.5);
    let middle = power(&product(&product(&root, &to), &root), 0.5);
    let map = product(&product(&inverse, &middle), &inverse).map(|row| row.map(|v| v as f32));
    let from_mean = from_mean.map(|v| v as f32);
    let to_mean = to_mean.map(|v| v as f32);
    for pixel in out.triples_mut() {
        let d: [f32; 3] = std::array::from_fn(|c| pixel[c] - from_mean[c]);
        *pixel = std::array::from_fn(|r| to_mean[r] + map[r][0] * d[0] + map[r][1] * d[1] + map[r][2] * d[2]);
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

/// Gives luma and colour differences of `out`, whose values lie in [0, 1], the content's distributions. Nearly flat ones
/// stay as they are.
pub(super) fn match_histograms(content: &Picture, out: &mut Picture) {
    let (from, to) = (distributions(out), distributions(content));
    let busy: [bool; 3] = std::array::from_fn(|c| spread(&from[c]) > MIN_SPREAD);
    for pixel in out.triples_mut() {
        let mut axes = opponent(*pixel);
        for (c, value) in axes.iter_mut().enumerate().filter(|(c, _)| busy[*c]) {
            *value = matched(&from[c], &to[c], *value);
        }
        *pixel = from_opponent(axes);
    }
}

/// For each axis, the share of values below each of `BINS + 1` bin edges.
fn distributions(picture: &Picture) -> [Vec<f64>; 3] {
    let mut counts = [const { Vec::new() }; 3].map(|_: Vec<f64>| vec![0.0; BINS]);
    for (&pixel, weight) in weighted(picture) {
        for (counts, value) in counts.iter_mut().zip(opponent(pixel)) {
            let bin = (value.clamp(0.0, 1.0) * BINS as f32) as usize;
            counts[bin.min(BINS - 1)] += weight;
        }
    }
    counts.map(|counts| {
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
        let mut same = picture.clone();
        match_histograms(&picture, &mut same);
        assert!(same.rgb.iter().zip(&picture.rgb).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
