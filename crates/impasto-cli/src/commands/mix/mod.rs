//! `impasto mix`: a generator's styles in a table, and paths between styles of painting.

mod styles;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impasto_engine::pipeline::generate::{Layers, Point, Seeds};

use self::styles::StylesArgs;
use super::generate::{GenerationArgs, Writer, check};
use super::pictures::{LimitArgs, OutputArgs};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto mix`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
pub(crate) struct MixArgs {
    #[command(subcommand)]
    command: Option<MixCommand>,
    #[command(flatten)]
    table: Option<TableArgs>,
}

/// Subcommands of `impasto mix`.
#[derive(Debug, Subcommand)]
enum MixCommand {
    /// Paint a picture in mixtures of styles or artists: on the way from one to the next, or in a triangle of three.
    Styles(Box<StylesArgs>),
}

/// Options of a table of a generator's styles.
#[derive(Debug, Args)]
struct TableArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// Seeds of the rows, like 0,1,4-6.
    #[arg(long, value_name = "SEEDS")]
    rows: Option<Seeds>,
    /// A row's code, as 'impasto explore' keeps them; may be given several times.
    #[arg(long, visible_alias = "style-code", value_name = "FILE")]
    row_code: Vec<PathBuf>,
    /// Seeds of the columns, whose styles replace those of the rows.
    #[arg(long, value_name = "SEEDS")]
    cols: Option<Seeds>,
    /// A column's code; may be given several times.
    #[arg(long, value_name = "FILE")]
    col_code: Vec<PathBuf>,
    /// Layers whose styles are replaced, from 0, coarse to fine: 4- or -3 or 0,2-5.
    #[arg(long, value_name = "LAYERS")]
    layers: Layers,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(crate) fn run(args: MixArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    match (args.command, args.table) {
        (Some(MixCommand::Styles(args)), _) => styles::run(&args, global, reporter),
        (None, Some(args)) => table(args, global, reporter),
        (None, None) => Err(Failure::usage("name a generator and --layers, or 'impasto mix styles'")),
    }
}

fn table(args: TableArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (rows, columns) =
        (Point::list(args.rows.as_ref(), &args.row_code), Point::list(args.cols.as_ref(), &args.col_code));
    let targets = args.output.made(&[vec![("model", args.generation.label())]], "{model}-mix.png")?;
    let options = args.output.options();
    reporter.claim_stdout(&targets)?;
    check(&targets, &options)?;
    let control = reporter.control();
    let studio = args.generation.open(global, &control)?;
    let made = studio.mix(&rows, &columns, &args.layers, &args.limits.limits(), &control)?;
    let writer = Writer { options: &options, reporter, control: &control };
    targets.iter().try_for_each(|target| writer.write(target, &made))?;
    Ok(())
}
