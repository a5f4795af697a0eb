//! `impasto translate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impasto_engine::Direction;
use impasto_engine::models::TranslatorFile;
use impasto_engine::pipeline::{Painter, StylizeJob, file_label, pictures_below};

use super::paint::PaintArgs;
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto translate`.
#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// What was trained by 'impasto train translate': a weights file, or a run's folder.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Pictures to translate, and folders of them; - reads one from standard input.
    #[arg(required = true, value_name = "CONTENT")]
    contents: Vec<PathBuf>,
    /// Which way, for models that learnt both.
    #[arg(long, value_name = "WAY", default_value = "a-to-b")]
    direction: DirectionArg,
    #[command(flatten)]
    paint: PaintArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DirectionArg {
    /// Pictures like those of --a into pictures like those of --b.
    AToB,
    /// Back.
    BToA,
}

/// Runs the command.
pub(crate) fn run(args: TranslateArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    args.paint.check_masks(false)?;
    let model = TranslatorFile::find(&args.model)?;
    let direction = match args.direction {
        DirectionArg::AToB => Direction::AToB,
        DirectionArg::BToA => Direction::BToA,
    };
    // What translates draws nothing.
    let seed = global.seed.unwrap_or_default();
    let job = args.paint.applied(StylizeJob::translation(&model, direction), seed);
    job.validate()?;
    let contents = pictures_below(&args.contents)?;
    let values = [("model", file_label(&[model.label])), ("method", job.method.clone())];
    let work = args.paint.work(&contents, "{stem}-{model}.png", &values, reporter)?;
    let control = reporter.control();
    let resources = args.paint.resources(global)?;
    control.note(format!("{} on {}", job.method, resources.device.spec));
    let painter = Painter::new(job, resources, &control)?;
    args.paint.paint(&painter, &work, None, &control, reporter)
}
