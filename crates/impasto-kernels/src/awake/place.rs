//! On which processors threads run.
//!
//! Linux takes an idle processor of a virtual machine for one that the host has withdrawn, and queues a thread that is
//! woken behind the thread that wakes it, on the same processor, until the scheduler next looks at how the load is
//! spread: for some milliseconds, in which a small picture could have been painted. So while there is work for all
//! processors, each thread stays on one of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, getpid};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// The threads of the pool that have been awake before. There is one pool in every program:
/// [`awake`](super::awake) does nothing in others.
static KNOWN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// How many keep the threads in their places.
static PLACED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static KNOWS: () = known().push(gettid());
}

fn known() -> MutexGuard<'static, Vec<Pid>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread belongs to the pool.
pub(super) fn arrived() {
    KNOWS.with(|()| ());
}

/// Keeps threads on processors of their own until it is dropped.
pub(super) struct Placed(Vec<Pid>);

impl Placed {
    /// The threads of the pool, where there are as many as processors that the program may use. With fewer, the system
    /// knows better which processors have nothing else to do.
    pub(super) fn pool() -> Self {
        arrived();
        let Some(all) = processors().filter(|all| all.count() as usize == rayon::current_num_threads()) else {
            return Self(Vec::new());
        };
        let threads = known();
        if PLACED.fetch_add(1, Ordering::AcqRel) == 0 {
            place(&threads, &all);
        }
        Self(threads.clone())
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // One after the other: who places and who frees.
        let _threads = known();
        if !self.0.is_empty()
            && PLACED.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(all) = processors()
        {
            self.0.iter().for_each(|&thread| allow(thread, &all));
        }
    }
}

/// Where the program may run: what holds for its first thread, which is not one of the pool.
fn processors() -> Option<CpuSet> {
    sched_getaffinity(Some(getpid())).ok()
}

/// Gives each thread one of the processors; the calling one stays where it is.
fn place(threads: &[Pid], all: &CpuSet) {
    let (own, here) = (gettid(), sched_getcpu());
    let others = threads.iter().filter(|&&thread| thread != own);
    let elsewhere = (0..CpuSet::MAX_CPU).filter(|&processor| all.is_set(processor) && processor != here);
    for (&thread, processor) in others.zip(elsewhere).chain([(&own, here)]) {
        let mut one = CpuSet::new();
        one.set(processor);
        allow(thread, &one);
    }
}

fn allow(thread: Pid, processors: &CpuSet) {
    // Where the system refuses, the thread runs where it does; one that has ended needs no place.
    let _ = sched_setaffinity(Some(thread), processors);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_processor_of_its_own() {
        let all = processors().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            send.send(gettid()).unwrap();
            wait.recv().unwrap();
        });
        let other_id = receive.recv().unwrap();
        place(&[other_id, gettid()], &all);
        let [own, others] = [gettid(), other_id].map(|thread| sched_getaffinity(Some(thread)).unwrap());
        assert_eq!(own.count(), 1);
        assert!(own.is_set(sched_getcpu()));
        if all.count() > 1 {
            assert_eq!(others.count(), 1);
            assert_ne!(own, others);
        }
        allow(other_id, &all);
        allow(gettid(), &all);
        assert_eq!(sched_getaffinity(Some(other_id)).unwrap(), all);
        go.send(()).unwrap();
        other.join().unwrap();
    }
}
