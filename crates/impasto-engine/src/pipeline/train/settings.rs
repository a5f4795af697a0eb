//! Settings by name: one serde struct per trainer is the only declaration; its doc comments are the help.

use serde_json::Value;

use crate::error::{EngineError, Result};
use crate::registry::{Trainer, suggest};

/// One setting of a trainer, for help texts and forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name; nested ones are dotted (`network.blocks`).
    pub name: String,
    /// Its default, as TOML.
    pub default: String,
    /// What it does.
    pub about: String,
}

/// All settings of a trainer, from its JSON Schema, in the order of their names.
pub fn settings_of(trainer: &Trainer) -> Vec<Setting> {
    let schema = (trainer.schema)();
    let defaults = (trainer.resolve)(&toml::Table::new()).unwrap_or_default();
    let mut found = Vec::new();
    collect(&schema, &schema, &defaults, "", &mut found);
    found
}

fn collect(root: &Value, schema: &Value, defaults: &toml::Table, prefix: &str, found: &mut Vec<Setting>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        let full = format!("{prefix}{name}");
        match defaults.get(name) {
            Some(toml::Value::Table(inner)) => {
                let target = property.get("$ref").and_then(Value::as_str).and_then(|r| root.pointer(r.strip_prefix('#')?));
                collect(root, target.unwrap_or(property), inner, &format!("{full}."), found);
            }
            default => found.push(Setting {
                name: full,
                default: default.map_or_else(String::new, ToString::to_string),
                about: property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " "),
            }),
        }
    }
}

/// Applies one `KEY=VALUE` of the command line to `settings`: the key dotted, the value TOML (`0.5`, `[8, 16]`), taken
/// as a text where it is not.
///
/// # Errors
/// [`EngineError::Caller`] for a missing `=` or a key the trainer does not know, with near ones.
pub fn assign(trainer: &Trainer, settings: &mut toml::Table, assignment: &str) -> Result<()> {
    let Some((key, value)) = assignment.split_once('=') else {
        return Err(EngineError::Caller(format!("'{assignment}' is not of the form KEY=VALUE")));
    };
    let (key, value) = (key.trim(), value.trim());
    let known = settings_of(trainer);
    if !known.iter().any(|setting| setting.name == key) {
        let near = suggest(key, known.iter().map(|setting| setting.name.as_str()));
        return Err(EngineError::Caller(format!("there is no setting '{key}'{near}")));
    }
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut table = settings;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part.to_owned(), parsed);
            break;
        }
        let inner = table.entry(part.to_owned()).or_insert_with(|| toml::Table::new().into());
        let Some(inner) = inner.as_table_mut() else {
            return Err(EngineError::Caller(format!("'{part}' in '{key}' is not a table")));
        };
        table = inner;
    }
    Ok(())
}
