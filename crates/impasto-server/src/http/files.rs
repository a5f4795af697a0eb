//! `/v1/files`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use futures_util::StreamExt;
use impasto_engine::pipeline::generate::header_of;
use impasto_engine::weights;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::ask::{Id, Json, Wish, drain};
use crate::ids::{fresh, safe_name};
use crate::intake::{self, Haste, THUMB, VIEW};
use crate::problem::{Kind, Outcome, Problem};
use crate::request::{Generate, Request, recipe};
use crate::store::{CODE, FileInfo, FileQuery, NewFile, Role, refused};
use crate::work::Courtesy;

/// How long the next part of an upload may take to come.
const PATIENCE: Duration = Duration::from_secs(15);

/// Files do not change under their ids.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// Nothing in a file is run, whatever it is.
const SANDBOX: &str = "default-src 'none'; sandbox";

/// What an upload is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadWish {
    /// Its name, for people.
    #[serde(default)]
    name: String,
    /// What it is for: content, style, mask or data.
    #[serde(default = "content_role")]
    #[param(value_type = Role)]
    role: String,
}

fn content_role() -> String {
    Role::Content.name().to_owned()
}

/// Which files to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListWish {
    /// Only those for this: content, style, mask, result or data.
    #[param(value_type = Option<Role>)]
    role: Option<String>,
    /// Only those with these words in their name, styles or method.
    q: Option<String>,
    /// Only those that are marked.
    #[serde(default)]
    favourite: bool,
    /// Only those that came before this one.
    before: Option<String>,
    /// At most so many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A page of files.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Files {
    /// The files, the newest first.
    pub(super) files: Vec<FileInfo>,
    /// What to give as `before` for the next page.
    pub(super) next: Option<String>,
}

/// What to change of a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileChange {
    /// A new name.
    name: Option<String>,
    /// Whether it is marked.
    favourite: Option<bool>,
}

/// How many things a page has.
pub(super) fn page(limit: Option<u32>) -> Outcome<u32> {
    match limit {
        None => Ok(50),
        Some(limit) if (1..=200).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::validation(format!("limit is {limit}, not from 1 to 200"))),
    }
}

/// Lists files, the newest first.
#[utoipa::path(get, path = "/v1/files", tag = "files", params(ListWish),
    responses((status = 200, body = Files), (status = 422, body = Problem)))]
pub(super) async fn list(State(app): State<Arc<App>>, Wish(wish): Wish<ListWish>) -> Outcome<Answer<Files>> {
    let query = FileQuery {
        role: wish.role.as_deref().map(str::parse).transpose()?,
        text: wish.q,
        collection: None,
        favourites: wish.favourite,
        before: wish.before,
        limit: page(wish.limit)?,
    };
    let (files, next) = app.ask(move |app| app.store.files(&query)).await?;
    Ok(Answer(Files { files, next }))
}

/// Takes in a picture; the body is the file itself.
#[utoipa::path(post, path = "/v1/files", tag = "files", params(UploadWish),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = FileInfo), (status = 200, description = "It was here already", body = FileInfo),
        (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem)))]
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    Wish(wish): Wish<UploadWish>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let role: Role = wish.role.parse()?;
    let limit = app.config.limits.max_file_bytes;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let turn = app.uploads.try_acquire().map_err(|_| Problem::new(Kind::TooManyRequests, "Too many uploads at once."));
    let fits = match announced {
        Some(bytes) if bytes > limit => Err(too_large(limit)),
        _ => Ok(()),
    };
    let _turn = match fits.and(turn) {
        Ok(turn) => turn,
        Err(problem) => {
            drain(&app, body, limit).await;
            return Err(problem);
        }
    };
    if role == Role::Result {
        return Err(Problem::validation("results are made here, not uploaded"));
    }
    let room = app.ask(|app| app.store.room()).await?;
    let mut courtesy = app.desk.courtesy();
    let received = receive(body, &room.path().join(RAW), limit, &mut courtesy).await?;
    let (status, file) = admit(&app, room, received, role, wish.name, courtesy).await?;
    let location = format!("/v1/files/{}", file.id);
    Ok((status, [(header::LOCATION, location)], Answer(file)).into_response())
}

/// What an upload is called until its format is known.
pub(super) const RAW: &str = "raw";

/// A file that was received: its size and BLAKE3.
pub(super) struct Received {
    bytes: u64,
    blake3: String,
}

impl Received {
    /// Bytes that are at hand already, written to `path`.
    pub(super) async fn at_hand(bytes: &[u8], path: &std::path::Path) -> Outcome<Self> {
        tokio::fs::write(path, bytes).await.map_err(|e| refused(&e))?;
        Ok(Self { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() })
    }
}

/// Looks at the file [`RAW`] in `room` and keeps it: 201, or 200 for the file that is here already.
pub(super) async fn admit(
    app: &Arc<App>,
    room: tempfile::TempDir,
    Received { bytes, blake3 }: Received,
    role: Role,
    name: String,
    mut courtesy: Courtesy,
) -> Outcome<(StatusCode, FileInfo)> {
    let raw = room.path().join(RAW);
    let (known, same_hash) = (blake3.clone(), blake3.clone());
    if let Some(file) = app.ask(move |app| app.store.file_with(&known, Some(role))).await? {
        return Ok((StatusCode::OK, file));
    }
    let decoding = app.decoders.acquire().await.map_err(Problem::internal)?;
    // With what is left of an upload's courtesy, since here the waits of one after the other add up.
    courtesy.give_way().await;
    let facts = intake::decode(&app.config.decoder, &raw, room.path(), &app.config.limits, Haste::Client).await?;
    drop(decoding);
    let kept = app.ask(move |app| {
        // A result that comes back has its own request, with nothing lost; others tell what they can.
        let before = app.store.file_with(&same_hash, None)?.and_then(|file| file.request);
        let stored = |hash: &str| app.store.file_with(hash, None).ok().flatten().map(|file| file.id);
        let told = facts.parameters.as_ref().and_then(|parameters| recipe(parameters, &stored));
        let (request, missing) = match (before, told) {
            (Some(request), _) => (Some(request), Vec::new()),
            (None, Some(recipe)) => (Some(recipe.request), recipe.missing),
            (None, None) => (None, Vec::new()),
        };
        let name = safe_name(&name, facts.format);
        std::fs::rename(&raw, room.path().join(&name)).map_err(|e| refused(&e))?;
        let file = NewFile::new(fresh("f_"), role, name, &facts, bytes, blake3);
        let mut file = NewFile { request, missing, ..file };
        if let Some((model, code)) = facts.parameters.as_ref().and_then(|told| app.carried(told)) {
            std::fs::write(room.path().join(CODE), code).map_err(|e| refused(&e))?;
            file.code = true;
            if file.request.is_none() {
                let generate = Generate { codes: vec![file.id.clone()], ..Generate::of(model, Vec::new()) };
                file.request = Some(Request::Generate(generate));
            }
        }
        app.store.keep(&file, room.path())
    });
    Ok((StatusCode::CREATED, kept.await?))
}

impl App {
    /// The code that a picture carries, and the generator here whose code it is.
    fn carried(&self, parameters: &serde_json::Value) -> Option<(String, Vec<u8>)> {
        let code = parameters.get("code")?.as_str()?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(code).ok()?;
        let (_, metadata) = weights::from_bytes(&bytes).ok()?;
        let header = header_of(&metadata).ok()?;
        Some((self.generator_with(&header.model)?, bytes))
    }
}

/// Where a picture lies in its generator's space, as `impasto generate --style-code` reads it.
#[utoipa::path(get, path = "/v1/files/{id}/code", tag = "files", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem)))]
pub(super) async fn code(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Response> {
    let (name, bytes) = app
        .ask(move |app| {
            let file = app.store.file(&id)?;
            if !file.code {
                return Err(Problem::not_found("code"));
            }
            let bytes = std::fs::read(app.store.shown(&id, CODE)).map_err(Problem::internal)?;
            let stem = file.name.rsplit_once('.').map_or(file.name.clone(), |(stem, _)| stem.to_owned());
            Ok((format!("{stem}.safetensors"), bytes))
        })
        .await?;
    saved(&name, "application/octet-stream", bytes)
}

/// Bytes to be saved under a name.
pub(super) fn saved(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Outcome<Response> {
    let disposition = HeaderValue::from_str(&disposition("attachment", name)).map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
    ];
    Ok((headers, bytes).into_response())
}

/// Names hold no quotes; the second form carries what is not ASCII (RFC 6266).
fn disposition(kind: &str, name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", percent(name))
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Kind::TooLarge, format!("A file has at most {limit} bytes here."))
}

/// Writes a body into a file.
async fn receive(body: Body, path: &std::path::Path, limit: u64, courtesy: &mut Courtesy) -> Outcome<Received> {
    let mut file = tokio::fs::File::create(path).await.map_err(|e| refused(&e))?;
    let (mut bytes, mut hasher) = (0, blake3::Hasher::new());
    let mut stream = body.into_data_stream();
    loop {
        courtesy.give_way().await;
        let slow = |_| Problem::new(Kind::Timeout, "The file did not come in time.");
        let Some(chunk) = tokio::time::timeout(PATIENCE, stream.next()).await.map_err(slow)? else { break };
        let chunk = chunk.map_err(|_| Problem::new(Kind::BadRequest, "The file broke off."))?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(|e| refused(&e))?;
    }
    if bytes == 0 {
        return Err(Problem::new(Kind::BadPicture, "The file is empty."));
    }
    file.sync_all().await.map_err(|e| refused(&e))?;
    Ok(Received { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// A file's facts.
#[utoipa::path(get, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = FileInfo), (status = 404, body = Problem)))]
pub(super) async fn one(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<FileInfo>> {
    app.ask(move |app| app.store.file(&id)).await.map(Answer)
}

/// Renames or marks a file.
#[utoipa::path(patch, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)), request_body = FileChange,
    responses((status = 200, body = FileInfo), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(change): Json<FileChange>,
) -> Outcome<Answer<FileInfo>> {
    app.ask(move |app| app.store.change_file(&id, change.name.as_deref(), change.favourite)).await.map(Answer)
}

/// Removes a file that no unfinished job needs.
#[utoipa::path(delete, path = "/v1/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn remove(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<StatusCode> {
    app.ask(move |app| app.store.remove_file(&id)).await.map(|()| StatusCode::NO_CONTENT)
}

/// How a file's content is given.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ContentWish {
    /// 1 to save it under its name.
    #[param(minimum = 0, maximum = 1)]
    download: Option<u8>,
}

/// A file's bytes, as they were stored.
#[utoipa::path(get, path = "/v1/files/{id}/content", tag = "files", params(("id" = String, Path), ContentWish),
    responses((status = 200, content_type = "image/*", body = Vec<u8>), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn content(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Wish(wish): Wish<ContentWish>,
) -> Outcome<Response> {
    let (file, path) = app
        .ask(move |app| {
            let file = app.store.file(&id)?;
            let path = app.store.path_of(&file);
            Ok((file, path))
        })
        .await?;
    let opened = tokio::fs::File::open(&path).await.map_err(Problem::internal)?;
    let kind = if wish.download == Some(1) { "attachment" } else { "inline" };
    let disposition = disposition(kind, &file.name);
    let stream = futures_util::stream::unfold(opened, |mut file| async move {
        let mut buffer = bytes::BytesMut::with_capacity(64 << 10);
        match tokio::io::AsyncReadExt::read_buf(&mut file, &mut buffer).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(buffer.freeze()), file)),
            Err(e) => Some((Err(e), file)),
        }
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&file.media_type).map_err(Problem::internal)?);
    headers.insert(header::CONTENT_LENGTH, file.bytes.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(Problem::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    Ok(response)
}

/// Everything but letters, digits and a few signs as `%XX`.
fn percent(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A file as a browser can show it, at most 1600 px a side.
#[utoipa::path(get, path = "/v1/files/{id}/view", tag = "files", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/*", body = Vec<u8>), (status = 404, body = Problem)))]
pub(super) async fn view(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Response> {
    shown(app, id, VIEW).await
}

/// The same, at most 320 px a side.
#[utoipa::path(get, path = "/v1/files/{id}/thumb", tag = "files", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/*", body = Vec<u8>), (status = 404, body = Problem)))]
pub(super) async fn thumb(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Response> {
    shown(app, id, THUMB).await
}

async fn shown(app: Arc<App>, id: String, form: &'static str) -> Outcome<Response> {
    let bytes = app
        .ask(move |app| {
            app.store.file(&id)?;
            std::fs::read(app.store.shown(&id, form)).map_err(Problem::internal)
        })
        .await?;
    Ok(picture(bytes, FOR_EVER))
}

/// A small picture.
pub(super) fn picture(bytes: impl Into<bytes::Bytes>, cache: &'static str) -> Response {
    let bytes = bytes.into();
    let headers = [
        (header::CONTENT_TYPE, intake::shown_type(&bytes)),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
    ];
    (headers, bytes).into_response()
}
