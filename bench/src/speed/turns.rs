//! Networks alone, data in memory: every program runs the same case, taking turns.

use std::time::Duration;

use anyhow::{Context, Result};
use impasto_engine::weights::Arrays;

use super::ground::{Ground, PEERS, Peer, REFERENCE};
use super::table::{Clock, Task, summaries};
use crate::cases::{self, CASES, Case, Peers};
use crate::worker::{Load, Request, Worker};

/// Between two turns: threads of the one before may still spin in wait of work.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// What tables call impasto without its kernels.
const BURN: &str = "burn's own operations";

/// A program that answers requests.
struct Program {
    name: &'static str,
    /// `None` for impasto itself, with or without its kernels.
    peer: Option<Peer>,
    worker: Worker,
}

/// All cases of a network, at all sizes. The processes live as long, so that peaks of memory are this network's.
pub(super) fn run(ground: &Ground<'_>, network: &str) -> Result<Vec<Task>> {
    let mut programs = vec![Program { name: "impasto", peer: None, worker: ground.serve_own(true)? }];
    if ground.args.without_kernels {
        programs.push(Program { name: BURN, peer: None, worker: ground.serve_own(false)? });
    }
    let cases: Vec<&Case> = CASES.iter().filter(|case| case.network == network).collect();
    for peer in PEERS.iter().filter(|peer| cases.iter().any(|case| peer.runs(case))) {
        let worker = ground.serve(peer.engine, peer.name)?;
        programs.extend(worker.map(|worker| Program { name: peer.name, peer: Some(*peer), worker }));
    }
    let mut sizes = ground.args.sizes.clone();
    sizes.sort_unstable(); // peaks of memory only grow
    let mut tasks = Vec::new();
    for case in cases {
        for side in case.side.map_or_else(|| sizes.clone(), |side| vec![side]) {
            eprintln!("{}, {side} px", case.title);
            tasks.push(compare(ground, case, side, &mut programs)?);
        }
    }
    Ok(tasks)
}

fn compare(ground: &Ground<'_>, case: &Case, side: usize, programs: &mut [Program]) -> Result<Task> {
    let weights = (case.weights)(&ground.material)?;
    let inputs = ground.scratch("inputs.safetensors");
    cases::write(&inputs, &(case.inputs)(&ground.material, side)?)?;
    let graph = graph(ground, case, side);
    let load = Load { case: case.name.to_owned(), weights: weights.peers, inputs, graph: Some(graph) };
    let reference = if case.peers == Peers::None { None } else { reference(ground, case, &load)? };
    let own = Load { weights: weights.own, ..load.clone() };
    let mut running: Vec<&mut Program> =
        programs.iter_mut().filter(|p| p.peer.is_none_or(|peer| peer.runs(case))).collect();
    let mut versions = Vec::new();
    for program in &mut running {
        let load = if program.peer.is_none() { &own } else { &load };
        versions.push(program.worker.ask(&Request::Load(load.clone()))?.version);
    }
    let clocks = take_turns(ground.args.rounds, &mut running)?;
    let names = running.iter().map(|program| (program.name, program.worker.peak()));
    let mut times = summaries(names, &clocks);
    // Where nobody computes it in f64, the two ways of impasto's own are compared.
    let reference = match reference {
        None if ground.args.without_kernels => Some(outputs(ground, &mut running[0].worker)?),
        reference => reference,
    };
    for ((times, version), program) in times.iter_mut().zip(versions).zip(&mut running) {
        times.version = version;
        if let Some(reference) = &reference {
            times.error = Some(cases::distance(&outputs(ground, &mut program.worker)?, reference));
        }
    }
    let most_error = case.peers.most_error();
    Ok(Task { name: case.title.to_owned(), side, work: (case.work)(side), most_error, times })
}

/// Lets all programs take turns.
fn take_turns(rounds: u32, programs: &mut [&mut Program]) -> Result<Vec<Clock>> {
    for program in programs.iter_mut() {
        for _ in 0..2 {
            program.worker.time(&Request::Run)?; // the first times are those of caches and pools that fill
        }
    }
    let mut clocks = vec![Clock::default(); programs.len()];
    for round in 0..rounds as usize {
        for turn in 0..programs.len() {
            let i = (round + turn) % programs.len();
            std::thread::sleep(PAUSE);
            let (seconds, worked) = programs[i].worker.time(&Request::Run)?;
            clocks[i].seconds.push(seconds);
            clocks[i].processor.extend(worked);
        }
    }
    Ok(clocks)
}

/// A case as ONNX.
pub(super) fn graph(ground: &Ground<'_>, case: &Case, side: usize) -> std::path::PathBuf {
    ground.scratch(&format!("{}-{side}.onnx", case.name))
}

/// What the case gives in f64, rounded to f32; writes it as ONNX on the way. `None` without Python.
pub(super) fn reference(ground: &Ground<'_>, case: &Case, load: &Load) -> Result<Option<Arrays>> {
    let Some(mut worker) = ground.serve(REFERENCE, "PyTorch in f64")? else { return Ok(None) };
    worker.ask(&Request::Load(load.clone()))?;
    worker.ask(&Request::Run)?;
    let outputs = outputs(ground, &mut worker)?;
    if case.peers == Peers::All {
        worker.ask(&Request::Export { path: load.graph.clone().context("no file for the graph")? })?;
    }
    Ok(Some(outputs))
}

fn outputs(ground: &Ground<'_>, worker: &mut Worker) -> Result<Arrays> {
    let path = ground.scratch("outputs.safetensors");
    worker.ask(&Request::Save { path: path.clone() })?;
    cases::read(&path)
}
