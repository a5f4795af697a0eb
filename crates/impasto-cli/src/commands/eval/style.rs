//! `impasto eval style`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::Resources;
use impasto_engine::pipeline::eval::{OutFolder, Painting, StyleCandidate, StyleEvaluation, evaluate_style};

use super::{NetworkArgs, ReportArgs, evaluate, tile_range};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto eval style`.
#[derive(Debug, Args)]
pub(crate) struct StyleArgs {
    /// Folder of contents: the photographs that were painted.
    #[arg(long, value_name = "DIR")]
    contents: PathBuf,
    /// Folder of styles: the paintings they were painted like.
    #[arg(long, value_name = "DIR")]
    styles: PathBuf,
    /// Folder of outputs, named CONTENT-STYLE as 'impasto stylize' does; may be given several times, a row for each.
    #[arg(long, value_name = "DIR", required_unless_present = "model")]
    outputs: Vec<PathBuf>,
    /// Paint the outputs first, every content in every style, with this method of 'impasto stylize' or this weights file;
    /// may be given several times.
    #[arg(long, value_name = "NAME|FILE")]
    model: Vec<String>,
    /// Keep painted outputs in this folder; with several models each gets its own folder within. What is there already, made
    /// with the same settings, is taken as it is. Without it they go away in the end.
    #[arg(long, value_name = "DIR", requires = "model")]
    out_dir: Option<PathBuf>,
    /// Longer side of painted outputs; the contents' own size when absent.
    #[arg(long, value_name = "PX", requires = "model", value_parser = clap::value_parser!(u32).range(64..=16_384))]
    size: Option<u32>,
    /// Table in CSV with the columns output, content and style, for outputs of other names.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pairs: Option<PathBuf>,
    /// Look for seams in outputs that were painted in tiles of this many pixels.
    #[arg(long, value_name = "PX", value_parser = tile_range())]
    tile: Option<u32>,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
pub(super) fn run(args: StyleArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let mut candidates: Vec<StyleCandidate> = args.outputs.iter().cloned().map(StyleCandidate::Outputs).collect();
    let out = (!args.model.is_empty()).then(|| OutFolder::new(args.out_dir.clone())).transpose()?;
    let out_dir = out.as_ref().map_or_else(PathBuf::new, |out| out.path().to_owned());
    for model in &args.model {
        let mut painting = Painting {
            model: model.clone(),
            folder: out_dir.clone(),
            overwrite: args.report.overwrite,
            size: args.size,
        };
        if args.model.len() > 1 {
            painting.folder = out_dir.join(painting.label());
        }
        candidates.push(StyleCandidate::Model(painting));
    }
    let StyleArgs { contents, styles, pairs, tile, .. } = args;
    let request = StyleEvaluation { contents, styles, candidates, pairs, tile };
    evaluate(&args.networks, &args.report, global, reporter, |evaluator, device| {
        let resources = Resources { limits: evaluator.limits, ..Resources::new(device) };
        evaluate_style(&request, evaluator, &resources)
    })
}
