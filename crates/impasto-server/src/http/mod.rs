//! Requests in, answers out.

mod app;
mod ask;
mod catalogue;
mod collections;
mod compat;
mod events;
mod files;
mod guard;
mod health;
mod jobs;
mod models;
mod openapi;
mod page;
mod presets;
mod preview;
mod runs;
mod serve;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post, put};

use crate::problem::{Kind, Problem};
use app::App;

pub use openapi::document;
pub use serve::serve;

/// Every route. What each takes and gives is said beside its function, for the OpenAPI document too.
fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/{*path}", get(page::asset))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::get_document))
        .route("/v1/session", post(guard::session))
        .route("/v1/status", get(health::status))
        .route("/v1/files", get(files::list).post(files::upload))
        .route("/v1/files/{id}", get(files::one).patch(files::change).delete(files::remove))
        .route("/v1/files/{id}/content", get(files::content))
        .route("/v1/files/{id}/code", get(files::code))
        .route("/v1/files/{id}/view", get(files::view))
        .route("/v1/files/{id}/thumb", get(files::thumb))
        .route("/v1/jobs", get(jobs::list).post(jobs::submit))
        .route("/v1/jobs/{id}", get(jobs::one).delete(jobs::remove))
        .route("/v1/jobs/{id}/retry", post(jobs::retry))
        .route("/v1/jobs/{id}/front", post(jobs::front))
        .route("/v1/jobs/{id}/events", get(events::of_job))
        .route("/v1/events", get(events::all))
        .route("/v1/preview", post(preview::preview))
        .route("/v1/styles", get(catalogue::styles))
        .route("/v1/styles/{name}/thumb", get(catalogue::style_thumb))
        .route("/v1/artists", get(catalogue::artists))
        .route("/v1/artists/{name}/thumb", get(catalogue::artist_thumb))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{name}", delete(models::forget))
        .route("/v1/models/{name}/card", get(models::card))
        .route("/v1/models/{name}/weights", get(models::download))
        .route("/v1/models/{name}/directions", get(models::directions))
        .route("/v1/models/{name}/directions/{direction}", patch(models::rename_direction))
        .route("/v1/methods", get(catalogue::methods))
        .route("/v1/adjustments", get(catalogue::adjustments))
        .route("/v1/collections", get(collections::list).post(collections::make))
        .route("/v1/collections/{id}", get(collections::one).patch(collections::rename).delete(collections::forget))
        .route("/v1/collections/{id}/files", get(collections::members).post(collections::change))
        .route("/v1/collections/{id}/report", get(collections::report))
        .route("/v1/trainers", get(runs::trainers))
        .route("/v1/runs", get(runs::list))
        .route("/v1/runs/{id}", get(runs::one).delete(runs::remove))
        .route("/v1/runs/{id}/log", get(runs::log))
        .route("/v1/runs/{id}/samples/{step}", get(runs::sample))
        .route("/v1/runs/{id}/pause", post(runs::pause))
        .route("/v1/runs/{id}/resume", post(runs::resume))
        .route("/v1/runs/{id}/rollback", post(runs::roll_back))
        .route("/v1/runs/{id}/keep", post(runs::keep))
        .route("/v1/presets", get(presets::list))
        .route("/v1/presets/{name}", put(presets::keep).delete(presets::forget))
        .route("/v1/presets/{name}/file", get(presets::file))
        .route("/v1/images/edits", post(compat::openai::edits))
        .route("/v1/images/generations", post(compat::openai::generations))
        .route("/sdapi/v1/img2img", post(compat::sdapi::img2img))
        .route("/sdapi/v1/progress", get(compat::sdapi::progress))
        .route("/sdapi/v1/png-info", post(compat::sdapi::png_info))
        .fallback(async || Problem::not_found("page"))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "The Allow header says what can be done here.")
        })
        // Bodies are read by `ask` and `files`, which have limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}
