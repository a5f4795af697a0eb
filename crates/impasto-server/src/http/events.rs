//! Server-sent events: what changed, as it changes, and from where a client left off.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use utoipa::IntoParams;

use super::app::App;
use super::ask::{Id, Wish};
use crate::problem::{Kind, Outcome, Problem};
use crate::store::{Change, Live};

/// How often a silent stream says that it lives.
const PULSE: Duration = Duration::from_secs(15);

/// Most changes that a client is told of at once when it comes back.
const BACKLOG: u32 = 5000;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsWish {
    /// The id of the last event that was seen, as in the header Last-Event-ID.
    after: Option<i64>,
}

/// One client's stream.
struct Feed {
    app: Arc<App>,
    /// Only what belongs to this job.
    job: Option<String>,
    live: broadcast::Receiver<Live>,
    closing: watch::Receiver<bool>,
    pending: VecDeque<Event>,
    /// The last change that was told.
    last: i64,
    _turn: OwnedSemaphorePermit,
}

/// What changes: `job`, `progress`, `file`, `job-gone`, `file-gone`; `reset` where a gap is too long to be filled.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsWish),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub(super) async fn all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Wish(wish): Wish<EventsWish>,
) -> Outcome<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    open(app, None, &headers, wish.after).await
}

/// The same of one job and its results.
#[utoipa::path(get, path = "/v1/jobs/{id}/events", tag = "events", params(("id" = String, Path), EventsWish),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 404, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn of_job(
    State(app): State<Arc<App>>,
    Id(id): Id,
    headers: HeaderMap,
    Wish(wish): Wish<EventsWish>,
) -> Outcome<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let known = id.clone();
    app.ask(move |app| app.store.job(&known)).await?;
    open(app, Some(id), &headers, wish.after).await
}

async fn open(
    app: Arc<App>,
    job: Option<String>,
    headers: &HeaderMap,
    after: Option<i64>,
) -> Outcome<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>> {
    let turn = Arc::clone(&app.streams).try_acquire_owned();
    let turn = turn.map_err(|_| Problem::new(Kind::TooManyRequests, "Too many clients listen already."))?;
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    // The header is newer: a browser that connects again repeats the query it began with.
    let after: Option<i64> = header.or(after);
    // Listening comes before reading, so that nothing falls between.
    let (live, closing) = (app.store.subscribe(), app.closing.subscribe());
    let mut feed = Feed { app, job, live, closing, pending: VecDeque::new(), last: 0, _turn: turn };
    feed.catch_up(after).await?;
    let stream = unfold(feed, |mut feed| async move { feed.next().await.map(|event| (Ok(event), feed)) });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(PULSE)))
}

impl Feed {
    /// Puts what happened after a change into what is to be told; without one only where the changes stand.
    async fn catch_up(&mut self, after: Option<i64>) -> Outcome<()> {
        let (last, missed) = self
            .app
            .ask(move |app| {
                let missed = after.map(|after| app.store.changes_after(after, BACKLOG)).transpose()?;
                Ok((app.store.last_change()?, missed))
            })
            .await?;
        match missed {
            None => self.mark("hello", last),
            Some(None) => self.mark("reset", last),
            Some(Some(missed)) if missed.len() >= BACKLOG as usize => self.mark("reset", last),
            Some(Some(missed)) => {
                self.last = after.unwrap_or_default();
                for change in missed {
                    self.take(change).await?;
                }
            }
        }
        Ok(())
    }

    fn mark(&mut self, name: &str, last: i64) {
        self.last = last;
        self.pending.push_back(Event::default().event(name).id(last.to_string()).data("{}"));
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            let live = tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                live = self.live.recv() => live,
            };
            let told = match live {
                Ok(Live::Changed(change)) => self.take(change).await,
                Ok(Live::Progress(progress)) => {
                    if self.job.as_ref().is_none_or(|job| *job == progress.job) {
                        // Without an id: who comes back goes on after the last change.
                        self.pending.extend(Event::default().event("progress").json_data(&progress).ok());
                    }
                    Ok(())
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up(Some(self.last)).await,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            // A store that does not answer ends the stream; the client comes back.
            told.ok()?;
        }
    }

    /// Puts a change into what is to be told: what its subject is now, or that it is gone.
    async fn take(&mut self, change: Change) -> Outcome<()> {
        if change.seq <= self.last {
            return Ok(());
        }
        self.last = change.seq;
        let only = self.job.clone();
        let event = self.app.ask(move |app| app.event(&change, only.as_deref())).await?;
        self.pending.extend(event);
        Ok(())
    }
}

impl App {
    /// A change as an event; `None` where it does not belong to the job `only`.
    fn event(&self, change: &Change, only: Option<&str>) -> Outcome<Option<Event>> {
        let event = Event::default().id(change.seq.to_string());
        let gone = |name: &str| event.clone().event(name).json_data(json!({"id": change.subject}));
        let event = match change.kind {
            "job" if only.is_some_and(|only| only != change.subject) => return Ok(None),
            "job" => match self.store.job(&change.subject) {
                Ok(job) => event.event("job").json_data(self.live(job)),
                Err(problem) if problem.status == 404 => gone("job-gone"),
                Err(problem) => return Err(problem),
            },
            _ => match self.store.file(&change.subject) {
                Ok(file) if only.is_some_and(|only| file.job.as_deref() != Some(only)) => return Ok(None),
                Ok(file) => event.event("file").json_data(file),
                Err(problem) if problem.status != 404 => return Err(problem),
                Err(_) if only.is_some() => return Ok(None),
                Err(_) => gone("file-gone"),
            },
        };
        event.map(Some).map_err(Problem::internal)
    }
}
