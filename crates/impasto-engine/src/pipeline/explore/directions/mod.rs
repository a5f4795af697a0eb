//! Directions along which a generator's pictures change.

mod ica;
mod pca;
mod structured;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::time::Instant;

use faer::Mat;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::pca::Principal;
use super::Eye;
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::pipeline::generate::{Code, Direction, Directions, Grid, Layers, Line, Made, Point, Studio, sheet};
use crate::rng;
use crate::tensor;

/// Pictures on which the effect of directions is measured.
const WITNESSES: usize = 8;

/// Styles from which the scale of closed-form directions is taken.
const SCALE_SAMPLES: usize = 256;

/// How directions are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Where styles vary most (Härkönen et al. 2020).
    Pca,
    /// Where styles vary independently of each other, within the space of the principal components.
    Ica,
    /// What the first weights behind the styles amplify most (Shen and Zhou 2021).
    Closed,
    /// What structured codes change; only of generators that have some.
    Code,
}

impl Method {
    /// Those that find something in every generator.
    pub const ANY: [Self; 3] = [Self::Pca, Self::Ica, Self::Closed];

    /// All that find something in such a generator.
    pub fn of(form: &Form) -> Vec<Self> {
        let code = (!form.codes.is_empty()).then_some(Self::Code);
        Self::ANY.into_iter().chain(code).collect()
    }

    /// What its directions are called, followed by a number, or by the code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Ica => "ica",
            Self::Closed => "closed",
            Self::Code => "code",
        }
    }
}

/// What directions are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectionsJob {
    /// How they are found, each method for itself.
    pub methods: Vec<Method>,
    /// Directions of each method, from 1; of structured codes always all.
    pub count: usize,
    /// Styles that principal and independent components are taken of, from 16.
    pub samples: usize,
    /// Layers that are looked at and moved.
    pub layers: Layers,
    /// Seed of the samples.
    pub seed: u64,
}

/// Finds directions and measures what each does to pictures; those with the greatest effect come first.
///
/// # Errors
/// [`EngineError::Caller`] for values out of range, layers that are not there, and [`Method::Code`] of a generator without
/// structured codes; [`EngineError::Cancelled`].
pub fn find(studio: &Studio, job: &DirectionsJob, control: &Control) -> Result<Directions> {
    if job.methods.is_empty() || !(1..=1000).contains(&job.count) || !(16..=100_000).contains(&job.samples) {
        let text = "directions need a method, a count of 1 to 1000 and 16 to 100000 samples";
        return Err(EngineError::Caller(text.into()));
    }
    let layers = job.layers.select(studio.form().layers)?;
    let mut all = Vec::new();
    let sampled = Sampled::new(studio, job, &layers)?;
    for method in &job.methods {
        control.check()?;
        all.extend(match method {
            Method::Pca => sampled.principal(job.count, control)?,
            Method::Ica => sampled.independent(job.count, job.seed, control)?,
            Method::Closed => closed(studio, &sampled, &layers, job.count)?,
            Method::Code => structured::directions(studio, &sampled, job.seed)?,
        });
    }
    measure(studio, &mut all, job.seed, control)?;
    all.sort_by(|a, b| b.effect.total_cmp(&a.effect).then_with(|| a.name.cmp(&b.name)));
    let methods: Vec<&str> = job.methods.iter().map(|method| method.name()).collect();
    let (samples, seed) = (job.samples, job.seed);
    let about = format!("{} of {samples} styles, layers {}, seed {seed}", methods.join(", "), job.layers);
    Ok(Directions::new(all, studio.model(), about))
}

/// Styles of many latents, less the middle of their class.
struct Sampled {
    /// `[samples, width]` where all layers share one style, `[samples, chosen layers * width]` otherwise.
    rows: Mat<f64>,
    /// Layers that are moved.
    layers: Vec<bool>,
    /// Length of a style.
    width: usize,
}

impl Sampled {
    fn new(studio: &Studio, job: &DirectionsJob, layers: &[bool]) -> Result<Self> {
        let (form, only_closed) = (studio.form(), job.methods == [Method::Closed]);
        let count = if only_closed { job.samples.min(SCALE_SAMPLES) } else { job.samples };
        let width = form.width;
        let indices: Vec<u64> = (0..count as u64).collect();
        let chosen = studio.each(&indices, |&index| {
            let latent = studio.draw(&mut rng::stream(job.seed, "directions", index));
            let classes = studio.classes_of(index);
            let (styles, middle) = (studio.styles_of(latent, &classes), studio.centre_of(&classes));
            let part = |layer: usize| layer * width..(layer + 1) * width;
            let rows = (0..form.layers).filter(|&layer| layers[layer]);
            let apart = rows.flat_map(|layer| styles[part(layer)].iter().zip(&middle[part(layer)]));
            Ok(apart.map(|(style, middle)| f64::from(style - middle)).collect::<Vec<f64>>())
        })?;
        // Most mappings give all layers one style: directions then are of its length.
        let shared = chosen.iter().all(|row| row.chunks_exact(width).all(|layer| layer == &row[..width]));
        let columns = if shared { width } else { chosen[0].len() };
        let mean: Vec<f64> =
            (0..columns).map(|column| chosen.iter().map(|row| row[column]).sum::<f64>() / count as f64).collect();
        let rows = Mat::from_fn(count, columns, |row, column| chosen[row][column] - mean[column]);
        Ok(Self { rows, layers: layers.to_vec(), width })
    }

    /// A direction in the space of the rows as styles `[layers, width]`.
    fn spread(&self, along: &[f64]) -> Vec<f32> {
        let mut parts = along.chunks_exact(self.width).cycle();
        let mut styles = Vec::with_capacity(self.layers.len() * self.width);
        for &chosen in &self.layers {
            // Rows have no numbers of layers that are not moved.
            match if chosen { parts.next() } else { None } {
                Some(part) => styles.extend(part.iter().map(|&value| value as f32)),
                None => styles.extend(std::iter::repeat_n(0.0, self.width)),
            }
        }
        styles
    }

    fn principal(&self, count: usize, control: &Control) -> Result<Vec<Direction>> {
        let found = pca::principal(self.rows.as_ref(), count)?;
        let even = 1.0 / self.rows.ncols() as f64;
        if found.shares[0] < 1.5 * even && self.rows.ncols() > 4 {
            control.note(
                "the styles of this generator vary as much in every direction, so that principal components say little; \
                 try --method closed",
            );
        }
        let rows = self.rows.ncols();
        Ok((0..found.deviations.len())
            .map(|i| {
                let along: Vec<f64> = (0..rows).map(|row| found.vectors[(row, i)] * found.deviations[i]).collect();
                self.direction(Method::Pca, i, &along, found.shares[i])
            })
            .collect())
    }

    fn independent(&self, count: usize, seed: u64, control: &Control) -> Result<Vec<Direction>> {
        let Principal { vectors, deviations, shares } = pca::principal(self.rows.as_ref(), count)?;
        let count = deviations.len();
        let seen = &self.rows * &vectors; // [samples, count]
        let white = Mat::from_fn(self.rows.nrows(), count, |row, i| seen[(row, i)] / deviations[i]);
        let (turned, still) = ica::rotation(white.as_ref(), seed)?;
        if !still {
            control.note("the independent components had not come to rest; more samples may help");
        }
        let direction = |i: usize| {
            let value =
                |row: usize| (0..count).map(|k| vectors[(row, k)] * deviations[k] * turned[(i, k)]).sum::<f64>();
            let along: Vec<f64> = (0..self.rows.ncols()).map(value).collect();
            let share = (0..count).map(|k| shares[k] * turned[(i, k)].powi(2)).sum();
            self.direction(Method::Ica, i, &along, share)
        };
        Ok((0..count).map(direction).collect())
    }

    /// The deviation of styles along a unit vector `[width]`, over the chosen layers.
    fn deviation(&self, along: &[f64]) -> f64 {
        let (mut squares, mut count) = (0.0, 0.0);
        for row in 0..self.rows.nrows() {
            for layer in 0..self.rows.ncols() / self.width {
                let dot: f64 =
                    along.iter().enumerate().map(|(i, value)| value * self.rows[(row, layer * self.width + i)]).sum();
                squares += dot * dot;
                count += 1.0;
            }
        }
        (squares / f64::max(count, 1.0)).sqrt()
    }

    fn direction(&self, method: Method, index: impl Display, along: &[f64], share: f64) -> Direction {
        Direction {
            name: format!("{}{index}", method.name()),
            styles: self.spread(along),
            effect: 0.0,
            share: share as f32,
        }
    }
}

/// The right singular vectors of the style matrices of the chosen layers, each row of them at length 1.
fn closed(studio: &Studio, sampled: &Sampled, layers: &[bool], count: usize) -> Result<Vec<Direction>> {
    let width = studio.form().width;
    let mut squares = Mat::<f64>::zeros(width, width);
    for layer in (0..layers.len()).filter(|&layer| layers[layer]) {
        let matrix = studio.generator().style_matrix(layer);
        let [outputs, columns] = matrix.dims();
        if columns != width {
            let text = format!("the style matrix of layer {layer} takes {columns} numbers, styles have {width}");
            return Err(EngineError::Internal(text));
        }
        let values = tensor::values(matrix);
        // Rows count alike where they are not zero; outputs of one layer are not larger than those of another.
        let length = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() / (outputs as f64).sqrt();
        let rows =
            Mat::from_fn(outputs, width, |row, column| f64::from(values[row * width + column]) / length.max(1e-12));
        squares += rows.transpose() * &rows;
    }
    let found = pca::greatest(squares.as_ref(), count)?;
    Ok((0..found.shares.len())
        .map(|i| {
            let unit: Vec<f64> = (0..width).map(|row| found.vectors[(row, i)]).collect();
            let deviation = sampled.deviation(&unit);
            let along: Vec<f64> = unit.iter().map(|value| value * deviation).collect();
            sampled.direction(Method::Closed, i, &along, found.shares[i])
        })
        .collect())
}

/// Measures how far the pictures at an amount of -1 and 1 are apart, halved, on a few seeds.
fn measure(studio: &Studio, all: &mut [Direction], seed: u64, control: &Control) -> Result<()> {
    let eye = Eye::percept(studio.device())?;
    let (stage, total, started) = ("effects".to_owned(), all.len() as u64, Instant::now());
    control.emit(Event::Started { stage: stage.clone(), total });
    let witness = |index: u64| {
        let classes = studio.classes_of(index);
        let latent = studio.draw(&mut rng::stream(seed, "witnesses", index));
        studio.placed(Code { styles: studio.styles_of(latent, &classes), classes, noise: studio.noise_of(index) })
    };
    let witnesses: Vec<Code> = (0..WITNESSES as u64).map(witness).collect();
    for (done, direction) in (1..).zip(all) {
        control.check()?;
        let distances = studio.each(&witnesses, |code| {
            let seen = |amount: f32| {
                let mut moved = code.clone();
                moved.step(&direction.styles, amount);
                eye.see(studio.synthesise(&moved).clamp(0.0, 1.0))
            };
            Ok(f64::from(tensor::scalar(eye.between(&seen(-1.0)?, &seen(1.0)?)?)))
        })?;
        direction.effect = (distances.iter().sum::<f64>() / (2 * WITNESSES) as f64) as f32;
        control.emit(Event::Progress { done, total, message: String::new() });
    }
    control.emit(Event::Finished { stage, seconds: started.elapsed().as_secs_f64() });
    Ok(())
}

/// What is shown of directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Strips {
    /// Seeds, a row for each.
    pub seeds: Vec<u64>,
    /// Amounts, a column for each.
    pub amounts: Vec<f32>,
}

/// A sheet that shows a direction: a row for each seed, a column for each amount.
///
/// # Errors
/// Those of [`Studio::paint`]; [`EngineError::Caller`] without seeds or amounts.
pub fn strips(studio: &Studio, direction: &Direction, shown: &Strips, control: &Control) -> Result<Made> {
    if shown.seeds.is_empty() || shown.amounts.is_empty() {
        return Err(EngineError::Caller("a direction is shown on at least one seed with at least one amount".into()));
    }
    let mut codes = Vec::new();
    for &seed in &shown.seeds {
        let code = studio.place(&Point::Seed(seed))?;
        for &amount in &shown.amounts {
            let mut moved = code.clone();
            moved.step(&direction.styles, amount);
            codes.push(moved);
        }
    }
    let pictures = studio.painted(&direction.name, &codes, control)?;
    let grid = Grid { columns: shown.amounts.len() as u32, rows: shown.seeds.len() as u32 };
    let line = Line::new("explore directions", studio.job()).job(studio.job());
    let facts = json!({"direction": direction.name, "seeds": shown.seeds, "amounts": shown.amounts});
    Ok(Made { picture: sheet(&pictures, grid), parameters: studio.parameters(line, facts) })
}
