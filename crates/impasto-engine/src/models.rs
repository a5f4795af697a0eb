//! Networks by name: which file, or what is bundled, stands behind what a user types.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::features::{Features, Percept, PerceptWidth, PocketVgg, VggWidth};

/// A perception network as users name it: `vgg19-pocket:FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PerceptionSpec {
    kind: PerceptionKind,
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PerceptionKind {
    PocketVggWide,
    PocketVggNarrow,
    PerceptTaps,
    PerceptWide,
}

impl PerceptionKind {
    const ALL: [Self; 4] = [Self::PocketVggWide, Self::PocketVggNarrow, Self::PerceptTaps, Self::PerceptWide];

    fn name(self) -> &'static str {
        match self {
            Self::PocketVggWide => "vgg19-pocket",
            Self::PocketVggNarrow => "vgg19-pocket-narrow",
            Self::PerceptTaps => "percept",
            Self::PerceptWide => "percept-wide",
        }
    }
}

impl PerceptionSpec {
    /// What to tell a user who named none where one is needed.
    pub(crate) fn missing_hint(option: &str) -> String {
        format!("this needs a perception network: give --{option} vgg19-pocket:FILE")
    }

    /// The network's name, without its file.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The same with an absolute path.
    ///
    /// # Errors
    /// [`EngineError::File`] when there is no such file.
    pub fn absolute(&self) -> Result<Self> {
        let file = self.file.canonicalize().map_err(|e| EngineError::io(&self.file, &e))?;
        Ok(Self { kind: self.kind, file })
    }

    /// BLAKE3 of the weights.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read.
    pub fn hash(&self) -> Result<String> {
        hash_file(&self.file)
    }

    /// Reads the network onto `device`.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file is not this network.
    pub fn open(&self, device: &Device) -> Result<Box<dyn Features>> {
        let vgg = |width| PocketVgg::load(&self.file, width, device);
        let percept = |width| Percept::load(&self.file, width, device);
        Ok(match self.kind {
            PerceptionKind::PocketVggWide => Box::new(vgg(VggWidth::Wide)?),
            PerceptionKind::PocketVggNarrow => Box::new(vgg(VggWidth::Narrow)?),
            PerceptionKind::PerceptTaps => Box::new(percept(PerceptWidth::Taps)?),
            PerceptionKind::PerceptWide => Box::new(percept(PerceptWidth::Wide)?),
        })
    }
}

impl FromStr for PerceptionSpec {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let (name, file) = text.split_once(':').unwrap_or((text, ""));
        let Some(kind) = PerceptionKind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let known: Vec<_> = PerceptionKind::ALL.map(|kind| format!("{}:FILE", kind.name())).into();
            let text = format!("unknown perception network '{name}': use one of {}", known.join(", "));
            return Err(EngineError::Caller(text));
        };
        if file.is_empty() {
            return Err(EngineError::Caller(format!("'{name}' needs a weights file: give {name}:FILE")));
        }
        Ok(Self { kind, file: file.into() })
    }
}

impl fmt::Display for PerceptionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.file.display())
    }
}

impl From<PerceptionSpec> for String {
    fn from(spec: PerceptionSpec) -> Self {
        spec.to_string()
    }
}

impl TryFrom<String> for PerceptionSpec {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
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
