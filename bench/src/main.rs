//! `impasto-bench`: comparisons of impasto with its peers, each by one command. See `bench/README.md`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program is for")]

mod artists;
mod cases;
mod crowd;
mod fashion;
mod floor;
mod gaussians;
mod memory;
mod metrics;
mod networks;
mod record;
mod resize;
mod shared;
mod slider;
mod speed;
mod stacked;
mod statistics;
mod steady;
mod style;
mod stylizers;
mod threads;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use impasto_engine::Recycling;

/// The same allocator as the `impasto` command, so that figures are the same.
#[global_allocator]
static ALLOCATOR: Recycling<mimalloc::MiMalloc> = Recycling::new(mimalloc::MiMalloc);

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
    /// Every stylizer of the registry, MicroAST and five-level WCT, judged by 'impasto eval style'.
    Stylizers(stylizers::StylizersArgs),
    /// How well artists are imitated, beside photographs and beside single paintings as styles.
    Artists(artists::ArtistsArgs),
    /// Two hundred clients of 'impasto serve' at a time, and a quiet one.
    Crowd(crowd::CrowdArgs),
    /// How long networks take and how much memory, how exact they are, beside PyTorch and ONNX Runtime with
    /// the same weights.
    Speed(speed::SpeedArgs),
    /// Garments by class: a generator beside a DCGAN that PyTorch trains on the same pictures.
    Fashion(fashion::FashionArgs),
    /// How much memory painting takes, beside what impasto says before it begins.
    Memory(memory::MemoryArgs),
    /// Whether the evaluator's metrics give what other libraries give for the same feature vectors and pictures.
    Metrics(metrics::MetricsArgs),
    /// Modes found among 1,000: three garments as the colours of one picture, by differently trained generators.
    Stacked(stacked::StackedArgs),
    /// What moving a slider costs: from a changed latent to the picture, for every architecture.
    Slider(slider::SliderArgs),
    /// Whether losses find all of a distribution: 25 Gaussians on a grid.
    Gaussians(gaussians::GaussiansArgs),
    /// Whether memory grows over a thousand training steps.
    Steady(steady::SteadyArgs),
    /// Whether the same bits come out with any number of threads, every time.
    Threads(threads::ThreadsArgs),
    /// Whether pictures are resized as Pillow does it, for the networks of metrics.
    Resize(resize::ResizeArgs),
    /// Answer requests, one JSON object a line; used by 'speed' and 'threads'.
    #[command(hide = true)]
    Serve,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("impasto-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    impasto_engine::device::instruction_set()?;
    match command {
        Command::Style(args) => style::run(&args),
        Command::Stylizers(args) => stylizers::run(&args),
        Command::Artists(args) => artists::run(&args),
        Command::Crowd(args) => crowd::run(&args),
        Command::Speed(args) => speed::run(&args),
        Command::Fashion(args) => fashion::run(&args),
        Command::Memory(args) => memory::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Stacked(args) => stacked::run(&args),
        Command::Slider(args) => slider::run(&args),
        Command::Gaussians(args) => gaussians::run(&args),
        Command::Steady(args) => steady::run(&args),
        Command::Threads(args) => threads::run(&args),
        Command::Resize(args) => resize::run(&args),
        Command::Serve => worker::serve(),
    }
}
