//! The pictures of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::config::{Perception, RunConfig, Source};
use crate::control::Control;
use crate::data::gallery::{self, GallerySettings};
use crate::data::{Augment, Crops, Folder, Gallery};
use crate::error::{EngineError, Result};
use crate::registry::{self, Material, PAIRS, Takes, Trainer};

/// Rejected files named one by one before they are only counted.
const NAMED_REJECTS: usize = 10;

/// The pictures of a run.
pub(super) enum Loaded {
    /// The folders of all roles, in the trainer's order.
    Crops(Vec<Role>),
    /// Whole pictures.
    Gallery {
        /// Name of their role.
        role: &'static str,
        gallery: Gallery,
        blake3: String,
    },
}

pub(super) struct Role {
    name: &'static str,
    stream: &'static str,
    folder: Folder,
    blake3: String,
}

/// Absolute paths, so that a run can be resumed from any folder.
pub(super) fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    paths.iter().map(|path| path.canonicalize().map_err(|e| EngineError::io(path, &e))).collect()
}

/// Reads the pictures of every role; files that cannot be used are reported as warnings.
pub(super) fn load(
    trainer: &Trainer,
    sources: &BTreeMap<String, Vec<PathBuf>>,
    short_side: u32,
    crop: usize,
    control: &Control,
) -> Result<Loaded> {
    let paths = |role: &registry::Role| sources.get(role.name).map_or(&[][..], Vec::as_slice);
    let folders = match (trainer.takes, trainer.roles) {
        (Takes::Pairs, [a, b]) => {
            let (pairs, side) = (paths(&PAIRS), crop as u32);
            let (names, folders) = match pairs.is_empty() {
                true => ([a.name, b.name], Folder::matched([paths(a), paths(b)], short_side, side, control)?),
                false => ([PAIRS.name; 2], Folder::side_by_side(pairs, short_side, side, control)?),
            };
            let named = names.into_iter().zip(trainer.roles).zip(folders);
            named.map(|((name, role), folder)| (registry::Role { name, ..*role }, folder)).collect()
        }
        _ => {
            let load = |role: &registry::Role| Folder::load(paths(role), short_side, crop as u32, control);
            trainer.roles.iter().map(|role| load(role).map(|folder| (*role, folder))).collect::<Result<Vec<_>>>()?
        }
    };
    let mut roles: Vec<Role> = Vec::new();
    for (role, folder) in folders {
        // Both halves of what lies side by side come from the same files.
        if let Some(other) = roles.last().filter(|other| other.name == role.name) {
            let blake3 = other.blake3.clone();
            roles.push(Role { name: role.name, stream: role.stream, folder, blake3 });
            continue;
        }
        for rejected in folder.rejected().iter().take(NAMED_REJECTS) {
            control.warn(format!("not used: {}: {}", rejected.path.display(), rejected.reason));
        }
        let found = folder.len() + folder.rejected().len();
        control.note(format!("{}: {} of {found} pictures are used", role.name, folder.len()));
        let blake3 = fingerprint(&folder)?;
        roles.push(Role { name: role.name, stream: role.stream, folder, blake3 });
    }
    Ok(Loaded::Crops(roles))
}

/// Reads whole pictures; files that cannot be used are reported as warnings.
pub(super) fn load_gallery(
    trainer: &Trainer,
    sources: &BTreeMap<String, Vec<PathBuf>>,
    settings: &GallerySettings,
    control: &Control,
) -> Result<Loaded> {
    let internal = || EngineError::Internal("a trainer of whole pictures without a role".into());
    let role = trainer.roles.first().ok_or_else(internal)?.name;
    let paths = sources.get(role).map_or(&[][..], Vec::as_slice);
    let (gallery, survey) = gallery::read(paths, settings, control)?;
    for rejected in survey.rejected.iter().take(NAMED_REJECTS) {
        control.warn(format!("not used: {}: {}", rejected.path.display(), rejected.reason));
    }
    control.note(format!("{role}: {} of {} pictures are used", gallery.len(), survey.found));
    let left_out = &survey.duplicates.left_out;
    if let Some(one) = left_out.first() {
        let (count, name, of) = (left_out.len(), &one.name, &one.copy_of);
        control.note(format!("{role}: {count} are left out as copies of others, such as {name} of {of}"));
    }
    let blake3 = gallery.blake3();
    Ok(Loaded::Gallery { role, gallery, blake3 })
}

impl Loaded {
    /// What the configuration records of each role.
    pub(super) fn configs(&self, sources: &BTreeMap<String, Vec<PathBuf>>) -> BTreeMap<String, Source> {
        let config = |name: &str, pictures, blake3: &str| {
            let paths = sources.get(name).cloned().unwrap_or_default();
            (name.to_owned(), Source { paths, pictures, blake3: blake3.to_owned() })
        };
        match self {
            Self::Crops(roles) => roles.iter().map(|role| config(role.name, role.folder.len(), &role.blake3)).collect(),
            Self::Gallery { role, gallery, blake3 } => [config(role, gallery.len(), blake3)].into(),
        }
    }

    /// Names of the classes of whole pictures.
    pub(super) fn classes(&self) -> Option<&[String]> {
        match self {
            Self::Crops(_) => None,
            Self::Gallery { gallery, .. } => Some(gallery.classes()),
        }
    }

    /// Whether whole pictures have no colour.
    pub(super) fn is_grey(&self) -> bool {
        matches!(self, Self::Gallery { gallery, .. } if gallery.is_grey())
    }

    /// Bytes of pictures kept in memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Crops(roles) => roles.iter().map(|role| role.folder.bytes()).sum(),
            Self::Gallery { gallery, .. } => gallery.bytes(),
        }
    }

    /// What a trainer is given: crops of side `crop`, drawn by `seed`, of every role in the trainer's order, or whole
    /// pictures.
    pub(super) fn into_material(self, crop: usize, seed: u64) -> Material {
        match self {
            Self::Crops(roles) => {
                let augment = Augment { mirror: true, half_size: 0.3 };
                let crops = |role: Role| Crops::new(role.folder, crop, augment, seed, role.stream);
                Material::Crops(roles.into_iter().map(crops).collect())
            }
            Self::Gallery { gallery, .. } => Material::Gallery(gallery),
        }
    }
}

/// Hash over the contents of the usable files, in order.
fn fingerprint(folder: &Folder) -> Result<String> {
    let mut all = blake3::Hasher::new();
    for path in folder.paths() {
        let mut one = blake3::Hasher::new();
        std::fs::File::open(path)
            .and_then(|file| one.update_reader(file).map(|_| ()))
            .map_err(|e| EngineError::io(path, &e))?;
        all.update(one.finalize().as_bytes());
    }
    Ok(all.finalize().to_hex().to_string())
}

/// What the trained weights say about their origin. Folders appear by their last component only: weights travel, and
/// nobody else's disk is their business.
pub(super) fn provenance(config: &RunConfig) -> serde_json::Value {
    let last = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let data: serde_json::Map<_, _> = config
        .data
        .iter()
        .map(|(role, source)| {
            let folders: Vec<String> = source.paths.iter().map(last).collect();
            (role.clone(), json!({"folders": folders, "pictures": source.pictures, "blake3": source.blake3}))
        })
        .collect();
    let network = |p: &Perception| json!({"network": p.network.name(), "blake3": p.blake3});
    let perception = config.perception.as_ref().map(network);
    let judges: Vec<_> = config.judges.iter().map(network).collect();
    let began_from = config.init.as_ref().map(|init| {
        let training: serde_json::Value = serde_json::from_str(&init.training).unwrap_or_default();
        json!({"blake3": init.blake3, "training": training})
    });
    json!({
        "began_from": began_from,
        "impasto": config.impasto,
        "device": config.device,
        "data": data,
        "perception": perception,
        "judges": judges,
        "settings": config.training,
    })
}
