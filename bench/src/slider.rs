//! What moving a slider costs: from a latent to the picture that a page shows.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::tensor::{Tensor, TensorData};
use clap::Args;
use impasto_engine::algorithms::dcgan::Dcgan;
use impasto_engine::algorithms::fastgan::Fastgan;
use impasto_engine::algorithms::stylegan::Stylegan;
use impasto_engine::generator::{Generator, Synthesis};
use impasto_engine::train::gan::{Architecture, Made};
use impasto_engine::{Device, tensor};
use impasto_image::{EncodeOptions, Format};
use serde::Serialize;

use crate::cases;
use crate::record::{self, Circumstances};
use crate::statistics;

/// Pictures made together where many are wanted.
const BATCH: usize = 16;

/// Options of `slider`.
#[derive(Debug, Args)]
pub(crate) struct SliderArgs {
    /// Side of pictures in pixels.
    #[arg(long, value_name = "PX", default_value = "128", value_parser = cases::side)]
    side: usize,
    /// Edits, and batches of 16, of each generator.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    edits: u32,
    /// Seed of weights and latents.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    parameters: usize,
    /// Median and longest time from a changed latent to the PNG file, in milliseconds.
    edit: f64,
    longest: f64,
    /// Median of the part until the tensor of the picture.
    network: f64,
    /// Pictures a second in batches, as tensors; median.
    per_second: f64,
}

#[derive(Debug, Serialize)]
struct Record {
    bench: &'static str,
    circumstances: Circumstances,
    instruction_set: &'static str,
    threads: Option<String>,
    side: usize,
    rows: Vec<Row>,
}

/// Measures every architecture with its usual widths and drawn weights.
pub(crate) fn run(args: &SliderArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let instruction_set = impasto_engine::device::instruction_set()?;
    println!("{}", circumstances.line());
    println!("{0} x {0} px, medians of {1}; impasto's kernels run {instruction_set}", args.side, args.edits);
    println!(
        "  {:10} {:>12} {:>10} {:>10} {:>12} {:>10}",
        "", "parameters", "edit, ms", "longest", "network, ms", "a second"
    );
    let rows = vec![row::<Dcgan>(args)?, row::<Fastgan>(args)?, row::<Stylegan>(args)?];
    println!(
        "\nEdit: from a changed latent to the PNG of one picture; network: until its tensor. A second: pictures in"
    );
    println!("batches of {BATCH}, until their tensor.");
    if let Some(path) = &args.json {
        let threads = std::env::var("RAYON_NUM_THREADS").ok();
        let record = Record { bench: "slider", circumstances, instruction_set, threads, side: args.side, rows };
        record::append(path, &record)?;
    }
    Ok(())
}

fn row<A: Architecture>(args: &SliderArgs) -> Result<Row> {
    let device = Device::flex();
    let config = serde_json::json!({ "size": [args.side, args.side], "network": {} });
    let generator = Made::<A>::new(&config, None, args.seed, &device).map_err(|problem| anyhow!(problem))?;
    let form = generator.form();
    let pictures = |latents: Tensor<2>, seeds: &[u64]| {
        generator.synthesise(generator.map(latents, None), &Synthesis::seeds(seeds))
    };
    let options = EncodeOptions::new(Format::Png);
    let (mut edits, mut networks) = (Vec::new(), Vec::new());
    let mut latent = form.latent_of(args.seed);
    for edit in 0..=args.edits {
        latent[edit as usize % form.latent] += 0.1;
        let started = Instant::now();
        let latents = Tensor::from_data(TensorData::new(latent.clone(), [1, form.latent]), &device);
        let images = pictures(latents, &[args.seed]);
        let made = started.elapsed().as_secs_f64();
        black_box(impasto_image::encode(&tensor::to_picture(images)?, &options)?);
        let whole = started.elapsed().as_secs_f64();
        // The first one fills pools.
        if edit > 0 {
            edits.push(1000.0 * whole);
            networks.push(1000.0 * made);
        }
    }
    let mut batches = Vec::new();
    for batch in 0..=u64::from(args.edits) {
        let seeds: Vec<u64> = (0..BATCH as u64).map(|index| batch * BATCH as u64 + index).collect();
        let started = Instant::now();
        black_box(tensor::values(pictures(form.latents(&seeds, &device), &seeds)));
        if batch > 0 {
            batches.push(BATCH as f64 / started.elapsed().as_secs_f64());
        }
    }
    let longest = edits.iter().copied().fold(0.0, f64::max);
    let row = Row {
        name: A::DESCRIPTOR.name,
        parameters: generator.arrays().values().map(|array| array.values.len()).sum(),
        edit: statistics::median(&edits),
        longest,
        network: statistics::median(&networks),
        per_second: statistics::median(&batches),
    };
    println!(
        "  {:10} {:>12} {:>10.1} {:>10.1} {:>12.1} {:>10.1}",
        row.name, row.parameters, row.edit, row.longest, row.network, row.per_second
    );
    Ok(row)
}
