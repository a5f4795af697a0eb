//! A run's folder: `config.toml`, `log.jsonl`, `samples/`, `checkpoints/`, `events.out.tfevents.*`, `index.html`,
//! `README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{EngineError, Result};
use crate::weights::write_atomic;

/// The folder of one training run.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// Makes a new folder `NNNN-name` below `parent`, numbered after those that exist.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be made.
    pub fn create(parent: &Path, name: &str) -> Result<Self> {
        let failed = |e: std::io::Error| {
            EngineError::Environment(format!("cannot make a run folder in {}: {e}", parent.display()))
        };
        fs::create_dir_all(parent).map_err(failed)?;
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.split_once('-')?.0.parse::<u32>().ok();
        let mut next = fs::read_dir(parent).map_err(failed)?.flatten().filter_map(number).max().map_or(0, |n| n + 1);
        loop {
            let root = parent.join(format!("{next:04}-{name}"));
            match fs::create_dir(&root) {
                Ok(()) => {
                    for part in ["samples", "checkpoints"] {
                        fs::create_dir(root.join(part)).map_err(failed)?;
                    }
                    return Ok(Self { root });
                }
                // Another run took the number in between.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => next += 1,
                Err(e) => return Err(failed(e)),
            }
        }
    }

    /// Opens an existing run's folder.
    ///
    /// # Errors
    /// [`EngineError::File`] when it is not one.
    pub fn open(root: &Path) -> Result<Self> {
        if !root.join("checkpoints").is_dir() {
            return Err(EngineError::file(root, "is not a run folder (it has no 'checkpoints')"));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where checkpoints are.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Where the sample grid of a step goes.
    pub fn sample(&self, step: u64) -> PathBuf {
        self.root.join("samples").join(format!("step-{step:08}.png"))
    }

    /// The log, one JSON object a line.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.jsonl")
    }

    /// The averaged weights in 16 bit.
    pub fn weights(&self) -> PathBuf {
        self.root.join("weights.safetensors")
    }

    /// The configuration as `config.toml`.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be written.
    pub fn write_config(&self, toml: &str) -> Result<()> {
        write_atomic(&self.root.join("config.toml"), toml.as_bytes())
    }

    /// What [`RunDir::write_config`] wrote.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read.
    pub fn read_config(&self) -> Result<String> {
        let path = self.root.join("config.toml");
        fs::read_to_string(&path).map_err(|e| EngineError::io(&path, &e))
    }
}
