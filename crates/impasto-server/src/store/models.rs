//! Models that were learnt and kept: `models/NAME.safetensors`, and `NAME.md`, its card.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Store, now, refused, rfc3339};
use crate::problem::{Kind, Outcome, Problem};

/// A model that was kept.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Kept {
    /// What requests call it.
    pub(crate) name: String,
    /// Its run's name.
    pub(crate) title: String,
    /// `generator`, `stylizer` or `translator`.
    pub(crate) task: String,
    /// The algorithm.
    pub(crate) algorithm: String,
    /// The artists that it knows.
    pub(crate) artists: Vec<String>,
    /// The run that learnt it.
    pub(crate) run: String,
    /// When it was kept (RFC 3339).
    pub(crate) created: String,
}

const COLUMNS: &str = "name, title, task, algorithm, artists, run, created";

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        name: row.get(0)?,
        title: row.get(1)?,
        task: row.get(2)?,
        algorithm: row.get(3)?,
        artists: serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default(),
        run: row.get(5)?,
        created: rfc3339(row.get(6)?),
    })
}

impl Store {
    /// All, the newest first.
    pub(crate) fn all_kept(&self) -> Outcome<Vec<Kept>> {
        let connection = self.reader();
        let sql = format!("SELECT {COLUMNS} FROM models ORDER BY created DESC, name");
        let mut statement = connection.prepare_cached(&sql)?;
        Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// One of them.
    pub(crate) fn kept(&self, name: &str) -> Outcome<Kept> {
        let connection = self.reader();
        let sql = format!("SELECT {COLUMNS} FROM models WHERE name = ?1");
        let found = connection.prepare_cached(&sql)?.query_row([name], read).optional()?;
        found.ok_or_else(|| Problem::not_found("model"))
    }

    /// Where the weights of a kept model are.
    pub(crate) fn weights_of(&self, name: &str) -> PathBuf {
        self.folder().join("models").join(format!("{name}.safetensors"))
    }

    /// Where its card is.
    pub(crate) fn card_of(&self, name: &str) -> PathBuf {
        self.folder().join("models").join(format!("{name}.md"))
    }

    /// Keeps a model whose weights stand at `weights`, which are moved; its name is checked.
    pub(crate) fn keep_model(&self, kept: &Kept, weights: &Path, card: &str) -> Outcome<Kept> {
        let taken = || Problem::new(Kind::Conflict, format!("There is a model '{}' already.", kept.name));
        if self.kept(&kept.name).is_ok() {
            return Err(taken());
        }
        // Files first: a model in the list has its files, and files without a line are overwritten by the next of the name.
        let written = std::fs::write(self.card_of(&kept.name), card)
            .and_then(|()| std::fs::rename(weights, self.weights_of(&kept.name)));
        written.map_err(|e| refused(&e))?;
        let artists = serde_json::to_string(&kept.artists).map_err(Problem::internal)?;
        let Kept { name, title, task, algorithm, run, .. } = kept;
        let sql = "INSERT OR IGNORE INTO models (name, title, task, algorithm, artists, run, created)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let added = self.connection().execute(sql, params![name, title, task, algorithm, artists, run, now()])?;
        if added == 0 { Err(taken()) } else { self.kept(name) }
    }

    /// Forgets a kept model.
    pub(crate) fn forget_model(&self, name: &str) -> Outcome<()> {
        if self.connection().execute("DELETE FROM models WHERE name = ?1", [name])? == 0 {
            return Err(Problem::not_found("model"));
        }
        // Without its line it is no longer there.
        for path in [
            self.weights_of(name),
            self.card_of(name),
            self.folder().join("directions").join(format!("{name}.safetensors")),
        ] {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}
