//! `impasto explore walk`.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use impasto_engine::pipeline::explore::{Ease, Space, Walk, WalkJob};
use impasto_engine::pipeline::generate::{Point, Seeds};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_engine::weights::write_atomic;
use impasto_engine::{EngineError, Event};
use impasto_image::animation::{GIF_RATES, encode_gif};
use impasto_image::{ImageError, Picture};

use crate::args::Global;
use crate::commands::generate::{GenerationArgs, Writer};
use crate::commands::models::refuse_existing;
use crate::commands::pictures::make_folder;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto explore walk`.
#[derive(Debug, Args)]
pub(crate) struct WalkArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// Seeds of the pictures that the walk passes, like 1,5,9.
    #[arg(long, value_name = "SEEDS")]
    seeds: Option<Seeds>,
    /// A picture's code that it passes after them; may be given several times.
    #[arg(long, value_name = "FILE")]
    style_code: Vec<PathBuf>,
    /// Frames from one picture to the next.
    #[arg(long, value_name = "N", default_value_t = 24)]
    steps: usize,
    /// Where the way lies.
    #[arg(long, value_name = "SPACE", default_value = "style")]
    space: SpaceArg,
    /// How the way is divided.
    #[arg(long, value_name = "EASE", default_value = "smooth")]
    ease: EaseArg,
    /// Go back to the first picture in the end, so that the walk can be repeated.
    #[arg(long = "loop")]
    closed: bool,
    /// Frames a second of the GIF.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(i64::from(*GIF_RATES.start())..=i64::from(*GIF_RATES.end())))]
    fps: u32,
    /// The GIF to write; MODEL-walk.gif when neither it nor --frames is given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder for the frames as PNG files; made if need be.
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SpaceArg {
    /// On straight lines between styles.
    Style,
    /// On arcs between latents.
    Latent,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EaseArg {
    /// Slowly away from a picture and slowly towards the next.
    Smooth,
    /// In equal steps.
    Linear,
}

/// What keeps a walk from being written.
enum Stopped {
    Engine(EngineError),
    Image(ImageError),
}

impl From<ImageError> for Stopped {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Runs the command.
pub(super) fn run(args: &WalkArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let points = Point::list(args.seeds.as_ref(), &args.style_code);
    let usual = || format!("{}-walk.gif", args.generation.label()).into();
    let gif = args.output.clone().or_else(|| args.frames.is_none().then(usual));
    if let Some(path) = &gif {
        if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("gif")) {
            return Err(Failure::usage(format!("{}: a walk is written as .gif, or as --frames DIR", path.display())));
        }
        refuse_existing(path, args.overwrite)?;
    }
    let options = OutputOptions { overwrite: args.overwrite, ..OutputOptions::default() };
    let job = WalkJob {
        steps: args.steps,
        space: match args.space {
            SpaceArg::Style => Space::Style,
            SpaceArg::Latent => Space::Latent,
        },
        ease: match args.ease {
            EaseArg::Smooth => Ease::Smooth,
            EaseArg::Linear => Ease::Linear,
        },
        closed: args.closed,
    };
    let control = reporter.control();
    let studio = args.generation.open(global, &control)?;
    let walk = Walk::new(&studio, &points, job)?;
    let digits = walk.frames().to_string().len();
    let frame = |index: usize| args.frames.as_ref().map(|folder| folder.join(format!("frame-{index:0digits$}.png")));
    if let Some(folder) = &args.frames {
        make_folder(folder)?;
        (0..walk.frames()).filter_map(frame).try_for_each(|path| refuse_existing(&path, args.overwrite))?;
    }
    let writer = Writer { options: &options, reporter, control: &control };
    let (started, stage) = (Instant::now(), "frames".to_owned());
    let mut source = walk.one_by_one(&control);
    let mut number = 0;
    let mut next = || -> Result<Option<Picture>, Stopped> {
        let Some(picture) = source()? else { return Ok(None) };
        if let Some(path) = frame(number) {
            let made = walk.made(number, &points, picture.clone());
            Target::File(path).write(&made.picture, &options, Some(made.parameters), &control)?;
        }
        number += 1;
        Ok(Some(picture))
    };
    let written = match &gif {
        Some(_) => encode_gif(args.fps, &mut next).map(Some),
        None => std::iter::from_fn(|| next().transpose()).try_for_each(|frame| frame.map(drop)).map(|()| None),
    };
    let bytes = written.map_err(|stopped| match stopped {
        Stopped::Engine(error) => Failure::from(error),
        Stopped::Image(error) => Failure::usage(error.to_string()),
    })?;
    control.emit(Event::Finished { stage, seconds: started.elapsed().as_secs_f64() });
    if let (Some(path), Some(bytes)) = (&gif, bytes) {
        write_atomic(path, &bytes)?;
        writer.say(path);
    }
    if let Some(folder) = &args.frames {
        writer.say(folder);
    }
    Ok(())
}
