//! The inner loops: register tiles of a product whose right hand side is read at a list of offsets.
//!
//! The loops over lanes are plain arrays, which become vector instructions of the width that
//! [`dispatched`](crate::dispatch::dispatched) compiles them for. Tiles hold 24 accumulators with 16 lanes (32 registers)
//! and 12 otherwise; beyond that the compiler stops unrolling or spills.

use crate::dispatch::{Isa, dispatched, fma};

/// Most channels in one tile of [`gather_block`].
pub(crate) fn widest_block(isa: Isa) -> usize {
    if isa.lanes() == 16 { 8 } else { 4 }
}

/// The channels of the next tile where `left` are left.
pub(crate) fn next_block(isa: Isa, left: usize) -> usize {
    match left {
        8.. => widest_block(isa),
        4.. => 4,
        _ => left,
    }
}

/// Most values that a tile of [`gather_block`] reads past the end of its run.
pub(crate) const OVERRUN: usize = 16;

/// What one call of [`gather_block`] works on: `out[m][p] = init[m] + sum over k of weights[k][m] * source[offsets[k] + p]`.
#[derive(Clone, Copy)]
pub(crate) struct Gather<'a> {
    /// The strip.
    pub(crate) source: &'a [f32],
    /// Where each term starts in it.
    pub(crate) offsets: &'a [usize],
    /// `[offsets.len()][block]`.
    pub(crate) weights: &'a [f32],
    /// What the sums start from, one per channel of the block.
    pub(crate) init: &'a [f32],
    /// Number of positions; computed up to the next multiple of the lanes.
    pub(crate) run: usize,
}

dispatched! {
    /// Fills `out` (`init.len()` rows of `pitch` values) by the formula of [`Gather`]. The block is 1 to 4 or, with 16
    /// lanes, 8 channels; `pitch` must reach the run rounded up to a multiple of the lanes.
    pub(crate) fn gather_block(gather: &Gather<'_>, out: &mut [f32], pitch: usize) => gather_any
}

#[inline(always)]
fn gather_any<const L: usize, const FMA: bool>(gather: &Gather<'_>, out: &mut [f32], pitch: usize) {
    if L == 16 {
        match gather.init.len() {
            1 => gather_run::<L, 1, 8, FMA>(gather, out, pitch),
            2 => gather_run::<L, 2, 8, FMA>(gather, out, pitch),
            3 => gather_run::<L, 3, 8, FMA>(gather, out, pitch),
            4 => gather_run::<L, 4, 6, FMA>(gather, out, pitch),
            _ => gather_run::<L, 8, 3, FMA>(gather, out, pitch),
        }
    } else {
        match gather.init.len() {
            1 => gather_run::<L, 1, 8, FMA>(gather, out, pitch),
            2 => gather_run::<L, 2, 6, FMA>(gather, out, pitch),
            3 => gather_run::<L, 3, 4, FMA>(gather, out, pitch),
            _ => gather_run::<L, 4, 3, FMA>(gather, out, pitch),
        }
    }
}

/// Covers the run with tiles of `NV` vectors, then with smaller ones.
#[inline(always)]
fn gather_run<const L: usize, const MR: usize, const NV: usize, const FMA: bool>(gather: &Gather<'_>, out: &mut [f32], pitch: usize) {
    let vectors = gather.run.div_ceil(L);
    let mut done = 0;
    while done < vectors {
        let left = vectors - done;
        // Four vectors left in tiles of three go as two and two.
        let even = NV == 3 && left == 4;
        if left >= NV && !even {
            gather_tile::<L, MR, NV, FMA>(gather, done * L, out, pitch);
            done += NV;
        } else if NV > 4 && left >= 4 {
            gather_tile::<L, MR, 4, FMA>(gather, done * L, out, pitch);
            done += 4;
        } else if left >= 2 {
            gather_tile::<L, MR, 2, FMA>(gather, done * L, out, pitch);
            done += 2;
        } else {
            gather_tile::<L, MR, 1, FMA>(gather, done * L, out, pitch);
            done += 1;
        }
    }
}

#[inline(always)]
fn gather_tile<const L: usize, const MR: usize, const NV: usize, const FMA: bool>(
    gather: &Gather<'_>,
    start: usize,
    out: &mut [f32],
    pitch: usize,
) {
    let mut acc = [[[0.0f32; L]; NV]; MR];
    for m in 0..MR {
        for v in 0..NV {
            acc[m][v] = [gather.init[m]; L];
        }
    }
    let source = &gather.source[start..];
    let weights = gather.weights.as_chunks::<MR>().0;
    for (&offset, weight) in gather.offsets.iter().zip(weights) {
        let values = &source[offset..offset + NV * L];
        let values = values.as_chunks::<L>().0;
        let mut x = [[0.0f32; L]; NV];
        for v in 0..NV {
            x[v] = values[v];
        }
        for m in 0..MR {
            for v in 0..NV {
                for l in 0..L {
                    acc[m][v][l] = fma::<FMA>(weight[m], x[v][l], acc[m][v][l]);
                }
            }
        }
    }
    for m in 0..MR {
        for v in 0..NV {
            out[m * pitch + start + v * L..][..L].copy_from_slice(&acc[m][v]);
        }
    }
}

/// Channels in one full tile of [`dot_block`].
pub(crate) const DOT_BLOCK: usize = 4;

/// What one call of [`dot_block`] works on: `sums[m][k] += sum over p of left[m * left_pitch + p] * right[offsets[k] + p]`.
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
    /// Adds to `sums` (`dot.rows` rows of `dot.offsets.len()` values) by the formula of [`Dot`].
    pub(crate) fn dot_block(dot: &Dot<'_>, sums: &mut [f32]) => dot_any
}

#[inline(always)]
fn dot_any<const L: usize, const FMA: bool>(dot: &Dot<'_>, sums: &mut [f32]) {
    if L == 16 {
        match dot.rows {
            1 => dot_offsets::<L, 1, 9, FMA>(dot, sums),
            2 => dot_offsets::<L, 2, 9, FMA>(dot, sums),
            3 => dot_offsets::<L, 3, 8, FMA>(dot, sums),
            _ => dot_offsets::<L, 4, 6, FMA>(dot, sums),
        }
    } else {
        match dot.rows {
            1 => dot_offsets::<L, 1, 9, FMA>(dot, sums),
            2 => dot_offsets::<L, 2, 6, FMA>(dot, sums),
            3 => dot_offsets::<L, 3, 4, FMA>(dot, sums),
            _ => dot_offsets::<L, 4, 3, FMA>(dot, sums),
        }
    }
}

/// Covers the offsets with tiles of `NK`; the last repeats an offset where they run out.
#[inline(always)]
fn dot_offsets<const L: usize, const MR: usize, const NK: usize, const FMA: bool>(dot: &Dot<'_>, sums: &mut [f32]) {
    let terms = dot.offsets.len();
    for (index, chunk) in dot.offsets.chunks(NK).enumerate() {
        let mut offsets = [chunk[0]; NK];
        offsets[..chunk.len()].copy_from_slice(chunk);
        let tile = dot_tile::<L, MR, NK, FMA>(dot, &offsets);
        for m in 0..MR {
            let row = &mut sums[m * terms + index * NK..][..chunk.len()];
            for (sum, value) in row.iter_mut().zip(&tile[m]) {
                *sum += value;
            }
        }
    }
}

#[inline(always)]
fn dot_tile<const L: usize, const MR: usize, const NK: usize, const FMA: bool>(dot: &Dot<'_>, offsets: &[usize; NK]) -> [[f32; NK]; MR] {
    let vectors = dot.run.div_ceil(L);
    let mut left: [&[[f32; L]]; MR] = [&[]; MR];
    for m in 0..MR {
        left[m] = &dot.left[m * dot.left_pitch..].as_chunks::<L>().0[..vectors];
    }
    let mut right: [&[[f32; L]]; NK] = [&[]; NK];
    for k in 0..NK {
        right[k] = &dot.right[offsets[k]..].as_chunks::<L>().0[..vectors];
    }
    let mut acc = [[[0.0f32; L]; NK]; MR];
    for i in 0..vectors {
        let mut b = [[0.0f32; L]; NK];
        for k in 0..NK {
            b[k] = right[k][i];
        }
        for m in 0..MR {
            let a = left[m][i];
            for k in 0..NK {
                for l in 0..L {
                    acc[m][k][l] = fma::<FMA>(a[l], b[k][l], acc[m][k][l]);
                }
            }
        }
    }
    let mut sums = [[0.0f32; NK]; MR];
    for m in 0..MR {
        for k in 0..NK {
            sums[m][k] = total(acc[m][k]);
        }
    }
    sums
}

/// The sum of the lanes, halving.
#[inline(always)]
fn total<const L: usize>(mut lanes: [f32; L]) -> f32 {
    let mut half = L / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}
