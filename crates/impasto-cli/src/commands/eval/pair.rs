//! `impasto eval pair`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::eval::{PairFigure, PairOptions, evaluate_pair};

use super::{NetworkArgs, tile_range};
use crate::args::Global;
use crate::commands::pictures::{LimitArgs, input};
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Options of `impasto eval pair`.
#[derive(Debug, Args)]
pub(crate) struct PairArgs {
    /// The first picture; style distances count it as the output.
    first: PathBuf,
    /// The second picture; style distances count it as the style.
    second: PathBuf,
    /// Resize the second picture to the first's size where they differ.
    #[arg(long)]
    resize: bool,
    /// Look for seams in the first picture, which was painted in tiles of this many pixels.
    #[arg(long, value_name = "PX", value_parser = tile_range())]
    tile: Option<u32>,
    /// Print JSON in place of lines, with the protocol.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(super) fn run(args: &PairArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (limits, control) = (args.limits.limits(), reporter.control());
    let networks = args.networks.open(&global.open_device()?)?;
    let (first, second) = (input(&args.first, &limits)?, input(&args.second, &limits)?);
    let options = PairOptions { fit: args.resize, tile: args.tile };
    let found = evaluate_pair((&first, &second), options, &networks, &limits, &control)?;
    if args.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|e| Failure { code: FAILED, message: format!("cannot print JSON: {e}") })?;
        reporter.result(&text);
        return Ok(());
    }
    found.figures.iter().for_each(|figure| reporter.result(&line(figure)));
    Ok(())
}

/// `lpips 0.1234`: name and value with one space between, for programs too.
fn line(figure: &PairFigure) -> String {
    match (figure.value, &figure.missing) {
        (Some(value), _) => format!("{} {value:.*}", figure.name, figure.digits),
        (None, Some(reason)) => format!("{} left out: {reason}", figure.name),
        (None, None) => format!("{} left out", figure.name),
    }
}
