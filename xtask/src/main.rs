//! Chores of impasto's developers. `cargo run -p xtask -- scene` draws the example picture, `cargo run --release -p xtask
//! -- styles` makes the bundled styles, `cargo run --release -p xtask -- generator NAME --run DIR --title TEXT` bundles what
//! was trained.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod generator;
mod scene;
mod styles;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};
use impasto_image::{EncodeOptions, save};

#[derive(Debug, Parser)]
#[command(name = "xtask", about = "Chores of impasto's developers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draw examples/scene.png.
    Scene {
        /// Where to write it.
        #[arg(long, short, default_value_os_t = root().join("examples/scene.png"))]
        output: PathBuf,
        /// Samples a pixel along each side; 1 for a quick look.
        #[arg(long, default_value_t = scene::SAMPLING, value_parser = 1..=8)]
        sampling: i64,
    },
    /// Make the bundled style codes from paintings in the public domain.
    Styles(styles::StylesArgs),
    /// Take the generator of a training run into the program, or the weights of a stylizer.
    Generator(generator::GeneratorArgs),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Scene { output, sampling } => {
            let picture = scene::draw(usize::try_from(sampling)?)?;
            save(&picture, &output, &EncodeOptions::for_path(&output)?, true)?;
            println!("{}", output.display());
            Ok(())
        }
        Command::Styles(args) => styles::make(&args),
        Command::Generator(args) => generator::ship(&args),
    }
}

/// The workspace's folder.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
