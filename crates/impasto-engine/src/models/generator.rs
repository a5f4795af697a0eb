//! Generators by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{ModelInfo, bundled, hash_file, label_of, last_name, run_weights};
use crate::error::{EngineError, Result};
use crate::generator::Generator;
use crate::registry::{self, Build, BuildParts, suggest};
use crate::traits::Direction;
use crate::weights;

/// A generator as users name it: a bundled one, a weights file, or the folder of a training run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GeneratorSpec(Source);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A bundled one.
    Named(String),
    /// A weights file, or a run's folder.
    Path(PathBuf),
}

impl GeneratorSpec {
    /// A short name for output files: its own, that of its file without the extension, or that of its run's folder.
    pub fn label(&self) -> String {
        match &self.0 {
            Source::Named(name) => name.clone(),
            Source::Path(path) => label_of(path),
        }
    }

    /// What it is called in a picture's parameters: names, never folders.
    pub fn public_name(&self) -> String {
        match &self.0 {
            Source::Named(name) => name.clone(),
            Source::Path(path) => last_name(path),
        }
    }

    /// The same without folders, as it may be published.
    pub(crate) fn public(&self) -> Self {
        match &self.0 {
            Source::Named(_) => self.clone(),
            Source::Path(path) => Self(Source::Path(last_name(path).into())),
        }
    }

    /// The weights file of a generator that is not bundled.
    fn file(&self) -> Result<Option<PathBuf>> {
        match &self.0 {
            Source::Named(_) => Ok(None),
            Source::Path(path) => run_weights(path).map(Some),
        }
    }
}

impl FromStr for GeneratorSpec {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(EngineError::Caller("the model's name is empty: give a name, a weights file or a run".into()));
        }
        let bundled = bundled_generator(text).is_some();
        let path = Path::new(text);
        let is_path = text.contains(['/', '\\']) || path.extension().is_some() || path.exists();
        // A folder of pictures may be called like the generator trained on it; './NAME' is the folder.
        Ok(Self(if bundled || !is_path { Source::Named(text.to_owned()) } else { Source::Path(path.to_owned()) }))
    }
}

impl fmt::Display for GeneratorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Named(name) => f.write_str(name),
            Source::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl From<GeneratorSpec> for String {
    fn from(spec: GeneratorSpec) -> Self {
        spec.to_string()
    }
}

impl TryFrom<String> for GeneratorSpec {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// The names of the bundled generators, sorted.
pub fn generators() -> impl Iterator<Item = &'static str> {
    bundled::GENERATORS.iter().map(|(name, _)| *name)
}

/// The weights file of the bundled generator called `name`.
pub fn bundled_generator(name: &str) -> Option<&'static [u8]> {
    bundled::GENERATORS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}

/// Builds a generator with its weights.
///
/// # Errors
/// [`EngineError::Caller`] for a name that is not bundled; [`EngineError::File`] when the file cannot be read, holds no
/// generator, or does not fit its architecture (a tensor that is missing, misshapen or not finite).
pub fn open_generator(spec: &GeneratorSpec, device: &Device) -> Result<(Box<dyn Generator>, ModelInfo)> {
    let file = spec.file()?;
    let refused = |reason: String| match &file {
        Some(path) => EngineError::file(path, reason),
        None => EngineError::Internal(format!("bundled generator {spec}: {reason}")),
    };
    let ((header, arrays), blake3) = match &file {
        Some(path) => (weights::load(path)?, hash_file(path)?),
        None => {
            let bytes = bundled_generator(&spec.to_string()).ok_or_else(|| unknown(&spec.to_string()))?;
            (weights::decode(bytes).map_err(refused)?, blake3::hash(bytes).to_hex().to_string())
        }
    };
    let entry = registry::find(&header.algorithm)
        .map_err(|_| refused(format!("holds weights of '{}', which this impasto does not know", header.algorithm)))?;
    let Build::Generator(build) = entry.build else {
        return Err(refused(format!("holds weights of '{}', which is no generator", header.algorithm)));
    };
    let parts =
        BuildParts { config: &header.config, arrays: Some(&arrays), seed: 0, direction: Direction::default(), device };
    Ok((build(parts).map_err(refused)?, ModelInfo { header, blake3 }))
}

/// Nothing of this name.
fn unknown(name: &str) -> EngineError {
    let near = suggest(name, generators());
    EngineError::Caller(format!(
        "there is no generator '{name}'{near}; give a name of 'impasto models list', a weights file or the folder of a run"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_files_and_runs_are_told_apart() {
        let parse = |text: &str| text.parse::<GeneratorSpec>().unwrap();
        for (text, label, public) in [
            ("no-such-name", "no-such-name", "no-such-name"),
            ("mine.safetensors", "mine", "mine.safetensors"),
            ("/home/me/v1.5.safetensors", "v1.5", "v1.5.safetensors"),
            ("runs/0003-flowers.v2", "0003-flowers.v2", "0003-flowers.v2"),
            ("runs/0003-flowers/", "0003-flowers", "0003-flowers"),
        ] {
            let spec = parse(text);
            assert_eq!((spec.label().as_str(), spec.public_name().as_str()), (label, public), "{text}");
            assert_eq!(spec.to_string(), text);
        }
        assert!("".parse::<GeneratorSpec>().is_err());
        assert!(!parse("/home/me/x.safetensors").public().to_string().contains("home"));
    }

    #[test]
    fn what_is_no_generator_is_refused() {
        let device = crate::device::open(crate::device::DeviceSpec::Cpu).unwrap().device;
        let open = |text: &str| open_generator(&text.parse().unwrap(), &device).map(drop).unwrap_err().to_string();
        assert!(open("no-such-name").contains("there is no generator 'no-such-name'"));
        let folder = tempfile::tempdir().unwrap();
        assert!(open(&folder.path().to_string_lossy()).contains("no weights in this folder"));
        let file = folder.path().join("stylizer.safetensors");
        std::fs::write(&file, crate::models::bundled_weights("fusion").unwrap()).unwrap();
        assert!(open(&file.to_string_lossy()).contains("'fusion', which is no generator"));
    }

    #[test]
    fn every_bundled_generator_opens() {
        let device = crate::device::open(crate::device::DeviceSpec::Cpu).unwrap().device;
        for name in generators() {
            let (generator, info) = open_generator(&name.parse().unwrap(), &device).unwrap();
            assert!(generator.form().latent > 0 && !info.header.licence.is_empty(), "{name}");
            let title = &info.header.title;
            assert!(title.starts_with(char::is_uppercase), "{name}: a title begins with a capital, not like '{title}'");
        }
    }
}
