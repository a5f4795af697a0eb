//! Exact nearest neighbours.

use serde::{Deserialize, Serialize};

use super::Embeddings;
use super::embeddings::same_width;
use super::products::{Tiles, by_rows, distance, squared_norms};
use crate::error::{EngineError, Result};

/// A vector that is near another one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its row.
    pub index: usize,
    /// Its Euclidean distance.
    pub distance: f64,
}

/// Candidates that are kept beyond those asked for: inner products order vectors that are all but equally near as
/// rounding has it, the distances taken from the candidates do not.
const SPARE: usize = 8;

/// The `k` vectors of `base` nearest to each vector of `queries`, nearest first, of equally near ones the first row first.
/// The search is exact: all pairs are compared by inner products in f64, and distances of those that may be reported are
/// taken from the vectors themselves, so that a copy is at distance 0. Work is `queries * base * width`, in blocks.
///
/// `skip_same_index` leaves row `i` of `base` out for query `i`: the neighbours of a set within itself.
///
/// # Errors
/// [`EngineError::Caller`] when widths differ, `k` is 0 or `base` has fewer than `k` vectors to choose from.
pub fn nearest(
    queries: &Embeddings,
    base: &Embeddings,
    k: usize,
    skip_same_index: bool,
) -> Result<Vec<Vec<Neighbour>>> {
    same_width(queries, base)?;
    let choice = base.len() - usize::from(skip_same_index && !base.is_empty());
    if k == 0 || choice < k {
        let text = format!("{k} nearest neighbours of a feature vector were asked for among {choice}");
        return Err(EngineError::Caller(text));
    }
    let norms = squared_norms(base);
    let keep = k + SPARE;
    let found = by_rows(
        queries,
        base,
        Tiles::All,
        |rows| vec![Vec::with_capacity(keep + 1); rows.len()],
        |state: &mut Vec<Vec<Neighbour>>, tile| {
            for ((query, line), best) in tile.lines().zip(state) {
                for (index, product) in tile.columns.clone().zip(line) {
                    // Without the query's own norm, which changes no order.
                    let candidate = Neighbour { index, distance: norms[index] - 2.0 * product };
                    let worse = best.len() == keep && best[keep - 1].distance <= candidate.distance;
                    if !worse && !(skip_same_index && index == query) {
                        let at = best.partition_point(|b| b.distance <= candidate.distance);
                        best.insert(at, candidate);
                        best.truncate(keep);
                    }
                }
            }
        },
    );
    let exact = |(query, mut best): (usize, Vec<Neighbour>)| {
        for neighbour in &mut best {
            neighbour.distance = distance(queries.row(query), base.row(neighbour.index));
        }
        best.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
        best.truncate(k);
        best
    };
    Ok(found.into_iter().flatten().enumerate().map(exact).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::normal;
    use super::*;

    #[test]
    fn as_by_comparing_every_pair() {
        for (queries, base, width) in [(5, 9, 1), (40, 300, 7), (270, 31, 12)] {
            let (queries, base) = (normal("queries", queries, width), normal("base", base, width));
            for (query, found) in nearest(&queries, &base, 3, false).unwrap().into_iter().enumerate() {
                let mut all: Vec<_> = base.rows().map(|row| distance(queries.row(query), row)).enumerate().collect();
                all.sort_by(|a, b| a.1.total_cmp(&b.1));
                let expected = all.into_iter().take(3).map(|(index, distance)| Neighbour { index, distance });
                assert_eq!(found, expected.collect::<Vec<_>>());
            }
        }
    }

    /// Far from the origin products lose digits that distances need.
    #[test]
    fn copies_are_found_far_from_the_origin() {
        let far = |e: &Embeddings| Embeddings::new(e.values().iter().map(|v| v + 1000.0).collect(), 16).unwrap();
        let base = far(&normal("base", 400, 16));
        let found = nearest(&base.select(&[17, 399, 0]), &base, 1, false).unwrap();
        for (found, index) in found.iter().zip([17, 399, 0]) {
            assert_eq!(found[..], [Neighbour { index, distance: 0.0 }]);
        }
        let others = nearest(&base, &base, 1, true).unwrap();
        assert!(others.iter().enumerate().all(|(row, n)| n[0].index != row && n[0].distance > 0.0));
    }

    #[test]
    fn too_few_to_choose_from() {
        let (a, b) = (normal("a", 3, 2), normal("b", 3, 3));
        assert!(nearest(&a, &b, 1, false).is_err());
        assert!(nearest(&a, &a, 0, false).is_err());
        assert!(nearest(&a, &a, 3, true).is_err());
        assert!(nearest(&a, &a, 3, false).is_ok());
    }
}
