//! An allocator that keeps large blocks for those who ask for about the same size next.
//!
//! A network frees a feature map as soon as the next one is computed and asks for the same again in the next picture or
//! step. Most allocators give such blocks back to the system, which hands out pages filled with zeros later on; in small
//! networks that took a sixth of the time.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smallest block that is kept, in bytes.
const LEAST: usize = 128 << 10;

/// Largest alignment of blocks that are kept, in bytes.
const ALIGN: usize = 64;

/// Which part of what was asked for at one time may be kept beyond it: blocks of other sizes than are asked for next.
const SLACK: usize = 4;

/// By which part of itself the most that was asked for at one time must grow to count as having grown.
const GROWTH: usize = 16;

/// After how many blocks without more at one time those who ask are believed to repeat themselves: a few pictures or steps.
const SETTLED: usize = 150;

/// What may be kept beyond the most that was asked for by those who repeat themselves, in bytes, but as much again at most.
const REPEATED: usize = 512 << 20;

/// How many times larger than what is asked for a block may be.
const LENT: usize = 2;

/// Smallest block in bytes whose memory is given back to the system at once when it is not kept. Where smaller ones are, the first
/// pictures of 1024 px take a fifth longer, since pages come back filled with zeros; where pictures are larger nothing can be told.
#[cfg(all(target_os = "linux", not(miri)))]
const EMPTIED: usize = 80 << 20;

/// A multiple of the size of pages on all machines, in bytes.
#[cfg(all(target_os = "linux", not(miri)))]
const PAGE: usize = 64 << 10;

/// Most blocks that are kept, and most in use that are larger than was asked for.
const MOST: usize = 256;

/// An allocator for `#[global_allocator]` that keeps blocks of 128 KiB and more when they are freed and takes all others
/// from `A`. Who asks for less than there is in one gets a larger one, up to twice as large.
///
/// Of such blocks, those that are kept and those in use together exceed the most that was asked for at one time by a quarter at
/// most, but for what is larger than was asked for: the oldest are freed before that. So a program takes hardly more memory at
/// its peak than without, but gives little of it back. Who repeats what they ask for, picture by picture or step by step, may keep
/// more, so that the same blocks come again and again.
#[derive(Debug)]
pub struct Recycling<A> {
    inner: A,
    kept: Mutex<Kept>,
}

/// The blocks that are kept, the oldest first, those in use that are larger than was asked for, and the sums of sizes in bytes:
/// of those that are kept, of all in use, and of what was asked for in those, which is `most` at most until now.
#[derive(Debug)]
struct Kept {
    blocks: [Block; MOST],
    count: usize,
    lent: [Block; MOST],
    lent_count: usize,
    bytes: usize,
    used: usize,
    asked: usize,
    most: usize,
    /// What `most` was when it grew last, and how many blocks were asked for since then, up to [`SETTLED`].
    grown: usize,
    since: usize,
}

/// A block that nobody uses. Its address as a number: pointers cannot be sent to other threads.
#[derive(Debug, Clone, Copy)]
struct Block {
    address: usize,
    size: usize,
}

impl Kept {
    /// Takes out the smallest block that holds `size` bytes and not many more, of several the one that came last.
    fn take(&mut self, size: usize) -> Option<Block> {
        let most = if self.lent_count < MOST { LENT * size } else { size };
        let fits = |&(_, block): &(usize, &Block)| (size..=most).contains(&block.size);
        let all = self.blocks[..self.count].iter().enumerate().rev();
        let (index, _) = all.filter(fits).min_by_key(|(_, block)| block.size)?;
        let block = self.remove(index);
        if block.size > size {
            self.lent[self.lent_count] = block;
            self.lent_count += 1;
        }
        Some(block)
    }

    /// A block that comes back, of `size` bytes or as many as it was lent with.
    fn returned(&mut self, address: usize, size: usize) -> Block {
        match self.lent[..self.lent_count].iter().position(|block| block.address == address) {
            Some(index) => {
                self.lent_count -= 1;
                self.lent.swap(index, self.lent_count);
                self.lent[self.lent_count]
            }
            None => Block { address, size },
        }
    }

    fn remove(&mut self, index: usize) -> Block {
        let block = self.blocks[index];
        self.blocks.copy_within(index + 1..self.count, index);
        self.count -= 1;
        self.bytes -= block.size;
        block
    }

    /// Counts `size` bytes as asked for.
    fn ask(&mut self, size: usize) {
        self.asked += size;
        self.most = self.most.max(self.asked);
        if self.most > self.grown + self.grown / GROWTH {
            (self.grown, self.since) = (self.most, 0);
        } else if self.since < SETTLED {
            self.since += 1;
        }
    }

    /// What may be kept beyond the most that was asked for.
    fn beyond(&self) -> usize {
        let slack = self.most / SLACK;
        if self.since < SETTLED { slack } else { slack.max(self.most.min(REPEATED)) }
    }

    /// The oldest block, where there is more than may be kept beside `more` blocks of `bytes` bytes together.
    fn surplus(&mut self, more: usize, bytes: usize) -> Option<Block> {
        let full = self.count + more > MOST || self.used + self.bytes + bytes > self.most + self.beyond();
        (full && self.count > 0).then(|| self.remove(0))
    }
}

impl<A> Recycling<A> {
    /// On top of `inner`.
    pub const fn new(inner: A) -> Self {
        let blocks = [Block { address: 0, size: 0 }; MOST];
        let kept = Kept {
            blocks,
            count: 0,
            lent: blocks,
            lent_count: 0,
            bytes: 0,
            used: 0,
            asked: 0,
            most: 0,
            grown: 0,
            since: 0,
        };
        Self { inner, kept: Mutex::new(kept) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked for instead of `layout` where the block is one to be kept: a size of which there are four between each
/// two powers of two, so that different sizes have a chance of being the same. Pages that are not used cost nothing.
fn rounded(layout: Layout) -> Option<Layout> {
    if layout.size() < LEAST || layout.align() > ALIGN {
        return None;
    }
    let step = 1 << (layout.size().ilog2() - 2);
    let size = layout.size().checked_next_multiple_of(step)?;
    Layout::from_size_align(size, ALIGN).ok()
}

impl<A: GlobalAlloc> Recycling<A> {
    /// A block that was kept, or one that `fresh` makes, of a rounded layout.
    fn block(&self, layout: Layout, zeroed: bool, fresh: impl FnOnce(Layout) -> *mut u8) -> *mut u8 {
        let size = layout.size();
        let mut kept = self.kept();
        kept.ask(size);
        if let Some(block) = kept.take(size) {
            kept.used += block.size;
            drop(kept);
            let start = block.address as *mut u8;
            if zeroed {
                // SAFETY: the block has `size` bytes at least and belongs to the caller alone from now on.
                unsafe { start.write_bytes(0, size) };
            }
            return start;
        }
        kept.used += size;
        while let Some(block) = kept.surplus(0, 0) {
            self.free(block);
        }
        drop(kept);
        let start = fresh(layout);
        if start.is_null() {
            let mut kept = self.kept();
            kept.asked -= size;
            kept.used -= size;
        }
        start
    }

    /// Gives a block back to the allocator below.
    fn free(&self, block: Block) {
        #[cfg(all(target_os = "linux", not(miri)))]
        if block.size >= EMPTIED {
            empty(block);
        }
        // SAFETY: sizes and alignment were those of a layout; the block was allocated with them (`block`) and nobody uses
        // it.
        unsafe {
            let layout = Layout::from_size_align_unchecked(block.size, ALIGN);
            self.inner.dealloc(block.address as *mut u8, layout);
        }
    }
}

/// Gives the pages of a block that nobody uses back to the system at once. Allocators do it a while later, so that a program's peak
/// would depend on when it asks for the next.
#[cfg(all(target_os = "linux", not(miri)))]
fn empty(block: Block) {
    let start = block.address.next_multiple_of(PAGE);
    let size = (block.address + block.size).saturating_sub(start) / PAGE * PAGE;
    // SAFETY: the pages lie within the block, and nobody reads what is in it before it is allocated and written again. Where the
    // system refuses, they stay as they are.
    unsafe { _ = rustix::mm::madvise(start as *mut _, size, rustix::mm::Advice::LinuxDontNeed) };
}

// SAFETY: blocks come from `A`, which is a proper allocator, with a size and an alignment not less than what was asked
// for. One that is kept is in `Kept::blocks` exactly from its being freed to its being handed out again or freed below. Its
// size is what it was allocated with: that is in `Kept::lent` as long as one is in use that is larger than its layout.
// Which blocks are treated so, and with what layout, depends on the layout alone, which is the same when a block is
// freed. Nothing here panics or allocates, but for what the mutex of some systems allocates once, less than `LEAST`.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Recycling<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout that is not empty; the rounded one is not smaller.
        let fresh = |layout| unsafe { self.inner.alloc(layout) };
        match rounded(layout) {
            Some(layout) => self.block(layout, false, fresh),
            None => fresh(layout),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        let fresh = |layout| unsafe { self.inner.alloc_zeroed(layout) };
        match rounded(layout) {
            Some(layout) => self.block(layout, true, fresh),
            None => fresh(layout),
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        let Some(layout) = rounded(layout) else {
            // SAFETY: the block came from there with this layout.
            return unsafe { self.inner.dealloc(start, layout) };
        };
        let mut kept = self.kept();
        let block = kept.returned(start as usize, layout.size());
        kept.asked -= layout.size();
        kept.used -= block.size;
        while let Some(oldest) = kept.surplus(1, block.size) {
            self.free(oldest);
        }
        let count = kept.count;
        kept.blocks[count] = block;
        kept.count += 1;
        kept.bytes += block.size;
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size with the old alignment is a layout.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (rounded(layout), rounded(new)) {
            // SAFETY: the block came from there with this layout.
            (None, None) => unsafe { self.inner.realloc(start, layout, size) },
            (Some(old), Some(new)) if old == new => start,
            // SAFETY: both blocks have so many bytes and are different; the old one is not used any more.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(start, layout.size().min(size));
                    self.dealloc(start, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests;
