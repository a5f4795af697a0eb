//! What changed, in order.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Progress, Store};
use crate::problem::Outcome;

/// How many changes are kept for clients that come back.
const KEPT: i64 = 20_000;

/// What is told to everyone who listens.
#[derive(Debug, Clone)]
pub(crate) enum Live {
    /// Something kept changed.
    Changed(Change),
    /// How far a running job is; not kept.
    Progress(Progress),
}

/// A job or a file that changed, came or went; what it is now is read when it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its number; they only grow.
    pub(crate) seq: i64,
    /// `job` or `file`.
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) subject: String,
}

/// Notes a change; part of the transaction that makes it.
pub(super) fn note(connection: &Connection, kind: &'static str, subject: &str) -> rusqlite::Result<Change> {
    connection.execute("INSERT INTO events (kind, subject) VALUES (?1, ?2)", params![kind, subject])?;
    let seq = connection.last_insert_rowid();
    if seq % 1000 == 0 {
        connection.execute("DELETE FROM events WHERE seq <= ?1", [seq - KEPT])?;
    }
    Ok(Change { seq, kind, subject: subject.to_owned() })
}

impl Store {
    /// The changes after number `after`, oldest first, at most `limit`; `None` where some of them are no longer kept.
    pub(crate) fn changes_after(&self, after: i64, limit: u32) -> Outcome<Option<Vec<Change>>> {
        let connection = self.reader();
        let first: Option<i64> =
            connection.query_row("SELECT min(seq) FROM events", [], |row| row.get(0)).optional()?.flatten();
        let last = last(&connection)?;
        if after > last || (after < last && first.is_none_or(|first| after + 1 < first)) {
            return Ok(None);
        }
        let mut statement =
            connection.prepare_cached("SELECT seq, kind, subject FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let rows = statement.query_map(params![after, limit], |row| {
            let kind = if row.get_ref(1)?.as_str()? == "job" { "job" } else { "file" };
            Ok(Change { seq: row.get(0)?, kind, subject: row.get(2)? })
        })?;
        Ok(Some(rows.collect::<rusqlite::Result<_>>()?))
    }

    /// The number of the last change.
    pub(crate) fn last_change(&self) -> Outcome<i64> {
        Ok(last(&self.reader())?)
    }

    /// Tells of changes that were committed.
    pub(super) fn publish(&self, changes: impl IntoIterator<Item = Change>) {
        changes.into_iter().for_each(|change| self.tell(Live::Changed(change)));
    }
}

/// Numbers go on also where all events were removed.
fn last(connection: &Connection) -> rusqlite::Result<i64> {
    let last = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    Ok(connection.query_row(last, [], |row| row.get(0)).optional()?.unwrap_or(0))
}
