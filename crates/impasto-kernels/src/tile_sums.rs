//! The inner loops of weight gradients: register tiles of sums over positions.

// Index loops: each becomes registers, and tiles are easier to read by their indices.
#![allow(clippy::needless_range_loop)]

use crate::dispatch::dispatched;
use crate::lanes::Lanes;

/// What one call of [`outer_block`] works on: for every term `k` and channel `c`, the sum over rows `r` and columns `p` of
/// `left[r * columns + p][c] * right[offsets[k] + r * pitch + p]`.
#[derive(Clone, Copy)]
pub(crate) struct Outer<'a> {
    /// `[rows * columns][channels]`, with whole vectors of channels.
    pub(crate) left: &'a [f32],
    /// The strip.
    pub(crate) right: &'a [f32],
    /// Where each product starts in it.
    pub(crate) offsets: &'a [usize],
    /// Number of rows.
    pub(crate) rows: usize,
    /// Number of positions in one row.
    pub(crate) columns: usize,
    /// Distance between the rows of the strip.
    pub(crate) pitch: usize,
}

/// Positions after which the running sums are added to the stored ones, which keeps the rounding errors small.
const FLUSH: usize = 512;

dispatched! {
    /// Adds the sums of [`Outer`], for `vectors` (1 to 3) of channels, to `sums`, `[terms][width]`, from column `first` on.
    pub(crate) fn outer_block(outer: &Outer<'_>, vectors: usize, sums: &mut [f32], width: usize, first: usize) => outer_any
}

#[inline(always)]
fn outer_any<V: Lanes>(outer: &Outer<'_>, vectors: usize, sums: &mut [f32], width: usize, first: usize) {
    if V::REGISTERS == 32 {
        match vectors {
            1 => outer_offsets::<V, 12, 1>(outer, sums, width, first),
            2 => outer_offsets::<V, 8, 2>(outer, sums, width, first),
            _ => outer_offsets::<V, 8, 3>(outer, sums, width, first),
        }
    } else {
        match vectors {
            1 => outer_offsets::<V, 8, 1>(outer, sums, width, first),
            2 => outer_offsets::<V, 4, 2>(outer, sums, width, first),
            _ => outer_offsets::<V, 4, 3>(outer, sums, width, first),
        }
    }
}

/// Covers the offsets with tiles of `NK`, of 4 where that is enough; the last repeats an offset where they run out.
#[inline(always)]
fn outer_offsets<V: Lanes, const NK: usize, const NV: usize>(
    outer: &Outer<'_>,
    sums: &mut [f32],
    width: usize,
    first: usize,
) {
    for (chunk, sums) in outer.offsets.chunks(NK).zip(sums.chunks_mut(NK * width)) {
        if chunk.len() > 4 {
            outer_tile::<V, NK, NV>(outer, chunk, sums, width, first);
        } else {
            outer_tile::<V, 4, NV>(outer, chunk, sums, width, first);
        }
    }
}

#[inline(always)]
fn outer_tile<V: Lanes, const NK: usize, const NV: usize>(
    outer: &Outer<'_>,
    chunk: &[usize],
    sums: &mut [f32],
    width: usize,
    first: usize,
) {
    let columns = outer.columns;
    let mut offsets = [chunk[0]; NK];
    offsets[..chunk.len()].copy_from_slice(chunk);
    let mut acc = [[V::splat(0.0); NV]; NK];
    let mut pending = 0;
    for (row, left) in outer.left.chunks_exact(columns * NV * V::COUNT).take(outer.rows).enumerate() {
        let mut right: [&[f32]; NK] = [&[]; NK];
        for k in 0..NK {
            right[k] = &outer.right[offsets[k] + row * outer.pitch..][..columns];
        }
        for (p, left) in (0..columns).zip(left.chunks_exact(NV * V::COUNT)) {
            let mut a = [V::splat(0.0); NV];
            for v in 0..NV {
                a[v] = V::load(&left[v * V::COUNT..]);
            }
            for k in 0..NK {
                let b = V::splat(right[k][p]);
                for v in 0..NV {
                    acc[k][v] = b.mul_add(a[v], acc[k][v]);
                }
            }
        }
        pending += columns;
        if pending >= FLUSH || row + 1 == outer.rows {
            for k in 0..NK {
                if k < chunk.len() {
                    for v in 0..NV {
                        let sums = &mut sums[k * width + first + v * V::COUNT..];
                        V::load(sums).plus(acc[k][v]).store(sums);
                    }
                }
            }
            acc = [[V::splat(0.0); NV]; NK];
            pending = 0;
        }
    }
}

/// Channels in one full tile of [`dot_block`].
pub(crate) const DOT_BLOCK: usize = 4;

/// What one call of [`dot_block`] works on: for every term `k` and row `m`, the sum over `p` of
/// `left[m * left_pitch + p] * right[offsets[k] + p]`.
#[derive(Clone, Copy)]
pub(crate) struct Dot<'a> {
    /// Rows of `left_pitch` values, zero wherever a position does not count.
    pub(crate) left: &'a [f32],
    /// Distance between the rows.
    pub(crate) left_pitch: usize,
    /// How many rows, at most [`DOT_BLOCK`].
    pub(crate) rows: usize,
    /// The strip.
    pub(crate) right: &'a [f32],
    /// Where each product starts in it.
    pub(crate) offsets: &'a [usize],
    /// Number of positions; read up to the next multiple of the lanes.
    pub(crate) run: usize,
}

dispatched! {
    /// Adds the sums of [`Dot`] to `sums`, `[terms][width]`, from column `first` on.
    pub(crate) fn dot_block(dot: &Dot<'_>, sums: &mut [f32], width: usize, first: usize) => dot_any
}

#[inline(always)]
fn dot_any<V: Lanes>(dot: &Dot<'_>, sums: &mut [f32], width: usize, first: usize) {
    if V::REGISTERS == 32 {
        match dot.rows {
            1 => dot_offsets::<V, 1, 9>(dot, sums, width, first),
            2 => dot_offsets::<V, 2, 9>(dot, sums, width, first),
            3 => dot_offsets::<V, 3, 8>(dot, sums, width, first),
            _ => dot_offsets::<V, 4, 6>(dot, sums, width, first),
        }
    } else {
        match dot.rows {
            1 => dot_offsets::<V, 1, 9>(dot, sums, width, first),
            2 => dot_offsets::<V, 2, 6>(dot, sums, width, first),
            3 => dot_offsets::<V, 3, 4>(dot, sums, width, first),
            _ => dot_offsets::<V, 4, 3>(dot, sums, width, first),
        }
    }
}

/// Covers the offsets with tiles of `NK`; the last repeats an offset where they run out.
#[inline(always)]
fn dot_offsets<V: Lanes, const MR: usize, const NK: usize>(
    dot: &Dot<'_>,
    sums: &mut [f32],
    width: usize,
    first: usize,
) {
    let mut rows = sums.chunks_exact_mut(width);
    for chunk in dot.offsets.chunks(NK) {
        let mut offsets = [chunk[0]; NK];
        offsets[..chunk.len()].copy_from_slice(chunk);
        let tile = dot_tile::<V, MR, NK>(dot, &offsets);
        for (k, row) in rows.by_ref().take(chunk.len()).enumerate() {
            for m in 0..MR {
                row[first + m] += tile[m][k];
            }
        }
    }
}

#[inline(always)]
fn dot_tile<V: Lanes, const MR: usize, const NK: usize>(dot: &Dot<'_>, offsets: &[usize; NK]) -> [[f32; NK]; MR] {
    // Slices of one length known to the compiler, so that the checks of the indices go.
    let len = dot.run.next_multiple_of(V::COUNT);
    let mut left: [&[f32]; MR] = [&[]; MR];
    for m in 0..MR {
        left[m] = &dot.left[m * dot.left_pitch..][..len];
    }
    let mut right: [&[f32]; NK] = [&[]; NK];
    for k in 0..NK {
        right[k] = &dot.right[offsets[k]..][..len];
    }
    let mut acc = [[V::splat(0.0); NK]; MR];
    let mut start = 0;
    while start + V::COUNT <= len {
        let end = start + V::COUNT;
        let mut a = [V::splat(0.0); MR];
        for m in 0..MR {
            a[m] = V::load(&left[m][start..end]);
        }
        for k in 0..NK {
            let b = V::load(&right[k][start..end]);
            for m in 0..MR {
                acc[m][k] = a[m].mul_add(b, acc[m][k]);
            }
        }
        start = end;
    }
    let mut sums = [[0.0f32; NK]; MR];
    for m in 0..MR {
        for k in 0..NK {
            sums[m][k] = acc[m][k].total();
        }
    }
    sums
}
