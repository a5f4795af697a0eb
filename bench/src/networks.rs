//! Weights in the form the pipeline reads: bundled, a file, a run's newest checkpoint, or imported from their authors.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use impasto_engine::models::{bundled_weights, open_network};
use impasto_engine::registry::{self, Build, BuildParts};
use impasto_engine::train::Checkpoint;
use impasto_engine::weights::{self, FORMAT_VERSION, Header, Precision};
use impasto_engine::{Device, Direction};
use serde::Serialize;

/// A trained stylizer to compare.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Network {
    /// What the tables call it.
    pub(crate) label: String,
    /// Registry name of its algorithm.
    pub(crate) algorithm: &'static str,
    /// Its weights file; `None` for the bundled weights.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    /// BLAKE3 of its weights.
    pub(crate) blake3: String,
    /// Where the weights come from, without folders.
    pub(crate) origin: String,
}

impl Network {
    fn new(
        label: String,
        algorithm: &'static str,
        file: Option<&Path>,
        origin: String,
        device: &Device,
    ) -> Result<Self> {
        let (_, info) = open_network(registry::find(algorithm)?, file, Direction::default(), device)?;
        Ok(Self { label, algorithm, file: file.map(Path::to_owned), blake3: info.blake3, origin })
    }

    /// The bundled weights of `fusion`; `None` when none are built in.
    pub(crate) fn bundled(device: &Device) -> Result<Option<Self>> {
        bundled_weights("fusion")
            .map(|_| Self::new("fusion".into(), "fusion", None, "bundled".into(), device))
            .transpose()
    }

    /// The same as a file in `scratch`, for programs that are given one.
    pub(crate) fn bundled_file(device: &Device, scratch: &Path) -> Result<Option<Self>> {
        let Some(bytes) = bundled_weights("fusion") else { return Ok(None) };
        let file = scratch.join("fusion.safetensors");
        std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Some(Self::new("fusion".into(), "fusion", Some(&file), "bundled".into(), device)?))
    }

    /// `fusion` of the default size with initial weights, for speed only.
    pub(crate) fn random(device: &Device, scratch: &Path) -> Result<Self> {
        let config = serde_json::json!({});
        let Build::Network(build) = registry::find("fusion")?.build else { bail!("fusion is no network") };
        let parts = BuildParts { config: &config, arrays: None, seed: 0, direction: Direction::default(), device };
        let arrays = build(parts).map_err(|problem| anyhow!("fusion: {problem}"))?.arrays();
        let file = scratch.join("fusion.safetensors");
        weights::save(&file, &fusion_header("initial weights".into(), config), &arrays, Precision::F32)?;
        Self::new("fusion".into(), "fusion", Some(&file), "initial weights".into(), device)
    }

    /// A weights file of `fusion`.
    pub(crate) fn from_file(path: &Path, device: &Device) -> Result<Self> {
        Self::new("fusion".into(), "fusion", Some(path), name(path), device)
    }

    /// The averaged weights in the newest checkpoint of a run of `fusion`. `folder` is the run's folder or that of its
    /// checkpoints; the weights are written into `scratch`.
    pub(crate) fn from_checkpoint(folder: &Path, device: &Device, scratch: &Path) -> Result<Self> {
        let nested = folder.join("checkpoints");
        let checkpoints = if nested.is_dir() { nested } else { folder.to_owned() };
        let checkpoint = Checkpoint::latest(&checkpoints)?
            .ok_or_else(|| anyhow!("{} holds no checkpoint", checkpoints.display()))?;
        let arrays = checkpoint.state.under("ema");
        if arrays.is_empty() {
            bail!("the checkpoint in {} holds no averaged weights (ema.*)", checkpoints.display());
        }
        let training = checkpoint.config.get("training").unwrap_or(&checkpoint.config);
        let config = training.get("network").cloned().unwrap_or_else(|| serde_json::json!({}));
        let label = format!("fusion at step {}", checkpoint.step);
        let header = fusion_header(label.clone(), config);
        let run = checkpoints.parent().map(name).unwrap_or_default();
        let file = scratch.join(format!("{run}-{}.safetensors", checkpoint.step));
        weights::save(&file, &header, &arrays, Precision::F32)?;
        Self::new(label, "fusion", Some(&file), format!("{run}, step {}", checkpoint.step), device)
    }

    /// MicroAST with its authors' weights, imported into `scratch`.
    pub(crate) fn microast(foreign: &Path, device: &Device, scratch: &Path) -> Result<Self> {
        let import = registry::find("microast")?.import.context("microast cannot be imported")?;
        let (header, arrays) = import(foreign, device)?;
        let file = scratch.join("microast.safetensors");
        weights::save(&file, &header, &arrays, Precision::F32)?;
        Self::new("microast".into(), "microast", Some(&file), name(foreign), device)
    }
}

fn fusion_header(title: String, config: serde_json::Value) -> Header {
    Header {
        version: FORMAT_VERSION,
        algorithm: "fusion".into(),
        title,
        licence: "MIT OR Apache-2.0".into(),
        config,
        training: serde_json::Value::Null,
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
