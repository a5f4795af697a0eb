//! How far apart the pictures of one set are.

use super::Embeddings;
use super::embeddings::at_least;
use super::products::{Tiles, by_rows, distance, squared_norms};
use crate::error::{EngineError, Result};

/// Mean Euclidean distance over all pairs of vectors of a set. Near 0 for a generator that always makes the same picture.
///
/// # Errors
/// [`EngineError::Caller`] for fewer than two vectors.
pub fn pairwise_diversity(e: &Embeddings) -> Result<f64> {
    at_least(e, 2, "pairwise diversity")?;
    let norms = squared_norms(e);
    let sums = by_rows(
        e,
        e,
        Tiles::FromDiagonal,
        |_| 0.0,
        |sum: &mut f64, tile| {
            for (row, line) in tile.lines() {
                for (column, product) in tile.columns.clone().zip(line) {
                    if column > row {
                        *sum += (norms[row] + norms[column] - 2.0 * product).max(0.0).sqrt();
                    }
                }
            }
        },
    );
    let pairs = e.len() as f64 * (e.len() as f64 - 1.0) / 2.0;
    Ok(sums.iter().sum::<f64>() / pairs)
}

/// Mean length of paths through a feature space: `steps[t]` holds one vector for each path at step `t`, and a path's length
/// is the sum of the Euclidean distances between its steps. In the unit of the vectors.
///
/// With finely divided walks between two latents this is the integral that perceptual path length (Karras et al. 2019)
/// takes samples of, as a length instead of a squared speed; compare it between generators at the same number of steps.
///
/// # Errors
/// [`EngineError::Caller`] for fewer than two steps, no path, or steps that differ in their number of paths or width.
pub fn path_length(steps: &[Embeddings]) -> Result<f64> {
    let fits = |pair: &[Embeddings]| pair[0].len() == pair[1].len() && pair[0].width() == pair[1].width();
    if steps.len() < 2 || steps[0].is_empty() || !steps.windows(2).all(fits) {
        let text = "path length needs at least two steps with one feature vector of the same width for every path";
        return Err(EngineError::Caller(text.into()));
    }
    let between = |pair: &[Embeddings]| pair[0].rows().zip(pair[1].rows()).map(|(a, b)| distance(a, b)).sum::<f64>();
    Ok(steps.windows(2).map(between).sum::<f64>() / steps[0].len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::normal;
    use super::*;

    #[test]
    fn diversity_is_the_mean_over_pairs() {
        let e = Embeddings::new(vec![0.0, 0.0, 3.0, 4.0, 0.0, 0.0], 2).unwrap();
        assert!((pairwise_diversity(&e).unwrap() - 10.0 / 3.0).abs() < 1e-12);
        let many = normal("many", 300, 6);
        let plain: f64 =
            (0..300).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| distance(many.row(i), many.row(j))).sum();
        assert!((pairwise_diversity(&many).unwrap() - plain / (300.0 * 299.0 / 2.0)).abs() < 1e-9);
        assert!(pairwise_diversity(&e.select(&[0])).is_err());
    }

    #[test]
    fn paths_are_as_long_as_their_parts() {
        let step = |values: &[f32]| Embeddings::new(values.to_vec(), 2).unwrap();
        // One path there and back, one that stays.
        let steps = [step(&[0.0, 0.0, 7.0, 7.0]), step(&[3.0, 4.0, 7.0, 7.0]), step(&[0.0, 0.0, 7.0, 7.0])];
        assert_eq!(path_length(&steps).unwrap(), 5.0);
        assert!(path_length(&steps[..1]).is_err());
        assert!(path_length(&[step(&[0.0, 0.0]), steps[0].clone()]).is_err());
    }
}
