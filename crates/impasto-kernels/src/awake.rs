//! Threads that stay awake between operations.
//!
//! A network is a long row of operations of some tens of microseconds. A thread that goes to sleep between two of them is
//! woken for the next, and waking takes as long as an operation does (on virtual machines, whose idle processors are
//! given back to the host, longer). [`awake`] runs the whole row inside the pool and keeps the other threads looking for
//! work until it ends.

#[cfg(target_os = "linux")]
mod place;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::{Scope, Yield};

/// Looks for work before a watch lets its thread see whether it has to do something else.
const LOOKS: u32 = 64;

/// Looks in vain after which a thread lets other programs have the processor in between.
const EAGER: u32 = 2000;

/// Work that does not end before the real work does, so that threads find something and stay awake.
struct Watch {
    /// The thread that runs the real work.
    owner: Option<usize>,
    done: AtomicBool,
}

impl Watch {
    /// Looks for work for a while and then leaves another watch behind, until all is done.
    ///
    /// It does not simply look until the end: a thread may come to it while it waits for a part of the work itself, which
    /// would never end then. For the same reason threads may come late. The owner only comes to it while it waits, and
    /// leaves it to the others.
    fn look<'s>(&'s self, scope: &Scope<'s>, mut vain: u32) {
        let looks = if rayon::current_thread_index() == self.owner { 0 } else { LOOKS };
        #[cfg(target_os = "linux")]
        place::arrived();
        for _ in 0..looks {
            if self.done.load(Ordering::Acquire) {
                return;
            }
            match rayon::yield_now() {
                Some(Yield::Executed) => vain = 0,
                _ if vain < EAGER => {
                    vain += 1;
                    std::hint::spin_loop();
                }
                _ => std::thread::yield_now(),
            }
        }
        if !self.done.load(Ordering::Acquire) {
            scope.spawn(move |scope| self.look(scope, vain));
        }
    }
}

/// Ends the watch, also when the work panics.
struct Ends<'a>(&'a Watch);

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
    let work = move || {
        #[cfg(target_os = "linux")]
        let _placed = place::Placed::pool();
        let watch = Watch { owner: rayon::current_thread_index(), done: AtomicBool::new(false) };
        rayon::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|scope| watch.look(scope, 0));
            }
            let _ends = Ends(&watch);
            work()
        })
    };
    // In the pool from here on, so that the watch knows whom it waits for.
    rayon::scope(|_| work())
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
