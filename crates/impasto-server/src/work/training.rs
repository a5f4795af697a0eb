//! Trainings: jobs that take hours, give way to others between their steps, and go on where they were stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use impasto_engine::Control;
use impasto_engine::data::gallery::GallerySettings;
use impasto_engine::pipeline::train::Training;
use impasto_engine::weights::write_atomic;

use super::{Shared, lock};
use crate::ids::safe_stem;
use crate::problem::{Outcome, Problem};
use crate::request::Train;
use crate::runs::{DATA, RunFiles};
use crate::store::{Store, refused};

/// In a run's folder, the step at which it was begun last.
const BEGUN: &str = "begun";

impl Shared {
    /// Trains to the end, the time limit, or until it is stopped; each leaves a checkpoint to go on from.
    pub(super) fn trained(self: &Arc<Self>, id: &str, train: &Train, control: &Control) -> Outcome<()> {
        let tools = &self.tools;
        let home = tools.store.run_folder(id);
        let (training, dir) = match RunFiles::find(&home) {
            Some(files) if files.is_begun() => {
                // Where it got on since it was begun last, that the server stopped says nothing against it.
                let (reached, note) = (files.checkpoints().last().copied().unwrap_or_default(), home.join(BEGUN));
                let before = std::fs::read_to_string(&note).ok().and_then(|text| text.parse::<u64>().ok());
                if before.is_none_or(|before| reached > before) {
                    tools.store.gets_on(id)?;
                }
                write_atomic(&note, reached.to_string().as_bytes())?;
                Training::resume(files.root(), false, control)?
            }
            unfinished => {
                // Begun, and stopped before it could be resumed.
                unfinished.iter().for_each(|files| drop(std::fs::remove_dir_all(files.root())));
                let sources = gather(&tools.store, train, &home.join(DATA))?;
                let gallery = GallerySettings { limits: tools.limits, cache: None, ..GallerySettings::default() };
                let request = train.request(sources, gallery, tools.device.spec, control)?;
                let training = Training::prepare(&request, control)?;
                let dir = training.create_dir(&home)?;
                (training, dir)
            }
        };
        // Its networks take memory that those at hand need not take as well.
        lock(&self.bench).clear();
        let limit = train.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
        let summary = training.run(&dir, limit, control)?;
        let speed = format!("{:.1} images/s", summary.samples_per_second);
        match summary.complete {
            true => control.note(format!("{} steps, {speed}", summary.step)),
            false => control.note(format!("stopped after {} steps, {speed}", summary.step)),
        }
        Ok(())
    }
}

/// Links the pictures of a run's collections into its folder, one folder for each collection, called like it: what becomes of
/// the collections later changes nothing of the run.
fn gather(store: &Store, train: &Train, folder: &Path) -> Outcome<BTreeMap<String, Vec<PathBuf>>> {
    let failed = |e: std::io::Error| refused(&e);
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    let mut sources = BTreeMap::new();
    for (role, collections) in &train.sources {
        let mut paths = Vec::new();
        for id in collections {
            let collection =
                store.collection_of(id).map_err(|_| Problem::validation("A collection of this run is gone."))?;
            let path = fresh(&folder.join(role), &safe_stem(&collection.name), "");
            std::fs::create_dir_all(&path).map_err(failed)?;
            for file in store.members(id)? {
                let (stem, extension) = file.name.rsplit_once('.').unwrap_or((&file.name, ""));
                let target = fresh(&path, stem, extension);
                let source = store.path_of(&file);
                // Other file systems, and some network drives, have no second names.
                std::fs::hard_link(&source, &target)
                    .or_else(|_| std::fs::copy(&source, &target).map(drop))
                    .map_err(failed)?;
            }
            paths.push(path);
        }
        sources.insert(role.clone(), paths);
    }
    Ok(sources)
}

/// A path in `folder` that is not there yet.
fn fresh(folder: &Path, stem: &str, extension: &str) -> PathBuf {
    let dot = if extension.is_empty() { "" } else { "." };
    let numbered = |number: u32| if number == 1 { String::new() } else { format!("-{number}") };
    let name = |number: u32| folder.join(format!("{stem}{}{dot}{extension}", numbered(number)));
    (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| folder.join(stem))
}
