//! `/v1/models`: generators and what was learnt here and kept.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_engine::generator::Form;
use impasto_engine::models::{bundled_generator, generators, hash_file};
use impasto_engine::pipeline::generate::{Directions, Studio};
use impasto_engine::registry::{self, Build};
use impasto_engine::weights::{self, Arrays, Header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::ask::{Json, Name};
use super::files::saved;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::{self, Shelf};
use crate::store::Kept;

/// What there is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Models {
    generators: Vec<GeneratorInfo>,
    /// What was kept here and is no generator.
    others: Vec<Kept>,
}

/// A generator.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GeneratorInfo {
    /// What requests call it.
    name: String,
    /// What it makes.
    title: String,
    /// Licence of its weights.
    licence: String,
    /// The algorithm.
    algorithm: String,
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// Layers of styles; with one there is nothing to mix.
    layers: usize,
    /// The names of its classes, if it has any.
    pub(super) classes: Vec<String>,
    /// Whether it was learnt here and kept.
    own: bool,
}

/// The directions of a generator, the strongest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DirectionList {
    directions: Vec<DirectionInfo>,
}

/// A direction along which pictures change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DirectionInfo {
    /// What requests call it.
    name: String,
    /// How much pictures change with an amount of 1.
    effect: f32,
    /// How much of what was looked at it explains, from 0 to 1.
    share: f32,
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DirectionChange {
    #[schema(min_length = 1, max_length = 40)]
    name: String,
}

/// All generators, and what else was learnt here and kept.
#[utoipa::path(get, path = "/v1/models", tag = "catalogue", responses((status = 200, body = Models)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Outcome<Answer<Models>> {
    let models = app.ask(|app| {
        let (kept, others): (Vec<Kept>, Vec<Kept>) =
            app.store.all_kept()?.into_iter().partition(|kept| kept.task == "generator");
        let own = kept.iter().map(|kept| app.generator(&kept.name));
        let generators = own.chain(generators().map(|name| app.generator(name))).collect::<Outcome<_>>()?;
        Ok(Models { generators, others })
    });
    models.await.map(Answer)
}

impl App {
    /// What a generator is, a bundled one or one that was kept here.
    pub(super) fn generator(&self, name: &str) -> Outcome<GeneratorInfo> {
        let (own, (header, arrays)) = self.weights(name)?;
        let form = form(&header, &arrays)?;
        let [height, width] = form.size;
        Ok(GeneratorInfo {
            name: name.to_owned(),
            title: header.title,
            licence: header.licence,
            algorithm: header.algorithm,
            width: width as u32,
            height: height as u32,
            layers: form.layers,
            classes: form.classes,
            own,
        })
    }

    fn weights(&self, name: &str) -> Outcome<(bool, (Header, Arrays))> {
        match bundled_generator(name) {
            Some(bytes) => Ok((false, weights::decode(bytes).map_err(Problem::internal)?)),
            None => Ok((true, weights::load(&self.store.model(name)?)?)),
        }
    }

    /// The generator here whose weights have this hash.
    pub(super) fn generator_with(&self, blake3: &str) -> Option<String> {
        let bundled =
            |name: &&str| bundled_generator(name).is_some_and(|bytes| *blake3::hash(bytes).to_hex() == *blake3);
        let own = || {
            let kept = self.store.all_kept().ok()?.into_iter();
            kept.map(|kept| kept.name)
                .find(|name| hash_file(&self.store.weights_of(name)).is_ok_and(|hash| hash == blake3))
        };
        generators().find(bundled).map(str::to_owned).or_else(own)
    }

    /// A generator's directions, and what is needed to write them again.
    fn directions(&self, name: &str) -> Outcome<Option<(Studio, Directions)>> {
        self.generator(name)?;
        let file = self.store.directions(name);
        if !file.exists() {
            return Ok(None);
        }
        let job = request::Generate::of(name.to_owned(), vec![0]).job(&self.store)?;
        let studio = Studio::open(job, impasto_engine::device::open(impasto_engine::device::DeviceSpec::Cpu)?)?;
        // Those of a model that had its name before are none.
        let found = Directions::load(&file, studio.form(), studio.model());
        Ok(found.ok().map(|found| (studio, found)))
    }
}

fn form(header: &Header, arrays: &Arrays) -> Outcome<Form> {
    let entry = registry::find(&header.algorithm)?;
    let Build::Generator(build) = entry.build else { return Err(Problem::not_found("generator")) };
    let device = impasto_engine::device::open(impasto_engine::device::DeviceSpec::Cpu)?.device;
    let parts = registry::BuildParts {
        config: &header.config,
        arrays: Some(arrays),
        seed: 0,
        direction: impasto_engine::Direction::default(),
        device: &device,
    };
    Ok(build(parts).map_err(Problem::internal)?.form().clone())
}

fn listed(found: Option<&Directions>) -> Answer<DirectionList> {
    let info = |one: &impasto_engine::pipeline::generate::Direction| DirectionInfo {
        name: one.name.clone(),
        effect: one.effect,
        share: one.share,
    };
    Answer(DirectionList { directions: found.map_or_else(Vec::new, |found| found.all.iter().map(info).collect()) })
}

/// The directions of a generator, the strongest first; none before a job of the kind `directions` looked for them.
#[utoipa::path(get, path = "/v1/models/{name}/directions", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, body = DirectionList), (status = 404, body = Problem)))]
pub(super) async fn directions(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Answer<DirectionList>> {
    app.ask(move |app| Ok(listed(app.directions(&name)?.as_ref().map(|(_, found)| found)))).await
}

/// Gives a direction another name.
#[utoipa::path(patch, path = "/v1/models/{name}/directions/{direction}", tag = "catalogue",
    params(("name" = String, Path), ("direction" = String, Path)), request_body = DirectionChange,
    responses((status = 200, body = DirectionList), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn rename_direction(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    Json(change): Json<DirectionChange>,
) -> Outcome<Answer<DirectionList>> {
    let Path((model, old)) = path.map_err(|_| Problem::not_found("direction"))?;
    let name = change.name.trim().to_owned();
    // Such a name is an option's value on the command line, too.
    let odd = |c: char| c.is_control() || c == '=' || c == ':';
    if name.is_empty() || name.chars().count() > 40 || name.chars().any(odd) {
        return Err(Problem::validation("a direction's name has 1 to 40 characters, without '=' and ':'"));
    }
    app.ask(move |app| {
        let (studio, mut found) = app.directions(&model)?.ok_or_else(|| Problem::not_found("direction"))?;
        if name != old && found.all.iter().any(|one| one.name == name) {
            return Err(Problem::new(Kind::Conflict, "Another direction has this name."));
        }
        let place = found.all.iter().position(|one| one.name == old).ok_or_else(|| Problem::not_found("direction"))?;
        found.all[place].name.clone_from(&name);
        found.header.directions[place].0 = name;
        weights::write_atomic(&app.store.directions(&model), &found.encode(studio.form())?)?;
        app.desk.forget();
        Ok(listed(Some(&found)))
    })
    .await
}

/// The card of a model that was kept here.
#[utoipa::path(get, path = "/v1/models/{name}/card", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, content_type = "text/markdown", body = String), (status = 404, body = Problem)))]
pub(super) async fn card(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Response> {
    let text = app.ask(move |app| {
        let kept = app.store.kept(&name)?;
        std::fs::read_to_string(app.store.card_of(&kept.name)).map_err(Problem::internal)
    });
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text.await?).into_response())
}

/// The weights of a model that was kept here, as `impasto` on the command line reads them.
#[utoipa::path(get, path = "/v1/models/{name}/weights", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem)))]
pub(super) async fn download(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<Response> {
    let read = app.ask(move |app| {
        let kept = app.store.kept(&name)?;
        let bytes = std::fs::read(app.store.weights_of(&kept.name)).map_err(Problem::internal)?;
        Ok((kept.name, bytes))
    });
    let (name, bytes) = read.await?;
    saved(&format!("{name}.safetensors"), "application/octet-stream", bytes)
}

/// Forgets a model that was kept here; its run stays.
#[utoipa::path(delete, path = "/v1/models/{name}", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn forget(State(app): State<Arc<App>>, Name(name): Name) -> Outcome<StatusCode> {
    app.ask(move |app| {
        app.store.forget_model(&name)?;
        app.desk.forget();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
