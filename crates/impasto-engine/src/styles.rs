//! Styles as codes of 14 kilobytes: those built into the program, and files of the same kind that users make.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::models::bundled;
use crate::registry::{self, suggest};
use crate::weights::{self, Arrays, Precision};

/// The version of [`StyleHeader`] this build writes; files of a later version are refused.
pub const FORMAT_VERSION: u32 = 1;

/// The metadata key under which the header is kept.
pub(crate) const METADATA_KEY: &str = "impasto_style";

/// What a style's file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyleHeader {
    /// See [`FORMAT_VERSION`].
    pub version: u32,
    /// The work's title.
    pub title: String,
    /// Who made it.
    #[serde(default)]
    pub artist: String,
    /// When it was made, as people write it ("about 1831").
    #[serde(default)]
    pub year: String,
    /// Where the picture of it comes from.
    #[serde(default)]
    pub source: String,
    /// Licence of the work and its code.
    #[serde(default)]
    pub licence: String,
    /// Registry name of the algorithm that made the code.
    pub algorithm: String,
    /// BLAKE3 of the weights file that made it; only those weights can read it.
    pub weights: String,
}

/// A style's code.
#[derive(Debug, Clone, PartialEq)]
pub struct StyleCode {
    /// What it says about itself.
    pub header: StyleHeader,
    /// What [`crate::Stylizer::encode_style`] returned.
    pub arrays: Arrays,
    /// BLAKE3 of the file.
    pub blake3: String,
}

impl StyleCode {
    /// Parses a style's file.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (arrays, metadata) = weights::from_bytes(bytes)?;
        let json = metadata
            .get(METADATA_KEY)
            .ok_or("is not a style code (make one with 'impasto styles make'; weights are given by --model)")?;
        let version = serde_json::from_str::<serde_json::Value>(json)
            .ok()
            .and_then(|v| v.get("version").and_then(serde_json::Value::as_u64))
            .ok_or("its style header is damaged")?;
        if version > u64::from(FORMAT_VERSION) {
            return Err(format!("was written by a newer impasto (format {version}); update impasto to read it"));
        }
        let header = serde_json::from_str(json).map_err(|e| format!("its style header is damaged ({e})"))?;
        Ok(Self { header, arrays, blake3: blake3::hash(bytes).to_hex().to_string() })
    }

    /// Reads a style's file.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read or is not one.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| EngineError::io(path, &e))?;
        Self::decode(&bytes).map_err(|reason| EngineError::file(path, reason))
    }

    /// The bytes of a style's file; values are stored in 16 bit.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when they cannot be made.
    pub fn encode(header: &StyleHeader, arrays: &Arrays) -> Result<Vec<u8>> {
        let json = serde_json::to_string(header).map_err(|e| EngineError::Internal(e.to_string()))?;
        weights::to_bytes(arrays, HashMap::from([(METADATA_KEY.to_owned(), json)]), Precision::F16)
    }

    /// Refuses a code that other weights made.
    ///
    /// # Errors
    /// A line that says so.
    pub fn check(&self, algorithm: &str, weights: &str) -> Result<(), String> {
        if self.header.algorithm != algorithm {
            return Err(format!("is a style code of {}, which {algorithm} cannot read", self.header.algorithm));
        }
        if self.header.weights != weights {
            return Err("is a style code made by other weights; make it again with 'impasto styles make'".to_owned());
        }
        Ok(())
    }
}

/// The names of the bundled styles, sorted.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    bundled::STYLES.iter().map(|(name, _)| *name)
}

/// The bundled style called `name`.
///
/// # Errors
/// [`EngineError::Caller`] that suggests near names.
pub fn named(name: &str) -> Result<StyleCode> {
    let found = registry::named(name, names());
    let Some((_, bytes)) = bundled::STYLES.iter().find(|(known, _)| Some(*known) == found) else {
        let near = if bundled::STYLES.is_empty() { String::new() } else { suggest(name, names()) };
        return Err(EngineError::Caller(format!(
            "there is no file and no style '{name}'{near} ('impasto models list' lists the styles)"
        )));
    };
    StyleCode::decode(bytes).map_err(|reason| EngineError::Internal(format!("bundled style '{name}': {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    #[test]
    fn codes_come_back_and_strangers_are_refused() {
        let header = StyleHeader {
            version: FORMAT_VERSION,
            title: "The Great Wave".into(),
            artist: "Hokusai".into(),
            year: "about 1831".into(),
            source: String::new(),
            licence: "public domain".into(),
            algorithm: "fusion".into(),
            weights: "abc".into(),
        };
        let arrays = Arrays::from([("moments".to_owned(), Array { shape: vec![1, 2], values: vec![0.5, -2.0] })]);
        let bytes = StyleCode::encode(&header, &arrays).unwrap();
        let code = StyleCode::decode(&bytes).unwrap();
        assert_eq!((&code.header, &code.arrays), (&header, &arrays));
        assert!(code.check("fusion", "abc").is_ok());
        assert!(code.check("fusion", "abd").unwrap_err().contains("other weights"));
        assert!(code.check("microast", "abc").is_err());
        let plain = weights::to_bytes(&arrays, HashMap::new(), Precision::F16).unwrap();
        assert!(StyleCode::decode(&plain).unwrap_err().contains("not a style code"));
        let newer = StyleHeader { version: FORMAT_VERSION + 1, ..header };
        assert!(StyleCode::decode(&StyleCode::encode(&newer, &arrays).unwrap()).unwrap_err().contains("newer"));
    }

    #[test]
    fn every_bundled_style_belongs_to_the_bundled_weights() {
        let weights = bundled::WEIGHTS.iter().find(|(name, _)| *name == "fusion");
        for name in names() {
            let code = named(name).unwrap();
            let (_, bytes) = weights.expect("styles are bundled without the weights that made them");
            code.check("fusion", &blake3::hash(bytes).to_hex()).unwrap();
            assert!(!code.header.title.is_empty() && !code.header.licence.is_empty(), "{name}");
        }
    }
}
