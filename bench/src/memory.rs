//! Memory that `impasto stylize` says it will take, beside what the system says it took. Whoever changes a kernel or a
//! network runs this and mends the figures of `pipeline/memory.rs` and of the descriptors where they are off.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use impasto_engine::Device;
use impasto_engine::registry::{self, Build, BuildParts};
use impasto_engine::weights::{self, FORMAT_VERSION, Header, Precision};
use impasto_image::{EncodeOptions, Picture};

use crate::speed;

/// Largest error that is no failure.
const TOLERANCE: f64 = 0.1;

/// Options of `impasto-bench memory`.
#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    /// Only cases whose line contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// The command to measure; the one beside this program when absent.
    #[arg(long, value_name = "FILE")]
    impasto: Option<PathBuf>,
}

/// A network, a picture and further options.
struct Case {
    method: &'static str,
    size: (u32, u32),
    file: &'static str,
    options: &'static [&'static str],
}

const fn case(method: &'static str, size: (u32, u32), file: &'static str, options: &'static [&'static str]) -> Case {
    Case { method, size, file, options }
}

const CASES: [Case; 17] = [
    case("fusion", (800, 600), "png", &[]),
    case("fusion", (1600, 1200), "png", &[]),
    case("fusion", (3000, 2000), "png", &[]),
    case("fusion", (3000, 2000), "jpg", &["--strength", "0.5"]),
    case("fusion", (4096, 3072), "png", &[]),
    case("fusion", (1600, 1200), "png", &["--tile", "256"]),
    case("fusion", (3000, 2000), "png", &["--tile", "512"]),
    case("fusion", (3000, 2000), "png", &["--max-memory", "200M"]),
    case("fusion", (3000, 2000), "png", &["--tile", "512", "--preserve-color", "luma", "--sharpen", "1"]),
    case("fusion", (3000, 2000), "jpg", &["--max-memory", "500M"]),
    case("fusion", (4096, 3072), "png", &["--tile", "1024"]),
    case("fusion", (8192, 8192), "png", &["--tile", "1024"]),
    case("microast", (800, 600), "png", &[]),
    case("microast", (3000, 2000), "png", &[]),
    case("microast", (1600, 1200), "png", &["--tile", "256"]),
    case("microast", (3000, 2000), "png", &["--max-memory", "300M"]),
    case("microast", (4096, 3072), "png", &["--tile", "1024", "--strength", "0.5"]),
];

impl Case {
    fn name(&self) -> String {
        let (width, height) = self.size;
        format!("{} {width}x{height} {} {}", self.method, self.file, self.options.join(" ")).trim().to_owned()
    }
}

pub(crate) fn run(args: &MemoryArgs) -> Result<()> {
    let impasto = match &args.impasto {
        Some(file) => file.clone(),
        None => std::env::current_exe()?.with_file_name(format!("impasto{}", std::env::consts::EXE_SUFFIX)),
    };
    if !impasto.is_file() {
        bail!("there is no {}; build it: cargo build --release -p impasto-cli -p impasto-bench", impasto.display());
    }
    let folder = tempfile::tempdir()?;
    println!("{:>8} {:>8} {:>7}  case", "said", "taken", "off");
    println!("{:>8} {:>8} {:>7}", "MiB", "MiB", "%");
    let mut off = 0;
    for case in CASES.iter().filter(|case| case.name().contains(&args.only)) {
        let (said, taken) = measure(&impasto, case, folder.path()).with_context(|| case.name())?;
        let error = said as f64 / taken as f64 - 1.0;
        println!("{:8} {:8} {:+7.1}  {}", said >> 20, taken >> 20, error * 100.0, case.name());
        off += usize::from(error.abs() > TOLERANCE);
    }
    if off > 0 {
        bail!("{off} cases are off by more than {:.0} %", TOLERANCE * 100.0);
    }
    Ok(())
}

/// Bytes said and taken.
fn measure(impasto: &Path, case: &Case, folder: &Path) -> Result<(u64, u64)> {
    let (width, height) = case.size;
    let content = folder.join(format!("content-{width}x{height}.{}", case.file));
    let style = folder.join("style.png");
    for (path, size) in [(&content, case.size), (&style, (640, 512))] {
        if !path.exists() {
            impasto_image::save(&picture(size)?, path, &EncodeOptions::for_path(path)?, true)?;
        }
    }
    let events = folder.join("events");
    let mut command = Command::new(impasto);
    command.arg("stylize").arg(&content).arg("--style").arg(&style).args(["--method", case.method, "--model"]);
    command.arg(model(case.method, folder)?).args(["--device", "cpu", "--seed", "1", "--overwrite", "-o"]);
    command.arg(folder.join("out.png")).args(["--progress", "json"]).args(case.options);
    command.stderr(std::fs::File::create(&events)?);
    let failed = || std::fs::read_to_string(&events).unwrap_or_default();
    let (_, _, taken) = speed::programs::whole("impasto", command).with_context(failed)?;
    let said = std::fs::read_to_string(&events)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|event| event["event"] == "planned")
        .and_then(|event| event["memory"].as_u64());
    let said = said.ok_or_else(|| anyhow!("impasto said nothing of its memory"))?;
    Ok((said, taken.ok_or_else(|| anyhow!("this system does not tell what a process takes"))?))
}

/// Random weights: memory depends on the network's size alone.
fn model(method: &str, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{method}.safetensors"));
    if !path.exists() {
        let Build::Network(build) = registry::find(method)?.build else { bail!("{method} has no weights") };
        let (config, device) = (serde_json::json!({}), Device::flex());
        let parts =
            BuildParts { config: &config, arrays: None, seed: 1, direction: Default::default(), device: &device };
        let arrays = build(parts).map_err(|problem| anyhow!(problem))?.arrays();
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: method.to_owned(),
            title: method.to_owned(),
            licence: "MIT".to_owned(),
            config,
            training: serde_json::Value::Null,
        };
        weights::save(&path, &header, &arrays, Precision::F16)?;
    }
    Ok(path)
}

/// Something for a network to see that does not compress to nothing.
fn picture((width, height): (u32, u32)) -> Result<Picture> {
    let mut picture = Picture::filled(width, height, [0.5; 3])?;
    for (i, pixel) in picture.triples_mut().iter_mut().enumerate() {
        let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
        *pixel = [x * 0.031 + y * 0.007, y * 0.043, (x - y) * 0.019].map(|v| 0.5 + 0.4 * (v + (x * y).sin()).sin());
    }
    Ok(picture)
}
