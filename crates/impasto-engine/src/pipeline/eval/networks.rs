//! The networks that the evaluator measures with: where their weights are and what is to be done where they are not.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{EngineError, Result};
use crate::features::{
    Embedder, Features, GoogLeNet, GoogLeNetEmbedder, Inception, InceptionEmbedder, LpipsSqueeze, Percept,
    PerceptEmbedder, PerceptWidth, PocketVgg, SqueezeNet, VggWidth,
};
use crate::models::bundled_weights;
use crate::weights;

/// Names the folder that holds `data/weights`, where no folder is given.
const VARIABLE: &str = "IMPASTO_SHARED";

/// That folder where the variable is not set: beside the project.
const USUAL: &str = "../shared";

/// A network that metrics use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// Inception v3 of TensorFlow's 2015 graph, up to `Mixed_7a`: FD, KID and neighbours.
    Inception,
    /// GoogLeNet as trained with Caffe: class probabilities, and features of 1024 values.
    GoogLeNet,
    /// impasto's own perception network, which is built in: `fd-percept`.
    Percept,
    /// LPIPS over SqueezeNet: likeness of two pictures.
    LpipsSqueeze,
    /// The distilled VGG-19: style distances.
    PocketVgg,
    /// SqueezeNet 1.1 as trained with Caffe.
    SqueezeNet,
}

/// The file of a network.
struct Known {
    folder: &'static str,
    file: &'static str,
    /// What it was made from, for those who have not got it.
    origin: &'static str,
}

impl NetworkKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Inception, Self::GoogLeNet, Self::Percept, Self::LpipsSqueeze, Self::PocketVgg, Self::SqueezeNet];

    /// The name in protocols and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inception => "inception-v3",
            Self::GoogLeNet => "googlenet-bvlc",
            Self::Percept => "percept",
            Self::LpipsSqueeze => "lpips-squeeze",
            Self::PocketVgg => "vgg19-pocket",
            Self::SqueezeNet => "squeezenet",
        }
    }

    /// The file that it is looked for in; `None` for what is built in.
    pub fn file_name(self) -> Option<&'static str> {
        self.known().map(|known| known.file)
    }

    fn known(self) -> Option<Known> {
        let (folder, file, origin) = match self {
            Self::Percept => return None,
            Self::Inception => (
                "features",
                "inception_v3_2015_to_mixed7a_f16.safetensors",
                "TensorFlow's inception-2015-12-05 with its batch normalisation folded, under torchvision's names",
            ),
            Self::GoogLeNet => {
                ("features", "googlenet_bvlc_f16.safetensors", "Caffe's bvlc_googlenet under its own names")
            }
            Self::LpipsSqueeze => (
                "metrics",
                "lpips_squeeze_full_v0.1_f32.safetensors",
                "LPIPS 0.1 over SqueezeNet, trunk and heads, under its authors' names",
            ),
            Self::PocketVgg => (
                "features",
                "vgg19_pocket16x_relu1_1-5_1_f32.safetensors",
                "the VGG-19 encoder of collaborative distillation, under its authors' names",
            ),
            Self::SqueezeNet => {
                ("features", "squeezenet1_1_caffe_f32.safetensors", "Caffe's SqueezeNet 1.1 under its own names")
            }
        };
        Some(Known { folder, file, origin })
    }
}

/// Why a network is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no file: metrics that need it are left out, with this line, which says how to get it.
    #[error("{0}")]
    Missing(String),
    /// There is one, and it is not this network: an error, not a reason to leave anything out.
    #[error(transparent)]
    Unusable(#[from] EngineError),
}

impl From<Unavailable> for EngineError {
    fn from(problem: Unavailable) -> Self {
        match problem {
            Unavailable::Missing(text) => Self::Caller(text),
            Unavailable::Unusable(error) => error,
        }
    }
}

/// Which weights a figure was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkIdentity {
    /// The network's name.
    pub name: String,
    /// SHA-256 of its weights file, in hexadecimal.
    pub sha256: String,
}

/// Finds weights files and opens networks.
#[derive(Debug, Clone)]
pub struct EvalNetworks {
    /// Where weights files are.
    folder: PathBuf,
    device: Device,
}

impl EvalNetworks {
    /// Networks from `folder` (files in it, or in its folders `features` and `metrics`), or else from `data/weights` in
    /// the folder that the environment variable `IMPASTO_SHARED` names, `../shared` without it. Nothing is read yet.
    ///
    /// # Errors
    /// [`EngineError::File`] when a folder is given that does not exist.
    pub fn open(folder: Option<&Path>, device: &Device) -> Result<Self> {
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(EngineError::file(folder, "is no folder; give the one that holds the networks' weights"));
        }
        let shared = || Path::new(&std::env::var_os(VARIABLE).unwrap_or(USUAL.into())).join("data").join("weights");
        Ok(Self { folder: folder.map_or_else(shared, Path::to_owned), device: device.clone() })
    }

    /// Where networks run.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The weights file of a network; `None` for what is built in.
    ///
    /// # Errors
    /// [`Unavailable::Missing`] when it is in none of the places.
    pub fn locate(&self, kind: NetworkKind) -> Result<Option<PathBuf>, Unavailable> {
        let Some(known) = kind.known() else { return Ok(None) };
        let places = [self.folder.join(known.file), self.folder.join(known.folder).join(known.file)];
        // Reports hold this line and are passed on, so that it does not name the folder.
        let missing = || {
            Unavailable::Missing(format!(
                "{}: there are no weights {} ({}); put them into a folder of networks and name that, or set {VARIABLE} to a \
                 folder that has them in data/weights/{}",
                kind.name(),
                known.file,
                known.origin,
                known.folder
            ))
        };
        places.into_iter().find(|path| path.is_file()).map(Some).ok_or_else(missing)
    }

    /// The name of a network and the hash of its weights.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn identity(&self, kind: NetworkKind) -> Result<NetworkIdentity, Unavailable> {
        let sha256 = match self.locate(kind)? {
            Some(path) => {
                let mut hasher = Sha256::new();
                let copied = std::fs::File::open(&path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
                copied.map_err(|e| EngineError::io(&path, &e))?;
                hex(&hasher.finalize())
            }
            None => hex(&Sha256::digest(percept_bytes()?)),
        };
        Ok(NetworkIdentity { name: kind.name().into(), sha256 })
    }

    /// A network that turns pictures into vectors: Inception, GoogLeNet or percept.
    ///
    /// # Errors
    /// [`Unavailable`]; [`EngineError::Caller`] for the other kinds.
    pub fn embedder(&self, kind: NetworkKind) -> Result<Box<dyn Embedder>, Unavailable> {
        let device = &self.device;
        let sha256 = || Ok::<_, Unavailable>(self.identity(kind)?.sha256);
        Ok(match kind {
            NetworkKind::Inception => {
                Box::new(InceptionEmbedder::new(Inception::load(&self.file(kind)?, device)?, sha256()?, device))
            }
            NetworkKind::GoogLeNet => {
                Box::new(GoogLeNetEmbedder::new(GoogLeNet::load(&self.file(kind)?, device)?, sha256()?, device))
            }
            NetworkKind::Percept => {
                Box::new(PerceptEmbedder::new(percept(PerceptWidth::Taps, device)?, sha256()?, device))
            }
            NetworkKind::LpipsSqueeze | NetworkKind::PocketVgg | NetworkKind::SqueezeNet => {
                return Err(EngineError::Caller(format!("{} gives no vectors of pictures", kind.name())).into());
            }
        })
    }

    /// A network whose maps style and content distances compare: percept (its taps), the distilled VGG-19 (mapped to the
    /// original's widths) or SqueezeNet.
    ///
    /// # Errors
    /// [`Unavailable`]; [`EngineError::Caller`] for the other kinds.
    pub fn features(&self, kind: NetworkKind) -> Result<Box<dyn Features>, Unavailable> {
        Ok(match kind {
            NetworkKind::Percept => Box::new(percept(PerceptWidth::Taps, &self.device)?),
            NetworkKind::PocketVgg => Box::new(PocketVgg::load(&self.file(kind)?, VggWidth::Wide, &self.device)?),
            NetworkKind::SqueezeNet => Box::new(SqueezeNet::load(&self.file(kind)?, &self.device)?),
            NetworkKind::Inception | NetworkKind::GoogLeNet | NetworkKind::LpipsSqueeze => {
                return Err(EngineError::Caller(format!("{} gives no maps to compare", kind.name())).into());
            }
        })
    }

    /// LPIPS.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn lpips(&self) -> Result<LpipsSqueeze, Unavailable> {
        Ok(LpipsSqueeze::load(&self.file(NetworkKind::LpipsSqueeze)?, &self.device)?)
    }

    /// The file of a network that is never built in.
    fn file(&self, kind: NetworkKind) -> Result<PathBuf, Unavailable> {
        let none = || EngineError::Internal(format!("{} is built in", kind.name()));
        Ok(self.locate(kind)?.ok_or_else(none)?)
    }
}

fn percept_bytes() -> Result<&'static [u8], Unavailable> {
    let missing = || Unavailable::Missing("percept: no weights of it are built into this program".into());
    bundled_weights("percept").ok_or_else(missing)
}

fn percept(width: PerceptWidth, device: &Device) -> Result<Percept, Unavailable> {
    let internal = |reason: String| EngineError::Internal(format!("bundled weights of percept: {reason}"));
    let (header, arrays) = weights::decode(percept_bytes()?).map_err(internal)?;
    Ok(Percept::new(&header, &arrays, width, device).map_err(internal)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{self, DeviceSpec};

    #[test]
    fn missing_networks_say_how_to_get_them() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let folder = tempfile::tempdir().unwrap();
        let networks = EvalNetworks::open(Some(folder.path()), &device).unwrap();
        for kind in NetworkKind::ALL {
            let Some(file) = kind.file_name() else {
                assert!(networks.identity(kind).is_ok(), "{kind:?} is built in");
                continue;
            };
            let problem = networks.identity(kind).unwrap_err();
            assert!(matches!(problem, Unavailable::Missing(_)), "{kind:?}");
            let text = problem.to_string();
            assert!(text.contains(file) && text.contains(VARIABLE) && text.contains(kind.name()), "{text}");
        }
        assert!(EvalNetworks::open(Some(&folder.path().join("absent")), &device).is_err());
    }

    #[test]
    fn a_file_that_is_not_the_network_is_an_error() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NetworkKind::GoogLeNet.file_name().unwrap());
        std::fs::write(&file, b"abc").unwrap();
        let networks = EvalNetworks::open(Some(folder.path()), &device).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(networks.identity(NetworkKind::GoogLeNet).unwrap().sha256, abc);
        let problem = networks.embedder(NetworkKind::GoogLeNet).err();
        assert!(matches!(problem, Some(Unavailable::Unusable(EngineError::File { .. }))), "{problem:?}");
    }
}
