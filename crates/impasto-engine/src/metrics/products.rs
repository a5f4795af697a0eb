//! Inner products of all vectors of two sets, tile by tile, so that memory stays bounded whatever their number.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::Embeddings;

/// Vectors on either side of a tile.
const SIDE: usize = 256;

/// Which tiles are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tiles {
    /// All.
    All,
    /// Of a set with itself: those on the diagonal and to the right of it.
    FromDiagonal,
}

/// Inner products of the vectors `rows` of one set with the vectors `columns` of another.
#[derive(Debug)]
pub(super) struct Tile<'a> {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    values: &'a [f64],
}

impl Tile<'_> {
    /// For each row of the tile, its index in the set and its products with `columns`.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &[f64])> {
        self.rows.clone().zip(self.values.chunks_exact(self.columns.len()))
    }
}

/// Runs over all tiles. Each block of rows has a state of its own, made by `begin`, that `visit` sees with its tiles from
/// left to right; the states come back in the order of the rows. Products are sums in f64 whose order depends on the sizes
/// alone, so that neither they nor the states depend on the number of threads.
pub(super) fn by_rows<S: Send>(
    a: &Embeddings,
    b: &Embeddings,
    tiles: Tiles,
    begin: impl Fn(Range<usize>) -> S + Sync,
    visit: impl Fn(&mut S, &Tile<'_>) + Sync,
) -> Vec<S> {
    let width = a.width();
    let block = |index: usize| {
        let rows = range(a, index);
        let left = doubles(a, &rows); // [rows, width]
        let mut state = begin(rows.clone());
        let first = if tiles == Tiles::FromDiagonal { index } else { 0 };
        for columns in (first..b.len().div_ceil(SIDE)).map(|index| range(b, index)) {
            let right = doubles(b, &columns); // [columns, width]
            let mut values = vec![0.0; rows.len() * columns.len()];
            matmul(
                MatMut::from_row_major_slice_mut(&mut values, rows.len(), columns.len()),
                Accum::Replace,
                MatRef::from_row_major_slice(&left, rows.len(), width),
                MatRef::from_row_major_slice(&right, columns.len(), width).transpose(),
                1.0,
                Par::Seq,
            );
            visit(&mut state, &Tile { rows: rows.clone(), columns, values: &values });
        }
        state
    };
    (0..a.len().div_ceil(SIDE)).into_par_iter().map(block).collect()
}

/// `||x||^2` of every vector.
pub(super) fn squared_norms(e: &Embeddings) -> Vec<f64> {
    e.rows().map(|row| row.iter().map(|&v| f64::from(v) * f64::from(v)).sum()).collect()
}

/// Euclidean distance without the cancellation that inner products bring; exactly 0 for equal vectors.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

fn range(e: &Embeddings, block: usize) -> Range<usize> {
    block * SIDE..((block + 1) * SIDE).min(e.len())
}

fn doubles(e: &Embeddings, rows: &Range<usize>) -> Vec<f64> {
    e.values()[rows.start * e.width()..rows.end * e.width()].iter().map(|&v| f64::from(v)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::normal;
    use super::*;

    #[test]
    fn every_product_is_seen_once() {
        let (a, b) = (normal("a", 300, 5), normal("b", 515, 5));
        let found = by_rows(
            &a,
            &b,
            Tiles::All,
            |_| Vec::new(),
            |seen, tile| {
                for (row, line) in tile.lines() {
                    seen.extend(tile.columns.clone().zip(line).map(|(column, &value)| (row, column, value)));
                }
            },
        );
        let mut seen: Vec<_> = found.into_iter().flatten().collect();
        seen.sort_by_key(|&(row, column, _)| (row, column));
        assert_eq!(seen.len(), 300 * 515);
        for (index, (row, column, value)) in seen.into_iter().enumerate() {
            assert_eq!((row, column), (index / 515, index % 515));
            let plain: f64 = a.row(row).iter().zip(b.row(column)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!((plain - value).abs() < 1e-12);
        }
    }
}
