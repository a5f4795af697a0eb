//! Samples of a generator at hand, and how smoothly its pictures change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::pipeline::eval::report::MadeBy;
use crate::pipeline::explore::Eye;
use crate::pipeline::generate::{Code, Point, Studio};
use crate::pipeline::{OutputOptions, Target, file_label};
use crate::rng::{self, Rng};
use crate::tensor;

/// Pairs of styles between which path lengths are taken.
pub(super) const PAIRS: u64 = 128;

/// The part of the way between two styles whose length is taken.
pub(super) const STEP: f32 = 0.01;

/// What is known of a generator whose samples are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Making {
    /// The squared perceptual speed at a place between each of some pairs of styles.
    pub lengths: Vec<f64>,
    /// The generator and what decides its pictures.
    pub made_by: MadeBy,
}

/// A generator's samples in a folder, and what is known of it.
#[derive(Debug)]
pub struct Samples {
    folder: PathBuf,
    making: Making,
    /// Goes away with the samples where nobody wants to keep them.
    _temporary: Option<TempDir>,
}

impl Samples {
    /// Makes the pictures of seeds 0 to `count - 1`, of one class after the other where the job names none, in a folder
    /// of the generator's name within `keep`, or where they go away in the end; with `by_class` in a folder for each
    /// class.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for fewer than two samples, a folder that exists, and classes that a generator has not;
    /// [`EngineError::Environment`] when they cannot be written; [`EngineError::Cancelled`].
    pub fn make(
        studio: &Studio,
        count: usize,
        by_class: bool,
        keep: Option<&Path>,
        seed: u64,
        control: &Control,
    ) -> Result<Self> {
        let names = &studio.form().classes;
        if count < 2 {
            return Err(EngineError::Caller("at least two samples are needed".into()));
        }
        if by_class && names.is_empty() {
            let text = format!("'{}' has no classes; leave out --classes", studio.model().header.title);
            return Err(EngineError::Caller(text));
        }
        let failed = |e: std::io::Error| EngineError::Environment(format!("cannot keep samples: {e}"));
        let temporary = match keep {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("impasto-samples-").tempdir().map_err(failed)?),
        };
        let root = keep.or(temporary.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        let folder = root.join(studio.job().model.label());
        if folder.exists() {
            let text = format!("{} exists already; judge it with --fake, or keep samples elsewhere", folder.display());
            return Err(EngineError::Caller(text));
        }
        let folders: Vec<PathBuf> = match by_class {
            true => names.iter().map(|name| folder.join(file_label(std::slice::from_ref(name)))).collect(),
            false => vec![folder.clone()],
        };
        folders.iter().try_for_each(std::fs::create_dir_all).map_err(failed)?;
        let points: Vec<Point> = (0..count as u64).map(Point::Seed).collect();
        let options = OutputOptions { parameters: false, ..OutputOptions::default() };
        studio.generate(&points, control, |index, made| {
            let classes = studio.classes_of(index as u64);
            // Of several classes at once, the one that counts most.
            let class = (0..classes.len()).max_by(|&a, &b| classes[a].total_cmp(&classes[b]).then(b.cmp(&a)));
            let folder = &folders[class.filter(|_| by_class).unwrap_or(0)];
            let target = Target::File(folder.join(format!("seed{index:06}.png")));
            target.write(&made.picture, &options, None, control).map(drop)
        })?;
        let making = Making { lengths: path_lengths(studio, seed, control)?, made_by: made_by(studio, count) };
        Ok(Self { folder, making, _temporary: temporary })
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of the generator.
    pub fn making(&self) -> &Making {
        &self.making
    }
}

/// What decides the pictures of seeds 0 to `count - 1`.
fn made_by(studio: &Studio, count: usize) -> MadeBy {
    let (job, form) = (studio.job(), studio.form());
    let mut settings = BTreeMap::from([
        ("algorithm".to_owned(), json!(studio.model().header.algorithm)),
        ("seeds".to_owned(), json!(format!("0-{}", count - 1))),
        ("truncation".to_owned(), json!(job.trunc)),
        ("noise".to_owned(), json!(job.noise)),
        ("size".to_owned(), json!(form.size)),
    ]);
    if !form.classes.is_empty() {
        let classes = match job.classes.is_empty() {
            true => json!(format!("one after the other of {}", form.classes.join(", "))),
            false => json!(job.classes),
        };
        settings.insert("classes".to_owned(), classes);
    }
    MadeBy { model: job.model.public_name(), weights_blake3: Some(studio.model().blake3.clone()), settings }
}

/// How fast pictures change on straight lines between styles (Karras et al. 2019): for each of some pairs of one class,
/// the distance in the eyes of the built-in network over a small part of the way, divided by the part's square.
fn path_lengths(studio: &Studio, seed: u64, control: &Control) -> Result<Vec<f64>> {
    let eye = Eye::percept(studio.device())?;
    let pairs: Vec<u64> = (0..PAIRS).collect();
    studio.each(&pairs, |&pair| {
        control.check()?;
        let mut rng = rng::stream(seed, "paths", pair);
        let classes = studio.classes_of(pair);
        let mut end = || {
            let styles = studio.styles_of(studio.draw(&mut rng), &classes);
            studio.placed(Code { styles, classes: classes.clone(), noise: studio.noise_of(pair) })
        };
        let (from, to) = (end(), end());
        let place = rng.random_range(0.0..1.0 - STEP);
        let seen = |share: f32| eye.see(studio.synthesise(&from.towards(&to, share)).clamp(0.0, 1.0));
        let distance = tensor::scalar(eye.between(&seen(place)?, &seen(place + STEP)?)?);
        Ok(f64::from(distance) / f64::from(STEP).powi(2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generate::testing::{job, studio};

    #[test]
    fn samples_are_balanced_and_go_away() {
        let studio = studio(job(), &["a", "b/c"], false);
        let make =
            |by_class: bool, keep: Option<&Path>| Samples::make(&studio, 6, by_class, keep, 0, &Control::silent());
        let made = make(true, None).unwrap();
        for class in ["a", "b_c"] {
            assert_eq!(std::fs::read_dir(made.folder().join(class)).unwrap().count(), 3, "{class}");
        }
        let making = made.making();
        assert!(making.lengths.len() == PAIRS as usize && making.lengths.iter().all(|length| *length > 0.0));
        assert_eq!(making, make(false, None).unwrap().making());
        let MadeBy { weights_blake3, settings, .. } = &making.made_by;
        assert_eq!(weights_blake3.as_ref(), Some(&studio.model().blake3));
        assert_eq!((&settings["seeds"], &settings["truncation"]), (&json!("0-5"), &json!(1.0f32)));
        assert!(settings["classes"].as_str().unwrap().ends_with("a, b/c"), "{settings:?}");
        let folder = made.folder().to_owned();
        drop(made);
        assert!(!folder.exists());

        let keep = tempfile::tempdir().unwrap();
        drop(make(false, Some(keep.path())).unwrap());
        assert_eq!(std::fs::read_dir(keep.path().join("tiny")).unwrap().count(), 6);
        assert!(make(false, Some(keep.path())).unwrap_err().to_string().contains("--fake"));
    }
}
