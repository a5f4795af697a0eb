//! Programs that run one network each and answer requests, one JSON object a line: this one (`serve`) and the peers
//! (`peers.py serve`). A process of its own for each keeps their memory apart.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use impasto_engine::models::open_network;
use impasto_engine::{Control, Device, Style, StyleRequest, Stylizer, registry, tensor};
use serde::{Deserialize, Serialize};

/// A request. The answer is a [`Answer`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Read a style (raw f32, planar RGB) and get ready for its size.
    Style(Raw),
    /// Read a content and get ready for its size.
    Content(Raw),
    /// Encode the style; answers with the seconds.
    Encode,
    /// Paint the content with the encoded style; answers with the seconds.
    Paint,
    /// Write the last picture painted, as raw f32.
    Save {
        /// Where.
        path: PathBuf,
    },
    /// Measure the machine; only PyTorch does.
    Rates,
}

/// A picture in a file of raw f32, planar RGB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Raw {
    pub(crate) path: PathBuf,
    pub(crate) height: usize,
    pub(crate) width: usize,
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

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Registry name of the stylizer.
    algorithm: String,
    /// Its weights file.
    weights: PathBuf,
}

/// Answers requests from standard input until it ends.
pub(crate) fn serve(args: &ServeArgs) -> Result<()> {
    let device = Device::flex();
    let (stylizer, _) = open_network(registry::find(&args.algorithm)?, Some(&args.weights), &device)?;
    let mut server = Server { stylizer, device, style: None, code: None, content: None, painted: None };
    for line in std::io::stdin().lock().lines() {
        let answer = server.answer(serde_json::from_str(&line?)?)?;
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}

struct Server {
    stylizer: Box<dyn Stylizer>,
    device: Device,
    style: Option<tensor::ImageTensor>,
    code: Option<Style>,
    content: Option<tensor::ImageTensor>,
    painted: Option<Vec<f32>>,
}

impl Server {
    fn answer(&mut self, request: Request) -> Result<Answer> {
        let mut answer = Answer::default();
        match request {
            Request::Style(raw) => self.style = Some(read(&raw, &self.device)?),
            Request::Content(raw) => {
                self.content = Some(read(&raw, &self.device)?);
                answer.version = Some(format!("impasto {}", env!("CARGO_PKG_VERSION")));
            }
            Request::Encode => {
                let style = self.style.as_ref().context("no style yet")?;
                let begin = Instant::now();
                let code = self.stylizer.encode_style(style)?.context("it makes no codes")?;
                answer.seconds = Some(begin.elapsed().as_secs_f64());
                self.code = Some(Style::Code(code));
            }
            Request::Paint => {
                let style = self.code.clone().context("no style yet")?;
                let content = self.content.clone().context("no content yet")?;
                let begin = Instant::now();
                let styles = vec![(style, 1.0)];
                let request = StyleRequest { content, styles, strength: 1.0, seed: 0, preview: None };
                let painted = tensor::values(self.stylizer.stylize(request, &Control::silent())?);
                answer.seconds = Some(begin.elapsed().as_secs_f64());
                self.painted = Some(painted);
            }
            Request::Save { path } => {
                let painted = self.painted.as_deref().context("nothing was painted yet")?;
                write_raw(&path, painted)?;
            }
            Request::Rates => bail!("only PyTorch measures the machine"),
        }
        Ok(answer)
    }
}

fn read(raw: &Raw, device: &Device) -> Result<tensor::ImageTensor> {
    let values = read_raw(&raw.path)?;
    if values.len() != 3 * raw.height * raw.width {
        bail!("{} does not hold {}x{} pixels", raw.path.display(), raw.width, raw.height);
    }
    Ok(tensor::from_planar(values, 1, raw.height, raw.width, device))
}

/// Reads a file of raw f32, little-endian.
pub(crate) fn read_raw(path: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// Writes a file of raw f32, little-endian.
pub(crate) fn write_raw(path: &Path, values: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
