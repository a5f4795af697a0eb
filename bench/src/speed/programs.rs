//! Whole programs, from picture files to a picture file, as a user waits for them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use impasto_image::{EncodeOptions, Format, Picture};

use super::ground::{Ground, PEERS};
use super::table::{Clock, Task, summaries};
use super::turns::{self, PAUSE};
use crate::cases::{self, STYLE_SIDE};
use crate::shared;
use crate::worker::{self, Load};

/// Side of the content.
const SIDE: usize = 512;

/// A program that paints a file.
struct Program<'a> {
    name: String,
    /// Whether its weights are those that the first program runs too.
    comparable: bool,
    /// The file it writes.
    out: PathBuf,
    /// Its command line, given that file.
    command: Box<dyn Fn(&Path) -> Command + 'a>,
}

/// All programs at one picture.
pub(super) fn run(ground: &Ground<'_>) -> Result<Task> {
    let own = std::env::current_exe().context("cannot find this program's own file")?;
    let beside = own.with_file_name(format!("impasto{}", std::env::consts::EXE_SUFFIX));
    let impasto = ground.args.impasto.clone().unwrap_or(beside);
    if !impasto.is_file() {
        bail!("there is no {}; build it with: cargo build --release -p impasto-cli", impasto.display());
    }
    let (content, style) = (ground.scratch("content.png"), ground.scratch("style.png"));
    save(&ground.material.content_picture(SIDE)?, &content)?;
    save(&ground.material.style_picture(STYLE_SIDE)?, &style)?;
    let mut programs: Vec<Program<'_>> = Vec::new();
    for network in [ground.material.microast_network()?, ground.material.fusion_network()?] {
        let weights = network.file.clone().context("weights without a file")?;
        let (content, style, impasto) = (&content, &style, &impasto);
        let command = move |out: &Path| {
            let mut command = Command::new(impasto);
            command.arg("stylize").arg(content).arg("--style").arg(style).arg("-o").arg(out);
            command.args(["--overwrite", "--quiet", "--device", "cpu", "--seed", "0"]);
            command.args(["--method", network.algorithm]).arg("--model").arg(&weights);
            ground.threaded(command)
        };
        let name = network.algorithm;
        programs.push(Program {
            name: format!("impasto, {name}"),
            comparable: name == "microast",
            out: ground.scratch(&format!("painted-{name}.png")),
            command: Box::new(command),
        });
    }
    if let Some(python) = &ground.args.python {
        let (weights, graphs) = peers(ground)?;
        // With channels last too, reading files takes the most time.
        for peer in PEERS.iter().filter(|peer| peer.engine != "torch-channels-last") {
            let (content, style, weights, graphs) = (&content, &style, weights.clone(), graphs.clone());
            let command = move |out: &Path| {
                let mut command = ground.peer(python, "paint", peer.engine);
                command.arg("--weights").arg(&weights);
                command.arg("--encode-graph").arg(&graphs[0]).arg("--paint-graph").arg(&graphs[1]);
                command.arg(content).arg(style).arg(out);
                command
            };
            let out = ground.scratch(&format!("painted-{}.png", peer.engine));
            programs.push(Program { name: peer.name.to_owned(), comparable: true, out, command: Box::new(command) });
        }
    }
    eprintln!("whole programs, {SIDE} px");
    compare(ground, &programs)
}

/// The weights of MicroAST as the peers read them, and its two halves as ONNX.
fn peers(ground: &Ground<'_>) -> Result<(PathBuf, [PathBuf; 2])> {
    let mut graphs = Vec::new();
    let mut weights = PathBuf::new();
    for (name, side) in [("microast-encode", STYLE_SIDE), ("microast", SIDE)] {
        let case = cases::find(name)?;
        weights = (case.weights)(&ground.material)?.peers;
        let inputs = ground.scratch("inputs.safetensors");
        cases::write(&inputs, &(case.inputs)(&ground.material, side)?)?;
        let graph = turns::graph(ground, case, side);
        let load = Load { case: name.to_owned(), weights: weights.clone(), inputs, graph: Some(graph.clone()) };
        turns::reference(ground, case, &load)?;
        graphs.push(graph);
    }
    let graphs = graphs.try_into().map_err(|_| anyhow::anyhow!("two graphs"))?;
    Ok((weights, graphs))
}

fn compare(ground: &Ground<'_>, programs: &[Program<'_>]) -> Result<Task> {
    let mut clocks = vec![Clock::default(); programs.len()];
    let mut peaks = vec![None; programs.len()];
    // One round more than is counted: the first reads programs and libraries from disk.
    for round in 0..=ground.args.rounds as usize {
        for turn in 0..programs.len() {
            let i = (round + turn) % programs.len();
            let Program { name, out, command, .. } = &programs[i];
            std::thread::sleep(PAUSE);
            let (time, worked, peak) = whole(name, command(out))?;
            if round > 0 {
                clocks[i].seconds.push(time);
                clocks[i].processor.extend(worked);
                peaks[i] = peaks[i].max(peak);
            }
        }
    }
    let names = programs.iter().zip(&peaks).map(|(program, peak)| (program.name.as_str(), *peak));
    let mut times = summaries(names, &clocks);
    let painted = |program: &Program<'_>| -> Result<Vec<f32>> { Ok(shared::open(&program.out)?.rgb) };
    let own = painted(&programs[0])?;
    for (i, (times, program)) in times.iter_mut().zip(programs).enumerate() {
        if !program.comparable {
            times.ratio = None; // of another network it would say nothing
        } else if i > 0 {
            times.psnr = Some(psnr(&own, &painted(program)?));
        }
    }
    let name = "MicroAST, whole program".to_owned();
    Ok(Task { name, side: SIDE, work: None, most_error: f64::INFINITY, times })
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

fn save(picture: &Picture, path: &Path) -> Result<()> {
    impasto_image::save(picture, path, &EncodeOptions::new(Format::Png), true)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Agreement of two pictures with a peak of 1, in decibels.
fn psnr(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    -10.0 * (sum / a.len() as f64).max(1e-20).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement() {
        assert!((psnr(&[0.5, 0.5], &[0.4, 0.6]) - 20.0).abs() < 1e-4);
        assert_eq!(psnr(&[0.5], &[0.5]), 200.0);
        assert_eq!(psnr(&[0.5], &[0.5, 0.5]), 0.0);
    }
}
