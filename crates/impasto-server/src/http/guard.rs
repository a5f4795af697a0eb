//! Who may ask: checks of every request, whatever its method and route, and headers of every answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::app::App;
use super::ask::{Json, drain};
use crate::problem::{Kind, Outcome, Problem};

/// The cookie of a session.
const COOKIE: &str = "impasto_session";

/// What a page may load: from here, nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The headers of every answer that has none of its own.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// What a client must know, as hashes, which compare in constant time.
pub(super) struct Token {
    token: blake3::Hash,
    /// What the cookie holds: made from the token, which it does not tell.
    session: String,
}

impl Token {
    pub(super) fn new(token: &str) -> Self {
        let session = blake3::Hash::from_bytes(blake3::derive_key("impasto studio session", token.as_bytes()));
        Self { token: blake3::hash(token.as_bytes()), session: session.to_hex().to_string() }
    }

    fn is(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()) == self.token
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        values.any(|(name, value)| {
            name == COOKIE && blake3::hash(value.as_bytes()) == blake3::hash(self.session.as_bytes())
        })
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        bearer.is_some_and(|given| self.is(given.trim())) || self.has_session(headers)
    }
}

/// The middleware: refuses strangers, bounds the requests in flight, sets headers.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let streams = request.uri().path().ends_with("/events");
    let mut response = match check(&app, &request) {
        Err(problem) => {
            drain(&app, request.into_body(), app.config.limits.max_file_bytes).await;
            problem.into_response()
        }
        // Event streams last, and are counted apart.
        Ok(()) if streams => next.run(request).await,
        Ok(()) => match app.requests.try_acquire() {
            Ok(_turn) => next.run(request).await,
            Err(_) => {
                drain(&app, request.into_body(), app.config.limits.max_file_bytes).await;
                Problem::new(Kind::Busy, "Too many requests are being answered.").into_response()
            }
        },
    };
    let class = usize::from(response.status().as_u16() / 100).min(5);
    app.answers[class].fetch_add(1, Ordering::Relaxed);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn check(app: &App, request: &Request) -> Outcome<()> {
    let headers = request.headers();
    let host = host(app, headers)?;
    origin(headers, host, request)?;
    match &app.token {
        Some(token) if !is_open(request) && !token.admits(headers) => {
            Err(Problem::new(Kind::Unauthorised, "Give the token that the server printed when it started."))
        }
        _ => Ok(()),
    }
}

/// What is answered without a token: the page itself, which knows nothing, and whether the server lives.
fn is_open(request: &Request) -> bool {
    let path = request.uri().path();
    let read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known =
        path.starts_with("/v1/") || path.starts_with("/sdapi/") || path == "/metrics" || path == "/openapi.json";
    (read && !known) || path == "/v1/session"
}

/// The Host header, if it names this server: a stranger's name that was made to point here does not.
fn host<'a>(app: &App, headers: &'a HeaderMap) -> Outcome<&'a str> {
    let refused = || Problem::new(Kind::ForbiddenHost, "Start the server with --allow-host NAME to be called so.");
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    if headers.get_all(header::HOST).iter().count() != 1 {
        return Err(refused());
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let own = app.config.address.ip();
    // A name can be made to point anywhere, an address cannot: whoever listens on all has them all.
    let own_address =
        |ip: std::net::IpAddr| ip == own || own.is_unspecified() || (ip.is_loopback() && own.is_loopback());
    let known = bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(own_address)
        || app.config.hosts.iter().any(|host| host.eq_ignore_ascii_case(&bare));
    if known { Ok(host) } else { Err(refused()) }
}

/// Pages of other origins may not ask, whatever the method; they may link to the page.
fn origin(headers: &HeaderMap, host: &str, request: &Request) -> Outcome<()> {
    let refused = || Problem::new(Kind::ForbiddenOrigin, "The page that asks comes from elsewhere.");
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().map_err(|_| refused())?;
        let own = ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme).is_some_and(|authority| authority.eq_ignore_ascii_case(host)));
        if !own {
            return Err(refused());
        }
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let link =
        text("sec-fetch-mode") == Some("navigate") && request.method() == Method::GET && request.uri().path() == "/";
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) if link => Ok(()),
        Some(_) => Err(refused()),
    }
}

/// A token, to be exchanged for a cookie.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionAsk {
    /// The token that the server was started with.
    token: String,
}

/// Exchanges the token for a cookie.
#[utoipa::path(post, path = "/v1/session", tag = "server", request_body = SessionAsk,
    responses((status = 204, description = "The cookie is set, or none is needed"), (status = 401, body = Problem)))]
pub(super) async fn session(State(app): State<Arc<App>>, Json(ask): Json<SessionAsk>) -> Outcome<Response> {
    let Some(token) = &app.token else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    if !token.is(&ask.token) {
        // Guessing is slow.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        return Err(Problem::new(Kind::Unauthorised, "This is not the token."));
    }
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", token.session);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
