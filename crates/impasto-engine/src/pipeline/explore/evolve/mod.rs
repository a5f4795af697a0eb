//! Evolution: whoever looks chooses favourites, their children differ a little, and so on. What happened is kept in a
//! folder; every picture can be made again from it.

mod lineage;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use impasto_image::{Limits, Picture, layout};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::lineage::{Generation, Individual, Lineage, Origin};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::pipeline::generate::{Code, GenerationJob, Grid, Line, Made, Studio, sheet};
use crate::pipeline::{OutputOptions, Target};
use crate::rng::{self, Rng};
use crate::weights::write_atomic;

/// Candidates that are drawn for a place before the one furthest from the others is taken.
const DRAWS: u64 = 16;

/// By how much each new candidate is changed more than the one before.
const BOLDER: f32 = 1.1;

/// Styles from which the deviation of each of their numbers is taken.
const SCALE_SAMPLES: u64 = 128;

/// How a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvolveJob {
    /// Seed of everything random.
    pub seed: u64,
    /// Individuals in a generation, from 2 to 400.
    pub size: usize,
    /// How far children are changed, from 0 to 1.
    pub mutation: f32,
    /// The least distance between two individuals of a generation, in deviations of the styles' numbers (strangers are
    /// about 1.4 apart); from 0 to 1.
    pub diversity: f32,
}

impl EvolveJob {
    fn validate(&self) -> Result<()> {
        let unit = 0.0..=1.0;
        if !(2..=400).contains(&self.size) || !unit.contains(&self.mutation) || !unit.contains(&self.diversity) {
            let text = "a generation has 2 to 400 individuals; mutation and diversity are from 0 to 1";
            return Err(EngineError::Caller(text.into()));
        }
        Ok(())
    }
}

/// A session of evolution in its folder.
#[derive(Debug)]
pub struct Evolution<'a> {
    studio: &'a Studio,
    folder: PathBuf,
    lineage: Lineage,
    /// Of every individual, before truncation and moves.
    codes: Vec<Code>,
    /// The deviation of each number of the styles, `[layers, width]`.
    deviations: Vec<f32>,
}

impl<'a> Evolution<'a> {
    /// The settings of the session in `folder`: what its pictures look like, and how it goes on. `None` where none was
    /// begun.
    ///
    /// # Errors
    /// [`EngineError::File`] when its lineage is damaged.
    pub fn settings(folder: &Path) -> Result<Option<(GenerationJob, EvolveJob)>> {
        Ok(Lineage::read(folder)?.map(|lineage| (lineage.job, lineage.settings)))
    }

    /// Begins a session in `folder`, which is made if need be, with founders drawn from the seed.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for values out of range or a folder with a session; [`EngineError::Environment`] when the
    /// folder cannot be written.
    pub fn begin(studio: &'a Studio, folder: &Path, job: EvolveJob, control: &Control) -> Result<Self> {
        job.validate()?;
        if Lineage::read(folder)?.is_some() {
            return Err(EngineError::Caller(format!("{} holds a session already", folder.display())));
        }
        std::fs::create_dir_all(folder)
            .map_err(|e| EngineError::Environment(format!("cannot make {}: {e}", folder.display())))?;
        let mut named = studio.job().clone();
        named.model = named.model.public();
        let lineage = Lineage::new(named, job, studio.model());
        let mut session = Self::with(studio, folder, lineage)?;
        let mut rng = rng::stream(job.seed, "founders", 0);
        let mut founders = Vec::new();
        for id in 0..job.size {
            // Founders of 32 bits are easy to type, for whoever wants one again.
            let seeds: Vec<u64> = (0..DRAWS).map(|_| u64::from(rng.random::<u32>())).collect();
            let (seed, code) = session.furthest(seeds, |&seed| studio.code_of(seed), &[], founders.len())?;
            session.codes.push(code);
            founders.push(Individual { id, line: id, origin: Origin::Seed(seed) });
        }
        session.show(Generation { individuals: founders, favourites: Vec::new() }, control)?;
        Ok(session)
    }

    /// Goes on with the session in `folder`.
    ///
    /// # Errors
    /// [`EngineError::File`] when there is none, it is damaged, or was begun with another generator.
    pub fn open(studio: &'a Studio, folder: &Path) -> Result<Self> {
        let lineage = Lineage::read(folder)?
            .ok_or_else(|| EngineError::file(folder, "holds no session of evolution (no lineage.json)"))?;
        if lineage.model != studio.model().blake3 {
            let text = format!("is a session of another generator ('{}')", lineage.title);
            return Err(EngineError::file(folder, text));
        }
        let mut session = Self::with(studio, folder, lineage)?;
        let individuals: Vec<Individual> = session.lineage.individuals().cloned().collect();
        for individual in individuals {
            let code = session.made(&individual)?;
            session.codes.push(code);
        }
        Ok(session)
    }

    fn with(studio: &'a Studio, folder: &Path, lineage: Lineage) -> Result<Self> {
        let seeds: Vec<u64> = (0..SCALE_SAMPLES).collect();
        let apart = studio.each(&seeds, |&index| {
            let classes = studio.classes_of(index);
            let latent = studio.draw(&mut rng::stream(lineage.settings.seed, "scale", index));
            let (styles, middle) = (studio.styles_of(latent, &classes), studio.centre_of(&classes));
            Ok(styles.iter().zip(&middle).map(|(style, middle)| (style - middle).powi(2)).collect::<Vec<f32>>())
        })?;
        let length = studio.form().layers * studio.form().width;
        let mean = |i: usize| apart.iter().map(|row| row[i]).sum::<f32>() / SCALE_SAMPLES as f32;
        let deviations = (0..length).map(|i| mean(i).sqrt().max(1e-6)).collect();
        Ok(Self { studio, folder: folder.to_owned(), lineage, codes: Vec::new(), deviations })
    }

    /// Number of the present generation, from 0, and its favourites.
    pub fn now(&self) -> (usize, &[usize]) {
        let last = self.lineage.generations.last();
        (self.lineage.generations.len().saturating_sub(1), last.map_or(&[], |generation| &generation.favourites))
    }

    /// The sheet of a generation.
    pub fn sheet_path(&self, generation: usize) -> PathBuf {
        self.folder.join(format!("generation-{generation:03}.png"))
    }

    /// Chooses those whom the next generation descends from, by their numbers, of any generation.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for numbers that nobody has.
    pub fn choose(&mut self, favourites: &[u64]) -> Result<()> {
        let known = self.codes.len();
        let mut chosen = Vec::new();
        for &id in favourites {
            let number = usize::try_from(id).ok().filter(|&id| id < known).ok_or_else(|| {
                EngineError::Caller(format!("there is no individual {id}; they are numbered from 0 to {}", known - 1))
            })?;
            if !chosen.contains(&number) {
                chosen.push(number);
            }
        }
        if let Some(generation) = self.lineage.generations.last_mut() {
            generation.favourites = chosen;
        }
        self.lineage.write(&self.folder)
    }

    /// Makes the next generation: each favourite has as many children as the others, in turn changed copies of itself and
    /// mixtures with another favourite, so that no line dies out. A child that is too near to another individual is
    /// drawn again, each time bolder.
    ///
    /// # Errors
    /// [`EngineError::Caller`] without favourites; those of [`Studio::paint`]; [`EngineError::Cancelled`].
    pub fn next(&mut self, control: &Control) -> Result<()> {
        let favourites = self.now().1.to_vec();
        if favourites.is_empty() {
            return Err(EngineError::Caller(
                "choose whom the next generation descends from: --favourites with numbers of the sheet".into(),
            ));
        }
        let (first, settings) = (self.codes.len(), self.lineage.settings);
        let parents: Vec<Code> = favourites.iter().map(|&id| self.codes[id].clone()).collect();
        let mut children = Vec::new();
        for place in 0..settings.size {
            control.check()?;
            let (id, turn) = (first + place, place / favourites.len());
            let one = favourites[place % favourites.len()];
            let other = (favourites.len() > 1 && turn % 2 == 1)
                .then(|| favourites[(place + 1 + turn / 2 % (favourites.len() - 1)) % favourites.len()]);
            let line = self.lineage.individuals().nth(one).map_or(one, |parent| parent.line);
            let candidates = (0..DRAWS).map(|draw| Individual { id, line, origin: self.drawn(id, one, other, draw) });
            let (child, code) =
                self.furthest(candidates.collect(), |child| self.made_or_first(child), &parents, children.len())?;
            self.codes.push(code);
            children.push(child);
        }
        self.show(Generation { individuals: children, favourites: Vec::new() }, control)
    }

    /// The first candidate that is far enough from `others` and the last `fellows` individuals, or else the one furthest
    /// from them.
    fn furthest<T: Clone>(
        &self,
        candidates: Vec<T>,
        code: impl Fn(&T) -> Code,
        others: &[Code],
        fellows: usize,
    ) -> Result<(T, Code)> {
        let near = self.codes[self.codes.len() - fellows..].iter().chain(others);
        let mut best: Option<(f32, T, Code)> = None;
        for candidate in candidates {
            let code = code(&candidate);
            let gap = near.clone().map(|other| self.distance(&code, other)).fold(f32::INFINITY, f32::min);
            if best.as_ref().is_none_or(|(known, ..)| gap > *known) {
                best = Some((gap, candidate, code));
            }
            if gap >= self.lineage.settings.diversity {
                break;
            }
        }
        let none = || EngineError::Internal("no candidates were drawn".into());
        best.map(|(_, candidate, code)| (candidate, code)).ok_or_else(none)
    }

    /// How far two codes are apart: the root of the mean square of their numbers' differences in deviations.
    fn distance(&self, a: &Code, b: &Code) -> f32 {
        let differences = a.styles.iter().zip(&b.styles).zip(&self.deviations);
        let sum: f32 = differences.map(|((a, b), deviation)| ((a - b) / deviation).powi(2)).sum();
        (sum / self.deviations.len() as f32).sqrt()
    }

    /// How candidate `draw` for child `id` of one or two parents comes about.
    fn drawn(&self, id: usize, one: usize, other: Option<usize>, draw: u64) -> Origin {
        let settings = self.lineage.settings;
        let mut rng = rng::stream(settings.seed, "crossover", id as u64 * DRAWS + draw);
        let count = self.studio.form().layers;
        let layers = match other {
            Some(_) if count > 1 => {
                // Coarse layers of one, fine ones of the other, with the cut anywhere between.
                let (cut, swapped) = (rng.random_range(1..count), usize::from(rng.random_bool(0.5)));
                (0..count).map(|layer| if layer < cut { swapped } else { 1 - swapped }).collect()
            }
            _ => Vec::new(),
        };
        let mutation = (settings.mutation * BOLDER.powi(draw as i32)).min(1.0);
        Origin::Parents { parents: [one].into_iter().chain(other).collect(), layers, mutation, draw }
    }

    fn made_or_first(&self, individual: &Individual) -> Code {
        self.made(individual).unwrap_or_else(|_| self.codes[0].clone())
    }

    /// The code of an individual whose parents' codes are there.
    fn made(&self, individual: &Individual) -> Result<Code> {
        let (parents, layers, mutation, draw) = match &individual.origin {
            Origin::Seed(seed) => return Ok(self.studio.code_of(*seed)),
            Origin::Parents { parents, layers, mutation, draw } => (parents, layers, *mutation, *draw),
        };
        let unborn = || EngineError::file(&self.folder, format!("individual {} has no parents", individual.id));
        let first = parents.first().and_then(|&id| self.codes.get(id)).ok_or_else(unborn)?;
        let step = individual.id as u64 * DRAWS + draw;
        let seed = self.lineage.settings.seed;
        let mut child = match parents.get(1).and_then(|&id| self.codes.get(id)) {
            Some(second) if layers.len() == self.studio.form().layers => {
                let of_second: Vec<bool> = layers.iter().map(|&of| of == 1).collect();
                first.mixed(second, &of_second)
            }
            Some(second) => {
                // One style for all layers: each of its numbers is of one parent.
                let mut rng = rng::stream(seed, "numbers", step);
                let mut child = first.clone();
                for (style, other) in child.styles.iter_mut().zip(&second.styles) {
                    if rng.random_bool(0.5) {
                        *style = *other;
                    }
                }
                child
            }
            None => first.clone(),
        };
        // Changed towards the styles of some latent, so that all its numbers go together as they usually do.
        let latent = self.studio.draw(&mut rng::stream(seed, "mutation", step));
        let stranger = self.studio.styles_of(latent, &child.classes);
        let keep = (1.0 - mutation * mutation).max(0.0).sqrt();
        let middle = self.studio.centre_of(&child.classes);
        for ((style, middle), stranger) in child.styles.iter_mut().zip(middle).zip(stranger) {
            *style = middle + keep * (*style - middle) + mutation * (stranger - middle);
        }
        Ok(child)
    }

    /// Writes the sheet of a new generation, then its lineage: a generation in the file has its sheet.
    fn show(&mut self, generation: Generation, control: &Control) -> Result<()> {
        let number = self.lineage.generations.len();
        let first = self.codes.len() - generation.individuals.len();
        let codes: Vec<Code> = self.codes[first..].iter().map(|code| self.studio.placed(code.clone())).collect();
        let pictures = self.studio.painted(&format!("generation {number}"), &codes, control)?;
        let numbered: Vec<Picture> =
            pictures.iter().zip(first as u32..).map(|(picture, id)| layout::numbered(picture, id)).collect();
        let grid = Grid::square(numbered.len());
        grid.check([numbered[0].height, numbered[0].width], &Limits::default())?;
        let facts = json!({"session": {"seed": self.lineage.settings.seed, "generation": number, "first": first}});
        let parameters = self.studio.parameters(self.line(), facts);
        let options = OutputOptions { overwrite: true, ..OutputOptions::default() };
        let target = Target::File(self.sheet_path(number));
        target.write(&sheet(&numbered, grid), &options, Some(parameters), control)?;
        self.lineage.generations.push(generation);
        self.lineage.write(&self.folder)
    }

    fn line(&self) -> Line {
        Line::new("explore evolve", self.studio.job())
            .option("session", "DIR")
            .option("seed", self.lineage.settings.seed)
            .job(self.studio.job())
    }

    /// The picture of an individual, and the bytes of the file that keeps its code.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for a number that nobody has.
    pub fn individual(&self, id: u64) -> Result<(Made, Vec<u8>)> {
        let known = usize::try_from(id).ok().and_then(|id| self.codes.get(id));
        let code = known.ok_or_else(|| EngineError::Caller(format!("there is no individual {id}")))?;
        let code = self.studio.placed(code.clone());
        let picture = self.studio.paint(std::slice::from_ref(&code))?.remove(0);
        let parameters = self.studio.parameters(self.line(), json!({"individual": id}));
        let about = format!("individual {id} of an evolution with seed {}", self.lineage.settings.seed);
        let bytes = code.encode(self.studio.form(), self.studio.model(), &about)?;
        Ok((Made { picture, parameters }, bytes))
    }

    /// Writes picture and code of an individual into the session's folder; the path of the picture.
    ///
    /// # Errors
    /// As [`Evolution::individual`]; [`EngineError::Environment`] when they cannot be written.
    pub fn save(&self, id: u64, control: &Control) -> Result<[PathBuf; 2]> {
        let (made, bytes) = self.individual(id)?;
        let [picture, code] = ["png", "safetensors"].map(|e| self.folder.join(format!("individual-{id:04}.{e}")));
        let options = OutputOptions { overwrite: true, ..OutputOptions::default() };
        Target::File(picture.clone()).write(&made.picture, &options, Some(made.parameters), control)?;
        write_atomic(&code, &bytes)?;
        Ok([picture, code])
    }
}
