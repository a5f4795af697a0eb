//! `impasto eval generator`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::models::GeneratorSpec;
use impasto_engine::pipeline::eval::{GeneratorEvaluation, Samples, evaluate_generator};
use impasto_engine::pipeline::generate::{GenerationJob, Studio};

use super::{NetworkArgs, ReportArgs, evaluate};
use crate::args::Global;
use crate::commands::pictures::parse_size;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto eval generator`.
#[derive(Debug, Args)]
pub(crate) struct GeneratorArgs {
    /// Folder of real pictures; folders within it are classes.
    #[arg(long, value_name = "DIR")]
    real: PathBuf,
    /// Folder of samples, with the same classes if there are any; may be given several times, a row for each.
    #[arg(long, value_name = "DIR", required_unless_present = "model")]
    fake: Vec<PathBuf>,
    /// A generator whose samples are made and judged: a name of 'impasto models list', a weights file, or the folder of a
    /// training run; may be given several times.
    #[arg(long, value_name = "MODEL", requires = "samples")]
    model: Vec<GeneratorSpec>,
    /// Judge so many samples of each folder, drawn by the seed, all when absent; make so many of each model, those of seeds 0
    /// to N - 1.
    #[arg(long, value_name = "N", value_parser = parse_samples)]
    samples: Option<usize>,
    /// Bring real pictures to this size in pixels, a number or ROWSxCOLUMNS, as training does, and not compare sharpness with
    /// that of larger pictures.
    #[arg(long, value_name = "PX", value_parser = parse_size)]
    res: Option<[usize; 2]>,
    /// Truncation psi of the samples that are made.
    #[arg(long, value_name = "PSI", default_value_t = 1.0, requires = "model")]
    trunc: f32,
    /// Put the samples that are made into a folder for each class, so that classes are judged too.
    #[arg(long, requires = "model")]
    classes: bool,
    /// Keep the samples that are made in this folder.
    #[arg(long, value_name = "DIR", requires = "model")]
    keep: Option<PathBuf>,
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
    let samples = args.samples.unwrap_or_default();
    evaluate(&args.networks, &args.report, global, reporter, |evaluator, device| {
        let make = |model: &GeneratorSpec| {
            let job = GenerationJob { trunc: args.trunc, ..GenerationJob::new(model.clone()) };
            let studio = Studio::open(job, device.clone())?;
            let keep = args.keep.as_deref();
            Samples::make(&studio, samples, args.classes, keep, evaluator.seed, evaluator.control)
        };
        let made = args.model.iter().map(make).collect::<Result<Vec<_>, _>>()?;
        let folders = made.iter().map(|samples| samples.folder().to_owned());
        let request = GeneratorEvaluation {
            real: args.real.clone(),
            fakes: args.fake.iter().cloned().chain(folders).collect(),
            size: args.res,
            samples: args.samples,
            made: made.iter().map(|made| (made.folder().to_owned(), made.making().clone())).collect(),
        };
        evaluate_generator(&request, evaluator)
    })
}
