//! `impasto explore directions`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impasto_engine::pipeline::explore::{DirectionsJob, Method, Strips, find, strips};
use impasto_engine::pipeline::generate::{Layers, Seeds};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_engine::weights::write_atomic;

use crate::args::Global;
use crate::commands::generate::{GenerationArgs, Writer};
use crate::commands::models::refuse_existing;
use crate::commands::pictures::make_folder;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto explore directions`.
#[derive(Debug, Args)]
pub(crate) struct DirectionsArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// How directions are found; may be given several times, all that apply to the generator when absent.
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    method: Vec<MethodArg>,
    /// Directions of each method; of structured codes always all.
    #[arg(long, value_name = "N", default_value_t = 6)]
    count: usize,
    /// Styles that principal and independent components are taken of.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    samples: usize,
    /// Layers that are looked at and moved, from 0, coarse to fine: 4- or -3 or 0,2-5.
    #[arg(long, value_name = "LAYERS", default_value_t = Layers::all())]
    layers: Layers,
    /// Seeds whose pictures show the directions, a row each.
    #[arg(long, value_name = "SEEDS", default_value = "0-3")]
    show: Seeds,
    /// Amounts that are shown, in deviations, a column each.
    #[arg(
        long,
        value_name = "AMOUNTS",
        value_delimiter = ',',
        default_value = "-3,-1.5,0,1.5,3",
        allow_hyphen_values = true
    )]
    amounts: Vec<f32>,
    /// The file that keeps the directions; MODEL-directions.safetensors when absent.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder for the strips; that of the file when absent. Made if need be.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Show no strips.
    #[arg(long)]
    no_strips: bool,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MethodArg {
    /// Where styles vary most.
    Pca,
    /// Where styles vary independently.
    Ica,
    /// What the weights behind the styles amplify most.
    Closed,
    /// What structured codes change, of a generator that was trained with some.
    Code,
}

impl MethodArg {
    fn method(self) -> Method {
        match self {
            Self::Pca => Method::Pca,
            Self::Ica => Method::Ica,
            Self::Closed => Method::Closed,
            Self::Code => Method::Code,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &DirectionsArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let label = args.generation.label();
    let output = args.output.clone().unwrap_or_else(|| format!("{label}-directions.safetensors").into());
    refuse_existing(&output, args.overwrite)?;
    let folder = args.out_dir.clone().unwrap_or_else(|| output.with_file_name(""));
    make_folder(&folder)?;
    let options = OutputOptions { overwrite: args.overwrite, ..OutputOptions::default() };
    let control = reporter.control();
    let studio = args.generation.open(global, &control)?;
    let methods = match &args.method[..] {
        [] => Method::of(studio.form()),
        given => given.iter().map(|method| method.method()).collect(),
    };
    // The same directions whenever they are asked for: files and commands refer to them.
    let seed = global.seed.unwrap_or_default();
    let job = DirectionsJob { methods, count: args.count, samples: args.samples, layers: args.layers.clone(), seed };
    let found = find(&studio, &job, &control)?;
    write_atomic(&output, &found.encode(studio.form())?)?;
    let writer = Writer { options: &options, reporter, control: &control };
    writer.say(&output);
    let shown = Strips { seeds: args.show.0.clone(), amounts: args.amounts.clone() };
    for direction in &found.all {
        if !args.no_strips {
            let made = strips(&studio, direction, &shown, &control)?;
            let path = folder.join(format!("{label}-{}.png", direction.name));
            writer.write(&Target::File(path), &made)?;
        }
        let (name, effect, share) = (&direction.name, direction.effect, 100.0 * direction.share);
        reporter.result(&format!("{name:<10}effect {effect:.4}  explains {share:.1} %"));
    }
    Ok(())
}
