//! Vectors of pictures kept on disk between runs.
//!
//! A file for each picture and topic (whatever else the vector depends on), named by the picture's content. So a picture
//! that moves or is renamed is still found, only what is asked for is read, several programs may write at once without
//! locks, and a file that is lost or damaged costs one picture. The folder may be deleted at any time.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{EngineError, Result};
use crate::places;

/// The first bytes of a file, with the version of its layout. BLAKE3 of the values follows, then the values.
const MAGIC: &[u8; 8] = b"impvec 1";
const HASH: usize = blake3::OUT_LEN;

/// Counts changes of this program that change vectors or what is accepted as a picture, for which nothing else in a
/// topic stands.
const REVISION: u32 = 1;

/// What vectors depend on besides the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// The topic of this kind and these settings.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when the settings cannot be written as JSON.
    pub fn new(kind: &str, settings: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(&(REVISION, kind, settings));
        let text = text.map_err(|e| EngineError::Internal(format!("settings of '{kind}': {e}")))?;
        Ok(Self(blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()))
    }
}

/// A folder of vectors.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `folder`, which is made.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(|e| {
            let text = format!("cannot keep features in {}: {e}; name another folder, or none", folder.display());
            EngineError::Environment(text)
        })?;
        Ok(Self { folder })
    }

    /// The user's own folder for this: `impasto/features` where the system keeps caches (`XDG_CACHE_HOME` or `~/.cache`,
    /// `~/Library/Caches` on macOS, `LOCALAPPDATA` on Windows); `None` where the environment names no such place.
    pub fn default_folder() -> Option<PathBuf> {
        places::cache_folder("features")
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The vector that was kept for a picture; `None` when there is none, or a damaged one.
    pub fn get(&self, topic: &Topic, content: &blake3::Hash) -> Option<Vec<f32>> {
        let bytes = std::fs::read(self.path(topic, content)).ok()?;
        let (hash, payload) = bytes.strip_prefix(MAGIC)?.split_at_checked(HASH)?;
        let (values, rest) = payload.as_chunks::<4>();
        let sound = rest.is_empty() && blake3::hash(payload).as_bytes() == hash;
        sound.then(|| values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Keeps a picture's vector. At any instant the whole file is there or none; it is not flushed to disk, since
    /// [`Cache::get`] knows a damaged one.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be written.
    pub fn put(&self, topic: &Topic, content: &blake3::Hash, values: &[f32]) -> Result<()> {
        let path = self.path(topic, content);
        let payload: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(MAGIC)?;
            file.write_all(blake3::hash(&payload).as_bytes())?;
            file.write_all(&payload)?;
            file.persist(&path).map(|_| ()).map_err(|e| e.error)
        };
        write().map_err(|e| EngineError::Environment(format!("cannot keep {}: {e}", path.display())))
    }

    fn path(&self, topic: &Topic, content: &blake3::Hash) -> PathBuf {
        let name = content.to_hex();
        self.folder.join(&topic.0).join(&name[..2]).join(&name[2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("deep/er")).unwrap();
        let (one, other) = (Topic::new("a", &1).unwrap(), Topic::new("a", &2).unwrap());
        assert_ne!(one, other);
        let picture = blake3::hash(b"picture");
        assert_eq!(cache.get(&one, &picture), None);
        for values in [vec![1.5, -0.0, f32::MIN_POSITIVE], Vec::new()] {
            cache.put(&one, &picture, &values).unwrap();
            assert_eq!(cache.get(&one, &picture), Some(values));
        }
        assert_eq!(cache.get(&other, &picture), None);
        assert_eq!(cache.get(&one, &blake3::hash(b"another")), None);
    }

    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let (topic, picture) = (Topic::new("a", &()).unwrap(), blake3::hash(b"picture"));
        cache.put(&topic, &picture, &[1.0, 2.0]).unwrap();
        let path = cache.path(&topic, &picture);
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 7, 20, whole.len() - 1, whole.len() - 4] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(cache.get(&topic, &picture), None, "cut to {cut}");
        }
        for at in [0, 10, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(cache.get(&topic, &picture), None, "changed at {at}");
        }
    }
}
