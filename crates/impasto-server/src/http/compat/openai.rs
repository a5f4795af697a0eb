//! `/v1/images/edits` and `/v1/images/generations`, as OpenAI's clients call them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_engine::models::generators;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{body, done, drawn_seed, encoded, kept, styles_of};
use crate::http::app::App;
use crate::http::ask::parse;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::{Class, Generate, Output, OutputFormat, Request, Stylize};
use crate::store::{FileInfo, Role};

/// Most pictures of one request.
const MOST: u64 = 10;

/// A problem as these clients know it.
pub(in crate::http) struct Error(Problem);

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        // These clients know what is wrong with a request as 400.
        let status = if problem.status == 422 { 400 } else { problem.status };
        let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
        let code = problem.kind.rsplit('/').next().unwrap_or_default().to_owned();
        let body = json!({"error": {"message": problem.detail, "type": kind, "param": null, "code": code}});
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Answer(body)).into_response();
        if let Some(seconds) = problem.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Pictures that were made.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Images {
    /// Unix seconds.
    created: u64,
    data: Vec<Image>,
    output_format: &'static str,
}

/// A picture: one of both.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Image {
    #[serde(skip_serializing_if = "Option::is_none")]
    b64_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// What is asked of both; fields that change nothing here are taken and left.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(in crate::http) struct ImagesAsk {
    /// Edits: the styles, such as `great-wave` or `monet + hokusai:0.5`. Generations: a class of the generator, or nothing.
    #[serde(default)]
    prompt: String,
    /// Edits: a method, or nothing. Generations: a generator.
    model: Option<String>,
    /// Generations: how many pictures, 1 to 10.
    n: Option<u64>,
    /// `auto`, or `WIDTHxHEIGHT`: the longer of both is that of the result, whose proportions stay.
    size: Option<String>,
    /// `b64_json` or `url`.
    response_format: Option<String>,
    /// `png`, `jpeg` or `webp`.
    output_format: Option<String>,
    /// Generations: the first seed.
    seed: Option<u64>,
}

impl ImagesAsk {
    fn output(&self) -> Outcome<(Output, &'static str)> {
        let (format, name) = match self.output_format.as_deref() {
            None | Some("png") => (OutputFormat::Png, "png"),
            Some("jpeg") => (OutputFormat::Jpeg, "jpeg"),
            Some("webp") => (OutputFormat::Webp, "webp"),
            Some(_) => return Err(Problem::validation("output_format is png, jpeg or webp")),
        };
        Ok((Output { format, ..Output::default() }, name))
    }

    fn wants_url(&self) -> Outcome<bool> {
        match self.response_format.as_deref() {
            None | Some("b64_json") => Ok(false),
            Some("url") => Ok(true),
            Some(_) => Err(Problem::validation("response_format is b64_json or url")),
        }
    }

    /// Pixels of both sides, if given.
    fn sides(&self) -> Outcome<Option<[u32; 2]>> {
        let Some(size) = self.size.as_deref().filter(|size| *size != "auto") else { return Ok(None) };
        let sides = size.split_once('x').and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
        sides.map(Some).ok_or_else(|| Problem::validation("size is auto or WIDTHxHEIGHT"))
    }
}

async fn images(
    app: &Arc<App>,
    ask: &ImagesAsk,
    headers: &HeaderMap,
    results: &[FileInfo],
    output_format: &'static str,
) -> Outcome<Images> {
    let wants_url = ask.wants_url()?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut data = Vec::new();
    for file in results {
        data.push(match wants_url {
            true => Image { b64_json: None, url: Some(format!("http://{host}/v1/files/{}/content", file.id)) },
            false => Image { b64_json: Some(encoded(app, file).await?), url: None },
        });
    }
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Ok(Images { created, data, output_format })
}

/// Paints a picture in the styles that the prompt names.
#[utoipa::path(post, path = "/v1/images/edits", tag = "compatible",
    request_body(content = ImagesAsk, content_type = "multipart/form-data",
        description = "The fields below, and the picture as the file `image`"),
    responses((status = 200, body = Images), (status = 400, body = Object), (status = 408, body = Object),
        (status = 413, body = Object), (status = 415, body = Object), (status = 429, body = Object), (status = 503, body = Object)))]
pub(in crate::http) async fn edits(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Answer<Images>, Error> {
    let (parts, given) = request.into_parts();
    let (given, turn) = body(&app, given).await?;
    let request = axum::extract::Request::from_parts(parts, Body::from(given));
    let form = Multipart::from_request(request, &()).await;
    let form = form.map_err(|e| Problem::new(Kind::UnsupportedMedia, e.body_text()))?;
    let (ask, picture) = fields(form).await?;
    let Some((name, bytes)) = picture else {
        return Err(Problem::validation("image is missing: send the picture as a file").into());
    };
    if ask.n.is_some_and(|n| n != 1) {
        return Err(Problem::validation("n is 1 for edits: painting twice gives the same picture").into());
    }
    let (output, format) = ask.output()?;
    let (styles, size) = (styles_of(&ask.prompt)?, ask.sides()?.map(|[w, h]| w.max(h)));
    let content = kept(&app, &bytes, Role::Content, &name).await?;
    drop((bytes, turn));
    let stylize = Stylize {
        content: Some(content.id),
        styles,
        method: method(ask.model.as_deref()),
        size,
        output,
        ..Stylize::blank()
    };
    let job = done(&app, Request::Stylize(stylize), "images/edits").await?;
    Ok(Answer(images(&app, &ask, &headers, &job.results, format).await?))
}

/// Clients must name a model; those of its maker mean the default.
fn method(model: Option<&str>) -> Option<String> {
    let foreign = |model: &&str| !model.is_empty() && !model.starts_with("dall-e") && !model.starts_with("gpt-image");
    model.filter(foreign).map(str::to_owned)
}

async fn fields(mut form: Multipart) -> Outcome<(ImagesAsk, Option<(String, Vec<u8>)>)> {
    let broken = |e: axum::extract::multipart::MultipartError| Problem::new(Kind::BadRequest, e.body_text());
    let (mut ask, mut picture) = (ImagesAsk::default(), None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if matches!(name.as_str(), "image" | "image[]") {
            if picture.is_some() {
                return Err(Problem::validation("one picture at a time: send the others in requests of their own"));
            }
            let file = field.file_name().unwrap_or("image").to_owned();
            picture = Some((file, field.bytes().await.map_err(broken)?.to_vec()));
            continue;
        }
        let text = field.text().await.map_err(broken)?;
        let number = |text: &str| text.parse().map_err(|_| Problem::validation(format!("{name} is no number")));
        match name.as_str() {
            "prompt" => ask.prompt = text,
            "model" => ask.model = Some(text),
            "n" => ask.n = Some(number(&text)?),
            "size" => ask.size = Some(text),
            "response_format" => ask.response_format = Some(text),
            "output_format" => ask.output_format = Some(text),
            "mask" => {
                let text = "mask is not supported here: /v1/jobs takes masks, light where the picture is to be painted";
                return Err(Problem::validation(text));
            }
            _ => {}
        }
    }
    Ok((ask, picture))
}

/// Makes pictures of a generator.
#[utoipa::path(post, path = "/v1/images/generations", tag = "compatible", request_body = ImagesAsk,
    responses((status = 200, body = Images), (status = 400, body = Object), (status = 408, body = Object),
        (status = 413, body = Object), (status = 415, body = Object), (status = 429, body = Object), (status = 503, body = Object)))]
pub(in crate::http) async fn generations(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Answer<Images>, Error> {
    crate::http::ask::must_be_json(&headers)?;
    let ask: ImagesAsk = parse(&body(&app, request.into_body()).await?.0)?;
    let known: Vec<&str> = generators().collect();
    let Some(model) = ask.model.clone().filter(|model| known.contains(&model.as_str())) else {
        let text = format!("model names the generator: one of {}", known.join(", "));
        return Err(Problem::validation(text).into());
    };
    let n = ask.n.unwrap_or(1);
    if !(1..=MOST).contains(&n) {
        return Err(Problem::validation(format!("n is {n}, not from 1 to {MOST}")).into());
    }
    let (output, format) = ask.output()?;
    let asked = model.clone();
    let form = app.ask(move |app| app.generator(&asked)).await?;
    if ask.sides()?.is_some_and(|sides| sides != [form.width, form.height]) {
        let text = format!("{model} makes pictures of {}x{}; leave out size", form.width, form.height);
        return Err(Problem::validation(text).into());
    }
    let classes = match ask.prompt.trim() {
        "" => Vec::new(),
        class if form.classes.iter().any(|known| known == class) => {
            vec![Class { class: class.to_owned(), weight: 1.0 }]
        }
        _ if form.classes.is_empty() => {
            return Err(Problem::validation(format!("{model} takes no words: leave the prompt empty")).into());
        }
        _ => {
            let text = format!("the prompt names a class of {model}, or nothing: {}", form.classes.join(", "));
            return Err(Problem::validation(text).into());
        }
    };
    let first = ask.seed.unwrap_or_else(drawn_seed);
    let seeds = (first..first.saturating_add(n)).collect();
    let generate = Generate { classes, output, ..Generate::of(model, seeds) };
    let job = done(&app, Request::Generate(generate), "images/generations").await?;
    Ok(Answer(images(&app, &ask, &headers, &job.results, format).await?))
}
