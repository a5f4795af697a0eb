//! `impasto eval memorised`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impasto_engine::pipeline::eval::NetworkKind;
use impasto_engine::pipeline::eval::memorised::{MemorisedEvaluation, memorised, pairs_sheet};
use impasto_engine::pipeline::{OutputOptions, Target, free_place};
use impasto_engine::weights::write_atomic;

use super::{NetworkArgs, ReportArgs, check_distinct, evaluate};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto eval memorised`.
#[derive(Debug, Args)]
pub(crate) struct MemorisedArgs {
    /// Folder of the pictures that the generator was trained on.
    #[arg(long, value_name = "DIR")]
    real: PathBuf,
    /// Folder of its samples.
    #[arg(long, value_name = "DIR")]
    fake: PathBuf,
    /// Folder of pictures of the same kind that it was not trained on.
    #[arg(long, value_name = "DIR")]
    held_out: Option<PathBuf>,
    /// Networks in whose eyes distances are taken, beside the search for copies.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', default_values = ["percept", "inception"])]
    network: Vec<NetworkArg>,
    /// Write a picture of the most suspicious samples, each beside the training picture it is most like.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Write every sample with the training pictures that it is most like to this file, as a table in CSV; reports in JSON have
    /// them too.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// How many samples are shown.
    #[arg(long, value_name = "N", default_value_t = 12)]
    show: usize,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NetworkArg {
    /// impasto's own, built in.
    Percept,
    /// Inception.
    Inception,
    /// GoogLeNet.
    Googlenet,
    /// No network: the search for copies alone.
    None,
}

impl NetworkArg {
    fn kind(self) -> Option<NetworkKind> {
        match self {
            Self::Percept => Some(NetworkKind::Percept),
            Self::Inception => Some(NetworkKind::Inception),
            Self::Googlenet => Some(NetworkKind::GoogLeNet),
            Self::None => None,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &MemorisedArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let request = MemorisedEvaluation {
        real: args.real.clone(),
        fake: args.fake.clone(),
        held_out: args.held_out.clone(),
        networks: args.network.iter().filter_map(|network| network.kind()).collect(),
    };
    let all = args.report.output.iter().chain(&args.sheet).chain(&args.csv);
    check_distinct(all, "results", "give each a name of its own")?;
    let options = OutputOptions { overwrite: args.report.overwrite, parameters: false, ..OutputOptions::default() };
    let sheet = args.sheet.clone().map(Target::File);
    if let Some(target) = &sheet {
        target.check(&options)?;
    }
    if let Some(path) = &args.csv {
        free_place(path, args.report.overwrite)?;
    }
    evaluate(&args.networks, &args.report, global, reporter, |evaluator, _| {
        let found = memorised(&request, evaluator)?;
        if let Some(path) = &args.csv {
            write_atomic(path, &found.csv(&request)?)?;
        }
        for sample in found.samples.iter().take(args.show).filter(|sample| sample.copy) {
            let mirrored = if sample.found.mirrored { ", mirrored" } else { "" };
            let (file, like) = (sample.file.display(), sample.like.display());
            evaluator.control.note(format!("{file} copies {like}{mirrored} (distance {:.3})", sample.found.distance));
        }
        if let Some(target) = &sheet {
            let pairs = pairs_sheet(&found, args.show, &evaluator.limits)?;
            target.write(&pairs, &options, None, evaluator.control)?;
        }
        Ok(found.report(&request, evaluator, args.show))
    })
}
