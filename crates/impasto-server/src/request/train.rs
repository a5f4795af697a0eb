//! What can be learnt from collections of pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use impasto_engine::Control;
use impasto_engine::data::gallery::GallerySettings;
use impasto_engine::device::DeviceSpec;
use impasto_engine::pipeline::train::{GanChoice, Schedule, TrainRequest, TranslationChoice};
use impasto_engine::registry::{self, Entry, PAIRS, Role, Takes, Trainer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Shelf;
use crate::problem::{Outcome, Problem};

/// Most collections of a role.
const COLLECTIONS: usize = 16;

/// How often runs here show what they can, and what is kept to go back to.
const SCHEDULE: Schedule =
    Schedule { log_every: 10, preview_every: 50, checkpoint_every: 250, watch_every: 125, keep: 6 };

/// A generator, whatever its architecture.
pub(crate) const GENERATOR: &str = "gan";

/// A model learnt from pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Train {
    /// What to learn, see `/v1/trainers`.
    pub(crate) what: String,
    /// Ids of collections by role.
    pub(crate) sources: BTreeMap<String, Vec<String>>,
    /// Settings that belong together, by their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preset: Option<String>,
    /// Settings that differ, by their names.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub(crate) settings: serde_json::Map<String, Value>,
    /// Rows and columns of a generator's pictures; chosen where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<u32>>, min_items = 2, max_items = 2)]
    pub(crate) size: Option<[usize; 2]>,
    /// A generator's architecture; chosen where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<String>,
    /// Minutes after which it stops, to be resumed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100000)]
    pub(crate) minutes: Option<f64>,
    /// Steps between sample grids, 50 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub(crate) preview_every: Option<u64>,
    /// Steps between checkpoints, 250 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub(crate) checkpoint_every: Option<u64>,
}

/// What can be learnt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    /// A generator, its architecture chosen by the pictures.
    Generator,
    /// A translation by a method.
    Translation(&'static registry::TranslationMethod),
    /// An algorithm.
    Algorithm(&'static Entry),
}

impl Subject {
    /// Everything that can be learnt from here, what is asked for most first.
    pub(crate) fn all() -> Vec<Self> {
        let crops = |entry: &&'static Entry| {
            let task = entry.descriptor.task;
            let trained = entry.trainer.as_ref().is_some_and(|trainer| trainer.takes == Takes::Crops);
            trained && task == impasto_engine::descriptor::Task::Stylizer
        };
        let mut algorithms: Vec<&'static Entry> = registry::REGISTRY.iter().filter(crops).collect();
        algorithms.sort_by_key(|entry| entry.descriptor.name != registry::ARTISTS);
        let translations = registry::TRANSLATION_METHODS.iter().map(Self::Translation);
        [Self::Generator].into_iter().chain(algorithms.into_iter().map(Self::Algorithm)).chain(translations).collect()
    }

    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let unknown = || super::job::unknown("trainer", name, "/v1/trainers");
        Self::all().into_iter().find(|subject| subject.name() == name).ok_or_else(unknown)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Generator => GENERATOR,
            Self::Translation(method) => method.name,
            Self::Algorithm(entry) => entry.descriptor.name,
        }
    }

    /// The algorithm whose settings and roles it has; of a generator the one that few pictures get.
    pub(crate) fn entry(self) -> Outcome<(&'static Entry, &'static Trainer)> {
        let entry = match self {
            Self::Generator => registry::REGISTRY
                .iter()
                .find(|entry| entry.trainer.as_ref().is_some_and(|trainer| trainer.takes == Takes::Gallery))
                .ok_or_else(|| Problem::internal("no generator can be trained"))?,
            Self::Translation(method) => registry::find(method.algorithm)?,
            Self::Algorithm(entry) => entry,
        };
        let trainer = entry.trainer.as_ref().ok_or_else(|| Problem::internal("a trainer that is none"))?;
        Ok((entry, trainer))
    }

    /// The roles of its pictures, and whether something can do without them.
    pub(crate) fn roles(self) -> Outcome<Vec<(Role, bool)>> {
        let (_, trainer) = self.entry()?;
        let paired = trainer.takes == Takes::Pairs;
        let own = trainer.roles.iter().map(|role| (*role, paired));
        Ok(own.chain(paired.then_some((PAIRS, true))).collect())
    }
}

impl Train {
    /// The name of its kind.
    pub(crate) const KIND: &'static str = "train";

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        let subject = Subject::named(&self.what)?;
        let roles = subject.roles()?;
        for (role, collections) in &self.sources {
            if !roles.iter().any(|(known, _)| known.name == role) {
                let names: Vec<&str> = roles.iter().map(|(role, _)| role.name).collect();
                let text =
                    format!("{} has no role '{}'; its roles are {}", self.what, role.escape_debug(), names.join(", "));
                return Err(Problem::validation(text));
            }
            if collections.len() > COLLECTIONS {
                return Err(Problem::validation(format!(
                    "{} collections for {role}; give at most {COLLECTIONS}",
                    collections.len()
                )));
            }
            collections.iter().try_for_each(|id| shelf.collection(id))?;
        }
        let given = |role: &Role| self.sources.get(role.name).is_some_and(|given| !given.is_empty());
        let complete = match roles.iter().any(|(_, optional)| *optional) {
            // Pairs in one collection, or both sides in one each.
            true => given(&PAIRS) != roles.iter().filter(|(role, _)| *role != PAIRS).all(|(role, _)| given(role)),
            false => roles.iter().all(|(role, _)| given(role)),
        };
        if !complete {
            let names: Vec<&str> = roles.iter().map(|(role, _)| role.name).collect();
            return Err(Problem::validation(format!(
                "{} needs pictures for its roles: {}",
                self.what,
                names.join(", ")
            )));
        }
        if self.minutes.is_some_and(|minutes| !(minutes > 0.0 && minutes <= 100_000.0)) {
            return Err(Problem::validation("minutes are above 0 and at most 100000"));
        }
        if [self.preview_every, self.checkpoint_every]
            .into_iter()
            .flatten()
            .any(|steps| !(1..=1_000_000).contains(&steps))
        {
            return Err(Problem::validation("steps between grids and checkpoints are from 1 to 1000000"));
        }
        if !matches!(subject, Subject::Generator) && (self.size.is_some() || self.architecture.is_some()) {
            return Err(Problem::validation("only a generator has a size and an architecture"));
        }
        if let Some(preset) = &self.preset {
            let (_, trainer) = subject.entry()?;
            if !trainer.presets.iter().any(|known| known.name == preset) {
                return Err(Problem::validation(format!("{} has no preset '{}'", self.what, preset.escape_debug())));
            }
        }
        // Settings are completed by the engine; what has no such name is refused here already.
        match subject {
            Subject::Generator => Ok(()),
            _ => {
                let (_, trainer) = subject.entry()?;
                let mut settings = toml::Table::new();
                self.assigned(trainer)?.iter().try_for_each(|line| trainer.settings.assign(&mut settings, line))?;
                trainer.settings.complete(&settings).map(drop).map_err(Problem::validation)
            }
        }
    }

    /// Settings as the command line would set them: those of the preset, then what was given.
    fn assigned(&self, trainer: &Trainer) -> Outcome<Vec<String>> {
        let preset = trainer.presets.iter().find(|preset| Some(preset.name) == self.preset.as_deref());
        let preset = preset.map_or(&[][..], |preset| preset.settings).iter().map(|line| (*line).to_owned());
        let given = self.settings.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Object(_) => {
                    return Err(Problem::validation(format!(
                        "'{}' is an object; name what is in it with a dot",
                        key.escape_debug()
                    )));
                }
                other => other.to_string(),
            };
            Ok(format!("{key}={value}"))
        });
        preset.map(Ok).chain(given).collect()
    }

    /// The run, from pictures that lie in these folders.
    pub(crate) fn request(
        &self,
        sources: BTreeMap<String, Vec<PathBuf>>,
        gallery: GallerySettings,
        device: DeviceSpec,
        control: &Control,
    ) -> Outcome<TrainRequest> {
        let subject = Subject::named(&self.what)?;
        let (entry, trainer) = subject.entry()?;
        let assigned = self.assigned(trainer)?;
        let request = match subject {
            Subject::Generator => {
                let data = sources.into_values().flatten().collect();
                let (architecture, size) = (self.architecture.clone(), self.size);
                GanChoice { data, architecture, size, gallery, given: toml::Table::new(), assigned }.request(control)?
            }
            Subject::Translation(method) => {
                let method = method.name.to_owned();
                TranslationChoice { method, sources, given: toml::Table::new(), assigned }.request()?
            }
            Subject::Algorithm(_) => {
                let mut settings = toml::Table::new();
                assigned.iter().try_for_each(|line| trainer.settings.assign(&mut settings, line))?;
                TrainRequest {
                    algorithm: entry.descriptor.name.to_owned(),
                    sources,
                    settings,
                    ..TrainRequest::default()
                }
            }
        };
        let schedule = Schedule {
            preview_every: self.preview_every.unwrap_or(SCHEDULE.preview_every),
            checkpoint_every: self.checkpoint_every.unwrap_or(SCHEDULE.checkpoint_every),
            ..SCHEDULE
        };
        Ok(TrainRequest { schedule, device, ..request })
    }
}
