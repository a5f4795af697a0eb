//! Makes the outputs of a stylizer that is to be judged: every content in every style, in a folder that is kept.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::pairing::output_stem;
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::pipeline::eval::report::MadeBy;
use crate::pipeline::eval::{Evaluator, PictureSet};
use crate::pipeline::{
    Input, Method, OutputOptions, Painter, Resources, StyleSource, StyleSpec, StylizeJob, Target, provenance,
};
use crate::weights;

/// Pictures to be painted.
#[derive(Debug, Clone)]
pub struct Painting {
    /// A method of `impasto stylize`, or a weights file.
    pub model: String,
    /// Where the pictures go; those of an earlier run with the same settings are taken as they are.
    pub folder: PathBuf,
    /// Whether pictures made with other settings are replaced; an error otherwise.
    pub overwrite: bool,
    /// Longer side of the pictures; the contents' own size where absent.
    pub size: Option<u32>,
}

/// Where pictures are painted: a folder that stays, or one that goes away with this value.
#[derive(Debug)]
pub struct OutFolder {
    path: PathBuf,
    /// Goes away with the pictures where nobody wants to keep them.
    _temporary: Option<TempDir>,
}

impl OutFolder {
    /// `keep`, or a folder for the time being.
    ///
    /// # Errors
    /// [`EngineError::Environment`] when none can be made.
    pub fn new(keep: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = keep {
            return Ok(Self { path, _temporary: None });
        }
        let failed = |e: std::io::Error| EngineError::Environment(format!("cannot keep painted pictures: {e}"));
        let temporary = tempfile::Builder::new().prefix("impasto-painted-").tempdir().map_err(failed)?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Parts of provenance that say nothing about how a picture was painted: the command repeats the job, and a content's
/// own history is its own.
const BESIDE_THE_POINT: [&str; 2] = ["command", "made_from"];

impl Painting {
    /// The job without its style.
    fn job(&self, seed: u64) -> Result<StylizeJob> {
        let base = StylizeJob { seed, size: self.size, ..StylizeJob::default() };
        let is_file = Path::new(&self.model).extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        if is_file {
            let file = PathBuf::from(&self.model);
            let (header, _) = weights::load(&file)?;
            return Ok(StylizeJob { method: header.algorithm, model: Some(file), ..base });
        }
        Ok(StylizeJob { method: Method::named(&self.model)?.name().to_owned(), ..base })
    }

    /// What the row is called: the method, or the weights file with its run's folder.
    pub fn label(&self) -> String {
        let path = Path::new(&self.model);
        let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match path.parent().and_then(Path::file_name) {
            Some(folder) if path.extension().is_some() => format!("{} ({})", name(path), folder.to_string_lossy()),
            _ => name(path),
        }
    }

    /// Paints what is not there yet. Pictures whose provenance says the same settings, weights, content and style are
    /// kept, so that interrupted work is gone on with.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an unknown model, and for a picture that was made otherwise, unless it may be
    /// overwritten; those of [`Painter`].
    pub(super) fn paint(
        &self,
        evaluator: &Evaluator<'_>,
        resources: &Resources,
        contents: &PictureSet,
        styles: &PictureSet,
    ) -> Result<MadeBy> {
        let job = self.job(evaluator.seed)?;
        std::fs::create_dir_all(&self.folder)
            .map_err(|e| EngineError::Environment(format!("cannot make {}: {e}", self.folder.display())))?;
        // Events of single pictures would drown those of the whole.
        let quiet = Control::silent();
        let stage = format!("painting with {}", self.label());
        let total = (contents.len() * styles.len()) as u64;
        evaluator.control.emit(Event::Started { stage: stage.clone(), total });
        let begun = std::time::Instant::now();
        let (mut done, mut kept) = (0, 0u64);
        let mut made_by = None;
        for style in styles.files() {
            let source = StyleSource::Picture(style.path.clone());
            let job = StylizeJob { styles: vec![StyleSpec { source, weight: 1.0 }], ..job.clone() };
            let painter = Painter::new(job, resources.clone(), &quiet)?;
            made_by.get_or_insert_with(|| made_by_job(&painter));
            for content in contents.files() {
                evaluator.control.check()?;
                let path = self.folder.join(output_stem(&content.path, &style.path) + ".png");
                kept += u64::from(self.one(evaluator, &painter, &Input::File(content.path.clone()), &path, &quiet)?);
                done += 1;
                evaluator.control.emit(Event::Progress { done, total, message: String::new() });
            }
        }
        if kept > 0 {
            evaluator
                .control
                .note(format!("{kept} of {total} pictures were there already, made with the same settings"));
        }
        evaluator.control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
        made_by.ok_or_else(|| EngineError::Internal("a set of styles is never empty".into()))
    }

    /// Whether the picture was there already.
    fn one(
        &self,
        evaluator: &Evaluator<'_>,
        painter: &Painter,
        content: &Input,
        path: &Path,
        quiet: &Control,
    ) -> Result<bool> {
        let mut options = OutputOptions::default();
        if path.symlink_metadata().is_ok() {
            let expected = provenance::of_stylize(painter, content, &content.origin(&evaluator.limits)?).json;
            let found = Input::File(path.to_owned()).origin(&evaluator.limits)?.parameters;
            let other = found.map_or_else(|| vec!["all of it".to_owned()], |found| differences(&expected, &found.json));
            if other.is_empty() {
                return Ok(true);
            }
            if !self.overwrite {
                let text = format!(
                    "{} was made otherwise ({} differ); choose another --out-dir or give --overwrite",
                    path.display(),
                    other.join(", ")
                );
                return Err(EngineError::Caller(text));
            }
            options.overwrite = true;
        }
        painter.paint_file(content, &Target::File(path.to_owned()), &options, None, quiet)?;
        Ok(false)
    }
}

/// Method, weights and settings of a painter; styles are the evaluation's.
fn made_by_job(painter: &Painter) -> MadeBy {
    let job = match provenance::public(painter.job()) {
        Value::Object(job) => job,
        _ => serde_json::Map::new(),
    };
    let beside = |(name, value): &(String, Value)| !["styles", "method"].contains(&name.as_str()) && !value.is_null();
    MadeBy {
        model: painter.job().method.clone(),
        weights_blake3: painter.model().map(|model| model.blake3.clone()),
        settings: job.into_iter().filter(beside).collect(),
    }
}

/// The names of parts of a provenance that differ.
fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let [expected, found] = [expected, found].map(|value| value.as_object().unwrap_or(&empty));
    let keys: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let decides = |key: &&String| !BESIDE_THE_POINT.contains(&key.as_str());
    let differs = |key: &&String| numbers(expected.get(*key)) != numbers(found.get(*key));
    keys.into_iter().filter(decides).filter(differs).cloned().collect()
}

/// A value with its numbers as their shortest texts in single precision, which is what settings are: a file may have
/// them as `0.7` or as `0.699999988079071`.
fn numbers(value: Option<&Value>) -> Option<Value> {
    Some(match value? {
        Value::Number(number) => number.as_f64().map_or(Value::Null, |v| Value::String((v as f32).to_string())),
        Value::Array(values) => values.iter().map(|value| numbers(Some(value)).unwrap_or_default()).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), numbers(Some(value)).unwrap_or_default())).collect()
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_decides_the_pixels_counts() {
        let made = json!({"impasto": "1", "command": "a", "made_from": null, "job": {"strength": 0.7f32, "seed": 3}});
        let read = json!({"impasto": "1", "command": "b", "made_from": {}, "job": {"strength": 0.7, "seed": 3}});
        assert!(differences(&made, &read).is_empty());
        let mut other = read.clone();
        other["job"]["seed"] = json!(4);
        other["model"] = json!("x");
        assert_eq!(differences(&made, &other), ["job", "model"]);
        assert_eq!(differences(&made, &json!(null)), ["impasto", "job"]);
    }

    #[test]
    fn rows_are_called_by_their_model() {
        let label = |model: &str| {
            Painting { model: model.into(), folder: PathBuf::new(), overwrite: false, size: None }.label()
        };
        assert_eq!(label("fusion"), "fusion");
        assert_eq!(label("runs/0003-fusion/weights.safetensors"), "weights (0003-fusion)");
    }
}
