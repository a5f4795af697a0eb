//! `impasto styles`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impasto_engine::pipeline::{Input, Resources, StyleDescription, make_style};
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
    /// The painting.
    #[arg(long, value_name = "PICTURE")]
    from: PathBuf,
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
    /// Where the picture of it comes from.
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

/// Runs the command.
pub(crate) fn run(command: StylesCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let StylesCommand::Make(args) = command;
    let output = args.output.unwrap_or_else(|| format!("{}.safetensors", args.name).into());
    refuse_existing(&output, args.overwrite)?;
    let about = StyleDescription {
        title: args.title.unwrap_or(args.name),
        artist: args.artist,
        year: args.year,
        source: args.source,
        licence: args.licence,
    };
    let resources = Resources { limits: args.limits.limits(), ..Resources::new(global.open_device()?) };
    let control = reporter.control();
    let picture = Input::File(args.from);
    let bytes = make_style(&picture, &about, args.model.as_deref(), args.style_size, &resources, &control)?;
    write_atomic(&output, &bytes)?;
    reporter.result(&output.display().to_string());
    Ok(())
}
