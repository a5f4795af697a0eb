//! `/v1/trainers` and `/v1/runs`: what can be learnt, and what is being learnt. A run is a job of the kind `train`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_engine::registry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::ask::{Id, Json, Wish};
use super::catalogue::titled;
use super::files::picture;
use crate::ids::is_id;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::{Request, Subject, Train};
use crate::runs::{RunFiles, card};
use crate::store::{Job, JobQuery, Kept, Progress, State as JobState};

/// Runs that are listed.
const RUNS: u32 = 200;
/// Lines of a log in one answer.
const LINES: usize = 5000;

/// What can be learnt.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trainers {
    trainers: Vec<TrainerInfo>,
}

/// Something that can be learnt.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrainerInfo {
    /// What requests call it.
    name: &'static str,
    /// For people.
    title: String,
    /// `generator`, `stylizer` or `translator`.
    task: &'static str,
    /// One line about it.
    summary: String,
    /// The kinds of pictures that it needs.
    roles: Vec<RoleInfo>,
    /// Settings that belong together.
    presets: Vec<PresetInfo>,
    /// The JSON Schema of its settings; a dot stands in names for a table's entry.
    #[schema(value_type = Object)]
    settings: Value,
}

/// A kind of pictures.
#[derive(Debug, Serialize, ToSchema)]
struct RoleInfo {
    name: &'static str,
    about: &'static str,
    /// Whether several collections mean several things, such as artists.
    several: bool,
    /// Whether another role can stand in for it.
    optional: bool,
}

/// Settings that belong together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrainerPreset)]
struct PresetInfo {
    name: &'static str,
    about: &'static str,
}

/// All runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Runs {
    /// The newest first.
    runs: Vec<Run>,
}

/// A run, as clients see it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Its id, which is its job's.
    id: String,
    /// Its job's title.
    name: String,
    /// What is learnt.
    what: String,
    /// The algorithm, once it is chosen.
    algorithm: Option<String>,
    /// Where it is.
    state: RunState,
    /// Steps done.
    step: u64,
    /// Steps in all, once they are chosen.
    steps: Option<u64>,
    created: String,
    started: Option<String>,
    finished: Option<String>,
    /// How far it is, where it runs.
    progress: Option<Progress>,
    /// Speed in its last sitting.
    samples_per_second: Option<f64>,
    /// What was logged last.
    #[schema(value_type = Object)]
    figures: Map<String, Value>,
    /// Steps of sample grids.
    samples: Vec<u64>,
    /// Steps that one can go back to.
    checkpoints: Vec<u64>,
    /// What the watch worried about, the latest 20.
    worries: Vec<Worry>,
    /// What a person should know.
    notes: Vec<String>,
    /// Why it failed.
    problem: Option<Problem>,
    /// What was asked for.
    request: Request,
    /// Its configuration, once it is begun.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Models that were kept of it.
    kept: Vec<String>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RunState {
    /// Waits.
    Queued,
    /// Learns.
    Training,
    /// Was stopped, and can go on.
    Paused,
    /// Did all its steps.
    Done,
    /// Its problem says why.
    Failed,
}

/// A worry of the watch.
#[derive(Debug, Serialize, ToSchema)]
struct Worry {
    step: u64,
    text: String,
}

/// Which lines of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogWish {
    /// Only those behind this many lines.
    #[serde(default)]
    #[param(minimum = 0)]
    after: usize,
}

/// Lines of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Log {
    /// Figures, worries and roll-backs, in their order.
    #[schema(value_type = Vec<Object>)]
    lines: Vec<Map<String, Value>>,
    /// What to give as `after` for the lines behind these.
    last: usize,
}

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollBack {
    /// One of the run's `checkpoints`.
    step: u64,
}

/// What to call a model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepAsk {
    /// Small letters, digits and hyphens.
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    name: String,
}

/// What can be learnt, what is asked for most first.
#[utoipa::path(get, path = "/v1/trainers", tag = "runs", responses((status = 200, body = Trainers)))]
pub(super) async fn trainers() -> Outcome<Answer<Trainers>> {
    Ok(Answer(Trainers { trainers: Subject::all().into_iter().map(trainer).collect::<Outcome<_>>()? }))
}

fn trainer(subject: Subject) -> Outcome<TrainerInfo> {
    let (entry, trainer) = subject.entry()?;
    let summary = match subject {
        Subject::Generator => {
            "a generator: makes new pictures like those it was trained on; its architecture, size and settings \
                               are chosen by the pictures"
                .to_owned()
        }
        Subject::Translation(method) => {
            format!("a translator: turns pictures of one kind into another; {}", method.about)
        }
        Subject::Algorithm(entry) => entry.descriptor.summary.to_owned(),
    };
    let task = match entry.descriptor.task {
        impasto_engine::descriptor::Task::Generator => "generator",
        impasto_engine::descriptor::Task::Translator => "translator",
        _ => "stylizer",
    };
    let title = match subject {
        Subject::Generator => "A generator of pictures like these".to_owned(),
        Subject::Algorithm(entry) if entry.descriptor.name == registry::ARTISTS => "An artist's hand".to_owned(),
        Subject::Algorithm(entry) => titled(entry.descriptor.name),
        Subject::Translation(method) => format!("A translator ({})", method.name),
    };
    let several = |role: &registry::Role| entry.descriptor.name == registry::ARTISTS && role.name == "paintings";
    let roles = subject.roles()?.into_iter().map(|(role, optional)| RoleInfo {
        name: role.name,
        about: role.about,
        several: several(&role),
        optional,
    });
    let presets = trainer.presets.iter().map(|preset| PresetInfo { name: preset.name, about: preset.about });
    let (roles, presets) = (roles.collect(), presets.collect());
    Ok(TrainerInfo { name: subject.name(), title, task, summary, roles, presets, settings: schema(trainer) })
}

/// The settings of a trainer as one object, each under the name that it is set by.
fn schema(trainer: &registry::Trainer) -> Value {
    let mut properties = Map::new();
    let mut order = Vec::new();
    for setting in trainer.settings.list() {
        let parsed: Option<toml::Table> = format!("v = {}", setting.default).parse().ok();
        let value = parsed.and_then(|mut table| table.remove("v")).and_then(|value| serde_json::to_value(value).ok());
        let value = value.unwrap_or_else(|| setting.default.clone().into());
        let kind = match &value {
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Array(_) => "array",
            _ => "string",
        };
        let title = titled(&setting.name.replace(['_', '.'], "-"));
        properties.insert(
            setting.name.to_owned(),
            json!({"type": kind, "default": value, "title": title, "description": setting.about}),
        );
        order.push(setting.name.to_owned());
    }
    json!({"type": "object", "properties": properties, "x-order": order})
}

/// All runs, the newest first.
#[utoipa::path(get, path = "/v1/runs", tag = "runs", responses((status = 200, body = Runs)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Outcome<Answer<Runs>> {
    let runs = app.ask(|app| {
        let query = JobQuery { kind: Some(Train::KIND), limit: RUNS, ..JobQuery::default() };
        let (jobs, _) = app.store.jobs(&query)?;
        jobs.into_iter().map(|job| app.run(job)).collect::<Outcome<_>>()
    });
    Ok(Answer(Runs { runs: runs.await? }))
}

/// A run.
#[utoipa::path(get, path = "/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = 404, body = Problem)))]
pub(super) async fn one(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<Answer<Run>> {
    app.ask(move |app| app.run(app.training(&id)?)).await.map(Answer)
}

impl App {
    /// The job of a run.
    fn training(&self, id: &str) -> Outcome<Job> {
        let job = self.store.job(id).map_err(|_| Problem::not_found("run"))?;
        if job.kind == Train::KIND { Ok(job) } else { Err(Problem::not_found("run")) }
    }

    fn files(&self, id: &str) -> Option<RunFiles> {
        RunFiles::find(&self.store.run_folder(id)).filter(RunFiles::is_begun)
    }

    fn run(&self, job: Job) -> Outcome<Run> {
        let job = self.live(job);
        let Request::Train(train) = &job.request else { return Err(Problem::internal("a run that trains nothing")) };
        let files = self.files(&job.id);
        let config = files.as_ref().and_then(RunFiles::config);
        let log = files.as_ref().map(RunFiles::log).unwrap_or_default();
        let checkpoints = files.as_ref().map(RunFiles::checkpoints).unwrap_or_default();
        let steps = config.as_ref().and_then(|config| config["training"]["steps"].as_u64());
        let last = log.iter().rev().find(|line| line.contains_key("samples_per_second"));
        let reached = checkpoints.last().copied().unwrap_or_default();
        let logged = last.and_then(|line| line.get("step")?.as_u64()).unwrap_or_default();
        // Behind the last line of a log that was rolled back since, checkpoints know.
        let step = if job.state == JobState::Running { logged.max(reached) } else { reached };
        let state = match job.state {
            JobState::Queued => RunState::Queued,
            JobState::Running => RunState::Training,
            JobState::Failed => RunState::Failed,
            JobState::Cancelled => RunState::Paused,
            JobState::Done if steps.is_some_and(|steps| step >= steps) => RunState::Done,
            JobState::Done => RunState::Paused,
        };
        let worry = |line: &Map<String, Value>| {
            let text = line.get("worry").or_else(|| line.get("trouble"))?.as_str()?.to_owned();
            Some(Worry { step: line.get("step")?.as_u64()?, text })
        };
        let mut worries: Vec<Worry> = log.iter().rev().filter_map(worry).take(20).collect();
        worries.reverse();
        let kept = self.store.all_kept()?.into_iter().filter(|kept| kept.run == job.id).map(|kept| kept.name);
        Ok(Run {
            name: job.title,
            what: train.what.clone(),
            algorithm: config.as_ref().and_then(|config| config["algorithm"].as_str().map(str::to_owned)),
            state,
            step,
            steps,
            created: job.created,
            started: job.started,
            finished: job.finished,
            progress: job.progress,
            samples_per_second: last.and_then(|line| line.get("samples_per_second")?.as_f64()),
            figures: last.and_then(|line| line.get("metrics")?.as_object().cloned()).unwrap_or_default(),
            samples: files.as_ref().map(RunFiles::samples).unwrap_or_default(),
            checkpoints,
            worries,
            notes: job.notes,
            problem: job.problem,
            kept: kept.collect(),
            config,
            request: job.request,
            id: job.id,
        })
    }
}

/// What a run logged: figures every few steps, worries, roll-backs.
#[utoipa::path(get, path = "/v1/runs/{id}/log", tag = "runs", params(("id" = String, Path), LogWish),
    responses((status = 200, body = Log), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn log(State(app): State<Arc<App>>, Id(id): Id, Wish(wish): Wish<LogWish>) -> Outcome<Answer<Log>> {
    let all = app.ask(move |app| {
        app.training(&id)?;
        Ok(app.files(&id).map(|files| files.log()).unwrap_or_default())
    });
    let lines: Vec<_> = all.await?.into_iter().skip(wish.after).take(LINES).collect();
    Ok(Answer(Log { last: wish.after + lines.len(), lines }))
}

/// The sample grid of a step (PNG).
#[utoipa::path(get, path = "/v1/runs/{id}/samples/{step}", tag = "runs",
    params(("id" = String, Path), ("step" = u64, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = Problem)))]
pub(super) async fn sample(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, u64)>, PathRejection>,
) -> Outcome<Response> {
    let Some(Path((id, step))) = path.ok().filter(|Path((id, _))| is_id(id)) else {
        return Err(Problem::not_found("grid"));
    };
    let bytes = app.ask(move |app| {
        app.training(&id)?;
        let files = app.files(&id).filter(|files| files.samples().contains(&step));
        let files = files.ok_or_else(|| Problem::not_found("grid"))?;
        std::fs::read(files.sample(step)).map_err(Problem::internal)
    });
    // Another grid of the same step may come after a roll-back.
    Ok(picture(bytes.await?, "no-cache"))
}

/// Stops a run within a step, with a checkpoint from which it can go on.
#[utoipa::path(post, path = "/v1/runs/{id}/pause", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = Run), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn pause(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<(StatusCode, Answer<Run>)> {
    let run = app.ask(move |app| {
        app.training(&id)?;
        if !app.store.cancel(&id)? {
            return Err(Problem::new(Kind::Conflict, "It does not train."));
        }
        app.desk.cancel(&id);
        app.run(app.training(&id)?)
    });
    Ok((StatusCode::ACCEPTED, Answer(run.await?)))
}

/// Lets a run that was stopped, or failed, go on from its last checkpoint.
#[utoipa::path(post, path = "/v1/runs/{id}/resume", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = Run), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn resume(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<(StatusCode, Answer<Run>)> {
    let run = app.ask(move |app| {
        let run = app.run(app.training(&id)?)?;
        if run.state == RunState::Done {
            return Err(Problem::new(Kind::Conflict, "It did all its steps."));
        }
        // Where the last checkpoint is still being written, it goes on once that is done.
        let job = app.store.retry(&id)?;
        app.run(job)
    });
    let run = run.await?;
    app.desk.call();
    Ok((StatusCode::ACCEPTED, Answer(run)))
}

impl App {
    /// Refuses where the engine's thread is still about a run: it writes its last checkpoint.
    fn idle(&self, id: &str) -> Outcome<()> {
        match self.desk.at_hand().iter().any(|job| job == id) {
            true => Err(Problem::new(Kind::Conflict, "It is still writing its checkpoint; try again in a moment.")),
            false => Ok(()),
        }
    }

    /// A run that neither waits nor learns.
    fn at_rest(&self, id: &str) -> Outcome<Job> {
        let job = self.training(id)?;
        if matches!(job.state, JobState::Queued | JobState::Running) {
            return Err(Problem::new(Kind::Conflict, "It trains; pause it first."));
        }
        self.idle(id)?;
        Ok(job)
    }
}

/// Gives up what a run learnt since a checkpoint; it goes on from there when it is resumed.
#[utoipa::path(post, path = "/v1/runs/{id}/rollback", tag = "runs", params(("id" = String, Path)),
    request_body = RollBack,
    responses((status = 200, body = Run), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(ask): Json<RollBack>,
) -> Outcome<Answer<Run>> {
    let run = app.ask(move |app| {
        let job = app.at_rest(&id)?;
        let files = app.files(&id).ok_or_else(|| Problem::new(Kind::Conflict, "It was not begun yet."))?;
        files.roll_back(ask.step)?;
        app.run(job)
    });
    run.await.map(Answer)
}

/// Removes a run with everything that it learnt; models that were kept of it stay.
#[utoipa::path(delete, path = "/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn remove(State(app): State<Arc<App>>, Id(id): Id) -> Outcome<StatusCode> {
    app.ask(move |app| {
        app.at_rest(&id)?;
        app.store.forget(&id, true)?;
        // Without its job it is no longer there; what cannot be removed now goes when the server starts.
        let _ = std::fs::remove_dir_all(app.store.run_folder(&id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Keeps what a run has learnt as a model, with a card.
#[utoipa::path(post, path = "/v1/runs/{id}/keep", tag = "runs", params(("id" = String, Path)), request_body = KeepAsk,
    responses((status = 201, body = Kept), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn keep(State(app): State<Arc<App>>, Id(id): Id, Json(ask): Json<KeepAsk>) -> Outcome<Response> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let name = ask.name;
    if !(1..=40).contains(&name.len()) || !name.bytes().all(plain) || name.starts_with('-') || name.ends_with('-') {
        return Err(Problem::validation("a model's name has 1 to 40 small letters, digits and hyphens"));
    }
    let kept = app.ask(move |app| {
        let job = app.training(&id)?;
        if impasto_engine::models::bundled_generator(&name).is_some() || registry::find(&name).is_ok() {
            return Err(Problem::new(Kind::Conflict, "impasto's own models have this name."));
        }
        let files = app.files(&id).ok_or_else(|| Problem::new(Kind::Conflict, "It was not begun yet."))?;
        let room = app.store.room()?;
        let weights = room.path().join("weights.safetensors");
        let (header, artists) = files.export(&job.title, &weights)?;
        let (task, usage) = match registry::find(&header.algorithm)?.descriptor.task {
            impasto_engine::descriptor::Task::Generator => {
                ("generator", format!("Makes pictures by `impasto generate {name}.safetensors --seeds 0-63 --grid`."))
            }
            impasto_engine::descriptor::Task::Translator => (
                "translator",
                format!("Translates pictures by `impasto translate {name}.safetensors photo.jpg -o out.png`."),
            ),
            _ if artists.is_empty() => (
                "stylizer",
                format!("Paints by `impasto stylize photo.jpg --style painting.jpg --model {name}.safetensors`."),
            ),
            _ => {
                let artist = &artists[0];
                (
                    "stylizer",
                    format!("Paints by `impasto stylize photo.jpg --artist {artist} --model {name}.safetensors`."),
                )
            }
        };
        let (task, text) = (task.to_owned(), card(&name, &header, &usage));
        let kept = Kept {
            name,
            title: job.title,
            task,
            algorithm: header.algorithm,
            artists,
            run: id,
            created: String::new(),
        };
        app.store.keep_model(&kept, &weights, &text)
    });
    let kept = kept.await?;
    let location = format!("/v1/models/{}/card", kept.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Answer(kept)).into_response())
}
