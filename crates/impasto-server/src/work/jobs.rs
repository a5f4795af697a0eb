//! Jobs: from a request to files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use impasto_engine::Control;
use impasto_engine::models::hash_file;
use impasto_engine::pipeline::{Input, StylizeJob, Target, adjust_file, file_label};
use impasto_image::Format;
use tempfile::TempDir;

use super::watch::{Log, caught};
use super::{Running, Shared, lock};
use crate::ids::{self, safe_name};
use crate::intake::{self, Haste};
use crate::problem::{Outcome, Problem};
use crate::request::{Adjust, Request, Style, Stylize, content};
use crate::store::{CODE, Claim, Live, NewFile, Role};

/// How often previews are looked for while another process is waited for.
const GLANCE: Duration = Duration::from_millis(10);

/// A result with the folder in which it waits to be kept.
pub(super) type Made = (NewFile, TempDir);

impl Shared {
    /// Works on a job until it is over, in one way or another.
    pub(super) fn run(self: &Arc<Self>, claim: Claim) {
        let Claim { id, request } = claim;
        let log = Arc::new(Log::new(&id));
        let control = self.control(&log, matches!(request, Request::Train(_)));
        lock(&self.running).push(Running { id: id.clone(), control: control.clone(), progress: None });
        // Asked to stop, or cancelled, before it could be found.
        let unwanted = self.stop.load(Ordering::SeqCst)
            || self.tools.store.job(&id).is_ok_and(|job| job.state != crate::store::State::Running);
        if unwanted {
            control.cancel();
        }
        let outcome = caught(|| self.made(&id, &request, &control));
        lock(&self.running).pop();
        let (store, notes) = (&self.tools.store, log.notes());
        let ended = match outcome {
            // What optimisation has when it is stopped is not what was asked for.
            Ok(_) | Err(_) if control.is_cancelled() && self.stop.load(Ordering::SeqCst) => store.put_back(&id),
            Ok(made) => store.complete(&id, &made, &notes),
            Err(problem) => store.fail(&id, &problem, &notes),
        };
        if let Err(problem) = ended {
            // The job is still running in the store, and is taken back when the server starts again.
            tracing::error!("job {id} could not be ended: {}", problem.detail);
        }
    }

    /// What a job reports to; between its steps previews are painted, and where it is long brief jobs are done.
    fn control(self: &Arc<Self>, log: &Arc<Log>, long: bool) -> Control {
        let (shared, resting, log) = (Arc::clone(self), Arc::clone(self), Arc::clone(log));
        let control = Control::new(move |event| {
            if let Some(progress) = log.hear(&event) {
                if let Some(running) = lock(&shared.running).iter_mut().find(|running| running.id == progress.job) {
                    running.progress = Some(progress.clone());
                }
                shared.tools.store.tell(Live::Progress(progress));
            }
            shared.look_up();
        });
        control.with_rest(move || if long { resting.serve_others() } else { resting.look_up() })
    }

    /// Between two steps of a training: previews, and the brief jobs that wait.
    fn serve_others(self: &Arc<Self>) {
        self.look_up();
        while !self.stop.load(Ordering::SeqCst) {
            // What cannot be claimed now is claimed between the next two steps.
            let Ok(Some(claim)) = self.tools.store.claim(true) else { return };
            self.run(claim);
            self.look_up();
        }
    }

    fn made(self: &Arc<Self>, id: &str, request: &Request, control: &Control) -> Outcome<Vec<Made>> {
        match request {
            Request::Stylize(stylize) => {
                let job = stylize.job(&self.tools.store)?;
                self.painted(stylize.content.as_ref(), &styles_label(stylize), job, request, control)
            }
            Request::Translate(translate) => {
                let job = translate.job(&self.tools.store)?;
                self.painted(translate.content.as_ref(), &translate.model, job, request, control)
            }
            Request::Adjust(adjust) => Ok(vec![self.adjusted(adjust, request, control)?]),
            Request::Generate(generate) => self.generated(generate, control),
            Request::Evolve(evolve) => self.evolved(evolve, control),
            Request::Walk(walk) => self.walked(walk, control),
            Request::Project(project) => self.projected(project, control),
            Request::Directions(directions) => self.directions(directions, control),
            Request::Train(train) => self.trained(id, train, control).map(|()| Vec::new()),
        }
    }

    fn painted(
        &self,
        content_id: Option<&String>,
        label: &str,
        job: StylizeJob,
        request: &Request,
        control: &Control,
    ) -> Outcome<Vec<Made>> {
        let (input, stem) = self.input(content(content_id)?)?;
        let place = self.place(&format!("{stem}-{label}"), request.output().format.format())?;
        let painter = lock(&self.bench).painter(job, control)?;
        let options = request.output().options();
        let painted = painter.paint_file(&input, &Target::File(place.file()), &options, None, control);
        lock(&self.bench).put_painter(painter);
        painted?;
        Ok(vec![self.looked_at(place, request.clone())?])
    }

    fn adjusted(&self, adjust: &Adjust, request: &Request, control: &Control) -> Outcome<Made> {
        let (input, stem) = self.input(content(adjust.content.as_ref())?)?;
        let place = self.place(&format!("{stem}-adjusted"), request.output().format.format())?;
        let (target, options) = (Target::File(place.file()), request.output().options());
        adjust_file(&input, &adjust.adjust, &target, &options, &self.tools.limits, None, control)?;
        self.looked_at(place, request.clone())
    }

    /// A stored picture as the engine reads it, and its name without the extension.
    pub(super) fn input(&self, id: &str) -> Outcome<(Input, String)> {
        let file = self.tools.store.file(id)?;
        let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem).to_owned();
        Ok((Input::File(self.tools.store.path_of(&file)), stem))
    }

    /// A place for a result.
    pub(super) fn place(&self, stem: &str, format: Format) -> Outcome<Place> {
        let id = ids::fresh("f_");
        let folder = self.tools.store.room()?;
        let name = safe_name(stem, format);
        Ok(Place { id, folder, name })
    }

    /// A result that was written, its small forms beside it.
    pub(super) fn looked_at(&self, place: Place, request: Request) -> Outcome<Made> {
        let file = place.file();
        let tools = &self.tools;
        // Results may be larger than what is let in.
        let limits = impasto_image::Limits { max_file_bytes: u64::MAX, max_side: u32::MAX, ..tools.limits };
        let facts = {
            let looked = intake::decode(&tools.decoder, &file, place.folder.path(), &limits, Haste::Engine);
            let mut looked = std::pin::pin!(looked);
            loop {
                let waited = async { tokio::time::timeout(GLANCE, &mut looked).await };
                match tools.runtime.block_on(waited) {
                    Ok(facts) => break facts?,
                    Err(_) => self.look_up(),
                }
            }
        };
        let bytes = std::fs::metadata(&file).map_err(Problem::internal)?.len();
        let made = NewFile::new(place.id, Role::Result, place.name, &facts, bytes, hash_file(&file)?);
        let code = place.folder.path().join(CODE).exists();
        let made = NewFile { request: Some(request), code, ..made };
        Ok((made, place.folder))
    }
}

/// Where a result is written.
pub(super) struct Place {
    pub(super) id: String,
    pub(super) folder: TempDir,
    name: String,
}

impl Place {
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}

/// The styles of a request in a file's name.
fn styles_label(stylize: &Stylize) -> String {
    let labels: Vec<String> = stylize.styles.iter().map(Style::label).collect();
    file_label(&labels)
}
