//! Pictures from a trained generator.

mod code;
mod directions;
mod job;
mod paint;
mod provenance;
mod seeds;
mod sheet;
mod structured;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub use code::{Code, CodeHeader, CodeNoise, header_of};
pub use directions::{Direction, Directions, DirectionsHeader};
pub use job::{ClassShare, GenerationJob, Mix, Move, NoiseMode};
pub use seeds::{Layers, Seeds};
pub use sheet::{Grid, sheet};
pub use structured::CodeValue;

pub(super) use code::blend;
pub(super) use provenance::Line;

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::{Limits, Parameters, Picture};

use crate::control::{Control, Event};
use crate::device::OpenDevice;
use crate::error::{EngineError, Result};
use crate::generator::{Form, Generator};
use crate::models::{self, ModelInfo};
use crate::rng;
use crate::tensor;

/// What a picture is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// The latent of a seed.
    Seed(u64),
    /// A file that keeps a [`Code`].
    Code(PathBuf),
}

impl Point {
    /// Points of seeds, then of files.
    pub fn list(seeds: Option<&Seeds>, codes: &[PathBuf]) -> Vec<Self> {
        let seeds = seeds.into_iter().flat_map(|seeds| &seeds.0);
        seeds.map(|&seed| Self::Seed(seed)).chain(codes.iter().map(|path| Self::Code(path.clone()))).collect()
    }

    /// What it is called in file names: `seed0012`, or the file's stem.
    pub fn label(&self) -> String {
        match self {
            Self::Seed(seed) => format!("seed{seed:04}"),
            Self::Code(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

/// A picture that was made, and how.
#[derive(Debug, Clone)]
pub struct Made {
    /// The picture.
    pub picture: Picture,
    /// What is written into its file.
    pub parameters: Parameters,
}

/// A generator at work on a job: weights and directions read, everything else is quick.
pub struct Studio {
    job: GenerationJob,
    generator: Box<dyn Generator>,
    model: ModelInfo,
    device: OpenDevice,
    /// The classes of the job; `None` where each picture's seed decides.
    classes: Option<Vec<f32>>,
    /// The numbers of every latent that the job's structured codes set.
    set: Vec<(usize, f32)>,
    /// The middle of all styles with these numbers set, `[classes or 1, layers, width]`.
    centre: Vec<f32>,
    /// Directions `[layers, width]` and how far.
    moves: Vec<(Vec<f32>, f32)>,
}

impl fmt::Debug for Studio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Studio").field("job", &self.job).field("model", &self.model).finish_non_exhaustive()
    }
}

impl Studio {
    /// Checks the job, reads weights and directions.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for values out of range and unknown names; [`EngineError::File`] for files that cannot be
    /// read or do not fit.
    pub fn open(job: GenerationJob, device: OpenDevice) -> Result<Self> {
        job.validate()?;
        let (generator, model) = models::open_generator(&job.model, &device.device)?;
        Self::with(job, generator, model, device)
    }

    /// The same with a generator at hand, which lives on `device`.
    ///
    /// # Errors
    /// As [`Studio::open`].
    pub fn with(
        job: GenerationJob,
        generator: Box<dyn Generator>,
        model: ModelInfo,
        device: OpenDevice,
    ) -> Result<Self> {
        let centre = tensor::values(generator.centre());
        let (set, moves) = (Vec::new(), Vec::new());
        let mut studio = Self { job: job.clone(), generator, model, device, classes: None, set, centre, moves };
        studio.change(job)?;
        Ok(studio)
    }

    /// Goes on with another job of the same generator.
    ///
    /// # Errors
    /// As [`Studio::open`]; the job is then unchanged.
    pub fn change(&mut self, job: GenerationJob) -> Result<()> {
        job.validate()?;
        let form = self.generator.form();
        let classes = job::class_weights(&job.classes, form)?;
        if let Some(cutoff) = job.trunc_cutoff.filter(|&cutoff| cutoff > form.layers) {
            let text = format!("trunc-cutoff is {cutoff}: this generator has {} layers", form.layers);
            return Err(EngineError::Caller(text));
        }
        let step = |step: &Move| {
            let found = Directions::load(&step.file, form, &self.model)?;
            Ok((found.named(&step.name)?.styles.clone(), step.amount))
        };
        let moves = job.moves.iter().map(step).collect::<Result<_>>()?;
        let set = structured::numbers(&job.codes, form)?;
        if let Some(mix) = &job.mix {
            self.many_layers()?;
            mix.layers.select(form.layers)?;
            if let Point::Code(path) = &mix.with {
                Code::load(path, form, &self.model)?;
            }
        }
        if set != self.set {
            self.centre = structured::centre(&*self.generator, &set, self.device());
        }
        (self.classes, self.set, self.moves, self.job) = (classes, set, moves, job);
        Ok(())
    }

    /// The job.
    pub fn job(&self) -> &GenerationJob {
        &self.job
    }

    /// What the generator makes, and from what.
    pub fn form(&self) -> &Form {
        self.generator.form()
    }

    /// Which weights it makes pictures with.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device.device
    }

    /// The device's name.
    pub(super) fn device_name(&self) -> String {
        self.device.spec.to_string()
    }

    /// The generator itself.
    pub(super) fn generator(&self) -> &dyn Generator {
        &*self.generator
    }

    /// The weight of each class for a seed: the job's, or all of one that the seed decides; empty without classes.
    pub fn classes_of(&self, seed: u64) -> Vec<f32> {
        let count = self.form().classes.len();
        let one = || (0..count).map(|class| f32::from(u8::from(class as u64 == seed % count as u64))).collect();
        self.classes.clone().unwrap_or_else(one)
    }

    /// The latent of a seed, with the job's structured codes.
    pub fn latent_of(&self, seed: u64) -> Vec<f32> {
        self.with_codes(self.form().latent_of(seed))
    }

    /// A latent from a random stream, with the job's structured codes.
    pub fn draw(&self, rng: &mut rng::ChaCha8Rng) -> Vec<f32> {
        self.with_codes(self.form().draw(rng))
    }

    fn with_codes(&self, mut latent: Vec<f32>) -> Vec<f32> {
        self.set.iter().for_each(|&(place, value)| latent[place] = value);
        latent
    }

    /// The styles `[layers, width]` of a latent, in the classes of these weights.
    pub fn styles_of(&self, latent: Vec<f32>, classes: &[f32]) -> Vec<f32> {
        // One by one: a product of matrices may round a row differently beside others.
        let row = |values: Vec<f32>| {
            let shape = [1, values.len()];
            Tensor::<2>::from_data(TensorData::new(values, shape), self.device())
        };
        let labels = (!classes.is_empty()).then(|| row(classes.to_vec())); // [1, classes]
        tensor::values(self.generator.map(row(latent), labels)) // [1, layers, width]
    }

    /// Where a seed's picture lies, before truncation and moves.
    pub fn code_of(&self, seed: u64) -> Code {
        let classes = self.classes_of(seed);
        let styles = self.styles_of(self.latent_of(seed), &classes);
        Code { styles, classes, noise: self.noise_of(seed) }
    }

    /// The noise that the job gives a seed's picture.
    pub fn noise_of(&self, seed: u64) -> CodeNoise {
        match self.job.noise {
            NoiseMode::Random => CodeNoise::Seed(seed),
            NoiseMode::Const => CodeNoise::Seed(0),
            NoiseMode::None => CodeNoise::Off,
        }
    }

    /// Where the picture of a point lies, truncated and moved as the job says.
    ///
    /// # Errors
    /// [`EngineError::File`] for a file that is no code of this generator; [`EngineError::Caller`] for one where the job
    /// sets structured codes, which are numbers of latents.
    pub fn place(&self, point: &Point) -> Result<Code> {
        let mut code = self.lying(point)?;
        if let Some(mix) = &self.job.mix {
            code = code.mixed(&self.lying(&mix.with)?, &mix.layers.select(self.form().layers)?);
        }
        Ok(self.placed(code))
    }

    /// Where the picture of a point lies by itself.
    fn lying(&self, point: &Point) -> Result<Code> {
        Ok(match point {
            Point::Seed(seed) => self.code_of(*seed),
            Point::Code(path) if !self.set.is_empty() => {
                let text = "keeps styles and no latent in which codes could be set; leave out --code";
                return Err(EngineError::Caller(format!("{} {text}", path.display())));
            }
            Point::Code(path) => {
                let mut code = Code::load(path, self.form(), &self.model)?;
                match self.job.noise {
                    NoiseMode::Random => {}
                    NoiseMode::Const => code.noise = CodeNoise::Seed(0),
                    NoiseMode::None => code.noise = CodeNoise::Off,
                }
                code
            }
        })
    }

    /// A code truncated and moved as the job says.
    #[must_use]
    pub fn placed(&self, mut code: Code) -> Code {
        let psi = self.job.trunc;
        if psi != 1.0 {
            let centre = self.centre_of(&code.classes);
            let truncated = self.job.trunc_cutoff.unwrap_or(self.form().layers) * self.form().width;
            for (style, middle) in code.styles.iter_mut().zip(centre).take(truncated) {
                *style = middle + psi * (*style - middle);
            }
        }
        for (direction, amount) in &self.moves {
            code.step(direction, *amount);
        }
        code
    }

    /// The middle of the styles `[layers, width]` in the classes of these weights.
    pub fn centre_of(&self, classes: &[f32]) -> Vec<f32> {
        let length = self.form().layers * self.form().width;
        let count = self.centre.len() / length.max(1);
        if count == 1 {
            return self.centre.clone();
        }
        let mut middle = vec![0.0; length];
        for (centre, weight) in self.centre.chunks_exact(length).zip(classes) {
            middle.iter_mut().zip(centre).for_each(|(sum, value)| *sum += weight * value);
        }
        middle
    }

    /// Makes the pictures of points, in their order, and gives each to `each` with its place in the list.
    ///
    /// # Errors
    /// Those of [`Studio::place`], [`Studio::paint`] and `each`; [`EngineError::Cancelled`].
    pub fn generate(
        &self,
        points: &[Point],
        control: &Control,
        mut each: impl FnMut(usize, Made) -> Result<()>,
    ) -> Result<()> {
        let (stage, total) = ("pictures".to_owned(), points.len() as u64);
        let started = Instant::now();
        control.emit(Event::Started { stage: stage.clone(), total });
        if self.classes.is_some() && points.iter().any(|point| matches!(point, Point::Code(_))) {
            control.note("saved codes keep the classes that they were made with; --class is for seeds alone");
        }
        let mut done = 0;
        for some in points.chunks(self.together()) {
            control.check()?;
            let codes = some.iter().map(|point| self.place(point)).collect::<Result<Vec<_>>>()?;
            for ((point, code), picture) in some.iter().zip(&codes).zip(self.paint(&codes)?) {
                each(done, Made { picture, parameters: provenance::of_point(self, point, code)? })?;
                done += 1;
            }
            control.emit(Event::Progress { done: done as u64, total, message: String::new() });
        }
        control.emit(Event::Finished { stage, seconds: started.elapsed().as_secs_f64() });
        Ok(())
    }

    /// What is written into a sheet of pictures of these points.
    ///
    /// # Errors
    /// [`EngineError::File`] when a code's file cannot be read.
    pub fn sheet_parameters(&self, points: &[Point], grid: Grid) -> Result<Parameters> {
        provenance::of_points(self, points, grid)
    }

    /// Refuses a generator that has nothing to mix.
    fn many_layers(&self) -> Result<()> {
        if self.form().layers > 1 {
            return Ok(());
        }
        let name = &self.model.header.title;
        Err(EngineError::Caller(format!(
            "'{name}' has one style for all its layers, so there is nothing to mix; 'impasto explore walk' goes from one \
             picture to another"
        )))
    }

    /// A table of pictures: the styles of each column replace those of each row in `layers`. The first row and the first
    /// column show what they are mixed from.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for a generator with one layer of styles, layers that are not there, and empty lists;
    /// [`EngineError::Limit`] for a table above `limits`; those of [`Studio::generate`].
    pub fn mix(
        &self,
        rows: &[Point],
        columns: &[Point],
        layers: &Layers,
        limits: &Limits,
        control: &Control,
    ) -> Result<Made> {
        self.many_layers()?;
        let chosen = layers.select(self.form().layers)?;
        if rows.is_empty() || columns.is_empty() {
            return Err(EngineError::Caller("mixing needs seeds for --rows and for --cols".into()));
        }
        let grid = Grid { columns: columns.len() as u32 + 1, rows: rows.len() as u32 + 1 };
        grid.check(self.size(), limits)?;
        let place = |points: &[Point]| points.iter().map(|point| self.place(point)).collect::<Result<Vec<_>>>();
        let (row_codes, column_codes) = (place(rows)?, place(columns)?);
        let mut codes = column_codes.clone();
        for row in &row_codes {
            codes.push(row.clone());
            codes.extend(column_codes.iter().map(|column| row.mixed(column, &chosen)));
        }
        let [h, w] = self.size();
        let corner = Picture::filled(w, h, [0.5; 3]).map_err(|e| EngineError::Caller(e.to_string()))?;
        let mut pictures = vec![corner];
        pictures.extend(self.painted("mixtures", &codes, control)?);
        let parameters = provenance::of_mix(self, rows, columns, layers)?;
        Ok(Made { picture: sheet(&pictures, grid), parameters })
    }
}
