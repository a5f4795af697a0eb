//! The speed table: impasto, PyTorch and ONNX Runtime with the same weights, taking turns.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use impasto_engine::Device;
use impasto_image::{EncodeOptions, Format, Picture, crop, resize, resize_to_short_side};
use serde::Serialize;

use crate::floor;
use crate::networks::Network;
use crate::record::{self, Circumstances};
use crate::shared::{self, Shared};
use crate::statistics::median;
use crate::worker::{self, Raw, Request, Worker};

/// The photograph that is painted and the painting, below `data`; what they show does not matter to the time.
const CONTENT: usize = 22;
/// Side of the painting in pixels.
const STYLE_SIDE: usize = 512;
/// Side at which whole programs are compared.
const PROGRAM_SIDE: usize = 512;
/// Between two turns: threads of the one before may still spin in wait of work.
const PAUSE: Duration = Duration::from_millis(200);
/// Outputs of the same weights must agree to this many decibels.
const LEAST_PSNR: f64 = 60.0;

/// Options of `speed`.
#[derive(Debug, Args)]
pub(crate) struct SpeedArgs {
    /// Sides of the square contents in pixels.
    #[arg(long, value_name = "PX,...", value_delimiter = ',', default_value = "256,512,1024")]
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
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The engines of `peers.py` and what tables call them.
const PEERS: [(&str, &str); 3] =
    [("torch", "PyTorch"), ("torch-channels-last", "PyTorch, channels last"), ("onnxruntime", "ONNX Runtime")];

/// One program's times at one task.
#[derive(Debug, Clone, Serialize)]
struct Times {
    program: String,
    version: Option<String>,
    /// Median, least and most seconds.
    seconds: [f64; 3],
    /// Median of the seconds that processors worked for it, waiting threads that spin included. Other programs disturb it
    /// less.
    processor_seconds: Option<f64>,
    /// Median over the rounds of these seconds divided by impasto's in the same round, with the same weights.
    ratio: Option<f64>,
    /// Most memory resident, in bytes; of networks since the process began, sizes from small to large.
    peak_bytes: Option<u64>,
    /// Agreement of the picture with impasto's, in decibels.
    psnr: Option<f64>,
}

/// All programs at one task.
#[derive(Debug, Serialize)]
struct Task {
    name: String,
    side: usize,
    /// Multiply-accumulates of MicroAST, in all.
    macs: Option<f64>,
    /// Bytes that move when every layer of it reads and writes once.
    bytes: Option<f64>,
    times: Vec<Times>,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: &'a Circumstances,
    load_average_at_the_end: Option<f64>,
    threads: usize,
    rounds: u32,
    networks: Vec<Network>,
    /// Best rates measured in the same run: multiply-accumulates and bytes copied a second.
    rates: Option<[f64; 2]>,
    tasks: Vec<Task>,
}

/// What everything is run with.
struct Ground<'a> {
    args: &'a SpeedArgs,
    scratch: &'a Path,
    /// MicroAST's weights with its authors' names.
    foreign: PathBuf,
    python: Option<PathBuf>,
    impasto: PathBuf,
    networks: Vec<Network>,
}

/// A whole program that paints a file.
struct Program<'a> {
    name: String,
    /// The file it writes.
    out: PathBuf,
    /// Its command line, given that file.
    command: Box<dyn Fn(&Path) -> Command + 'a>,
}

/// Runs the comparison.
pub(crate) fn run(args: &SpeedArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let ground = Ground::new(args, scratch.path())?;
    ground.export()?;
    let (mut tasks, rates) = ground.networks()?;
    tasks.push(ground.programs()?);
    let record = Record {
        bench: "speed",
        circumstances: &circumstances,
        load_average_at_the_end: record::load_average(),
        threads: args.threads,
        rounds: args.rounds,
        networks: ground.networks.clone(),
        rates,
        tasks,
    };
    print(&record);
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    let apart = record.tasks.iter().flat_map(|task| &task.times).filter(|t| t.psnr.is_some_and(|p| p < LEAST_PSNR));
    match apart.map(|times| times.program.as_str()).next() {
        Some(program) => bail!("{program} painted another picture than impasto with the same weights"),
        None => Ok(()),
    }
}

impl<'a> Ground<'a> {
    fn new(args: &'a SpeedArgs, scratch: &'a Path) -> Result<Self> {
        let shared = Shared::find()?;
        let device = Device::flex();
        let fusion = match &args.weights {
            Some(file) => Network::from_file(file, &device)?,
            None => Network::bundled_file(&device, scratch)?.map_or_else(|| Network::random(&device, scratch), Ok)?,
        };
        let foreign = shared.microast()?;
        let networks = vec![Network::microast(&foreign, &device, scratch)?, fusion];
        let photograph = shared::open(&shared.photographs(24)?[CONTENT])?;
        let painting = shared::open(&shared.paintings(1)?[0])?;
        let mut pictures = vec![("style", square(&painting, STYLE_SIDE))];
        pictures.extend(args.sizes.iter().chain([&PROGRAM_SIDE]).map(|side| ("content", square(&photograph, *side))));
        for (kind, picture) in pictures {
            let name = format!("{kind}-{}", picture.width);
            worker::write_raw(&scratch.join(&name).with_extension("f32"), &picture.to_planar())?;
            let file = scratch.join(&name).with_extension("png");
            impasto_image::save(&picture, &file, &EncodeOptions::new(Format::Png), true)?;
        }
        let beside = || -> Result<PathBuf> {
            let own = std::env::current_exe().context("cannot find this program's own file")?;
            Ok(own.with_file_name(format!("impasto{}", std::env::consts::EXE_SUFFIX)))
        };
        let impasto = args.impasto.clone().map_or_else(beside, Ok)?;
        if !impasto.is_file() {
            bail!("there is no {}; build it with: cargo build --release -p impasto-cli", impasto.display());
        }
        if args.python.is_none() {
            eprintln!("no --python: impasto alone, without peers ('bench/run' sets them up)");
        }
        Ok(Self { args, scratch, foreign, python: args.python.clone(), impasto, networks })
    }

    fn raw(&self, kind: &str, side: usize) -> Raw {
        Raw { path: self.scratch.join(format!("{kind}-{side}.f32")), height: side, width: side }
    }

    /// Gives a command its number of threads.
    fn threaded(&self, mut command: Command) -> Command {
        for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(name, self.args.threads.to_string());
        }
        command
    }

    /// `peers.py` with a subcommand.
    fn peers(&self, python: &Path, subcommand: &str) -> Command {
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers.py")).arg(subcommand);
        self.threaded(command)
    }

    /// The arguments of an engine of `peers.py`.
    fn engine(&self, python: &Path, subcommand: &str, engine: &str) -> Command {
        let mut command = self.peers(python, subcommand);
        command.arg(engine).arg("--weights").arg(&self.foreign).arg("--graphs").arg(self.scratch);
        command.args(["--threads", &self.args.threads.to_string()]);
        command
    }

    /// Writes the peers' network as ONNX.
    fn export(&self) -> Result<()> {
        let Some(python) = &self.python else { return Ok(()) };
        let mut sides: Vec<usize> = self.args.sizes.iter().copied().chain([PROGRAM_SIDE, STYLE_SIDE]).collect();
        sides.sort_unstable();
        sides.dedup();
        let mut command = self.peers(python, "export");
        command.arg("--weights").arg(&self.foreign).arg("--out").arg(self.scratch).arg("--sizes");
        command.args(sides.iter().map(|side| format!("{side}x{side}"))).stdout(Stdio::null());
        let status = command.status().with_context(|| format!("cannot start {}", python.display()))?;
        if status.success() { Ok(()) } else { bail!("the peers' network could not be exported") }
    }

    /// The networks alone: encoding a style, painting at every size.
    fn networks(&self) -> Result<(Vec<Task>, Option<[f64; 2]>)> {
        let mut workers = Vec::new();
        for network in &self.networks {
            let mut command = Command::new(std::env::current_exe()?);
            let file = network.file.as_ref().context("weights without a file")?;
            command.arg("serve").arg(network.algorithm).arg(file);
            let name = format!("impasto, {}", network.algorithm);
            workers.push((name.clone(), Worker::start(&name, self.threaded(command))?));
        }
        for (engine, name) in PEERS {
            if let Some(python) = &self.python {
                workers.push((name.to_owned(), Worker::start(name, self.engine(python, "serve", engine))?));
            }
        }
        eprintln!("encoding a style");
        for (_, worker) in &mut workers {
            worker.ask(&Request::Style(self.raw("style", STYLE_SIDE)))?;
        }
        let mut tasks = vec![self.task(&mut workers, "encode a style", STYLE_SIDE, &Request::Encode)?];
        let mut sizes = self.args.sizes.clone();
        sizes.sort_unstable(); // peaks of memory only grow
        for side in sizes {
            eprintln!("painting at {side} px");
            let mut versions = Vec::new();
            for (_, worker) in &mut workers {
                versions.push(worker.ask(&Request::Content(self.raw("content", side)))?.version);
            }
            let mut task = self.task(&mut workers, "paint", side, &Request::Paint)?;
            let pixels = (side * side) as f64;
            (task.macs, task.bytes) = (Some(floor::microast().macs * pixels), Some(floor::microast().bytes * pixels));
            let mut own: Option<Vec<f32>> = None;
            for (i, (name, worker)) in workers.iter_mut().enumerate() {
                task.times[i].version = versions[i].take();
                if name.ends_with("fusion") {
                    continue;
                }
                let path = self.scratch.join("painted.f32");
                worker.ask(&Request::Save { path: path.clone() })?;
                let painted = worker::read_raw(&path)?;
                match &own {
                    Some(own) => task.times[i].psnr = Some(psnr(own, &painted)),
                    None => own = Some(painted),
                }
            }
            tasks.push(task);
        }
        let rates = match workers.iter_mut().find(|(name, _)| name == PEERS[0].1) {
            Some((_, torch)) => {
                let answer = torch.ask(&Request::Rates)?;
                answer.macs_per_second.zip(answer.bytes_per_second).map(|(macs, bytes)| [macs, bytes])
            }
            None => None,
        };
        Ok((tasks, rates))
    }

    /// Lets all workers take turns at a request.
    fn task(&self, workers: &mut [(String, Worker)], name: &str, side: usize, request: &Request) -> Result<Task> {
        for (_, worker) in workers.iter_mut() {
            for _ in 0..2 {
                worker.time(request)?; // the first times are those of caches and pools that fill
            }
        }
        let mut seconds = vec![Vec::new(); workers.len()];
        let mut processor = vec![Vec::new(); workers.len()];
        for round in 0..self.args.rounds as usize {
            for turn in 0..workers.len() {
                let i = (round + turn) % workers.len();
                std::thread::sleep(PAUSE);
                let (time, worked) = workers[i].1.time(request)?;
                seconds[i].push(time);
                processor[i].extend(worked);
            }
        }
        let names = workers.iter().map(|(name, worker)| (name.as_str(), worker.peak()));
        Ok(Task { name: name.to_owned(), side, macs: None, bytes: None, times: summaries(names, &seconds, &processor) })
    }

    /// Whole programs, from picture files to a picture file.
    fn programs(&self) -> Result<Task> {
        let file = |kind: &str, side: usize| self.scratch.join(format!("{kind}-{side}.png"));
        let (content, style) = (file("content", PROGRAM_SIDE), file("style", STYLE_SIDE));
        let mut programs: Vec<Program<'_>> = Vec::new();
        for network in &self.networks {
            let weights = network.file.clone().context("weights without a file")?;
            let (content, style) = (&content, &style);
            let command = move |out: &Path| {
                let mut command = Command::new(&self.impasto);
                command.arg("stylize").arg(content).arg("--style").arg(style).arg("-o").arg(out);
                command.args(["--overwrite", "--quiet", "--device", "cpu", "--seed", "0"]);
                command.args(["--method", network.algorithm]).arg("--model").arg(&weights);
                self.threaded(command)
            };
            let out = self.scratch.join(format!("painted-{}.png", network.algorithm));
            programs.push(Program { name: format!("impasto, {}", network.algorithm), out, command: Box::new(command) });
        }
        for (engine, name) in PEERS {
            let Some(python) = &self.python else { break };
            if engine == "torch-channels-last" {
                continue; // reading files takes the most time of either
            }
            let (content, style) = (&content, &style);
            let command = move |out: &Path| {
                let mut command = self.engine(python, "paint", engine);
                command.arg(content).arg(style).arg(out);
                command
            };
            let out = self.scratch.join(format!("painted-{engine}.png"));
            programs.push(Program { name: name.to_owned(), out, command: Box::new(command) });
        }
        eprintln!("whole programs at {PROGRAM_SIDE} px");
        let mut seconds = vec![Vec::new(); programs.len()];
        let mut processor = vec![Vec::new(); programs.len()];
        let mut peaks = vec![None; programs.len()];
        // One round more than is counted: the first reads programs and libraries from disk.
        for round in 0..=self.args.rounds as usize {
            for turn in 0..programs.len() {
                let i = (round + turn) % programs.len();
                let Program { name, out, command } = &programs[i];
                std::thread::sleep(PAUSE);
                let (time, worked, peak) = whole(name, command(out))?;
                if round > 0 {
                    seconds[i].push(time);
                    processor[i].extend(worked);
                    peaks[i] = peaks[i].max(peak);
                }
            }
        }
        let names = programs.iter().zip(&peaks).map(|(program, peak)| (program.name.as_str(), *peak));
        let mut times = summaries(names, &seconds, &processor);
        let painted = |i: usize| -> Result<Vec<f32>> { Ok(shared::open(&programs[i].out)?.rgb) };
        let own = painted(0)?;
        for (i, times) in times.iter_mut().enumerate().skip(self.networks.len()) {
            times.psnr = Some(psnr(&own, &painted(i)?));
        }
        Ok(Task { name: "whole program".into(), side: PROGRAM_SIDE, macs: None, bytes: None, times })
    }
}

/// Runs a program to its end: seconds, the processors' seconds, and the most memory it had resident.
pub(crate) fn whole(name: &str, mut command: Command) -> Result<(f64, Option<f64>, Option<u64>)> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let pid = child.id();
    // The system forgets what a program took when it ends, so it is asked all the time.
    let watch = std::thread::spawn(move || {
        let (mut worked, mut most) = (None, None);
        while let Some(peak) = worker::peak(pid) {
            worked = worker::processor_seconds(pid).or(worked);
            most = most.max(Some(peak));
            std::thread::sleep(Duration::from_millis(4));
        }
        (worked, most)
    });
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    let seconds = begin.elapsed().as_secs_f64();
    let (worked, most) = watch.join().unwrap_or_default();
    if status.success() { Ok((seconds, worked, most)) } else { bail!("{name} failed; its own words are above") }
}

/// Times with their ratios to the first program's, which is impasto with the weights that the peers run. `fusion` is
/// another network: its ratio would say nothing.
fn summaries<'n>(
    names: impl Iterator<Item = (&'n str, Option<u64>)>,
    seconds: &[Vec<f64>],
    processor: &[Vec<f64>],
) -> Vec<Times> {
    let own = &seconds[0];
    names
        .zip(seconds)
        .zip(processor)
        .map(|(((name, peak_bytes), seconds), processor)| {
            let ratios: Vec<f64> = seconds.iter().zip(own).map(|(peer, own)| peer / own).collect();
            let (least, most) = seconds.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &s| (a.min(s), b.max(s)));
            Times {
                program: name.to_owned(),
                version: None,
                seconds: [median(seconds), least, most],
                processor_seconds: (!processor.is_empty()).then(|| median(processor)),
                ratio: (!name.ends_with("fusion")).then(|| median(&ratios)),
                peak_bytes,
                psnr: None,
            }
        })
        .collect()
}

/// The middle of a picture as a square.
fn square(picture: &Picture, side: usize) -> Picture {
    let sized = resize_to_short_side(picture, side as u32);
    let short = sized.width.min(sized.height);
    let middle = crop(&sized, (sized.width - short) / 2, (sized.height - short) / 2, short, short);
    resize(&middle, side as u32, side as u32)
}

/// Agreement of two pictures with a peak of 1, in decibels.
fn psnr(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    -10.0 * (sum / a.len() as f64).max(1e-20).log10()
}

fn print(record: &Record<'_>) {
    println!("{}", record.circumstances.line());
    if let Some(load) = record.load_average_at_the_end {
        println!("load average at the end {load:.1}");
    }
    println!(
        "{} threads each, {} rounds, taking turns; MicroAST's weights but where fusion is named",
        record.threads, record.rounds
    );
    if let Some([macs, bytes]) = record.rates {
        println!(
            "this machine in this run, at best: {:.0} GMAC/s in a matrix product, {:.1} GB/s copied",
            macs / 1e9,
            bytes / 1e9
        );
    }
    for task in &record.tasks {
        println!("\n{}, {} px", task.name, task.side);
        if let (Some(macs), Some(bytes)) = (task.macs, task.bytes) {
            print!("  floor: {:.2} GMAC, {:.0} MB layer by layer", macs / 1e9, bytes / 1e6);
            match record.rates {
                Some([fast, wide]) => {
                    println!(" ({:.0} ms and {:.0} ms at best rates)", 1e3 * macs / fast, 1e3 * bytes / wide)
                }
                None => println!(),
            }
        }
        println!(
            "  {:24} {:>9} {:>17} {:>9} {:>8} {:>9} {:>9}",
            "", "ms", "least - most", "CPU ms", "ratio", "peak MiB", "dB"
        );
        for times in &task.times {
            let [median, least, most] = times.seconds.map(|s| 1e3 * s);
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            println!(
                "  {:24} {median:>9.1} {:>17} {:>9} {:>8} {:>9} {:>9}",
                times.program,
                format!("{least:.1} - {most:.1}"),
                or_dash(times.processor_seconds.map(|s| format!("{:.1}", 1e3 * s))),
                or_dash(times.ratio.map(|r| format!("{r:.2}"))),
                or_dash(times.peak_bytes.map(|b| format!("{}", b >> 20))),
                or_dash(times.psnr.map(|p| format!("{p:.1}"))),
            );
        }
    }
    println!(
        "\nMedians. CPU ms: what processors worked for it, on all threads. Ratio: median over rounds of the time divided by \
         impasto's with the\nsame weights; above 1 is slower than impasto. dB: agreement of the picture with impasto's."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let names = [("impasto, microast", None), ("impasto, fusion", None), ("PyTorch", Some(7))];
        // The machine was slow in the second round: both took longer, the ratio stayed.
        let seconds = [vec![1.0, 10.0, 1.0], vec![9.0; 3], vec![2.0, 20.0, 3.0]];
        let times = summaries(names.into_iter(), &seconds, &[vec![], vec![1.0, 3.0, 2.0], vec![]]);
        assert_eq!((times[0].processor_seconds, times[1].processor_seconds), (None, Some(2.0)));
        assert_eq!(times[0].ratio, Some(1.0));
        assert_eq!(times[1].ratio, None);
        assert_eq!((times[2].ratio, times[2].seconds, times[2].peak_bytes), (Some(2.0), [3.0, 2.0, 20.0], Some(7)));
    }

    #[test]
    fn agreement() {
        assert!((psnr(&[0.5, 0.5], &[0.4, 0.6]) - 20.0).abs() < 1e-4);
        assert_eq!(psnr(&[0.5], &[0.5]), 200.0);
        assert_eq!(psnr(&[0.5], &[0.5, 0.5]), 0.0);
    }
}
