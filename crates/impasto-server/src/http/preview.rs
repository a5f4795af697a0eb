//! `/v1/preview`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::app::App;
use super::ask::Json;
use super::files::picture;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Request;
use crate::work::{Sight, SightOf};

/// What to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewAsk {
    /// What would be made; of several pictures the first.
    request: Request,
    /// Its longer side, 64 to 1024 px.
    #[serde(default = "usual")]
    #[schema(minimum = 64, maximum = 1024)]
    side: u32,
}

fn usual() -> u32 {
    640
}

/// A small picture of what a request would make, at once and not kept. It is not finished if the client hangs up.
#[utoipa::path(post, path = "/v1/preview", tag = "jobs", request_body = PreviewAsk,
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>,
            headers(("X-Seconds" = f64, description = "How long it took to make"))),
        (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn preview(State(app): State<Arc<App>>, Json(ask): Json<PreviewAsk>) -> Outcome<Response> {
    if !(64..=1024).contains(&ask.side) {
        return Err(Problem::validation(format!("side is {}, not from 64 to 1024", ask.side)));
    }
    let request = Box::new(ask.request);
    let request = app.ask(move |app| request.validate(&app.store).map(|()| request)).await?;
    let sight = app.look(SightOf::Request { request, side: ask.side }).await?;
    let mut response = picture(sight.bytes, "no-store");
    let seconds = HeaderValue::from_str(&format!("{:.3}", sight.seconds)).map_err(Problem::internal)?;
    response.headers_mut().insert("x-seconds", seconds);
    Ok(response)
}

impl App {
    /// Waits for something to look at. Dropped before it is there, the work stops.
    pub(super) async fn look(&self, of: SightOf) -> Outcome<Sight> {
        let (answer, _wanted) = self.desk.look(of)?;
        // The thread drops what waits when it stops.
        answer.await.map_err(|_| Problem::new(Kind::Busy, "The server stops."))?
    }
}
