//! The OpenAPI document.

use axum::Json as Answer;
use serde_json::Value;
use utoipa::OpenApi;

use super::compat::{openai, sdapi};
use super::{catalogue, events, files, guard, health, jobs, presets, preview};
use crate::{problem, request, store};

#[derive(OpenApi)]
#[openapi(
    info(title = "impasto", description = "Pictures painted in styles, and pictures of generators, over HTTP."),
    paths(
        health::healthz,
        health::readyz,
        health::metrics,
        health::status,
        get_document,
        guard::session,
        files::list,
        files::upload,
        files::one,
        files::change,
        files::remove,
        files::content,
        files::view,
        files::thumb,
        jobs::list,
        jobs::submit,
        jobs::one,
        jobs::remove,
        jobs::retry,
        jobs::front,
        preview::preview,
        events::all,
        events::of_job,
        catalogue::styles,
        catalogue::style_thumb,
        catalogue::artists,
        catalogue::artist_thumb,
        catalogue::models,
        catalogue::methods,
        catalogue::adjustments,
        catalogue::runs,
        presets::list,
        presets::keep,
        presets::forget,
        openai::edits,
        openai::generations,
        sdapi::img2img,
        sdapi::progress,
        sdapi::png_info,
    ),
    components(schemas(
        problem::Problem,
        request::Request,
        request::Style,
        store::FileInfo,
        store::Job,
        store::Progress,
        store::Preset
    ))
)]
struct Document;

/// The OpenAPI document of this version.
pub fn document() -> Value {
    serde_json::to_value(Document::openapi()).unwrap_or_default()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, body = Object)))]
pub(super) async fn get_document() -> Answer<Value> {
    Answer(document())
}
