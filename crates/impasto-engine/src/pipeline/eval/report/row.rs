//! Lines of figures, what they stand for, and how sure they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::number;
use crate::metrics::Interval;

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// What is judged.
    Candidate,
    /// A part of what is judged, such as one class.
    Part,
    /// What anyone could do without a model: the yardstick.
    Sanity,
}

/// One line of figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name.
    pub label: String,
    /// What it stands for.
    pub kind: RowKind,
    /// Pictures or pairs behind its figures.
    pub count: usize,
    /// BLAKE3 of the hashes of the pictures that were judged, whatever they are called; of candidates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pictures_blake3: Option<String>,
    /// What made those pictures, where the evaluation had them made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub made_by: Option<MadeBy>,
    /// Figures by metric.
    pub figures: BTreeMap<String, Figure>,
    /// The values behind those figures that are means, one for each of [`Report::pairs`](super::Report::pairs).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, with = "number::lists")]
    pub values: BTreeMap<String, Vec<f64>>,
}

impl Row {
    /// A row without figures.
    pub fn new(label: impl Into<String>, kind: RowKind, count: usize) -> Self {
        let (figures, values) = (BTreeMap::new(), BTreeMap::new());
        Self { label: label.into(), kind, count, pictures_blake3: None, made_by: None, figures, values }
    }
}

/// What made a candidate's pictures. It is no part of the protocol: candidates differ in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeBy {
    /// The generator, or the method of a stylizer.
    pub model: String,
    /// BLAKE3 of its weights file; absent for methods without weights of their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weights_blake3: Option<String>,
    /// Everything else that decides the pictures: seeds, truncation, classes, size, strength.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub settings: BTreeMap<String, Value>,
}

impl MadeBy {
    /// One line for people.
    pub(super) fn line(&self) -> String {
        let weights = self.weights_blake3.as_ref().map(|hash| format!("weights {hash}"));
        let setting = |(name, value): (&String, &Value)| match value.as_str() {
            Some(text) => format!("{name} {text}"),
            None => format!("{name} {value}"),
        };
        let parts = [self.model.clone()].into_iter().chain(weights).chain(self.settings.iter().map(setting));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// How an interval was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalKind {
    /// The 2.5 % and 97.5 % quantiles over resamples.
    Bootstrap,
    /// From the values without each picture, or each tenth of them.
    Jackknife,
    /// From the intervals of the figures it is made of, as if those were independent.
    Combined,
}

impl IntervalKind {
    /// The name in sentences, after "by".
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Jackknife => "jackknife",
            Self::Combined => "combining those of their parts",
        }
    }
}

/// A value with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The value.
    #[serde(with = "number::one")]
    pub value: f64,
    /// 95 % interval over the pictures or pairs at hand.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "number::pair")]
    pub interval: Option<[f64; 2]>,
    /// How that interval was found; reports of the first format do not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval_by: Option<IntervalKind>,
    /// 95 % interval of a bootstrap over contents and styles: how sure the value is for others. Wider, since pairs that
    /// share a picture are alike.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "number::pair")]
    pub wide: Option<[f64; 2]>,
    /// Why it must be taken with care.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

impl Figure {
    /// A value alone.
    pub fn of(value: f64) -> Self {
        Self { value, interval: None, interval_by: None, wide: None, note: None }
    }

    /// A value and its interval, both times `factor`.
    pub fn with(found: Interval, factor: f64, by: IntervalKind) -> Self {
        let [value, low, high] = [found.value, found.low, found.high].map(|v| factor * v);
        Self { interval: Some([low, high]), interval_by: Some(by), ..Self::of(value) }
    }
}
