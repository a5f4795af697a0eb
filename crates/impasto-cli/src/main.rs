//! The `impasto` command: arguments in, exit code out. Everything it does is done by the engine; everything it says is
//! said by [`output`].

mod args;
mod commands;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use output::Reporter;

/// Networks allocate and free large buffers all the time; the system's allocator gives each back to the system and
/// faults its pages in again, which costs more than some convolutions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let reporter = Reporter::new(cli.global.progress, cli.global.quiet);
    let outcome = match cli.command {
        Command::Train(args) => commands::train::run(args, &cli.global, &reporter),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}
