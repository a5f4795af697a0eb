//! The folder in which work waits that can be gone on with.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::tiled::Tally;

/// The content, upright and in sRGB.
pub(super) const CONTENT: &str = "content.impraw";
/// The painted picture before its colours are adjusted.
pub(super) const STYLISED: &str = "stylised.impraw";
/// How far the work is.
const MANIFEST: &str = "manifest.json";
/// Held by the process at work.
const LOCK: &str = "lock";
/// The extension of maps of features.
const MAP: &str = "map";

/// What the manifest is written by; another version starts anew.
const VERSION: u32 = 1;

/// How far the work is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    /// Names everything that decides the result.
    key: String,
    /// Longest side of a tile.
    pub(super) side: usize,
    /// Whether the content was read to its end.
    pub(super) imported: bool,
    /// Passes that are done.
    pub(super) passes: usize,
    /// Tiles that are done of the next.
    pub(super) tiles: usize,
    /// What the passes that are done found out.
    pub(super) known: Tally,
    /// What the tiles that are done found out.
    pub(super) partial: Tally,
}

impl Manifest {
    /// Of work not yet begun.
    pub(super) fn new(key: String, side: usize) -> Self {
        Self { version: VERSION, key, side, ..Self::default() }
    }
}

/// A folder that only this process works in.
#[derive(Debug)]
pub(super) struct WorkDir {
    path: PathBuf,
    lock: File,
}

impl WorkDir {
    /// Makes or takes the folder.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be made or another process works in it.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let fail = |e: std::io::Error| EngineError::Environment(format!("cannot work in {}: {e}", path.display()));
        std::fs::create_dir_all(&path).map_err(fail)?;
        let options = OpenOptions::new().write(true).create(true).truncate(false).open(path.join(LOCK));
        let lock = options.map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(EngineError::Environment(format!(
                "another impasto is at work in {}; wait for it, or give another --work-dir",
                path.display()
            ))),
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.path.join(name).with_extension(MAP)
    }

    /// What an earlier run with this key left; `None` when there is none, or of another job.
    pub(super) fn load(&self, key: &str) -> Option<Manifest> {
        let text = std::fs::read(self.file(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        (manifest.version == VERSION && manifest.key == key).then_some(manifest)
    }

    /// Writes the manifest, whole or not at all.
    pub(super) fn save(&self, manifest: &Manifest) -> Result<()> {
        let fail =
            |e: std::io::Error| EngineError::Environment(format!("cannot write in {}: {e}", self.path.display()));
        let text = serde_json::to_vec(manifest).map_err(|e| EngineError::Internal(e.to_string()))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.path).map_err(fail)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
        file.persist(self.file(MANIFEST)).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// Removes a file that is no longer needed, if it is there.
    pub(super) fn discard(&self, path: &Path) -> Result<()> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(EngineError::io(path, &e)),
            _ => Ok(()),
        }
    }

    /// Removes everything that work leaves here, and nothing else.
    pub(super) fn clear(&self) -> Result<()> {
        let fail = |e: std::io::Error| EngineError::io(&self.path, &e);
        for entry in std::fs::read_dir(&self.path).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if is_own(&path) {
                self.discard(&path)?;
            }
        }
        Ok(())
    }

    /// Removes the work and the folder, unless somebody else put something there.
    pub(super) fn finish(self) -> Result<()> {
        self.clear()?;
        self.discard(&self.file(LOCK))?;
        drop(self.lock);
        // Not empty: what is left is not ours.
        let _kept = std::fs::remove_dir(&self.path);
        Ok(())
    }
}

/// Bytes on disk that work left in a folder, which the next work there uses again or removes first; 0 where there is
/// no such folder.
pub(super) fn held(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let own = entries.flatten().filter(|entry| is_own(&entry.path()));
    own.filter_map(|entry| entry.metadata().ok()).map(|found| taken(&found)).sum()
}

/// Whether work leaves such a file.
fn is_own(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let map = path.extension().is_some_and(|extension| extension == MAP);
    map || [CONTENT, STYLISED, MANIFEST].contains(&name.as_ref()) || name.starts_with(".tmp")
}

/// What a file takes on disk: less than its length where parts of it were never written.
fn taken(found: &std::fs::Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::blocks(found).saturating_mul(512)
    }
    #[cfg(not(unix))]
    {
        found.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_found_again_by_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkDir::open(folder.path().join("w")).unwrap();
        let manifest = Manifest { tiles: 3, ..Manifest::new("a".into(), 64) };
        work.save(&manifest).unwrap();
        assert_eq!(work.load("a"), Some(manifest));
        assert_eq!(work.load("b"), None);
        std::fs::write(work.file(MANIFEST), "{").unwrap();
        assert_eq!(work.load("a"), None);
    }

    #[test]
    fn what_earlier_work_holds_is_counted_where_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(held(&folder.path().join("none")), 0);
        assert_eq!(held(folder.path()), 0);
        let written = vec![1; 1 << 20];
        std::fs::write(folder.path().join(CONTENT), &written).unwrap();
        std::fs::write(folder.path().join("mine.txt"), &written).unwrap();
        File::create(folder.path().join("x.map")).unwrap().set_len(1 << 30).unwrap();
        let held = held(folder.path());
        // Systems without files that have holes count the map as well.
        let most = if cfg!(target_os = "linux") { 2 << 20 } else { (1 << 30) + (2 << 20) };
        assert!(((1 << 20)..most).contains(&held), "{held}");
    }

    #[test]
    fn only_its_own_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        let work = WorkDir::open(path.clone()).unwrap();
        for name in [CONTENT, STYLISED, "x.map", "mine.txt"] {
            std::fs::write(work.file(name), "x").unwrap();
        }
        assert!(WorkDir::open(path.clone()).unwrap_err().to_string().contains("another impasto"));
        work.finish().unwrap();
        let left: Vec<_> = std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["mine.txt"]);
        std::fs::remove_file(path.join("mine.txt")).unwrap();
        WorkDir::open(path.clone()).unwrap().finish().unwrap();
        assert!(!path.exists());
    }
}
