//! What outlives the process: SQLite for facts, a folder for each file.
//!
//! A change and the event that tells of it are one transaction, flushed to the disk before anyone hears of either.

mod collections;
mod events;
mod files;
mod jobs;
mod life;
mod models;
mod presets;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction};
use tokio::sync::broadcast;

use crate::ServeError;
use crate::problem::Outcome;

pub(crate) use collections::Collection;
pub(crate) use events::{Change, Live};
pub(crate) use files::{CODE, FileInfo, FileQuery, NewFile, Role, refused};
pub(crate) use jobs::{Claim, Job, JobQuery, NewJob, Progress, State, Submitted};
pub(crate) use models::Kept;
pub(crate) use presets::Preset;

/// The version of `schema.sql`.
const VERSION: i64 = 2;

/// How many changes a slow reader of events may fall behind before it must read everything again.
const BEHIND: usize = 4096;

/// The store. Cheap to clone; every call blocks for as long as the disk takes.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    /// What is looked up need not wait for what is being flushed to the disk.
    reader: Mutex<Connection>,
    live: broadcast::Sender<Live>,
    folder: PathBuf,
    /// Held for as long as the store is open, so that no second server works in the folder.
    _lock: File,
}

impl Store {
    /// Opens the store in `folder`, which is made where it is not there, and takes back what a stopped server had begun.
    pub(crate) fn open(folder: &Path) -> Result<Self, ServeError> {
        let failed = |what: &Path, e: &dyn std::fmt::Display| ServeError::Data(format!("{}: {e}", what.display()));
        for name in ["files", "incoming", "models", "directions", "runs"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|e| failed(&path, &e))?;
        }
        let folder = folder.canonicalize().map_err(|e| failed(folder, &e))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(|e| failed(&path, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ServeError::InUse(folder.display().to_string())),
            Err(TryLockError::Error(e)) => return Err(failed(&path, &e)),
        }
        let path = folder.join("queue.sqlite");
        let connection = connect(&path).map_err(|e| failed(&path, &e))?;
        let reader = reader(&path).map_err(|e| failed(&path, &e))?;
        let (live, _) = broadcast::channel(BEHIND);
        let (connection, reader) = (Mutex::new(connection), Mutex::new(reader));
        let store = Self(Arc::new(Inner { connection, reader, live, folder, _lock: lock }));
        store.take_back().map_err(|e| failed(&path, &e.detail))?;
        store.sweep().map_err(|e| failed(&path, &e.detail))?;
        Ok(store)
    }

    /// The one connection that writes; a panic elsewhere leaves no transaction behind, since a transaction that is dropped is undone.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that sees all that was committed, and writes nothing.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.0.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change and notes the events that tell of it: all of it or nothing. They are told once it is on the disk.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>, &mut Vec<Change>) -> Outcome<T>) -> Outcome<T> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let mut changes = Vec::new();
        let done = work(&transaction, &mut changes)?;
        transaction.commit()?;
        drop(connection);
        self.publish(changes);
        Ok(done)
    }

    /// Hears of every change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.0.live.subscribe()
    }

    /// Tells of something that is not kept.
    pub(crate) fn tell(&self, live: Live) {
        // Nobody may be listening.
        let _ = self.0.live.send(live);
    }

    /// The folder that holds everything.
    pub(crate) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The folder of what a training job learns.
    pub(crate) fn run_folder(&self, job: &str) -> PathBuf {
        self.0.folder.join("runs").join(job)
    }

    /// A folder for what is not finished; emptied when a server starts.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.0.folder.join("incoming")
    }
}

fn connect(path: &Path) -> Result<Connection, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut connection = Connection::open(path).map_err(text)?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(text)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
    // Full: what a client was told of is on the disk, also after a power cut.
    connection.pragma_update(None, "synchronous", "FULL").map_err(text)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(text)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(text)?;
    match version {
        VERSION => {}
        0 | 1 => {
            let transaction = connection.transaction().map_err(text)?;
            let sql = if version == 0 { include_str!("schema.sql") } else { include_str!("from-1.sql") };
            transaction.execute_batch(sql).map_err(text)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(text)?;
            transaction.commit().map_err(text)?;
        }
        newer => return Err(format!("was written by a newer impasto (version {newer}); update impasto to open it")),
    }
    let state: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(text)?;
    match state.as_str() {
        "ok" => Ok(connection),
        damage => Err(format!("is damaged ({damage}); put it aside and start again, the files stay")),
    }
}

/// A second connection to what [`connect`] opened.
fn reader(path: &Path) -> Result<Connection, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let reader = Connection::open(path).map_err(text)?;
    reader.busy_timeout(std::time::Duration::from_secs(10)).map_err(text)?;
    reader.pragma_update(None, "query_only", true).map_err(text)?;
    Ok(reader)
}

/// Now, as the store writes it.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// A stored time as clients see it (RFC 3339).
pub(crate) fn rfc3339(millis: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    let time = time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// `text` for a LIKE with `\` as its escape: found anywhere.
fn anywhere(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests;
