//! A job's life: one state machine, and nothing changes but through it.
//!
//! ```text
//! queued -> running -> done | failed | cancelled        cancelled, failed -> queued (retry); a training also from done
//!        -> cancelled          running -> queued (the server stopped)
//! ```

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tempfile::TempDir;

use super::events::{Change, note};
use super::files::{self, NewFile};
use super::jobs::{Claim, Job, NewJob, State, Submitted, find};
use super::{Store, now};
use crate::ids;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Train;

/// How often a job is begun before it is believed to be what stops the server.
const ATTEMPTS: u32 = 5;

/// For how many milliseconds whoever runs a job is believed to live.
const LEASE: i64 = 30_000;

/// Moves a job that is in one of the states `from` on to `to`; whether it was.
fn advance(
    transaction: &Transaction<'_>,
    changes: &mut Vec<Change>,
    id: &str,
    from: &[State],
    to: State,
) -> rusqlite::Result<bool> {
    let from: Vec<String> = from.iter().map(|state| format!("'{}'", state.name())).collect();
    let finished = matches!(to, State::Done | State::Failed | State::Cancelled).then(now);
    let sql = format!(
        "UPDATE jobs SET state = ?2, finished = ?3, lease = NULL WHERE id = ?1 AND state IN ({})",
        from.join(", ")
    );
    let moved = transaction.execute(&sql, params![id, to.name(), finished])? > 0;
    if moved {
        changes.push(note(transaction, "job", id)?);
    }
    Ok(moved)
}

/// Why nothing could be done with a job: it is not there, or not in a state for it.
fn refused(connection: &Connection, id: &str, why: &str) -> Outcome<Problem> {
    Ok(match find(connection, id)? {
        Some(_) => Problem::new(Kind::Conflict, why),
        None => Problem::not_found("job"),
    })
}

impl Store {
    /// Puts a job into the queue, unless `most` wait there, or its key says that it is there.
    pub(crate) fn submit(&self, new: &NewJob, most: u64) -> Outcome<Submitted> {
        self.change(|transaction, changes| {
            if let Some(before) = before(transaction, new)? {
                return Ok(Submitted::Before(Box::new(before)));
            }
            let waiting = "SELECT count(*) FROM jobs WHERE state = 'queued'";
            let waiting: u64 = transaction.query_row(waiting, [], |row| row.get(0))?;
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
                if files::find(transaction, file)?.is_none() {
                    return Err(Problem::validation(format!("There is no file {file}.")));
                }
                transaction.execute("INSERT OR IGNORE INTO needs (job, file) VALUES (?1, ?2)", [id.as_str(), file])?;
            }
            changes.push(note(transaction, "job", &id)?);
            let job = find(transaction, &id)?;
            let job = job.ok_or_else(|| Problem::internal("a job that was just queued is gone"))?;
            Ok(Submitted::Queued(Box::new(job)))
        })
    }

    /// Takes the job whose turn it is; where `brief`, one that is no training.
    pub(crate) fn claim(&self, brief: bool) -> Outcome<Option<Claim>> {
        let claimed = self.change(|transaction, changes| {
            let first = "SELECT id, request FROM jobs WHERE state = 'queued' AND NOT (?1 AND kind = ?2)
                         ORDER BY rank, seq LIMIT 1";
            let first: Option<(String, String)> = transaction
                .prepare_cached(first)?
                .query_row(params![brief, Train::KIND], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some((id, _)) = &first {
                transaction.execute(
                    "UPDATE jobs SET state = 'running', started = ?2, attempts = attempts + 1, lease = ?3 WHERE id = ?1",
                    params![id, now(), now() + LEASE],
                )?;
                changes.push(note(transaction, "job", id)?);
            }
            Ok(first)
        })?;
        let Some((id, request)) = claimed else { return Ok(None) };
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

    /// Says that a running job gets on, and would not begin anew: a server that stops says nothing against it.
    pub(crate) fn gets_on(&self, id: &str) -> Outcome<()> {
        self.connection().execute("UPDATE jobs SET attempts = 1 WHERE id = ?1 AND state = 'running'", [id])?;
        Ok(())
    }

    /// Keeps a job's results, whose folders stand in [`Store::incoming`], and ends it: all of it or nothing.
    pub(crate) fn complete(&self, id: &str, results: &[(NewFile, TempDir)], notes: &[String]) -> Outcome<()> {
        for (file, prepared) in results {
            self.move_in(&file.id, prepared.path())?;
        }
        let ended = self.change(|transaction, changes| {
            if !advance(transaction, changes, id, &[State::Running], State::Done)? {
                return Ok(false);
            }
            for (place, (file, _)) in results.iter().enumerate() {
                files::insert(transaction, file, Some((id, place)))?;
                changes.push(note(transaction, "file", &file.id)?);
            }
            transaction.execute("UPDATE jobs SET notes = ?2 WHERE id = ?1", params![id, json(notes)])?;
            Ok(true)
        })?;
        if !ended {
            // Cancelled in the last moment.
            results.iter().for_each(|(file, _)| drop(std::fs::remove_dir_all(self.files_folder().join(&file.id))));
        }
        Ok(())
    }

    /// Ends a job that did not work out.
    pub(crate) fn fail(&self, id: &str, problem: &Problem, notes: &[String]) -> Outcome<()> {
        let problem = serde_json::to_string(problem).map_err(Problem::internal)?;
        self.change(|transaction, changes| {
            if advance(transaction, changes, id, &[State::Running], State::Failed)? {
                let sql = "UPDATE jobs SET problem = ?2, notes = ?3 WHERE id = ?1";
                transaction.execute(sql, params![id, problem, json(notes)])?;
            }
            Ok(())
        })
    }

    /// Ends a job that nobody wants any more, running or not; whether it was unfinished.
    pub(crate) fn cancel(&self, id: &str) -> Outcome<bool> {
        let unfinished = [State::Queued, State::Running];
        self.change(|transaction, changes| Ok(advance(transaction, changes, id, &unfinished, State::Cancelled)?))
    }

    /// Puts a running job back to where it was, since the server stops.
    pub(crate) fn put_back(&self, id: &str) -> Outcome<()> {
        self.change(|transaction, changes| {
            if advance(transaction, changes, id, &[State::Running], State::Queued)? {
                // A server that stops in order says nothing against the job.
                transaction.execute("UPDATE jobs SET attempts = attempts - 1 WHERE id = ?1", [id])?;
            }
            Ok(())
        })
    }

    /// Queues a job again that failed or was cancelled; a training also where it stopped at its time limit.
    pub(crate) fn retry(&self, id: &str) -> Outcome<Job> {
        self.change(|transaction, changes| {
            let training = find(transaction, id)?.is_some_and(|job| job.kind == Train::KIND);
            let over = [State::Failed, State::Cancelled, State::Done];
            if !advance(transaction, changes, id, &over[..if training { 3 } else { 2 }], State::Queued)? {
                return Err(refused(transaction, id, "Only a job that failed or was cancelled is tried again.")?);
            }
            let sql =
                "UPDATE jobs SET attempts = 0, started = NULL, problem = NULL, notes = '[]', rank = 0 WHERE id = ?1";
            transaction.execute(sql, [id])?;
            Ok(())
        })?;
        self.job(id)
    }

    /// Moves a waiting job to the head of the queue.
    pub(crate) fn to_front(&self, id: &str) -> Outcome<Job> {
        self.change(|transaction, changes| {
            let first = "UPDATE jobs SET rank = (SELECT min(rank) - 1 FROM jobs WHERE state = 'queued')
                         WHERE id = ?1 AND state = 'queued'";
            if transaction.execute(first, [id])? == 0 {
                return Err(refused(transaction, id, "It does not wait any more.")?);
            }
            changes.push(note(transaction, "job", id)?);
            Ok(())
        })?;
        self.job(id)
    }

    /// Forgets a job that is over; its results stay. A training is a run, with which what it learnt goes.
    pub(crate) fn forget(&self, id: &str, run: bool) -> Outcome<()> {
        self.change(|transaction, changes| {
            if !run && find(transaction, id)?.is_some_and(|job| job.kind == Train::KIND) {
                let text = "What it learnt would go with it; remove it as a run (DELETE /v1/runs/{id}).";
                return Err(Problem::new(Kind::Conflict, text));
            }
            let sql = "DELETE FROM jobs WHERE id = ?1 AND state IN ('done', 'failed', 'cancelled')";
            if transaction.execute(sql, [id])? == 0 {
                return Err(refused(transaction, id, "It is not over; cancel it first.")?);
            }
            transaction.execute("UPDATE files SET job = NULL WHERE job = ?1", [id])?;
            changes.push(note(transaction, "job", id)?);
            Ok(())
        })
    }

    /// Queues again what a server that is gone had begun; what was begun too often is given up.
    pub(super) fn take_back(&self) -> Outcome<()> {
        let given_up = Problem::new(
            Kind::Interrupted,
            format!("It was begun {ATTEMPTS} times, and the server stopped each time; try it with a smaller picture."),
        );
        let given_up = serde_json::to_string(&given_up).map_err(Problem::internal)?;
        self.change(|transaction, changes| {
            let begun: Vec<(String, u32)> = transaction
                .prepare("SELECT id, attempts FROM jobs WHERE state = 'running'")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (id, attempts) in begun {
                let next = if attempts >= ATTEMPTS { State::Failed } else { State::Queued };
                advance(transaction, changes, &id, &[State::Running], next)?;
                let sql = "UPDATE jobs SET problem = ?2 WHERE id = ?1 AND state = 'failed'";
                transaction.execute(sql, [&id, &given_up])?;
            }
            Ok(())
        })
    }
}

/// The job that was asked for by the same key.
fn before(transaction: &Transaction<'_>, new: &NewJob) -> Outcome<Option<Job>> {
    let Some(key) = &new.key else { return Ok(None) };
    let same = "SELECT id, body FROM jobs WHERE key = ?1";
    let same: Option<(String, String)> =
        transaction.query_row(same, [key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match same {
        Some((id, body)) if body == new.body => Ok(find(transaction, &id)?),
        Some(_) => Err(Problem::validation("This Idempotency-Key was used for another request; use a new one.")),
        None => Ok(None),
    }
}

fn json(notes: &[String]) -> String {
    serde_json::to_string(notes).unwrap_or_default()
}
