//! Translators by their files.

use std::path::{Path, PathBuf};

use super::{label_of, run_weights};
use crate::descriptor::Task;
use crate::error::{EngineError, Result};
use crate::registry::{self, Entry};
use crate::weights;

/// A translator: its weights file, the algorithm that made it, and a short name for output files.
#[derive(Debug, Clone)]
pub struct TranslatorFile {
    /// The weights file.
    pub file: PathBuf,
    /// The algorithm.
    pub entry: &'static Entry,
    /// The file's name without extension, or that of its run's folder.
    pub label: String,
}

impl TranslatorFile {
    /// Finds a translator in a weights file or the folder of a training run.
    ///
    /// # Errors
    /// [`EngineError::File`] when there is none, or a model of another kind, with the command that it is for.
    pub fn find(model: &Path) -> Result<Self> {
        let file = run_weights(model)?;
        let (header, _) = weights::load(&file)?;
        let refused =
            |text: &str| Err(EngineError::file(&file, format!("holds weights of '{}', {text}", header.algorithm)));
        let Ok(entry) = registry::find(&header.algorithm) else { return refused("which this impasto does not know") };
        match entry.descriptor.task {
            Task::Translator => Ok(Self { entry, label: label_of(model), file }),
            Task::Stylizer => refused("which paints in the style of others: use 'impasto stylize --model'"),
            Task::Generator => refused("which makes pictures from noise: use 'impasto generate'"),
            Task::Features => refused("which translates nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_other_kinds_are_refused_with_their_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.safetensors");
        let refusal = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            TranslatorFile::find(&file).unwrap_err().to_string()
        };
        assert!(refusal(crate::models::bundled_weights("fusion").unwrap()).contains("'impasto stylize --model'"));
        let name = crate::models::generators().next().unwrap();
        assert!(refusal(crate::models::bundled_generator(name).unwrap()).contains("'impasto generate'"));
        assert!(refusal(b"no weights").contains("safetensors"));
        let missing = TranslatorFile::find(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("no weights in this folder"), "{missing}");
    }
}
