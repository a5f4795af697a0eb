//! `/v1/collections`: pictures to learn from.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_engine::Control;
use impasto_engine::data::Imitation;
use impasto_engine::data::gallery::{GallerySettings, Recipe as Advice, survey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::ask::{Id, Json, Wish};
use super::files::{Files, page};
use crate::problem::{Kind, Outcome, Problem};
use crate::store::{Collection, FileInfo, FileQuery};

/// Most characters of a name.
const LONGEST: usize = 80;
/// Most pictures that are put in or taken out at once.
const AT_ONCE: usize = 500;
/// Names that a report lists.
const NAMED: usize = 100;

/// All collections.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Collections {
    collections: Vec<Collection>,
}

/// What a collection is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionAsk {
    #[schema(min_length = 1, max_length = 80)]
    name: String,
}

/// Pictures to be put in and taken out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct CollectionChange {
    /// Ids of files.
    #[schema(max_items = 500)]
    add: Vec<String>,
    /// Ids of files.
    #[schema(max_items = 500)]
    remove: Vec<String>,
}

/// Which pictures of a collection to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MemberWish {
    /// Only those that came before this one.
    before: Option<String>,
    /// At most so many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What a collection is like, and what follows for learning from it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Report {
    /// Pictures in it.
    pictures: usize,
    /// Pictures that could be learnt from.
    usable: usize,
    /// Those that could not, at most 100.
    rejected: Vec<Refused>,
    /// Those that are there more than once, at most 100.
    duplicates: Vec<Twice>,
    /// Shorter sides in pixels.
    sides: Sides,
    /// Whether most are without colour.
    grey: bool,
    /// What should be worried about, a line each.
    warnings: Vec<String>,
    /// What suits a generator of such pictures; absent where none could be learnt.
    recipe: Option<Recipe>,
    /// What suits an imitation, were they the works of one hand.
    imitation: Way,
}

/// A picture that cannot be used.
#[derive(Debug, Serialize, ToSchema)]
struct Refused {
    name: String,
    reason: String,
}

/// A picture that is there more than once.
#[derive(Debug, Serialize, ToSchema)]
struct Twice {
    name: String,
    copy_of: String,
}

/// Shorter sides in pixels.
#[derive(Debug, Serialize, ToSchema)]
struct Sides {
    least: f64,
    median: f64,
    most: f64,
}

/// What suits a generator of some pictures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrainingRecipe)]
struct Recipe {
    architecture: String,
    /// Rows and columns.
    #[schema(value_type = Vec<usize>, min_items = 2, max_items = 2)]
    size: [usize; 2],
    batch: usize,
    /// Fewest steps after which results may be expected.
    steps: u64,
    /// What the discriminator sees of pictures.
    augment: String,
    /// Whether half of the pictures are turned left to right.
    mirror: bool,
    /// Why, a line for each.
    why: Vec<String>,
}

/// What suits an imitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImitationWay)]
struct Way {
    /// `single`, `codes`, `artist` or `cut`.
    way: &'static str,
    /// Why.
    why: String,
}

fn checked(name: &str) -> Outcome<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(Problem::validation(format!("a collection's name has 1 to {LONGEST} characters, none of control")));
    }
    Ok(name.to_owned())
}

/// All collections, the newest first.
#[utoipa::path(get, path = "/v1/collections", tag = "collections", responses((status = 200, body = Collections)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Outcome<Answer<Collections>> {
    Ok(Answer(Collections { collections: app.ask(|app| app.store.collections()).await? }))
}

/// Makes a collection.
#[utoipa::path(post, path = "/v1/collections", tag = "collections", request_body = CollectionAsk,
    responses((status = 201, body = Collection), (status = 409, body = Problem)))]
pub(super) async fn make(State(app): State<Arc<App>>, Json(ask): Json<CollectionAsk>) -> Outcome<Response> {
    let name = checked(&ask.name)?;
    let made = app.ask(move |app| app.store.collect(&name)).await?;
    let location = format!("/v1/collections/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Answer(made)).into_response())
}

/// A collection.
#[utoipa::path(get, path = "/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    responses((status = 200, body = Collection), (status = 404, body = Problem)))]
pub(super) async fn one(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<Collection>> {
    app.ask(move |app| app.store.collection_of(&id)).await.map(Answer)
}

/// Gives a collection another name.
#[utoipa::path(patch, path = "/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    request_body = CollectionAsk,
    responses((status = 200, body = Collection), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(ask): Json<CollectionAsk>,
) -> Outcome<Answer<Collection>> {
    let name = checked(&ask.name)?;
    app.ask(move |app| app.store.rename_collection(&id, &name)).await.map(Answer)
}

/// Forgets a collection; pictures that were uploaded to learn from go with it unless another collection holds them.
#[utoipa::path(delete, path = "/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn forget(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<StatusCode> {
    app.ask(move |app| app.store.forget_collection(&id)).await.map(|()| StatusCode::NO_CONTENT)
}

/// Puts pictures into a collection and takes others out.
#[utoipa::path(post, path = "/v1/collections/{id}/files", tag = "collections", params(("id" = String, Path)),
    request_body = CollectionChange, responses((status = 200, body = Collection), (status = 404, body = Problem)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(change): Json<CollectionChange>,
) -> Outcome<Answer<Collection>> {
    if change.add.len().max(change.remove.len()) > AT_ONCE {
        return Err(Problem::validation(format!("at most {AT_ONCE} pictures at once")));
    }
    app.ask(move |app| app.store.change_collection(&id, &change.add, &change.remove)).await.map(Answer)
}

/// The pictures of a collection, the newest first.
#[utoipa::path(get, path = "/v1/collections/{id}/files", tag = "collections", params(("id" = String, Path), MemberWish),
    responses((status = 200, body = Files), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn members(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Wish(wish): Wish<MemberWish>,
) -> Outcome<Answer<Files>> {
    let limit = page(wish.limit)?;
    let query = FileQuery { collection: Some(id.clone()), before: wish.before, limit, ..FileQuery::default() };
    let (files, next) = app
        .ask(move |app| {
            app.store.collection_of(&id)?;
            app.store.files(&query)
        })
        .await?;
    Ok(Answer(Files { files, next }))
}

/// What a collection is like, and what suits learning from it. Reads every picture: seconds for hundreds, a minute or more
/// for thousands; one report is made at a time.
#[utoipa::path(get, path = "/v1/collections/{id}/report", tag = "collections", params(("id" = String, Path)),
    responses((status = 200, body = Report), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn report(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<Report>> {
    let turn = app.reports.try_acquire();
    let _turn = turn.map_err(|_| Problem::new(Kind::TooManyRequests, "Another report is being made."))?;
    app.ask(move |app| app.report(&id)).await.map(Answer)
}

impl App {
    fn report(&self, id: &str) -> Outcome<Report> {
        self.store.collection_of(id)?;
        let files = self.store.members(id)?;
        let limits = self.config.limits;
        let settings = GallerySettings { limits, cache: None, ..GallerySettings::default() };
        let paths: Vec<PathBuf> = files.iter().map(|file| self.store.path_of(file)).collect();
        let found = match paths.is_empty() {
            true => Default::default(),
            // A set of which nothing can be used is a report, too.
            false => match survey(&paths, &settings, &Control::silent()) {
                Ok(found) => found,
                Err(impasto_engine::EngineError::File { .. }) => Default::default(),
                Err(e) => return Err(e.into()),
            },
        };
        let short = found.short_side;
        let advice = (found.used > 0).then(|| Advice::of(&found, None, None));
        let imitation = Imitation::of(files.len());
        let way = match imitation {
            Imitation::Single => "single",
            Imitation::StyleCodes => "codes",
            Imitation::Artist => "artist",
            Imitation::Translation => "cut",
        };
        let copies = found.duplicates.left_out.iter().take(NAMED);
        let rejected = found.rejected.iter().take(NAMED).map(|one| Refused {
            name: named(&files, &one.path.to_string_lossy()),
            reason: crate::problem::without_paths(&one.reason),
        });
        Ok(Report {
            pictures: files.len(),
            usable: found.used,
            rejected: rejected.collect(),
            duplicates: copies
                .map(|one| Twice { name: named(&files, &one.name), copy_of: named(&files, &one.copy_of) })
                .collect(),
            sides: Sides { least: short.min, median: short.median, most: short.max },
            grey: found.grey * 2 > found.used,
            warnings: found.warnings,
            recipe: advice.map(|advice| Recipe {
                architecture: advice.architecture,
                size: advice.size,
                batch: advice.batch,
                steps: advice.steps,
                augment: advice.augment,
                mirror: advice.mirror,
                why: advice.why,
            }),
            imitation: Way { way, why: imitation.reason().to_owned() },
        })
    }
}

/// What clients call the file with this path.
fn named(files: &[FileInfo], path: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let file = files.iter().find(|file| path.contains(&file.id) || file.stored == last);
    file.map_or_else(|| last.to_owned(), |file| file.name.clone())
}
