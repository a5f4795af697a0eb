//! From planes to transformed tiles and back. Vectors run over neighbouring tiles.

// Index loops over registers.
#![allow(clippy::needless_range_loop)]

use super::points::Points;

use super::filling::Filling;
use crate::lanes::Lanes;

/// Filters that are transformed side by side.
pub(crate) const SIDE: usize = 16;

/// Where the values of one channel's tiles lie before and after the transforms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Rows of tiles.
    pub(crate) rows: usize,
    /// Tiles in each row.
    pub(crate) columns: usize,
    /// Distance between the rows of pixels in the phases.
    pub(crate) row_pitch: usize,
    /// Distance between the transformed values of one tile.
    pub(crate) frequency: usize,
}

/// The transform of [`SIDE`] filters side by side: value `f` goes to `out[f * pitch..]`.
#[inline(always)]
pub(crate) fn transform_filters<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    w: &[[f32; SIDE]; 9],
    pitch: usize,
    out: &mut [f32],
) {
    for start in (0..SIDE).step_by(V::COUNT) {
        let mut half = [[V::splat(0.0); 3]; N];
        for column in 0..3 {
            let at = |row: usize| V::load(&w[3 * row + column][start..]);
            let values = P::filter([at(0), at(1), at(2)]);
            for i in 0..N {
                half[i][column] = values[i];
            }
        }
        for i in 0..N {
            let values = P::filter(half[i]);
            for k in 0..N {
                values[k].store(&mut out[(i * N + k) * pitch + start..]);
            }
        }
    }
}

/// The second half of the transform of the input: of the columns of what the rows became, to `out[f * frequency..]`.
#[inline(always)]
fn input_columns<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    half: &[[V; N]; N],
    frequency: usize,
    out: &mut [f32],
) {
    for k in 0..N {
        let mut d = [V::splat(0.0); N];
        for i in 0..N {
            d[i] = half[i][k];
        }
        let d = P::input(d);
        for i in 0..N {
            d[i].store(&mut out[(i * N + k) * frequency..]);
        }
    }
}

/// The transforms of one channel: `phases` hold `M * rows + 2` rows of pixels, each as `M` phases of `row_pitch / M`
/// values; `out[f * frequency + t]` becomes value `f` of tile `t`. Each row of tiles overruns by up to a vector, which the
/// next one overwrites.
#[inline(always)]
pub(crate) fn transform_input<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    block: &Block,
    phases: &[f32],
    out: &mut [f32],
) {
    let pitch = block.row_pitch / M;
    for row in 0..block.rows {
        let phases = &phases[M * row * block.row_pitch..];
        for v in 0..block.columns.div_ceil(V::COUNT) {
            let start = v * V::COUNT;
            let mut half = Filling::<[V; N], N>::new();
            for i in 0..N {
                let line = &phases[i * block.row_pitch..];
                let mut d = [V::splat(0.0); N];
                for k in 0..N {
                    d[k] = V::load(&line[k % M * pitch + k / M + start..]);
                }
                half.push(P::input(d));
            }
            let out = &mut out[row * block.columns + start..];
            input_columns::<V, P, N, M>(half.full(), block.frequency, out);
        }
    }
}

/// The transforms of one tile of every channel, with vectors of channels: `pixels` hold `N` rows, `row_pitch` apart, of
/// `N` pixels of `channels` values; `out[f * frequency + c]` becomes value `f` of channel `c`.
#[inline(always)]
pub(crate) fn transform_pixels<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    pixels: &[f32],
    [row_pitch, channels]: [usize; 2],
    frequency: usize,
    mut out: impl FnMut(usize) -> usize,
    values: &mut [f32],
) {
    for start in (0..channels).step_by(V::COUNT) {
        let mut half = Filling::<[V; N], N>::new();
        for i in 0..N {
            let mut d = [V::splat(0.0); N];
            for k in 0..N {
                d[k] = V::load(&pixels[i * row_pitch + k * channels + start..]);
            }
            half.push(P::input(d));
        }
        let target = &mut values[out(start)..];
        input_columns::<V, P, N, M>(half.full(), frequency, target);
    }
}

/// The adjoint of [`transform_output`] for one row of tiles: `M` rows of pixels, each as `M` phases of `row_pitch / M`
/// values, to `out[f * frequency + t]`.
#[inline(always)]
pub(crate) fn spread_output<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    block: &Block,
    phases: &[f32],
    out: &mut [f32],
) {
    let pitch = block.row_pitch / M;
    for v in 0..block.columns.div_ceil(V::COUNT) {
        let start = v * V::COUNT;
        let mut half = Filling::<[V; N], M>::new();
        for i in 0..M {
            let mut y = [V::splat(0.0); M];
            for k in 0..M {
                y[k] = V::load(&phases[i * block.row_pitch + k * pitch + start..]);
            }
            half.push(P::spread(y));
        }
        let half = half.full();
        for k in 0..N {
            let mut y = [V::splat(0.0); M];
            for i in 0..M {
                y[i] = half[i][k];
            }
            let m = P::spread(y);
            for i in 0..N {
                m[i].store(&mut out[(i * N + k) * block.frequency + start..]);
            }
        }
    }
}

/// The adjoint of [`transform_filters`] for one vector of filters: value `f` of each lies at `u[f * pitch..]`, tap `t` of
/// filter `c` goes to `w[t][c]`.
#[inline(always)]
pub(crate) fn gather_filters<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    u: &[f32],
    pitch: usize,
    w: &mut [[f32; SIDE]; 9],
) {
    let mut half = Filling::<[V; 3], N>::new();
    for k in 0..N {
        let mut column = [V::splat(0.0); N];
        for i in 0..N {
            column[i] = V::load(&u[(i * N + k) * pitch..]);
        }
        half.push(P::gather(column));
    }
    let half = half.full();
    for row in 0..3 {
        let mut column = [V::splat(0.0); N];
        for k in 0..N {
            column[k] = half[k][row];
        }
        let taps = P::gather(column);
        for column in 0..3 {
            taps[column].store(&mut w[3 * row + column]);
        }
    }
}

/// One row of tiles back: `products[f * frequency + t]` to `M` rows of pixels, each as `M` phases of `row_pitch / M`
/// values.
#[inline(always)]
pub(crate) fn transform_output<V: Lanes, P: Points<N, M>, const N: usize, const M: usize>(
    block: &Block,
    products: &[f32],
    phases: &mut [f32],
) {
    let pitch = block.row_pitch / M;
    for v in 0..block.columns.div_ceil(V::COUNT) {
        let start = v * V::COUNT;
        let mut half = Filling::<[V; M], N>::new();
        for k in 0..N {
            let mut m = [V::splat(0.0); N];
            for i in 0..N {
                m[i] = V::load(&products[(i * N + k) * block.frequency + start..]);
            }
            half.push(P::output(m));
        }
        let half = half.full();
        for i in 0..M {
            let mut m = [V::splat(0.0); N];
            for k in 0..N {
                m[k] = half[k][i];
            }
            let y = P::output(m);
            for k in 0..M {
                y[k].store(&mut phases[i * block.row_pitch + k * pitch + start..]);
            }
        }
    }
}
