//! Precision, recall, density and coverage.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::metrics::Embeddings;
use crate::metrics::embeddings::same_width;
use crate::metrics::neighbours::nearest;
use crate::metrics::products::{Tiles, by_rows, distance, squared_norms};

/// How two sets lie within each other's neighbourhoods: balls about every vector that reach to its `k`-th neighbour in
/// its own set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Neighbourhoods {
    /// Share of fakes inside a real one's ball: whether fakes look real. 0 to 1.
    pub precision: f64,
    /// Share of real ones inside a fake's ball: whether all that is real can be made. 0 to 1.
    pub recall: f64,
    /// Mean number of real balls around a fake over `k`: precision that a stray real picture does not deceive. 0 and up,
    /// 1 for equal distributions.
    pub density: f64,
    /// Share of real balls with a fake inside: recall that a stray fake does not deceive. 0 to 1.
    pub coverage: f64,
}

/// Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020) with `k` neighbours (3 and 5
/// in these papers). Distances decide exactly: where inner products leave doubt they are taken from the vectors. A ball
/// holds its border. Work is `(n + m)^2 * width`, in blocks.
///
/// # Errors
/// [`EngineError::Caller`](crate::EngineError::Caller) when widths differ, `k` is 0 or a side has not more than `k` vectors.
pub fn neighbourhoods(real: &Embeddings, fake: &Embeddings, k: usize) -> Result<Neighbourhoods> {
    same_width(real, fake)?;
    let (real_radii, fake_radii) = (radii(real, k)?, radii(fake, k)?);
    let (real_norms, fake_norms) = (squared_norms(real), squared_norms(fake));
    let blocks = by_rows(
        real,
        fake,
        Tiles::All,
        |rows| Block {
            recalled: vec![false; rows.len()],
            covered: vec![false; rows.len()],
            balls: vec![0; fake.len()],
        },
        |block: &mut Block, tile| {
            for (at, (row, line)) in tile.lines().enumerate() {
                for (column, product) in tile.columns.clone().zip(line) {
                    let norms = real_norms[row] + fake_norms[column];
                    let squared = norms - 2.0 * product;
                    let inside = |radius: f64| {
                        let margin = squared - radius * radius;
                        // Far above what products of any width lose, far below what matters.
                        if margin.abs() > 1e-9 * norms {
                            margin < 0.0
                        } else {
                            distance(real.row(row), fake.row(column)) <= radius
                        }
                    };
                    if inside(real_radii[row]) {
                        block.covered[at] = true;
                        block.balls[column] += 1;
                    }
                    block.recalled[at] = block.recalled[at] || inside(fake_radii[column]);
                }
            }
        },
    );
    let balls: Vec<u64> =
        (0..fake.len()).map(|at| blocks.iter().map(|block| u64::from(block.balls[at])).sum()).collect();
    let real_share =
        |of: fn(&Block) -> &[bool]| blocks.iter().flat_map(of).filter(|&&yes| yes).count() as f64 / real.len() as f64;
    let fakes = fake.len() as f64;
    Ok(Neighbourhoods {
        precision: balls.iter().filter(|&&count| count > 0).count() as f64 / fakes,
        recall: real_share(|block| &block.recalled),
        density: balls.iter().sum::<u64>() as f64 / (k as f64 * fakes),
        coverage: real_share(|block| &block.covered),
    })
}

/// What a block of real vectors sees.
struct Block {
    /// For each of them, whether it lies in a fake's ball.
    recalled: Vec<bool>,
    /// For each of them, whether a fake lies in its ball.
    covered: Vec<bool>,
    /// For each fake, in how many of their balls it lies.
    balls: Vec<u32>,
}

/// Distance of each vector to its `k`-th neighbour.
fn radii(e: &Embeddings, k: usize) -> Result<Vec<f64>> {
    Ok(nearest(e, e, k, true)?.iter().map(|found| found[k - 1].distance).collect())
}

#[cfg(test)]
mod tests;
