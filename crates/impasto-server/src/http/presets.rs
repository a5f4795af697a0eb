//! `/v1/presets`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::ask::{Json, Name};
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
    let mut request = ask.request;
    match &mut request {
        // What belongs to one picture stays with it.
        Request::Stylize(stylize) => (stylize.content, stylize.mask) = (None, None),
        Request::Adjust(adjust) => adjust.content = None,
        Request::Generate(_) => {}
    }
    let preset = Preset { name, request };
    let kept = preset.clone();
    app.ask(move |app| {
        kept.request.check(&|id| app.path(id))?;
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

/// Forgets a preset.
#[utoipa::path(delete, path = "/v1/presets/{name}", tag = "presets", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn forget(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<StatusCode> {
    app.ask(move |app| app.store.forget_preset(&name)).await.map(|()| StatusCode::NO_CONTENT)
}
