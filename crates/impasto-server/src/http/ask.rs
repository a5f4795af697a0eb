//! What requests bring along, read within limits, with problems that say what is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::{HeaderMap, header, request::Parts};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use super::app::App;
use crate::ids::is_id;
use crate::problem::{Kind, Outcome, Problem};

/// Most bytes of a JSON body.
const JSON_BYTES: usize = 256 << 10;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Outcome<Self> {
        must_be_json(request.headers())?;
        parse(&whole(request.into_body(), JSON_BYTES).await?).map(Self)
    }
}

/// Refuses a body of another type: a form of another page can send any bytes, but not under this type without being asked
/// about.
pub(super) fn must_be_json(headers: &HeaderMap) -> Outcome<()> {
    match is_json(headers) {
        true => Ok(()),
        false => Err(Problem::new(Kind::UnsupportedMedia, "Send JSON with the content type application/json.")),
    }
}

/// A whole body of at most `most` bytes.
pub(super) async fn whole(body: Body, most: usize) -> Outcome<bytes::Bytes> {
    let slow = |_| Problem::new(Kind::Timeout, "The body did not come in time.");
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, most).collect()).await.map_err(slow)?;
    let body = body.map_err(|e| match e.is::<http_body_util::LengthLimitError>() {
        true => Problem::new(Kind::TooLarge, format!("A body has at most {most} bytes here.")),
        false => Problem::new(Kind::BadRequest, "The body broke off."),
    })?;
    Ok(body.to_bytes())
}

/// JSON that a client wrote.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Outcome<T> {
    serde_json::from_slice(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Problem::validation(e.to_string()),
        _ => Problem::new(Kind::BadRequest, format!("This is no JSON: {e}")),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The query of a URL.
pub(super) struct Wish<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Wish<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        let wish = Query::<T>::from_request_parts(parts, state).await;
        wish.map(|Query(wish)| Self(wish)).map_err(|e| Problem::validation(e.body_text()))
    }
}

/// An id in a path. What cannot be one is not there.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) if is_id(&id) => Ok(Self(id)),
            _ => Err(Problem::not_found("id")),
        }
    }
}

/// A name in a path.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name)).map_err(|_| Problem::not_found("name"))
    }
}

/// Reads what is left of a body that is refused, so that its sender hears the answer instead of a broken connection.
pub(super) async fn drain(app: &App, body: Body, most: u64) {
    let mut left = most;
    let mut courtesy = app.desk.courtesy();
    let mut stream = body.into_data_stream();
    let reading = async {
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                break;
            }
            courtesy.give_way().await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}
