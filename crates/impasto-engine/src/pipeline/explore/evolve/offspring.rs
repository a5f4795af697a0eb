//! Children of some pictures, without a session: whoever asks remembers who descends from whom.

use serde_json::json;

use super::EvolveJob;
use super::breeder::{Breeder, DRAWS};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::pipeline::generate::{Code, Line, Made, Point, Studio};
use crate::rng::{self, Rng};

/// Most parents.
const PARENTS: usize = 64;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Brood<'a> {
    /// The parents; without any, the children are founders that are drawn from the job's seed.
    pub parents: &'a [Point],
    /// How many children, how far changed, how far apart.
    pub job: EvolveJob,
    /// The one that is wanted; all where absent.
    pub child: Option<usize>,
}

/// A child.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its place among all children.
    pub place: usize,
    /// Its picture.
    pub made: Made,
    /// Where it lies.
    pub code: Code,
}

/// Makes the children of some pictures. Seeds lie where the studio's job truncates and moves them, codes where they are,
/// and strangers, towards whom children are changed, are truncated too; children stay where they come to lie. The noise
/// of a child is its first parent's.
///
/// # Errors
/// [`EngineError::Caller`] for values out of range; those of [`Studio::place`] and [`Studio::paint`];
/// [`EngineError::Cancelled`].
pub fn offspring(studio: &Studio, brood: &Brood<'_>, control: &Control) -> Result<Vec<Child>> {
    let (parents, job) = (brood.parents, brood.job);
    job.validate()?;
    if parents.len() > PARENTS {
        return Err(EngineError::Caller(format!("{} parents; give at most {PARENTS}", parents.len())));
    }
    if let Some(child) = brood.child.filter(|&child| child >= job.size) {
        return Err(EngineError::Caller(format!("child {child} of {}; they are numbered from 0", job.size)));
    }
    let breeder = Breeder::new(studio, job)?;
    let lying = |point: &Point| match point {
        Point::Seed(_) => studio.place(point),
        Point::Code(path) => Code::load(path, studio.form(), studio.model()),
    };
    let elders: Vec<Code> = parents.iter().map(lying).collect::<Result<_>>()?;
    let mut codes: Vec<Code> = Vec::new();
    let mut founding = rng::stream(job.seed, "founders", 0);
    for id in 0..job.size {
        control.check()?;
        let near = codes.iter().chain(&elders);
        let code = if elders.is_empty() {
            let seeds: Vec<u64> = (0..DRAWS).map(|_| u64::from(founding.random::<u32>())).collect();
            breeder.furthest(seeds, |&seed| studio.placed(studio.code_of(seed)), near)?.1
        } else {
            let (first, turn, count) = (id % elders.len(), id / elders.len(), elders.len());
            let second = (count > 1 && turn % 2 == 1).then(|| &elders[(first + 1 + turn / 2 % (count - 1)) % count]);
            let child = |&draw: &u64| {
                let inherited = breeder.inherited(id, second.is_some(), draw);
                breeder.child(id, draw, &elders[first], second, &inherited, |code| studio.placed(code))
            };
            breeder.furthest((0..DRAWS).collect(), child, near)?.1
        };
        codes.push(code);
    }
    let wanted: Vec<usize> = brood.child.map_or_else(|| (0..job.size).collect(), |child| vec![child]);
    let codes: Vec<Code> = wanted.iter().map(|&place| codes[place].clone()).collect();
    let pictures = studio.painted("children", &codes, control)?;
    let children = wanted.into_iter().zip(codes).zip(pictures);
    children
        .map(|((place, code), picture)| {
            let line = Line::new("explore evolve", studio.job()).option("session", "DIR").option("seed", job.seed);
            let facts = json!({
                "children": {"job": job, "child": place, "parents": studio.facts(parents)?},
                "code": studio.carried(&code)?,
            });
            let parameters = studio.parameters(line.job(studio.job()), facts);
            Ok(Child { place, made: Made { picture, parameters }, code })
        })
        .collect()
}
