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
    /// Folder of another run, begun from the same weights, to average with; may be given several times and know fewer artists.
    /// What is known of works is the first run's.
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

/// Averages weights with those of other runs (Wortsman et al. 2022, model soups). Of artists only the hand is weights; their other
/// arrays are of works. A run may know fewer artists than the first one: a hand is the mean of those who have it.
fn average(arrays: &mut Arrays, others: &[Arrays]) -> Result<()> {
    let hand = |name: &str| name.starts_with("artists.") && name.ends_with(".hand");
    for (name, array) in arrays.iter_mut().filter(|(name, _)| hand(name) || !name.starts_with("artists.")) {
        let mut count = 1.0;
        for others in others {
            let other = match others.get(name) {
                Some(other) if other.shape == array.shape => other,
                None if hand(name) => continue,
                _ => bail!("the runs differ in '{name}'"),
            };
            count += 1.0;
            array.values.iter_mut().zip(&other.values).for_each(|(value, other)| *value += (other - *value) / count);
        }
    }
    Ok(())
}

/// Writes the run's averaged weights as a bundled generator, or as those of the algorithm they belong to.
pub(crate) fn ship(args: &GeneratorArgs) -> Result<()> {
    let (mut header, mut arrays) = load(&args.run)?;
    let others = args.mean_with.iter().map(|run| load(run)).collect::<Result<Vec<_>>>()?;
    let (headers, others): (Vec<Header>, Vec<Arrays>) = others.into_iter().unzip();
    average(&mut arrays, &others)?;
    let trainings: Vec<_> = headers.into_iter().map(|header| header.training).collect();
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
        average(&mut mean, &[model(3.0), model(8.0)]).unwrap();
        let values: Vec<f32> = mean.values().map(|array| array.values[0]).collect();
        assert_eq!(values, [4.0, 1.0, 4.0]);
        // One that does not know the artist has no say in the hand; one without weights is another network.
        let mut fewer = model(0.0);
        fewer.retain(|name, _| !name.starts_with("artists."));
        average(&mut mean, &[fewer.clone(), model(8.0)]).unwrap();
        let values: Vec<f32> = mean.values().map(|array| array.values[0]).collect();
        assert_eq!(values, [6.0, 1.0, 4.0]);
        fewer.remove("paint.weight");
        assert!(average(&mut mean, &[fewer]).unwrap_err().to_string().contains("paint.weight"));
    }
}
