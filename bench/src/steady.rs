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
/// Steps between two marks.
const HUNDRED: usize = 100;
/// Growth up to this share of what was resident early is the allocator's own unrest; so are a few MiB.
const UNREST: (f64, f64) = (0.1, 8.0 * MIB);

const MIB: f64 = (1 << 20) as f64;

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

/// One training's resident memory, in bytes: the median of the last [`WINDOW`] steps of every hundred.
#[derive(Debug, Serialize)]
struct Growth {
    case: &'static str,
    resident: Vec<f64>,
}

impl Growth {
    fn new(case: &'static str, steps: &[f64]) -> Self {
        let resident = steps.chunks_exact(HUNDRED).map(|chunk| median(&chunk[HUNDRED - WINDOW..])).collect();
        Self { case, resident }
    }

    /// Whether more came than the allocator's unrest explains.
    fn is_growth(&self) -> bool {
        let early = self.resident.first().copied().unwrap_or_default();
        self.bytes() > (UNREST.0 * early).max(UNREST.1)
    }

    /// From the first hundred steps, in which pools and caches fill, to the last.
    fn bytes(&self) -> f64 {
        self.resident.last().zip(self.resident.first()).map_or(0.0, |(late, early)| late - early)
    }
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
        growth.push(Growth::new(case.name, &resident));
    }
    println!("{}", circumstances.line());
    println!("resident memory in MiB after every {HUNDRED} steps (the median of {WINDOW}), and what it grew by:");
    for growth in &growth {
        let marks: String = growth.resident.iter().map(|bytes| format!(" {:6.1}", bytes / MIB)).collect();
        println!("  {:18}{marks}  {:+.1}", growth.case, growth.bytes() / MIB);
    }
    let record = Record { bench: "steady", circumstances, steps: args.steps, growth };
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    match record.growth.iter().find(|growth| growth.is_growth()) {
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
    use super::*;

    #[test]
    fn growth_is_from_the_first_mark_to_the_last() {
        // Grows by a byte a step, after a start that is another matter.
        let steps: Vec<f64> = (0..350).map(|i| if i < 50 { 1e6 } else { f64::from(i) }).collect();
        let growth = Growth::new("a", &steps);
        assert_eq!((growth.resident.len(), growth.bytes()), (3, 200.0));
        for (late, grew) in [(100.0, false), (107.0, false), (109.0, true)] {
            let growth = Growth { case: "a", resident: vec![70.0 * MIB, (late - 30.0) * MIB] };
            assert_eq!(growth.is_growth(), grew, "{late}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn resident_memory_is_read() {
        let bytes = resident_bytes().unwrap();
        assert!((1e6..1e12).contains(&bytes), "{bytes}");
    }
}
