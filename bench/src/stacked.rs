//! Stacked garments: three of them as the colours of one picture make 1,000 modes, of which a generator shows how many it
//! has found (after Metz et al. 2017, who stacked digits).

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Tensor;
use clap::Args;
use impasto_engine::algorithms::dcgan::{Dcgan, DcganConfig};
use impasto_engine::data::Gallery;
use impasto_engine::generator::{Generator, Synthesis};
use impasto_engine::losses::{AdversarialLoss, Penalty, PenaltyKind};
use impasto_engine::metrics::{self, Embeddings};
use impasto_engine::rng::{self, Rng};
use impasto_engine::train::Objective;
use impasto_engine::train::gan::{GanObjective, GanTraining, Made};
use impasto_engine::{Device, tensor};
use impasto_image::{EncodeOptions, Format};
use serde::Serialize;

use crate::fashion::{self, Classifier, SIZE};
use crate::record::{self, Circumstances};

/// Garments in one picture.
const STACKED: u32 = 3;
/// Pictures made and judged at once.
const AT_ONCE: usize = 500;
/// Side of the sheet of samples, in pictures.
const SHEET: u32 = 16;

/// Options of `stacked`.
#[derive(Debug, Args)]
pub(crate) struct StackedArgs {
    /// How generators are trained.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "textbook,spectral,default")]
    games: Vec<Game>,
    /// Pictures that each training sees.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    images: u64,
    /// Pictures of a step.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// Learning rate of both networks in every training.
    #[arg(long, value_name = "RATE", default_value_t = 4e-4)]
    rate: f32,
    /// Stacked pictures that are trained on.
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    stacks: u32,
    /// Samples of each generator that are judged.
    #[arg(long, value_name = "N", default_value_t = 25_000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    samples: u32,
    /// Seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for a sheet of samples of each generator.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A way to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Game {
    /// The textbook's: non-saturating, the discriminator normalised over the batch, momentum 0.5, no penalty.
    Textbook,
    /// Hinge losses and spectral normalisation (Miyato et al. 2018), no penalty.
    Spectral,
    /// What impasto does unless told otherwise: relativistic with R1 and R2.
    Default,
}

impl Game {
    fn title(self) -> &'static str {
        match self {
            Self::Textbook => "textbook's DCGAN",
            Self::Spectral => "hinge, spectral norm.",
            Self::Default => "relativistic, R1 and R2",
        }
    }

    /// Settings that differ in nothing but what the way to train is about. Pictures are as good as endless and their
    /// colours mean something: none of them augments or mirrors.
    fn settings(self, args: &StackedArgs) -> GanTraining<DcganConfig> {
        let usual = GanTraining::<DcganConfig>::default();
        let none = Penalty { kind: PenaltyKind::None, ..Penalty::default() };
        let mut settings = GanTraining {
            batch: args.batch as usize,
            size: SIZE,
            steps: args.images.div_ceil(args.batch.into()),
            rate: args.rate,
            discriminator_rate: args.rate,
            seed: args.seed,
            ..usual
        };
        settings.vary.mirror = false;
        match self {
            Self::Textbook => GanTraining {
                loss: AdversarialLoss::NonSaturating,
                penalty: none,
                beta1: 0.5,
                network: DcganConfig { batch_norm: true, ..settings.network },
                ..settings
            },
            Self::Spectral => GanTraining {
                loss: AdversarialLoss::Hinge,
                penalty: none,
                network: DcganConfig { spectral: true, ..settings.network },
                ..settings
            },
            Self::Default => settings,
        }
    }
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    /// How it was trained; nothing for real pictures.
    settings: Option<GanTraining<DcganConfig>>,
    samples: usize,
    /// Modes with a sample or more.
    modes: usize,
    /// Kullback-Leibler divergence of the samples' modes from even shares, in nats.
    kl: f64,
    /// Fréchet distance of single colours to test pictures.
    frechet: f64,
    /// Seconds of training.
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Record {
    bench: &'static str,
    circumstances: Circumstances,
    images: u64,
    seed: u64,
    rows: Vec<Row>,
}

/// Trains in every way and prints what was found.
pub(crate) fn run(args: &StackedArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let device = Device::flex();
    let (train, test) = (fashion::garments("train10k")?, fashion::garments("t10k")?);
    let classifier = Classifier::trained(&train, args.seed, &device)?;
    let all = test.batch(&(0..test.len()).collect::<Vec<_>>(), &[], &device);
    let judge = Judge { real: classifier.judge(&all)?.0, classes: train.classes().len(), classifier };
    let stacks = stacked(&train, args.stacks as usize, args.seed, "stacks")?;

    println!("{}", circumstances.line());
    println!("Stacked garments; trainings of {} images, {} samples judged", args.images, args.samples);
    println!("  {:24} {:>10} {:>8} {:>8} {:>8}", "", "modes", "KL", "FD", "seconds");
    let mut rows = Vec::new();
    let real = stacked(&test, args.samples as usize, args.seed, "real")?;
    let part = |from: usize, count: usize| real.batch(&(from..from + count).collect::<Vec<_>>(), &[], &device);
    rows.push(judge.row("real pictures", args.samples as usize, None, 0.0, part)?);
    for &game in &args.games {
        let settings = game.settings(args);
        let started = Instant::now();
        let generator = trained(&settings, &stacks, &device).with_context(|| game.title())?;
        let seconds = started.elapsed().as_secs_f64();
        let part = |from: usize, count: usize| made(generator.as_ref(), args.seed, from, count, &device);
        if let Some(folder) = &args.out {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            let name = serde_json::to_value(game)?;
            let path = folder.join(format!("{}-{}.png", name.as_str().unwrap_or_default(), args.seed));
            sheet(&part(0, (SHEET * SHEET) as usize), &path)?;
        }
        rows.push(judge.row(game.title(), args.samples as usize, Some(settings), seconds, part)?);
    }
    println!(
        "\nModes: of {}, those with a sample or more. KL: of their shares from even ones, in nats. FD: Fréchet",
        judge.modes()
    );
    println!("distance of single colours to all test pictures, from the classifier's {} features.", judge.real.width());
    if let Some(path) = &args.json {
        let (images, seed) = (args.images, args.seed);
        record::append(path, &Record { bench: "stacked", circumstances, images, seed, rows })?;
    }
    Ok(())
}

/// Garments drawn by threes, each as a colour of a picture without a class.
fn stacked(garments: &Gallery, count: usize, seed: u64, stream: &str) -> Result<Gallery> {
    let plane = SIZE[0] * SIZE[1];
    let mut rng = rng::stream(seed, stream, 0);
    let mut pixels = Vec::with_capacity(count * STACKED as usize * plane);
    for _ in 0..count * STACKED as usize {
        // All colours of a grey picture are the same.
        pixels.extend_from_slice(&garments.picture(rng.random_range(0..garments.len()))[..plane]);
    }
    let names = (0..count).map(|index| format!("{stream} {index}")).collect();
    Gallery::new(SIZE, Vec::new(), Vec::new(), pixels, names).map_err(|problem| anyhow!(problem))
}

/// A generator after training: the averaged weights.
fn trained(settings: &GanTraining<DcganConfig>, stacks: &Gallery, device: &Device) -> Result<Box<dyn Generator>> {
    let provenance = serde_json::Value::Null;
    let autodiff = device.clone().autodiff();
    let mut objective = GanObjective::<Dcgan>::new(settings.clone(), stacks.clone(), provenance, &autodiff)?;
    for step in 0..settings.steps {
        let figures = objective.step(step)?;
        if let Some((name, _)) = figures.iter().find(|(_, value)| !value.is_finite()) {
            bail!("'{name}' is not finite in step {step}");
        }
    }
    let (header, arrays) = objective.export()?;
    let generator = Made::<Dcgan>::new(&header.config, Some(&arrays), settings.seed, device);
    Ok(Box::new(generator.map_err(|problem| anyhow!(problem))?))
}

/// The samples `from .. from + count`, `[n, 3, h, w]`.
fn made(generator: &dyn Generator, seed: u64, from: usize, count: usize, device: &Device) -> Tensor<4> {
    let seeds: Vec<u64> = (from..from + count).map(|index| (seed << 32) + index as u64).collect();
    let styles = generator.map(generator.form().latents(&seeds, device), None);
    generator.synthesise(styles, &Synthesis::seeds(&seeds)).clamp(0.0, 1.0)
}

/// Pictures `[n, 3, h, w]` side by side in one file.
fn sheet(images: &Tensor<4>, path: &std::path::Path) -> Result<()> {
    let cells = (0..images.dims()[0]).map(|index| tensor::to_picture(images.clone().slice_dim(0, index..index + 1)));
    let cells = cells.collect::<Result<Vec<_>, _>>()?;
    let cells: Vec<_> = cells.iter().collect();
    let sheet = impasto_image::sheet::contact_sheet(&cells, SHEET, (SIZE[1] as u32, SIZE[0] as u32), 1);
    impasto_image::save(&sheet, path, &EncodeOptions::new(Format::Png), true)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Whose eyes pictures are seen with.
struct Judge {
    classifier: Classifier,
    classes: usize,
    /// Test pictures as it sees them.
    real: Embeddings,
}

impl Judge {
    fn modes(&self) -> usize {
        self.classes.pow(STACKED)
    }

    /// Judges `count` pictures, which `part` gives from a number on, and prints the line.
    fn row(
        &self,
        name: &'static str,
        count: usize,
        settings: Option<GanTraining<DcganConfig>>,
        seconds: f64,
        part: impl Fn(usize, usize) -> Tensor<4>,
    ) -> Result<Row> {
        let (mut counts, mut features) = (vec![0usize; self.modes()], Vec::new());
        for from in (0..count).step_by(AT_ONCE) {
            let images = part(from, AT_ONCE.min(count - from));
            let [n, c, h, w] = images.dims();
            let (seen, classes) = self.classifier.judge(&images.reshape([n * c, 1, h, w]))?;
            for classes in classes.chunks_exact(c) {
                counts[classes.iter().fold(0, |mode, class| mode * self.classes + class)] += 1;
            }
            features.extend(seen.rows().flatten().copied());
        }
        let features = Embeddings::new(features, self.real.width()).map_err(|e| anyhow!("{e}"))?;
        let (modes, kl) = spread(&counts);
        let frechet = metrics::frechet_distance(&self.real, &features)?;
        println!("  {name:24} {modes:>5}/{} {kl:>8.3} {frechet:>8.1} {seconds:>8.0}", self.modes());
        Ok(Row { name, settings, samples: count, modes, kl, frechet, seconds })
    }
}

/// How many modes have a sample, and the divergence of their shares from even ones, in nats.
fn spread(counts: &[usize]) -> (usize, f64) {
    let total = counts.iter().sum::<usize>().max(1) as f64;
    let found = counts.iter().filter(|&&count| count > 0);
    let kl = found.clone().map(|&count| {
        let share = count as f64 / total;
        share * (share * counts.len() as f64).ln()
    });
    (found.count(), kl.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_counted() {
        let (modes, kl) = spread(&[5, 5, 5, 5]);
        assert!(modes == 4 && kl.abs() < 1e-12, "{modes} {kl}");
        let (modes, kl) = spread(&[7, 0, 0, 0]);
        assert!(modes == 1 && (kl - 4f64.ln()).abs() < 1e-12, "{modes} {kl}");
        assert_eq!(spread(&[0, 0]), (0, 0.0));
    }

    #[test]
    fn garments_lie_in_the_colours() {
        let plane = SIZE[0] * SIZE[1];
        let pixels = (0..4u8).flat_map(|value| vec![value; 3 * plane]).collect();
        let names = (0..4).map(|index| index.to_string()).collect();
        let garments = Gallery::new(SIZE, Vec::new(), Vec::new(), pixels, names).unwrap();
        let stacks = stacked(&garments, 50, 1, "test").unwrap();
        let of = |index: usize| [0, plane, 2 * plane].map(|at| stacks.picture(index)[at]);
        let kinds: std::collections::BTreeSet<[u8; 3]> = (0..50).map(of).collect();
        assert!(stacks.len() == 50 && kinds.len() > 20, "{kinds:?}");
        assert!((0..50).all(|index| stacks.picture(index).chunks_exact(plane).all(|p| p.iter().all(|&v| v == p[0]))));
    }
}
