//! Checkpoints: one directory each, written under another name, flushed, read back, renamed; then the `latest` pointer
//! moves. At any instant the old or the new one loads, never a mix.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::weights::{self, Arrays, Precision};

/// Everything a resume needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Parameters, moments and averages; names have a dotted prefix for each owner.
    pub arrays: Arrays,
    /// Whole numbers, such as step counts.
    pub counters: BTreeMap<String, u64>,
}

impl State {
    /// The arrays whose names begin with `prefix.`, without it.
    pub fn under(&self, prefix: &str) -> Arrays {
        let strip = |name: &str| name.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
        self.arrays.iter().filter_map(|(name, array)| Some((strip(name)?, array.clone()))).collect()
    }

    /// Adds `arrays` with `prefix.` before their names.
    pub fn put(&mut self, prefix: &str, arrays: Arrays) {
        self.arrays.extend(arrays.into_iter().map(|(name, array)| (format!("{prefix}.{name}"), array)));
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    step: u64,
    config: serde_json::Value,
    counters: BTreeMap<String, u64>,
    state_blake3: String,
}

const VERSION: u32 = 1;
const STATE_FILE: &str = "state.safetensors";
const MANIFEST_FILE: &str = "manifest.json";
const LATEST_FILE: &str = "latest";

/// A training state at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: u64,
    /// The run's configuration, to refuse resuming with another one.
    pub config: serde_json::Value,
    /// The state.
    pub state: State,
}

impl Checkpoint {
    /// Writes the checkpoint into `folder` and makes it the latest.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be written or does not read back equal; the former latest one stays.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        let name = self.free_name(folder);
        let target = folder.join(&name);
        let temporary = folder.join(format!(".{name}.partial"));
        let failed = |e: std::io::Error| {
            EngineError::Environment(format!("cannot write the checkpoint {}: {e}", target.display()))
        };
        if temporary.exists() {
            std::fs::remove_dir_all(&temporary).map_err(failed)?;
        }
        std::fs::create_dir_all(&temporary).map_err(failed)?;
        let bytes = weights::to_bytes(&self.state.arrays, HashMap::new(), Precision::F32)?;
        let manifest = Manifest {
            version: VERSION,
            step: self.step,
            config: self.config.clone(),
            counters: self.state.counters.clone(),
            state_blake3: blake3::hash(&bytes).to_hex().to_string(),
        };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|e| EngineError::Internal(e.to_string()))?;
        weights::write_atomic(&temporary.join(STATE_FILE), &bytes)?;
        weights::write_atomic(&temporary.join(MANIFEST_FILE), &json)?;
        read(&temporary)?;
        std::fs::rename(&temporary, &target).map_err(failed)?;
        weights::sync_folder(folder).map_err(failed)?;
        weights::write_atomic(&folder.join(LATEST_FILE), name.as_bytes())?;
        Ok(target)
    }

    /// A state that replaces others of the same step, after a roll-back, gets a name that comes after theirs: the old ones
    /// stay until the pointer has moved, and the newest is never the first to be pruned.
    fn free_name(&self, folder: &Path) -> String {
        let base = format!("step-{:08}", self.step);
        let revision = |path: PathBuf| -> Option<u32> {
            let rest = path.file_name()?.to_str()?.strip_prefix(&base)?;
            if rest.is_empty() { Some(0) } else { rest.strip_prefix("-r")?.parse().ok() }
        };
        match checkpoints(folder).into_iter().filter_map(revision).max() {
            None => base,
            Some(last) => format!("{base}-r{:03}", last + 1),
        }
    }

    /// Reads the latest checkpoint of `folder`; `None` when there is none yet.
    ///
    /// # Errors
    /// [`EngineError::File`] when it is damaged.
    pub fn latest(folder: &Path) -> Result<Option<Self>> {
        latest_name(folder)?.map(|name| read(&folder.join(name))).transpose()
    }

    /// Gives up the latest checkpoint of `folder` for the one of an earlier step; returns whether there is one.
    ///
    /// # Errors
    /// [`EngineError::File`] when the pointer to the latest is damaged, [`EngineError::Environment`] when it cannot be
    /// written.
    pub fn step_back(folder: &Path) -> Result<bool> {
        let Some(latest) = latest_name(folder)? else { return Ok(false) };
        let of_step = |path: &PathBuf| path.file_name().map(|name| step_of(&name.to_string_lossy()).to_owned());
        let latest = step_of(&latest).to_owned();
        let mut found = checkpoints(folder);
        found.sort();
        let Some(earlier) = found.iter().rfind(|path| of_step(path).is_some_and(|step| step < latest)) else {
            return Ok(false);
        };
        let name = earlier.file_name().unwrap_or_default().to_string_lossy().into_owned();
        weights::write_atomic(&folder.join(LATEST_FILE), name.as_bytes())?;
        for path in found.iter().filter(|path| of_step(path).is_some_and(|step| step >= latest)) {
            let _ = std::fs::remove_dir_all(path);
        }
        Ok(true)
    }

    /// Deletes all but the newest `keep` checkpoints of `folder`, and those that another of the same step replaced;
    /// failures to delete are ignored.
    pub fn prune(folder: &Path, keep: usize) {
        let mut found = checkpoints(folder);
        found.sort();
        let mut steps: Vec<String> = Vec::new();
        for path in found.iter().rev() {
            let step = path.file_name().map(|name| step_of(&name.to_string_lossy()).to_owned()).unwrap_or_default();
            if steps.last() == Some(&step) || steps.len() == keep {
                let _ = std::fs::remove_dir_all(path);
            } else {
                steps.push(step);
            }
        }
    }
}

/// The name of the latest checkpoint of a folder; `None` when there is none yet.
fn latest_name(folder: &Path) -> Result<Option<String>> {
    let pointer = folder.join(LATEST_FILE);
    if !pointer.exists() {
        return Ok(None);
    }
    let name = std::fs::read_to_string(&pointer).map_err(|e| EngineError::io(&pointer, &e))?;
    if !name.starts_with("step-") || name.contains(['/', '\\']) {
        return Err(EngineError::file(pointer, "is damaged: it does not name a checkpoint"));
    }
    Ok(Some(name))
}

/// The part of a checkpoint's name that says of which step it is: what replaces another of its step has `-r` and a number
/// behind it.
fn step_of(name: &str) -> &str {
    name.split("-r").next().unwrap_or(name)
}

/// The checkpoints of a folder, in no order.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"));
    entries.map(|entry| entry.path()).filter(named).collect()
}

fn read(folder: &Path) -> Result<Checkpoint> {
    let manifest_path = folder.join(MANIFEST_FILE);
    let json = std::fs::read(&manifest_path).map_err(|e| EngineError::io(&manifest_path, &e))?;
    let manifest: Manifest = serde_json::from_slice(&json)
        .map_err(|e| EngineError::file(&manifest_path, format!("is not a checkpoint manifest ({e})")))?;
    if manifest.version != VERSION {
        let reason = format!("has format {}, this impasto reads {VERSION}", manifest.version);
        return Err(EngineError::file(&manifest_path, reason));
    }
    let state_path = folder.join(STATE_FILE);
    let bytes = std::fs::read(&state_path).map_err(|e| EngineError::io(&state_path, &e))?;
    if blake3::hash(&bytes).to_hex().as_str() != manifest.state_blake3 {
        return Err(EngineError::file(&state_path, "is damaged: its hash differs from the manifest's"));
    }
    let (arrays, _) = weights::from_bytes(&bytes).map_err(|reason| EngineError::file(&state_path, reason))?;
    let state = State { arrays, counters: manifest.counters };
    Ok(Checkpoint { step: manifest.step, config: manifest.config, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    fn sample(step: u64) -> Checkpoint {
        let mut state = State::default();
        let values = vec![1.5, f32::MIN_POSITIVE, -0.0, step as f32];
        state.put("a", Arrays::from([("w".to_owned(), Array { shape: vec![2, 2], values })]));
        state.counters.insert("adam.step".to_owned(), step);
        Checkpoint { step, config: serde_json::json!({"seed": 1}), state }
    }

    #[test]
    fn one_step_back_gives_up_everything_of_the_latest_step() {
        let folder = tempfile::tempdir().unwrap();
        for step in [3, 7, 7, 7] {
            sample(step).save(folder.path()).unwrap();
            Checkpoint::prune(folder.path(), 2);
        }
        assert!(Checkpoint::step_back(folder.path()).unwrap(), "what replaced the others did not push out step 3");
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(3)));
        assert_eq!(checkpoints(folder.path()).len(), 1);
        assert!(!Checkpoint::step_back(folder.path()).unwrap(), "there is nothing before");
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(3)));
    }

    #[test]
    fn the_latest_checkpoint_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), None);
        for step in [3, 7, 12] {
            sample(step).save(folder.path()).unwrap();
            assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(step)));
        }
        Checkpoint::prune(folder.path(), 1);
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(12)));
        assert!(!folder.path().join("step-00000003").exists());
    }

    #[test]
    fn a_state_that_replaces_another_of_its_step_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        for value in 0..5 {
            let mut state = sample(8);
            state.state.counters.insert("roll_backs".to_owned(), value);
            state.save(folder.path()).unwrap();
            Checkpoint::prune(folder.path(), 2);
            assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(state));
        }
        assert_eq!(checkpoints(folder.path()).len(), 1);
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = sample(5).save(folder.path()).unwrap();
        let file = path.join(STATE_FILE);
        let good = std::fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&file, bad).unwrap();
            assert!(Checkpoint::latest(folder.path()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_half_written_checkpoint_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        sample(5).save(folder.path()).unwrap();
        let partial = folder.path().join(".step-00000006.partial");
        std::fs::create_dir(&partial).unwrap();
        std::fs::write(partial.join(STATE_FILE), b"half").unwrap();
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(5)));
        sample(6).save(folder.path()).unwrap();
        assert_eq!(Checkpoint::latest(folder.path()).unwrap(), Some(sample(6)));
    }
}
