//! The OpenAPI document.

use axum::Json as Answer;
use impasto_image::adjust::Adjustments;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::compat::{openai, sdapi};
use super::{catalogue, collections, events, files, guard, health, jobs, models, presets, preview, runs};
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
        files::code,
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
        catalogue::methods,
        catalogue::adjustments,
        models::list,
        models::forget,
        models::card,
        models::download,
        models::directions,
        models::rename_direction,
        collections::list,
        collections::make,
        collections::one,
        collections::rename,
        collections::forget,
        collections::change,
        collections::members,
        collections::report,
        runs::trainers,
        runs::list,
        runs::one,
        runs::log,
        runs::sample,
        runs::pause,
        runs::resume,
        runs::roll_back,
        runs::remove,
        runs::keep,
        presets::list,
        presets::keep,
        presets::file,
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
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    flatten(&mut document["components"]["schemas"]);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, operations) in paths {
        for (_, operation) in operations.as_object_mut().into_iter().flatten() {
            complete(path, operation);
        }
    }
    document
}

/// The kinds of requests as one object each. They come as "all of" an object that allows no other properties and one with
/// `kind`, which nothing fulfils.
fn flatten(schemas: &mut Value) {
    let kinds = schemas["Request"]["oneOf"].as_array().cloned().unwrap_or_default();
    let flat = kinds.into_iter().map(|kind| {
        let parts = kind["allOf"].as_array().cloned().unwrap_or_default();
        let mut whole = json!({"type": "object", "additionalProperties": false, "properties": {}, "required": []});
        for part in parts {
            let named = part["$ref"].as_str().and_then(|name| name.rsplit('/').next());
            let part = named.map_or(part.clone(), |name| schemas[name].clone());
            if let (Some(all), Some(own)) = (whole["properties"].as_object_mut(), part["properties"].as_object()) {
                all.extend(own.clone());
            }
            if let (Some(all), Some(own)) = (whole["required"].as_array_mut(), part["required"].as_array()) {
                all.extend(own.clone());
            }
            if let Some(about) = part.get("description") {
                whole["description"] = about.clone();
            }
        }
        if let Some(adjust) = whole["properties"].get_mut("adjust") {
            *adjust = adjustments();
        }
        whole
    });
    let flat: Vec<Value> = flat.collect();
    schemas["Request"]["oneOf"] = flat.into();
}

/// The schema of adjustments as they are taken: hues may turn further than forms let them.
fn adjustments() -> Value {
    let mut schema = schemars::schema_for!(Adjustments).to_value();
    if let Some(hue) = schema.pointer_mut("/properties/hue").and_then(Value::as_object_mut) {
        hue.retain(|key, _| key != "minimum" && key != "maximum");
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    schema
}

/// What every operation has in common: the guard before it, bodies that are read the same way, the media type of problems.
fn complete(path: &str, operation: &mut Value) {
    let body = operation.pointer("/requestBody/content/application~1json").is_some();
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "id" {
            parameter["schema"]["pattern"] = "^[a-z0-9_]{1,40}$".into();
        }
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let open = ["/healthz", "/readyz", "/v1/session"].contains(&path);
    let more = [
        ("401", "No token, or another", !open),
        ("403", "Of another page, or under a name that is not the server's", true),
        ("503", "Busy; come back later", true),
        ("400", "The body is no JSON, or broke off", body),
        ("408", "The body came too slowly", body),
        ("413", "The body is too large", body),
        ("415", "The body is not said to be JSON", body),
        ("422", "The body asks for what is not possible", body),
    ];
    for (status, about, has) in more {
        if has && !responses.contains_key(status) {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            let content = json!({"application/json": {"schema": schema}});
            responses.insert(status.to_owned(), json!({"description": about, "content": content}));
        }
    }
    for (_, response) in responses {
        let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else { continue };
        let problem = content
            .get("application/json")
            .is_some_and(|json| json["schema"]["$ref"] == "#/components/schemas/Problem");
        if problem && let Some(json) = content.remove("application/json") {
            content.insert("application/problem+json".to_owned(), json);
        }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, body = Object)))]
pub(super) async fn get_document() -> Answer<Value> {
    Answer(document())
}
