//! Evolution: whoever looks chooses favourites, their children differ a little, and so on. What happened is kept in a
//! folder; every picture can be made again from it.

mod breeder;
mod lineage;
mod offspring;
#[cfg(test)]
mod tests;

pub use offspring::{Brood, Child, offspring};

use std::path::{Path, PathBuf};

use impasto_image::{Limits, Picture, layout};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::breeder::{Breeder, DRAWS, Inherited};
use self::lineage::{Generation, Individual, Lineage, Origin};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::pipeline::generate::{Code, GenerationJob, Grid, Line, Made, Studio, sheet};
use crate::pipeline::{OutputOptions, Target};
use crate::rng::{self, Rng};
use crate::weights::write_atomic;

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
    breeder: Breeder<'a>,
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
            let code = |&seed: &u64| studio.code_of(seed);
            let (seed, code) = session.breeder.furthest(seeds, code, session.codes.iter())?;
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
        let breeder = Breeder::new(studio, lineage.settings)?;
        Ok(Self { studio, folder: folder.to_owned(), lineage, codes: Vec::new(), breeder })
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
            let near = self.codes[first..].iter().chain(&parents);
            let code = |child: &Individual| self.made_or_first(child);
            let (child, code) = self.breeder.furthest(candidates.collect(), code, near)?;
            self.codes.push(code);
            children.push(child);
        }
        self.show(Generation { individuals: children, favourites: Vec::new() }, control)
    }

    /// How candidate `draw` for child `id` of one or two parents comes about.
    fn drawn(&self, id: usize, one: usize, other: Option<usize>, draw: u64) -> Origin {
        let Inherited { layers, mutation } = self.breeder.inherited(id, other.is_some(), draw);
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
        let second = parents.get(1).and_then(|&id| self.codes.get(id));
        let inherited = Inherited { layers: layers.clone(), mutation };
        Ok(self.breeder.child(individual.id, draw, first, second, &inherited, |code| code))
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
