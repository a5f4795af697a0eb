//! What an evaluation found: figures with their intervals, sanity rows, findings, and the protocol. Written as JSON, as
//! lines for a terminal, and as one HTML page that needs nothing beside it.

mod html;
mod json;
mod number;
mod row;
mod svg;
mod table;

pub use json::read;
pub(super) use number::option as optional_number;
pub use row::{Figure, IntervalKind, MadeBy, Row, RowKind};
pub use table::table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use impasto_image::Limits;
use serde::{Deserialize, Serialize};

use super::protocol::Protocol;
use crate::error::{EngineError, Result};
use crate::weights::write_atomic;

/// The version of the JSON form.
///
/// 1 had neither the kinds of intervals nor what was judged, and is still read.
pub const FORMAT: u32 = 2;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of impasto.
    pub impasto: String,
    /// One line for people.
    pub title: String,
    /// [`Protocol::hash`].
    pub protocol_hash: String,
    /// What makes the figures comparable.
    pub protocol: Protocol,
    /// Where it was computed. Devices differ by roundings.
    pub device: String,
    /// The sets of pictures.
    pub sources: Vec<Source>,
    /// The metrics, in the order they are shown.
    pub metrics: Vec<Metric>,
    /// Candidates and sanity rows.
    pub rows: Vec<Row>,
    /// What the figures say, in words.
    pub findings: Vec<Finding>,
    /// Metrics left out, with what they need.
    pub missing: Vec<Missing>,
    /// Files left out, with the reasons.
    pub rejected: Vec<Rejected>,
    /// The pairs whose values [`Row::values`] holds; empty where figures are of whole sets.
    pub pairs: Vec<PairName>,
    /// Every sample with the training pictures that it is most like; of `eval memorised`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub samples: Vec<NearestRow>,
    /// Pictures to show; not part of the JSON.
    #[serde(skip)]
    pub examples: Vec<Example>,
}

/// A set of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is for: `contents`, `real`, ...
    pub role: String,
    /// The folder's name.
    pub name: String,
    /// Pictures used.
    pub used: usize,
    /// Pictures left out.
    pub rejected: usize,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Small values.
    Lower,
    /// Large values.
    Higher,
    /// Neither by itself.
    Neither,
}

/// A metric as it is shown; how it is computed stands in the protocol under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it says, a few words.
    pub about: String,
    /// Which way is better.
    pub better: Better,
    /// Digits behind the point.
    pub digits: usize,
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// The candidate does what it should.
    Good,
    /// Something to know.
    Note,
    /// Something to worry about.
    Warning,
}

/// What the figures say, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How it is meant.
    pub tone: Tone,
    /// One or two sentences.
    pub text: String,
}

impl Finding {
    /// A finding.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Metrics that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Their names.
    pub metrics: Vec<String>,
    /// What they need and how to get it.
    pub reason: String,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Its name, with the folders below the one that was given.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// A sample and the training pictures that it is most like, by their names below their folders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearestRow {
    /// The sample.
    pub file: String,
    /// The training picture that it looks most like a copy of.
    pub nearest: String,
    /// How far it is from a copy: 0 for a perfect one, around 0.8 for strangers, 1 where nothing agrees.
    pub distance: f64,
    /// Whether that is called a copy.
    pub copy: bool,
    /// Whether it agrees mirrored left to right.
    pub mirrored: bool,
    /// The part of the training picture that agrees: left, top, right, bottom as shares of its sides.
    pub region: [f32; 4],
    /// The nearest training picture in the eyes of each network and layer.
    pub networks: BTreeMap<String, NearestPicture>,
}

/// A training picture in the eyes of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearestPicture {
    /// The picture.
    pub file: String,
    /// Euclidean distance of the feature vectors.
    pub distance: f64,
}

/// A content and a style by their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairName {
    /// The content.
    pub content: String,
    /// The style.
    pub style: String,
}

/// Pictures side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What they show.
    pub title: String,
    /// The pictures with their captions.
    pub pictures: Vec<(String, PathBuf)>,
}

/// A form of report files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Html,
}

impl Form {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "json" => Ok(Self::Json),
            "html" | "htm" => Ok(Self::Html),
            _ => {
                let text = format!("{}: reports are written as .json or .html", path.display());
                Err(EngineError::Caller(text))
            }
        }
    }
}

/// Refuses early what [`Report::write`] would refuse after the work.
///
/// # Errors
/// [`EngineError::Caller`] for another extension than `.json` or `.html` and for a file that exists;
/// [`EngineError::Environment`] for a folder that does not.
pub fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    Form::of(path)?;
    crate::pipeline::files::free_place(path, overwrite)?;
    Ok(())
}

impl Report {
    /// Writes it as JSON or as an HTML page, by the extension, whole or not at all.
    ///
    /// # Errors
    /// As [`check_target`]; [`EngineError::Environment`] for a full disk.
    pub fn write(&self, path: &Path, overwrite: bool, limits: &Limits) -> Result<()> {
        check_target(path, overwrite)?;
        let text = match Form::of(path)? {
            Form::Json => json::text(self)?,
            Form::Html => html::page(self, limits),
        };
        write_atomic(path, text.as_bytes())
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when it cannot be written.
    pub fn json(&self) -> Result<String> {
        json::text(self)
    }

    /// The row called `label`.
    pub fn row(&self, label: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.label == label)
    }

    /// The numbers of content and style of each of [`Report::pairs`], in the order of their first appearance.
    pub(super) fn places(&self) -> Vec<(usize, usize)> {
        fn number<'a>(known: &mut BTreeMap<&'a str, usize>, name: &'a str) -> usize {
            let next = known.len();
            *known.entry(name).or_insert(next)
        }
        let (mut contents, mut styles) = (BTreeMap::new(), BTreeMap::new());
        let mut places = Vec::with_capacity(self.pairs.len());
        for PairName { content, style } in &self.pairs {
            places.push((number(&mut contents, content), number(&mut styles, style)));
        }
        places
    }

    /// The rows of one kind.
    pub fn rows_of(&self, kind: RowKind) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }
}

/// A value as people read it; `digits` behind the point.
pub(super) fn number(value: f64, digits: usize) -> String {
    if value.is_nan() {
        "-".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
    } else {
        let text = format!("{value:.digits$}");
        // Rounding may leave a zero with a sign.
        if text.trim_start_matches('-').bytes().all(|b| matches!(b, b'0' | b'.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
