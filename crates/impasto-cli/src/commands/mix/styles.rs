//! `impasto mix styles`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::explore::Eye;
use impasto_engine::pipeline::{
    Between, Input, Painter, Resources, StyleSpec, StylizeJob, Target, file_label, paint_between, path_length,
};
use impasto_engine::{EngineError, registry};
use impasto_image::{Picture, resize_to_long_side};

use crate::args::Global;
use crate::commands::generate::check;
use crate::commands::pictures::{LimitArgs, OutputArgs, input};
use crate::commands::stylize::{names_artist, parse_artist};
use crate::failure::Failure;
use crate::output::Reporter;

/// What is painted where no picture is given.
const SCENE: &[u8] = include_bytes!("../../../../../examples/scene.png");

/// Options of `impasto mix styles`.
#[derive(Debug, Args)]
pub(crate) struct StylesArgs {
    /// The picture to paint; a scene that comes with the program when absent.
    #[arg(value_name = "CONTENT")]
    content: Option<PathBuf>,
    /// A style, as for 'impasto stylize'; three make a triangle, any other number a path from one to the next.
    #[arg(long, short, value_name = "STYLE")]
    style: Vec<StyleSpec>,
    /// An artist, as for 'impasto stylize'; artists come behind styles.
    #[arg(long, value_name = "ARTIST[@LAYERS]", value_parser = parse_artist)]
    artist: Vec<StyleSpec>,
    /// Pictures from one style to the next, both included.
    #[arg(long, value_name = "N", default_value_t = 9)]
    steps: usize,
    /// Write one picture that shows all; without it, each is a file of its own.
    #[arg(long)]
    grid: bool,
    /// Longer side of each picture in pixels.
    #[arg(long, value_name = "PX", default_value_t = 384, value_parser = clap::value_parser!(u32).range(64..=4096))]
    size: u32,
    /// Weights file in place of the bundled weights.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(super) fn run(args: &StylesArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let specs = args.style.iter().chain(&args.artist);
    let seed = global.seed();
    let method = if specs.clone().any(names_artist) { registry::ARTISTS } else { registry::DEFAULT_STYLIZER };
    let drawn = specs.cloned().enumerate().map(|(place, style)| StyleSpec { weight: 1.0, ..style.drawn(seed, place) });
    let job = StylizeJob {
        styles: drawn.collect(),
        method: method.to_owned(),
        model: args.model.clone(),
        seed,
        ..StylizeJob::default()
    };
    let count = job.styles.len();
    let between = Between::new(count, args.steps)?;
    let weights = between.weights(count);
    let label = file_label(&job.styles.iter().map(StyleSpec::label).collect::<Vec<_>>());
    let values = |number: usize| vec![("style", label.clone()), ("number", format!("{number:03}"))];
    let targets = match args.grid {
        true => args.output.made(&[values(0)], "{style}-mix.png")?,
        false => args.output.made(&(0..weights.len()).map(values).collect::<Vec<_>>(), "{style}-{number}.png")?,
    };
    let options = args.output.options();
    reporter.claim_stdout(&targets)?;
    check(&targets, &options)?;
    let control = reporter.control();
    let limits = args.limits.limits();
    let content = match &args.content {
        Some(path) => input(path, &limits)?,
        None => Input::Memory { name: "scene".to_owned(), bytes: SCENE.to_vec() },
    };
    let content = content.open(&limits, &control)?.picture;
    let content =
        if content.width.max(content.height) > args.size { resize_to_long_side(&content, args.size) } else { content };
    let device = global.open_device()?;
    let resources = Resources { limits, ..Resources::new(device.clone()) };
    let painter = Painter::new(job, resources, &control)?;
    let pictures = paint_between(&painter, &content, &weights, &control)?;
    if let Between::Path(_) = between {
        let length = path_length(&pictures, &Eye::open(None, &device.device)?, &device.device)?;
        control.note(format!(
            "path length {:.3} by {} ({:.3} from end to end); the longest of {} steps is {:.2} times their mean",
            length.whole(),
            length.by,
            length.ends,
            length.steps.len(),
            length.longest()
        ));
        if length.has_jump() {
            control.warn("the path has a jump; give more --steps to see where".to_owned());
        }
    }
    let shown: Vec<Picture> = match args.grid {
        true => vec![between.sheet(&pictures, (content.width, content.height))?],
        false => pictures,
    };
    for (picture, target) in shown.iter().zip(&targets) {
        match (target.write(picture, &options, None, &control)?, target) {
            (Some(bytes), _) => reporter.bytes(&bytes)?,
            (None, Target::File(path)) => reporter.result(&path.display().to_string()),
            (None, Target::Memory(_)) => return Err(EngineError::Internal("a result was lost".into()).into()),
        }
    }
    Ok(())
}
