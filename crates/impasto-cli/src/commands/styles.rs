//! `impasto styles`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use impasto_engine::EngineError;
use impasto_engine::pipeline::{Resources, StyleDescription, StyleSource, StyleSpec, make_style, style_picture};
use impasto_engine::styles;
use impasto_engine::weights::write_atomic;

use super::models::refuse_existing;
use super::pictures::LimitArgs;
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Subcommands of `impasto styles`.
#[derive(Debug, Subcommand)]
pub(crate) enum StylesCommand {
    /// Make a style file of 14 kilobytes from a painting, for --style FILE.
    Make(MakeArgs),
}

/// Options of `impasto styles make`.
#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// The style's name.
    name: String,
    /// The painting, or what a generator makes (gen:MODEL[:seed=N,trunc=PSI,class=CLASS,code=CODE], with a drawn seed where it
    /// has none).
    #[arg(long, value_name = "PICTURE", value_parser = parse_from)]
    from: StyleSpec,
    /// The file to write; NAME.safetensors when absent.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The work's title; the name when absent.
    #[arg(long)]
    title: Option<String>,
    /// Who made it.
    #[arg(long, default_value = "")]
    artist: String,
    /// When it was made.
    #[arg(long, default_value = "")]
    year: String,
    /// Where the picture of it comes from; the generator and its seed when absent and it was made by one.
    #[arg(long, default_value = "")]
    source: String,
    /// Licence of the work and its code.
    #[arg(long, default_value = "")]
    licence: String,
    /// Weights file that shall read the style; the bundled weights when absent.
    #[arg(long, visible_alias = "weights", value_name = "FILE")]
    model: Option<PathBuf>,
    /// Shorter side at which the painting is seen: larger makes finer strokes.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=16_384))]
    style_size: Option<u32>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// `--from`: a picture's file, whatever it is called, or a generator's picture.
fn parse_from(text: &str) -> Result<StyleSpec, EngineError> {
    if text.starts_with("gen:") {
        return match text.parse::<StyleSpec>()? {
            spec if spec.weight == 1.0 => Ok(spec),
            _ => Err(EngineError::Caller("a style is made of one picture: leave out its weight".into())),
        };
    }
    let path = Path::new(text);
    let is_code = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
    let is_name = styles::names().any(|name| name == text) && !path.exists();
    if is_code || is_name {
        return Err(EngineError::Caller(format!("'{text}' is a style already: give the painting's file")));
    }
    Ok(StyleSpec { source: StyleSource::Picture(text.into()), weight: 1.0 })
}

/// Runs the command.
pub(crate) fn run(command: StylesCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let StylesCommand::Make(args) = command;
    let output = args.output.unwrap_or_else(|| format!("{}.safetensors", args.name).into());
    refuse_existing(&output, args.overwrite)?;
    let control = reporter.control();
    let from = args.from.clone().drawn(global.seed(), 0);
    let generated = matches!(from.source, StyleSource::Generated(_));
    if from != args.from {
        control.note(format!("drawn: {from}"));
    }
    let about = StyleDescription {
        title: args.title.unwrap_or(args.name),
        artist: args.artist,
        year: args.year,
        source: if generated && args.source.is_empty() { from.public_name() } else { args.source },
        licence: args.licence,
    };
    let resources = Resources { limits: args.limits.limits(), ..Resources::new(global.open_device()?) };
    let (picture, _) = style_picture(&from.source, &resources, &control)?;
    let bytes = make_style(&picture, &about, args.model.as_deref(), args.style_size, &resources)?;
    write_atomic(&output, &bytes)?;
    reporter.result(&output.display().to_string());
    Ok(())
}
