//! Finished galleries kept on disk between runs.
//!
//! One file for each set of pictures and settings, named by a hash over the bytes of every input file, their names and the
//! settings. A file that is damaged counts as missing; the oldest go when all together become too large. The folder may
//! be deleted at any time.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Gallery;
use super::settings::GallerySettings;
use super::source::Source;
use super::survey::Survey;
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::places;

/// The first bytes of a file, with the version of its layout. BLAKE3 of the rest follows, then the length of the head, the
/// head as JSON, and the pixels.
const MAGIC: &[u8; 8] = b"impgal 1";
/// Counts changes of this program that change galleries, for which nothing else in a key stands.
const REVISION: u32 = 2;
/// Most bytes of all files together.
const MAX_BYTES: u64 = 8 << 30;
const EXTENSION: &str = "gallery";

/// The user's own folder for galleries: `impasto/galleries` where the system keeps caches; `None` where the environment
/// names no such place.
pub fn default_cache() -> Option<PathBuf> {
    places::cache_folder("galleries")
}

/// The place of one gallery.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: blake3::Hash,
    max_bytes: u64,
}

/// Everything but pixels.
#[derive(Serialize, Deserialize)]
struct Head {
    size: [usize; 2],
    classes: Vec<String>,
    labels: Vec<usize>,
    names: Vec<String>,
    survey: Survey,
}

impl Cache {
    /// The place of the gallery that these sources make with these settings, in `folder`, which is made. Reads every file.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when the folder cannot be made; [`EngineError::File`] when a source cannot be read.
    pub(super) fn open(
        folder: &Path,
        sources: &[Source],
        settings: &GallerySettings,
        control: &Control,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| {
            let text = format!("cannot keep galleries in {}: {e}; name another folder, or none", folder.display());
            EngineError::Environment(text)
        })?;
        let parts = (REVISION, env!("CARGO_PKG_VERSION"), settings, settings.limits);
        let parts = serde_json::to_vec(&parts).map_err(|e| EngineError::Internal(e.to_string()))?;
        let mut key = blake3::Hasher::new();
        key.update(&parts);
        for source in sources {
            let files = source.files();
            let hash = |path: &PathBuf| -> Result<blake3::Hash> {
                control.check()?;
                let mut hasher = blake3::Hasher::new();
                let name = path.strip_prefix(source.path()).unwrap_or(path);
                hasher.update(name.as_os_str().as_encoded_bytes());
                hasher.update(&[0]);
                // A file that may not be read is refused later, each time anew.
                if let Ok(file) = File::open(path) {
                    hasher.update_reader(file).map_err(|e| EngineError::io(path, &e))?;
                }
                Ok(hasher.finalize())
            };
            key.update(source.path().file_name().unwrap_or_default().as_encoded_bytes());
            key.update(&(files.len() as u64).to_le_bytes());
            for hash in files.par_iter().map(hash).collect::<Result<Vec<_>>>()? {
                key.update(hash.as_bytes());
            }
        }
        Ok(Self { folder: folder.to_owned(), key: key.finalize(), max_bytes: MAX_BYTES })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.key.to_hex()[..40]).with_extension(EXTENSION)
    }

    /// What was kept; `None` when there is nothing, or something damaged.
    pub(super) fn get(&self) -> Option<(Gallery, Survey)> {
        let path = self.path();
        let mut bytes = std::fs::read(&path).ok()?;
        let (hash, rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(blake3::OUT_LEN)?;
        if blake3::hash(rest).as_bytes() != hash {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (head, pixels) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let Head { size, classes, labels, names, survey } = serde_json::from_slice(head).ok()?;
        let before = bytes.len() - pixels.len();
        bytes.drain(..before);
        let gallery = Gallery::new(size, classes, labels, bytes, names).ok()?;
        // Used lately, so not the next to go; it does no harm where that cannot be noted.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some((gallery, survey))
    }

    /// Keeps a gallery, unless it is larger than all may be. At any instant the whole file is there or none.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be written.
    pub(super) fn put(&self, gallery: &Gallery, survey: &Survey) -> Result<()> {
        let head = Head {
            size: gallery.size,
            classes: gallery.classes.clone(),
            labels: gallery.labels.clone(),
            names: gallery.names.clone(),
            survey: survey.clone(),
        };
        let head = serde_json::to_vec(&head).map_err(|e| EngineError::Internal(e.to_string()))?;
        let length = (head.len() as u64).to_le_bytes();
        let parts: [&[u8]; 3] = [&length, &head, &gallery.pixels];
        let size = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if size > self.max_bytes {
            return Ok(());
        }
        let mut hasher = blake3::Hasher::new();
        parts.iter().for_each(|part| {
            hasher.update(part);
        });
        let write = || -> std::io::Result<()> {
            self.make_room(size)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(MAGIC)?;
            file.write_all(hasher.finalize().as_bytes())?;
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.persist(self.path()).map(|_| ()).map_err(|e| e.error)
        };
        write().map_err(|e| EngineError::Environment(format!("cannot keep {}: {e}", self.path().display())))
    }

    /// Deletes the galleries that were not used for longest, until `size` more bytes fit.
    fn make_room(&self, size: u64) -> std::io::Result<()> {
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() && entry.path().extension().is_some_and(|e| e == EXTENSION) {
                kept.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        kept.sort();
        let mut sum = kept.iter().map(|(_, bytes, _)| bytes).sum::<u64>() + size;
        for (_, bytes, path) in kept {
            if sum <= self.max_bytes {
                break;
            }
            std::fs::remove_file(path)?;
            sum -= bytes;
        }
        Ok(())
    }
}
