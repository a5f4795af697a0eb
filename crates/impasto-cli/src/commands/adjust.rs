//! `impasto adjust`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::adjust_file;

use super::pictures::{AdjustmentArgs, Batch, LimitArgs, OutputArgs, parse_memory};
use crate::failure::Failure;
use crate::output::Reporter;
use crate::preset::PresetArg;

/// Options of `impasto adjust`.
#[derive(Debug, Args)]
pub(crate) struct AdjustArgs {
    /// Pictures to adjust; - reads one from standard input.
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Work by rows, on disk, on what would take more memory, such as 4G; what the machine has free when absent.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    max_memory: Option<u64>,
    #[command(flatten)]
    _preset: PresetArg,
    #[command(flatten)]
    adjust: AdjustmentArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(crate) fn run(args: AdjustArgs, reporter: &Reporter) -> Result<(), Failure> {
    let targets = args.output.targets(&args.pictures, "{stem}-adjusted.png", &[])?;
    reporter.claim_stdout(&targets)?;
    let (adjustments, options, limits) = (args.adjust.adjustments(), args.output.options(), args.limits.limits());
    let control = reporter.control();
    let batch = Batch { inputs: &args.pictures, targets: &targets, limits: &limits, quick: true };
    batch.each(&control, reporter, |input, target| {
        adjust_file(input, &adjustments, target, &options, &limits, args.max_memory, &control)
    })
}
