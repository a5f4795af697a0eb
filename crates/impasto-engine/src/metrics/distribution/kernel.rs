//! Kernel distance: maximum mean discrepancy with a cubic kernel.

use rand::seq::index;

use crate::error::{EngineError, Result};
use crate::metrics::Embeddings;
use crate::metrics::embeddings::{at_least, same_width};
use crate::metrics::interval::{Interval, jackknife_variance};
use crate::metrics::products::{Tiles, by_rows};
use crate::rng;

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// The unbiased estimate of the squared maximum mean discrepancy with the kernel `(x . y / width + 1)^3`, from all pairs:
/// what is called KID on Inception's features (Binkowski et al. 2018; Gretton et al. 2012). Around 0 for samples of one
/// distribution, below it as often as above. Tables commonly show it times 1000; this is not.
///
/// Work is `(n + m)^2 * width`, in blocks.
///
/// # Errors
/// [`EngineError::Caller`] when widths differ or a side has fewer than two vectors.
pub fn kernel_distance(a: &Embeddings, b: &Embeddings) -> Result<f64> {
    check(a, b, 2)?;
    Ok(Sums::of(a, b).distance())
}

/// [`kernel_distance`] and how sure it is: the jackknife that leaves out each vector of either side in turn, which takes
/// no more than the sums of kernels that the distance needs anyway. A bootstrap would see vectors drawn twice as alike.
///
/// # Errors
/// As for [`kernel_distance`], and for fewer than three vectors on a side.
pub fn kernel_distance_interval(a: &Embeddings, b: &Embeddings) -> Result<Interval> {
    check(a, b, 3)?;
    let sums = Sums::of(a, b);
    let variance = jackknife_variance(&sums.without_each_of_a()) + jackknife_variance(&sums.without_each_of_b());
    Ok(Interval::around(sums.distance(), NORMAL, variance))
}

/// [`kernel_distance`] of `subsets` draws of `size` vectors from either side without replacement, as common tools do. They
/// report the mean and the deviation of these; the deviation is that of subsets, not the uncertainty of the mean.
///
/// # Errors
/// As for [`kernel_distance`], and when there are no subsets or a side has fewer than `size` vectors.
pub fn kernel_distance_subsets(
    a: &Embeddings,
    b: &Embeddings,
    subsets: usize,
    size: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    check(a, b, size.max(2))?;
    if subsets == 0 || size < 2 {
        let text = format!("the kernel distance needs subsets of two vectors and more, not {subsets} of {size}");
        return Err(EngineError::Caller(text));
    }
    let draw = |subset: usize| {
        let mut rng = rng::stream(seed, "kernel-subsets", subset as u64);
        let mut some = |e: &Embeddings| e.select(&index::sample(&mut rng, e.len(), size).into_vec());
        let (a, b) = (some(a), some(b));
        Sums::of(&a, &b).distance()
    };
    Ok((0..subsets).map(draw).collect())
}

fn check(a: &Embeddings, b: &Embeddings, least: usize) -> Result<()> {
    same_width(a, b)?;
    at_least(a, least, "the kernel distance")?;
    at_least(b, least, "the kernel distance")
}

/// Sums of kernels, for each vector.
#[derive(Debug)]
struct Sums {
    /// Of each of a with all others of a.
    a: Vec<f64>,
    /// Of each of b with all others of b.
    b: Vec<f64>,
    /// Of each of a with all of b.
    a_with_b: Vec<f64>,
    /// Of each of b with all of a.
    b_with_a: Vec<f64>,
}

impl Sums {
    fn of(a: &Embeddings, b: &Embeddings) -> Self {
        let (a_with_b, b_with_a) = sums(a, b, Tiles::All);
        let within = |e| {
            let (right, below) = sums(e, e, Tiles::FromDiagonal);
            right.iter().zip(below).map(|(right, below)| right + below).collect()
        };
        Self { a: within(a), b: within(b), a_with_b, b_with_a }
    }

    fn distance(&self) -> f64 {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        estimate(sum(&self.a), self.a.len(), sum(&self.b), self.b.len(), sum(&self.a_with_b))
    }

    fn without_each_of_a(&self) -> Vec<f64> {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let (a, b, both) = (sum(&self.a), sum(&self.b), sum(&self.a_with_b));
        let without =
            |(own, other): (&f64, &f64)| estimate(a - 2.0 * own, self.a.len() - 1, b, self.b.len(), both - other);
        self.a.iter().zip(&self.a_with_b).map(without).collect()
    }

    fn without_each_of_b(&self) -> Vec<f64> {
        let swapped = Self {
            a: self.b.clone(),
            b: self.a.clone(),
            a_with_b: self.b_with_a.clone(),
            b_with_a: self.a_with_b.clone(),
        };
        swapped.without_each_of_a()
    }
}

/// From the sums over ordered pairs of different vectors within either side, and over pairs across.
fn estimate(a: f64, in_a: usize, b: f64, in_b: usize, both: f64) -> f64 {
    let (n, m) = (in_a as f64, in_b as f64);
    a / (n * (n - 1.0)) + b / (m * (m - 1.0)) - 2.0 * both / (n * m)
}

/// For each vector of `a` the sum of its kernels with the vectors of `b`, and the other way round. From the diagonal on,
/// each pair of different vectors counts once: for the one in its row and for the one in its column.
fn sums(a: &Embeddings, b: &Embeddings, tiles: Tiles) -> (Vec<f64>, Vec<f64>) {
    let scale = 1.0 / a.width() as f64;
    let blocks = by_rows(
        a,
        b,
        tiles,
        |rows| (vec![0.0; rows.len()], vec![0.0; b.len()]),
        |(rows, columns): &mut (Vec<f64>, Vec<f64>), tile| {
            for ((row, line), sum) in tile.lines().zip(rows) {
                for (column, product) in tile.columns.clone().zip(line) {
                    if tiles == Tiles::All || column > row {
                        let kernel = (product * scale + 1.0).powi(3);
                        *sum += kernel;
                        columns[column] += kernel;
                    }
                }
            }
        },
    );
    let mut columns = vec![0.0; b.len()];
    for (_, part) in &blocks {
        for (sum, part) in columns.iter_mut().zip(part) {
            *sum += part;
        }
    }
    (blocks.into_iter().flat_map(|(rows, _)| rows).collect(), columns)
}

#[cfg(test)]
mod tests;
