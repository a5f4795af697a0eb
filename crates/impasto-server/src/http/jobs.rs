//! `/v1/jobs`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::ask::{Id, Json, Wish};
use super::files::page;
use crate::problem::{Outcome, Problem};
use crate::request::{Request, Style, Train};
use crate::store::{Job, JobQuery, NewJob, State as JobState, Submitted};

/// Most characters of an Idempotency-Key, a title, a batch's label.
const LONGEST: usize = 128;

/// A job to be done.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobAsk {
    /// What to do.
    request: Request,
    /// A label that jobs have in common.
    #[schema(min_length = 1, max_length = 128)]
    batch: Option<String>,
    /// A name for people; one is made where there is none.
    #[schema(min_length = 1, max_length = 128)]
    title: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListWish {
    /// Only those in these states, joined by commas.
    #[param(pattern = r"^((queued|running|done|failed|cancelled)(,(queued|running|done|failed|cancelled))*)?$")]
    state: Option<String>,
    /// Only those with this label.
    batch: Option<String>,
    /// Only those that came before this one.
    before: Option<String>,
    /// At most so many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Jobs {
    /// The jobs, the newest first.
    jobs: Vec<Job>,
    /// What to give as `before` for the next page.
    next: Option<String>,
}

/// Lists jobs, the newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(ListWish),
    responses((status = 200, body = Jobs), (status = 422, body = Problem)))]
pub(super) async fn list(State(app): State<Arc<App>>, Wish(wish): Wish<ListWish>) -> Outcome<Answer<Jobs>> {
    let states = wish.state.as_deref().unwrap_or_default();
    let states = states.split(',').filter(|state| !state.is_empty()).map(str::parse::<JobState>);
    let query = JobQuery {
        states: states.collect::<Outcome<_>>()?,
        batch: wish.batch,
        before: wish.before,
        limit: page(wish.limit)?,
        ..JobQuery::default()
    };
    let (jobs, next) = app
        .ask(move |app| {
            let (jobs, next) = app.store.jobs(&query)?;
            Ok((jobs.into_iter().map(|job| app.live(job)).collect(), next))
        })
        .await?;
    Ok(Answer(Jobs { jobs, next }))
}

/// Puts a job into the queue.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = JobAsk,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body again give the same job")),
    responses((status = 202, body = Job), (status = 200, description = "It was asked for before", body = Job),
        (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem)))]
pub(super) async fn submit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(ask): Json<JobAsk>,
) -> Outcome<Response> {
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned)).transpose();
    let key = key.map_err(|_| Problem::validation("the Idempotency-Key is not plain text"))?;
    for (name, text) in [("the Idempotency-Key", &key), ("batch", &ask.batch), ("title", &ask.title)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST) {
            return Err(Problem::validation(format!("{name} has 1 to {LONGEST} characters")));
        }
    }
    let most = app.config.quotas.queued;
    let submitted = app
        .ask(move |app| {
            ask.request.validate(&app.store)?;
            let body = serde_json::to_vec(&ask).map_err(Problem::internal)?;
            let title = match ask.title {
                Some(title) => title,
                None => app.title(&ask.request)?,
            };
            let body = blake3::hash(&body).to_hex().to_string();
            let new = NewJob { request: ask.request, title, batch: ask.batch, key, body };
            app.store.submit(&new, most)
        })
        .await?;
    let (status, job) = match submitted {
        Submitted::Queued(job) => (StatusCode::ACCEPTED, job),
        Submitted::Before(job) => (StatusCode::OK, job),
    };
    app.desk.call();
    let location = format!("/v1/jobs/{}", job.id);
    Ok((status, [(header::LOCATION, location)], Answer(app.live(*job))).into_response())
}

impl App {
    /// A job with what is known of it only while it runs.
    pub(super) fn live(&self, mut job: Job) -> Job {
        if job.state == JobState::Running {
            job.progress = self.desk.progress(&job.id);
        }
        job
    }

    /// What a job is called where nobody names it.
    fn title(&self, request: &Request) -> Outcome<String> {
        let name = |id: &Option<String>| match id {
            Some(id) => self.store.file(id).map(|file| file.name),
            None => Ok(String::new()),
        };
        Ok(match request {
            Request::Stylize(stylize) => {
                let styles: Vec<String> = stylize.styles.iter().map(Style::label).collect();
                format!("{} · {}", name(&stylize.content)?, styles.join(" + "))
            }
            Request::Adjust(adjust) => format!("{} · adjusted", name(&adjust.content)?),
            Request::Translate(translate) => format!("{} · {}", name(&translate.content)?, translate.model),
            Request::Generate(generate) => {
                format!("{} × {}", generate.model, generate.seeds.len() + generate.codes.len())
            }
            Request::Evolve(evolve) => format!("{} · {} children", evolve.model, evolve.children),
            Request::Walk(walk) => format!("{} · a walk", walk.model),
            Request::Project(project) => format!("{} · in {}", name(&project.content)?, project.model),
            Request::Directions(directions) => format!("{} · directions", directions.model),
            Request::Train(train) => format!("{} from {}", train.what, self.collected(train)?),
        })
    }
}

impl App {
    /// The names of the collections that a training learns from.
    fn collected(&self, train: &Train) -> Outcome<String> {
        let ids = train.sources.values().flatten();
        let names = ids.map(|id| self.store.collection_of(id).map(|collection| collection.name));
        Ok(names.collect::<Outcome<Vec<_>>>()?.join(" + "))
    }
}

/// A job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = Job), (status = 404, body = Problem)))]
pub(super) async fn one(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<Job>> {
    app.ask(move |app| app.store.job(&id).map(|job| app.live(job))).await.map(Answer)
}

/// Cancels a job that is not over; forgets one that is, and leaves its results.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 202, description = "Cancelled", body = Job), (status = 204, description = "Forgotten"),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn remove(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Response> {
    app.ask(move |app| {
        if app.store.cancel(&id)? {
            app.desk.cancel(&id);
            return Ok((StatusCode::ACCEPTED, Answer(app.store.job(&id)?)).into_response());
        }
        app.store.forget(&id, false)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Queues a job again that failed or was cancelled.
#[utoipa::path(post, path = "/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path)),
    responses((status = 202, body = Job), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn retry(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<(StatusCode, Answer<Job>)> {
    let job = app.ask(move |app| app.store.retry(&id)).await?;
    app.desk.call();
    Ok((StatusCode::ACCEPTED, Answer(job)))
}

/// Moves a waiting job to the head of the queue.
#[utoipa::path(post, path = "/v1/jobs/{id}/front", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = Job), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn front(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<Job>> {
    app.ask(move |app| app.store.to_front(&id)).await.map(Answer)
}
