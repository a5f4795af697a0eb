//! The inner loops: register tiles of a product whose right hand side is read at a list of offsets.
//!
//! Vectors are [`Lanes`] of the instructions that [`dispatched`] compiles the loops for. Tiles hold 24 accumulators with
//! 32 registers and 12 with 16; beyond that the compiler stops unrolling or spills.

// Index loops: each becomes registers, and tiles are easier to read by their indices.
#![allow(clippy::needless_range_loop)]

use crate::dispatch::{Isa, dispatched};
use crate::lanes::Lanes;

/// Most channels in one tile of [`gather_block`].
pub(crate) fn widest_block(isa: Isa) -> usize {
    if isa.registers() == 32 { 8 } else { 4 }
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

/// What one call of [`gather_block`] works on: `out[m][p] = init[m] + sum over k of weights[k][m] * source[offsets[k] + p]`,
/// rectified.
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
    /// Factor on results below zero.
    pub(crate) slope: f32,
    /// Number of positions; computed up to the next multiple of the lanes.
    pub(crate) run: usize,
}

dispatched! {
    /// Fills `out` (`init.len()` rows of `pitch` values) by the formula of [`Gather`]. The block is 1 to 4 or, with 32
    /// registers, 8 channels; `pitch` must reach the run rounded up to a multiple of the lanes.
    pub(crate) fn gather_block(gather: &Gather<'_>, out: &mut [f32], pitch: usize) => gather_any
}

#[inline(always)]
fn gather_any<V: Lanes>(gather: &Gather<'_>, out: &mut [f32], pitch: usize) {
    if V::REGISTERS == 32 {
        match gather.init.len() {
            1 => gather_run::<V, 1, 8>(gather, out, pitch),
            2 => gather_run::<V, 2, 8>(gather, out, pitch),
            3 => gather_run::<V, 3, 8>(gather, out, pitch),
            4 => gather_run::<V, 4, 6>(gather, out, pitch),
            _ => gather_run::<V, 8, 3>(gather, out, pitch),
        }
    } else {
        match gather.init.len() {
            1 => gather_run::<V, 1, 8>(gather, out, pitch),
            2 => gather_run::<V, 2, 6>(gather, out, pitch),
            3 => gather_run::<V, 3, 4>(gather, out, pitch),
            _ => gather_run::<V, 4, 3>(gather, out, pitch),
        }
    }
}

/// Covers the run with tiles of `NV` vectors, then with smaller ones.
#[inline(always)]
fn gather_run<V: Lanes, const MR: usize, const NV: usize>(gather: &Gather<'_>, out: &mut [f32], pitch: usize) {
    let vectors = gather.run.div_ceil(V::COUNT);
    let mut done = 0;
    while done < vectors {
        let left = vectors - done;
        // Four vectors left in tiles of three go as two and two.
        let even = NV == 3 && left == 4;
        if left >= NV && !even {
            gather_tile::<V, MR, NV>(gather, done * V::COUNT, out, pitch);
            done += NV;
        } else if NV > 4 && left >= 4 {
            gather_tile::<V, MR, 4>(gather, done * V::COUNT, out, pitch);
            done += 4;
        } else if left >= 2 {
            gather_tile::<V, MR, 2>(gather, done * V::COUNT, out, pitch);
            done += 2;
        } else {
            gather_tile::<V, MR, 1>(gather, done * V::COUNT, out, pitch);
            done += 1;
        }
    }
}

#[inline(always)]
fn gather_tile<V: Lanes, const MR: usize, const NV: usize>(
    gather: &Gather<'_>,
    start: usize,
    out: &mut [f32],
    pitch: usize,
) {
    let mut sums = [[V::splat(0.0); NV]; MR];
    for m in 0..MR {
        sums[m] = [V::splat(gather.init[m]); NV];
    }
    let source = &gather.source[start..];
    let weights = gather.weights.as_chunks::<MR>().0;
    for (&offset, weight) in gather.offsets.iter().zip(weights) {
        let values = &source[offset..offset + NV * V::COUNT];
        // The shorter side is held in registers, the other passes through one.
        if MR < NV {
            let mut factors = [V::splat(0.0); MR];
            for m in 0..MR {
                factors[m] = V::splat(weight[m]);
            }
            for v in 0..NV {
                let x = V::load(&values[v * V::COUNT..]);
                for m in 0..MR {
                    sums[m][v] = factors[m].mul_add(x, sums[m][v]);
                }
            }
        } else {
            let mut x = [V::splat(0.0); NV];
            for v in 0..NV {
                x[v] = V::load(&values[v * V::COUNT..]);
            }
            for m in 0..MR {
                let factor = V::splat(weight[m]);
                for v in 0..NV {
                    sums[m][v] = factor.mul_add(x[v], sums[m][v]);
                }
            }
        }
    }
    if gather.slope != 1.0 {
        let slope = V::splat(gather.slope);
        for m in 0..MR {
            for v in 0..NV {
                sums[m][v] = sums[m][v].times(slope).larger(sums[m][v]);
            }
        }
    }
    for m in 0..MR {
        for v in 0..NV {
            sums[m][v].store(&mut out[m * pitch + start + v * V::COUNT..]);
        }
    }
}
