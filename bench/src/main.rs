//! `impasto-bench`: comparisons of impasto with its peers, each by one command. See `bench/README.md`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program is for")]

mod likeness;
mod networks;
mod record;
mod shared;
mod statistics;
mod style;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The same allocator as the `impasto` command, so that figures are the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares impasto with its peers.
#[derive(Debug, Parser)]
#[command(name = "impasto-bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// How well photographs are painted in the style of paintings: likeness to both, for every method.
    Style(style::StyleArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Style(args) => style::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("impasto-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
