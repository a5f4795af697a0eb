//! What can be asked of a generator.

use std::path::PathBuf;

use impasto_engine::models::{GeneratorSpec, bundled_generator};
use impasto_engine::pipeline::explore::{DirectionsJob, Ease, EvolveJob, Method, ProjectJob, Space, WalkJob};
use impasto_engine::pipeline::generate::{
    ClassShare, GenerationJob, Layers, Mix as EngineMix, Move as EngineMove, Point,
};
use impasto_image::adjust::Adjustments;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Output, Shelf, one};
use crate::problem::{Outcome, Problem};

/// Most pictures of a request.
const POINTS: usize = 64;
/// Most parents.
const PARENTS: usize = 16;
/// Most frames of a walk.
const FRAMES: usize = 4800;

/// Pictures of a generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    /// The generator, see `/v1/models`.
    pub(crate) model: String,
    /// A picture for each seed; with those of `codes` 1 to 64.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub(crate) seeds: Vec<u64>,
    /// Then a picture for each of these ids, from where the pictures with these ids lie; their `code` is true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub(crate) codes: Vec<String>,
    /// Truncation psi, from -4 to 4: below 1 is more usual and less varied.
    #[serde(default = "one")]
    #[schema(minimum = -4, maximum = 4)]
    pub(crate) trunc: f32,
    /// Classes of every picture, mixed by their weights; where empty, the seeds decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<Class>,
    /// Steps along the model's directions, see `/v1/models/{name}/directions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub(crate) moves: Vec<Move>,
    /// What some layers take their styles from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mix: Option<Mix>,
    /// Adjustments of the pictures.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) adjust: Adjustments,
    /// Whether pictures are turned left to right.
    #[serde(default)]
    pub(crate) mirror: bool,
    /// Whether pictures go on where they began, as patterns without seams.
    #[serde(default)]
    pub(crate) tile: bool,
    /// How the results are stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// A class and its share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    /// Its name.
    pub(crate) class: String,
    /// Its share among the classes; only ratios matter.
    #[serde(default = "one")]
    #[schema(minimum = 0)]
    pub(crate) weight: f32,
}

/// A step along a direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// The direction's name.
    pub(crate) direction: String,
    /// How far, in deviations of the pictures along it.
    #[schema(minimum = -100, maximum = 100)]
    pub(crate) amount: f32,
}

/// Styles of another picture: exactly one of `seed` and `code`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mix {
    /// The other picture's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// The id of a picture that lies in the generator's space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Layers that are taken from it; 0 is the coarsest.
    #[schema(min_items = 1, max_items = 64)]
    pub(crate) layers: Vec<usize>,
}

/// Children of a generator's pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evolve {
    /// The generator.
    pub(crate) model: String,
    /// Parents: seeds.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub(crate) seeds: Vec<u64>,
    /// Parents: ids of pictures that lie in the generator's space. Without any parents, the children are drawn.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub(crate) codes: Vec<String>,
    /// How many children.
    #[serde(default = "dozen")]
    #[schema(minimum = 2, maximum = 64)]
    pub(crate) children: usize,
    /// How far they are changed.
    #[serde(default = "third")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) mutation: f32,
    /// How far they are apart at least; strangers are about 1.4 apart.
    #[serde(default = "third")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) diversity: f32,
    /// Seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Truncation psi of seeds and of strangers, towards whom children are changed.
    #[serde(default = "one")]
    #[schema(minimum = -4, maximum = 4)]
    pub(crate) trunc: f32,
    /// Classes of parents that are seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<Class>,
    /// The one child that is wanted; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 63)]
    pub(crate) child: Option<usize>,
    /// How the results are stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// A walk from picture to picture, and its animation (GIF).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Walk {
    /// The generator.
    pub(crate) model: String,
    /// Stations: seeds. With those of `codes` at least two.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub(crate) seeds: Vec<u64>,
    /// Stations behind them: ids of pictures that lie in the generator's space.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub(crate) codes: Vec<String>,
    /// Frames from one station to the next.
    #[serde(default = "steps")]
    #[schema(minimum = 1, maximum = 240)]
    pub(crate) steps: usize,
    /// Where the way lies: `style` (straight) or `latent` (on arcs; seeds only).
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) space: Space,
    /// How it is divided: `smooth` or `linear`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) ease: Ease,
    /// Whether it leads back to the first station.
    #[serde(default = "yes")]
    pub(crate) closed: bool,
    /// Frames a second.
    #[serde(default = "fps")]
    #[schema(minimum = 1, maximum = 50)]
    pub(crate) fps: u32,
    /// Truncation psi.
    #[serde(default = "one")]
    #[schema(minimum = -4, maximum = 4)]
    pub(crate) trunc: f32,
    /// Classes of stations that are seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<Class>,
}

/// A picture looked for among a generator's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// The generator.
    pub(crate) model: String,
    /// The picture's id; it is cut to the generator's proportions about its middle.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// Steps of optimisation.
    #[serde(default = "search")]
    #[schema(minimum = 4, maximum = 5000)]
    pub(crate) steps: usize,
    /// Places to start from.
    #[serde(default = "starts")]
    #[schema(minimum = 1, maximum = 16)]
    pub(crate) starts: usize,
    /// Whether the noise of the layers is looked for too.
    #[serde(default = "yes")]
    pub(crate) noise: bool,
    /// Seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How the result is stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// The directions along which a generator's pictures change; what is found is kept in place of what was found before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directions {
    /// The generator.
    pub(crate) model: String,
    /// How they are found: `pca`, `ica`, `closed`.
    #[serde(default = "pca")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 3)]
    pub(crate) methods: Vec<Method>,
    /// Directions of each method.
    #[serde(default = "eight")]
    #[schema(minimum = 1, maximum = 32)]
    pub(crate) count: usize,
    /// Seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
}

fn dozen() -> usize {
    12
}

fn third() -> f32 {
    0.3
}

fn steps() -> usize {
    24
}

fn fps() -> u32 {
    20
}

fn yes() -> bool {
    true
}

fn search() -> usize {
    ProjectJob::default().steps
}

fn starts() -> usize {
    ProjectJob::default().starts
}

fn pca() -> Vec<Method> {
    vec![Method::Pca]
}

fn eight() -> usize {
    8
}

/// A generator by its name: a bundled one, or one that was kept here.
pub(super) fn spec(name: &str, shelf: &dyn Shelf) -> Outcome<GeneratorSpec> {
    if bundled_generator(name).is_some() {
        return Ok(name.parse()?);
    }
    let unknown = |_| super::job::unknown("generator", name, "/v1/models");
    Ok(shelf.model(name).map_err(unknown)?.display().to_string().parse()?)
}

/// Pictures by seeds and ids.
fn points(seeds: &[u64], codes: &[String], shelf: &dyn Shelf) -> Outcome<Vec<Point>> {
    let seed = |&seed: &u64| checked(seed).map(Point::Seed);
    let code = |id: &String| shelf.code(id).map(Point::Code);
    seeds.iter().map(seed).chain(codes.iter().map(code)).collect()
}

/// Refuses seeds that not every reader of JSON can hold.
pub(super) fn checked(seed: u64) -> Outcome<u64> {
    if seed < 1 << 53 { Ok(seed) } else { Err(Problem::validation("a seed is 2^53 or more")) }
}

fn shares(classes: &[Class]) -> Outcome<Vec<ClassShare>> {
    let share = |share: &Class| {
        if !(share.weight.is_finite() && share.weight >= 0.0) {
            return Err(Problem::validation(format!("a class's weight is {}, not a number from 0", share.weight)));
        }
        Ok(ClassShare { class: share.class.clone(), weight: share.weight })
    };
    classes.iter().map(share).collect()
}

/// A job of a generator with nothing but truncation and classes.
fn plain(model: &str, trunc: f32, classes: &[Class], shelf: &dyn Shelf) -> Outcome<GenerationJob> {
    let job = GenerationJob { trunc, classes: shares(classes)?, ..GenerationJob::new(spec(model, shelf)?) };
    job.validate()?;
    Ok(job)
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Outcome<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(Problem::validation(format!("{name} is {value}, not from {low} to {high}")))
}

impl Generate {
    /// Pictures as they come.
    pub(crate) fn of(model: String, seeds: Vec<u64>) -> Self {
        Self {
            model,
            seeds,
            codes: Vec::new(),
            trunc: one(),
            classes: Vec::new(),
            moves: Vec::new(),
            mix: None,
            adjust: Adjustments::default(),
            mirror: false,
            tile: false,
            output: Output::default(),
        }
    }

    /// What the engine is to do.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<GenerationJob> {
        let file = shelf.directions(&self.model);
        let step = |step: &Move| {
            if !(step.amount.is_finite() && step.amount.abs() <= 100.0) {
                return Err(Problem::validation(format!("a move's amount is {}, not from -100 to 100", step.amount)));
            }
            if !file.exists() {
                let text = format!("{} has no directions yet; find some by a job of the kind 'directions'", self.model);
                return Err(Problem::validation(text));
            }
            Ok(EngineMove { file: file.clone(), name: step.direction.clone(), amount: step.amount })
        };
        let job = GenerationJob {
            moves: self.moves.iter().map(step).collect::<Outcome<_>>()?,
            mix: self.mix.as_ref().map(|mix| mix.mix(shelf)).transpose()?,
            adjust: self.adjust,
            mirror: self.mirror,
            tile: self.tile,
            ..plain(&self.model, self.trunc, &self.classes, shelf)?
        };
        job.validate()?;
        Ok(job)
    }

    /// Its pictures, one for each of the requests of [`Generate::each`].
    pub(crate) fn points(&self, shelf: &dyn Shelf) -> Outcome<Vec<Point>> {
        within("the number of pictures", self.seeds.len() + self.codes.len(), 1, POINTS)?;
        points(&self.seeds, &self.codes, shelf)
    }

    /// A request for each of its pictures.
    pub(crate) fn each(&self) -> Vec<Self> {
        let seed = |&seed: &u64| Self { seeds: vec![seed], codes: Vec::new(), ..self.clone() };
        let code = |code: &String| Self { seeds: Vec::new(), codes: vec![code.clone()], ..self.clone() };
        self.seeds.iter().map(seed).chain(self.codes.iter().map(code)).collect()
    }

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        self.points(shelf)?;
        self.job(shelf).map(drop)
    }
}

impl Mix {
    fn mix(&self, shelf: &dyn Shelf) -> Outcome<EngineMix> {
        let with = match (self.seed, &self.code) {
            (Some(seed), None) => Point::Seed(checked(seed)?),
            (None, Some(code)) => Point::Code(shelf.code(code)?),
            _ => return Err(Problem::validation("mix has exactly one of seed and code")),
        };
        let numbers: Vec<String> = self.layers.iter().map(usize::to_string).collect();
        let layers: Layers = numbers.join(",").parse()?;
        Ok(EngineMix { with, layers })
    }
}

impl Evolve {
    /// What its pictures look like.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<GenerationJob> {
        plain(&self.model, self.trunc, &self.classes, shelf)
    }

    /// How children come about.
    pub(crate) fn brood(&self) -> EvolveJob {
        let Self { seed, children, mutation, diversity, .. } = *self;
        EvolveJob { seed, size: children, mutation, diversity }
    }

    pub(crate) fn parents(&self, shelf: &dyn Shelf) -> Outcome<Vec<Point>> {
        points(&self.seeds, &self.codes, shelf)
    }

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        within("the number of parents", self.seeds.len() + self.codes.len(), 0, PARENTS)?;
        within("children", self.children, 2, 64)?;
        within("mutation", self.mutation, 0.0, 1.0)?;
        within("diversity", self.diversity, 0.0, 1.0)?;
        within("child", self.child.unwrap_or_default(), 0, self.children - 1)?;
        checked(self.seed)?;
        self.parents(shelf)?;
        self.job(shelf).map(drop)
    }
}

impl Walk {
    /// What its pictures look like.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<GenerationJob> {
        plain(&self.model, self.trunc, &self.classes, shelf)
    }

    /// How the way goes.
    pub(crate) fn walk(&self) -> WalkJob {
        WalkJob { steps: self.steps, space: self.space, ease: self.ease, closed: self.closed }
    }

    pub(crate) fn stations(&self, shelf: &dyn Shelf) -> Outcome<Vec<Point>> {
        points(&self.seeds, &self.codes, shelf)
    }

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        let stations = self.seeds.len() + self.codes.len();
        within("the number of stations", stations, 2, POINTS)?;
        within("steps", self.steps, 1, 240)?;
        within("the number of frames", stations * self.steps, 2, FRAMES)?;
        within("fps", self.fps, 1, 50)?;
        if self.space == Space::Latent && !self.codes.is_empty() {
            return Err(Problem::validation(
                "codes have styles and no latents: walk with space style, or by seeds alone",
            ));
        }
        self.stations(shelf)?;
        self.job(shelf).map(drop)
    }
}

impl Project {
    /// The generator with nothing set.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<GenerationJob> {
        plain(&self.model, one(), &[], shelf)
    }

    /// How it is looked for.
    pub(crate) fn search(&self) -> ProjectJob {
        let Self { steps, starts, noise, seed, .. } = *self;
        ProjectJob { steps, starts, noise, seed, ..ProjectJob::default() }
    }

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        within("steps", self.steps, 4, 5000)?;
        within("starts", self.starts, 1, 16.min(self.steps))?;
        checked(self.seed)?;
        self.job(shelf).map(drop)
    }
}

impl Directions {
    /// The generator with nothing set.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<GenerationJob> {
        plain(&self.model, one(), &[], shelf)
    }

    /// How they are looked for.
    pub(crate) fn search(&self) -> DirectionsJob {
        let samples = 2000;
        DirectionsJob {
            methods: self.methods.clone(),
            count: self.count,
            samples,
            layers: Layers::all(),
            seed: self.seed,
        }
    }

    /// Where they are kept.
    pub(crate) fn file(&self, shelf: &dyn Shelf) -> PathBuf {
        shelf.directions(&self.model)
    }

    pub(super) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        within("count", self.count, 1, 32)?;
        within("the number of methods", self.methods.len(), 1, 3)?;
        if self.methods.contains(&Method::Code) {
            return Err(Problem::validation("methods are pca, ica and closed"));
        }
        checked(self.seed)?;
        self.job(shelf).map(drop)
    }
}
