//! Settings that are kept by a name.

use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use crate::problem::{Outcome, Problem};
use crate::request::Request;

/// Settings by a name.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Preset {
    /// The name.
    pub(crate) name: String,
    /// A request without its picture.
    pub(crate) request: Request,
}

impl Store {
    /// All that this version understands, by name.
    pub(crate) fn presets(&self) -> Outcome<Vec<Preset>> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached("SELECT name, request FROM presets ORDER BY name")?;
        let rows = statement.query_map([], |row| {
            let request = serde_json::from_str(row.get_ref(1)?.as_str()?).ok();
            let name = row.get(0)?;
            Ok(request.map(|request| Preset { name, request }))
        })?;
        Ok(rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?)
    }

    /// Keeps one, in place of what had its name.
    pub(crate) fn keep_preset(&self, preset: &Preset) -> Outcome<()> {
        let sql = "INSERT INTO presets (name, request) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET request = ?2";
        let request = serde_json::to_string(&preset.request).map_err(Problem::internal)?;
        self.connection().execute(sql, [&preset.name, &request])?;
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
