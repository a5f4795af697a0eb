//! `/sdapi/v1/img2img`, `/progress` and `/png-info`, as clients of the AUTOMATIC1111 web UI call them.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{body, decoded, done, drawn_seed, encoded, kept, styles_of};
use crate::http::app::App;
use crate::http::ask::{must_be_json, parse};
use crate::http::files::RAW;
use crate::intake::{self, Haste};
use crate::problem::{Outcome, Problem};
use crate::request::{Request, Stylize};
use crate::store::{Role, refused};

/// What a client of img2img asks. Clients send dozens of other fields, which mean nothing here and are left.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct Img2ImgAsk {
    /// One picture in base64, or as a data URL.
    #[schema(min_items = 1, max_items = 1)]
    init_images: Vec<String>,
    /// The styles, such as `great-wave` or `monet + hokusai:0.5`.
    #[serde(default)]
    prompt: String,
    /// How much of the style, from 0 to 1.
    #[serde(default = "full")]
    denoising_strength: f32,
    /// Seed; below 0 one is drawn.
    #[serde(default = "none")]
    seed: i64,
    /// A picture in base64, white where the picture is to be painted.
    mask: Option<String>,
    /// 1 to paint where the mask is black.
    #[serde(default)]
    inpainting_mask_invert: u8,
    /// Pixels over which the mask's edges are softened.
    #[serde(default)]
    mask_blur: f32,
    /// How often; 1.
    #[serde(default = "once")]
    batch_size: u32,
    /// How often; 1.
    #[serde(default = "once")]
    n_iter: u32,
}

fn full() -> f32 {
    1.0
}

fn none() -> i64 {
    -1
}

fn once() -> u32 {
    1
}

/// What img2img answers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Img2Img {
    /// Pictures in base64.
    images: Vec<String>,
    /// What was asked, without the pictures.
    #[schema(value_type = Object)]
    parameters: Value,
    /// What made the picture, as JSON in a text.
    info: String,
}

/// What made a picture, as these clients look for it.
#[derive(Serialize)]
struct Info<'a> {
    prompt: &'a str,
    seed: u64,
    all_seeds: [u64; 1],
    request: &'a Request,
}

/// Paints a picture in the styles that the prompt names.
#[utoipa::path(post, path = "/sdapi/v1/img2img", tag = "compatible", request_body = Img2ImgAsk,
    responses((status = 200, body = Img2Img), (status = 400, body = Problem), (status = 408, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem)))]
pub(in crate::http) async fn img2img(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Outcome<Answer<Img2Img>> {
    must_be_json(&headers)?;
    let (given, turn) = body(&app, request.into_body()).await?;
    let mut ask: Img2ImgAsk = parse(&given)?;
    drop(given);
    let [picture] = ask.init_images.as_slice() else {
        return Err(Problem::validation("init_images holds one picture"));
    };
    if (ask.batch_size, ask.n_iter) != (1, 1) {
        return Err(Problem::validation("batch_size and n_iter are 1: painting twice gives the same picture"));
    }
    let styles = styles_of(&ask.prompt)?;
    let content = kept(&app, &decoded(picture)?, Role::Content, "img2img").await?;
    let mask = match &ask.mask {
        Some(mask) => Some(kept(&app, &decoded(mask)?, Role::Mask, "mask").await?.id),
        None => None,
    };
    (ask.init_images, ask.mask) = (Vec::new(), None);
    drop(turn);
    let seed = u64::try_from(ask.seed).unwrap_or_else(|_| drawn_seed());
    let stylize = Stylize {
        content: Some(content.id),
        styles,
        strength: ask.denoising_strength,
        invert_mask: mask.is_some() && ask.inpainting_mask_invert == 1,
        feather: if mask.is_some() { ask.mask_blur } else { 0.0 },
        mask,
        seed,
        ..Stylize::blank()
    };
    let asked = Request::Stylize(stylize);
    let parameters = json!({"prompt": ask.prompt, "denoising_strength": ask.denoising_strength, "seed": seed});
    let info = Info { prompt: &ask.prompt, seed, all_seeds: [seed], request: &asked };
    let info = serde_json::to_string(&info).map_err(Problem::internal)?;
    let job = done(&app, asked, "img2img").await?;
    let mut images = Vec::new();
    for file in &job.results {
        images.push(encoded(&app, file).await?);
    }
    Ok(Answer(Img2Img { images, parameters, info }))
}

/// How far the job at hand is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ProgressNow {
    /// From 0 to 1; 0 where nothing is done.
    progress: f64,
    /// Seconds left.
    eta_relative: f64,
    #[schema(value_type = Object)]
    state: Value,
    current_image: Option<String>,
    textinfo: Option<String>,
}

/// How far the job at hand is.
#[utoipa::path(get, path = "/sdapi/v1/progress", tag = "compatible", responses((status = 200, body = ProgressNow)))]
pub(in crate::http) async fn progress(State(app): State<Arc<App>>) -> Answer<ProgressNow> {
    let job = app.desk.at_hand().pop();
    let at = job.as_ref().and_then(|job| app.desk.progress(job));
    let (done, total) = at.as_ref().map_or((0, 0), |at| (at.done, at.total));
    let progress = if total > 0 { done as f64 / total as f64 } else { 0.0 };
    let eta_relative = at.and_then(|at| at.eta_s).unwrap_or(0.0);
    let state = json!({"skipped": false, "interrupted": false, "job": job.clone().unwrap_or_default(),
        "job_count": u8::from(job.is_some()), "job_no": 0, "sampling_step": done, "sampling_steps": total});
    Answer(ProgressNow { progress, eta_relative, state, current_image: None, textinfo: None })
}

/// A picture whose parameters are wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct PngInfoAsk {
    /// The picture in base64, or as a data URL.
    image: String,
}

/// What made a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PngInfo {
    /// The command that makes it; empty where impasto did not make it.
    info: String,
    /// What impasto wrote, under its keyword.
    #[schema(value_type = Object)]
    items: Value,
    /// The same, read.
    #[schema(value_type = Object)]
    parameters: Value,
}

/// What made a picture. It is looked at and not kept.
#[utoipa::path(post, path = "/sdapi/v1/png-info", tag = "compatible", request_body = PngInfoAsk,
    responses((status = 200, body = PngInfo), (status = 400, body = Problem), (status = 408, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem)))]
pub(in crate::http) async fn png_info(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Outcome<Answer<PngInfo>> {
    must_be_json(&headers)?;
    let (given, _turn) = body(&app, request.into_body()).await?;
    let ask: PngInfoAsk = parse(&given)?;
    let room = app.ask(|app| app.store.room()).await?;
    let raw = room.path().join(RAW);
    tokio::fs::write(&raw, decoded(&ask.image)?).await.map_err(|e| refused(&e))?;
    let decoding = app.decoders.acquire().await.map_err(Problem::internal)?;
    let facts = intake::decode(&app.config.decoder, &raw, room.path(), &app.config.limits, Haste::Client).await?;
    drop(decoding);
    let parameters = facts.parameters.unwrap_or_else(|| json!({}));
    let info = parameters.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
    let items = if info.is_empty() { json!({}) } else { json!({"impasto": parameters.to_string()}) };
    Ok(Answer(PngInfo { info, items, parameters }))
}
