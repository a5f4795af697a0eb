//! `impasto eval frames`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::eval::{FramesEvaluation, evaluate_frames};

use super::{NetworkArgs, ReportArgs, evaluate};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto eval frames`.
#[derive(Debug, Args)]
pub(crate) struct FramesArgs {
    /// Folder of frames, in the order of their names (frame2 before frame10).
    frames: PathBuf,
    /// Folder of the frames that they were made from: what moves fast in them flickers, too.
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
pub(super) fn run(args: &FramesArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let request = FramesEvaluation { frames: args.frames.clone(), source: args.source.clone() };
    let networks = NetworkArgs { networks: None };
    evaluate(&networks, &args.report, global, reporter, |evaluator, _| evaluate_frames(&request, evaluator))
}
