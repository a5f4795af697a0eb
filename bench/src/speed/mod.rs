//! The speed table: impasto, PyTorch and ONNX Runtime with the same weights and inputs, taking turns.

mod ground;
pub(crate) mod programs;
mod table;
mod turns;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::cases;
use crate::networks::Network;
use crate::record::{self, Circumstances};
use ground::Ground;
use table::{Task, Times};

/// What `--networks` calls the comparison of whole programs.
const PROGRAMS: &str = "programs";

/// Whole programs that run the same weights must agree to this many decibels.
const LEAST_PSNR: f64 = 60.0;

/// Options of `speed`.
#[derive(Debug, Args)]
pub(crate) struct SpeedArgs {
    /// What to compare: johnson, microast, fusion, percept, gatys, vgg16, the training steps johnson-step, fusion-step,
    /// fastgan-step, dcgan-step and fusion-training, and programs, which paint from file to file; everything where not
    /// given.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    networks: Vec<String>,
    /// Sides of the square contents in pixels, multiples of 8.
    #[arg(long, value_name = "PX,...", value_delimiter = ',', default_value = "256,512,1024", value_parser = cases::side)]
    sizes: Vec<usize>,
    /// Turns of each program.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads of each program.
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Python with the packages of bench/requirements.txt; without it there are no peers.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// The impasto command; the one beside this program where not given.
    #[arg(long, value_name = "FILE")]
    impasto: Option<PathBuf>,
    /// Weights of fusion in place of the bundled ones. Without either they are random, which takes the same time.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Also run impasto with burn's own operations in place of its kernels.
    #[arg(long)]
    without_kernels: bool,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: &'a Circumstances,
    load_average_at_the_end: Option<f64>,
    threads: usize,
    rounds: u32,
    /// The instruction set of impasto's kernels.
    instruction_set: &'static str,
    networks: Vec<Network>,
    /// Best rates measured in the same run: multiply-accumulates and bytes copied a second.
    rates: Option<[f64; 2]>,
    tasks: Vec<Task>,
}

/// Runs the comparison.
pub(crate) fn run(args: &SpeedArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let wanted = wanted(&args.networks)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let ground = Ground::new(args, scratch.path())?;
    let mut tasks = Vec::new();
    for network in &wanted {
        tasks.extend(if *network == PROGRAMS { vec![programs::run(&ground)?] } else { turns::run(&ground, network)? });
    }
    let runs = |name: &str| wanted.contains(&name) || wanted.contains(&PROGRAMS);
    let mut networks = Vec::new();
    if runs("microast") {
        networks.push(ground.material.microast_network()?);
    }
    if runs("fusion") {
        networks.push(ground.material.fusion_network()?);
    }
    let record = Record {
        bench: "speed",
        circumstances: &circumstances,
        load_average_at_the_end: record::load_average(),
        threads: args.threads,
        rounds: args.rounds,
        instruction_set: impasto_engine::device::instruction_set()?,
        networks,
        rates: ground.rates()?,
        tasks,
    };
    table::print(&record);
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    // Figures that are no numbers are apart too.
    let apart = |task: &Task, times: &Times| {
        times.error.is_some_and(|error| error.is_nan() || error > task.most_error)
            || times.psnr.is_some_and(|psnr| psnr.is_nan() || psnr < LEAST_PSNR)
    };
    for task in &record.tasks {
        if let Some(times) = task.times.iter().find(|times| apart(task, times)) {
            bail!("{}: {} computes something else from the same weights", task.name, times.program);
        }
    }
    Ok(())
}

/// What to compare, in the order of the tables.
fn wanted(asked: &[String]) -> Result<Vec<&'static str>> {
    let mut known = cases::networks();
    known.push(PROGRAMS);
    if let Some(name) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no network '{name}' to compare; there are {}", known.join(", "));
    }
    known.retain(|name| asked.is_empty() || asked.iter().any(|asked| asked == name));
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_chosen_by_name() {
        let wanted = |names: &[&str]| wanted(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(wanted(&["programs", "johnson"]).unwrap(), ["johnson", "programs"]);
        assert_eq!(wanted(&[]).unwrap().len(), cases::networks().len() + 1);
        assert!(wanted(&["jonson"]).unwrap_err().to_string().contains("'jonson'"));
    }
}
