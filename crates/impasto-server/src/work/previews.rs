//! Pictures to look at: small, soon, and not kept.

use std::sync::Arc;
use std::time::Instant;

use impasto_engine::Control;
use impasto_engine::pipeline::StylizeJob;
use impasto_image::{Limits, Picture};

use super::bench::Bench;
use crate::intake::{self, VIEW};
use crate::problem::{Outcome, Problem};
use crate::request::{Generate, Request, Style, Stylize, content};
use crate::store::Store;

/// The bundled picture that styles are shown on.
static SCENE: &[u8] = include_bytes!("../../../../examples/scene.png");
/// Its longer side there.
const SCENE_SIDE: u32 = 320;

/// What to look at.
pub(crate) enum SightOf {
    /// What a request would make, at most so many pixels a side.
    Request {
        /// The request, valid.
        request: Box<Request>,
        /// Pixels.
        side: u32,
    },
    /// The bundled picture in a style.
    Style(Style),
}

/// Something to look at.
pub(crate) struct Sight {
    /// A JPEG, or a PNG where something is transparent.
    pub(crate) bytes: Vec<u8>,
    /// Seconds it took to make.
    pub(crate) seconds: f64,
}

impl Bench {
    /// Makes something to look at.
    pub(super) fn sight(&mut self, of: &SightOf, store: &Store, control: &Control) -> Outcome<Sight> {
        let started = Instant::now();
        let picture = match of {
            SightOf::Request { request, side } => self.request(request, *side, store, control)?,
            SightOf::Style(style) => self.style(style.clone(), store, control)?,
        };
        let bytes = intake::encoded(&picture).map_err(Problem::internal)?;
        Ok(Sight { bytes, seconds: started.elapsed().as_secs_f64() })
    }

    fn request(&mut self, request: &Request, side: u32, store: &Store, control: &Control) -> Outcome<Picture> {
        match request {
            Request::Stylize(stylize) => {
                self.small(stylize.content.as_ref(), stylize.job(store)?, side, store, control)
            }
            Request::Translate(translate) => {
                self.small(translate.content.as_ref(), translate.job(store)?, side, store, control)
            }
            Request::Adjust(adjust) => {
                let picture = self.stored(content(adjust.content.as_ref())?, side, store)?;
                let mut picture = (*picture).clone();
                adjust.adjust.apply(&mut picture).map_err(|e| Problem::validation(e.to_string()))?;
                Ok(picture)
            }
            Request::Generate(generate) => {
                let picture = self.generate(generate, store, control)?;
                Ok(intake::shrunk(&picture, side).into_owned())
            }
            Request::Evolve(_)
            | Request::Walk(_)
            | Request::Project(_)
            | Request::Directions(_)
            | Request::Train(_) => {
                Err(Problem::validation(format!("there is no preview of '{}'; ask for it as a job", request.kind())))
            }
        }
    }

    /// Paints a stored picture small.
    fn small(
        &mut self,
        content_id: Option<&String>,
        job: StylizeJob,
        side: u32,
        store: &Store,
        control: &Control,
    ) -> Outcome<Picture> {
        let file = store.file(content(content_id)?)?;
        let picture = self.stored(&file.id, side, store)?;
        let scale = picture.width.max(picture.height) as f32 / file.width.max(file.height) as f32;
        self.paint(job, scale, &picture, control)
    }

    /// Paints with lengths in pixels made as much smaller as the picture is.
    fn paint(&mut self, job: StylizeJob, scale: f32, picture: &Picture, control: &Control) -> Outcome<Picture> {
        let job = StylizeJob { size: None, feather: job.feather * scale, ..job };
        let painter = self.painter(job, control)?;
        let painted = painter.paint(picture, None, control);
        self.put_painter(painter);
        Ok(painted?)
    }

    fn generate(&mut self, generate: &Generate, store: &Store, control: &Control) -> Outcome<Picture> {
        let points = generate.points(store)?;
        let studio = self.studio(generate.job(store)?)?;
        let mut made = None;
        let outcome = studio.generate(&points[..1], control, |_, picture| {
            made = Some(picture.picture);
            Ok(())
        });
        self.put_studio(studio);
        outcome?;
        made.ok_or_else(|| Problem::internal("a generator made nothing"))
    }

    fn style(&mut self, style: Style, store: &Store, control: &Control) -> Outcome<Picture> {
        let scene = self.picture("scene", SCENE_SIDE, || {
            let scene = impasto_image::decode(SCENE, &Limits::default()).map_err(Problem::internal)?;
            Ok(intake::shrunk(&scene, SCENE_SIDE).into_owned())
        })?;
        self.paint(Stylize::of(style).job(store)?, 1.0, &scene, control)
    }

    /// A stored picture, small. It is read from its small form, which was made here.
    fn stored(&mut self, id: &str, side: u32, store: &Store) -> Outcome<Arc<Picture>> {
        self.picture(id, side, || {
            let bytes = std::fs::read(store.shown(id, VIEW)).map_err(|_| Problem::not_found("file"))?;
            let view = impasto_image::decode(&bytes, &Limits::default()).map_err(Problem::internal)?;
            Ok(intake::shrunk(&view, side).into_owned())
        })
    }
}
