//! Networks by name: which file, or what is bundled, stands behind what a user types.

mod generator;
mod perception;
mod translator;

pub use generator::{GeneratorSpec, bundled_generator, generators, open_generator};
pub use perception::PerceptionSpec;
pub use translator::TranslatorFile;

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::device::{self, DeviceSpec};
use crate::error::{EngineError, Result};
use crate::registry::{self, Build, BuildParts, Entry};
use crate::traits::{Direction, Stylizer};
use crate::weights::{self, Header};

/// What lies in `assets/`, found by the build script.
pub(crate) mod bundled {
    include!(concat!(env!("OUT_DIR"), "/bundled.rs"));
}

/// An algorithm's bundled weights file; `None` when none is built in.
pub fn bundled_weights(algorithm: &str) -> Option<&'static [u8]> {
    bundled::WEIGHTS.iter().find(|(name, _)| *name == algorithm).map(|(_, bytes)| *bytes)
}

/// The artists that bundled weights know, by name; see [`registry::ARTISTS`].
///
/// # Errors
/// [`EngineError::Internal`] when the bundled weights cannot be read.
pub fn artists() -> Result<Vec<String>> {
    if bundled_weights(registry::ARTISTS).is_none() { Ok(Vec::new()) } else { artists_of(None) }
}

/// The artists that the weights in `file` know, or the bundled ones.
///
/// # Errors
/// Those of [`open_network`].
pub fn artists_of(file: Option<&Path>) -> Result<Vec<String>> {
    let device = device::open(DeviceSpec::Cpu)?.device;
    let (network, _) = open_network(registry::find(registry::ARTISTS)?, file, Direction::default(), &device)?;
    Ok(network.own_styles())
}

/// What the folder of a training run keeps its averaged weights in.
const RUN_WEIGHTS: &str = "weights.safetensors";

/// The weights file that `model` is, or that is in it as the folder of a run.
fn run_weights(model: &Path) -> Result<PathBuf> {
    if !model.is_dir() {
        return Ok(model.to_owned());
    }
    let file = model.join(RUN_WEIGHTS);
    if file.exists() {
        return Ok(file);
    }
    Err(EngineError::file(file, "there are no weights in this folder (yet); a run writes them when it ends"))
}

/// A short name for what is made with a model: that of its file without the extension, or that of its run's folder.
fn label_of(model: &Path) -> String {
    match model.extension() {
        Some(extension) if extension == "safetensors" => {
            model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        }
        _ => last_name(model),
    }
}

/// A path's last part, also of `.` and `..`.
fn last_name(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let resolved = || path.canonicalize().ok().and_then(|path| name(&path));
    name(path).or_else(resolved).unwrap_or_else(|| path.display().to_string())
}

/// Which weights a stylizer runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// What its file says about itself.
    pub header: Header,
    /// BLAKE3 of its file.
    pub blake3: String,
}

/// Builds a stylizer with weights from `file`, or the bundled ones; `direction` is that of a translator.
///
/// # Errors
/// [`EngineError::File`] when the file cannot be read, belongs to another algorithm, or does not fit it (a tensor that is
/// missing, misshapen or not finite); [`EngineError::Caller`] without a file when nothing is bundled.
pub fn open_network(
    entry: &Entry,
    file: Option<&Path>,
    direction: Direction,
    device: &Device,
) -> Result<(Box<dyn Stylizer>, ModelInfo)> {
    let name = entry.descriptor.name;
    let Build::Network(build) = entry.build else {
        return Err(EngineError::Caller(format!("{name} has no weights of its own; leave out --model")));
    };
    let refused = |reason: String| match file {
        Some(path) => EngineError::file(path, reason),
        None => EngineError::Internal(format!("bundled weights of {name}: {reason}")),
    };
    let ((header, arrays), blake3) = match file {
        Some(path) => (weights::load(path).map_err(|e| import_hint(entry, path, e))?, hash_file(path)?),
        None => {
            let bytes = bundled_weights(name).ok_or_else(|| {
                let text = format!("no weights of {name} are built in; give a weights file with --model FILE");
                EngineError::Caller(text)
            })?;
            (weights::decode(bytes).map_err(refused)?, blake3::hash(bytes).to_hex().to_string())
        }
    };
    if header.algorithm != name {
        return Err(refused(format!("holds weights of '{}', not of '{name}'", header.algorithm)));
    }
    let parts = BuildParts { config: &header.config, arrays: Some(&arrays), seed: 0, direction, device };
    let stylizer = build(parts).map_err(refused)?;
    Ok((stylizer, ModelInfo { header, blake3 }))
}

/// Foreign weights are converted once, by an explicit command; the error says which.
fn import_hint(entry: &Entry, path: &Path, error: EngineError) -> EngineError {
    match (entry.import, &error) {
        (Some(_), EngineError::File { reason, .. }) if reason.starts_with("not an impasto") => {
            let name = entry.descriptor.name;
            let file = path.display();
            EngineError::file(
                path,
                format!(
                    "not an impasto weights file; convert it once: impasto models import {name} {file} -o {name}.safetensors"
                ),
            )
        }
        _ => error,
    }
}

/// BLAKE3 of a file, in hexadecimal.
///
/// # Errors
/// [`EngineError::File`] when it cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    std::fs::File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(|e| EngineError::io(path, &e))?;
    Ok(hasher.finalize().to_hex().to_string())
}
