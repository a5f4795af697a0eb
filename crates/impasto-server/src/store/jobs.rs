//! The queue: one state machine for every job's life.
//!
//! ```text
//! queued -> running -> done | failed | cancelled        cancelled, failed -> queued (retry)
//!        -> cancelled          running -> queued (the server stopped)
//! ```

use std::str::FromStr;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use utoipa::ToSchema;

use super::events::{Change, note};
use super::files::{self, FileInfo, NewFile};
use super::{Store, now, rfc3339};
use crate::ids;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Request;

/// How often a job is begun before it is believed to be what stops the server.
const ATTEMPTS: u32 = 5;

/// For how many milliseconds whoever runs a job is believed to live.
const LEASE: i64 = 30_000;

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Waits.
    Queued,
    /// Is worked on.
    Running,
    /// Its results are there.
    Done,
    /// Its problem says why.
    Failed,
    /// Someone did not want it any more.
    Cancelled,
}

impl State {
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for State {
    type Err = Problem;

    fn from_str(text: &str) -> Outcome<Self> {
        let unknown = || Problem::validation("state is queued, running, done, failed or cancelled");
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(unknown)
    }
}

/// How far a running job is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// The job.
    pub(crate) job: String,
    /// What is being done, for people.
    pub(crate) stage: String,
    /// Steps done.
    pub(crate) done: u64,
    /// Steps in all; 0 where nobody knows.
    pub(crate) total: u64,
    /// One line with figures; may be empty.
    pub(crate) message: String,
    /// Seconds left of this stage.
    pub(crate) eta_s: Option<f64>,
}

/// A job, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Job {
    /// Its id.
    pub(crate) id: String,
    /// The kind of its request.
    pub(crate) kind: String,
    /// For people.
    pub(crate) title: String,
    /// The label of the jobs that it belongs to.
    pub(crate) batch: Option<String>,
    /// Where it is in its life.
    pub(crate) state: State,
    /// When it was asked for (RFC 3339).
    pub(crate) created: String,
    /// When its present attempt began.
    pub(crate) started: Option<String>,
    /// When it was over.
    pub(crate) finished: Option<String>,
    /// How often it was begun.
    pub(crate) attempts: u32,
    /// How many jobs wait before it, where it waits.
    pub(crate) ahead: Option<u64>,
    /// How far it is, where it runs.
    pub(crate) progress: Option<Progress>,
    /// What a person should know of it.
    pub(crate) notes: Vec<String>,
    /// What was asked for.
    pub(crate) request: Request,
    /// What it made.
    pub(crate) results: Vec<FileInfo>,
    /// Why it failed.
    pub(crate) problem: Option<Problem>,
}

/// A job to be queued.
#[derive(Debug, Clone)]
pub(crate) struct NewJob {
    pub(crate) request: Request,
    pub(crate) title: String,
    pub(crate) batch: Option<String>,
    /// What a client calls its wish, so that asking twice queues once.
    pub(crate) key: Option<String>,
    /// The hash of what it asked.
    pub(crate) body: String,
}

/// What became of a [`NewJob`].
#[derive(Debug)]
pub(crate) enum Submitted {
    /// It is in the queue.
    Queued(Box<Job>),
    /// It was asked for before.
    Before(Box<Job>),
}

/// A job that is to be worked on.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) request: Request,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobQuery {
    pub(crate) states: Vec<State>,
    pub(crate) batch: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) limit: u32,
}

const COLUMNS: &str =
    "id, kind, title, batch, state, created, started, finished, attempts, request, notes, problem, rank, seq";

fn read(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Job> {
    let (id, state): (String, String) = (row.get(0)?, row.get(4)?);
    let state = State::ALL.into_iter().find(|known| known.name() == state).unwrap_or(State::Failed);
    let json =
        |e: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, e.into());
    let ahead = "SELECT count(*) FROM jobs WHERE state = 'queued' AND (rank, seq) < (?1, ?2)";
    let (rank, seq): (i64, i64) = (row.get(12)?, row.get(13)?);
    let ahead = match state {
        State::Queued => Some(connection.prepare_cached(ahead)?.query_row([rank, seq], |row| row.get(0))?),
        _ => None,
    };
    Ok(Job {
        results: files::results_of(connection, &id)?,
        id,
        kind: row.get(1)?,
        title: row.get(2)?,
        batch: row.get(3)?,
        state,
        created: rfc3339(row.get(5)?),
        started: row.get::<_, Option<i64>>(6)?.map(rfc3339),
        finished: row.get::<_, Option<i64>>(7)?.map(rfc3339),
        attempts: row.get(8)?,
        ahead,
        progress: None,
        request: serde_json::from_str(row.get_ref(9)?.as_str()?).map_err(json)?,
        notes: serde_json::from_str(row.get_ref(10)?.as_str()?).unwrap_or_default(),
        problem: row.get_ref(11)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok()),
    })
}

fn find(connection: &Connection, column: &str, value: &str) -> rusqlite::Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE {column} = ?1");
    connection.prepare_cached(&sql)?.query_row([value], |row| read(connection, row)).optional()
}

/// Moves a job that is in one of the states `from` on to `to`; whether it was.
fn advance(transaction: &Transaction<'_>, id: &str, from: &[State], to: State) -> rusqlite::Result<Option<Change>> {
    let from: Vec<String> = from.iter().map(|state| format!("'{}'", state.name())).collect();
    let finished = matches!(to, State::Done | State::Failed | State::Cancelled).then(now);
    let sql = format!(
        "UPDATE jobs SET state = ?2, finished = ?3, lease = NULL WHERE id = ?1 AND state IN ({})",
        from.join(", ")
    );
    match transaction.execute(&sql, params![id, to.name(), finished])? {
        0 => Ok(None),
        _ => note(transaction, "job", id).map(Some),
    }
}

impl Store {
    /// A job.
    pub(crate) fn job(&self, id: &str) -> Outcome<Job> {
        find(&self.connection(), "id", id)?.ok_or_else(|| Problem::not_found("job"))
    }

    /// Puts a job into the queue, unless `most` wait there, or its key says that it is there.
    pub(crate) fn submit(&self, new: &NewJob, most: u64) -> Outcome<Submitted> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        if let Some(key) = &new.key {
            let same = "SELECT id, body FROM jobs WHERE key = ?1";
            let before: Option<(String, String)> =
                transaction.query_row(same, [key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            match before {
                Some((id, body)) if body == new.body => {
                    let job = find(&transaction, "id", &id)?.ok_or_else(|| Problem::not_found("job"))?;
                    return Ok(Submitted::Before(Box::new(job)));
                }
                Some(_) => {
                    let text = "This Idempotency-Key was used for another request; use a new one.";
                    return Err(Problem::validation(text));
                }
                None => {}
            }
        }
        let waiting: u64 =
            transaction.query_row("SELECT count(*) FROM jobs WHERE state = 'queued'", [], |row| row.get(0))?;
        if waiting >= most {
            return Err(Problem::new(Kind::TooManyRequests, format!("{waiting} jobs wait already.")));
        }
        let id = ids::fresh("j_");
        let request = serde_json::to_string(&new.request).map_err(Problem::internal)?;
        transaction.execute(
            "INSERT INTO jobs (id, kind, title, batch, state, rank, created, request, key, body)
             VALUES (?1, ?2, ?3, ?4, 'queued', 0, ?5, ?6, ?7, ?8)",
            params![id, new.request.kind(), new.title, new.batch, now(), request, new.key, new.body],
        )?;
        for file in new.request.files() {
            // Asked again here, in the transaction: it may have been removed since the request was checked.
            if files::find(&transaction, file)?.is_none() {
                return Err(Problem::validation(format!("There is no file {file}.")));
            }
            transaction.execute("INSERT OR IGNORE INTO needs (job, file) VALUES (?1, ?2)", [id.as_str(), file])?;
        }
        let change = note(&transaction, "job", &id)?;
        let job =
            find(&transaction, "id", &id)?.ok_or_else(|| Problem::internal("a job that was just queued is gone"))?;
        transaction.commit()?;
        drop(connection);
        self.publish([change]);
        Ok(Submitted::Queued(Box::new(job)))
    }

    /// Jobs, the newest first, and where the next page begins.
    pub(crate) fn jobs(&self, query: &JobQuery) -> Outcome<(Vec<Job>, Option<String>)> {
        let mut sql = format!("SELECT {COLUMNS} FROM jobs WHERE 1");
        let mut values: Vec<Value> = Vec::new();
        if !query.states.is_empty() {
            let states: Vec<String> = query.states.iter().map(|state| format!("'{}'", state.name())).collect();
            sql += &format!(" AND state IN ({})", states.join(", "));
        }
        if let Some(batch) = &query.batch {
            sql += " AND batch = ?";
            values.push(batch.clone().into());
        }
        if let Some(before) = &query.before {
            sql += " AND seq < (SELECT seq FROM jobs WHERE id = ?)";
            values.push(before.clone().into());
        }
        sql += " ORDER BY seq DESC LIMIT ?";
        values.push(i64::from(query.limit + 1).into());
        let connection = self.connection();
        let mut statement = connection.prepare(&sql)?;
        let mut jobs: Vec<Job> = statement
            .query_map(params_from_iter(values), |row| read(&connection, row))?
            .collect::<rusqlite::Result<_>>()?;
        let more = jobs.len() > query.limit as usize;
        jobs.truncate(query.limit as usize);
        let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
        Ok((jobs, next))
    }

    /// How many jobs are in each state.
    pub(crate) fn counts(&self) -> Outcome<Vec<(&'static str, u64)>> {
        let connection = self.connection();
        let count = |state: State| -> rusqlite::Result<(&'static str, u64)> {
            let sql = "SELECT count(*) FROM jobs WHERE state = ?1";
            let count = connection.prepare_cached(sql)?.query_row([state.name()], |row| row.get(0))?;
            Ok((state.name(), count))
        };
        Ok(State::ALL.into_iter().map(count).collect::<rusqlite::Result<_>>()?)
    }

    /// Takes the job whose turn it is.
    pub(crate) fn claim(&self) -> Outcome<Option<Claim>> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let first = "SELECT id, request FROM jobs WHERE state = 'queued' ORDER BY rank, seq LIMIT 1";
        let first: Option<(String, String)> =
            transaction.query_row(first, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((id, request)) = first else { return Ok(None) };
        transaction.execute(
            "UPDATE jobs SET state = 'running', started = ?2, attempts = attempts + 1, lease = ?3 WHERE id = ?1",
            params![id, now(), now() + LEASE],
        )?;
        let change = note(&transaction, "job", &id)?;
        transaction.commit()?;
        drop(connection);
        self.publish([change]);
        match serde_json::from_str(&request) {
            Ok(request) => Ok(Some(Claim { id, request })),
            // Written by another version: said once, and not tried again.
            Err(e) => {
                self.fail(&id, &Problem::validation(format!("This version does not know such a request: {e}")), &[])?;
                Ok(None)
            }
        }
    }

    /// Says that whoever runs a job lives.
    pub(crate) fn beat(&self, id: &str) -> Outcome<()> {
        let sql = "UPDATE jobs SET lease = ?2 WHERE id = ?1 AND state = 'running'";
        self.connection().execute(sql, params![id, now() + LEASE])?;
        Ok(())
    }

    /// Keeps a job's results, whose folders stand in [`Store::incoming`], and ends it: all of it or nothing.
    pub(crate) fn complete(&self, id: &str, results: &[(NewFile, TempDir)], notes: &[String]) -> Outcome<()> {
        for (file, prepared) in results {
            self.move_in(&file.id, prepared.path())?;
        }
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let Some(change) = advance(&transaction, id, &[State::Running], State::Done)? else {
            // Cancelled in the last moment.
            results.iter().for_each(|(file, _)| drop(std::fs::remove_dir_all(self.files_folder().join(&file.id))));
            return Ok(());
        };
        let mut changes = vec![change];
        for (place, (file, _)) in results.iter().enumerate() {
            files::insert(&transaction, file, Some((id, place)))?;
            changes.push(note(&transaction, "file", &file.id)?);
        }
        transaction.execute("UPDATE jobs SET notes = ?2 WHERE id = ?1", params![id, json(notes)])?;
        transaction.commit()?;
        drop(connection);
        self.publish(changes);
        Ok(())
    }

    /// Ends a job that did not work out.
    pub(crate) fn fail(&self, id: &str, problem: &Problem, notes: &[String]) -> Outcome<()> {
        let problem = serde_json::to_string(problem).map_err(Problem::internal)?;
        self.finish(id, State::Failed, |transaction| {
            let sql = "UPDATE jobs SET problem = ?2, notes = ?3 WHERE id = ?1";
            transaction.execute(sql, params![id, problem, json(notes)]).map(drop)
        })
    }

    /// Ends a job that nobody wants any more, running or not; whether it was unfinished.
    pub(crate) fn cancel(&self, id: &str) -> Outcome<bool> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let change = advance(&transaction, id, &[State::Queued, State::Running], State::Cancelled)?;
        transaction.commit()?;
        drop(connection);
        let was = change.is_some();
        self.publish(change);
        Ok(was)
    }

    fn finish(
        &self,
        id: &str,
        state: State,
        also: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Outcome<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let change = advance(&transaction, id, &[State::Running], state)?;
        if change.is_some() {
            also(&transaction)?;
        }
        transaction.commit()?;
        drop(connection);
        self.publish(change);
        Ok(())
    }

    /// Puts a running job back to where it was, since the server stops.
    pub(crate) fn put_back(&self, id: &str) -> Outcome<()> {
        self.finish(id, State::Queued, |transaction| {
            // A server that stops in order says nothing against the job.
            transaction.execute("UPDATE jobs SET attempts = attempts - 1 WHERE id = ?1", [id]).map(drop)
        })
    }

    /// Queues a job again that failed or was cancelled.
    pub(crate) fn retry(&self, id: &str) -> Outcome<Job> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        if find(&transaction, "id", id)?.is_none() {
            return Err(Problem::not_found("job"));
        }
        let Some(change) = advance(&transaction, id, &[State::Failed, State::Cancelled], State::Queued)? else {
            return Err(Problem::new(Kind::Conflict, "Only a job that failed or was cancelled is tried again."));
        };
        let sql = "UPDATE jobs SET attempts = 0, started = NULL, problem = NULL, notes = '[]', rank = 0 WHERE id = ?1";
        transaction.execute(sql, [id])?;
        transaction.commit()?;
        drop(connection);
        self.publish([change]);
        self.job(id)
    }

    /// Moves a waiting job to the head of the queue.
    pub(crate) fn to_front(&self, id: &str) -> Outcome<Job> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let first = "UPDATE jobs SET rank = (SELECT min(rank) - 1 FROM jobs WHERE state = 'queued')
                     WHERE id = ?1 AND state = 'queued'";
        if transaction.execute(first, [id])? == 0 {
            return Err(match find(&transaction, "id", id)? {
                Some(_) => Problem::new(Kind::Conflict, "It does not wait any more."),
                None => Problem::not_found("job"),
            });
        }
        let change = note(&transaction, "job", id)?;
        transaction.commit()?;
        drop(connection);
        self.publish([change]);
        self.job(id)
    }

    /// Forgets a job that is over; its results stay.
    pub(crate) fn forget(&self, id: &str) -> Outcome<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let sql = "DELETE FROM jobs WHERE id = ?1 AND state IN ('done', 'failed', 'cancelled')";
        if transaction.execute(sql, [id])? == 0 {
            return Err(match find(&transaction, "id", id)? {
                Some(_) => Problem::new(Kind::Conflict, "It is not over; cancel it first."),
                None => Problem::not_found("job"),
            });
        }
        transaction.execute("UPDATE files SET job = NULL WHERE job = ?1", [id])?;
        let change = note(&transaction, "job", id)?;
        transaction.commit()?;
        drop(connection);
        self.publish([change]);
        Ok(())
    }

    /// Queues again what a server that is gone had begun; what was begun too often is given up.
    pub(super) fn take_back(&self) -> Outcome<()> {
        let given_up = Problem::new(
            Kind::Interrupted,
            format!("It was begun {ATTEMPTS} times, and the server stopped each time; try it with a smaller picture."),
        );
        let given_up = serde_json::to_string(&given_up).map_err(Problem::internal)?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let begun: Vec<String> = transaction
            .prepare("SELECT id FROM jobs WHERE state = 'running'")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let sql = "UPDATE jobs SET problem = ?2 WHERE id = ?1 AND state = 'failed'";
        for id in begun {
            let attempts = "SELECT attempts FROM jobs WHERE id = ?1";
            let attempts: u32 = transaction.query_row(attempts, [&id], |row| row.get(0))?;
            let next = if attempts >= ATTEMPTS { State::Failed } else { State::Queued };
            advance(&transaction, &id, &[State::Running], next)?;
            transaction.execute(sql, [&id, &given_up])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn json(notes: &[String]) -> String {
    serde_json::to_string(notes).unwrap_or_default()
}
