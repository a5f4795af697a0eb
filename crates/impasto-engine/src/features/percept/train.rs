//! Training `percept` by distillation.

use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;
use serde::{Deserialize, Serialize};

use super::network::{Network, head_names};
use super::relation::relation;
use super::{LEVELS, NAME, PerceptConfig};
use crate::data::Crops;
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::tensor;
use crate::train::{Adam, AdamConfig, Cause, Ema, Metrics, Objective, ParamGrads, State, warm_cosine};
use crate::weights::{self, Array, Arrays, FORMAT_VERSION, Header};

/// How `percept` is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptTraining {
    /// Samples a step.
    pub batch: usize,
    /// Side of the square crops in pixels, a multiple of 16, at least 32.
    pub crop: usize,
    /// Short side in pixels to which pictures are scaled before cropping.
    pub short_side: u32,
    /// Steps in all; the learning rate falls along a half cosine over them.
    pub steps: u64,
    /// Learning rate at its highest.
    pub rate: f32,
    /// Steps over which the learning rate rises.
    pub warm_up: u64,
    /// Weight of the relations between the Gram matrices of a batch.
    pub relation_weight: f32,
    /// Decay of the averaged weights.
    pub ema: f32,
    /// Seed of the initial weights.
    pub seed: u64,
    /// The network's dimensions; `outputs` must be the teacher's channels.
    pub network: PerceptConfig,
}

impl Default for PerceptTraining {
    fn default() -> Self {
        Self {
            batch: 4,
            crop: 128,
            short_side: 400,
            steps: 6000,
            rate: 2e-3,
            warm_up: 100,
            relation_weight: 0.2,
            ema: 0.998,
            seed: 1,
            network: PerceptConfig::default(),
        }
    }
}

impl PerceptTraining {
    /// Checks what the settings must keep.
    ///
    /// # Errors
    /// A line that names the setting out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        if self.batch == 0 || self.batch > 4096 {
            return Err(format!("batch is {}, not in 1..=4096", self.batch));
        }
        if self.crop < 32 || !self.crop.is_multiple_of(16) || self.crop > 4096 {
            return Err(format!("crop is {}, not a multiple of 16 in 32..=4096", self.crop));
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(format!("rate is {}, not above 0", self.rate));
        }
        if !(0.0..1.0).contains(&self.ema) {
            return Err(format!("ema is {}, not in 0..1", self.ema));
        }
        self.network.validate()
    }
}

/// Slope of the heads' rectifier below zero while training.
const LEAK: f32 = 0.05;

/// Batches over which the teacher's channel deviations are measured.
const STATISTICS_BATCHES: u64 = 12;

/// First sample of those batches, far from the training steps' own.
const STATISTICS_FROM: u64 = u64::MAX / 4;

/// First sample of previews.
const PREVIEW_FROM: u64 = u64::MAX / 2;

/// Share of a level's mean variance that is added to each channel's, so that nearly silent channels do not shout.
const VARIANCE_FLOOR: f32 = 0.02;

/// The names of the levels' errors in the log.
const ERRORS: [&str; LEVELS] = ["error1", "error2", "error3", "error4", "error5"];

/// The training state of `percept`.
pub struct PerceptObjective {
    settings: PerceptTraining,
    device: Device,
    teacher: Box<dyn Features>,
    pictures: Crops,
    network: Network,
    adam: Adam,
    ema: Ema,
    /// The teacher's deviation in each channel of each level; the heads learn activations in these units.
    scales: Vec<Vec<f32>>,
    /// Halved by every roll-back.
    rate_factor: f32,
    /// Stored in the weights' header.
    provenance: serde_json::Value,
}

impl PerceptObjective {
    /// A fresh network on `device` (with autodiff), with `teacher` on the same device. Measures the teacher's
    /// activations on some of the pictures first, which takes as long as a few steps.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when the settings are out of bounds or do not fit the teacher.
    pub fn new(
        settings: PerceptTraining,
        teacher: Box<dyn Features>,
        pictures: Crops,
        provenance: serde_json::Value,
        device: &Device,
    ) -> Result<Self> {
        settings.validate().map_err(EngineError::Caller)?;
        let scales = teacher_scales(teacher.as_ref(), &pictures, settings.batch, device);
        let channels: Vec<usize> = scales.iter().map(Vec::len).collect();
        if channels != settings.network.outputs {
            return Err(EngineError::Caller(format!(
                "the teacher '{}' has {channels:?} channels, the settings' network.outputs are {:?}",
                teacher.name(),
                settings.network.outputs
            )));
        }
        let network = Network::new(&settings.network, settings.seed, device);
        Ok(Self {
            adam: Adam::new(AdamConfig::default()),
            ema: Ema::new(weights::collect(&network)),
            device: device.clone(),
            teacher,
            pictures,
            network,
            scales,
            rate_factor: 1.0,
            provenance,
            settings,
        })
    }

    /// Parameters of the network, heads included.
    pub fn parameters(&self) -> usize {
        weights::collect(&self.network).values().map(|a| a.values.len()).sum()
    }

    fn rate(&self, step: u64) -> f32 {
        let s = &self.settings;
        s.rate * warm_cosine(step, s.steps, s.warm_up, 0.01) * self.rate_factor
    }

    /// Averaged weights whose heads give the teacher's activations in its own units.
    fn shipped(&self) -> Arrays {
        self.with_heads(self.ema.arrays().clone(), |value, scale| value * scale)
    }

    /// Weights whose heads are changed by the teacher's deviation in the channel that they give.
    fn with_heads(&self, mut arrays: Arrays, change: impl Fn(f32, f32) -> f32) -> Arrays {
        for (level, scales) in self.scales.iter().enumerate() {
            for name in head_names(level) {
                let Some(array) = arrays.get_mut(&name) else { continue };
                let row = array.values.len() / scales.len().max(1);
                for (values, scale) in array.values.chunks_mut(row.max(1)).zip(scales) {
                    values.iter_mut().for_each(|v| *v = change(*v, *scale));
                }
            }
        }
        arrays
    }
}

/// The standard deviation of each of the teacher's channels over some batches, with a floor.
fn teacher_scales(teacher: &dyn Features, pictures: &Crops, batch: usize, device: &Device) -> Vec<Vec<f32>> {
    let mut sums: Vec<[Vec<f64>; 2]> = Vec::new();
    for i in 0..STATISTICS_BATCHES {
        let images = pictures.batch(STATISTICS_FROM + i * batch as u64, batch, device);
        for (level, map) in teacher.extract(images).into_iter().enumerate() {
            let c = map.dims()[1];
            if sums.len() <= level {
                sums.push([vec![0.0; c], vec![0.0; c]]);
            }
            for (sum, moment) in sums[level].iter_mut().zip([map.clone(), map.square()]) {
                let means = tensor::values(moment.mean_dims(&[0, 2, 3])); // [1, c, 1, 1]
                sum.iter_mut().zip(means).for_each(|(sum, mean)| *sum += f64::from(mean));
            }
        }
    }
    let deviations = |[means, squares]: [Vec<f64>; 2]| {
        let count = STATISTICS_BATCHES as f64;
        let variance = |(m, s): (f64, f64)| (s / count - (m / count).powi(2)).max(0.0) as f32;
        let variances: Vec<f32> = means.into_iter().zip(squares).map(variance).collect();
        let floor = VARIANCE_FLOOR * variances.iter().sum::<f32>() / variances.len().max(1) as f32 + 1e-12;
        variances.into_iter().map(|v| (v + floor).sqrt()).collect()
    };
    sums.into_iter().map(deviations).collect()
}

impl Objective for PerceptObjective {
    fn step(&mut self, step: u64) -> Result<Metrics> {
        let s = &self.settings;
        let mut metrics = Metrics::new();
        let images = self.pictures.batch(step * s.batch as u64, s.batch, &self.device); // [n, 3, crop, crop]
        let targets = self.teacher.extract(images.clone());
        let taps = self.network.taps(images);
        let guesses = self.network.wide(taps.clone(), LEAK);
        let mut loss = Tensor::<1>::zeros([1], &self.device);
        let mut relations = Tensor::<1>::zeros([1], &self.device);
        for (level, (guess, target)) in guesses.into_iter().zip(targets).enumerate() {
            if s.relation_weight > 0.0 {
                relations = relations + relation(taps[level].clone(), target.clone()) / LEVELS as f32;
            }
            let scales = TensorData::new(self.scales[level].clone(), [1, self.scales[level].len(), 1, 1]);
            let target = target / Tensor::from_data(scales, &self.device); // [n, c, h', w'], deviations 1
            let error = (guess - target).square().mean();
            metrics.insert(ERRORS[level], tensor::scalar(error.clone().inner()));
            loss = loss + error / LEVELS as f32;
        }
        metrics.insert("relation", tensor::scalar(relations.clone().inner()));
        let loss = loss + relations * s.relation_weight;
        metrics.insert("loss", tensor::scalar(loss.clone().inner()));
        let rate = self.rate(step);
        let grads = ParamGrads::of(&self.network, &loss.backward());
        let (network, norm) = self.adam.step(self.network.clone(), &grads, rate);
        self.network = network;
        metrics.insert("gradient", norm);
        metrics.insert("rate", rate);
        self.ema.update(&weights::collect(&self.network), s.ema, step);
        Ok(metrics)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("network", weights::collect(&self.network));
        state.put("ema", self.ema.arrays().clone());
        let scales = |(i, values): (usize, &Vec<f32>)| {
            (i.to_string(), Array { shape: vec![values.len()], values: values.clone() })
        };
        state.put("scales", self.scales.iter().enumerate().map(scales).collect());
        self.adam.save("adam", &mut state);
        state.counters.insert("rate_factor".to_owned(), u64::from(self.rate_factor.to_bits()));
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), String> {
        let scales = state.under("scales");
        let mut restored = Vec::with_capacity(LEVELS);
        for (level, own) in self.scales.iter().enumerate() {
            match scales.get(&level.to_string()) {
                Some(array) if array.values.len() == own.len() => restored.push(array.values.clone()),
                _ => return Err(format!("the teacher's scales of level {level} are missing or misshapen")),
            }
        }
        self.network = weights::apply(self.network.clone(), &state.under("network"))?;
        self.ema = Ema::new(state.under("ema"));
        self.adam.restore("adam", state, &self.device.clone().inner())?;
        let bits = state.counters.get("rate_factor").ok_or("the rate factor is missing")?;
        self.rate_factor = u32::try_from(*bits).map(f32::from_bits).map_err(|e| e.to_string())?;
        self.scales = restored;
        Ok(())
    }

    fn begin_from(&mut self, weights: &Arrays) -> Result<(), String> {
        let weights = self.with_heads(weights.clone(), |value, scale| value / scale);
        self.network = weights::apply(self.network.clone(), &weights)?;
        self.ema = Ema::new(weights);
        Ok(())
    }

    /// A row for each of four pictures: the picture, then for every level its liveliest channel as the teacher has it
    /// and as the student has it.
    fn preview(&self) -> Result<Picture> {
        let fresh = Network::new(&self.settings.network, 0, &self.device);
        let network = weights::apply(fresh, &self.shipped()).map_err(EngineError::Internal)?;
        let side = self.settings.crop;
        let mut cells = Vec::new();
        for sample in 0..4 {
            let image = self.pictures.batch(PREVIEW_FROM + sample, 1, &self.device);
            cells.push(tensor::to_picture(image.clone())?);
            let taught = self.teacher.extract(image.clone());
            let learnt = network.wide(network.taps(image), 0.0);
            for (taught, learnt) in taught.into_iter().zip(learnt) {
                let channel = liveliest(taught.clone());
                let (taught, learnt) = (plane(taught, channel), plane(learnt, channel));
                let white = taught.iter().copied().fold(1e-6, f32::max);
                for map in [taught, learnt] {
                    cells.push(tensor::to_picture(grey(&map, white, side, &self.device))?);
                }
            }
        }
        let cells: Vec<&Picture> = cells.iter().collect();
        Ok(impasto_image::sheet::contact_sheet(&cells, 1 + 2 * LEVELS as u32, (side as u32, side as u32), 4))
    }

    fn export(&self) -> Result<(Header, Arrays)> {
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: NAME.to_owned(),
            title: NAME.to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            config: serde_json::to_value(&self.settings.network).unwrap_or_default(),
            training: self.provenance.clone(),
        };
        Ok((header, self.shipped()))
    }

    fn soften(&mut self, _: Cause) -> String {
        self.rate_factor *= 0.5;
        "half the learning rate".to_owned()
    }
}

/// The channel of `[1, c, h, w]` with the greatest variance.
fn liveliest(map: Tensor<4>) -> usize {
    let mean = map.clone().mean_dims(&[2, 3]); // [1, c, 1, 1]
    let variances = tensor::values((map - mean).square().mean_dims(&[2, 3])); // c values
    let best = variances.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(channel, _)| channel)
}

/// One channel of `[1, c, h, w]` as `h * w` values.
fn plane(map: Tensor<4>, channel: usize) -> Vec<f32> {
    let [_, _, h, w] = map.dims();
    tensor::values(map.slice([0..1, channel..channel + 1, 0..h, 0..w]))
}

/// A square map enlarged to `side` pixels, `white` becoming 1, as `[1, 3, side, side]`.
fn grey(map: &[f32], white: f32, side: usize, device: &Device) -> Tensor<4> {
    let small = (map.len() as f32).sqrt() as usize;
    let at = |i: usize| map[(i / side * small / side) * small + (i % side) * small / side] / white;
    let values: Vec<f32> = (0..side * side).map(at).collect();
    tensor::from_planar(values.repeat(3), 1, side, side, device)
}
