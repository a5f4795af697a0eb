//! `impasto mix`: a generator's styles in a table, and paths between styles of painting.

mod styles;

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use impasto_engine::pipeline::generate::{Layers, Point, Seeds};

use self::styles::StylesArgs;
use super::generate::{GenerationArgs, Writer, check};
use super::pictures::{LimitArgs, OutputArgs};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// What `impasto mix` is asked for: a table's options, or a subcommand.
#[derive(Debug)]
pub(crate) enum MixArgs {
    /// A generator's styles in a table.
    Table(Box<TableArgs>),
    /// Something else.
    Other(MixCommand),
}

/// Subcommands of `impasto mix`.
#[derive(Debug, Subcommand)]
pub(crate) enum MixCommand {
    /// Paint a picture in mixtures of styles or artists: on the way from one to the next, or in a triangle of three.
    Styles(Box<StylesArgs>),
}

impl Args for MixArgs {
    fn augment_args(command: Command) -> Command {
        let command = MixCommand::augment_subcommands(TableArgs::augment_args(command));
        command.subcommand_required(false).subcommand_negates_reqs(true).args_conflicts_with_subcommands(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MixArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(match matches.subcommand_name() {
            Some(_) => Self::Other(MixCommand::from_arg_matches(matches)?),
            None => Self::Table(Box::new(TableArgs::from_arg_matches(matches)?)),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Options of a table of a generator's styles.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
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
    match args {
        MixArgs::Other(MixCommand::Styles(args)) => styles::run(&args, global, reporter),
        MixArgs::Table(args) => table(*args, global, reporter),
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
