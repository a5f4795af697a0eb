//! Threads that stay awake between operations.
//!
//! A network is a long row of operations of some tens of microseconds. A thread that goes to sleep between two of them is
//! woken for the next, and waking takes as long as an operation does (on virtual machines, whose idle processors are
//! given back to the host, longer). [`awake`] runs the whole row inside the pool and keeps the other threads looking for
//! work until it ends.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long threads may take to come, which on an idle virtual machine is up to a millisecond; those that are busy
/// elsewhere are not waited for.
const PATIENCE: Duration = Duration::from_millis(3);

/// Looks in vain after which a thread lets other programs have the processor in between.
const EAGER: u32 = 2000;

/// [`Door::state`] when nobody may enter any more.
const CLOSED: usize = usize::MAX;

/// Who watches, and until when.
///
/// A thread that watches ends no sooner than the work does. So it must not begin to watch while it waits for a part of
/// that work itself, which would then never end. Hence the door: threads enter before the work begins, or not at all.
struct Door {
    /// Threads that have entered, or [`CLOSED`].
    state: AtomicUsize,
    done: AtomicBool,
}

impl Door {
    /// Looks for work until all is done; returns at once when the work has begun.
    fn watch(&self) {
        let enter = |count| (count != CLOSED).then(|| count + 1);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter).is_err() {
            return;
        }
        let mut vain = 0u32;
        while !self.done.load(Ordering::Acquire) {
            match rayon::yield_now() {
                Some(Yield::Executed) => vain = 0,
                _ if vain < EAGER => {
                    vain += 1;
                    std::hint::spin_loop();
                }
                _ => std::thread::yield_now(),
            }
        }
    }

    /// Waits until `count` threads have entered, for a while, and closes.
    fn close(&self, count: usize) {
        let begin = Instant::now();
        while self.state.load(Ordering::Acquire) < count && begin.elapsed() < PATIENCE {
            std::hint::spin_loop();
        }
        self.state.store(CLOSED, Ordering::Release);
    }
}

/// Ends the watch, also when the work panics.
struct Ends<'a>(&'a Door);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Release);
    }
}

/// Runs `work` in the current rayon pool while the pool's other threads stay awake for the parts of it. Within the pool,
/// where others may wait for the caller, it just runs.
///
/// To be called around work of milliseconds that is made of many small parallel operations: the passes of a network, a
/// step of training. Threads without work keep their processors busy meanwhile, but let other programs go first.
pub fn awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let others = rayon::current_num_threads() - 1;
    if others == 0 || rayon::current_thread_index().is_some() {
        return work();
    }
    let door = Door { state: AtomicUsize::new(0), done: AtomicBool::new(false) };
    rayon::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|_| door.watch());
        }
        let _ends = Ends(&door);
        door.close(others);
        work()
    })
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    /// Parallel work within parallel work, many times.
    fn sums(rounds: u64) -> u64 {
        (0..rounds)
            .map(|round| {
                let inner = |i: u64| (0..64u64).into_par_iter().map(|j| i * j % 7).sum::<u64>();
                (0..64u64).into_par_iter().map(inner).sum::<u64>() + round
            })
            .sum()
    }

    #[test]
    fn work_within_work_ends() {
        let expected = sums(50);
        for threads in [1, 2, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for _ in 0..20 {
                assert_eq!(pool.install(|| sums(50)), expected);
                assert_eq!(std::thread::scope(|s| s.spawn(|| awake(|| sums(50))).join().unwrap()), expected);
            }
        }
    }

    #[test]
    fn several_callers_at_once() {
        let expected = sums(20);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        assert_eq!(awake(|| awake(|| sums(20))), expected);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_ends_the_watch() {
        let caught = std::panic::catch_unwind(|| awake(|| panic!("as it should")));
        assert!(caught.is_err());
        assert_eq!(awake(|| sums(3)), sums(3));
    }
}
