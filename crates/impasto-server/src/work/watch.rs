//! What a running job reports, on its way to those who watch; and what happens when it panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use impasto_engine::Event;

use super::lock;
use crate::problem::{Outcome, Problem};
use crate::store::Progress;

/// Most often that progress is told.
const PERIOD: Duration = Duration::from_millis(200);

/// Most notes that a job keeps.
const NOTES: usize = 50;

/// What a job said so far.
pub(super) struct Log {
    job: String,
    state: Mutex<LogState>,
}

struct LogState {
    notes: Vec<String>,
    stage: String,
    begun: Instant,
    told: Option<Instant>,
}

impl Log {
    pub(super) fn new(job: &str) -> Self {
        let state = LogState { notes: Vec::new(), stage: String::new(), begun: Instant::now(), told: None };
        Self { job: job.to_owned(), state: Mutex::new(state) }
    }

    /// Takes in an event; what is to be told of it now.
    pub(super) fn hear(&self, event: &Event) -> Option<Progress> {
        let mut state = lock(&self.state);
        let (done, total, message) = match event {
            Event::Started { stage, total } => {
                (state.stage, state.begun) = (stage.clone(), Instant::now());
                (0, *total, String::new())
            }
            Event::Progress { done, total, message } => (*done, *total, message.clone()),
            Event::Note { message } | Event::Warning { message } | Event::Planned { message, .. } => {
                let note = crate::problem::without_paths(message);
                if state.notes.len() < NOTES && !state.notes.contains(&note) {
                    state.notes.push(note);
                }
                return None;
            }
            _ => return None,
        };
        let last = total > 0 && done >= total;
        if !last && state.told.is_some_and(|told| told.elapsed() < PERIOD) {
            return None;
        }
        state.told = Some(Instant::now());
        let seconds = state.begun.elapsed().as_secs_f64();
        let eta_s = (done > 0 && total >= done).then(|| seconds * (total - done) as f64 / done as f64);
        Some(Progress { job: self.job.clone(), stage: state.stage.clone(), done, total, message, eta_s })
    }

    /// The notes.
    pub(super) fn notes(&self) -> Vec<String> {
        lock(&self.state).notes.clone()
    }
}

/// Runs `work`; a panic in it is a problem of ours and ends nothing else.
pub(super) fn caught<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    // What was being changed is a cache whose entries were taken out for the time.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Problem::internal(format!("panicked: {text}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_now_and_then_and_at_the_end() {
        let log = Log::new("j_1");
        let at = |done| Event::Progress { done, total: 100, message: String::new() };
        assert!(log.hear(&Event::Started { stage: "paint".into(), total: 100 }).is_some());
        assert_eq!(log.hear(&at(1)), None);
        let end = log.hear(&at(100)).expect("the end is told");
        assert_eq!((end.stage.as_str(), end.done, end.eta_s), ("paint", 100, Some(0.0)));
        log.hear(&Event::Note { message: "kept /srv/data/a.png".into() });
        log.hear(&Event::Note { message: "kept /srv/data/a.png".into() });
        assert_eq!(log.notes(), ["kept a.png"]);
    }

    #[test]
    fn panics_are_problems() {
        let problem = caught::<()>(|| panic!("no")).unwrap_err();
        assert_eq!(problem.status, 500);
    }
}
