//! The queue: what jobs are, and how they are found. What becomes of them is in `life`.

use std::str::FromStr;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::files::{self, FileInfo};
use super::{Store, rfc3339};
use crate::problem::{Outcome, Problem};
use crate::request::Request;

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
    pub(crate) kind: Option<&'static str>,
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

pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], |row| read(connection, row)).optional()
}

impl Store {
    /// A job.
    pub(crate) fn job(&self, id: &str) -> Outcome<Job> {
        find(&self.reader(), id)?.ok_or_else(|| Problem::not_found("job"))
    }

    /// Jobs, the newest first, and where the next page begins.
    pub(crate) fn jobs(&self, query: &JobQuery) -> Outcome<(Vec<Job>, Option<String>)> {
        let mut sql = format!("SELECT {COLUMNS} FROM jobs WHERE 1");
        let mut values: Vec<Value> = Vec::new();
        if !query.states.is_empty() {
            let states: Vec<String> = query.states.iter().map(|state| format!("'{}'", state.name())).collect();
            sql += &format!(" AND state IN ({})", states.join(", "));
        }
        if let Some(kind) = query.kind {
            sql += " AND kind = ?";
            values.push(kind.to_owned().into());
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
        let connection = self.reader();
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
        let connection = self.reader();
        let count = |state: State| -> rusqlite::Result<(&'static str, u64)> {
            let sql = "SELECT count(*) FROM jobs WHERE state = ?1";
            let count = connection.prepare_cached(sql)?.query_row([state.name()], |row| row.get(0))?;
            Ok((state.name(), count))
        };
        Ok(State::ALL.into_iter().map(count).collect::<rusqlite::Result<_>>()?)
    }
}
