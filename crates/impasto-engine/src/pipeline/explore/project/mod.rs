//! Finding a photograph among a generator's pictures (Abdal et al. 2019, Karras et al. 2020): styles and noise are optimised
//! until the picture looks like it.

mod noise;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use impasto_image::{Parameters, Picture, crop, resize};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Eye;
use super::eye::Seen;
use crate::control::{Control, Event};
use crate::device;
use crate::error::{EngineError, Result};
use crate::generator::{Noise, Synthesis};
use crate::pipeline::generate::{Code, CodeNoise, Line, Studio};
use crate::rng;
use crate::tensor::{self, ImageTensor};
use crate::train::{Adam, AdamConfig, ParamGrads};
use crate::weights::Array;

/// Seeds of which the nearest pictures are starts.
const CANDIDATES: u64 = 64;

/// Styles from which the deviation of each of their numbers is taken.
const SCALE_SAMPLES: u64 = 64;

/// Share of all steps that the starts compete in.
const TRIAL: f32 = 0.25;

/// Noise on the styles at the beginning, in their deviations, and the share of the time after which there is none.
const STYLE_NOISE: (f32, f32) = (0.25, 0.75);

/// Shares of the time over which the rate rises and falls.
const RAMPS: (f32, f32) = (0.05, 0.25);

/// Weight of what keeps noise noise.
const NOISE_WEIGHT: f32 = 1e5;

/// Steps after which progress is shown.
const SHOW_EVERY: usize = 25;

/// How a photograph is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectJob {
    /// Steps of optimisation in all, from 4.
    pub steps: usize,
    /// Places to start from, of which the best goes on: the middle of all pictures, and those of the nearest of some
    /// seeds; from 1 to 16.
    pub starts: usize,
    /// Greatest rate, in deviations of the styles a step.
    pub rate: f32,
    /// Weight of the mean squared difference of pixels beside the distance that an eye sees.
    pub pixels: f32,
    /// Whether the noise of the layers is optimised too.
    pub noise: bool,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for ProjectJob {
    fn default() -> Self {
        Self { steps: 400, starts: 3, rate: 0.1, pixels: 1.0, noise: true, seed: 0 }
    }
}

impl ProjectJob {
    fn validate(&self) -> Result<()> {
        let fits = (4..=1_000_000).contains(&self.steps)
            && (1..=16.min(self.steps)).contains(&self.starts)
            && (0.0..=10.0).contains(&self.rate)
            && (0.0..=1000.0).contains(&self.pixels);
        let text =
            "projection takes 4 to 1000000 steps, 1 to 16 starts, a rate of 0 to 10 and a pixel weight of 0 to 1000";
        if fits { Ok(()) } else { Err(EngineError::Caller(text.into())) }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Where it lies.
    pub code: Code,
    /// Its picture.
    pub picture: Picture,
    /// The photograph as it was looked for: cut and scaled to the generator's size.
    pub target: Picture,
    /// The distance that the eye sees between the two, from 0.
    pub distance: f32,
    /// The mean squared difference of their pixels.
    pub difference: f32,
    /// Steps that were done; fewer than asked for after a cancel.
    pub steps: usize,
}

/// Called with the steps done and the best picture so far.
pub type Shown<'a> = &'a (dyn Fn(usize, &Picture) + Sync);

/// Looks for a photograph. The studio's generator must live on a device with autodiff. A cancel keeps the best so far.
///
/// # Errors
/// [`EngineError::Caller`] for values out of range; [`EngineError::Internal`] for a device without autodiff;
/// [`EngineError::Cancelled`] before the first step is done.
pub fn project(
    studio: &Studio,
    photograph: &Picture,
    job: &ProjectJob,
    eye: &Eye,
    shown: Option<Shown<'_>>,
    control: &Control,
) -> Result<Projection> {
    job.validate()?;
    if !studio.device().is_autodiff() {
        return Err(EngineError::Internal("projection needs a device with autodiff".into()));
    }
    let target = fitted(photograph, studio.form().size);
    let search = Search::new(studio, &target, job, eye)?;
    device::awake(studio.device(), || search.run(shown, control)).map(|found| Projection { target, ..found })
}

/// The photograph cut to the proportions of `size` (rows, columns) about its middle, and scaled to it.
fn fitted(photograph: &Picture, size: [usize; 2]) -> Picture {
    let [h, w] = size.map(|side| side as f64);
    let (pw, ph) = (f64::from(photograph.width), f64::from(photograph.height));
    let scale = (pw / w).min(ph / h);
    let (cw, ch) = ((w * scale).round().max(1.0) as u32, (h * scale).round().max(1.0) as u32);
    let (x, y) = (photograph.width.saturating_sub(cw) / 2, photograph.height.saturating_sub(ch) / 2);
    resize(&crop(photograph, x, y, cw, ch), size[1] as u32, size[0] as u32)
}

/// What is optimised.
#[derive(Module, Debug)]
struct Place {
    /// Styles less the middle, in their deviations: `[1, layers, width]`.
    styles: Param<Tensor<3>>,
    /// Noise of the layers, `[1, 1, h, w]` each.
    noise: Vec<Param<Tensor<4>>>,
}

/// A place on its way.
struct Attempt {
    place: Place,
    adam: Adam,
    /// Weight of each class.
    classes: Vec<f32>,
    steps: usize,
    /// The best so far: its value, its distance and difference, and where it lies.
    best: Option<(f32, [f32; 2], Code)>,
}

struct Search<'a> {
    studio: &'a Studio,
    job: &'a ProjectJob,
    eye: &'a Eye,
    /// `[1, 3, h, w]`
    target: ImageTensor,
    seen: Seen,
    /// Rows and columns of each layer's noise; none where it is not optimised.
    sizes: Vec<[usize; 2]>,
    /// Steps of each start before the best goes on.
    trial: usize,
    /// Steps of the one that goes on.
    length: usize,
    /// `[1, layers, width]`
    middle: Tensor<3>,
    /// `[1, layers, width]`
    deviations: Tensor<3>,
}

impl<'a> Search<'a> {
    fn new(studio: &'a Studio, target: &Picture, job: &'a ProjectJob, eye: &'a Eye) -> Result<Self> {
        let form = studio.form();
        let target = tensor::from_picture(target, studio.device());
        let count = form.classes.len();
        // Styles may lead anywhere: their middle is that of all classes.
        let middle = studio.centre_of(&vec![1.0 / count.max(1) as f32; count]);
        let mut squares = vec![0.0f32; middle.len()];
        for index in 0..SCALE_SAMPLES {
            let styles = studio.code_of(index).styles;
            for ((square, style), middle) in squares.iter_mut().zip(styles).zip(&middle) {
                *square += (style - middle).powi(2) / SCALE_SAMPLES as f32;
            }
        }
        let deviations = squares.into_iter().map(|square| square.sqrt().max(1e-6)).collect();
        let row = |values: Vec<f32>| {
            Tensor::<3>::from_data(TensorData::new(values, [1, form.layers, form.width]), studio.device())
        };
        let asked = Arc::new(Mutex::new(Vec::new()));
        if job.noise {
            let synthesis = Synthesis { noise: Noise::Sizes(Arc::clone(&asked)), wrap: false };
            studio.generator().synthesise(row(middle.clone()), &synthesis);
        }
        let sizes = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let seen = eye.see(target.clone())?;
        let trial = ((job.steps as f32 * TRIAL) as usize / job.starts).max(1);
        let length = job.steps.saturating_sub((job.starts - 1) * trial).max(1);
        Ok(Self {
            trial,
            length,
            studio,
            job,
            eye,
            target,
            seen,
            sizes,
            middle: row(middle),
            deviations: row(deviations),
        })
    }

    fn run(&self, shown: Option<Shown<'_>>, control: &Control) -> Result<Projection> {
        let (job, started, stage) = (self.job, Instant::now(), "projection".to_owned());
        control.emit(Event::Started { stage: stage.clone(), total: job.steps as u64 });
        let mut done = 0;
        let mut best: Option<Attempt> = None;
        for mut attempt in self.starts(control)? {
            self.advance(&mut attempt, self.trial, &mut done, shown, control)?;
            let better = |known: &Attempt| value(&attempt) < value(known);
            if best.as_ref().is_none_or(better) {
                best = Some(attempt);
            }
        }
        let mut attempt = best.ok_or_else(|| EngineError::Internal("a projection without starts".into()))?;
        self.advance(&mut attempt, job.steps.saturating_sub(done), &mut done, shown, control)?;
        control.emit(Event::Finished { stage, seconds: started.elapsed().as_secs_f64() });
        let (_, [distance, difference], code) = attempt.best.ok_or(EngineError::Cancelled)?;
        let picture = self.picture(&code)?;
        Ok(Projection { code, target: picture.clone(), picture, distance, difference, steps: done })
    }

    /// Where optimisation starts: the middle, and the seeds whose pictures are nearest.
    fn starts(&self, control: &Control) -> Result<Vec<Attempt>> {
        let count = self.studio.form().classes.len();
        let flat = tensor::values(self.middle.clone());
        let mut starts =
            vec![Code { styles: flat, classes: vec![1.0 / count.max(1) as f32; count], noise: CodeNoise::Off }];
        if self.job.starts > 1 {
            let seeds: Vec<u64> = (0..CANDIDATES).collect();
            let judged = self.studio.each(&seeds, |&seed| {
                control.check()?;
                let code = self.studio.code_of(seed);
                let seen = self.eye.see(self.studio.synthesise(&code).clamp(0.0, 1.0))?;
                Ok((tensor::scalar(self.eye.between(&seen, &self.seen)?), code))
            })?;
            let mut order: Vec<usize> = (0..judged.len()).collect();
            order.sort_by(|&a, &b| judged[a].0.total_cmp(&judged[b].0).then(a.cmp(&b)));
            starts.extend(order.into_iter().take(self.job.starts - 1).map(|index| judged[index].1.clone()));
        }
        Ok(starts.into_iter().enumerate().map(|(index, code)| self.attempt(&code, index as u64)).collect())
    }

    fn attempt(&self, code: &Code, index: u64) -> Attempt {
        let (form, device) = (self.studio.form(), self.studio.device());
        let styles = TensorData::new(code.styles.clone(), [1, form.layers, form.width]);
        let styles = (Tensor::<3>::from_data(styles, device) - self.middle.clone()) / self.deviations.clone();
        let noise = self.sizes.iter().enumerate().map(|(layer, &[h, w])| {
            let step = index * self.sizes.len() as u64 + layer as u64;
            let values = rng::normal(&mut rng::stream(self.job.seed, "project.noise", step), h * w);
            Param::from_tensor(tensor::from_planes(values, [1, 1, h, w], device).require_grad())
        });
        let place = Place { styles: Param::from_tensor(styles.detach().require_grad()), noise: noise.collect() };
        // Gradients of the noise's weight dwarf all others; nothing is to be clipped by them.
        let config =
            AdamConfig { beta2: 0.999, clip_norm: f32::INFINITY, skip_norm: f32::INFINITY, ..Default::default() };
        Attempt { place, adam: Adam::new(config), classes: code.classes.clone(), steps: 0, best: None }
    }

    /// Some steps of one attempt. After a cancel there are no more.
    fn advance(
        &self,
        attempt: &mut Attempt,
        steps: usize,
        done: &mut usize,
        shown: Option<Shown<'_>>,
        control: &Control,
    ) -> Result<()> {
        for _ in 0..steps {
            if control.is_cancelled() {
                return Ok(());
            }
            self.step(attempt)?;
            *done += 1;
            let message = match &attempt.best {
                Some((_, [distance, difference], _)) => format!("distance {distance:.4}  pixels {difference:.5}"),
                None => String::new(),
            };
            control.emit(Event::Progress { done: *done as u64, total: self.job.steps as u64, message });
            if let (Some(shown), Some((.., code))) = (shown.filter(|_| done.is_multiple_of(SHOW_EVERY)), &attempt.best)
            {
                shown(*done, &self.picture(code)?);
            }
        }
        Ok(())
    }

    fn step(&self, attempt: &mut Attempt) -> Result<()> {
        let form = self.studio.form();
        let time = attempt.steps as f32 / self.length as f32;
        let place = &attempt.place;
        let (strength, until) = STYLE_NOISE;
        let strength = strength * (1.0 - time / until).max(0.0).powi(2);
        let mut units = place.styles.val(); // [1, layers, width]
        let exact = strength == 0.0;
        if !exact {
            let mut stream = rng::stream(self.job.seed, "project.styles", attempt.steps as u64);
            let shape = [1, form.layers, form.width];
            let values = TensorData::new(rng::normal(&mut stream, form.layers * form.width), shape);
            units = units + Tensor::<3>::from_data(values, self.studio.device()) * strength;
        }
        let styles = units * self.deviations.clone() + self.middle.clone();
        let maps: Vec<Tensor<4>> = place.noise.iter().map(Param::val).collect();
        let image = self.drawn(styles.clone(), &maps);
        let distance = self.eye.between(&self.eye.see(image.clone().clamp(0.0, 1.0))?, &self.seen)?; // [1]
        let difference = (image - self.target.clone()).square().mean(); // [1]
        let loss = distance.clone() + difference.clone() * self.job.pixels;
        let values = [tensor::scalar(distance.inner()), tensor::scalar(difference.inner())];
        let worth = values[0] + self.job.pixels * values[1];
        if attempt.best.as_ref().is_none_or(|(known, ..)| worth < *known) {
            let code = Code {
                styles: tensor::values(styles.inner()),
                classes: attempt.classes.clone(),
                noise: self.kept(&maps),
            };
            attempt.best = Some((worth, values, code));
        }
        let regular = maps.iter().map(|map| noise::likeness(map.clone()));
        let loss = regular.fold(loss, |sum, part| sum + part * NOISE_WEIGHT);
        let grads = loss.backward();
        let grads = ParamGrads::of(place, &grads);
        let rate = self.job.rate * ramp(time);
        let (mut moved, norm) = attempt.adam.step(attempt.place.clone(), &grads, rate);
        if !norm.is_finite() {
            return Err(EngineError::Internal("the gradients of a projection are not finite".into()));
        }
        for map in &mut moved.noise {
            let even = noise::normalised(map.val().inner());
            *map = Param::from_tensor(Tensor::from_inner(even).require_grad());
        }
        attempt.place = moved;
        attempt.steps += 1;
        Ok(())
    }

    /// The picture of styles `[1, layers, width]` and noise, `[1, 3, h, w]`.
    fn drawn(&self, styles: Tensor<3>, maps: &[Tensor<4>]) -> ImageTensor {
        let noise = if maps.is_empty() { Noise::Off } else { Noise::Maps(maps.to_vec()) };
        self.studio.generator().synthesise(styles, &Synthesis { noise, wrap: false })
    }

    fn kept(&self, maps: &[Tensor<4>]) -> CodeNoise {
        if maps.is_empty() {
            return CodeNoise::Off;
        }
        let keep = |map: &Tensor<4>| Array { shape: map.dims().to_vec(), values: tensor::values(map.clone().inner()) };
        CodeNoise::Maps(maps.iter().map(keep).collect())
    }

    fn picture(&self, code: &Code) -> Result<Picture> {
        tensor::to_picture(self.studio.synthesise(code))
    }
}

fn value(attempt: &Attempt) -> f32 {
    attempt.best.as_ref().map_or(f32::INFINITY, |(worth, ..)| *worth)
}

/// The rate at a share of the time: it rises evenly and falls by a cosine.
fn ramp(time: f32) -> f32 {
    let (rise, fall) = RAMPS;
    let down = ((1.0 - time) / fall).clamp(0.0, 1.0);
    let down = 0.5 - 0.5 * (down * std::f32::consts::PI).cos();
    // Not from nothing: the first step counts too.
    down * ((time + 0.01) / rise).min(1.0)
}

/// What is written into the picture of a projection of the photograph with this hash and name.
pub fn projected(
    studio: &Studio,
    found: &Projection,
    job: &ProjectJob,
    eye: &Eye,
    blake3: &str,
    photograph: &Path,
) -> Parameters {
    let name = photograph.file_name().unwrap_or_default().to_string_lossy();
    let line = Line::new("explore project", studio.job()).argument(&name).option("steps", job.steps);
    let line = line.option("starts", job.starts).option("rate", job.rate).option("pixel-weight", job.pixels);
    let line = line.flag("no-noise", !job.noise).option("seed", job.seed).job(studio.job());
    let facts = json!({
        "projection": job,
        "content": {"name": name, "blake3": blake3},
        "eye": eye.name(),
        "distance": found.distance,
        "steps": found.steps,
        // Without its noise, which would be large, it would be another picture.
        "code": studio.carried(&found.code).ok().flatten(),
    });
    studio.parameters(line, facts)
}
