//! Takes what was trained into the program.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use impasto_engine::registry::{self, Build};
use impasto_engine::weights::{self, Arrays, Header, Precision};

use crate::root;

/// Options of `generator`.
#[derive(Debug, Args)]
pub(crate) struct GeneratorArgs {
    /// The name that `impasto generate` knows a generator by; of a stylizer, its algorithm's.
    name: String,
    /// The run's folder.
    #[arg(long)]
    run: PathBuf,
    /// Folder of another run, begun from the same weights, to average with; may be given several times. What is known of works is
    /// the first run's.
    #[arg(long)]
    mean_with: Vec<PathBuf>,
    /// What it makes, in a few words.
    #[arg(long)]
    title: String,
    /// Write over the one of this name.
    #[arg(long)]
    force: bool,
}

fn load(run: &Path) -> Result<(Header, Arrays)> {
    Ok(weights::load(&run.join("weights.safetensors"))?)
}

/// Moves weights by `share` of the way to `others` (Wortsman et al. 2022, model soups). Of artists only the hand is weights; their
/// other arrays are of works.
fn average(arrays: &mut Arrays, others: &Arrays, share: f32) -> Result<()> {
    let learnt = |name: &str| !name.starts_with("artists.") || name.ends_with(".hand");
    for (name, array) in arrays.iter_mut().filter(|(name, _)| learnt(name)) {
        let Some(other) = others.get(name).filter(|other| other.shape == array.shape) else {
            bail!("the runs differ in '{name}'");
        };
        array.values.iter_mut().zip(&other.values).for_each(|(value, other)| *value += share * (other - *value));
    }
    Ok(())
}

/// Writes the run's averaged weights as a bundled generator, or as those of the algorithm they belong to.
pub(crate) fn ship(args: &GeneratorArgs) -> Result<()> {
    let (mut header, mut arrays) = load(&args.run)?;
    let mut trainings = Vec::new();
    for (number, run) in args.mean_with.iter().enumerate() {
        let (other, others) = load(run)?;
        average(&mut arrays, &others, 1.0 / (number as f32 + 2.0))?;
        trainings.push(other.training);
    }
    if !trainings.is_empty() {
        header.training["mean_with"] = trainings.into();
    }
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

#[cfg(test)]
mod tests {
    use impasto_engine::weights::Array;

    use super::*;

    #[test]
    fn weights_are_averaged_and_works_are_not() {
        let model = |value: f32| -> Arrays {
            let names = ["paint.weight", "artists.monet.0.hand", "artists.monet.0.tokens"];
            names.map(|name| (name.to_owned(), Array { shape: vec![1], values: vec![value] })).into()
        };
        let mut mean = model(1.0);
        average(&mut mean, &model(3.0), 1.0 / 2.0).unwrap();
        average(&mut mean, &model(8.0), 1.0 / 3.0).unwrap();
        let values: Vec<f32> = mean.values().map(|array| array.values[0]).collect();
        assert_eq!(values, [4.0, 1.0, 4.0]);
        let mut fewer = model(3.0);
        fewer.remove("paint.weight");
        assert!(average(&mut mean, &fewer, 0.5).unwrap_err().to_string().contains("paint.weight"));
    }
}
