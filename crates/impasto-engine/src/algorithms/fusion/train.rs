//! Training the generator against perception losses and a patch discriminator.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;

use super::discriminator::Discriminator;
use super::stylizer::paint_batch;
use super::{DESCRIPTOR, FusionTraining, Generator};
use crate::blocks::{avg_pool2, channel_moments};
use crate::data::Crops;
use crate::error::Result;
use crate::features::Features;
use crate::losses::{self, AdversarialLoss};
use crate::rng::{self, Rng};
use crate::tensor::{self, ImageTensor};
use crate::train::{
    Adam, AdamConfig, Cause, Ema, Metrics, Objective, ParamGrads, State, fork, side_by_side, warm_cosine,
};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};

/// Share of each level in the content loss, coarsest perception levels last.
const CONTENT_SHARES: [f32; 5] = [0.0, 0.2, 0.4, 0.4, 0.0];

/// Directions of the sliced Wasserstein distance.
const DIRECTIONS: usize = 16;

/// Levels it is taken on: where strokes are.
const WASSERSTEIN_LEVELS: [usize; 2] = [2, 3];

/// Noise of the finite-difference gradient penalty, in pixel values.
const PENALTY_SIGMA: f32 = 0.02;

/// Weight on values outside `[0, 1]`, which clamping would cut off.
const RANGE_WEIGHT: f32 = 10.0;

/// The training state of `fusion`.
pub struct FusionObjective {
    settings: FusionTraining,
    device: Device,
    features: Box<dyn Features>,
    contents: Crops,
    styles: Crops,
    generator: Generator,
    discriminator: Discriminator,
    generator_adam: Adam,
    discriminator_adam: Adam,
    ema: Ema,
    /// Whether it began with weights that were trained before.
    begun: bool,
    /// Halved by every roll-back.
    rate_factor: f32,
    /// Stored in the weights' header.
    provenance: serde_json::Value,
}

/// One batch.
struct Batch {
    content: ImageTensor,
    style: ImageTensor,
    /// 1 for samples whose content is their style, `[n, 1, 1, 1]`.
    identity: Tensor<4>,
}

impl Batch {
    /// `count` samples from `from`.
    fn part(&self, from: usize, count: usize) -> Self {
        let cut = |x: &Tensor<4>| {
            let [_, c, h, w] = x.dims();
            x.clone().slice([from..from + count, 0..c, 0..h, 0..w])
        };
        Self { content: cut(&self.content), style: cut(&self.style), identity: cut(&self.identity) }
    }
}

/// What one part of a batch gives: parts are computed side by side, which keeps all cores busy between the large
/// operations.
struct Part {
    style: ImageTensor,
    output: ImageTensor,
    grads: ParamGrads,
    metrics: Metrics,
}

impl FusionObjective {
    /// Fresh networks on `device` (with autodiff), with `features` on the same device.
    pub fn new(
        settings: FusionTraining,
        features: Box<dyn Features>,
        contents: Crops,
        styles: Crops,
        provenance: serde_json::Value,
        device: &Device,
    ) -> Self {
        let generator = Generator::new(&settings.network, settings.seed, device);
        let discriminator = Discriminator::new(settings.seed, device);
        let adam = |beta1| Adam::new(AdamConfig { beta1, ..AdamConfig::default() });
        Self {
            ema: Ema::new(weights::collect(&generator)),
            device: device.clone(),
            features,
            contents,
            styles,
            generator,
            discriminator,
            generator_adam: adam(0.9),
            discriminator_adam: adam(0.5),
            begun: false,
            rate_factor: 1.0,
            provenance,
            settings,
        }
    }

    /// Parameters of the generator.
    pub fn parameters(&self) -> usize {
        weights::collect(&self.generator).values().map(|a| a.values.len()).sum()
    }

    fn batch(&self, step: u64) -> Batch {
        let s = &self.settings;
        let (n, size) = (s.batch, s.crop);
        let (mut content, mut style, mut identity) = (Vec::new(), Vec::new(), Vec::new());
        for index in step * n as u64..(step + 1) * n as u64 {
            let painting = self.styles.sample(2 * index);
            let kind: f64 = rng::stream(s.seed, "content kind", index).random();
            let same = kind < s.identity_share;
            content.extend(if same {
                painting.clone()
            } else if kind < s.identity_share + s.painting_share {
                self.styles.sample(2 * index + 1)
            } else {
                self.contents.sample(index)
            });
            style.extend(painting);
            identity.push(f32::from(u8::from(same)));
        }
        let image = |values| tensor::from_planar(values, n, size, size, &self.device);
        let identity = Tensor::from_data(TensorData::new(identity, [n, 1, 1, 1]), &self.device);
        Batch { content: image(content), style: image(style), identity }
    }

    fn rate(&self, step: u64) -> f32 {
        let s = &self.settings;
        s.rate * warm_cosine(step, s.steps, s.warm_up, 0.02) * self.rate_factor
    }

    /// The generator's loss and its parts.
    fn perception(&self, step: u64, batch: &Batch, output: Tensor<4>, metrics: &mut Metrics) -> Tensor<1> {
        let s = &self.settings;
        let constant = |image: &ImageTensor| self.features.extract(image.clone());
        let (content, style) = (constant(&batch.content), constant(&batch.style));
        let painted = self.features.extract(output.clone());
        let levels = painted.len() as f32;
        let zero = || Tensor::<1>::zeros([1], &self.device);
        let (mut content_loss, mut moments, mut grams, mut wasserstein) = (zero(), zero(), zero(), zero());
        for (i, (painted, style)) in painted.iter().zip(&style).enumerate() {
            if s.moment_weight > 0.0 {
                moments = moments + losses::moment_error(painted.clone(), style.clone()) / levels;
            }
            grams = grams + losses::gram_error(losses::gram(painted.clone()), losses::gram(style.clone())) / levels;
            if CONTENT_SHARES[i] > 0.0 {
                content_loss = content_loss + losses::content(painted.clone(), content[i].clone()) * CONTENT_SHARES[i];
            }
            if s.wasserstein_weight > 0.0 && WASSERSTEIN_LEVELS.contains(&i) {
                let directions = self.directions(step, i, painted.dims()[1]);
                wasserstein = wasserstein + losses::sliced_wasserstein(painted.clone(), style.clone(), directions);
            }
        }
        let statistics = |maps: &[Tensor<4>]| {
            let (mean, deviation) = channel_moments(maps[s.contrastive_level()].clone());
            Tensor::cat(vec![mean, deviation], 1) // [n, 2c]
        };
        let contrastive = losses::contrastive_style(statistics(&painted), statistics(&style), 0.2);
        // Perception networks care little for hue; without this the colours of a style arrive last.
        let afar = |image: Tensor<4>| avg_pool2(avg_pool2(image)); // [n, 3, h/4, w/4]
        let directions = self.directions(step, painted.len(), 3);
        let colour = losses::sliced_wasserstein(afar(output.clone()), afar(batch.style.clone()), directions);
        let identity = ((output.clone() - batch.content.clone()).abs() * batch.identity.clone()).mean();
        let tv = losses::total_variation(output.clone());
        let range = losses::out_of_range(output);
        let parts = [
            ("content", content_loss, s.content_weight),
            ("moments", moments, s.moment_weight),
            ("gram", grams, s.gram_weight),
            ("wasserstein", wasserstein, s.wasserstein_weight),
            ("contrastive", contrastive, s.contrastive_weight),
            ("colour", colour, s.colour_weight),
            ("identity", identity, s.identity_weight),
            ("tv", tv, s.tv_weight),
            ("range", range, RANGE_WEIGHT),
        ];
        let mut total = zero();
        for (name, loss, weight) in parts {
            metrics.insert(name, tensor::scalar(loss.clone().inner()));
            total = total + loss * weight;
        }
        total
    }

    /// Random unit directions of a step's sliced Wasserstein distances, `[channels, 16]`, for a level of the perception
    /// network; the level behind the last stands for the colours.
    pub fn directions(&self, step: u64, level: usize, channels: usize) -> Tensor<2> {
        let mut rng = rng::stream(self.settings.seed, "directions", step * 8 + level as u64);
        let draws = TensorData::new(rng::normal(&mut rng, channels * DIRECTIONS), [channels, DIRECTIONS]);
        let directions = Tensor::<2>::from_data(draws, &self.device);
        let norm = directions.clone().square().sum_dim(0).sqrt(); // [1, DIRECTIONS]
        directions / norm
    }

    fn is_adversarial(&self, step: u64) -> bool {
        self.settings.adversarial_weight > 0.0 && step >= self.settings.adversarial_from
    }

    /// The generator's gradients over a part of a batch.
    fn part(&self, step: u64, batch: Batch) -> Part {
        let mut metrics = Metrics::new();
        let mut generator = fork(&self.generator);
        if self.settings.keep_encoder {
            generator = generator.with_fixed_encoder();
        }
        let output = paint_batch(&generator, batch.content.clone(), batch.style.clone());
        let mut loss = self.perception(step, &batch, output.clone(), &mut metrics);
        if self.is_adversarial(step) {
            let judge = self.discriminator.clone().no_grad();
            let (real, fake) = (judge.forward(batch.style.clone()), judge.forward(output.clone()));
            let opinion = AdversarialLoss::Relativistic.generator(Some(real), fake);
            metrics.insert("adversarial", tensor::scalar(opinion.clone().inner()));
            loss = loss + opinion * self.settings.adversarial_weight;
        }
        metrics.insert("loss", tensor::scalar(loss.clone().inner()));
        let grads = ParamGrads::of(&generator, &loss.backward());
        Part { style: batch.style, output: output.detach(), grads, metrics }
    }

    /// A batch of an even number in two halves, side by side.
    fn parts(&self, step: u64, batch: Batch) -> Vec<Part> {
        let halves = match batch.content.dims()[0] {
            n if n.is_multiple_of(2) => vec![batch.part(0, n / 2), batch.part(n / 2, n / 2)],
            _ => vec![batch],
        };
        side_by_side(halves, |half| self.part(step, half))
    }

    /// The generator's loss over given pictures `[n, 3, h, w]`, none of which is its own style, and its gradients: what
    /// a step computes before its updates, for comparisons with other programs.
    pub fn slopes(&self, step: u64, content: ImageTensor, style: ImageTensor) -> (f32, ParamGrads) {
        let identity = Tensor::zeros([content.dims()[0], 1, 1, 1], &self.device);
        let parts = self.parts(step, Batch { content, style, identity });
        let loss = parts.iter().filter_map(|part| part.metrics.get("loss")).sum::<f32>() / parts.len() as f32;
        (loss, ParamGrads::mean(parts.into_iter().map(|part| part.grads).collect()))
    }

    fn discriminator_step(&mut self, step: u64, real: ImageTensor, fake: ImageTensor, metrics: &mut Metrics) {
        let s = &self.settings;
        let (at_real, at_fake) = (self.discriminator.forward(real.clone()), self.discriminator.forward(fake.clone()));
        let mut loss = AdversarialLoss::Relativistic.discriminator(at_real.clone(), at_fake.clone());
        metrics.insert("discriminator", tensor::scalar(loss.clone().inner()));
        if step.is_multiple_of(s.penalty_every) {
            let dims = real.dims();
            let mut rng = rng::stream(s.seed, "penalty noise", step);
            let mut beside = |image: ImageTensor| {
                let noise = TensorData::new(rng::normal(&mut rng, dims.iter().product()), dims);
                self.discriminator.forward(image + Tensor::from_data(noise, &self.device) * PENALTY_SIGMA)
            };
            let penalty = losses::finite_difference_penalty(at_real, beside(real), PENALTY_SIGMA)
                + losses::finite_difference_penalty(at_fake, beside(fake), PENALTY_SIGMA);
            metrics.insert("penalty", tensor::scalar(penalty.clone().inner()));
            loss = loss + penalty * (s.penalty_weight * s.penalty_every as f32);
        }
        let grads = ParamGrads::of(&self.discriminator, &loss.backward());
        let rate = s.discriminator_rate * self.rate_factor;
        let (discriminator, _) = self.discriminator_adam.step(self.discriminator.clone(), &grads, rate);
        self.discriminator = discriminator;
    }
}

impl FusionTraining {
    /// The perception level whose moments tell styles apart.
    fn contrastive_level(&self) -> usize {
        2
    }
}

impl Objective for FusionObjective {
    fn step(&mut self, step: u64) -> Result<Metrics> {
        let batch = self.batch(step);
        let parts = self.parts(step, batch);
        let mut metrics = Metrics::new();
        for part in &parts {
            for (name, value) in &part.metrics {
                *metrics.entry(name).or_default() += value / parts.len() as f32;
            }
        }
        let outputs = Tensor::cat(parts.iter().map(|part| part.output.clone()).collect(), 0); // [n, 3, h, w]
        let styles = Tensor::cat(parts.iter().map(|part| part.style.clone()).collect(), 0); // [n, 3, h, w]
        let grads = ParamGrads::mean(parts.into_iter().map(|part| part.grads).collect());
        let rate = self.rate(step);
        let (generator, norm) = self.generator_adam.step(self.generator.clone(), &grads, rate);
        self.generator = generator;
        metrics.insert("gradient", norm);
        metrics.insert("rate", rate);
        self.ema.update(&weights::collect(&self.generator), self.settings.ema, step);
        if self.is_adversarial(step) {
            self.discriminator_step(step, styles, outputs, &mut metrics);
        }
        Ok(metrics)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("generator", weights::collect(&self.generator));
        state.put("discriminator", weights::collect(&self.discriminator));
        state.put("ema", self.ema.arrays().clone());
        self.generator_adam.save("generator_adam", &mut state);
        self.discriminator_adam.save("discriminator_adam", &mut state);
        state.counters.insert("rate_factor".to_owned(), u64::from(self.rate_factor.to_bits()));
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), String> {
        let inner = self.device.clone().inner();
        self.generator = weights::apply(self.generator.clone(), &state.under("generator"))?;
        self.discriminator = weights::apply(self.discriminator.clone(), &state.under("discriminator"))?;
        self.ema = Ema::new(state.under("ema"));
        self.generator_adam.restore("generator_adam", state, &inner)?;
        self.discriminator_adam.restore("discriminator_adam", state, &inner)?;
        let bits = state.counters.get("rate_factor").ok_or("the rate factor is missing")?;
        self.rate_factor = u32::try_from(*bits).map(f32::from_bits).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn begin_from(&mut self, weights: &Arrays) -> Result<(), String> {
        self.generator = weights::apply(self.generator.clone(), weights)?;
        self.ema = Ema::new(weights.clone());
        self.begun = true;
        Ok(())
    }

    fn remarks(&self) -> Vec<String> {
        let untrained = self.settings.keep_encoder && !self.begun;
        let text = "keep_encoder keeps an encoder that nobody trained; give --init FILE to keep that of other weights";
        untrained.then(|| text.to_owned()).into_iter().collect()
    }

    fn preview(&self) -> Result<Picture> {
        let fresh = Generator::new(&self.settings.network, 0, &self.device.clone().inner());
        let generator = weights::apply(fresh, self.ema.arrays()).map_err(crate::EngineError::Internal)?;
        let inner = self.device.clone().inner();
        // Samples far beyond those of training steps, always the same.
        let (rows, columns) = (4u64, 4u64);
        let blank = Picture::filled(1, 1, [0.5; 3]).map_err(|e| crate::EngineError::Internal(e.to_string()))?;
        let mut cells = vec![blank];
        let style = |j| self.styles.batch(u64::MAX / 2 + j, 1, &inner);
        for j in 0..columns {
            cells.push(tensor::to_picture(style(j))?);
        }
        for i in 0..rows {
            let content = self.contents.batch(u64::MAX / 2 + i, 1, &inner);
            cells.push(tensor::to_picture(content.clone())?);
            for j in 0..columns {
                cells.push(tensor::to_picture(paint_batch(&generator, content.clone(), style(j)))?);
            }
        }
        let side = self.settings.crop as u32;
        let cells: Vec<&Picture> = cells.iter().collect();
        Ok(impasto_image::sheet::contact_sheet(&cells, columns as u32 + 1, (side, side), 4))
    }

    fn export(&self) -> Result<(Header, Arrays)> {
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: DESCRIPTOR.name.to_owned(),
            title: "fusion".to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            config: serde_json::to_value(&self.settings.network).unwrap_or_default(),
            training: self.provenance.clone(),
        };
        Ok((header, self.ema.arrays().clone()))
    }

    fn soften(&mut self, _: Cause) -> String {
        self.rate_factor *= 0.5;
        "half the learning rate".to_owned()
    }
}
