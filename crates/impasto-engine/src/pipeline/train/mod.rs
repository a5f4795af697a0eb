//! Training from folders of pictures: a request is resolved into a [`RunConfig`], data and networks are loaded, and the
//! one training loop ([`crate::train::run`]) does the rest. A run is resumed from its folder alone.

mod config;
mod data;
mod estimate;
mod recipe;
mod translation;

pub use config::{Init, Perception, RunConfig, Schedule, Source};
pub use estimate::Estimate;
pub use recipe::GanChoice;
pub use translation::TranslationChoice;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::control::Control;
use crate::data::gallery::GallerySettings;
use crate::descriptor::Task;
use crate::device::{self, DeviceSpec};
use crate::error::{EngineError, Result};
use crate::models::{PerceptionSpec, hash_file};
use crate::registry::{self, Entry, PAIRS, Takes, TrainParts, Trainer};
use crate::train::{Objective, RunDir, RunSettings, Summary, run};
use crate::weights::{self, Arrays};
use burn::tensor::Device;
use data::Loaded;

/// A new run, as a user asks for it.
#[derive(Debug, Clone, Default)]
pub struct TrainRequest {
    /// Registry name of the algorithm.
    pub algorithm: String,
    /// Folders or picture files by role; the roles are those of [`Trainer::roles`].
    pub sources: BTreeMap<String, Vec<PathBuf>>,
    /// The network losses compare with, for trainers that need one.
    pub perception: Option<PerceptionSpec>,
    /// Further networks that judge what comes out, for trainers that take them.
    pub judges: Vec<PerceptionSpec>,
    /// How whole pictures are read, for trainers of [`Takes::Gallery`]; the size is that of `settings`.
    pub gallery: GallerySettings,
    /// Weights of the same algorithm to begin from; drawn ones without.
    pub init: Option<PathBuf>,
    /// Settings that differ from the algorithm's defaults; see [`crate::registry::SettingsType::assign`].
    pub settings: toml::Table,
    /// When to log, preview and save.
    pub schedule: Schedule,
    /// Where to train.
    pub device: DeviceSpec,
}

/// A run that is ready to go: data read, networks built.
pub struct Training {
    config: RunConfig,
    plan: Plan,
    objective: Box<dyn Objective>,
    device: Device,
    macs_per_pixel: f64,
    data_bytes: usize,
}

/// The settings that every trainer has.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Plan {
    batch: usize,
    steps: u64,
    /// Side of crops, for trainers of [`Takes::Crops`] and [`Takes::Pairs`].
    #[serde(default)]
    crop: usize,
    /// Short side that pictures are scaled to before they are cropped.
    #[serde(default)]
    short_side: u32,
    /// Rows and columns, for trainers of [`Takes::Gallery`].
    #[serde(default)]
    size: [usize; 2],
}

impl Training {
    /// Resolves a request, reads its pictures and builds its networks. Nothing is written.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an unknown algorithm or setting or a missing role; [`EngineError::File`] for folders
    /// without usable pictures and damaged perception weights; [`EngineError::Environment`] for a missing device.
    pub fn prepare(request: &TrainRequest, control: &Control) -> Result<Self> {
        let (entry, trainer) = trainer(&request.algorithm)?;
        let Checked { mut training, plan, beware } = Checked::of(&request.settings, entry, trainer)?;
        beware.into_iter().for_each(|line| control.warn(line));
        let opened = device::open(request.device)?;
        let mut sources = BTreeMap::new();
        let given = |name: &str| request.sources.get(name).is_some_and(|paths| !paths.is_empty());
        let roles = match trainer.takes {
            Takes::Pairs if given(PAIRS.name) => &[PAIRS][..],
            _ => trainer.roles,
        };
        if let Some(role) = trainer.roles.iter().find(|role| given(role.name) && roles == [PAIRS]) {
            let text = format!("pairs come from --pairs or from two folders; leave out --pairs or --{}", role.name);
            return Err(EngineError::Caller(text));
        }
        for role in roles {
            let Some(paths) = request.sources.get(role.name).filter(|paths| !paths.is_empty()) else {
                let hint = format!("training {} needs --{} with {}", entry.descriptor.name, role.name, role.about);
                return Err(EngineError::Caller(hint));
            };
            sources.insert(role.name.to_owned(), data::absolute(paths)?);
        }
        let gallery =
            (trainer.takes == Takes::Gallery).then(|| GallerySettings { size: plan.size, ..request.gallery.clone() });
        let loaded = load(trainer, &sources, plan, gallery.as_ref(), control)?;
        if let Some(classes) = loaded.classes() {
            training.insert("classes".to_owned(), classes.to_vec().into());
            if loaded.is_grey() {
                training.insert("grey".to_owned(), true.into());
            }
            training = Checked::of(&training, entry, trainer)?.training;
        }
        let perception = match (&request.perception, trainer.perception) {
            (Some(_), None) => {
                let text = format!("training {} takes no perception network", entry.descriptor.name);
                return Err(EngineError::Caller(text));
            }
            (None, None) => None,
            (given, Some(option)) => {
                Some(Perception::of(&given.clone().map_or_else(|| PerceptionSpec::bundled(option), Ok)?)?)
            }
        };
        if !request.judges.is_empty() && trainer.judges.is_none() {
            return Err(EngineError::Caller(format!("training {} takes no judges", entry.descriptor.name)));
        }
        let judges = request.judges.iter().map(Perception::of).collect::<Result<Vec<_>>>()?;
        let init = request.init.as_deref().map(|path| read_init(path, entry)).transpose()?;
        let config = RunConfig {
            algorithm: entry.descriptor.name.to_owned(),
            impasto: env!("CARGO_PKG_VERSION").to_owned(),
            device: opened.spec.to_string(),
            schedule: request.schedule.clone(),
            perception,
            judges,
            init: init.as_ref().map(|(init, _)| init.clone()),
            gallery,
            data: loaded.configs(&sources),
            training,
        };
        let mut training = Self::assemble(config, loaded)?;
        if let (Some((_, arrays)), Some(path)) = (init, &request.init) {
            training.objective.begin_from(&arrays).map_err(|problem| EngineError::file(path, problem))?;
        }
        training.objective.remarks().into_iter().for_each(|line| control.warn(line));
        Ok(training)
    }

    /// Prepares a run's folder to go on. The configuration is the folder's own.
    ///
    /// # Errors
    /// [`EngineError::File`] when `folder` is no run, its configuration is damaged, or its pictures or perception
    /// weights are no longer those it was begun with (unless `accept_changed_data`).
    pub fn resume(folder: &Path, accept_changed_data: bool, control: &Control) -> Result<(Self, RunDir)> {
        let dir = RunDir::open(folder)?;
        let config = RunConfig::from_toml(&dir.read_config()?, &folder.join("config.toml"))?;
        let (entry, trainer) = trainer(&config.algorithm)?;
        let plan = plan(&config.training, entry, trainer).map_err(|problem| EngineError::file(folder, problem))?;
        let sources = config.data.iter().map(|(role, source)| (role.clone(), source.paths.clone())).collect();
        let loaded = load(trainer, &sources, plan, config.gallery.as_ref(), control)?;
        let changed = loaded.configs(&sources).into_iter().find(|(role, now)| config.data.get(role) != Some(now));
        if let Some((role, _)) = changed {
            let text = format!(
                "the pictures of '{role}' are not those the run was begun with, so going on would not be exact"
            );
            if !accept_changed_data {
                return Err(EngineError::file(folder, format!("{text}; put them back, or give --accept-changed-data")));
            }
            control.warn(text);
        }
        for Perception { network, blake3 } in config.perception.iter().chain(&config.judges) {
            if network.hash()? != *blake3 {
                let text = format!("the weights of {network} are not those the run was begun with");
                return Err(EngineError::file(folder, text));
            }
        }
        Ok((Self::assemble(config, loaded)?, dir))
    }

    fn assemble(config: RunConfig, loaded: Loaded) -> Result<Self> {
        let (entry, trainer) = trainer(&config.algorithm)?;
        let plan = plan(&config.training, entry, trainer).map_err(EngineError::Caller)?;
        let device = device::open(config.device.parse()?)?.device.autodiff();
        let features = config.perception.as_ref().map(|p| p.network.open(&device)).transpose()?;
        if let Some(least) = features.as_ref().map(|f| f.min_side()).filter(|&least| plan.crop < least) {
            let text = format!("crop is {}, below the {least} px that the perception network needs", plan.crop);
            return Err(EngineError::Caller(text));
        }
        let judges = config.judges.iter().map(|p| p.network.open(&device)).collect::<Result<Vec<_>>>()?;
        let data_bytes = loaded.bytes();
        let seed = config.training.get("seed").and_then(toml::Value::as_integer).unwrap_or(0);
        let parts = TrainParts {
            settings: config.training.clone(),
            provenance: data::provenance(&config),
            material: loaded.into_material(plan.crop, u64::try_from(seed).unwrap_or(0)),
            features,
            judges,
            device: device.clone(),
        };
        let macs_per_pixel = (trainer.macs_per_pixel)(&config.training).map_err(EngineError::Caller)?;
        Ok(Self { objective: (trainer.build)(parts)?, config, plan, device, macs_per_pixel, data_bytes })
    }

    /// The complete configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Makes a run's folder below `parent` with the configuration and a README in it.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when it cannot be written.
    pub fn create_dir(&self, parent: &Path) -> Result<RunDir> {
        let dir = RunDir::create(parent, &self.config.algorithm)?;
        dir.write_config(&self.config.to_toml()?)?;
        let (entry, _) = trainer(&self.config.algorithm)?;
        let usage = match entry.descriptor.task {
            Task::Translator => "Translate pictures by `impasto translate`, this folder and `photo.jpg -o out.png`.",
            Task::Stylizer if entry.descriptor.name == registry::ARTISTS => {
                "Paint with the weights by `impasto stylize photo.jpg --artist NAME --model weights.safetensors`; an artist is called \
                 as the folder of paintings was."
            }
            Task::Stylizer | Task::Features => {
                "Paint with the weights by `impasto stylize photo.jpg --style painting.jpg --model weights.safetensors`."
            }
            Task::Generator => "Make pictures by `impasto generate`, this folder and `--seeds 0-63 --grid`.",
        };
        let readme = include_str!("RUN.md").replace("{algorithm}", &self.config.algorithm).replace("{use}", usage);
        weights::write_atomic(&dir.root().join("README.md"), readme.as_bytes())?;
        Ok(dir)
    }

    /// Trains to the end, the time limit or a cancel. Any of them leaves a checkpoint from which
    /// [`Training::resume`] goes on bit for bit (on CPU).
    ///
    /// # Errors
    /// Those of [`crate::train::run`]; [`EngineError::Environment`] when another process trains in the same folder.
    pub fn run(mut self, dir: &RunDir, time_limit: Option<Duration>, control: &Control) -> Result<Summary> {
        let _lock = lock(dir)?;
        // What is stored in checkpoints is what a resume will read.
        let written = RunConfig::from_toml(&dir.read_config()?, &dir.root().join("config.toml"))?;
        let Schedule { log_every, preview_every, checkpoint_every, watch_every, keep } = self.config.schedule;
        let settings = RunSettings {
            steps: self.plan.steps,
            batch: self.plan.batch as u64,
            log_every: log_every.max(1),
            preview_every: preview_every.max(1),
            checkpoint_every: checkpoint_every.max(1),
            watch_every: watch_every.max(1),
            keep: keep.max(1),
            time_limit,
        };
        let (objective, config) = (&mut *self.objective, written.to_json()?);
        device::awake(&self.device, || run(objective, &settings, &config, dir, control))
    }
}

/// The weights that a run is to begin from, and what its configuration records of them.
fn read_init(path: &Path, entry: &Entry) -> Result<(Init, Arrays)> {
    let (header, arrays) = weights::load(path)?;
    if header.algorithm != entry.descriptor.name {
        let text = format!("holds weights of '{}', not of '{}'", header.algorithm, entry.descriptor.name);
        return Err(EngineError::file(path, text));
    }
    let init = Init {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        blake3: hash_file(path)?,
        training: header.training.to_string(),
    };
    Ok((init, arrays))
}

fn trainer(name: &str) -> Result<(&'static Entry, &'static Trainer)> {
    let entry = registry::find(name)?;
    match &entry.trainer {
        Some(trainer) => Ok((entry, trainer)),
        None => {
            let known: Vec<_> =
                registry::REGISTRY.iter().filter(|e| e.trainer.is_some()).map(|e| e.descriptor.name).collect();
            Err(EngineError::Caller(format!("{name} cannot be trained; these can: {}", known.join(", "))))
        }
    }
}

/// Reads the pictures that a trainer takes.
fn load(
    trainer: &Trainer,
    sources: &BTreeMap<String, Vec<PathBuf>>,
    plan: Plan,
    gallery: Option<&GallerySettings>,
    control: &Control,
) -> Result<Loaded> {
    match (trainer.takes, gallery) {
        (Takes::Crops | Takes::Pairs, _) => data::load(trainer, sources, plan.short_side, plan.crop, control),
        (Takes::Gallery, Some(settings)) => data::load_gallery(trainer, sources, settings, control),
        (Takes::Gallery, None) => {
            Err(EngineError::Caller("the run's configuration does not say how its pictures are read".into()))
        }
    }
}

/// Settings that were checked as far as can be done without pictures.
struct Checked {
    /// Complete.
    training: toml::Table,
    plan: Plan,
    /// What to beware of.
    beware: Vec<String>,
}

impl Checked {
    /// Completes and checks settings.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that says which does not fit.
    fn of(settings: &toml::Table, entry: &Entry, trainer: &Trainer) -> Result<Self> {
        let about = |problem| EngineError::Caller(format!("{} training: {problem}", entry.descriptor.name));
        let training = trainer.settings.complete(settings).map_err(about)?;
        let plan = plan(&training, entry, trainer).map_err(EngineError::Caller)?;
        let beware = (trainer.check)(&training).map_err(EngineError::Caller)?;
        Ok(Self { training, plan, beware })
    }
}

/// Reads and checks the settings that every trainer has.
fn plan(training: &toml::Table, entry: &Entry, trainer: &Trainer) -> Result<Plan, String> {
    let plan: Plan = training.clone().try_into().map_err(|e: toml::de::Error| config::line(&e))?;
    let multiple = entry.descriptor.size_multiple.max(1) as usize;
    let within = |name: &str, value: u64, low: u64, high: u64| {
        if (low..=high).contains(&value) { Ok(()) } else { Err(format!("{name} is {value}, not in {low}..={high}")) }
    };
    within("batch", plan.batch as u64, 1, 4096)?;
    within("steps", plan.steps, 1, 1 << 40)?;
    match trainer.takes {
        Takes::Crops | Takes::Pairs => {
            within("crop", plan.crop as u64, 16, 4096)?;
            if !plan.crop.is_multiple_of(multiple) {
                return Err(format!("crop is {}, not a multiple of {multiple}", plan.crop));
            }
            within("short_side", u64::from(plan.short_side), plan.crop as u64, 16_384)?;
        }
        Takes::Gallery => plan.size.iter().try_for_each(|&side| within("size", side as u64, 8, 1024))?,
    }
    Ok(plan)
}

/// Holds a run's folder for this process; the system lets go of it however the process ends.
fn lock(dir: &RunDir) -> Result<File> {
    let path = dir.root().join(".lock");
    let failed = |e: &std::io::Error| EngineError::Environment(format!("cannot lock {}: {e}", path.display()));
    let file = File::create(&path).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(EngineError::Environment(format!("{}: another process trains here", dir.root().display())))
        }
        Err(TryLockError::Error(e)) => Err(failed(&e)),
    }
}
