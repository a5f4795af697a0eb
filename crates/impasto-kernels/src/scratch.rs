//! Work buffers that each thread keeps, since fresh pages cost more than the work done in them.

use std::cell::RefCell;

/// Number of values in one cache line.
pub(crate) const LINE: usize = 16;

/// Buffers larger than this many values are given back after use.
const KEEP: usize = 16 << 20;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with a buffer of `len` values that starts on a cache line and holds arbitrary finite or stale values.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len + LINE {
        buffer.clear();
        buffer.resize(len + LINE, 0.0);
    }
    let skip = buffer.as_ptr().align_offset(64).min(LINE);
    let result = work(&mut buffer[skip..skip + len]);
    if buffer.len() <= KEEP {
        BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    }
    result
}
