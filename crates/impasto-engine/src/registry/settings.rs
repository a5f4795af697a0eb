//! Settings by name: one serde struct is the only declaration; its doc comments are the help.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::suggest;
use crate::error::{EngineError, Result};

/// A settings struct whose type is known to its algorithm only.
#[derive(Debug, Clone, Copy)]
pub struct SettingsType {
    pub(super) complete: fn(&toml::Table) -> Result<toml::Table, String>,
    pub(super) schema: fn() -> Value,
}

/// One setting, for help texts and forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name; nested ones are dotted (`network.blocks`).
    pub name: String,
    /// Its default, as TOML.
    pub default: String,
    /// What it does.
    pub about: String,
}

impl SettingsType {
    /// The type of `S`, which must serialise as a table.
    pub(super) const fn of<S: Serialize + DeserializeOwned + schemars::JsonSchema>() -> Self {
        Self { complete: complete::<S>, schema: || schemars::schema_for!(S).to_value() }
    }

    /// As [`SettingsType::of`], where the default of `S` has other values in its tables than the tables' own defaults are.
    pub(super) const fn over<S: Serialize + DeserializeOwned + Default + schemars::JsonSchema>() -> Self {
        Self { complete: complete_over::<S>, schema: || schemars::schema_for!(S).to_value() }
    }

    /// Fills in defaults.
    ///
    /// # Errors
    /// A line that names the first setting that is unknown or of a wrong type.
    pub fn complete(&self, settings: &toml::Table) -> Result<toml::Table, String> {
        (self.complete)(settings)
    }

    /// JSON Schema of the settings.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// All settings in the order of their names.
    pub fn list(&self) -> Vec<Setting> {
        let schema = self.schema();
        let defaults = self.complete(&toml::Table::new()).unwrap_or_default();
        let mut found = Vec::new();
        collect(&schema, &schema, &defaults, "", &mut found);
        found
    }

    /// Applies one `KEY=VALUE` to `settings`: the key dotted, the value TOML (`0.5`, `[8, 16]`), taken as a text where
    /// it is not.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for a missing `=` or an unknown key, with near ones.
    pub fn assign(&self, settings: &mut toml::Table, assignment: &str) -> Result<()> {
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(EngineError::Caller(format!("'{assignment}' is not of the form KEY=VALUE")));
        };
        let (key, value) = (key.trim(), value.trim());
        let known = self.list();
        // A whole table may be given at once; its own keys are checked when the settings are completed.
        let inside = |name: &str| name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !known.iter().any(|setting| inside(&setting.name)) {
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
}

/// Fills in the defaults of `S`.
pub(super) fn complete<S: Serialize + DeserializeOwned>(settings: &toml::Table) -> Result<toml::Table, String> {
    // Through the text, so that an f32 of 0.002 stays 0.002 instead of becoming the nearest f64.
    let text = toml::to_string(&typed::<S>(settings)?).map_err(|e| e.to_string())?;
    toml::from_str(&text).map_err(|e| e.to_string())
}

/// Fills in what `S` is by default, also where only a part of one of its tables is given.
fn complete_over<S: Serialize + DeserializeOwned + Default>(settings: &toml::Table) -> Result<toml::Table, String> {
    let mut usual = complete::<S>(&toml::Table::new())?;
    overlay(&mut usual, settings.clone());
    complete::<S>(&usual)
}

/// Puts `given` over settings, one by one also within tables.
pub(crate) fn overlay(settings: &mut toml::Table, given: toml::Table) {
    for (name, value) in given {
        match (settings.get_mut(&name), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => drop(settings.insert(name, value)),
        }
    }
}

/// The settings struct that `settings` stand for.
pub(super) fn typed<S: DeserializeOwned>(settings: &toml::Table) -> Result<S, String> {
    settings.clone().try_into().map_err(|e: toml::de::Error| e.to_string().lines().collect::<Vec<_>>().join(" "))
}

fn collect(root: &Value, schema: &Value, defaults: &toml::Table, prefix: &str, found: &mut Vec<Setting>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        let full = format!("{prefix}{name}");
        match defaults.get(name) {
            Some(toml::Value::Table(inner)) => {
                let target =
                    property.get("$ref").and_then(Value::as_str).and_then(|r| root.pointer(r.strip_prefix('#')?));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::fusion::FusionTraining;

    const SETTINGS: SettingsType = SettingsType::of::<FusionTraining>();

    #[test]
    fn assignments_are_typed_checked_and_nested() {
        let mut table = toml::Table::new();
        for assignment in ["rate=0.5", "network.widths = [4, 4, 4, 4]", "steps=7"] {
            SETTINGS.assign(&mut table, assignment).unwrap();
        }
        let full = SETTINGS.complete(&table).unwrap();
        assert_eq!(full["rate"].as_float(), Some(0.5));
        assert_eq!(full["network"]["widths"].as_array().unwrap().len(), 4);
        assert_eq!(full["discriminator_rate"].to_string(), "0.0001");
        let error = SETTINGS.assign(&mut table, "bacth=3").unwrap_err().to_string();
        assert!(error.contains("did you mean 'batch'"), "{error}");
        assert!(SETTINGS.assign(&mut table, "batch").is_err());
        SETTINGS.assign(&mut table, "steps=many").unwrap();
        let error = SETTINGS.complete(&table).unwrap_err();
        assert!(error.contains("steps") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn every_setting_says_what_it_does() {
        for setting in SETTINGS.list() {
            assert!(!setting.about.is_empty() && !setting.default.is_empty(), "{setting:?}");
        }
    }
}
