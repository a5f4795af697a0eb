//! Rows taken apart into values at a fixed distance, and put together again, as vectors do it.

// Index loops over phases.
#![allow(clippy::needless_range_loop)]

use crate::dispatch::dispatched;
use crate::fused::rectified;
use crate::lanes::Lanes;

/// `M` vectors of values that lie `M` apart, from as many vectors of values in a row.
#[inline(always)]
fn apart<V: Lanes, const M: usize>(values: &[f32]) -> [V; M] {
    // Loops, here and below: closures would be compiled without the instructions.
    let mut parts = [V::splat(0.0); M];
    for k in 0..M {
        parts[k] = V::load(&values[k * V::COUNT..]);
    }
    if let [a, b, c, d] = &mut parts[..] {
        let ([even, odd], [more_even, more_odd]) = (a.unzip(*b), c.unzip(*d));
        ([*a, *c], [*b, *d]) = (even.unzip(more_even), odd.unzip(more_odd));
    } else if let [a, b] = &mut parts[..] {
        [*a, *b] = a.unzip(*b);
    }
    parts
}

/// The inverse of [`apart`].
#[inline(always)]
fn together<V: Lanes, const M: usize>(mut parts: [V; M], values: &mut [f32]) {
    if let [a, b, c, d] = &mut parts[..] {
        let ([even, more_even], [odd, more_odd]) = (a.zip(*c), b.zip(*d));
        ([*a, *b], [*c, *d]) = (even.zip(odd), more_even.zip(more_odd));
    } else if let [a, b] = &mut parts[..] {
        [*a, *b] = a.zip(*b);
    }
    for k in 0..M {
        parts[k].store(&mut values[k * V::COUNT..]);
    }
}

/// Where vectors start that cover `count` values, the last of which may cover some again; empty where there are fewer
/// than one vector holds.
#[inline(always)]
fn cover<V: Lanes>(count: usize) -> impl Iterator<Item = usize> {
    let last = count.checked_sub(V::COUNT);
    last.into_iter().flat_map(|last| (0..last).step_by(V::COUNT).chain([last]))
}

/// What becomes of values on their way.
pub(crate) trait Change<V> {
    /// A vector of them.
    fn vector(&self, values: V) -> V;

    /// One of them, with the same rounding.
    fn value(&self, value: f32) -> f32;
}

/// They stay.
pub(crate) struct Same;

impl<V> Change<V> for Same {
    #[inline(always)]
    fn vector(&self, values: V) -> V {
        values
    }

    #[inline(always)]
    fn value(&self, value: f32) -> f32 {
        value
    }
}

/// Splits a run of values into `M` phases of `pitch` values each: phase `k` at `t` is position `M * t + k`, and the run
/// begins at position `start`. Every value is changed by `change` on the way.
#[inline(always)]
pub(crate) fn split_row<V: Lanes, const M: usize>(
    values: &[f32],
    start: usize,
    phases: &mut [f32],
    pitch: usize,
    change: &impl Change<V>,
) {
    let (groups, tail) = values.as_chunks::<M>();
    // Where the first value of a group goes to, the second and so on: phase and place in it.
    let place = |k: usize| (start + k) % M * pitch + (start + k) / M;
    for (k, &value) in tail.iter().enumerate() {
        phases[place(k) + groups.len()] = change.value(value);
    }
    let places: [usize; M] = std::array::from_fn(place);
    // Vectors are taken apart by twos and fours.
    if M != 3 && groups.len() >= V::COUNT {
        for t in cover::<V>(groups.len()) {
            let parts = apart::<V, M>(&values[M * t..]);
            for k in 0..M {
                change.vector(parts[k]).store(&mut phases[places[k] + t..]);
            }
        }
        return;
    }
    let parts = phases.get_disjoint_mut(places.map(|place| place..place + groups.len()));
    let mut parts = parts.expect("phases are apart and hold the run");
    if let [a, b, c] = &mut parts[..] {
        for (((group, a), b), c) in groups.iter().zip(a.iter_mut()).zip(b.iter_mut()).zip(c.iter_mut()) {
            (*a, *b, *c) = (change.value(group[0]), change.value(group[1]), change.value(group[2]));
        }
        return;
    }
    for (t, group) in groups.iter().enumerate() {
        for k in 0..M {
            parts[k][t] = change.value(group[k]);
        }
    }
}

/// The inverse of [`split_row`], with `bias` added and rectified with `slope` instead of a change.
#[inline(always)]
pub(crate) fn join_row<V: Lanes, const M: usize>(
    phases: &[f32],
    pitch: usize,
    [bias, slope]: [f32; 2],
    row: &mut [f32],
) {
    let count = row.len() / M;
    if M != 3 && count >= V::COUNT {
        let (biases, slopes) = (V::splat(bias), V::splat(slope));
        for t in cover::<V>(count) {
            let mut parts = [biases; M];
            for k in 0..M {
                let value = V::load(&phases[k * pitch + t..]).plus(biases);
                parts[k] = value.times(slopes).larger(value);
            }
            together::<V, M>(parts, &mut row[M * t..]);
        }
        return;
    }
    let groups = row.as_chunks_mut::<M>().0;
    let finished = |value: f32| rectified(value + bias, slope);
    if let [a, b, c] = std::array::from_fn::<_, M, _>(|k| &phases[k * pitch..][..count]).as_slice() {
        for (((group, a), b), c) in groups.iter_mut().zip(*a).zip(*b).zip(*c) {
            (group[0], group[1], group[2]) = (finished(*a), finished(*b), finished(*c));
        }
        return;
    }
    for (t, group) in groups.iter_mut().enumerate() {
        for k in 0..M {
            group[k] = finished(phases[k * pitch + t]);
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
    let whole = pairs.len().min(target.len());
    if whole >= V::COUNT {
        for t in cover::<V>(whole) {
            apart::<V, 2>(&row[2 * t..])[0].store(&mut target[t..]);
        }
    } else {
        target.iter_mut().zip(pairs).for_each(|(value, pair)| *value = pair[0]);
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
    join_row::<V, 2>(phases, pitch, [0.0, 1.0], row);
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
    let whole = pairs.len().min(values.len());
    if whole >= V::COUNT {
        for t in cover::<V>(whole) {
            together::<V, 2>([V::load(&values[t..]); 2], &mut target[2 * t..]);
        }
    } else {
        pairs.iter_mut().zip(values).for_each(|(pair, &value)| *pair = [value; 2]);
    }
}
