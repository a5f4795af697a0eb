//! One training step of a generator against a discriminator, and what it needs to go on.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;

use super::batch::{Batch, Sampler};
use super::{
    Ada, Architecture, Build, Care, DiscriminatorNet, GanTraining, GeneratorNet, Likeness, Limits, Looks, Mode,
    Observation, Verdict, picture,
};
use crate::data::Gallery;
use crate::error::{EngineError, Result};
use crate::losses::{self, PathMean};
use crate::rng;
use crate::tensor;
use crate::train::{
    Adam, AdamConfig, Cause, Ema, Health, Metrics, Objective, ParamGrads, State, fork, side_by_side, warm_cosine,
};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};

/// The training state of the architecture `A`.
pub struct GanObjective<A: Architecture> {
    settings: GanTraining<A::Config>,
    build: Build<A::Config>,
    device: Device,
    sampler: Sampler,
    generator: A::Generator,
    discriminator: A::Discriminator,
    generator_adam: Adam,
    discriminator_adam: Adam,
    ema: Ema,
    ada: Ada,
    /// What the lengths of the generator's paths are drawn to.
    paths: PathMean,
    care: Care,
    /// Real pictures as the watch sees them.
    real: Looks,
    /// What samples are compared with them by, where they are enough.
    likeness: Option<Likeness>,
    /// Stored in the weights' header.
    provenance: serde_json::Value,
}

/// What the discriminator's phase leaves of a part of a batch for the generator's.
struct Judged<A: Architecture> {
    batch: Batch,
    /// The generator's copy that made `fake`, through which its gradients flow.
    generator: A::Generator,
    styles: Tensor<3>,
    fake: Tensor<4>,
    grads: ParamGrads,
    metrics: Metrics,
}

impl<A: Architecture> GanObjective<A> {
    /// Fresh networks on `device` (with autodiff).
    ///
    /// # Errors
    /// [`EngineError::Caller`] for settings that do not fit together or the pictures.
    pub fn new(
        settings: GanTraining<A::Config>,
        gallery: Gallery,
        provenance: serde_json::Value,
        device: &Device,
    ) -> Result<Self> {
        let build = settings.build();
        settings.check::<A>().map_err(EngineError::Caller)?;
        let generator = A::generator(&build, settings.seed, device);
        let adam = || {
            // Steps with a penalty have gradients many times as long as those between: clipping would undo its weight.
            let clip_norm = f32::INFINITY;
            let config =
                AdamConfig { beta1: settings.beta1, clip_norm, skip_norm: f32::INFINITY, ..AdamConfig::default() };
            Adam::new(config)
        };
        let sampler = Sampler::new(&settings, gallery, generator.form().clone()).map_err(EngineError::Caller)?;
        let inner = device.clone().inner();
        Ok(Self {
            real: Looks::of(sampler.real(&inner)),
            likeness: Likeness::new(sampler.many_real(Likeness::MOST, &inner), &inner)?,
            sampler,
            ema: Ema::new(weights::collect(&generator)),
            discriminator: A::discriminator(&build, settings.seed, device),
            generator,
            generator_adam: adam(),
            discriminator_adam: adam(),
            ada: Ada::new(&settings.augment, settings.loss, settings.size),
            paths: PathMean::default(),
            care: Care::new(Limits::of(settings.loss)),
            device: device.clone(),
            provenance,
            build,
            settings,
        })
    }

    /// Pictures as the discriminator sees them: `from` is the number of their first sample, so that no two batches are
    /// changed in the same way.
    fn seen(&self, images: Tensor<4>, stream: &str, from: u64) -> Tensor<4> {
        self.ada.augment(images, self.settings.seed, stream, from)
    }

    /// The generator makes pictures, and the discriminator learns to tell them from real ones.
    fn discriminator_part(&self, step: u64, batch: Batch) -> Result<Judged<A>> {
        let s = &self.settings;
        let mut metrics = Metrics::new();
        let generator = fork(&self.generator);
        let styles = self.sampler.styles(&batch, &generator);
        let fake = generator.synthesise(styles.clone(), &batch.synthesis, Mode::Train); // [n, 3, h, w]
        let judge = fork(&self.discriminator);
        let real = self.seen(batch.real.clone(), "augment real", batch.first);
        let made = self.seen(fake.clone().detach(), "augment made", batch.first);
        let at_real = judge.judge(real.clone(), batch.labels.clone());
        let at_made = judge.judge(made.clone(), batch.labels.clone());
        let adversarial = s.loss.discriminator(at_real.logits.clone(), at_made.logits.clone());
        metrics.insert("discriminator", tensor::scalar(adversarial.clone().inner()));
        metrics.insert("logit_real", mean(&at_real));
        metrics.insert("logit_made", mean(&at_made));
        metrics.insert("overfitting", Ada::signal(s.loss, &at_real.logits, &at_made.logits));
        let mut loss = adversarial;
        if let Some(rebuilt) = judge.rebuilt(&at_real, &real, batch.first) {
            metrics.insert("rebuilt", tensor::scalar(rebuilt.clone().inner()));
            loss = loss + rebuilt * s.rebuild_weight;
        }
        if let Some(codes) = self.codes(&at_made, &batch) {
            metrics.insert("codes", tensor::scalar(codes.clone().inner()));
            loss = loss + codes * s.code_weight;
        }
        if s.penalty.is_due(step) {
            let sides = Sides { judge: &judge, labels: batch.labels.clone() };
            let [real, made] = [(real, at_real.logits), (made, at_made.logits)]
                .map(|(samples, logits)| losses::Judged { samples, logits });
            let mut rng = rng::stream(s.seed, "penalty", batch.first);
            let penalty = s.penalty.loss(&sides, &real, &made, &mut rng).map_err(EngineError::Caller)?;
            metrics.insert("penalty", tensor::scalar(penalty.clone().inner()));
            loss = loss + penalty * self.care.factors.penalty;
        }
        let grads = ParamGrads::of(&judge, &loss.backward());
        Ok(Judged { batch, generator, styles, fake, grads, metrics })
    }

    /// The generator learns to look more real to the discriminator as it is now.
    fn generator_part(&self, step: u64, judged: Judged<A>) -> (ParamGrads, Metrics) {
        let s = &self.settings;
        let Judged { batch, generator, styles, fake, mut metrics, .. } = judged;
        let paths = s.paths.is_due(step).then(|| {
            let beside = styles.clone() + self.steps(styles.dims(), batch.first) * s.paths.sigma; // [n, layers, width]
            let beside = generator.synthesise(beside, &batch.synthesis, Mode::Train); // [n, 3, h, w]
            losses::path_lengths(fake.clone(), beside, s.paths.sigma) // [n, 1]
        });
        let judge = self.discriminator.clone().no_grad();
        let at_made = judge.judge(self.seen(fake, "augment made", batch.first), batch.labels.clone());
        let at_real = s.loss.needs_real().then(|| {
            let real = self.seen(batch.real.clone(), "augment real", batch.first);
            judge.judge(real, batch.labels.clone()).logits
        });
        let adversarial = s.loss.generator(at_real, at_made.logits.clone());
        let value = tensor::scalar(adversarial.clone().inner());
        metrics.insert("generator", value);
        let discriminator = metrics.get("discriminator").copied().unwrap_or_default();
        metrics.insert("sum", value + s.sum_weight * discriminator);
        let mut loss = adversarial;
        if let Some(codes) = self.codes(&at_made, &batch) {
            loss = loss + codes * s.code_weight;
        }
        if let Some(lengths) = paths {
            metrics.insert("path_length", tensor::scalar(lengths.clone().inner().mean()));
            loss = loss + self.paths.penalty(lengths) * (s.paths.weight * s.paths.every as f32);
        }
        (ParamGrads::of(&generator, &loss.backward()), metrics)
    }

    /// Steps in style space, standard normal, `[n, layers, width]`; `from` is the number of their first sample.
    fn steps(&self, dims: [usize; 3], from: u64) -> Tensor<3> {
        let draws = rng::normal(&mut rng::stream(self.settings.seed, "path", from), dims.iter().product());
        Tensor::from_data(TensorData::new(draws, dims), &self.device)
    }

    /// How badly the structured codes of a batch are read back.
    fn codes(&self, verdict: &Verdict, batch: &Batch) -> Option<Tensor<1>> {
        let read = verdict.codes.clone()?;
        let [n, length] = batch.latents.dims();
        let codes = &self.settings.codes;
        let drawn = batch.latents.clone().slice([0..n, length - codes.len()..length]); // [n, codes]
        let [categorical, continuous] = losses::information(read, drawn, codes);
        Some(categorical + continuous)
    }

    /// Always the same samples of the averaged generator, `[n, 3, h, w]`.
    fn samples(&self) -> Result<Tensor<4>> {
        let generator = self.averaged()?;
        let draw = self.sampler.fixed(&self.device.clone().inner());
        let styles = GeneratorNet::map(&generator, draw.latents, draw.labels);
        Ok(generator.synthesise(styles, &draw.synthesis, Mode::Infer))
    }

    /// Parts of many samples of the averaged generator, always the same, `[n, 3, h, w]` each.
    fn many(&self) -> Result<impl Iterator<Item = Tensor<4>>> {
        let generator = self.averaged()?;
        let draws = self.sampler.many(Likeness::MOST, self.device.clone().inner());
        Ok(draws.map(move |draw| {
            let styles = GeneratorNet::map(&generator, draw.latents, draw.labels);
            generator.synthesise(styles, &draw.synthesis, Mode::Infer)
        }))
    }

    /// The averaged generator with statistics for inference, without autodiff.
    fn averaged(&self) -> Result<A::Generator> {
        let device = self.device.clone().inner();
        let fresh = A::generator(&self.build, self.settings.seed, &device);
        let net = weights::apply(fresh, self.ema.arrays()).map_err(EngineError::Internal)?;
        Ok(net.no_grad().calibrated(&self.sampler.calibration(&device)))
    }
}

/// A discriminator as penalties see it: real and made pictures of a batch are of the same classes.
struct Sides<'a, D> {
    judge: &'a D,
    labels: Option<Tensor<2>>,
}

impl<D: DiscriminatorNet> losses::Judge<4> for Sides<'_, D> {
    fn judge(&self, samples: Tensor<4>, _: losses::Source) -> Tensor<2> {
        self.judge.judge(samples, self.labels.clone()).logits
    }

    fn gradient(&self, samples: Tensor<4>, _: losses::Source) -> Option<Tensor<4>> {
        self.judge.input_gradient(samples, self.labels.clone())
    }
}

/// The counter that keeps [`PathMean`].
const PATH_MEAN: &str = "path_mean";

/// The mean logit.
fn mean(verdict: &Verdict) -> f32 {
    tensor::scalar(verdict.logits.clone().inner().mean())
}

impl<A: Architecture> Objective for GanObjective<A> {
    fn step(&mut self, step: u64) -> Result<Metrics> {
        let s = &self.settings;
        let share = warm_cosine(step, s.steps, s.warm_up, s.rate_floor);
        let rate = s.rate * share * self.care.factors.rate;
        let discriminator_rate = s.discriminator_rate * share * self.care.factors.discriminator_rate;
        let batches = self.sampler.parts(step, &self.device);

        let judged = side_by_side(batches, |batch| self.discriminator_part(step, batch));
        let judged = judged.into_iter().collect::<Result<Vec<_>>>()?;
        let grads = ParamGrads::mean(judged.iter().map(|part| part.grads.clone()).collect());
        let (discriminator, norm) =
            self.discriminator_adam.step(self.discriminator.clone(), &grads, discriminator_rate);
        self.discriminator = discriminator;

        let parts = side_by_side(judged, |part| self.generator_part(step, part));
        let mut metrics = Metrics::new();
        let count = parts.len() as f32;
        for (name, value) in parts.iter().flat_map(|(_, metrics)| metrics) {
            *metrics.entry(name).or_default() += value / count;
        }
        if let Some(&length) = metrics.get("path_length") {
            self.paths = self.paths.with(length);
        }
        let grads = ParamGrads::mean(parts.into_iter().map(|(grads, _)| grads).collect());
        let (generator, generator_norm) = self.generator_adam.step(self.generator.clone(), &grads, rate);
        self.generator = generator;
        self.ema.update(&weights::collect(&self.generator), self.settings.ema, step);

        let overfitting = metrics.get("overfitting").copied().unwrap_or_default();
        self.ada.steer(overfitting, self.settings.batch);
        metrics.insert("augment", self.ada.probability());
        metrics.insert("gradient", generator_norm);
        metrics.insert("gradient_discriminator", norm);
        metrics.insert("rate", rate);
        self.care.note(&metrics);
        Ok(metrics)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("generator", weights::collect(&self.generator));
        state.put("discriminator", weights::collect(&self.discriminator));
        state.put("ema", self.ema.arrays().clone());
        self.generator_adam.save("generator_adam", &mut state);
        self.discriminator_adam.save("discriminator_adam", &mut state);
        self.ada.save("ada", &mut state);
        self.care.save(&mut state);
        state.counters.insert(PATH_MEAN.to_owned(), u64::from(self.paths.mean.to_bits()));
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), String> {
        let inner = self.device.clone().inner();
        self.generator = weights::apply(self.generator.clone(), &state.under("generator"))?;
        self.discriminator = weights::apply(self.discriminator.clone(), &state.under("discriminator"))?;
        self.ema = Ema::new(state.under("ema"));
        self.generator_adam.restore("generator_adam", state, &inner)?;
        self.discriminator_adam.restore("discriminator_adam", state, &inner)?;
        self.ada.restore("ada", state)?;
        self.care.restore(state)?;
        // Runs that were begun before there was this mean have none.
        let mean = state.counters.get(PATH_MEAN).map(|bits| u32::try_from(*bits).map(f32::from_bits));
        let mean = mean.transpose().map_err(|e| format!("{PATH_MEAN}: {e}"))?;
        self.paths = PathMean { mean: mean.unwrap_or_default() };
        Ok(())
    }

    fn begin_from(&mut self, weights: &Arrays) -> Result<(), String> {
        self.generator = weights::apply(self.generator.clone(), weights)?;
        self.ema = Ema::new(weights.clone());
        Ok(())
    }

    fn preview(&self) -> Result<Picture> {
        picture::grid(self.samples()?, self.sampler.columns())
    }

    fn watch(&mut self, step: u64, figures: &mut Metrics) -> Result<Health> {
        if let Some(likeness) = &self.likeness {
            figures.extend(likeness.measure(self.many()?)?);
        }
        let recent = |name| self.care.recent(name);
        let seen = Observation {
            step,
            gap: recent("logit_real") - recent("logit_made"),
            overfitting: recent("overfitting"),
            gradient: recent("gradient"),
            swing: self.settings.loss.guessing().map_or(0.0, |guessing| recent("discriminator") / guessing),
            made: Looks::of(self.samples()?),
            real: self.real,
            distance: figures.get("fd").copied(),
        };
        Ok(self.care.look(&seen))
    }

    fn export(&self) -> Result<(Header, Arrays)> {
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: A::DESCRIPTOR.name.to_owned(),
            title: A::DESCRIPTOR.name.to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            config: serde_json::to_value(&self.build).map_err(|e| EngineError::Internal(e.to_string()))?,
            training: self.provenance.clone(),
        };
        Ok((header, weights::collect(&self.averaged()?)))
    }

    fn soften(&mut self, cause: Cause) -> String {
        let remedy = self.care.soften(cause);
        self.ada.raise(remedy.augment);
        remedy.to_string()
    }
}
