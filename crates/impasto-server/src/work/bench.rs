//! What lies at hand: a few networks with their styles, a few pictures, so that the next preview need not fetch them.

use std::sync::Arc;

use impasto_engine::Control;
use impasto_engine::device::OpenDevice;
use impasto_engine::pipeline::generate::{GenerationJob, Studio};
use impasto_engine::pipeline::{Painter, Resources, StylizeJob};
use impasto_image::{Limits, Picture};

use crate::problem::Outcome;

/// Painters at hand: a network of a few megabytes and the codes of its styles each.
const PAINTERS: usize = 4;
/// Generators at hand.
const STUDIOS: usize = 2;
/// Pictures at hand, each at the size of a preview.
const PICTURES: usize = 6;

/// The few things that were used last; the newest is the last.
struct Few<T> {
    items: Vec<T>,
    most: usize,
}

impl<T> Few<T> {
    fn new(most: usize) -> Self {
        Self { items: Vec::new(), most }
    }

    fn take(&mut self, fits: impl FnMut(&mut T) -> bool) -> Option<T> {
        let place = self.items.iter_mut().rposition(fits)?;
        Some(self.items.remove(place))
    }

    fn put(&mut self, item: T) {
        if self.items.len() >= self.most {
            self.items.remove(0);
        }
        self.items.push(item);
    }
}

/// What lies at hand.
pub(super) struct Bench {
    resources: Resources,
    painters: Few<Painter>,
    studios: Few<Studio>,
    pictures: Few<((String, u32), Arc<Picture>)>,
}

impl Bench {
    pub(super) fn new(device: OpenDevice, limits: Limits) -> Self {
        let resources = Resources { limits, ..Resources::new(device) };
        Self { resources, painters: Few::new(PAINTERS), studios: Few::new(STUDIOS), pictures: Few::new(PICTURES) }
    }

    /// A painter for a job; give it back with [`Bench::put_painter`].
    pub(super) fn painter(&mut self, job: StylizeJob, control: &Control) -> Outcome<Painter> {
        let mut trouble = None;
        let found = self.painters.take(|painter| match painter.change(job.clone(), control) {
            Ok(fits) => fits,
            Err(e) => {
                trouble = Some(e);
                false
            }
        });
        match (found, trouble) {
            (Some(painter), _) => Ok(painter),
            (None, Some(e)) => Err(e.into()),
            (None, None) => Ok(Painter::new(job, self.resources.clone(), control)?),
        }
    }

    /// Puts everything away.
    pub(super) fn clear(&mut self) {
        self.painters.items.clear();
        self.studios.items.clear();
        self.pictures.items.clear();
    }

    pub(super) fn put_painter(&mut self, painter: Painter) {
        self.painters.put(painter);
    }

    /// A generator for a job; give it back with [`Bench::put_studio`].
    pub(super) fn studio(&mut self, job: GenerationJob) -> Outcome<Studio> {
        match self.studios.take(|studio| studio.job().model == job.model) {
            Some(mut studio) => match studio.change(job) {
                Ok(()) => Ok(studio),
                Err(e) => {
                    self.studios.put(studio);
                    Err(e.into())
                }
            },
            None => Ok(Studio::open(job, self.resources.device.clone())?),
        }
    }

    pub(super) fn put_studio(&mut self, studio: Studio) {
        self.studios.put(studio);
    }

    /// A picture that lies at hand under its id and side, or is fetched.
    pub(super) fn picture(
        &mut self,
        id: &str,
        side: u32,
        fetch: impl FnOnce() -> Outcome<Picture>,
    ) -> Outcome<Arc<Picture>> {
        let found = self.pictures.take(|(key, _)| key.0 == id && key.1 == side);
        let item = match found {
            Some(item) => item,
            None => ((id.to_owned(), side), Arc::new(fetch()?)),
        };
        let picture = Arc::clone(&item.1);
        self.pictures.put(item);
        Ok(picture)
    }
}
