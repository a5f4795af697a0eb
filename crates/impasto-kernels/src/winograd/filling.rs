//! Arrays that are not filled with zeros before they are filled.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// An array whose values come one after the other. Into one that begins with zeros the compiler writes them, by a call of
/// `memset` for every vector of tiles.
pub(super) struct Filling<T, const N: usize> {
    values: [MaybeUninit<T>; N],
    filled: usize,
}

impl<T: Copy, const N: usize> Filling<T, N> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { values: [const { MaybeUninit::uninit() }; N], filled: 0 }
    }

    /// The next value.
    ///
    /// # Panics
    /// When there are `N` already.
    #[inline(always)]
    pub(super) fn push(&mut self, value: T) {
        self.values[self.filled].write(value);
        self.filled += 1;
    }

    /// All of them.
    ///
    /// # Panics
    /// Where one is missing.
    #[inline(always)]
    pub(super) fn full(&self) -> &[T; N] {
        assert_eq!(self.filled, N, "values are missing");
        // SAFETY: `push` is what counts, and wrote the first `filled` values; these are all. `MaybeUninit<T>` lies in memory as
        // `T` does.
        unsafe { &*self.values.as_ptr().cast::<[T; N]>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_there() {
        let mut filling = Filling::<[f32; 2], 3>::new();
        (0..3u8).for_each(|i| filling.push([f32::from(i), 1.0]));
        assert_eq!(*filling.full(), [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]);
    }

    #[test]
    #[should_panic(expected = "missing")]
    fn nothing_is_read_before_it_is_written() {
        let mut filling = Filling::<f32, 2>::new();
        filling.push(1.0);
        filling.full();
    }
}
