//! Labels that lie beside pictures: tables, lines of JSON, and the `dataset.json` of StyleGAN.

use std::collections::HashMap;

use serde_json::Value;

/// Names of files of labels, the first that is there counts.
pub(super) const FILES: [&str; 5] = ["dataset.json", "metadata.csv", "metadata.jsonl", "labels.csv", "labels.jsonl"];

/// Largest file of labels in bytes.
pub(super) const MAX_BYTES: u64 = 256 << 20;

const NAMES: [&str; 5] = ["file_name", "filename", "file", "image", "path"];
const CLASSES: [&str; 2] = ["label", "class"];

/// The label of each picture, by its name relative to where the labels lie.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::data::gallery) struct Labels(HashMap<String, String>);

impl Labels {
    /// The label of a picture.
    pub(in crate::data::gallery) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds one; an empty label is none.
    pub(super) fn insert(&mut self, name: &str, label: String) {
        if !label.trim().is_empty() {
            let name = name.replace('\\', "/");
            let label = label.trim().replace(char::is_control, "\u{fffd}");
            self.0.insert(name.strip_prefix("./").unwrap_or(&name).to_owned(), label);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads the file called `name`, one of [`FILES`]. `None` for one that says there are no labels.
///
/// # Errors
/// A line that says what is wrong with it.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Option<Labels>, String> {
    let labels = match name.rsplit('.').next() {
        Some("csv") => table(bytes)?,
        Some("jsonl") => lines(bytes)?,
        _ => return dataset(bytes),
    };
    if labels.is_empty() { Err(format!("{name} holds no label")) } else { Ok(Some(labels)) }
}

/// `{"labels": [["00000/img.png", 3], ...]}` or `{"labels": null}`.
fn dataset(bytes: &[u8]) -> Result<Option<Labels>, String> {
    let form = "it must be {\"labels\": [[\"folder/picture.png\", 3], ...]} or {\"labels\": null}";
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("dataset.json: {e}; {form}"))?;
    let pairs = match value.get("labels") {
        Some(Value::Array(pairs)) => pairs,
        Some(Value::Null) => return Ok(None),
        _ => return Err(format!("dataset.json: {form}")),
    };
    let mut labels = Labels::default();
    for pair in pairs {
        let named = match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), label]) => text(label).map(|label| (name, label)),
            _ => None,
        };
        let Some((name, label)) = named else {
            let shown: String = pair.to_string().chars().take(80).collect();
            return Err(format!("dataset.json: {shown} is no name with one label; {form}"));
        };
        labels.insert(name, label);
    }
    Ok(Some(labels))
}

/// A table with a header line.
fn table(bytes: &[u8]) -> Result<Labels, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let head = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |wanted: &[&str]| {
        let place = |name: &&str| head.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
        wanted.iter().find_map(place).ok_or_else(|| {
            let has: Vec<&str> = head.iter().take(10).collect();
            format!("the table has no column {} (it has {})", wanted.join(" or "), has.join(", "))
        })
    };
    let (name, class) = (column(&NAMES)?, column(&CLASSES)?);
    let mut labels = Labels::default();
    for row in reader.records() {
        let row = row.map_err(|e| e.to_string())?;
        if let (Some(name), Some(class)) = (row.get(name), row.get(class)) {
            labels.insert(name, class.to_owned());
        }
    }
    Ok(labels)
}

/// A JSON object on each line.
fn lines(bytes: &[u8]) -> Result<Labels, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the labels are not UTF-8".to_owned())?;
    let mut labels = Labels::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", number + 1))?;
        let name = NAMES.iter().find_map(|name| value.get(name)?.as_str());
        let Some(name) = name else {
            return Err(format!("line {}: it names no picture ({})", number + 1, NAMES.join(", ")));
        };
        if let Some(label) = class_of(&value) {
            labels.insert(name, label);
        }
    }
    Ok(labels)
}

/// The label in an object: `{"label": 3}`.
pub(super) fn class_of(value: &Value) -> Option<String> {
    CLASSES.iter().find_map(|name| text(value.get(name)?))
}

/// A label as text; `None` for what is none, such as several at once.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(on) => Some(on.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (name, text) in [
            ("dataset.json", r#"{"labels": [["a/1.png", 3], ["a/2.png", "7"]]}"#),
            ("metadata.csv", "file_name,size,Label\na/1.png,9,3\n./a/2.png, 2 , 7\n"),
            ("labels.csv", "\u{feff}class,image\n3,a/1.png\n7,a\\2.png\n"),
            ("metadata.jsonl", "{\"file\": \"a/1.png\", \"class\": 3}\n\n{\"image\": \"a/2.png\", \"label\": \"7\"}\n"),
        ] {
            let labels = parse(name, text.as_bytes()).unwrap().unwrap();
            assert_eq!((labels.get("a/1.png"), labels.get("a/2.png")), (Some("3"), Some("7")), "{name}");
            assert_eq!(labels.get("a/3.png"), None);
        }
        assert_eq!(parse("dataset.json", br#"{"labels": null}"#), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (name, text, part) in [
            ("dataset.json", "[]", "it must be"),
            ("dataset.json", r#"{"labels": [["a.png", [1, 0]]]}"#, "one label"),
            ("dataset.json", r#"{"labels""#, "EOF"),
            ("labels.csv", "file,size\na,1\n", "label or class (it has file, size)"),
            ("labels.csv", "file,label\n", "no label"),
            ("labels.jsonl", "{\"file\": \"a\", \"label\": 1}\n{", "line 2"),
            ("labels.jsonl", "{\"label\": 1}", "names no picture"),
        ] {
            let error = parse(name, text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{name} {text}: {error}");
        }
    }
}
