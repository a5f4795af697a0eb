//! Whether the server lives, is ready, and what it does.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use impasto_engine::pipeline::memory;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use crate::problem::Outcome;

/// Whether the server lives or is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, `ready` or `starting`.
    status: &'static str,
}

/// What the server is and allows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    version: &'static str,
    /// Where it computes.
    device: String,
    queue: Queue,
    limits: Bounds,
}

/// Jobs that are not over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queue {
    queued: u64,
    running: u64,
}

/// How large things may be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Bounds {
    max_file_bytes: u64,
    max_pixels: u64,
    max_side: u32,
    max_queued: u64,
}

/// Whether the server lives.
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = Health)))]
pub(super) async fn healthz() -> Answer<Health> {
    Answer(Health { status: "ok" })
}

/// Whether the server takes jobs: the queue answers and the engine's thread lives.
#[utoipa::path(get, path = "/readyz", tag = "server",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Answer<Health>) {
    let alive = app.desk.is_alive() && !*app.closing.borrow();
    match alive && app.ask(|app| app.store.counts()).await.is_ok() {
        true => (StatusCode::OK, Answer(Health { status: "ready" })),
        false => (StatusCode::SERVICE_UNAVAILABLE, Answer(Health { status: "starting" })),
    }
}

/// What the server is and allows.
#[utoipa::path(get, path = "/v1/status", tag = "server", responses((status = 200, body = Status)))]
pub(super) async fn status(State(app): State<Arc<App>>) -> Outcome<Answer<Status>> {
    let counts = app.ask(|app| app.store.counts()).await?;
    let count = |state: &str| counts.iter().find(|(name, _)| *name == state).map_or(0, |(_, count)| *count);
    let (limits, quotas) = (app.config.limits, app.config.quotas);
    Ok(Answer(Status {
        version: env!("CARGO_PKG_VERSION"),
        device: app.config.device.spec.to_string(),
        queue: Queue { queued: count("queued"), running: count("running") },
        limits: Bounds {
            max_file_bytes: limits.max_file_bytes,
            max_pixels: limits.max_pixels,
            max_side: limits.max_side,
            max_queued: quotas.queued,
        },
    }))
}

/// Figures for Prometheus (text format 0.0.4).
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Outcome<impl IntoResponse> {
    let counts = app.ask(|app| app.store.counts()).await?;
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
        // Writing into a text does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let states: Vec<_> =
        counts.iter().map(|(state, count)| (format!("{{state=\"{state}\"}}"), *count as f64)).collect();
    family("impasto_jobs", "gauge", "Jobs that are known, by state.", &states);
    let answers = app.answers.iter().enumerate().skip(1);
    let answers: Vec<_> = answers
        .map(|(class, count)| (format!("{{class=\"{class}xx\"}}"), count.load(Ordering::Relaxed) as f64))
        .collect();
    family("impasto_http_answers_total", "counter", "Answers, by class of status.", &answers);
    let (painted, seconds) = app.desk.painted();
    let bare = |value: f64| vec![(String::new(), value)];
    family("impasto_previews_total", "counter", "Previews painted.", &bare(painted as f64));
    family("impasto_preview_seconds_total", "counter", "Seconds that previews took.", &bare(seconds));
    family("impasto_resident_bytes", "gauge", "Resident memory.", &bare(memory::resident_bytes() as f64));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
