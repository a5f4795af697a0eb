//! `impasto eval`: judging results. One file for each subcommand.

mod compare;
mod frames;
mod generator;
mod memorised;
mod pair;
mod style;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impasto_engine::Control;
use impasto_engine::device::OpenDevice;
use impasto_engine::pipeline::eval::report::{Report, check_target, table};
use impasto_engine::pipeline::eval::{Cache, EvalNetworks, Evaluator};
use impasto_image::Limits;

use super::pictures::{LimitArgs, check_distinct};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Subcommands of `impasto eval`.
#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Judge outputs of stylizers beside their contents, their styles, and what copying would score.
    Style(style::StyleArgs),
    /// Judge samples of generators beside real pictures, and beside what other real pictures would score.
    Generator(generator::GeneratorArgs),
    /// Find samples of a generator that are copies of its training pictures.
    Memorised(memorised::MemorisedArgs),
    /// Say how much the frames of a video flicker, beside those that they were made from.
    Frames(frames::FramesArgs),
    /// Say how alike two pictures are: a line for each metric.
    Pair(pair::PairArgs),
    /// Set two reports side by side; refused where their protocols differ.
    Compare(compare::CompareArgs),
}

/// Sides of tiles that have seams, in pixels.
fn tile_range() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(4..=1 << 20)
}

/// Where networks are and what is kept between runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Networks")]
struct NetworkArgs {
    /// Folder that holds the weights of the networks that measure; data/weights of IMPASTO_SHARED (or of ../shared) when absent. Metrics
    /// whose network is not there are left out, and said to be.
    #[arg(long, value_name = "DIR")]
    networks: Option<PathBuf>,
}

impl NetworkArgs {
    fn open(&self, device: &OpenDevice) -> Result<EvalNetworks, Failure> {
        Ok(EvalNetworks::open(self.networks.as_deref(), &device.device)?)
    }
}

/// Reports and the cache.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
struct ReportArgs {
    /// Write the report to this file, as .json (which 'impasto eval compare' reads) or as one .html page; may be given
    /// several times.
    #[arg(long, short, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// Print the JSON of the report in place of the table.
    #[arg(long)]
    json: bool,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    /// Folder in which features and figures are kept for later runs; impasto's own in the user's cache when absent.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Keep nothing for later runs, and use nothing of earlier ones.
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

impl ReportArgs {
    /// Refuses early what could not be written.
    fn check(&self) -> Result<(), Failure> {
        check_distinct(&self.output, "reports", "give each a name of its own")?;
        for output in &self.output {
            check_target(output, self.overwrite)?;
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        self.limits.limits()
    }

    fn cache(&self, control: &Control) -> Result<Option<Cache>, Failure> {
        if self.no_cache {
            return Ok(None);
        }
        match self.cache_dir.clone().or_else(Cache::default_folder) {
            Some(folder) => Ok(Some(Cache::open(folder)?)),
            None => {
                control
                    .note("nothing is kept for later runs: the system names no folder for that; give --cache-dir DIR");
                Ok(None)
            }
        }
    }

    /// Prints the report and writes it to where it was asked for.
    fn publish(&self, report: &Report, reporter: &Reporter) -> Result<(), Failure> {
        if self.json {
            reporter.result(report.json()?.trim_end());
        } else {
            for line in table(report) {
                reporter.result(&line);
            }
        }
        for output in &self.output {
            report.write(output, self.overwrite, &self.limits())?;
            if !self.json {
                reporter.result(&format!("report {}", output.display()));
            }
        }
        Ok(())
    }
}

/// Opens what an evaluation works with and runs it. The seed is 0 where none is given, not drawn: reports are compared.
fn evaluate(
    networks: &NetworkArgs,
    report: &ReportArgs,
    global: &Global,
    reporter: &Reporter,
    run: impl FnOnce(&Evaluator<'_>, OpenDevice) -> impasto_engine::Result<Report>,
) -> Result<(), Failure> {
    report.check()?;
    let control = reporter.control();
    let device = global.open_device()?;
    let networks = networks.open(&device)?;
    let cache = report.cache(&control)?;
    let evaluator = Evaluator {
        networks: &networks,
        cache: cache.as_ref(),
        limits: report.limits(),
        seed: global.seed.unwrap_or_default(),
        device: device.spec.to_string(),
        control: &control,
    };
    report.publish(&run(&evaluator, device)?, reporter)
}

/// Runs the command.
pub(crate) fn run(command: EvalCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    match command {
        EvalCommand::Style(args) => style::run(args, global, reporter),
        EvalCommand::Generator(args) => generator::run(&args, global, reporter),
        EvalCommand::Memorised(args) => memorised::run(&args, global, reporter),
        EvalCommand::Frames(args) => frames::run(&args, global, reporter),
        EvalCommand::Pair(args) => pair::run(&args, global, reporter),
        EvalCommand::Compare(args) => compare::run(&args, reporter),
    }
}
