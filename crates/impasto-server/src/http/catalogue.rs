//! What there is: styles, artists, methods, adjustments.

use std::sync::{Arc, PoisonError};

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use impasto_engine::models;
use impasto_engine::registry;
use impasto_engine::{pipeline::Method, styles as bundled};
use impasto_image::adjust::Adjustments;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::ask::Name;
use super::files::picture;
use crate::problem::{Outcome, Problem};
use crate::request::{self, Style};
use crate::work::SightOf;

/// How long a browser keeps the small picture of a style: another version may paint it differently.
const A_DAY: &str = "private, max-age=86400";

/// The bundled styles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Styles {
    styles: Vec<StyleInfo>,
}

/// A bundled style.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StyleInfo {
    /// What requests call it.
    name: String,
    /// The work's title.
    title: String,
    /// Who made it.
    artist: String,
    /// When, as people write it.
    year: String,
    /// Licence of the work and its code.
    licence: String,
}

/// The artists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Artists {
    artists: Vec<ArtistInfo>,
}

/// An artist.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ArtistInfo {
    /// What requests call the artist.
    name: String,
    /// The name for people.
    title: String,
    /// The model that knows the artist, where it was learnt here; the bundled one where absent.
    model: Option<String>,
}

/// The ways to paint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Methods {
    methods: Vec<MethodInfo>,
    /// The one that is used where none is named.
    default: &'static str,
}

/// A way to paint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MethodInfo {
    /// What requests call it.
    name: &'static str,
    /// One line about it.
    summary: &'static str,
    /// Whether it paints in one pass; others take minutes.
    quick: bool,
    /// The JSON Schema of its settings, if it has any.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
}

/// The bundled styles.
#[utoipa::path(get, path = "/v1/styles", tag = "catalogue", responses((status = 200, body = Styles)))]
pub(super) async fn styles() -> Outcome<Answer<Styles>> {
    let info = |name: &str| -> Outcome<StyleInfo> {
        let header = bundled::named(name)?.header;
        let (title, artist, year, licence) = (header.title, header.artist, header.year, header.licence);
        Ok(StyleInfo { name: name.to_owned(), title, artist, year, licence })
    };
    Ok(Answer(Styles { styles: bundled::names().map(info).collect::<Outcome<_>>()? }))
}

/// The artists that the bundled weights know, and those of models that were kept here.
#[utoipa::path(get, path = "/v1/artists", tag = "catalogue", responses((status = 200, body = Artists)))]
pub(super) async fn artists(State(app): State<Arc<App>>) -> Outcome<Answer<Artists>> {
    let (bundled, kept) = app.ask(|app| Ok((models::artists()?, app.store.all_kept()?))).await?;
    let info = |name: String, model: Option<&String>| ArtistInfo { title: titled(&name), name, model: model.cloned() };
    let own = kept.iter().flat_map(|kept| kept.artists.iter().map(|name| info(name.clone(), Some(&kept.name))));
    Ok(Answer(Artists { artists: bundled.into_iter().map(|name| info(name, None)).chain(own).collect() }))
}

/// `van-gogh-early` as `Van Gogh, early`: what comes behind a known kind of word is a period.
pub(super) fn titled(name: &str) -> String {
    let (artist, period) = match name.rsplit_once('-') {
        Some((artist, period @ ("early" | "late"))) => (artist, Some(period)),
        _ => (name, None),
    };
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    let words: Vec<String> = artist.split('-').map(capital).collect();
    let artist = words.join(" ");
    period.map_or(artist.clone(), |period| format!("{artist}, {period}"))
}

/// The ways to paint, with the schemas of their settings.
#[utoipa::path(get, path = "/v1/methods", tag = "catalogue", responses((status = 200, body = Methods)))]
pub(super) async fn methods() -> Answer<Methods> {
    let info = |method: Method| MethodInfo {
        name: method.name(),
        summary: match method {
            Method::Algorithm(entry) => entry.descriptor.summary,
            Method::Refine => "the default first, then a few steps of optimisation from there",
        },
        quick: method.settings().is_none(),
        settings: method.settings().map(|settings| settings.schema()),
    };
    Answer(Methods { methods: request::methods().map(info).collect(), default: registry::DEFAULT_STYLIZER })
}

/// The JSON Schema of adjustments. Objects have no order, so `x-order` names them as they are applied.
#[utoipa::path(get, path = "/v1/adjustments", tag = "catalogue", responses((status = 200, body = Object)))]
pub(super) async fn adjustments() -> Answer<Value> {
    let mut schema = schemars::schema_for!(Adjustments).to_value();
    let neutral = json!(Adjustments::default());
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            property["default"] = neutral[name].clone();
            property["title"] = titled(&name.replace('_', "-")).into();
        }
    }
    schema["x-order"] = order();
    Answer(schema)
}

/// The names of the adjustments as they are declared: JSON objects have no order here, lines of TOML have.
fn order() -> Value {
    let lines = toml::to_string(&Adjustments::default()).unwrap_or_default();
    lines.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect()
}

/// The bundled picture in a bundled style.
#[utoipa::path(get, path = "/v1/styles/{name}/thumb", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn style_thumb(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Response> {
    if !bundled::names().any(|known| known == name) {
        return Err(Problem::not_found("style"));
    }
    app.thumb(format!("style {name}"), Style { name: Some(name), ..Style::empty() }).await
}

/// The bundled picture as an artist would paint it.
#[utoipa::path(get, path = "/v1/artists/{name}/thumb", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn artist_thumb(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Response> {
    let wanted = name.clone();
    if !app.ask(move |_| Ok(models::artists()?.contains(&wanted))).await? {
        return Err(Problem::not_found("artist"));
    }
    app.thumb(format!("artist {name}"), Style { artist: Some(name), ..Style::empty() }).await
}

impl App {
    /// The bundled picture in a style, painted once.
    async fn thumb(&self, key: String, style: Style) -> Outcome<Response> {
        let known = || self.thumbs.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known().get(&key).cloned();
        let bytes = match kept {
            Some(bytes) => bytes,
            None => {
                let bytes = Bytes::from(self.look(SightOf::Style(style)).await?.bytes);
                known().insert(key, bytes.clone());
                bytes
            }
        };
        Ok(picture(bytes, A_DAY))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn artists_have_titles() {
        assert_eq!(super::titled("van-gogh-early"), "Van Gogh, early");
        assert_eq!(super::titled("monet"), "Monet");
    }
}
