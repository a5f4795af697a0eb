//! Perception networks by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{bundled_weights, hash_file};
use crate::error::{EngineError, Result};
use crate::features::{Features, GoogLeNet, Percept, PerceptWidth, PocketVgg, SqueezeNet, VggWidth};
use crate::weights;

/// A perception network as users name it: `percept` (built in), or `vgg19-pocket:FILE` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PerceptionSpec {
    kind: PerceptionKind,
    /// The weights; `None` for the bundled ones.
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PerceptionKind {
    PocketVggWide,
    PocketVggNarrow,
    PerceptTaps,
    PerceptWide,
    SqueezeNet,
    GoogLeNet,
}

impl PerceptionKind {
    const ALL: [Self; 6] = [
        Self::PerceptTaps,
        Self::PerceptWide,
        Self::PocketVggWide,
        Self::PocketVggNarrow,
        Self::SqueezeNet,
        Self::GoogLeNet,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::PocketVggWide => "vgg19-pocket",
            Self::PocketVggNarrow => "vgg19-pocket-narrow",
            Self::PerceptTaps => "percept",
            Self::PerceptWide => "percept-wide",
            Self::SqueezeNet => "squeezenet",
            Self::GoogLeNet => "googlenet",
        }
    }

    /// The bundled weights of this network.
    fn bundled(self) -> Option<&'static [u8]> {
        match self {
            Self::PerceptTaps | Self::PerceptWide => bundled_weights("percept"),
            Self::PocketVggWide | Self::PocketVggNarrow | Self::SqueezeNet | Self::GoogLeNet => None,
        }
    }
}

impl PerceptionSpec {
    /// The network that is used where none is named: the bundled `percept`, if it is built in.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that says which option names another.
    pub fn bundled(option: &str) -> Result<Self> {
        let kind = PerceptionKind::PerceptTaps;
        match kind.bundled() {
            Some(_) => Ok(Self { kind, file: None }),
            None => Err(EngineError::Caller(format!(
                "this needs a perception network and none is built in: give --{option} vgg19-pocket:FILE"
            ))),
        }
    }

    /// The network's name, without its file.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The network with its file's name, without folders.
    pub fn public_name(&self) -> String {
        let file = self.file.as_ref().and_then(|file| file.file_name());
        file.map_or_else(|| self.name().to_owned(), |file| format!("{}:{}", self.name(), file.to_string_lossy()))
    }

    /// The same with an absolute path.
    ///
    /// # Errors
    /// [`EngineError::File`] when there is no such file.
    pub fn absolute(&self) -> Result<Self> {
        let absolute = |file: &PathBuf| file.canonicalize().map_err(|e| EngineError::io(file, &e));
        Ok(Self { kind: self.kind, file: self.file.as_ref().map(absolute).transpose()? })
    }

    /// BLAKE3 of the weights.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read.
    pub fn hash(&self) -> Result<String> {
        match (&self.file, self.kind.bundled()) {
            (Some(file), _) => hash_file(file),
            (None, Some(bytes)) => Ok(blake3::hash(bytes).to_hex().to_string()),
            (None, None) => Err(self.missing()),
        }
    }

    /// Reads the network onto `device`.
    ///
    /// # Errors
    /// [`EngineError::File`] when the file is not this network.
    pub fn open(&self, device: &Device) -> Result<Box<dyn Features>> {
        match self.kind {
            PerceptionKind::PocketVggWide => self.pocket_vgg(VggWidth::Wide, device),
            PerceptionKind::PocketVggNarrow => self.pocket_vgg(VggWidth::Narrow, device),
            PerceptionKind::PerceptTaps => self.percept(PerceptWidth::Taps, device),
            PerceptionKind::PerceptWide => self.percept(PerceptWidth::Wide, device),
            PerceptionKind::SqueezeNet => Ok(Box::new(SqueezeNet::load(self.given()?, device)?)),
            PerceptionKind::GoogLeNet => Ok(Box::new(GoogLeNet::load(self.given()?, device)?)),
        }
    }

    fn pocket_vgg(&self, width: VggWidth, device: &Device) -> Result<Box<dyn Features>> {
        Ok(Box::new(PocketVgg::load(self.given()?, width, device)?))
    }

    fn percept(&self, width: PerceptWidth, device: &Device) -> Result<Box<dyn Features>> {
        if let Some(file) = &self.file {
            return Ok(Box::new(Percept::load(file, width, device)?));
        }
        let bytes = self.kind.bundled().ok_or_else(|| self.missing())?;
        let internal = |reason: String| EngineError::Internal(format!("bundled weights of percept: {reason}"));
        let (header, arrays) = weights::decode(bytes).map_err(internal)?;
        Ok(Box::new(Percept::new(&header, &arrays, width, device).map_err(internal)?))
    }

    /// The file, for networks that are never built in.
    fn given(&self) -> Result<&Path> {
        self.file.as_deref().ok_or_else(|| self.missing())
    }

    fn missing(&self) -> EngineError {
        EngineError::Caller(format!("no weights of {0} are built in: give {0}:FILE", self.name()))
    }
}

impl FromStr for PerceptionSpec {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let (name, file) = text.split_once(':').unwrap_or((text, ""));
        let Some(kind) = PerceptionKind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let known: Vec<_> = PerceptionKind::ALL.map(PerceptionKind::name).into();
            let text = format!("unknown perception network '{name}': use one of {}, with :FILE", known.join(", "));
            return Err(EngineError::Caller(text));
        };
        let spec = Self { kind, file: (!file.is_empty()).then(|| file.into()) };
        if spec.file.is_none() && kind.bundled().is_none() { Err(spec.missing()) } else { Ok(spec) }
    }
}

impl fmt::Display for PerceptionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}", self.kind.name(), file.display()),
            None => f.write_str(self.kind.name()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let names = [
            "vgg19-pocket:/a/b.safetensors",
            "vgg19-pocket-narrow:x",
            "percept:y",
            "percept-wide:z",
            "squeezenet:v",
            "googlenet:u",
        ];
        for text in names {
            assert_eq!(text.parse::<PerceptionSpec>().unwrap().to_string(), text);
        }
        assert!("vgg19-pocket".parse::<PerceptionSpec>().unwrap_err().to_string().contains("vgg19-pocket:FILE"));
        assert!("alexnet:x".parse::<PerceptionSpec>().unwrap_err().to_string().contains("percept"));
    }
}
