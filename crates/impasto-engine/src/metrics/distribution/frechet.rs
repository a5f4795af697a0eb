//! Fréchet distance between Gaussians fitted to feature vectors.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::error::{EngineError, Result};
use crate::metrics::Embeddings;
use crate::metrics::embeddings::{at_least, same_width};
use crate::metrics::interval::Interval;
use crate::metrics::jackknife::{self, PARTS, tenths};

/// The least vectors that are reduced at once; otherwise four times their width.
const BLOCK: usize = 1024;

/// Squared Fréchet distance between Gaussians with the means and covariances (divisor `n - 1`) of both sets,
/// `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`: what is called FID on Inception's features (Heusel et al. 2017; Dowson and
/// Landau 1982). At least 0, and 0 for equal sets. With few samples it is too high; see [`sample_note`](super::sample_note).
///
/// The trace of the root is the sum of the singular values of `X1 X2^T` (centred vectors, or the triangular factor of
/// their QR decomposition where they are more than their width, over the roots of `n - 1`): no covariance is formed and no
/// root taken of a matrix, so that covariances without full rank lose no digits. Work is about `n * width^2`.
///
/// # Errors
/// [`EngineError::Caller`] when widths differ or a side has fewer than two vectors.
pub fn frechet_distance(a: &Embeddings, b: &Embeddings) -> Result<f64> {
    check(a, b, 2)?;
    let (a, b) = rayon::join(|| Gaussian::of(a), || Gaussian::of(b));
    between(&a?, &b?)
}

/// [`frechet_distance`] and how sure it is: a jackknife over tenths of both sets (drawn by `seed`), each left out in
/// turn, with Student's quantile for nine degrees of freedom. A bootstrap would be off: vectors drawn twice narrow a
/// covariance, and the distance's bias grows with that. The interval covers the draw of the samples, not the bias of
/// their number. Takes about ten times as long as the distance.
///
/// # Errors
/// As for [`frechet_distance`], and for fewer than 20 vectors on a side.
pub fn frechet_distance_interval(a: &Embeddings, b: &Embeddings, seed: u64) -> Result<Interval> {
    check(a, b, jackknife::FEWEST)?;
    let (a, b) = (folds(a, seed, 0)?, folds(b, seed, 1)?);
    let value = between(&Gaussian::merge(a.iter())?, &Gaussian::merge(b.iter())?)?;
    let without = |left_out: usize| {
        let rest = |folds: &[Gaussian]| {
            Gaussian::merge(folds.iter().enumerate().filter(|(fold, _)| *fold != left_out).map(|(_, part)| part))
        };
        between(&rest(&a)?, &rest(&b)?)
    };
    let without: Vec<f64> = (0..PARTS).into_par_iter().map(without).collect::<Result<_>>()?;
    Ok(jackknife::around(value, &without))
}

fn check(a: &Embeddings, b: &Embeddings, least: usize) -> Result<()> {
    same_width(a, b)?;
    at_least(a, least, "the Fréchet distance")?;
    at_least(b, least, "the Fréchet distance")
}

/// What the distance needs to know of a set.
#[derive(Debug)]
struct Gaussian {
    count: usize,
    mean: Vec<f64>,
    /// A matrix `F` of at most `width` rows, or as many as there are vectors, with `F^T F` the sum of the outer products
    /// of the centred vectors.
    factor: Mat<f64>,
}

impl Gaussian {
    /// Of a set, block after block, so that its vectors are never all there as f64.
    fn of(e: &Embeddings) -> Result<Self> {
        let width = e.width();
        let block = |values: &[f32]| {
            let rows = values.len() / width;
            let mut mean = vec![0.0; width];
            for row in values.chunks_exact(width) {
                for (mean, &value) in mean.iter_mut().zip(row) {
                    *mean += f64::from(value) / rows as f64;
                }
            }
            let centred = |row: usize, column: usize| f64::from(values[row * width + column]) - mean[column];
            let factor = reduced(Mat::from_fn(rows, width, centred));
            Self { count: rows, mean, factor }
        };
        let blocks: Vec<Self> = e.values().chunks(BLOCK.max(4 * width) * width).map(block).collect();
        Self::merge(blocks.iter())
    }

    /// Of the union: within the parts vectors vary about the part's mean, and these about the common one.
    fn merge<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Result<Self> {
        let empty = || EngineError::Internal("a Gaussian of no vectors".into());
        let width = parts.clone().next().ok_or_else(empty)?.mean.len();
        let count: usize = parts.clone().map(|part| part.count).sum();
        let weight = |part: &Self| part.count as f64 / count as f64;
        let mean: Vec<f64> =
            (0..width).map(|column| parts.clone().map(|part| weight(part) * part.mean[column]).sum()).collect();
        let rows = parts.clone().map(|part| part.factor.nrows() + 1).sum();
        let mut stacked = Mat::zeros(rows, width); // [rows, width]
        let mut row = 0;
        for part in parts {
            let own = part.factor.nrows();
            stacked.as_mut().subrows_mut(row, own).copy_from(&part.factor);
            let root = (part.count as f64).sqrt();
            for column in 0..width {
                stacked[(row + own, column)] = root * (part.mean[column] - mean[column]);
            }
            row += own + 1;
        }
        Ok(Self { count, mean, factor: reduced(stacked) })
    }

    fn divisor(&self) -> f64 {
        self.count as f64 - 1.0
    }
}

/// The same product `F^T F` from at most as many rows as columns.
fn reduced(factor: Mat<f64>) -> Mat<f64> {
    if factor.nrows() <= factor.ncols() {
        return factor;
    }
    factor.qr().thin_R().to_owned() // [width, width]
}

fn between(a: &Gaussian, b: &Gaussian) -> Result<f64> {
    let means: f64 = a.mean.iter().zip(&b.mean).map(|(a, b)| (a - b).powi(2)).sum();
    let product = &a.factor * b.factor.transpose(); // [rows of a, rows of b]
    let singular = product
        .singular_values()
        .map_err(|error| EngineError::Internal(format!("singular values did not converge: {error:?}")))?;
    let root = singular.iter().sum::<f64>() / (a.divisor() * b.divisor()).sqrt();
    let traces = square(a.factor.as_ref()) / a.divisor() + square(b.factor.as_ref()) / b.divisor();
    Ok((means + traces - 2.0 * root).max(0.0))
}

/// The sum of the squares of a matrix.
fn square(matrix: MatRef<'_, f64>) -> f64 {
    matrix.col_iter().map(|column| column.iter().map(|v| v * v).sum::<f64>()).sum()
}

/// Tenths of a set, drawn.
fn folds(e: &Embeddings, seed: u64, side: u64) -> Result<Vec<Gaussian>> {
    tenths(e.len(), seed, side).par_iter().map(|rows| Gaussian::of(&e.select(rows))).collect()
}

#[cfg(test)]
mod tests;
