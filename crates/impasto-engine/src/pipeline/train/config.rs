//! What `config.toml` in a run's folder holds: everything that decides what the run computes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::gallery::GallerySettings;
use crate::error::{EngineError, Result};
use crate::models::PerceptionSpec;

/// A run's configuration. The same configuration on the same device gives the same weights, bit for bit on CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Registry name of the algorithm.
    pub algorithm: String,
    /// The impasto that began the run.
    pub impasto: String,
    /// The device it was begun on.
    pub device: String,
    /// When to log, preview and save.
    pub schedule: Schedule,
    /// The frozen network that losses compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perception: Option<Perception>,
    /// Frozen networks that only judge what comes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<Perception>,
    /// The weights it began from, if not from drawn ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// How whole pictures are read, for trainers that take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gallery: Option<GallerySettings>,
    /// Pictures by role, such as `content` and `styles`.
    pub data: BTreeMap<String, Source>,
    /// The algorithm's training settings, complete.
    pub training: toml::Table,
}

/// How often to do what, in steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps between log lines.
    pub log_every: u64,
    /// Steps between sample grids.
    pub preview_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between looks at how training goes; every checkpoint is looked at too. Not written where it is the usual one,
    /// so that runs of older versions, whose checkpoints do not know it, can be resumed.
    #[serde(skip_serializing_if = "is_usual_watch")]
    pub watch_every: u64,
    /// Checkpoints kept.
    pub keep: usize,
}

fn is_usual_watch(steps: &u64) -> bool {
    *steps == Schedule::default().watch_every
}

impl Default for Schedule {
    fn default() -> Self {
        Self { log_every: 10, preview_every: 250, checkpoint_every: 250, watch_every: 125, keep: 3 }
    }
}

/// A perception network of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perception {
    /// Which network, and from which file.
    pub network: PerceptionSpec,
    /// Hash of its weights.
    pub blake3: String,
}

impl Perception {
    /// A network with its file's absolute path and hash.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read.
    pub(super) fn of(network: &PerceptionSpec) -> Result<Self> {
        let network = network.absolute()?;
        Ok(Self { blake3: network.hash()?, network })
    }
}

/// Weights that a run began from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Name of the file.
    pub file: String,
    /// Hash of the file.
    pub blake3: String,
    /// What its header says of its own training, as JSON: it stays part of the new weights' origin.
    pub training: String,
}

/// Pictures of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Folders or files, absolute.
    pub paths: Vec<PathBuf>,
    /// Usable pictures found.
    pub pictures: usize,
    /// Hash over the usable files' contents in order; a resume with other pictures would not be exact.
    pub blake3: String,
}

impl RunConfig {
    /// As `config.toml`.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|e| EngineError::Internal(format!("configuration: {e}")))
    }

    /// From the text of a `config.toml` found at `path`.
    ///
    /// # Errors
    /// [`EngineError::File`] that says what does not fit.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self> {
        toml::from_str(text)
            .map_err(|e| EngineError::file(path, format!("is not a run's configuration ({})", line(&e))))
    }

    /// As it is kept in checkpoints.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| EngineError::Internal(format!("configuration: {e}")))
    }
}

/// The first line of what the TOML parser says.
pub(crate) fn line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or("cannot be parsed").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_keeps_everything() {
        let training: toml::Table = toml::from_str("rate = 0.002\nsteps = 10\nnetwork = { widths = [1, 2] }").unwrap();
        let source = Source { paths: vec!["/a b/ü".into()], pictures: 3, blake3: "00".into() };
        let config = RunConfig {
            algorithm: "fusion".into(),
            impasto: "0.1.0".into(),
            device: "cpu".into(),
            schedule: Schedule::default(),
            perception: Some(Perception {
                network: "vgg19-pocket:/w.safetensors".parse().unwrap(),
                blake3: "1".into(),
            }),
            judges: vec![Perception { network: "googlenet:/g.safetensors".parse().unwrap(), blake3: "3".into() }],
            init: Some(Init { file: "a.safetensors".into(), blake3: "2".into(), training: "{\"a\": null}".into() }),
            gallery: None,
            data: BTreeMap::from([("content".into(), source)]),
            training,
        };
        let text = config.to_toml().unwrap();
        assert!(text.contains("rate = 0.002"), "{text}");
        let back = RunConfig::from_toml(&text, Path::new("config.toml")).unwrap();
        assert_eq!(back, config);
        assert_eq!(back.to_json().unwrap(), config.to_json().unwrap());
        assert!(RunConfig::from_toml("algorithm = 1", Path::new("c")).is_err());
    }
}
