//! Collections: pictures to learn from, by a name.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::files::{CODE, COLUMNS, read};
use super::{FileInfo, Store, now, rfc3339};
use crate::ids;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Shelf;

/// Pictures that a collection shows of itself.
const COVERS: u32 = 6;

/// A collection, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Collection {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made (RFC 3339).
    pub(crate) created: String,
    /// How many pictures it holds.
    pub(crate) pictures: u64,
    /// Ids of a few of them.
    pub(crate) covers: Vec<String>,
}

fn collection(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Collection> {
    let id: String = row.get(0)?;
    let count = "SELECT count(*) FROM members WHERE collection = ?1";
    let pictures = connection.prepare_cached(count)?.query_row([&id], |row| row.get(0))?;
    let some = "SELECT file FROM members WHERE collection = ?1 ORDER BY file LIMIT ?2";
    let mut some = connection.prepare_cached(some)?;
    let covers = some.query_map(params![id, COVERS], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Collection { name: row.get(1)?, created: rfc3339(row.get(2)?), pictures, covers, id })
}

/// A name that another collection has.
fn taken(error: rusqlite::Error, name: &str) -> Problem {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Problem::new(Kind::Conflict, format!("There is a collection '{}' already.", name.escape_debug()))
        }
        _ => error.into(),
    }
}

impl Store {
    /// All collections, the newest first.
    pub(crate) fn collections(&self) -> Outcome<Vec<Collection>> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached("SELECT id, name, created FROM collections ORDER BY seq DESC")?;
        let rows = statement.query_map([], |row| collection(&connection, row))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One of them.
    pub(crate) fn collection_of(&self, id: &str) -> Outcome<Collection> {
        let connection = self.reader();
        let sql = "SELECT id, name, created FROM collections WHERE id = ?1";
        let found = connection.prepare_cached(sql)?.query_row([id], |row| collection(&connection, row)).optional()?;
        found.ok_or_else(|| Problem::not_found("collection"))
    }

    /// A new one.
    pub(crate) fn collect(&self, name: &str) -> Outcome<Collection> {
        let id = ids::fresh("c_");
        let sql = "INSERT INTO collections (id, name, created) VALUES (?1, ?2, ?3)";
        self.connection().execute(sql, params![id, name, now()]).map_err(|e| taken(e, name))?;
        self.collection_of(&id)
    }

    /// Gives one another name.
    pub(crate) fn rename_collection(&self, id: &str, name: &str) -> Outcome<Collection> {
        let sql = "UPDATE collections SET name = ?2 WHERE id = ?1";
        self.connection().execute(sql, [id, name]).map_err(|e| taken(e, name))?;
        self.collection_of(id)
    }

    /// Puts pictures into one and takes others out.
    pub(crate) fn change_collection(&self, id: &str, add: &[String], remove: &[String]) -> Outcome<Collection> {
        self.collection_of(id)?;
        self.change(|transaction, _| {
            for file in add {
                if super::files::find(transaction, file)?.is_none() {
                    return Err(Problem::validation(format!("There is no file {}.", file.escape_debug())));
                }
                let sql = "INSERT OR IGNORE INTO members (collection, file) VALUES (?1, ?2)";
                transaction.execute(sql, [id, file.as_str()])?;
            }
            for file in remove {
                transaction.execute("DELETE FROM members WHERE collection = ?1 AND file = ?2", [id, file.as_str()])?;
            }
            Ok(())
        })?;
        self.collection_of(id)
    }

    /// Forgets one, and the pictures that were uploaded to learn from and that no other holds.
    pub(crate) fn forget_collection(&self, id: &str) -> Outcome<()> {
        let held: Vec<FileInfo> = self.members(id)?;
        if self.connection().execute("DELETE FROM collections WHERE id = ?1", [id])? == 0 {
            return Err(Problem::not_found("collection"));
        }
        for file in held.into_iter().filter(|file| file.role == super::Role::Data) {
            let still = "SELECT EXISTS (SELECT 1 FROM members WHERE file = ?1)";
            let still: bool = self.reader().query_row(still, [&file.id], |row| row.get(0))?;
            if !still {
                // One that a job needs stays.
                let _ = self.remove_file(&file.id);
            }
        }
        Ok(())
    }

    /// The pictures of a collection, in a fixed order.
    pub(crate) fn members(&self, id: &str) -> Outcome<Vec<FileInfo>> {
        let connection = self.reader();
        let sql = format!(
            "SELECT {COLUMNS} FROM files WHERE id IN (SELECT file FROM members WHERE collection = ?1) ORDER BY seq"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        Ok(statement.query_map([id], read)?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Shelf for Store {
    fn picture(&self, id: &str) -> Outcome<PathBuf> {
        let file =
            self.file(id).map_err(|_| Problem::validation(format!("There is no file {}.", id.escape_debug())))?;
        Ok(self.path_of(&file))
    }

    fn code(&self, id: &str) -> Outcome<PathBuf> {
        let file =
            self.file(id).map_err(|_| Problem::validation(format!("There is no file {}.", id.escape_debug())))?;
        match file.code {
            true => Ok(self.shown(id, CODE)),
            false => Err(Problem::validation(format!(
                "{} lies in no generator's space; look for it by 'project'",
                file.name
            ))),
        }
    }

    fn model(&self, name: &str) -> Outcome<PathBuf> {
        self.kept(name).map(|kept| self.weights_of(&kept.name))
    }

    fn artists(&self, model: &str) -> Outcome<Vec<String>> {
        self.kept(model).map(|kept| kept.artists)
    }

    fn directions(&self, model: &str) -> PathBuf {
        // A model's name is one of a list before it comes here; anything else would be no file's name.
        let plain: String = model.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        self.folder().join("directions").join(format!("{plain}.safetensors"))
    }

    fn collection(&self, id: &str) -> Outcome<()> {
        let missing = |_| Problem::validation(format!("There is no collection {}.", id.escape_debug()));
        match self.collection_of(id).map_err(missing)? {
            collection if collection.pictures > 0 => Ok(()),
            collection => Err(Problem::validation(format!("The collection '{}' is empty.", collection.name))),
        }
    }
}
