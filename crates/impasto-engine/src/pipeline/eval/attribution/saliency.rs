//! What a judgement reacts to, as a map.

use std::path::Path;

use burn::tensor::Tensor;
use impasto_image::Picture;

use super::Judge;
use super::heat::Heat;
use super::space::{OFFSET, StyleSpace};
use crate::Device;
use crate::blocks::avg_pool2;
use crate::data::gallery::GallerySettings;
use crate::error::{EngineError, Result};
use crate::pipeline::eval::judges::opaque;
use crate::pipeline::train::RunConfig;
use crate::registry::{self, REGISTRY};
use crate::rng;
use crate::tensor::{self, ImageTensor};
use crate::train::{Checkpoint, Critic, RunDir};

/// Cells of the map of evidence, in pixels of the prepared picture: what the fourth level resolves.
const CELL: usize = 8;

/// Halvings of that.
const HALVINGS: usize = 3;

/// Deviation in cells of the window in which brush strokes are counted.
const WINDOW: f32 = 1.5;

/// Radius of the filter that lets the map follow the picture, as a share of its shorter side.
const RADIUS: f32 = 0.03;

/// Contrast, squared, that is an edge to it.
const EDGE: f32 = 1e-3;

/// Added to variances, as the style has it.
const EPS: f32 = 1e-5;

/// Steps from the softened picture to the picture.
const STEPS: usize = 16;

/// Deviation of the noise added at each step: gradients at one point are those of its roundings.
const NOISE: f32 = 0.03;

/// Largest picture that gradients are taken of, by its longer side.
const LARGEST: u32 = 768;

impl Judge<'_> {
    /// Where a picture speaks for a corpus (by its place among those given) and where against it: the gradient of the
    /// evidence with respect to the style, times how the style around each place differs from the mean of all corpora,
    /// summed over the features (in the manner of Selvaraju et al. 2017, with local moments for activations). The map has
    /// the picture's size.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when the network gives values that are not finite.
    pub fn evidence(&self, picture: &Picture, corpus: usize) -> Result<Heat> {
        let space = self.corpora.space();
        let prepared = space.prepared(picture);
        let (slope, centre) = (self.slope(&space.style_of_prepared(&prepared)?, corpus), self.centre());
        let coarse = local(space, &prepared, &slope, &centre)?;
        Ok(shown(&coarse, picture))
    }
}

/// The map at the size of the picture, following its edges.
fn shown(map: &Heat, picture: &Picture) -> Heat {
    let radius = (picture.width.min(picture.height) as f32 * RADIUS).round().max(1.0) as usize;
    map.at(picture.width, picture.height).following(picture, radius, EDGE)
}

/// The sum over all features of slope times local feature minus centre, on cells of 8 px.
fn local(space: &StyleSpace, prepared: &Picture, slope: &[f64], centre: &[f64]) -> Result<Heat> {
    let image = tensor::from_picture(prepared, space.device());
    let mut map: Option<Heat> = None;
    let mut first = 0;
    for (number, level) in space.levels(image).into_iter().enumerate() {
        let [_, channels, _, _] = level.dims();
        let halvings = HALVINGS.saturating_sub(number);
        let pool = |x: Tensor<4>| (0..halvings).fold(x, |x, _| avg_pool2(x)); // [1, c, h / 8, w / 8]
        let (mean, square) = (pool(level.clone()), pool(level.square()));
        let [_, _, h, w] = mean.dims();
        // Levels coarser than the cells have windows that are smaller by as much.
        let window = WINDOW * (CELL >> 3) as f32 / (1 << number.saturating_sub(HALVINGS)) as f32;
        let (mean, square) = (tensor::finite(mean)?, tensor::finite(square)?);
        let mut sum = vec![0.0f32; h * w];
        for channel in 0..channels {
            let own = channel * h * w..(channel + 1) * h * w;
            let (mean, square) = (blurred(&mean[own.clone()], w, window), blurred(&square[own], w, window));
            let (of_mean, of_deviation) = (first + channel, first + channels + channel);
            for ((sum, mean), square) in sum.iter_mut().zip(mean).zip(square) {
                let deviation = ((square - mean * mean).max(0.0) + EPS).sqrt();
                let part =
                    |index: usize, moment: f32| slope[index] * (f64::from((moment + OFFSET).ln()) - centre[index]);
                *sum += (part(of_mean, mean) + part(of_deviation, deviation)) as f32;
            }
        }
        first += 2 * channels;
        let own = Heat { width: w, height: h, values: sum };
        map = Some(match map {
            None => own,
            Some(mut map) => {
                let own = own.at(map.width as u32, map.height as u32);
                map.values.iter_mut().zip(own.values).for_each(|(sum, v)| *sum += v);
                map
            }
        });
    }
    map.ok_or_else(|| EngineError::Internal("a perception network without levels".into()))
}

/// A map under a Gaussian window that is cut off, and made up for, at the borders.
fn blurred(values: &[f32], width: usize, deviation: f32) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as usize;
    let weight = |d: usize| (-0.5 * (d as f32 / deviation).powi(2)).exp();
    let weights: Vec<f32> = (0..=reach).map(weight).collect();
    let height = values.len() / width;
    let line = |count: usize, at: usize, value: &dyn Fn(usize) -> f32| {
        let (mut sum, mut total) = (0.0, 0.0);
        for i in at.saturating_sub(reach)..(at + reach + 1).min(count) {
            let weight = weights[i.abs_diff(at)];
            sum += weight * value(i);
            total += weight;
        }
        sum / total
    };
    let mut across = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        across.extend((0..width).map(|x| line(width, x, &|i| row[i])));
    }
    let column = |i: usize| line(height, i / width, &|y| across[y * width + i % width]);
    (0..values.len()).map(column).collect()
}

/// The discriminator of a training run.
pub struct RunCritic {
    critic: Box<dyn Critic>,
    /// How the run brings pictures to one size, if it does.
    framing: Option<GallerySettings>,
}

impl RunCritic {
    /// The discriminator of a run at its latest checkpoint, on `device` (with autodiff).
    ///
    /// # Errors
    /// [`EngineError::File`] when the folder is no run, its algorithm has no discriminator, or its checkpoint is damaged or
    /// missing.
    pub fn open(run: &Path, device: &Device) -> Result<Self> {
        let dir = RunDir::open(run)?;
        let checkpoints = dir.checkpoints();
        let checkpoint = Checkpoint::latest(&checkpoints)?
            .ok_or_else(|| EngineError::file(run, "has no checkpoint yet; let the training go on until its first"))?;
        let config = RunConfig::from_toml(&dir.read_config()?, &run.join("config.toml"))?;
        let trainer = registry::find(&config.algorithm)?.trainer.as_ref();
        let build = trainer.and_then(|trainer| trainer.critic).ok_or_else(|| {
            let has = |entry: &&registry::Entry| entry.trainer.as_ref().is_some_and(|trainer| trainer.critic.is_some());
            let known: Vec<&str> = REGISTRY.iter().filter(has).map(|entry| entry.descriptor.name).collect();
            let text = format!(
                "is a run of '{}', which trains no discriminator; give a run of {}",
                config.algorithm,
                known.join(", ")
            );
            EngineError::file(run, text)
        })?;
        let critic = build(&config.training, &checkpoint.state, device)
            .map_err(|reason| EngineError::file(&checkpoints, reason))?;
        let framing = critic.size().map(|size| GallerySettings { size, ..config.gallery.unwrap_or_default() });
        Ok(Self { critic, framing })
    }

    /// The picture as the discriminator sees it, at the size and with the framing of its training, and the part of it that
    /// this shows at its own size.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when it is too small for the training.
    pub fn views(&self, picture: &Picture) -> Result<[Picture; 2]> {
        let Some(framing) = &self.framing else {
            return Ok([picture.clone(), picture.clone()]);
        };
        let part = opaque(picture).and_then(|picture| framing.part(&picture).map_err(EngineError::Caller));
        Ok([framing.frame(picture).map_err(EngineError::Caller)?, part?])
    }

    /// The place and name of the class that a picture (as it is seen) is judged as: the one called `wanted`, or the one that
    /// it looks most real in; `None` for a discriminator without classes.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for an unknown name.
    pub fn class(&self, seen: &Picture, wanted: Option<&str>, device: &Device) -> Result<Option<(usize, &str)>> {
        let classes = self.critic.classes();
        let place = match wanted {
            Some(wanted) => Some(classes.iter().position(|class| class == wanted).ok_or_else(|| {
                let near = registry::suggest(wanted, classes.iter().map(String::as_str));
                EngineError::Caller(format!("the discriminator has no class '{wanted}'{near}"))
            })?),
            None => {
                let image = tensor::from_picture(seen, device);
                let score = |&class: &usize| tensor::scalar(self.critic.score(image.clone(), Some(class)).inner());
                let scores: Vec<(usize, f32)> = (0..classes.len()).map(|class| (class, score(&class))).collect();
                scores.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(class, _)| class)
            }
        };
        Ok(place.map(|place| (place, classes[place].as_str())))
    }

    /// How real a picture `[1, 3, h, w]` looks as one of a class, `[1]`.
    pub fn score(&self, image: ImageTensor, class: Option<usize>) -> Tensor<1> {
        self.critic.score(image, class)
    }
}

/// What in a picture a score reacts to: integrated gradients (Sundararajan et al. 2017) along the way from the picture
/// without its details to the picture, with noise at every step (Smilkov et al. 2017), summed over the colours and smoothed
/// along the picture's edges. What is above 0 raises the score; before smoothing, values sum to what the details add to it.
///
/// `score` takes `[1, 3, h, w]` in `[0, 1]` on `device` (with autodiff) and gives `[1]`. The picture is seen as `seen`, at no
/// more than 768 px; the map has the size of `shown_on`, which is the same picture.
///
/// # Errors
/// [`EngineError::Internal`] when a gradient is not finite.
pub fn reaction(
    score: impl Fn(ImageTensor) -> Tensor<1>,
    seen: &Picture,
    shown_on: &Picture,
    device: &Device,
    seed: u64,
) -> Result<Heat> {
    let small = match seen.width.max(seen.height) > LARGEST {
        true => impasto_image::resize_to_long_side(seen, LARGEST),
        false => seen.clone(),
    };
    let sums = integrated(score, &small, device, seed)?;
    let (width, height) = (small.width as usize, small.height as usize);
    let window = RADIUS * width.min(height) as f32;
    let pooled = blurred(&sums, width, window / 2.0);
    Ok(shown(&Heat { width, height, values: pooled }, shown_on))
}

/// Integrated gradients, summed over the colours.
fn integrated(
    score: impl Fn(ImageTensor) -> Tensor<1>,
    picture: &Picture,
    device: &Device,
    seed: u64,
) -> Result<Vec<f32>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let planes = picture.to_planar();
    let soft = width.min(height) as f32 / 32.0;
    let base: Vec<f32> = planes.chunks_exact(width * height).flat_map(|plane| blurred(plane, width, soft)).collect();
    let mut sums = vec![0.0f32; width * height];
    for step in 0..STEPS {
        let share = (step as f32 + 0.5) / STEPS as f32;
        let noise = rng::normal(&mut rng::stream(seed, "saliency", step as u64), planes.len());
        let at = planes.iter().zip(&base).zip(noise).map(|((x, b), n)| b + (x - b) * share + NOISE * n).collect();
        let input = tensor::from_planar(at, 1, height, width, device).require_grad(); // [1, 3, h, w]
        let grads = score(input.clone()).backward();
        let gradient = input.grad(&grads).ok_or_else(|| EngineError::Internal("a score without a gradient".into()))?;
        let gradient = tensor::finite(gradient)?;
        for (i, ((g, x), b)) in gradient.iter().zip(&planes).zip(&base).enumerate() {
            sums[i % (width * height)] += g * (x - b) / STEPS as f32;
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{self, DeviceSpec};

    #[test]
    fn integrated_gradients_sum_to_what_details_add() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let rgb = (0..48 * 40 * 3).map(|i| ((i * i / 7) % 89) as f32 / 89.0).collect();
        let picture = Picture::from_rgb(48, 40, rgb).unwrap();
        let score = |x: ImageTensor| x.square().mean().reshape([1]);
        let sums = integrated(score, &picture, &device.clone().autodiff(), 1).unwrap();
        let planes = picture.to_planar();
        let soft: Vec<f32> = planes.chunks_exact(48 * 40).flat_map(|plane| blurred(plane, 48, 40.0 / 32.0)).collect();
        let of = |values: Vec<f32>| tensor::scalar(score(tensor::from_planar(values, 1, 40, 48, &device)));
        let added = of(planes) - of(soft);
        // Noise of zero mean at 16 steps.
        const NOISE_LEFT: f32 = 0.05;
        assert!((sums.iter().sum::<f32>() - added).abs() < NOISE_LEFT * added, "{} {added}", sums.iter().sum::<f32>());
    }

    #[test]
    fn windows_keep_constants_and_spread_points() {
        assert!(blurred(&[2.0; 30], 6, 1.5).iter().all(|v| (v - 2.0).abs() < 1e-5));
        let mut point = vec![0.0; 81];
        point[40] = 1.0;
        let out = blurred(&point, 9, 1.0);
        assert!(out[40] > out[41] && (out[41] - out[49]).abs() < 1e-6 && out[41] > 0.05);
    }
}
