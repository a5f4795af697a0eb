use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Counts what is taken from the system and not given back.
struct Counting(AtomicUsize);

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(start, layout) }
    }
}

fn counting() -> Recycling<Counting> {
    Recycling::new(Counting(AtomicUsize::new(0)))
}

fn taken(allocator: &Recycling<Counting>) -> usize {
    allocator.inner.0.load(Ordering::Relaxed)
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).unwrap()
}

#[test]
fn a_block_comes_back_for_its_size_only() {
    let allocator = counting();
    // SAFETY: blocks are written within their sizes and freed once, with their layouts.
    unsafe {
        let first = allocator.alloc(layout(1 << 20));
        first.write_bytes(7, 1 << 20);
        allocator.dealloc(first, layout(1 << 20));
        assert_eq!(taken(&allocator), 1 << 20, "it is kept");
        // The same size but for rounding.
        let again = allocator.alloc_zeroed(layout((1 << 20) - 100));
        assert_eq!(again, first);
        assert!((0..(1 << 20) - 100).all(|i| again.add(i).read() == 0), "zeros where they were asked for");
        // Another one beside it.
        let other = allocator.alloc(layout(1 << 20));
        assert_ne!(other, first);
        allocator.dealloc(again, layout((1 << 20) - 100));
        allocator.dealloc(other, layout(1 << 20));
        assert_eq!(taken(&allocator), 2 << 20);
        assert_eq!(allocator.alloc(layout(1 << 20)), other, "the one that came last first");
        allocator.dealloc(other, layout(1 << 20));
    }
}

#[test]
fn a_larger_block_is_lent_and_comes_back_as_what_it_is() {
    let allocator = counting();
    // SAFETY: blocks are written within their sizes and freed once, with their layouts.
    unsafe {
        let large = allocator.alloc(layout(1 << 20));
        let other = allocator.alloc(layout(3 << 20));
        allocator.dealloc(large, layout(1 << 20));
        allocator.dealloc(other, layout(3 << 20));
        assert_eq!(allocator.alloc(layout(600 << 10)), large, "the smallest that is large enough");
        let small = allocator.alloc(layout(300 << 10));
        assert_ne!(small, other, "it is more than twice as large");
        allocator.dealloc(large, layout(600 << 10));
        let again = allocator.alloc(layout(1 << 20));
        assert_eq!(again, large, "it has its size again");
        again.write_bytes(1, 1 << 20);
        allocator.dealloc(again, layout(1 << 20));
        allocator.dealloc(small, layout(300 << 10));
    }
}

#[test]
fn no_more_is_taken_than_what_is_lent_for_what_was_used_at_one_time() {
    let allocator = counting();
    let (mut used, mut most) = (0, 0);
    let mut held: Vec<(*mut u8, Layout)> = Vec::new();
    let mut random = crate::tests::Random::new(5);
    for turn in 0..5000 {
        if held.len() < random.range(0, 12) {
            let layout = layout(random.range(3, 40) * 50_000);
            // SAFETY: the size is not zero.
            let start = unsafe { allocator.alloc(layout) };
            assert!(!start.is_null() && held.iter().all(|&(other, _)| other != start));
            used += rounded(layout).map_or(layout.size(), |layout| layout.size());
            held.push((start, layout));
        } else if let Some((start, layout)) = held.pop() {
            // SAFETY: the block came from `alloc` with this layout.
            unsafe { allocator.dealloc(start, layout) };
            used -= rounded(layout).map_or(layout.size(), |layout| layout.size());
        }
        most = most.max(used);
        assert!((used..=LENT * most).contains(&taken(&allocator)), "turn {turn}");
    }
    held.iter().for_each(|&(start, layout)| {
        // SAFETY: as above.
        unsafe { allocator.dealloc(start, layout) };
    });
    assert!(taken(&allocator) > 0, "something is kept");
}

#[test]
fn who_repeats_what_they_ask_for_gets_the_same_blocks() {
    let allocator = counting();
    // One after the other, none of which can stand in for another.
    let sizes: Vec<usize> = (0..5).map(|i| (128 << 10) * 3_usize.pow(i)).collect();
    let turn = || {
        sizes.iter().for_each(|&size| {
            // SAFETY: the block is freed once, with its layout.
            unsafe { allocator.dealloc(allocator.alloc(layout(size)), layout(size)) };
        });
        taken(&allocator)
    };
    let (largest, all) = (sizes[4].next_multiple_of(1 << 21), sizes.iter().sum::<usize>());
    assert!(turn() <= largest + largest / SLACK, "not all of them are kept");
    (1..SETTLED / sizes.len()).for_each(|_| assert!(turn() <= largest + largest / SLACK));
    (0..2).for_each(|_| _ = turn());
    assert!(turn() >= all, "now they are");
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn what_is_not_kept_takes_no_memory_any_more() {
    let size = 8 << 20;
    // SAFETY: the block is written and read within its size and freed once, with its layout.
    unsafe {
        let start = System.alloc(layout(size));
        start.write_bytes(7, size);
        empty(Block { address: start as usize, size });
        let left = (0..size).filter(|&i| start.add(i).read() == 7).count();
        assert!(left < 2 * PAGE, "{left} bytes are as they were: only those on pages of others too may be");
        System.dealloc(start, layout(size));
    }
}

#[test]
fn what_grows_or_shrinks_keeps_its_values() {
    let allocator = counting();
    let sizes = [1000, 200_000, 200_001, 3_000_000, 2_900_000, 150_000, 10, 500_000];
    // SAFETY: the block is read and written within its size and freed once, with its layout.
    unsafe {
        let mut start = allocator.alloc(layout(10));
        let mut size = 10;
        (0..10).for_each(|i| start.add(i).write(i as u8));
        for next in sizes {
            start = allocator.realloc(start, layout(size), next);
            size = next;
            assert!((0..10).all(|i| start.add(i).read() == i as u8), "{size}");
        }
        allocator.dealloc(start, layout(size));
    }
}

#[test]
fn small_and_oddly_aligned_blocks_are_left_alone() {
    let allocator = counting();
    let odd = |size| Layout::from_size_align(size, 4096).unwrap();
    for layout in [layout(LEAST - 1), odd(LEAST)] {
        // SAFETY: the block is freed once, with its layout.
        unsafe {
            let start = allocator.alloc(layout);
            assert_eq!(taken(&allocator), layout.size());
            allocator.dealloc(start, layout);
        }
        assert_eq!(taken(&allocator), 0);
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn only_pages_within_a_block_are_given_back() {
    let mut memory = vec![7u8; 4 << 20];
    let (from, size) = (100, 2 << 20);
    empty(Block { address: memory.as_mut_ptr() as usize + from, size });
    let memory = std::hint::black_box(memory);
    let given = memory.iter().filter(|value| **value == 0).count();
    assert!((size - 2 * PAGE..=size).contains(&given), "{given}");
    assert!(memory[..from].iter().chain(&memory[from + size..]).all(|value| *value == 7));
}
