//! Every stylizer of the registry beside its peers, judged by `impasto eval style`: those of one pass on all pairs, those
//! that optimise on a few.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use impasto_engine::Device;
use impasto_engine::descriptor::Task;
use impasto_engine::registry::{Build, REGISTRY};
use impasto_image::{EncodeOptions, Format, resize_to_short_side};

use crate::networks::Network;
use crate::shared::{self, Shared};

/// Options of `stylizers`.
#[derive(Debug, Args)]
pub(crate) struct StylizersArgs {
    /// Photographs for stylizers of one pass, evenly spread over the 24 of the Kodak set.
    #[arg(long, value_name = "N", default_value_t = 24)]
    contents: usize,
    /// Paintings for them, the first of the ten.
    #[arg(long, value_name = "N", default_value_t = 10)]
    styles: usize,
    /// Photographs for stylizers that optimise, which take a minute a picture; 0 leaves these out.
    #[arg(long, value_name = "N", default_value_t = 3)]
    slow_contents: usize,
    /// Paintings for them.
    #[arg(long, value_name = "N", default_value_t = 2)]
    slow_styles: usize,
    /// Shorter side of photographs and paintings in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=2048))]
    size: u32,
    /// Python with the packages of bench/requirements.txt; without it five-level WCT is left out.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Folder for pictures and reports. What is there already is taken as it is.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Pictures that are judged together, in a folder of their own.
struct Table<'a> {
    args: &'a StylizersArgs,
    shared: &'a Shared,
    folder: PathBuf,
}

/// Prints the tables.
pub(crate) fn run(args: &StylizersArgs) -> Result<()> {
    let shared = Shared::find()?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let device = Device::flex();
    let microast = Network::microast(&shared.microast()?, &device, &args.out)?;
    let stylizers = || REGISTRY.iter().filter(|entry| entry.descriptor.task == Task::Stylizer);
    let optimises = |build: &Build| matches!(build, Build::Optimisation { .. });
    let model = |name: &str| match &microast.file {
        Some(file) if name == microast.algorithm => file.display().to_string(),
        _ => name.to_owned(),
    };
    let fast: Vec<String> = stylizers().filter(|e| !optimises(&e.build)).map(|e| model(e.descriptor.name)).collect();
    let mut all: Vec<String> = stylizers().map(|e| model(e.descriptor.name)).collect();
    all.push("refine".to_owned()); // of two entries of the registry
    let table = |name: &str| Table { args, shared: &shared, folder: args.out.join(name) };
    println!("One pass, {} photographs x {} paintings, {} px", args.contents, args.styles, args.size);
    table("one-pass").judge(&fast, args.contents, args.styles)?;
    if args.slow_contents > 0 {
        println!("\nEvery one, {} photographs x {} paintings, {} px", args.slow_contents, args.slow_styles, args.size);
        table("every-one").judge(&all, args.slow_contents, args.slow_styles)?;
    }
    Ok(())
}

impl Table<'_> {
    fn judge(&self, models: &[String], contents: usize, styles: usize) -> Result<()> {
        let contents = self.pictures("contents", &self.shared.photographs(contents)?)?;
        let styles = self.pictures("styles", &self.shared.paintings(styles)?)?;
        let impasto = std::env::current_exe()?.with_file_name(format!("impasto{}", std::env::consts::EXE_SUFFIX));
        if !impasto.is_file() {
            bail!("there is no {}; build it: cargo build --release -p impasto-cli -p impasto-bench", impasto.display());
        }
        let mut command = Command::new(impasto);
        command.args(["eval", "style", "--contents"]).arg(&contents).arg("--styles").arg(&styles);
        for model in models {
            command.args(["--model", model]);
        }
        command.arg("--out-dir").arg(self.folder.join("painted")).arg("--networks").arg(self.shared.networks());
        if let Some(python) = &self.args.python {
            command.arg("--outputs").arg(self.wct(python, &contents, &styles)?);
        }
        for kind in ["json", "html"] {
            command.arg("-o").arg(self.folder.join("report").with_extension(kind));
        }
        finish(command.args(["--overwrite", "--device", "cpu", "--seed", "1"]))
    }

    /// Pictures with a shorter side of `size`, as all stylizers see them.
    fn pictures(&self, name: &str, files: &[PathBuf]) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for file in files {
            let target = folder.join(shared::stem(file)).with_extension("png");
            let sized = resize_to_short_side(&shared::open(file)?, self.args.size);
            impasto_image::save(&sized, &target, &EncodeOptions::new(Format::Png), true)?;
        }
        Ok(folder)
    }

    /// Five-level WCT, painted by PyTorch.
    fn wct(&self, python: &Path, contents: &Path, styles: &Path) -> Result<PathBuf> {
        let folder = self.folder.join("wct");
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/wct.py")).arg(self.shared.wct()?);
        command.arg("--contents").arg(contents).arg("--styles").arg(styles).arg("--out").arg(&folder);
        finish(command.args(["--size", &self.args.size.to_string()]))?;
        Ok(folder)
    }
}

/// Runs a program to its end.
fn finish(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); its own words are above") }
}
