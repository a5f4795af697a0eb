//! Which generator, at which size and with which settings: chosen by the pictures where it is not given, said, and kept in
//! the run.

use std::path::PathBuf;

use super::{Checked, TrainRequest};
use crate::control::Control;
use crate::data::gallery::{self, GallerySettings, Recipe};
use crate::error::{EngineError, Result};
use crate::registry::{self, Entry, Takes, Trainer, overlay};

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
    /// Settings that go before these too, `KEY=VALUE` each; see [`crate::registry::SettingsType::assign`].
    pub assigned: Vec<String>,
}

impl GanChoice {
    /// The run with everything chosen; what was chosen and why is said in notes, what to beware of in warnings. What
    /// cannot be trained whatever the pictures are is refused before they are read, which may take minutes.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an architecture that makes no pictures from noise, and for sizes and settings that no
    /// architecture, or not the one asked for, can be trained with; those of reading the pictures.
    pub fn request(self, control: &Control) -> Result<TrainRequest> {
        let candidates = match &self.architecture {
            Some(name) => vec![named(name)?],
            None => architectures(),
        };
        let base = self.size.map(sized).unwrap_or_default();
        let possible = |&(entry, trainer): &Architecture| {
            let settings = self.settled(base.clone(), trainer)?;
            Checked::of(&settings, entry, trainer).map(drop)
        };
        let answers: Vec<Result<()>> = candidates.iter().map(possible).collect();
        if answers.iter().all(Result::is_err) {
            answers.into_iter().collect::<Result<()>>()?;
        }
        let survey = gallery::survey(&self.data, &self.gallery, control)?;
        survey.warnings.iter().for_each(|line| control.warn(line.clone()));
        let recipe = Recipe::of(&survey, self.architecture.as_deref(), self.size);
        recipe.why.iter().for_each(|line| control.note(line.clone()));
        let (_, trainer) = named(&recipe.architecture)?;
        let settings = self.settled(chosen(&recipe), trainer)?;
        Ok(TrainRequest {
            algorithm: recipe.architecture,
            sources: [("data".to_owned(), self.data)].into(),
            gallery: self.gallery,
            settings,
            ..TrainRequest::default()
        })
    }

    /// Settings with those that were given put over them.
    fn settled(&self, mut settings: toml::Table, trainer: &Trainer) -> Result<toml::Table> {
        overlay(&mut settings, self.given.clone());
        self.assigned.iter().try_for_each(|assignment| trainer.settings.assign(&mut settings, assignment))?;
        Ok(settings)
    }
}

/// An architecture of generators, and how it is trained.
type Architecture = (&'static Entry, &'static Trainer);

/// All of them.
fn architectures() -> Vec<Architecture> {
    let trained = registry::REGISTRY.iter().filter_map(|entry| Some((entry, entry.trainer.as_ref()?)));
    trained.filter(|(_, trainer)| trainer.takes == Takes::Gallery).collect()
}

/// The one of this name.
fn named(name: &str) -> Result<Architecture> {
    let all = architectures();
    all.iter().copied().find(|(entry, _)| entry.descriptor.name == name).ok_or_else(|| {
        let near = registry::suggest(name, all.iter().map(|(entry, _)| entry.descriptor.name));
        EngineError::Caller(format!("there is no generator architecture '{name}'{near}"))
    })
}

fn sized(size: [usize; 2]) -> toml::Table {
    let side = |side: usize| toml::Value::Integer(i64::try_from(side).unwrap_or(i64::MAX));
    [("size".to_owned(), toml::Value::Array(size.map(side).to_vec()))].into_iter().collect()
}

/// The settings of a recipe.
fn chosen(recipe: &Recipe) -> toml::Table {
    let mut settings = sized(recipe.size);
    let number = |n: u64| toml::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    settings.insert("batch".to_owned(), number(recipe.batch as u64));
    settings.insert("steps".to_owned(), number(recipe.steps));
    let augment = [("policy".to_owned(), recipe.augment.as_str().into())].into_iter().collect::<toml::Table>();
    settings.insert("augment".to_owned(), augment.into());
    let vary = [("mirror".to_owned(), recipe.mirror.into())].into_iter().collect::<toml::Table>();
    settings.insert("vary".to_owned(), vary.into());
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_goes_before_the_recipe_and_leaves_the_rest_of_it() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let mut settings = table("steps = 3\nbatch = 4\naugment = { policy = 'ada', target = 0.5 }");
        overlay(&mut settings, table("steps = 5\nrate = 0.1\naugment = { target = 0.6 }"));
        assert_eq!(settings, table("steps = 5\nbatch = 4\nrate = 0.1\naugment = { policy = 'ada', target = 0.6 }"));
    }
}
