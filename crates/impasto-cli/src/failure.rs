//! How a command fails: one line and an exit code.

use impasto_engine::{Blame, EngineError};

/// Something failed, other than by its input.
pub(crate) const FAILED: u8 = 1;
/// The command line asks for something that cannot be done.
pub(crate) const USAGE: u8 = 2;
/// An input file was refused.
pub(crate) const INPUT: u8 = 3;
/// A resource limit was reached.
pub(crate) const LIMIT: u8 = 4;
/// The user interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command ends, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into() }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let code = match error.blame() {
            Blame::Caller => USAGE,
            Blame::Input => INPUT,
            Blame::Limit => LIMIT,
            Blame::Cancelled => INTERRUPTED,
            Blame::Environment | Blame::Training | Blame::Internal => FAILED,
        };
        Self { code, message: error.to_string() }
    }
}
