//! Progress and cancellation: one [`Control`] is passed down; every front end consumes the same typed events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::error::{EngineError, Result};

/// What happens during long work. Serialised as JSON lines by `--progress json`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A stage of known length begins.
    Started {
        /// What is being done, for people.
        stage: String,
        /// Number of steps, 0 when unknown.
        total: u64,
    },
    /// Steps done so far in the present stage.
    Progress {
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
        /// One short line with figures, such as losses; may be empty.
        message: String,
    },
    /// How a picture will be painted, before it is.
    Planned {
        /// One line for people.
        message: String,
        /// Most resident memory of the process at any time, in bytes.
        memory: u64,
        /// Most bytes on disk at any time while painting; 0 where nothing is kept there.
        disk: u64,
    },
    /// A preview picture was written.
    Preview {
        /// Where it is.
        path: PathBuf,
    },
    /// Something the user should know, such as a heuristic's choice.
    Note {
        /// The note, one line.
        message: String,
    },
    /// Something the user should worry about.
    Warning {
        /// The warning, one line.
        message: String,
    },
    /// The stage is over.
    Finished {
        /// Which stage.
        stage: String,
        /// Seconds it took.
        seconds: f64,
    },
}

type Sink = dyn Fn(Event) + Send + Sync;

type Rest = dyn Fn() + Send + Sync;

/// A handle for reporting progress and asking whether to go on. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    sink: Arc<Sink>,
    rest: Option<Arc<Rest>>,
    cancel: Arc<AtomicBool>,
}

impl Control {
    /// A control whose events go to `sink`.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(sink), rest: None, cancel: Arc::default() }
    }

    /// The same with something to do between two steps of the work, while the device is free.
    #[must_use]
    pub fn with_rest(self, rest: impl Fn() + Send + Sync + 'static) -> Self {
        Self { rest: Some(Arc::new(rest)), ..self }
    }

    /// Work calls this between its steps, holding nothing that others may want.
    pub fn rest(&self) {
        if let Some(rest) = &self.rest {
            rest();
        }
    }

    /// A control that discards events.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Sends an event to the front end.
    pub fn emit(&self, event: Event) {
        (self.sink)(event);
    }

    /// Sends a [`Event::Note`].
    pub fn note(&self, message: impl Into<String>) {
        self.emit(Event::Note { message: message.into() });
    }

    /// Sends a [`Event::Warning`].
    pub fn warn(&self, message: impl Into<String>) {
        self.emit(Event::Warning { message: message.into() });
    }

    /// Asks the work to stop at its next step. Safe to call from any thread, any number of times.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Whether [`Control::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Returns [`EngineError::Cancelled`] once [`Control::cancel`] was called; call it at every step of long work.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(EngineError::Cancelled) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
