//! What goes wrong, as clients see it: `application/problem+json` (RFC 9457) with a type from a fixed list.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_engine::{Blame, EngineError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kinds of problems; each has one status, one name and one title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    Unauthorised,
    ForbiddenOrigin,
    ForbiddenHost,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    TooLarge,
    UnsupportedMedia,
    Validation,
    BadPicture,
    Limit,
    TooManyRequests,
    Busy,
    Cancelled,
    Interrupted,
    Storage,
    Internal,
}

impl Kind {
    /// Status, name and title.
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => (S::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Self::Unauthorised => (S::UNAUTHORIZED, "unauthorised", "A token is needed"),
            Self::ForbiddenOrigin => (S::FORBIDDEN, "forbidden-origin", "Another page may not ask"),
            Self::ForbiddenHost => (S::FORBIDDEN, "forbidden-host", "The server is not known by this name"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done to it"),
            Self::Timeout => (S::REQUEST_TIMEOUT, "timeout", "The request came too slowly"),
            Self::Conflict => (S::CONFLICT, "conflict", "Its present state does not allow it"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Self::UnsupportedMedia => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "This kind of file is not read"),
            Self::Validation => (S::UNPROCESSABLE_ENTITY, "validation", "Something asked for is not possible"),
            Self::BadPicture => (S::UNPROCESSABLE_ENTITY, "bad-picture", "The picture cannot be read"),
            Self::Limit => (S::UNPROCESSABLE_ENTITY, "limit", "It is larger than this server allows"),
            Self::TooManyRequests => (S::TOO_MANY_REQUESTS, "too-many-requests", "Too much is asked at once"),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "The server is busy"),
            Self::Cancelled => (S::CONFLICT, "cancelled", "It was cancelled"),
            Self::Interrupted => (S::INTERNAL_SERVER_ERROR, "interrupted", "The server stopped again and again"),
            Self::Storage => (S::INSUFFICIENT_STORAGE, "storage", "The server cannot write"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Something is wrong with the server"),
        }
    }
}

/// A problem: what is sent, and what a failed job keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Problem {
    /// `https://impasto.invalid/problems/` and the kind's name.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// One sentence for people.
    pub(crate) detail: String,
    /// Seconds after which to come back.
    #[serde(skip)]
    pub(crate) retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.facts();
        let retry_after = matches!(kind, Kind::TooManyRequests | Kind::Busy).then_some(2);
        Self {
            kind: format!("https://impasto.invalid/problems/{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after,
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    pub(crate) fn validation(detail: impl Into<String>) -> Self {
        Self::new(Kind::Validation, detail)
    }

    /// A problem of ours: what happened goes to the log, not to the client.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!("{what}");
        Self::new(Kind::Internal, "It was written to the server's log.")
    }

    /// What the engine says, without the paths that it names.
    pub(crate) fn of_engine(error: &EngineError) -> Self {
        let blame = error.blame();
        let text = match error {
            EngineError::File { reason, .. } => reason.clone(),
            EngineError::Picture { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        match blame {
            Blame::Caller => Self::validation(without_paths(&text)),
            Blame::Input => Self::new(Kind::BadPicture, without_paths(&text)),
            Blame::Limit => Self::new(Kind::Limit, without_paths(&text)),
            Blame::Cancelled => Self::new(Kind::Cancelled, "It was cancelled."),
            Blame::Environment => {
                tracing::error!("{error}");
                Self::new(Kind::Storage, "The disk or the device refused; the server's log says more.")
            }
            Blame::Training | Blame::Internal => Self::internal(error),
        }
    }
}

/// Words that look like absolute paths become the last part of them.
pub(crate) fn without_paths(text: &str) -> String {
    let bare = |word: &str| {
        let inner = word.trim_start_matches(['\'', '"', '(']);
        let absolute = inner.starts_with('/') || inner.get(1..3).is_some_and(|colon| colon == ":\\");
        match inner.rsplit(['/', '\\']).next() {
            Some(last) if absolute => format!("{}{last}", &word[..word.len() - inner.len()]),
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(bare).collect::<Vec<_>>().join(" ")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Self::of_engine(&error)
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as E;
        match error.sqlite_error_code() {
            Some(E::DiskFull | E::ReadOnly | E::CannotOpen | E::SystemIoFailure) => {
                tracing::error!("the queue: {error}");
                Self::new(Kind::Storage, "The disk refused; the server's log says more.")
            }
            _ => Self::internal(format!("the queue: {error}")),
        }
    }
}

/// The result type of everything a client asks for.
pub(crate) type Outcome<T> = Result<T, Problem>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for (text, shown) in [
            ("cannot write /srv/data/files/f_1/a.png: the disk is full", "cannot write a.png: the disk is full"),
            ("'/srv/x.png' is no picture", "'x.png' is no picture"),
            ("strength is 2, not from 0 to 1", "strength is 2, not from 0 to 1"),
            ("c:\\data\\x.png is gone", "x.png is gone"),
        ] {
            assert_eq!(without_paths(text), shown);
        }
        let error = EngineError::file("/srv/secret/a.png", "does not exist");
        assert_eq!(Problem::of_engine(&error).detail, "does not exist");
    }
}
