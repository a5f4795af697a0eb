//! Whether the same bits come out whatever the number of threads, and every time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use impasto_engine::models::hash_file;
use serde::Serialize;

use crate::cases::{self, Material, Peers};
use crate::record::{self, Circumstances};
use crate::worker::{Load, Request, Worker};

/// Options of `threads`.
#[derive(Debug, Args)]
pub(crate) struct ThreadsArgs {
    /// What to run; everything where not given.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    cases: Vec<String>,
    /// Numbers of threads.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,2,3",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Vec<u32>,
    /// Runs with each number of threads, in one process each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Side of the contents in pixels.
    #[arg(long, value_name = "PX", default_value = "256", value_parser = cases::side)]
    side: usize,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What one case gave.
#[derive(Debug, Serialize)]
struct Outcome {
    case: &'static str,
    /// For each run, the BLAKE3 hashes of everything that came out, with any number of threads: one of each where the
    /// bits are the same. Of what starts anew every time all runs are one set.
    hashes: Vec<BTreeSet<String>>,
}

impl Outcome {
    fn same(&self) -> bool {
        self.hashes.iter().all(|hashes| hashes.len() == 1)
    }
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: Circumstances,
    instruction_set: &'static str,
    threads: &'a [u32],
    runs: u32,
    outcomes: Vec<Outcome>,
}

/// Runs everything and fails where bits differ.
pub(crate) fn run(args: &ThreadsArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let cases = cases::choose(&args.cases, |_| true)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let material = Material::new(scratch.path(), None)?;
    let mut outcomes = Vec::new();
    for case in cases {
        let side = case.side.unwrap_or(args.side);
        eprintln!("{}, {side} px", case.title);
        let inputs = scratch.path().join("inputs.safetensors");
        cases::write(&inputs, &(case.inputs)(&material, side)?)?;
        let weights = (case.weights)(&material)?.own;
        let load = Load { case: case.name.to_owned(), weights, inputs, graph: None };
        let outputs = scratch.path().join("outputs.safetensors");
        let mut hashes = vec![BTreeSet::new(); args.runs as usize];
        for threads in &args.threads {
            let mut command = Command::new(std::env::current_exe().context("cannot find this program's own file")?);
            command.arg("serve").env("RAYON_NUM_THREADS", threads.to_string());
            let mut worker = Worker::start("impasto", command)?;
            worker.ask(&Request::Load(load.clone()))?;
            for hashes in &mut hashes {
                worker.ask(&Request::Run)?;
                worker.ask(&Request::Save { path: outputs.clone() })?;
                hashes.insert(hash_file(&outputs)?);
            }
        }
        if case.peers != Peers::None {
            let all = hashes.into_iter().flatten().collect();
            hashes = vec![all];
        }
        outcomes.push(Outcome { case: case.name, hashes });
    }
    let instruction_set = impasto_engine::device::instruction_set()?;
    println!("{}", circumstances.line());
    println!("{} runs with each of {:?} threads; impasto's kernels run {instruction_set}", args.runs, args.threads);
    for outcome in &outcomes {
        let first = outcome.hashes.last().and_then(BTreeSet::first).map_or("", |hash| &hash[..16]);
        println!("  {:24} {:10} {first}", outcome.case, if outcome.same() { "same bits" } else { "DIFFERENT" });
    }
    let threads = &args.threads;
    let record = Record { bench: "threads", circumstances, instruction_set, threads, runs: args.runs, outcomes };
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    match record.outcomes.iter().find(|outcome| !outcome.same()) {
        Some(outcome) => bail!("{} does not give the same bits every time", outcome.case),
        None => Ok(()),
    }
}
