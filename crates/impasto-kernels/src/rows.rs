//! Rows taken apart into values at a fixed distance, and put together again, as vectors do it.

// Index loops over phases.
#![allow(clippy::needless_range_loop)]

use crate::dispatch::dispatched;
use crate::lanes::Lanes;

/// Splits a run of values into `M` phases of `pitch` values each: phase `k` at `t` is position `M * t + k`, and the run
/// begins at position `start`. Every value is changed by `change` on the way.
#[inline(always)]
pub(crate) fn split_row<const M: usize>(
    values: &[f32],
    start: usize,
    phases: &mut [f32],
    pitch: usize,
    change: impl Fn(f32) -> f32,
) {
    let head = (start.next_multiple_of(M) - start).min(values.len());
    for (i, &value) in values[..head].iter().enumerate() {
        phases[(start + i) % M * pitch + (start + i) / M] = change(value);
    }
    let (groups, tail) = values[head..].as_chunks::<M>();
    let first = (start + head) / M;
    for (i, &value) in tail.iter().enumerate() {
        phases[i * pitch + first + groups.len()] = change(value);
    }
    let mut phases = phases.chunks_exact_mut(pitch);
    let targets: [&mut [f32]; M] = std::array::from_fn(|_| match phases.next() {
        Some(phase) => &mut phase[first..first + groups.len()],
        None => &mut [],
    });
    for (t, group) in groups.iter().enumerate() {
        for k in 0..M {
            targets[k][t] = change(group[k]);
        }
    }
}

/// The inverse of [`split_row`] without a change, with `bias` added.
#[inline(always)]
pub(crate) fn join_row<const M: usize>(phases: &[f32], pitch: usize, bias: f32, row: &mut [f32]) {
    let groups = row.as_chunks_mut::<M>().0;
    let sources: [&[f32]; M] = std::array::from_fn(|k| &phases[k * pitch..][..groups.len()]);
    for (t, group) in groups.iter_mut().enumerate() {
        for k in 0..M {
            group[k] = sources[k][t] + bias;
        }
    }
}

dispatched! {
    /// Every second value of `row`, from the first on.
    pub(crate) fn every_second(row: &[f32], target: &mut [f32]) => every_second_any
}

#[inline(always)]
fn every_second_any<V: Lanes>(row: &[f32], target: &mut [f32]) {
    let (pairs, rest) = row.as_chunks::<2>();
    for (value, pair) in target.iter_mut().zip(pairs) {
        *value = pair[0];
    }
    if let (Some(&last), Some(value)) = (rest.first(), target.get_mut(pairs.len())) {
        *value = last;
    }
}

dispatched! {
    /// [`join_row`] of two phases.
    pub(crate) fn join_pair(phases: &[f32], pitch: usize, row: &mut [f32]) => join_pair_any
}

#[inline(always)]
fn join_pair_any<V: Lanes>(phases: &[f32], pitch: usize, row: &mut [f32]) {
    join_row::<2>(phases, pitch, 0.0, row);
}

dispatched! {
    /// Every value twice.
    pub(crate) fn twice(values: &[f32], target: &mut [f32]) => twice_any
}

#[inline(always)]
fn twice_any<V: Lanes>(values: &[f32], target: &mut [f32]) {
    let (pairs, rest) = target.as_chunks_mut::<2>();
    if let Some(last) = rest.first_mut() {
        *last = values[pairs.len()];
    }
    pairs.iter_mut().zip(values).for_each(|(pair, &value)| *pair = [value; 2]);
}
