//! `impasto explore vary`.

use clap::Args;
use impasto_engine::EngineError;
use impasto_engine::pipeline::Target;
use impasto_engine::pipeline::explore::{Variation, VaryJob, vary};
use impasto_engine::pipeline::generate::{Grid, Made, Point, sheet};
use impasto_engine::weights::write_atomic;

use crate::args::Global;
use crate::commands::generate::{GenerationArgs, GridArg, Writer, check, parse_grid};
use crate::commands::models::refuse_existing;
use crate::commands::pictures::{LimitArgs, OutputArgs};
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto explore vary`. The seed is that of every command.
#[derive(Debug, Args)]
pub(crate) struct VaryArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// How far from the picture, from 0 (the same) to 1 (any other).
    #[arg(long, value_name = "0-1", default_value_t = 0.2, allow_negative_numbers = true)]
    amount: f32,
    /// Number of variations.
    #[arg(long, value_name = "N", default_value_t = 8)]
    count: usize,
    /// Lay the variations out on one sheet, the picture itself first; files of their own are written as well where --out-dir is
    /// given.
    #[arg(long, value_name = "COLSxROWS", num_args = 0..=1, default_missing_value = "auto", value_parser = parse_grid)]
    grid: Option<GridArg>,
    /// Write each variation's code beside its picture, for --style-code.
    #[arg(long)]
    codes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(super) fn run(args: &VaryArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (seed, model) = (global.seed(), args.generation.label());
    let point = Point::Seed(seed);
    let grid: Option<Grid> = args.grid.map(|grid| grid.of(args.count + 1)).transpose()?;
    let each = grid.is_none() || args.output.has_folder();
    if args.codes && !each {
        return Err(Failure::usage("--codes goes beside pictures of their own: give --out-dir, or leave out --grid"));
    }
    let name = |index| vec![("model", model.clone()), ("seed", Variation::label(&point, index))];
    let names: Vec<_> = (0..args.count).map(name).collect();
    let targets = if each { args.output.made(&names, "{model}-{seed}.png")? } else { Vec::new() };
    let sheet_name = format!("{model}-{}-vary.png", point.label());
    let sheet_target = match grid {
        Some(_) if each => Some(Target::File(args.output.beside(&sheet_name)?)),
        Some(_) => args.output.made(&[vec![("model", model.clone()), ("seed", point.label())]], &sheet_name)?.pop(),
        None => None,
    };
    let options = args.output.options();
    let all: Vec<Target> = targets.iter().chain(&sheet_target).cloned().collect();
    reporter.claim_stdout(&all)?;
    check(&all, &options)?;
    let code_path = |target: &Target| match target {
        Target::File(path) => Some(path.with_extension("safetensors")),
        Target::Memory(_) => None,
    };
    let codes: Vec<_> = targets.iter().filter(|_| args.codes).filter_map(code_path).collect();
    codes.iter().try_for_each(|path| refuse_existing(path, options.overwrite))?;
    let control = reporter.control();
    let studio = args.generation.open(global, &control)?;
    control.note(format!("seed {seed}"));
    if let Some(grid) = grid {
        grid.check(studio.size(), &args.limits.limits())?;
    }
    let found = vary(&studio, &VaryJob { seed, amount: args.amount, count: args.count }, &control)?;
    let writer = Writer { options: &options, reporter, control: &control };
    for (target, variation) in targets.iter().zip(&found) {
        writer.write(target, &variation.made)?;
    }
    let about = |index: usize| format!("variation {index} of seed {seed}, amount {}", args.amount);
    for (index, (path, variation)) in codes.iter().zip(&found).enumerate() {
        write_atomic(path, &variation.code.encode(studio.form(), studio.model(), &about(index))?)?;
        writer.say(path);
    }
    if let (Some(grid), Some(target)) = (grid, sheet_target) {
        let first = found.first().ok_or_else(|| EngineError::Internal("no variations were made".into()))?;
        let parameters = first.made.parameters.clone();
        let mut pictures = studio.paint(&[studio.place(&point)?])?;
        pictures.extend(found.into_iter().map(|variation| variation.made.picture));
        writer.write(&target, &Made { picture: sheet(&pictures, grid), parameters })?;
    }
    Ok(())
}
