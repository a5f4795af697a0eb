//! Whether pictures are resized as Pillow does it, which figures of other evaluators rest on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::record::{self, Circumstances};
use crate::shared::Shared;

/// The sides that networks see pictures at, and one that enlarges.
const SIDES: [u32; 4] = [224, 256, 299, 1024];

/// Most that a value may differ from Pillow's, of 255 levels.
const MOST: f32 = 1.0;

/// Options of `resize`.
#[derive(Debug, Args)]
pub(crate) struct ResizeArgs {
    /// Python with Pillow (bench/requirements.txt).
    #[arg(long, value_name = "FILE")]
    python: PathBuf,
    /// How many of the 24 photographs, and of the ten paintings.
    #[arg(long, value_name = "N", default_value_t = 24)]
    pictures: usize,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Differences to Pillow at one side, of 255 levels, over all pictures.
#[derive(Debug, Serialize)]
struct Row {
    side: u32,
    /// Most, and mean, to floating point: clean-fid's way, and impasto's.
    float: [f32; 2],
    /// To 8 bit, in which Pillow rounds and clips between the two passes.
    bytes: [f32; 2],
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: Circumstances,
    pillow: &'a str,
    pictures: usize,
    rows: &'a [Row],
}

/// Compares and prints a table.
pub(crate) fn run(args: &ResizeArgs) -> Result<()> {
    let shared = Shared::find()?;
    let mut pictures = shared.photographs(args.pictures)?;
    pictures.extend(shared.paintings(args.pictures)?);
    let (mut rows, mut version) = (Vec::new(), String::new());
    for side in SIDES {
        let out = tempfile::tempdir()?;
        version = pillow(&args.python, side, out.path(), &pictures)?;
        let (mut float, mut bytes) = (Differences::default(), Differences::default());
        for number in 0..pictures.len() {
            let file = |suffix: &str| {
                let path = out.path().join(format!("{number}.{suffix}"));
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
            };
            let (size, pixels) = decoded(&file("decoded")?)?;
            let ours: Vec<f32> =
                impasto_image::resize_bicubic(&pixels, size, (side, side))?.iter().map(|v| v * 255.0).collect();
            let theirs: Vec<f32> = file("float")?.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            float.add(&ours, &theirs)?;
            bytes.add(&ours, &file("bytes")?.iter().map(|&b| f32::from(b)).collect::<Vec<_>>())?;
        }
        rows.push(Row { side, float: float.figures(), bytes: bytes.figures() });
    }
    println!("bicubic resizing, differences to Pillow {version} of 255 levels, {} pictures", pictures.len());
    println!("{:>6}{:>22}{:>22}", "side", "float: most, mean", "8 bit: most, mean");
    for Row { side, float, bytes } in &rows {
        println!("{side:>6}{:>12.5}{:>10.5}{:>12.2}{:>10.3}", float[0], float[1], bytes[0], bytes[1]);
    }
    if let Some(path) = &args.json {
        let circumstances = Circumstances::now();
        let record = Record { bench: "resize", circumstances, pillow: &version, pictures: pictures.len(), rows: &rows };
        record::append(path, &record)?;
    }
    if let Some(row) = rows.iter().find(|row| row.float[0] >= MOST) {
        bail!("at {} px a value differs by {:.3} levels from Pillow's", row.side, row.float[0]);
    }
    Ok(())
}

#[derive(Default)]
struct Differences {
    most: f32,
    sum: f64,
    count: usize,
}

impl Differences {
    fn add(&mut self, ours: &[f32], theirs: &[f32]) -> Result<()> {
        ensure!(ours.len() == theirs.len(), "Pillow gave {} values, impasto {}", theirs.len(), ours.len());
        for (a, b) in ours.iter().zip(theirs) {
            let difference = (a - b).abs();
            self.most = self.most.max(difference);
            self.sum += f64::from(difference);
        }
        self.count += ours.len();
        Ok(())
    }

    fn figures(&self) -> [f32; 2] {
        [self.most, (self.sum / self.count.max(1) as f64) as f32]
    }
}

/// Runs Pillow, which answers with its version.
fn pillow(python: &Path, side: u32, out: &Path, pictures: &[PathBuf]) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/resize.py");
    let output = Command::new(python)
        .arg(script)
        .arg(side.to_string())
        .arg(out)
        .args(pictures)
        .output()
        .with_context(|| format!("cannot run {}", python.display()))?;
    ensure!(output.status.success(), "Pillow failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A line with width and height, then 8 bit RGB.
fn decoded(file: &[u8]) -> Result<((u32, u32), Vec<f32>)> {
    let end = file.iter().position(|&b| b == b'\n').context("no header")?;
    let header = std::str::from_utf8(&file[..end])?;
    let (width, height) = header.split_once(' ').context("no size")?;
    let pixels = file[end + 1..].iter().map(|&b| f32::from(b) / 255.0).collect();
    Ok(((width.parse()?, height.parse()?), pixels))
}
