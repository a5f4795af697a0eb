//! What every comparison stands on: files, programs, the machine's rates.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use impasto_engine::device::KERNELS_VARIABLE;

use super::SpeedArgs;
use crate::cases::{Case, Material, Peers};
use crate::worker::{Request, Worker};

/// PyTorch in f64, which the others are measured by.
pub(super) const REFERENCE: &str = "torch-double";

/// A program of `peers`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// What `peers` calls it.
    pub(super) engine: &'static str,
    /// What tables call it.
    pub(super) name: &'static str,
    /// The cases it runs.
    runs: &'static [Peers],
}

impl Peer {
    /// Whether it runs a case.
    pub(super) fn runs(&self, case: &Case) -> bool {
        self.runs.contains(&case.peers)
    }
}

/// What impasto is compared with.
pub(super) const PEERS: [Peer; 3] = [
    Peer { engine: "torch", name: "PyTorch", runs: &[Peers::All, Peers::PyTorch] },
    Peer { engine: "torch-channels-last", name: "PyTorch, channels last", runs: &[Peers::All, Peers::PyTorch] },
    Peer { engine: "onnxruntime", name: "ONNX Runtime", runs: &[Peers::All] },
];

/// What everything is run with.
pub(super) struct Ground<'a> {
    pub(super) args: &'a SpeedArgs,
    pub(super) material: Material,
}

impl<'a> Ground<'a> {
    /// Files go to `scratch`.
    pub(super) fn new(args: &'a SpeedArgs, scratch: &Path) -> Result<Self> {
        if args.python.is_none() {
            eprintln!("no --python: impasto alone, without peers ('bench/run' sets them up)");
        }
        Ok(Self { args, material: Material::new(scratch, args.weights.clone())? })
    }

    /// A file in the scratch folder.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.material.scratch.join(name)
    }

    /// Gives a command its number of threads.
    pub(super) fn threaded(&self, mut command: Command) -> Command {
        for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(name, self.args.threads.to_string());
        }
        command
    }

    /// `peers` with a subcommand for an engine.
    pub(super) fn peer(&self, python: &Path, subcommand: &str, engine: &str) -> Command {
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")).arg(subcommand).arg(engine);
        command.args(["--threads", &self.args.threads.to_string()]);
        self.threaded(command)
    }

    /// Starts an engine that answers requests; `None` without Python.
    pub(super) fn serve(&self, engine: &str, name: &str) -> Result<Option<Worker>> {
        self.args.python.as_ref().map(|python| Worker::start(name, self.peer(python, "serve", engine))).transpose()
    }

    /// Starts impasto, answering requests; with or without its kernels.
    pub(super) fn serve_own(&self, kernels: bool) -> Result<Worker> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program's own file")?);
        command.arg("serve");
        if !kernels {
            command.env(KERNELS_VARIABLE, "off");
        }
        Worker::start("impasto", self.threaded(command))
    }

    /// The best rates of the machine, measured by PyTorch: multiply-accumulates and bytes copied a second.
    pub(super) fn rates(&self) -> Result<Option<[f64; 2]>> {
        let Some(mut torch) = self.serve(PEERS[0].engine, PEERS[0].name)? else { return Ok(None) };
        let answer = torch.ask(&Request::Rates)?;
        Ok(answer.macs_per_second.zip(answer.bytes_per_second).map(|(macs, bytes)| [macs, bytes]))
    }
}
