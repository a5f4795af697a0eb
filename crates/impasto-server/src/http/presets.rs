//! `/v1/presets`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::ask::{Json, Name};
use super::files::saved;
use crate::ids::safe_stem;
use crate::problem::{Outcome, Problem};
use crate::request::Request;
use crate::store::Preset;

/// Most characters of a name.
const LONGEST: usize = 80;
/// Most presets.
const MOST: usize = 500;

/// All presets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Presets {
    presets: Vec<Preset>,
}

/// Settings to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetAsk {
    /// A request; its picture is left out.
    request: Request,
}

/// A preset as a file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresetFile {
    /// The version of this format, 1.
    impasto_preset: u32,
    /// Its name.
    name: String,
    /// The settings.
    request: Request,
}

/// All presets, by name.
#[utoipa::path(get, path = "/v1/presets", tag = "presets", responses((status = 200, body = Presets)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Outcome<Answer<Presets>> {
    Ok(Answer(Presets { presets: app.ask(|app| app.store.presets()).await? }))
}

/// Keeps settings by a name, in place of what had it.
#[utoipa::path(put, path = "/v1/presets/{name}", tag = "presets", params(("name" = String, Path)),
    request_body = PresetAsk, responses((status = 200, body = Preset), (status = 400, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub(super) async fn keep(
    State(app): State<Arc<App>>,
    Name(name): Name,
    Json(ask): Json<PresetAsk>,
) -> Outcome<Answer<Preset>> {
    if name.trim().is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(Problem::validation(format!("a preset's name has 1 to {LONGEST} characters, none of control")));
    }
    // What belongs to one picture stays with it.
    let preset = Preset { name, request: ask.request.without_picture() };
    let kept = preset.clone();
    app.ask(move |app| {
        kept.request.check(&app.store)?;
        let known = app.store.presets()?;
        if known.len() >= MOST && !known.iter().any(|other| other.name == kept.name) {
            let text = format!("There are {MOST} presets already; remove one first.");
            return Err(Problem::new(crate::problem::Kind::TooManyRequests, text));
        }
        app.store.keep_preset(&kept)
    })
    .await?;
    Ok(Answer(preset))
}

/// A preset as a file, which the command line reads as well (`impasto stylize --preset FILE`).
#[utoipa::path(get, path = "/v1/presets/{name}/file", tag = "presets", params(("name" = String, Path)),
    responses((status = 200, body = PresetFile), (status = 404, body = Problem)))]
pub(super) async fn file(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Response> {
    let presets = app.ask(|app| app.store.presets()).await?;
    let Some(Preset { name, request }) = presets.into_iter().find(|preset| preset.name == name) else {
        return Err(Problem::not_found("preset"));
    };
    let title = safe_stem(&name);
    let file = PresetFile { impasto_preset: 1, name, request };
    saved(&format!("{title}.json"), "application/json", serde_json::to_vec_pretty(&file).map_err(Problem::internal)?)
}

/// Forgets a preset.
#[utoipa::path(delete, path = "/v1/presets/{name}", tag = "presets", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn forget(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<StatusCode> {
    app.ask(move |app| app.store.forget_preset(&name)).await.map(|()| StatusCode::NO_CONTENT)
}
