//! Takes what was trained into the program.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use impasto_engine::registry::{self, Build};
use impasto_engine::weights::{self, Precision};

use crate::root;

/// Options of `generator`.
#[derive(Debug, Args)]
pub(crate) struct GeneratorArgs {
    /// The name that `impasto generate` knows a generator by; of a stylizer, its algorithm's.
    name: String,
    /// The run's folder.
    #[arg(long)]
    run: PathBuf,
    /// What it makes, in a few words.
    #[arg(long)]
    title: String,
    /// Write over the one of this name.
    #[arg(long)]
    force: bool,
}

/// Writes the run's averaged weights as a bundled generator, or as those of the algorithm they belong to.
pub(crate) fn ship(args: &GeneratorArgs) -> Result<()> {
    let (mut header, arrays) = weights::load(&args.run.join("weights.safetensors"))?;
    header.title.clone_from(&args.title);
    let assets = root().join("crates/impasto-engine/assets");
    let folder = match registry::find(&header.algorithm)?.build {
        Build::Generator(_) => assets.join("generators"),
        _ if args.name == header.algorithm => assets,
        _ => bail!("weights of {} are bundled under that name, not as {}", header.algorithm, args.name),
    };
    let path = folder.join(format!("{}.safetensors", args.name));
    if path.exists() && !args.force {
        bail!("{} exists; give --force to write over it", path.display());
    }
    weights::save(&path, &header, &arrays, Precision::F16)?;
    println!("{}: now write its card, {}.md beside it", path.display(), args.name);
    Ok(())
}
