//! Where a picture lies: its styles and its noise, and files that keep them.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::models::ModelInfo;
use crate::weights::{self, Array, Arrays, Precision};

/// The version of [`CodeHeader`] this build writes; files of a later version are refused.
const FORMAT_VERSION: u32 = 1;

/// The metadata key under which the header is kept.
const METADATA_KEY: &str = "impasto_code";

/// A picture as a generator takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    /// Styles, `[layers, width]` row by row.
    pub styles: Vec<f32>,
    /// Weight of each class, which sum to 1; empty for a generator without.
    pub classes: Vec<f32>,
    /// The noise of the layers.
    pub noise: CodeNoise,
}

/// The noise of one picture's layers.
#[derive(Debug, Clone, PartialEq)]
pub enum CodeNoise {
    /// None.
    Off,
    /// Drawn from a seed.
    Seed(u64),
    /// Given: `[1, 1, h, w]` for each layer that adds noise.
    Maps(Vec<Array>),
}

/// What a code's file says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeHeader {
    /// See [`FORMAT_VERSION`].
    version: u32,
    /// What people call the generator.
    pub title: String,
    /// BLAKE3 of the generator's weights; only it can read the code.
    pub model: String,
    /// How the code was found, one line.
    pub about: String,
    /// Weight of each class.
    #[serde(default)]
    classes: Vec<f32>,
    /// Seed of the noise, where it is drawn.
    #[serde(default)]
    noise_seed: Option<u64>,
}

impl Code {
    /// The bytes of a code's file.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when they cannot be made.
    pub fn encode(&self, form: &Form, model: &ModelInfo, about: &str) -> Result<Vec<u8>> {
        let header = CodeHeader {
            version: FORMAT_VERSION,
            title: model.header.title.clone(),
            model: model.blake3.clone(),
            about: about.to_owned(),
            classes: self.classes.clone(),
            noise_seed: match self.noise {
                CodeNoise::Seed(seed) => Some(seed),
                CodeNoise::Off | CodeNoise::Maps(_) => None,
            },
        };
        let shape = vec![form.layers, form.width];
        let mut arrays = Arrays::from([("styles".to_owned(), Array { shape, values: self.styles.clone() })]);
        if let CodeNoise::Maps(maps) = &self.noise {
            arrays.extend(maps.iter().enumerate().map(|(index, map)| (format!("noise.{index:03}"), map.clone())));
        }
        let json = serde_json::to_string(&header).map_err(|e| EngineError::Internal(e.to_string()))?;
        weights::to_bytes(&arrays, HashMap::from([(METADATA_KEY.to_owned(), json)]), Precision::F32)
    }

    /// Reads a code's file for a generator.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read, is none, or belongs to another generator.
    pub fn load(path: &Path, form: &Form, model: &ModelInfo) -> Result<Self> {
        let (mut arrays, metadata) = weights::read_arrays(path)?;
        let refused = |reason: String| EngineError::file(path, reason);
        let header = header_of(&metadata).map_err(refused)?;
        if header.model != model.blake3 {
            return Err(refused(format!("is a code of another generator ('{}')", header.title)));
        }
        if arrays.values().any(|array| array.values.iter().any(|value| !value.is_finite())) {
            return Err(refused("holds values that are not finite".into()));
        }
        let styles = arrays.remove("styles").filter(|styles| styles.shape == [form.layers, form.width]);
        let styles = styles.ok_or_else(|| refused("has no styles of this generator's shape".into()))?;
        if header.classes.len() != form.classes.len() {
            return Err(refused(format!("is a code of {} classes", header.classes.len())));
        }
        let noise = match header.noise_seed {
            Some(seed) => CodeNoise::Seed(seed),
            None if arrays.is_empty() => CodeNoise::Off,
            None => CodeNoise::Maps(arrays.into_values().collect()),
        };
        Ok(Self { styles: styles.values, classes: header.classes, noise })
    }

    /// This code with the styles of another where `layers` says so.
    #[must_use]
    pub fn mixed(&self, other: &Self, layers: &[bool]) -> Self {
        let mut mixed = self.clone();
        let width = self.styles.len() / layers.len().max(1);
        let rows = mixed.styles.chunks_exact_mut(width).zip(other.styles.chunks_exact(width));
        for ((row, other), _) in rows.zip(layers).filter(|(_, chosen)| **chosen) {
            row.copy_from_slice(other);
        }
        mixed
    }

    /// Styles plus `amount` times those of a direction.
    pub fn step(&mut self, direction: &[f32], amount: f32) {
        for (style, along) in self.styles.iter_mut().zip(direction) {
            *style += amount * along;
        }
    }

    /// On the straight line to another code: 0 is this one, 1 the other. The noise stays this one's.
    #[must_use]
    pub fn towards(&self, other: &Self, share: f32) -> Self {
        Self {
            styles: blend(&self.styles, &other.styles, share),
            classes: blend(&self.classes, &other.classes, share),
            noise: self.noise.clone(),
        }
    }
}

/// `a` at 0, `b` at 1, both exactly.
pub(in crate::pipeline) fn blend(a: &[f32], b: &[f32], share: f32) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a * (1.0 - share) + b * share).collect()
}

/// What the metadata of a code's file says.
///
/// # Errors
/// A line that says what is wrong with it.
pub fn header_of(metadata: &HashMap<String, String>) -> Result<CodeHeader, String> {
    let absent = "is no code of a picture ('impasto explore project' makes them)";
    weights::kept_header(metadata, METADATA_KEY, FORMAT_VERSION, absent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Codes;
    use crate::weights::Header;

    fn model(blake3: &str) -> ModelInfo {
        let header = Header {
            version: 1,
            algorithm: "x".into(),
            title: "Flowers".into(),
            licence: "MIT".into(),
            config: serde_json::Value::Null,
            training: serde_json::Value::Null,
        };
        ModelInfo { header, blake3: blake3.into() }
    }

    #[test]
    fn files_come_back_and_strangers_are_refused() {
        let form = Form {
            latent: 2,
            width: 2,
            layers: 2,
            size: [4, 4],
            classes: vec!["a".into(), "b".into()],
            codes: Codes::default(),
            grey: false,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let map = Array { shape: vec![1, 1, 1, 2], values: vec![0.5, -0.5] };
        for noise in [CodeNoise::Off, CodeNoise::Seed(9), CodeNoise::Maps(vec![map.clone(), map])] {
            let code = Code { styles: vec![1.0, 2.0, 3.0, 4.0], classes: vec![0.25, 0.75], noise };
            std::fs::write(&path, code.encode(&form, &model("m"), "a test").unwrap()).unwrap();
            assert_eq!(Code::load(&path, &form, &model("m")).unwrap(), code);
            assert!(Code::load(&path, &form, &model("n")).unwrap_err().to_string().contains("another generator"));
            assert!(Code::load(&path, &Form { width: 4, ..form.clone() }, &model("m")).is_err());
        }
        let foreign = Arrays::from([("styles".to_owned(), Array { shape: vec![2, 2], values: vec![0.0; 4] })]);
        std::fs::write(&path, weights::to_bytes(&foreign, HashMap::new(), Precision::F32).unwrap()).unwrap();
        assert!(Code::load(&path, &form, &model("m")).unwrap_err().to_string().contains("is no code"));
    }

    #[test]
    fn codes_mix_move_and_meet() {
        let code = |first: f32| Code {
            styles: (0..6).map(|i| first + i as f32).collect(),
            classes: Vec::new(),
            noise: CodeNoise::Off,
        };
        let (a, b) = (code(0.0), code(10.0));
        assert_eq!(a.mixed(&b, &[false, true, false]).styles, [0.0, 1.0, 12.0, 13.0, 4.0, 5.0]);
        let mut moved = a.clone();
        moved.step(&[1.0, 0.0, 0.0, 0.0, 0.0, -1.0], 2.0);
        assert_eq!(moved.styles, [2.0, 1.0, 2.0, 3.0, 4.0, 3.0]);
        assert_eq!((a.towards(&b, 0.0), a.towards(&b, 1.0)), (a.clone(), b.clone()));
        assert_eq!(a.towards(&b, 0.5).styles[0], 5.0);
    }
}
