//! The evaluator's metrics beside other libraries': the same feature vectors and pictures, and figures that must agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use impasto_engine::Device;
use impasto_engine::metrics::{self, Embeddings};
use impasto_engine::rng::{self, Rng};
use impasto_engine::tensor::{self, ImageTensor};
use impasto_engine::weights::{Array, Arrays};
use serde::{Deserialize, Serialize};

use crate::cases;
use crate::record::{self, Circumstances};

/// Largest relative difference that is no failure.
const TOLERANCE: f64 = 1e-6;
/// Neighbours of precision, recall, density and coverage.
const NEIGHBOURS: usize = 5;
/// Parts of the Inception score.
const SPLITS: usize = 10;
/// Classes of the probabilities.
const CLASSES: usize = 100;
/// Height and width of the pictures: even at every scale of MS-SSIM, since libraries differ in how they halve odd sides.
const SIZE: (usize, usize) = (384, 512);

/// Options of `impasto-bench metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// Python with the packages of bench/requirements.txt.
    #[arg(long, value_name = "FILE")]
    python: PathBuf,
    /// The seed of the feature vectors and pictures.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What a peer says.
#[derive(Debug, Deserialize)]
struct Answer {
    name: String,
    peer: String,
    value: f64,
    seconds: f64,
}

/// A figure from both.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    peer: String,
    own_value: f64,
    peer_value: f64,
    relative_difference: f64,
    own_seconds: f64,
    peer_seconds: f64,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: Circumstances,
    seed: u64,
    rows: &'a [Row],
}

/// Compares every figure and fails where one differs.
pub(crate) fn run(args: &MetricsArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let inputs = inputs(args.seed);
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let file = scratch.path().join("inputs.safetensors");
    cases::write(&file, &inputs)?;
    let mut rows = Vec::new();
    for answer in peers(&args.python, &file)? {
        let begin = Instant::now();
        let own = figure(&answer.name, &inputs)?;
        rows.push(Row {
            own_seconds: begin.elapsed().as_secs_f64(),
            relative_difference: (own - answer.value).abs() / answer.value.abs(),
            own_value: own,
            name: answer.name,
            peer: answer.peer,
            peer_value: answer.value,
            peer_seconds: answer.seconds,
        });
    }
    println!("{}", circumstances.line());
    let (figure, own, peer, difference) = ("figure", "impasto", "peer", "difference");
    println!("{figure:24} {own:>16} {peer:>16} {difference:>10}   s, s   from");
    for row in &rows {
        println!(
            "{:24} {:16.10} {:16.10} {:10.1e}   {:.2}, {:.2}   {}",
            row.name,
            row.own_value,
            row.peer_value,
            row.relative_difference,
            row.own_seconds,
            row.peer_seconds,
            row.peer
        );
    }
    if let Some(path) = &args.json {
        record::append(path, &Record { bench: "metrics", circumstances, seed: args.seed, rows: &rows })?;
    }
    // A difference that is not a number is one too.
    match rows.iter().find(|row| !(row.relative_difference <= TOLERANCE)) {
        Some(row) => bail!("{} differs from {} by more than {TOLERANCE:e}", row.name, row.peer),
        None => Ok(()),
    }
}

/// What the peers say of a file of inputs, in their order.
fn peers(python: &Path, inputs: &Path) -> Result<Vec<Answer>> {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")).arg("metrics").arg(inputs);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", python.display()))?;
    if !output.status.success() {
        bail!("the peers failed; their own words are above");
    }
    let lines = String::from_utf8(output.stdout).context("the peers' answer is no text")?;
    let answers: Vec<Answer> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if answers.is_empty() { Err(anyhow!("the peers gave no figures")) } else { Ok(answers) }
}

/// A figure by impasto.
fn figure(name: &str, inputs: &Arrays) -> Result<f64> {
    let set = |name: &str| embeddings(inputs, name);
    let both = |kind: &str| Ok::<_, anyhow::Error>((set(&format!("{kind}real"))?, set(&format!("{kind}fake"))?));
    let equal = |kind: &str| {
        let (real, fake) = both(kind)?;
        Ok::<_, anyhow::Error>((real.select(&(0..fake.len()).collect::<Vec<_>>()), fake))
    };
    let frechet = |(real, fake): (Embeddings, Embeddings)| metrics::frechet_distance(&real, &fake);
    let kernel = |(real, fake): (Embeddings, Embeddings)| metrics::kernel_distance(&real, &fake);
    let near = || {
        let (real, fake) = both("")?;
        Ok::<_, anyhow::Error>(metrics::neighbourhoods(&real, &fake, NEIGHBOURS)?)
    };
    let pictures = || Ok::<_, anyhow::Error>((picture(inputs, "picture")?, picture(inputs, "degraded")?));
    Ok(match name {
        "FD" => frechet(both("")?)?,
        "FD, 768" => frechet(both("wide-")?)?,
        "FD, less than full rank" => frechet(both("few-")?)?,
        "KID" => kernel(equal("")?)?,
        "KID, 768" => kernel(equal("wide-")?)?,
        "precision" => near()?.precision,
        "recall" => near()?.recall,
        "density" => near()?.density,
        "coverage" => near()?.coverage,
        "nearest" => {
            let (real, fake) = both("")?;
            metrics::nearest(&fake, &real, 1, false)?.iter().map(|found| found[0].distance).sum::<f64>()
                / fake.len() as f64
        }
        "diversity" => metrics::pairwise_diversity(&set("real")?)?,
        "Inception score" => metrics::inception_score(&set("probabilities")?, SPLITS)?.0,
        "sliced Wasserstein" => metrics::sliced_wasserstein(&set("line-real")?, &set("line-fake")?, 1, 0)?,
        "PSNR" => {
            let (a, b) = pictures()?;
            f64::from(metrics::psnr(a, b)?)
        }
        "SSIM" => {
            let (a, b) = pictures()?;
            metrics::ssim(a, b)?
        }
        "MS-SSIM" => {
            let (a, b) = pictures()?;
            metrics::ms_ssim(a, b)?
        }
        other => bail!("the peers computed '{other}', which is unknown here"),
    })
}

fn embeddings(inputs: &Arrays, name: &str) -> Result<Embeddings> {
    let array = inputs.get(name).with_context(|| format!("no input '{name}'"))?;
    Ok(Embeddings::new(array.values.clone(), array.shape[1])?)
}

fn picture(inputs: &Arrays, name: &str) -> Result<ImageTensor> {
    let array = inputs.get(name).with_context(|| format!("no input '{name}'"))?;
    Ok(tensor::from_planar(array.values.clone(), 1, SIZE.0, SIZE.1, &Device::flex()))
}

/// Feature vectors like those of networks: rectified, correlated, of sets that differ somewhat. Probabilities, places on a
/// line, and a picture with a worse version of it.
fn inputs(seed: u64) -> Arrays {
    let mut arrays = BTreeMap::new();
    let mut put = |name: &str, shape: &[usize], values: Vec<f32>| {
        arrays.insert(name.to_owned(), Array { shape: shape.to_vec(), values });
    };
    for (kind, real, fake, width) in [("", 1500, 1200, 64), ("wide-", 2000, 1500, 768), ("few-", 60, 45, 96)] {
        for (name, count, shift) in [("real", real, 0.0), ("fake", fake, 0.15)] {
            let name = format!("{kind}{name}");
            put(&name, &[count, width], features(seed, &name, count, width, shift));
        }
    }
    for (name, count) in [("line-real", 700), ("line-fake", 450)] {
        put(name, &[count, 1], rng::normal(&mut rng::stream(seed, name, 0), count));
    }
    let logits = rng::normal(&mut rng::stream(seed, "logits", 0), 1000 * CLASSES);
    put("probabilities", &[1000, CLASSES], logits.chunks(CLASSES).flat_map(softmax).collect());
    let (h, w) = SIZE;
    let mut noise = rng::stream(seed, "noise", 0);
    let clean: Vec<f32> = (0..3 * h * w)
        .map(|i| (i / (h * w), (i / w % h) as f32, (i % w) as f32))
        .map(|(c, y, x)| 0.5 + 0.2 * (x * 0.05 + c as f32).sin() + 0.2 * (y * 0.03 + x * y * 1e-4).cos())
        .collect();
    put("degraded", &[1, 3, h, w], clean.iter().map(|v| 0.9 * v + 0.1 * noise.random::<f32>()).collect());
    put("picture", &[1, 3, h, w], clean);
    arrays
}

/// Rows of a set; both sets of a kind share what their numbers have in common.
fn features(seed: u64, name: &str, count: usize, width: usize, shift: f32) -> Vec<f32> {
    const COMMON: usize = 8;
    let mixing = rng::normal(&mut rng::stream(seed, "mixing", width as u64), COMMON * width);
    let mut rng = rng::stream(seed, name, 0);
    let row = |_| {
        let common = rng::normal(&mut rng, COMMON);
        let own = rng::normal(&mut rng, width);
        let value = |column: usize| {
            let mixed: f32 = common.iter().enumerate().map(|(k, v)| v * mixing[k * width + column]).sum();
            (0.4 + shift + 0.3 * own[column] + 0.2 * mixed).max(0.0)
        };
        (0..width).map(value).collect::<Vec<_>>()
    };
    (0..count).flat_map(row).collect()
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let powers: Vec<f32> = logits.iter().map(|v| (2.0 * v).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|v| v / sum).collect()
}
