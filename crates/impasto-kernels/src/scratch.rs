//! Work buffers that each thread keeps, since fresh pages cost more than the work done in them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Number of values in one cache line.
pub(crate) const LINE: usize = 16;

/// Buffers larger than this many values are given back after use.
const KEEP: usize = 16 << 20;

/// Most buffers that a thread keeps.
const MOST: usize = 16;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that starts on a cache line and holds arbitrary finite or stale values; given back when dropped.
pub(crate) struct Scratch {
    values: Vec<f32>,
    skip: usize,
    len: usize,
}

impl Scratch {
    /// `len` values, in the smallest kept buffer that is large enough.
    pub(crate) fn new(len: usize) -> Self {
        let taken = BUFFERS.with_borrow_mut(|buffers| {
            let fits = |buffer: &Vec<f32>| buffer.len() >= len + LINE;
            let best = (0..buffers.len()).filter(|&i| fits(&buffers[i])).min_by_key(|&i| buffers[i].len());
            // Where none fits the largest grows, so that sizes settle after the first rounds.
            let best = best.or_else(|| (0..buffers.len()).max_by_key(|&i| buffers[i].len()));
            best.map(|best| buffers.swap_remove(best))
        });
        match taken {
            Some(values) if values.len() >= len + LINE => Self::of(values, len),
            _ => Self::apart(len),
        }
    }

    /// `len` values in a buffer of their own, for what is kept.
    pub(crate) fn apart(len: usize) -> Self {
        let mut values = Vec::new();
        values.resize(len + LINE, 0.0);
        Self::of(values, len)
    }

    fn of(values: Vec<f32>, len: usize) -> Self {
        let skip = values.as_ptr().align_offset(64).min(LINE);
        Self { values, skip, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.skip..self.skip + self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.skip..self.skip + self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        if values.len() <= KEEP {
            // A thread that is ending keeps nothing.
            let _ = BUFFERS.try_with(|buffers| {
                let mut buffers = buffers.borrow_mut();
                if buffers.len() < MOST {
                    buffers.push(values);
                }
            });
        }
    }
}

/// Calls `work` with a [`Scratch`] of `len` values.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    work(&mut Scratch::new(len))
}
