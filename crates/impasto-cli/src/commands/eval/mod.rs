//! `impasto eval`.

pub(crate) mod memorised;

use clap::Subcommand;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Commands of `impasto eval`.
#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Find samples of a generator that are copies of its training pictures.
    Memorised(memorised::MemorisedArgs),
}

/// Runs the command.
pub(crate) fn run(command: EvalCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    match command {
        EvalCommand::Memorised(args) => memorised::run(args, global, reporter),
    }
}
