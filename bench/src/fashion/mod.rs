//! Garments by class: how near a generator's come to the real ones, beside a DCGAN that PyTorch trains on the same
//! pictures for as many images.

mod classifier;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Tensor;
use clap::Args;
use impasto_engine::data::Gallery;
use impasto_engine::data::gallery::{self, ClassSource, GallerySettings};
use impasto_engine::generator::Synthesis;
use impasto_engine::metrics;
use impasto_engine::models::{GeneratorSpec, open_generator};
use impasto_engine::weights::{Array, Arrays};
use impasto_engine::{Control, Device, tensor, weights};
use serde::{Deserialize, Serialize};

pub(crate) use self::classifier::Classifier;
use crate::cases;
use crate::record::{self, Circumstances};
use crate::shared::Shared;

/// Rows and columns of the garments.
pub(crate) const SIZE: [usize; 2] = [28, 28];
/// Neighbours of precision and recall.
const NEIGHBOURS: usize = 5;
/// Pictures made at once.
const AT_ONCE: usize = 100;

/// Options of `impasto-bench fashion`.
#[derive(Debug, Args)]
pub(crate) struct FashionArgs {
    /// A generator of garments by class: a bundled one's name, a weights file or a run's folder. May be given several
    /// times.
    #[arg(long, value_name = "MODEL", default_value = "garments")]
    model: Vec<String>,
    /// Samples of each class.
    #[arg(long, value_name = "N", default_value_t = 500)]
    samples: usize,
    /// Images that the peer sees in training; that of the model's own training for a fair comparison.
    #[arg(long, value_name = "N", default_value_t = 480_000)]
    images: u64,
    /// Channels of the peer at half size.
    #[arg(long, value_name = "N", default_value_t = 64)]
    width: usize,
    /// Python with the packages of bench/requirements.txt; without it there is no peer.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Threads of the peer.
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// The seed of the classifier, the samples and the peer.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for the peer's samples, which are used again where they are there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    pictures: usize,
    frechet: f64,
    kernel_1000: f64,
    precision: f64,
    recall: f64,
    accuracy: f64,
}

/// What the peer says of its training.
#[derive(Debug, Serialize, Deserialize)]
struct Training {
    seconds: f64,
    parameters: usize,
    images_per_second: f64,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: Circumstances,
    images: u64,
    classifier_accuracy: f64,
    peer: Option<Training>,
    rows: &'a [Row],
}

/// Trains the classifier, makes or reads samples of every generator, prints the table.
pub(crate) fn run(args: &FashionArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let device = Device::flex();
    let (train, test) = (garments("train10k")?, garments("t10k")?);
    let classifier = Classifier::trained(&train, args.seed, &device)?;
    let all = |gallery: &Gallery| gallery.batch(&(0..gallery.len()).collect::<Vec<_>>(), &[], &device);
    let labels = |gallery: &Gallery| (0..gallery.len()).filter_map(|index| gallery.label(index)).collect::<Vec<_>>();
    let judge = Judge { real: classifier.judge(&all(&test))?.0, classifier };
    let mut rows = vec![
        judge.row("test pictures themselves", &all(&test), &labels(&test))?,
        judge.row("training pictures", &all(&train), &labels(&train))?,
    ];
    let classes = train.classes().len();
    let wanted: Vec<usize> = (0..classes).flat_map(|class| std::iter::repeat_n(class, args.samples)).collect();
    for model in &args.model {
        rows.push(judge.row(model, &samples(model, &wanted, args.seed, &device)?, &wanted)?);
    }
    let peer = match &args.python {
        Some(python) => {
            let (made, training) = peer(python, args, &train, &device)?;
            rows.push(judge.row("DCGAN in PyTorch", &made, &wanted)?);
            training
        }
        None => None,
    };
    println!("{}", circumstances.line());
    println!("classifier: {:.1} % of {} test pictures right", 100.0 * rows[0].accuracy, test.len());
    let (name, n) = ("", "pictures");
    println!("{name:28}{n:>9} {:>8} {:>10} {:>10} {:>8} {:>10}", "FD", "KID x1000", "precision", "recall", "class, %");
    for row in &rows {
        println!(
            "{:28}{:9} {:8.2} {:10.2} {:10.3} {:8.3} {:10.1}",
            row.name,
            row.pictures,
            row.frechet,
            row.kernel_1000,
            row.precision,
            row.recall,
            100.0 * row.accuracy
        );
    }
    println!(
        "\nFrom the classifier's {} features, to all test pictures. Class: share of samples that it takes for the class",
        judge.real.width()
    );
    println!("they were made as.");
    if let Some(training) = &peer {
        println!(
            "PyTorch: {} images in {:.0} s ({:.0} a second), {} parameters in the generator.",
            args.images, training.seconds, training.images_per_second, training.parameters
        );
    }
    if let Some(path) = &args.json {
        let (classifier_accuracy, images) = (rows[0].accuracy, args.images);
        record::append(
            path,
            &Record { bench: "fashion", circumstances, images, classifier_accuracy, peer, rows: &rows },
        )?;
    }
    Ok(())
}

/// What pictures are compared with, and by whose eyes.
struct Judge {
    classifier: Classifier,
    real: metrics::Embeddings,
}

impl Judge {
    fn row(&self, name: &str, images: &Tensor<4>, wanted: &[usize]) -> Result<Row> {
        let (features, classes) = self.classifier.judge(images)?;
        let right = classes.iter().zip(wanted).filter(|(found, wanted)| found == wanted).count();
        let near = metrics::neighbourhoods(&self.real, &features, NEIGHBOURS)?;
        Ok(Row {
            name: name.to_owned(),
            pictures: features.len(),
            frechet: metrics::frechet_distance(&self.real, &features)?,
            kernel_1000: 1000.0 * metrics::kernel_distance(&self.real, &features)?,
            precision: near.precision,
            recall: near.recall,
            accuracy: right as f64 / wanted.len() as f64,
        })
    }
}

/// The garments of one part of the set, with their classes.
pub(crate) fn garments(part: &str) -> Result<Gallery> {
    let file = Shared::find()?.garments(part)?;
    let settings = GallerySettings {
        size: SIZE,
        classes: ClassSource::Labels,
        keep_duplicates: true,
        ..GallerySettings::default()
    };
    Ok(gallery::read(&[file], &settings, &Control::silent())?.0)
}

/// One sample for each of the classes `wanted`, `[n, 3, h, w]`.
fn samples(model: &str, wanted: &[usize], seed: u64, device: &Device) -> Result<Tensor<4>> {
    let (generator, _) = open_generator(&model.parse::<GeneratorSpec>()?, device)?;
    let form = generator.form();
    if form.size != SIZE || wanted.iter().any(|&class| class >= form.classes.len()) {
        bail!("{model} does not make garments of {SIZE:?} pixels by class");
    }
    let seeds: Vec<u64> = (0..wanted.len() as u64).map(|index| (seed << 32) + index).collect();
    let parts = seeds.chunks(AT_ONCE).zip(wanted.chunks(AT_ONCE)).map(|(seeds, classes)| {
        let styles = generator.map(form.latents(seeds, device), form.labels(classes, device));
        generator.synthesise(styles, &Synthesis::seeds(seeds)).clamp(0.0, 1.0)
    });
    Ok(Tensor::cat(parts.collect(), 0))
}

/// What the peer makes after training on the same pictures.
fn peer(python: &Path, args: &FashionArgs, train: &Gallery, device: &Device) -> Result<(Tensor<4>, Option<Training>)> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let made = args.out.join(format!("dcgan-{}-{}-{}.safetensors", args.images, args.width, args.seed));
    let mut training = None;
    if !made.exists() {
        let data = args.out.join("garments.safetensors");
        let grey = |index: usize| train.picture(index)[..SIZE[0] * SIZE[1]].iter().map(|&v| f32::from(v) / 255.0);
        let images =
            Array { shape: vec![train.len(), 1, SIZE[0], SIZE[1]], values: (0..train.len()).flat_map(grey).collect() };
        let labels: Vec<f32> = (0..train.len()).filter_map(|i| train.label(i)).map(|label| label as f32).collect();
        let labels = Array { shape: vec![labels.len()], values: labels };
        cases::write(&data, &Arrays::from([("images".to_owned(), images), ("labels".to_owned(), labels)]))?;
        let request = serde_json::json!({
            "data": data, "out": made, "images": args.images, "samples": args.samples, "batch": 64,
            "width": args.width, "seed": args.seed, "threads": args.threads,
        });
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")).arg("dcgan").arg(request.to_string());
        let output =
            command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", python.display()))?;
        if !output.status.success() {
            bail!("the peer failed; its own words are above");
        }
        training = Some(serde_json::from_slice(&output.stdout).context("the peer's answer is no JSON")?);
    }
    let (arrays, _) = weights::read_arrays(&made)?;
    let images = arrays.get("images").ok_or_else(|| anyhow!("{} holds no images", made.display()))?;
    let grey = tensor::from_planes(images.values.clone(), [images.shape[0], 1, SIZE[0], SIZE[1]], device);
    Ok((grey.repeat_dim(1, 3), training))
}
