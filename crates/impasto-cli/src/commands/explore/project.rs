//! `impasto explore project`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::explore::{Eye, ProjectJob, project, projected};
use impasto_engine::pipeline::generate::{Grid, sheet};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_engine::weights::write_atomic;
use impasto_engine::{EngineError, Event};
use impasto_image::{EncodeOptions, Format, Picture};

use crate::args::Global;
use crate::commands::generate::{GenerationArgs, Writer};
use crate::commands::models::refuse_existing;
use crate::commands::pictures::{LimitArgs, input, make_folder};
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto explore project`.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// The photograph; it is cut to the generator's proportions about its middle.
    #[arg(value_name = "PICTURE")]
    photograph: PathBuf,
    /// Steps of optimisation.
    #[arg(long, value_name = "N", default_value_t = ProjectJob::default().steps)]
    steps: usize,
    /// Places to start from; the best goes on.
    #[arg(long, value_name = "N", default_value_t = ProjectJob::default().starts)]
    starts: usize,
    /// Greatest rate, in deviations of the styles a step.
    #[arg(long, value_name = "V", default_value_t = ProjectJob::default().rate, allow_negative_numbers = true)]
    rate: f32,
    /// Weight of the pixels beside what the network sees.
    #[arg(long, value_name = "V", default_value_t = ProjectJob::default().pixels, allow_negative_numbers = true)]
    pixel_weight: f32,
    /// Leave the noise of the layers out.
    #[arg(long)]
    no_noise: bool,
    /// Folder that holds the weights of LPIPS; data/weights of IMPASTO_SHARED (or of ../shared) when absent, and without them
    /// impasto's own network compares.
    #[arg(long, value_name = "DIR")]
    networks: Option<PathBuf>,
    /// Write the best so far to this picture file now and then.
    #[arg(long, value_name = "FILE")]
    preview: Option<PathBuf>,
    /// Folder for the picture, the comparison and the code; here when absent. Made if need be.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(super) fn run(args: &ProjectArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let stem = args.photograph.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = args.out_dir.clone().unwrap_or_default();
    make_folder(&folder)?;
    let path = |end: &str| folder.join(format!("{stem}-{}{end}", args.generation.label()));
    let [picture, comparison, code] = [".png", "-comparison.png", ".safetensors"].map(path);
    [&picture, &comparison, &code].into_iter().try_for_each(|path| refuse_existing(path, args.overwrite))?;
    let options = OutputOptions { overwrite: args.overwrite, ..OutputOptions::default() };
    if let Some(preview) = &args.preview {
        Target::File(preview.clone()).check(&OutputOptions { overwrite: true, ..options.clone() })?;
    }
    let (limits, control) = (args.limits.limits(), reporter.control());
    let photograph = input(&args.photograph, &limits)?.open(&limits, &control)?;
    let mut device = global.open_device()?;
    device.device = device.device.autodiff();
    let studio = args.generation.open_on(device, &control)?;
    let eye = Eye::open(args.networks.as_deref(), studio.device())?;
    control.note(format!("compared by {}", eye.name()));
    let job = ProjectJob {
        steps: args.steps,
        starts: args.starts,
        rate: args.rate,
        pixels: args.pixel_weight,
        noise: !args.no_noise,
        seed: global.seed.unwrap_or_default(),
    };
    let preview = |_: usize, best: &Picture| {
        let Some(path) = &args.preview else { return };
        // A preview that cannot be written is said, and does not end the work.
        match impasto_image::save(
            best,
            path,
            &EncodeOptions::for_path(path).unwrap_or_else(|_| EncodeOptions::new(Format::Png)),
            true,
        ) {
            Ok(()) => control.emit(Event::Preview { path: path.clone() }),
            Err(error) => control.warn(error.to_string()),
        }
    };
    let found = project(&studio, &photograph.picture, &job, &eye, Some(&preview), &control)?;
    if found.steps < job.steps {
        control.warn(format!("stopped after {} of {} steps; the best so far is kept", found.steps, job.steps));
    }
    let writer = Writer { options: &options, reporter, control: &control };
    let parameters = projected(&studio, &found, &job, &eye, &photograph.origin.blake3, &args.photograph);
    let pictures = [found.target.clone(), found.picture.clone()];
    Target::File(picture.clone()).write(&found.picture, &options, Some(parameters), &control)?;
    writer.say(&picture);
    writer.plain(&comparison, &sheet(&pictures, Grid { columns: 2, rows: 1 }))?;
    let about =
        format!("projection of {stem} in {} steps, distance {:.4} by {}", found.steps, found.distance, eye.name());
    write_atomic(&code, &found.code.encode(studio.form(), studio.model(), &about)?)?;
    writer.say(&code);
    reporter.result(&format!("distance {:.4} ({}), pixels {:.5}", found.distance, eye.name(), found.difference));
    if control.is_cancelled() { Err(EngineError::Cancelled.into()) } else { Ok(()) }
}
