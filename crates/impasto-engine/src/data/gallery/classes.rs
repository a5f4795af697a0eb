//! Which class a picture is of.

use std::collections::HashMap;
use std::fmt;

use super::settings::{ClassSource, GallerySettings};
use super::source::Labels;
use crate::error::{EngineError, Result};

/// More classes than a network can be taught one by one.
const MAX_CLASSES: usize = 10_000;

/// The classes of some pictures.
pub(super) struct Classes {
    /// Their names, in the order of labels.
    pub(super) names: Vec<String>,
    /// For each picture an index of `names`; `None` for one without a label, and for all without classes.
    pub(super) labels: Vec<Option<usize>>,
    /// Where they came from; `None` without classes.
    pub(super) from: Option<From>,
}

/// Where classes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Folders,
    Labels,
}

impl From {
    /// Why a picture has no class.
    pub(super) fn missing(self) -> &'static str {
        match self {
            Self::Folders => "it lies in no class folder",
            Self::Labels => "it has no label",
        }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folders => "folders",
            Self::Labels => "labels",
        })
    }
}

/// The first folder in a name; `None` for a picture that lies in none.
pub(super) fn folder(name: &str) -> Option<&str> {
    name.split_once('/').map(|(folder, _)| folder)
}

/// Finds the class of every picture, given by source and name.
///
/// # Errors
/// [`EngineError::Caller`] when there are no such classes, or their names do not fit.
pub(super) fn assign(
    pictures: &[(usize, &str)],
    labels: &[Option<Labels>],
    settings: &GallerySettings,
) -> Result<Classes> {
    let from = match settings.classes {
        ClassSource::None => None,
        ClassSource::Folders => Some(From::Folders),
        ClassSource::Labels => Some(From::Labels),
        ClassSource::Auto => labels.iter().any(Option::is_some).then_some(From::Labels),
    };
    let label_of = |&(source, name): &(usize, &'_ str)| -> Option<String> {
        match from? {
            From::Folders => folder(name).map(str::to_owned),
            From::Labels => labels[source].as_ref()?.get(name).map(str::to_owned),
        }
    };
    let found: Vec<Option<String>> = pictures.iter().map(label_of).collect();
    let mut known: Vec<&str> = found.iter().flatten().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    if known.iter().all(|name| name.parse::<u32>().is_ok()) {
        known.sort_by_key(|name| name.parse::<u32>().unwrap_or(0));
    }
    if known.is_empty() && !pictures.is_empty() {
        match from {
            None => {}
            Some(From::Folders) => {
                let text = "no picture lies in a folder below the one given, so folders are no classes";
                return Err(EngineError::Caller(text.to_owned()));
            }
            Some(From::Labels) => {
                let text = "no picture has a label: labels are a dataset.json, metadata.csv, metadata.jsonl, labels.csv \
                            or labels.jsonl beside the pictures, .cls or .json members of a tar file, or an IDX file of \
                            labels";
                return Err(EngineError::Caller(text.to_owned()));
            }
        }
    }
    if known.len() > MAX_CLASSES {
        let text = format!("{} classes are more than {MAX_CLASSES}: are these labels of classes?", known.len());
        return Err(EngineError::Caller(text));
    }
    let index: HashMap<&str, usize> = known.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let labels = found.iter().map(|label| index.get(label.as_deref()?).copied()).collect();
    let names = known.iter().map(|name| named(name, settings)).collect::<Result<Vec<_>>>()?;
    Ok(Classes { names, labels, from })
}

/// The name of a class that may be a number.
fn named(class: &str, settings: &GallerySettings) -> Result<String> {
    let names = &settings.class_names;
    if names.is_empty() {
        return Ok(class.to_owned());
    }
    let name = class.parse::<usize>().ok().and_then(|number| names.get(number));
    name.cloned().ok_or_else(|| {
        let text =
            format!("class_names has {} names, but there is a class '{class}': name classes 0, 1, ...", names.len());
        EngineError::Caller(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_classes_when_asked() {
        let pictures = [(0, "b/1.png"), (0, "a/x/2.png"), (0, "3.png")];
        let settings = |classes| GallerySettings { classes, ..GallerySettings::default() };
        let found = assign(&pictures, &[None], &settings(ClassSource::Folders)).unwrap();
        assert_eq!((found.names, found.labels), (vec!["a".into(), "b".into()], vec![Some(1), Some(0), None]));
        for none in [ClassSource::None, ClassSource::Auto] {
            let found = assign(&pictures, &[None], &settings(none)).unwrap();
            assert!(found.names.is_empty() && found.from.is_none() && found.labels == [None; 3]);
        }
        let error = assign(&pictures, &[None], &settings(ClassSource::Labels)).err().unwrap();
        assert!(error.to_string().contains("no picture has a label"));
        assert!(assign(&pictures[2..], &[None], &settings(ClassSource::Folders)).is_err());
    }
}
