//! Which algorithm with which settings learns a translation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::TrainRequest;
use crate::error::{EngineError, Result};
use crate::registry::{self, PAIRS, Takes, overlay};

/// What is known of a translation to be learnt.
#[derive(Debug, Clone, Default)]
pub struct TranslationChoice {
    /// The method, of [`registry::TRANSLATION_METHODS`].
    pub method: String,
    /// Folders or files by role: `a` and `b`, or `pairs`.
    pub sources: BTreeMap<String, Vec<PathBuf>>,
    /// Settings that go before those of the method.
    pub given: toml::Table,
    /// Settings that go before these too, `KEY=VALUE` each; see [`crate::registry::SettingsType::assign`].
    pub assigned: Vec<String>,
}

impl TranslationChoice {
    /// The run.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an unknown method or setting, and for pairs that the method has no use for.
    pub fn request(self) -> Result<TrainRequest> {
        let method = registry::translation_method(&self.method)?;
        let entry = registry::find(method.algorithm)?;
        let internal = |what: String| EngineError::Internal(format!("method {}: {what}", method.name));
        let trainer = entry.trainer.as_ref().ok_or_else(|| internal("cannot be trained".to_owned()))?;
        if trainer.takes != Takes::Pairs && self.sources.contains_key(PAIRS.name) {
            let text =
                format!("{} learns from pictures without pairs: give --a and --b, or --method pix2pix", self.method);
            return Err(EngineError::Caller(text));
        }
        let mut settings: toml::Table = toml::from_str(method.settings).map_err(|e| internal(e.to_string()))?;
        overlay(&mut settings, self.given);
        self.assigned.iter().try_for_each(|assignment| trainer.settings.assign(&mut settings, assignment))?;
        Ok(TrainRequest {
            algorithm: method.algorithm.to_owned(),
            sources: self.sources,
            settings,
            ..TrainRequest::default()
        })
    }
}
