//! Directions in the space of styles, by name, and the files that keep them.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::models::ModelInfo;
use crate::registry::suggest;
use crate::weights::{self, Array, Arrays, Precision};

/// The version of [`DirectionsHeader`] this build writes; files of a later version are refused.
const FORMAT_VERSION: u32 = 1;

/// The metadata key under which the header is kept.
const METADATA_KEY: &str = "impasto_directions";

/// A direction along which pictures change.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// Its name.
    pub name: String,
    /// What is added to styles for an amount of 1, `[layers, width]`: the deviation of styles along it.
    pub styles: Vec<f32>,
    /// How much pictures change with an amount of 1, in the eyes of a perception network; what files are ordered by.
    pub effect: f32,
    /// How much of what was looked at it explains: variance of the styles, or length under the style matrices, from 0
    /// to 1.
    pub share: f32,
}

/// Directions of one generator.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// What is said about them.
    pub header: DirectionsHeader,
    /// The directions, those with the greatest effect first.
    pub all: Vec<Direction>,
}

/// What a file of directions says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionsHeader {
    /// See [`FORMAT_VERSION`].
    version: u32,
    /// What people call the generator.
    pub title: String,
    /// BLAKE3 of the generator's weights.
    pub model: String,
    /// How they were found, one line.
    pub about: String,
    /// Names, effects and shares in the order of the file.
    pub directions: Vec<(String, f32, f32)>,
}

impl Directions {
    /// Directions of a generator.
    pub(crate) fn new(all: Vec<Direction>, model: &ModelInfo, about: String) -> Self {
        let header = DirectionsHeader {
            version: FORMAT_VERSION,
            title: model.header.title.clone(),
            model: model.blake3.clone(),
            about,
            directions: all.iter().map(|one| (one.name.clone(), one.effect, one.share)).collect(),
        };
        Self { header, all }
    }

    /// The direction called `name`.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that suggests near names.
    pub fn named(&self, name: &str) -> Result<&Direction> {
        self.all.iter().find(|one| one.name == name).ok_or_else(|| {
            let near = suggest(name, self.all.iter().map(|one| one.name.as_str()));
            EngineError::Caller(format!("there is no direction '{name}'{near}"))
        })
    }

    /// The bytes of their file.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when they cannot be made.
    pub fn encode(&self, form: &Form) -> Result<Vec<u8>> {
        let shape = vec![form.layers, form.width];
        let array = |one: &Direction| Array { shape: shape.clone(), values: one.styles.clone() };
        let arrays: Arrays = self.all.iter().map(|one| (one.name.clone(), array(one))).collect();
        let json = serde_json::to_string(&self.header).map_err(|e| EngineError::Internal(e.to_string()))?;
        weights::to_bytes(&arrays, HashMap::from([(METADATA_KEY.to_owned(), json)]), Precision::F32)
    }

    /// Reads a file of directions for a generator.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read, is none, or belongs to another generator.
    pub fn load(path: &Path, form: &Form, model: &ModelInfo) -> Result<Self> {
        let (mut arrays, metadata) = weights::read_arrays(path)?;
        let refused = |reason: String| EngineError::file(path, reason);
        let header = Self::header_of(&metadata).map_err(refused)?;
        if header.model != model.blake3 {
            return Err(refused(format!("holds directions of another generator ('{}')", header.title)));
        }
        let direction = |(name, effect, share): &(String, f32, f32)| {
            let array = arrays.remove(name).filter(|array| array.shape == [form.layers, form.width]);
            let styles = array.map(|array| array.values).filter(|values| values.iter().all(|v| v.is_finite()));
            let styles = styles.ok_or_else(|| refused(format!("direction '{name}' is damaged")))?;
            Ok(Direction { name: name.clone(), styles, effect: *effect, share: *share })
        };
        let all = header.directions.iter().map(direction).collect::<Result<_>>()?;
        Ok(Self { header, all })
    }

    /// What the metadata of a file of directions says.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub fn header_of(metadata: &HashMap<String, String>) -> Result<DirectionsHeader, String> {
        let absent = "holds no directions ('impasto explore directions' finds them)";
        weights::kept_header(metadata, METADATA_KEY, FORMAT_VERSION, absent)
    }
}
