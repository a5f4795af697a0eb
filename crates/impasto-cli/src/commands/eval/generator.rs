//! `impasto eval generator`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::eval::{GeneratorEvaluation, evaluate_generator};

use super::{NetworkArgs, ReportArgs, evaluate};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto eval generator`.
#[derive(Debug, Args)]
pub(crate) struct GeneratorArgs {
    /// Folder of real pictures; folders within it are classes.
    #[arg(long, value_name = "DIR")]
    real: PathBuf,
    /// Folder of samples, with the same classes if there are any; may be given several times, a row for each.
    #[arg(long, value_name = "DIR", required = true)]
    fake: Vec<PathBuf>,
    /// Judge so many samples of each folder, drawn by the seed; all when absent.
    #[arg(long, value_name = "N", value_parser = parse_samples)]
    samples: Option<usize>,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    report: ReportArgs,
}

fn parse_samples(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 2 => Ok(count),
        _ => Err("must be a whole number from 2".to_owned()),
    }
}

/// Runs the command.
pub(super) fn run(args: &GeneratorArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let request = GeneratorEvaluation { real: args.real.clone(), fakes: args.fake.clone(), samples: args.samples };
    evaluate(&args.networks, &args.report, global, reporter, |evaluator, _| evaluate_generator(&request, evaluator))
}
