//! Who descends from whom: `lineage.json`, from which every individual can be made again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::models::ModelInfo;
use crate::pipeline::generate::GenerationJob;
use crate::weights::write_atomic;

/// The version of [`Lineage`] this build writes; files of a later version are refused.
const FORMAT_VERSION: u32 = 1;

/// The file's name in a session's folder.
const FILE: &str = "lineage.json";

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// All that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lineage {
    /// See [`FORMAT_VERSION`].
    version: u32,
    /// What people call the generator.
    pub(super) title: String,
    /// BLAKE3 of the generator's weights.
    pub(super) model: String,
    /// What pictures look like.
    pub(super) job: GenerationJob,
    /// How it goes on.
    pub(super) settings: super::EvolveJob,
    /// Generations, the founders first.
    pub(super) generations: Vec<Generation>,
}

/// Individuals that were shown together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Generation {
    /// In the order of their numbers, which go on through all generations.
    pub(super) individuals: Vec<Individual>,
    /// Numbers of those that the next generation descends from.
    pub(super) favourites: Vec<usize>,
}

/// One individual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Individual {
    /// Its number.
    pub(super) id: usize,
    /// Number of the founder its line goes back to.
    pub(super) line: usize,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// Where an individual comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Origin {
    /// The latent of a seed.
    Seed(u64),
    /// Parents.
    Parents {
        /// Numbers of the first, whose line, class and noise it has, and of the second.
        parents: Vec<usize>,
        /// Which of the parents each layer's style is of; empty where numbers of the one style were drawn from both.
        layers: Vec<usize>,
        /// How far it was changed, from 0 to 1.
        mutation: f32,
        /// Which of the candidates was taken: earlier ones were too near to others.
        draw: u64,
    },
}

impl Lineage {
    /// A session that begins.
    pub(super) fn new(job: GenerationJob, settings: super::EvolveJob, model: &ModelInfo) -> Self {
        let (title, model) = (model.header.title.clone(), model.blake3.clone());
        Self { version: FORMAT_VERSION, title, model, job, settings, generations: Vec::new() }
    }

    /// Reads a session's file; `None` where there is none yet.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        let size = match std::fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(EngineError::io(&path, &e)),
        };
        if size > MAX_BYTES {
            return Err(EngineError::file(
                &path,
                format!("{size} bytes is more than a lineage may have ({MAX_BYTES})"),
            ));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| EngineError::io(&path, &e))?;
        let refused = |reason: String| EngineError::file(&path, reason);
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|e| refused(format!("is no lineage ({e})")))?;
        match value["version"].as_u64() {
            Some(version) if version <= u64::from(FORMAT_VERSION) => {}
            _ => return Err(refused("is no lineage of this impasto's format".into())),
        }
        let read: Self = serde_json::from_value(value).map_err(|e| refused(format!("is damaged ({e})")))?;
        read.check().map_err(refused)?;
        Ok(Some(read))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| EngineError::Internal(e.to_string()))?;
        text.push('\n');
        write_atomic(&Self::path(folder), text.as_bytes())
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// All individuals in the order of their numbers.
    pub(super) fn individuals(&self) -> impl Iterator<Item = &Individual> {
        self.generations.iter().flat_map(|generation| &generation.individuals)
    }

    /// Refuses what could not be made again: numbers out of order, parents that come later.
    fn check(&self) -> Result<(), String> {
        for (number, individual) in self.individuals().enumerate() {
            let born = |id: &usize| *id < number;
            let fits = match &individual.origin {
                Origin::Seed(_) => true,
                Origin::Parents { parents, layers, mutation, .. } => {
                    (1..=2).contains(&parents.len())
                        && parents.iter().all(born)
                        && layers.iter().all(|&of| of < parents.len())
                        && (0.0..=1.0).contains(mutation)
                }
            };
            if individual.id != number || individual.line > number || !fits {
                return Err(format!("is damaged: individual {number} cannot be made"));
            }
        }
        Ok(())
    }
}
