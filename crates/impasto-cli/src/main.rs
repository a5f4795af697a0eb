//! The `impasto` command: arguments in, exit code out. Everything it does is done by the engine; everything it says is
//! said by [`output`].

mod args;
mod commands;
mod failure;
mod output;
mod preset;

use std::process::ExitCode;

use clap::Parser;
use impasto_engine::Recycling;

use args::{Cli, Command};
use commands::{
    adjust, dataset, doctor, eval, explore, generate, inspect, mix, models, serve, shell, styles, stylize, train,
    translate,
};
use output::Reporter;

/// Networks allocate and free large buffers all the time; other allocators give each back to the system and fault its
/// pages in again, which costs more than some convolutions.
#[global_allocator]
static ALLOCATOR: Recycling<mimalloc::MiMalloc> = Recycling::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    let cli = match preset::expanded(std::env::args_os().collect()) {
        Ok(line) => Cli::parse_from(line),
        Err(failure) => {
            Reporter::new(args::ProgressMode::Auto, false).failure(&failure);
            return ExitCode::from(failure.code);
        }
    };
    let (global, reporter) = (&cli.global, &Reporter::new(cli.global.progress, cli.global.quiet));
    let outcome = match cli.command {
        Command::Stylize(args) => stylize::run(*args, global, reporter),
        Command::Translate(args) => translate::run(*args, global, reporter),
        Command::Adjust(args) => adjust::run(args, reporter),
        Command::Train(args) => train::run(args, global, reporter),
        Command::Generate(args) => generate::run(*args, global, reporter),
        Command::Mix(args) => mix::run(*args, global, reporter),
        Command::Explore(command) => explore::run(*command, global, reporter),
        Command::Models(command) => models::run(command, global, reporter),
        Command::Styles(command) => styles::run(command, global, reporter),
        Command::Dataset(command) => dataset::run(*command, reporter),
        Command::Eval(command) => eval::run(*command, global, reporter),
        Command::Inspect(args) => inspect::run(args, global, reporter),
        Command::Doctor(args) => doctor::run(args, global, reporter),
        Command::Serve(args) => serve::run(args, global, reporter),
        Command::DecodeChild => {
            impasto_server::decode_child();
            Ok(())
        }
        Command::Completions(args) => shell::completions(args, reporter),
        Command::Man(args) => shell::man(args, reporter),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}
