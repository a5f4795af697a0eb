//! Whether memory grows while a network is trained: resident memory early and late.

use anyhow::{Context, Result, bail};
use clap::Args;
use impasto_engine::Device;
use serde::Serialize;

use crate::cases::{self, Material, Peers};
use crate::record::{self, Circumstances};
use crate::statistics::median;

/// Steps before a mark over which the median is taken: allocators keep more at one moment than at another.
const WINDOW: usize = 20;
/// The step by which pools and caches have filled.
const EARLY: usize = 100;
/// Growth up to this, in bytes, is the allocator's own unrest.
const UNREST: f64 = (4 << 20) as f64;

/// Options of `steady`.
#[derive(Debug, Args)]
pub(crate) struct SteadyArgs {
    /// Training steps to repeat; all where not given.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    cases: Vec<String>,
    /// How often.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(200..))]
    steps: u32,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
}

/// One training's resident memory, in bytes.
#[derive(Debug, Serialize)]
struct Growth {
    case: &'static str,
    early: f64,
    late: f64,
}

#[derive(Debug, Serialize)]
struct Record {
    bench: &'static str,
    circumstances: Circumstances,
    steps: u32,
    growth: Vec<Growth>,
}

/// Runs the steps and fails where memory grew.
pub(crate) fn run(args: &SteadyArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let cases = cases::choose(&args.cases, |case| case.peers != Peers::All)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let material = Material::new(scratch.path(), None)?;
    let mut growth = Vec::new();
    for case in cases {
        eprintln!("{}, {} px", case.title, case.small);
        let weights = (case.weights)(&material)?.own;
        let mut workload = (case.open)(&weights, (case.inputs)(&material, case.small)?, &Device::flex())?;
        let mut resident = Vec::with_capacity(args.steps as usize);
        for _ in 0..args.steps {
            workload.run()?;
            resident.push(resident_bytes()?);
        }
        let at = |step: usize| median(&resident[step - WINDOW..step]);
        growth.push(Growth { case: case.name, early: at(EARLY), late: at(resident.len()) });
    }
    println!("{}", circumstances.line());
    println!("resident memory in MiB at step {EARLY} and at step {}, each the median of {WINDOW} steps:", args.steps);
    for Growth { case, early, late } in &growth {
        let [early, late] = [early, late].map(|bytes| bytes / f64::from(1 << 20));
        println!("  {case:24} {early:>8.1} {late:>8.1} {:>+8.1}", late - early);
    }
    let record = Record { bench: "steady", circumstances, steps: args.steps, growth };
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    match record.growth.iter().find(|growth| growth.late - growth.early > UNREST) {
        Some(Growth { case, .. }) => bail!("the memory of {case} grew; something is kept from step to step"),
        None => Ok(()),
    }
}

/// Memory of this process that is resident, in bytes.
fn resident_bytes() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status").context("resident memory is known on Linux only")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no resident memory in the status")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().context("resident memory in the status")?;
    Ok(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn resident_memory_is_read() {
        let bytes = super::resident_bytes().unwrap();
        assert!((1e6..1e12).contains(&bytes), "{bytes}");
    }
}
