//! The studio's page: files that were built from `web/` and are part of the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::problem::{Outcome, Problem};
use crate::studio::Studio;

/// What carries a hash of its content in its name.
const HASHED: &str = "_app/immutable/";

/// The page.
pub(super) async fn index() -> Outcome<Response> {
    asset(Path("index.html".into())).await
}

/// A part of the page.
pub(super) async fn asset(Path(path): Path<String>) -> Outcome<Response> {
    let file = Studio::get(&path).ok_or_else(|| Problem::not_found("page"))?;
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, media_type(&path)), (header::CACHE_CONTROL, cache)];
    Ok((headers, file.data).into_response())
}

/// The media type by the extension; what is not known is not shown.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
