//! Which generator, at which size and with which settings: chosen by the pictures where it is not given, said, and kept in
//! the run.

use std::path::PathBuf;

use super::TrainRequest;
use crate::control::Control;
use crate::data::gallery::{self, GallerySettings, Recipe};
use crate::error::{EngineError, Result};
use crate::registry::{self, Takes};

/// What is known of a generator to be trained; the rest is chosen.
#[derive(Debug, Clone, Default)]
pub struct GanChoice {
    /// Folders, archives or IDX files.
    pub data: Vec<PathBuf>,
    /// The architecture's registry name.
    pub architecture: Option<String>,
    /// Rows and columns of pictures.
    pub size: Option<[usize; 2]>,
    /// How pictures are read.
    pub gallery: GallerySettings,
    /// Settings that go before those of the recipe.
    pub given: toml::Table,
}

impl GanChoice {
    /// The run with everything chosen; what was chosen and why is said in notes, what to beware of in warnings.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an architecture that makes no pictures from noise; those of reading the pictures.
    pub fn request(self, control: &Control) -> Result<TrainRequest> {
        if let Some(name) = &self.architecture {
            check(name)?;
        }
        let (architecture, mut settings) = match (&self.architecture, self.size) {
            (Some(name), Some(size)) => (name.clone(), sized(size)),
            _ => {
                let survey = gallery::survey(&self.data, &self.gallery, control)?;
                survey.warnings.iter().for_each(|line| control.warn(line.clone()));
                let recipe = survey.recipe;
                recipe.why.iter().for_each(|line| control.note(line.clone()));
                let size = self.size.unwrap_or(recipe.size);
                let architecture = self.architecture.clone().unwrap_or_else(|| recipe.architecture.clone());
                (architecture, chosen(&recipe, size))
            }
        };
        settings.extend(self.given);
        Ok(TrainRequest {
            algorithm: architecture,
            sources: [("data".to_owned(), self.data)].into(),
            gallery: self.gallery,
            settings,
            ..TrainRequest::default()
        })
    }
}

/// Refuses what is no generator.
fn check(name: &str) -> Result<()> {
    let generators = || {
        let takes = |entry: &&registry::Entry| entry.trainer.as_ref().is_some_and(|t| t.takes == Takes::Gallery);
        registry::REGISTRY.iter().filter(takes).map(|entry| entry.descriptor.name)
    };
    if generators().any(|known| known == name) {
        return Ok(());
    }
    let near = registry::suggest(name, generators());
    Err(EngineError::Caller(format!("there is no generator architecture '{name}'{near}")))
}

fn sized(size: [usize; 2]) -> toml::Table {
    let side = |side: usize| toml::Value::Integer(i64::try_from(side).unwrap_or(i64::MAX));
    [("size".to_owned(), toml::Value::Array(size.map(side).to_vec()))].into_iter().collect()
}

/// The settings of a recipe.
fn chosen(recipe: &Recipe, size: [usize; 2]) -> toml::Table {
    let mut settings = sized(size);
    let number = |n: u64| toml::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    settings.insert("batch".to_owned(), number(recipe.batch as u64));
    settings.insert("steps".to_owned(), number(recipe.steps));
    let vary = [("mirror".to_owned(), recipe.mirror.into())].into_iter().collect::<toml::Table>();
    settings.insert("vary".to_owned(), vary.into());
    settings
}
