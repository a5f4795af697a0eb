//! One output slice written by many tasks, each in its own part.
#![allow(unsafe_code)]

use std::marker::PhantomData;

/// A mutable slice that tasks share; each writes ranges that no other touches.
pub(crate) struct SharedSlice<'a> {
    start: *mut f32,
    len: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: the slice is reached only through `range`, whose callers keep the ranges of different threads apart.
unsafe impl Send for SharedSlice<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedSlice<'_> {}

impl<'a> SharedSlice<'a> {
    /// Takes the slice for the duration of a parallel loop.
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), life: PhantomData }
    }

    /// `len` values from `start`.
    ///
    /// # Safety
    ///
    /// While the result lives, no other range handed out, on this thread or another, may overlap it.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn range(&self, start: usize, len: usize) -> &mut [f32] {
        assert!(start <= self.len && len <= self.len - start, "range outside the shared slice");
        // SAFETY: within the slice, which is borrowed mutably for 'a; the caller excludes overlapping ranges.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
