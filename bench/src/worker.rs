//! Programs that run one case each and answer requests, one JSON object a line: this one (`serve`) and the peers
//! (`peers`). A process of its own for each keeps their memory apart.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use impasto_engine::{Device, device};
use serde::{Deserialize, Serialize};

use crate::cases::{self, Workload};

/// A request. The answer is a [`Answer`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Read weights and inputs and get ready.
    Load(Load),
    /// Run it; answers with the seconds.
    Run,
    /// Write what the last run gave.
    Save {
        /// Where.
        path: PathBuf,
    },
    /// Write the network as ONNX; only PyTorch does.
    Export {
        /// Where.
        path: PathBuf,
    },
    /// Measure the machine; only PyTorch does.
    Rates,
}

/// What to get ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Load {
    /// The name of a case.
    pub(crate) case: String,
    /// Its weights.
    pub(crate) weights: PathBuf,
    /// Its inputs.
    pub(crate) inputs: PathBuf,
    /// It as ONNX, for the program that runs that.
    pub(crate) graph: Option<PathBuf>,
}

/// What a request is answered with, as far as it applies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) macs_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_second: Option<f64>,
}

/// A running program that answers.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a program.
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let (input, output) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
        Ok(Self { name: name.to_owned(), child, input, output: BufReader::new(output) })
    }

    /// Sends a request and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Answer> {
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        let failed = || format!("{} stopped; its own words are above", self.name);
        self.input.write_all(line.as_bytes()).and_then(|()| self.input.flush()).with_context(failed)?;
        let mut answer = String::new();
        if self.output.read_line(&mut answer)? == 0 {
            bail!(failed());
        }
        serde_json::from_str(&answer).with_context(|| format!("{} answered '{}'", self.name, answer.trim()))
    }

    /// The same for requests that are answered with a time; also the processors' seconds it took, where the system
    /// tells.
    pub(crate) fn time(&mut self, request: &Request) -> Result<(f64, Option<f64>)> {
        let before = self.processor_seconds();
        let seconds = self.ask(request)?.seconds.ok_or_else(|| anyhow!("{} told no time", self.name))?;
        Ok((seconds, self.processor_seconds().zip(before).map(|(after, before)| after - before)))
    }

    /// Seconds that all its threads have run.
    fn processor_seconds(&self) -> Option<f64> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let nanoseconds = |thread: std::fs::DirEntry| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        let sum: u64 = threads.flatten().filter_map(nanoseconds).sum();
        (sum > 0).then_some(sum as f64 * 1e-9)
    }

    /// The most memory it had resident so far, in bytes, where the system tells.
    pub(crate) fn peak(&self) -> Option<u64> {
        peak(self.child.id())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory a running process had resident so far, in bytes; `None` once it has ended.
pub(crate) fn peak(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Seconds that processors have worked for a running process, to a hundredth; `None` once it has ended.
pub(crate) fn processor_seconds(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / 100.0)
}

/// Answers requests from standard input until it ends.
pub(crate) fn serve() -> Result<()> {
    let mut workload = None;
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&mut workload, serde_json::from_str(&line?)?)?;
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}

fn answer(workload: &mut Option<Box<dyn Workload>>, request: Request) -> Result<Answer> {
    let mut answer = Answer::default();
    let loaded = "nothing was loaded yet";
    match request {
        Request::Load(Load { case, weights, inputs, .. }) => {
            *workload = None; // its memory first
            *workload = Some((cases::find(&case)?.open)(&weights, cases::read(&inputs)?, &Device::flex())?);
            answer.version = Some(format!("impasto {}", env!("CARGO_PKG_VERSION")));
        }
        Request::Run => {
            let workload = workload.as_mut().context(loaded)?;
            let begin = Instant::now();
            device::awake(&Device::flex(), || workload.run())?;
            answer.seconds = Some(begin.elapsed().as_secs_f64());
        }
        Request::Save { path } => cases::write(&path, &workload.as_ref().context(loaded)?.outputs()?)?,
        Request::Export { .. } | Request::Rates => bail!("only PyTorch does that"),
    }
    Ok(answer)
}
