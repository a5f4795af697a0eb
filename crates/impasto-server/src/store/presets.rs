//! Settings that are kept by a name.

use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use crate::problem::{Outcome, Problem};

/// Settings by a name.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Preset {
    /// The name.
    pub(crate) name: String,
    /// A request without its picture.
    pub(crate) request: serde_json::Value,
}

impl Store {
    /// All, by name.
    pub(crate) fn presets(&self) -> Outcome<Vec<Preset>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT name, request FROM presets ORDER BY name")?;
        let rows = statement.query_map([], |row| {
            let request = serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default();
            Ok(Preset { name: row.get(0)?, request })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Keeps one, in place of what had its name.
    pub(crate) fn keep_preset(&self, preset: &Preset) -> Outcome<()> {
        let sql = "INSERT INTO presets (name, request) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET request = ?2";
        self.connection().execute(sql, [&preset.name, &preset.request.to_string()])?;
        Ok(())
    }

    /// Forgets one.
    pub(crate) fn forget_preset(&self, name: &str) -> Outcome<()> {
        match self.connection().execute("DELETE FROM presets WHERE name = ?1", [name])? {
            0 => Err(Problem::not_found("preset")),
            _ => Ok(()),
        }
    }
}
