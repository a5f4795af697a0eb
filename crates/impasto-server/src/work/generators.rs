//! Jobs of generators: every picture keeps where it lies beside it.

use std::path::Path;

use impasto_engine::Control;
use impasto_engine::EngineError;
use impasto_engine::pipeline::Target;
use impasto_engine::pipeline::explore::{Brood, Eye, Walk as Way, find, offspring, project, projected};
use impasto_engine::pipeline::generate::{Code, GenerationJob, Made as Generated, Studio};
use impasto_image::animation::encode_gif;
use impasto_image::{Format, ImageError};

use super::jobs::Made;
use super::{Shared, lock};
use crate::problem::{Outcome, Problem};
use crate::request::{Directions, Evolve, Generate, Project, Request, Walk, content};
use crate::store::{CODE, refused};

impl Shared {
    /// Works with a generator that lies at hand, or is fetched and then lies there.
    fn with_studio<T>(&self, job: GenerationJob, work: impl FnOnce(&Studio) -> Outcome<T>) -> Outcome<T> {
        let studio = lock(&self.bench).studio(job)?;
        let done = work(&studio);
        lock(&self.bench).put_studio(studio);
        done
    }

    /// Keeps a generator's picture, and where it lies.
    fn kept(
        &self,
        studio: &Studio,
        stem: &str,
        made: Generated,
        code: &Code,
        of: Request,
        control: &Control,
    ) -> Outcome<Made> {
        let output = of.output();
        let place = self.place(stem, output.format.format())?;
        let target = Target::File(place.file());
        target.write(&made.picture, &output.options(), Some(made.parameters), control)?;
        let bytes = code.encode(studio.form(), studio.model(), &format!("of {stem}"))?;
        std::fs::write(place.folder.path().join(CODE), bytes).map_err(|e| refused(&e))?;
        self.looked_at(place, of)
    }

    pub(super) fn generated(&self, generate: &Generate, control: &Control) -> Outcome<Vec<Made>> {
        let store = &self.tools.store;
        let (points, each) = (generate.points(store)?, generate.each());
        self.with_studio(generate.job(store)?, |studio| {
            let mut made = Vec::new();
            let mut trouble = None;
            let outcome = studio.generate(&points, control, |index, picture| {
                let code = studio.place(&points[index])?;
                let one = each[index].clone();
                let stem = match one.seeds.first() {
                    Some(seed) => format!("{}-seed{seed:04}", generate.model),
                    None => format!("{}-from-{}", generate.model, self.stem(&one.codes[0])),
                };
                match self.kept(studio, &stem, picture, &code, Request::Generate(one), control) {
                    Ok(kept) => made.push(kept),
                    Err(problem) => {
                        trouble = Some(problem);
                        control.cancel();
                    }
                }
                control.check()
            });
            match trouble {
                Some(problem) => Err(problem),
                None => Ok(outcome.map(|()| made)?),
            }
        })
    }

    pub(super) fn evolved(&self, evolve: &Evolve, control: &Control) -> Outcome<Vec<Made>> {
        let store = &self.tools.store;
        let parents = evolve.parents(store)?;
        let brood = Brood { parents: &parents, job: evolve.brood(), child: evolve.child };
        self.with_studio(evolve.job(store)?, |studio| {
            let children = offspring(studio, &brood, control)?;
            let keep = |child: impasto_engine::pipeline::explore::Child| {
                let stem = format!("{}-child{:02}", evolve.model, child.place);
                let of = Request::Evolve(Evolve { child: Some(child.place), ..evolve.clone() });
                self.kept(studio, &stem, child.made, &child.code, of, control)
            };
            children.into_iter().map(keep).collect()
        })
    }

    pub(super) fn walked(&self, walk: &Walk, control: &Control) -> Outcome<Vec<Made>> {
        let store = &self.tools.store;
        let stations = walk.stations(store)?;
        let place = self.place(&format!("{}-walk", walk.model), Format::Gif)?;
        let bytes = self.with_studio(walk.job(store)?, |studio| {
            let way = Way::new(studio, &stations, walk.walk())?;
            let mut frames = way.one_by_one(control);
            encode_gif(walk.fps, || frames().map_err(Stopped::from)).map_err(|stopped| stopped.0)
        })?;
        std::fs::write(place.file(), bytes).map_err(|e| refused(&e))?;
        Ok(vec![self.looked_at(place, Request::Walk(walk.clone()))?])
    }

    pub(super) fn projected(&self, wanted: &Project, control: &Control) -> Outcome<Vec<Made>> {
        let (tools, search) = (&self.tools, wanted.search());
        let (input, stem) = self.input(content(wanted.content.as_ref())?)?;
        let photograph = input.open(&tools.limits, control)?;
        // With gradients, so not the one that lies at hand.
        let mut device = tools.device.clone();
        device.device = device.device.autodiff();
        let studio = Studio::open(wanted.job(&tools.store)?, device)?;
        let eye = Eye::open(None, studio.device())?;
        let found = project(&studio, &photograph.picture, &search, &eye, None, control)?;
        // The best so far is not what was asked for.
        control.check()?;
        let parameters = projected(&studio, &found, &search, &eye, &photograph.origin.blake3, Path::new(&stem));
        let made = Generated { picture: found.picture, parameters };
        let stem = format!("{stem}-{}", wanted.model);
        control.note(format!("distance {:.3}", found.distance));
        Ok(vec![self.kept(&studio, &stem, made, &found.code, Request::Project(wanted.clone()), control)?])
    }

    pub(super) fn directions(&self, wanted: &Directions, control: &Control) -> Outcome<Vec<Made>> {
        let store = &self.tools.store;
        self.with_studio(wanted.job(store)?, |studio| {
            let found = find(studio, &wanted.search(), control)?;
            impasto_engine::weights::write_atomic(&wanted.file(store), &found.encode(studio.form())?)?;
            control.note(format!("{} directions", found.all.len()));
            Ok(Vec::new())
        })
    }

    /// A stored picture's name without the extension.
    fn stem(&self, id: &str) -> String {
        let name = self.tools.store.file(id).map(|file| file.name).unwrap_or_default();
        name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())
    }
}

/// What ends an animation early.
struct Stopped(Problem);

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Self {
        Self(error.into())
    }
}

impl From<ImageError> for Stopped {
    fn from(error: ImageError) -> Self {
        Self(Problem::internal(error))
    }
}
