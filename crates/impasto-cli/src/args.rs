//! What the command line takes. Options shared by all commands are here, each command's own beside its code.

use clap::{Args, Parser, Subcommand, ValueEnum};
use impasto_engine::device::{self, DeviceSpec, OpenDevice};

use crate::commands::adjust::AdjustArgs;
use crate::commands::dataset::DatasetCommand;
use crate::commands::doctor::DoctorArgs;
use crate::commands::eval::EvalCommand;
use crate::commands::explore::ExploreCommand;
use crate::commands::generate::GenerateArgs;
use crate::commands::inspect::InspectArgs;
use crate::commands::mix::MixArgs;
use crate::commands::models::ModelsCommand;
use crate::commands::serve::ServeArgs;
use crate::commands::shell::{CompletionsArgs, ManArgs};
use crate::commands::styles::StylesCommand;
use crate::commands::stylize::StylizeArgs;
use crate::commands::train::TrainArgs;
use crate::commands::translate::TranslateArgs;
use crate::failure::Failure;

/// The exit codes, for the help text.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an input was refused, 4 a resource limit was \
                          reached, 130 interrupted.";

/// Makes pictures with neural networks: paints photographs in the style of paintings, and new pictures from noise, with models of its own.
#[derive(Debug, Parser)]
#[command(name = "impasto", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Where to compute: auto, cpu, cuda:N or wgpu:N (the first without :N); auto takes the best that is compiled in and present.
    #[arg(long, global = true, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceSpec>,
    /// Seed of everything random; when absent it is drawn, and said, but for eval, where it is 0 so that reports can be compared.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(..1 << 53))]
    pub(crate) seed: Option<u64>,
    /// How progress is shown, on standard error.
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    /// Say nothing but warnings and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    /// The device asked for.
    pub(crate) fn device(&self) -> DeviceSpec {
        self.device.unwrap_or_default()
    }

    /// The device asked for, opened.
    pub(crate) fn open_device(&self) -> Result<OpenDevice, Failure> {
        Ok(device::open(self.device())?)
    }

    /// The seed asked for, or one drawn from the system's randomness. 32 bits, so that it is easy to type.
    pub(crate) fn seed(&self) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        self.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) >> 32)
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere.
    Auto,
    /// A line now and then.
    Plain,
    /// One JSON object a line for every event, notes, warnings and errors included.
    Json,
    /// None; notes, warnings and errors as plain lines.
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Paint pictures in the style of others.
    Stylize(Box<StylizeArgs>),
    /// Turn pictures of one kind into another, with what 'train translate' has learnt.
    Translate(Box<TranslateArgs>),
    /// Change brightness, contrast, colours, sharpness and grain of pictures.
    Adjust(AdjustArgs),
    /// Train a network on folders of pictures, or go on with a run.
    Train(TrainArgs),
    /// Make pictures with a trained generator.
    Generate(Box<GenerateArgs>),
    /// Mix the styles of a generator's pictures in a table, or styles of painting along a path.
    Mix(Box<MixArgs>),
    /// Explore what a generator has learned: directions, walks, variations, photographs, evolution.
    #[command(subcommand)]
    Explore(Box<ExploreCommand>),
    /// The algorithms, generators and styles there are.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Make styles of one's own.
    #[command(subcommand)]
    Styles(StylesCommand),
    /// Look at pictures before training on them.
    #[command(subcommand)]
    Dataset(Box<DatasetCommand>),
    /// Judge results: figures with their protocol, beside what copying would score.
    #[command(subcommand)]
    Eval(Box<EvalCommand>),
    /// Say what a picture or a weights file holds, and how it was made.
    Inspect(InspectArgs),
    /// Say what this machine offers, and check that it computes right.
    Doctor(DoctorArgs),
    /// Open the studio: a page in the browser and an API, on a queue.
    Serve(ServeArgs),
    /// Decode one picture for a server; not for people.
    #[command(hide = true)]
    DecodeChild,
    /// Print the completion script of a shell.
    Completions(CompletionsArgs),
    /// Print the manual page.
    Man(ManArgs),
}
