//! A discriminator, its optimiser, what it sees of pictures, and the pool of what was made before.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{Bout, PatchDiscriminator, Pool, Scheme, TranslationTraining};
use crate::tensor::{self, ImageTensor};
use crate::train::gan::Ada;
use crate::train::{Adam, AdamConfig, Metrics, ParamGrads, State, fork, side_by_side};
use crate::weights;

/// A discriminator as a constant.
pub(super) struct Frozen {
    network: PatchDiscriminator,
    sight: Sight,
}

impl Frozen {
    /// The logits of pictures `[n, 3, h, w]`, `[n, k]` at every scale; see [`Sight::seen`].
    pub(super) fn judge(&self, condition: &Option<ImageTensor>, image: ImageTensor, first: u64) -> Vec<Tensor<2>> {
        self.network.forward(self.sight.seen(condition, image, "made", first))
    }
}

/// How a discriminator sees pictures: changed at random, beside what they were made from.
#[derive(Debug, Clone)]
struct Sight {
    ada: Ada,
    seed: u64,
}

impl Sight {
    /// Pictures `[n, 3, h, w]` to `[n, 3, h, w]`, or `[n, 6, h, w]` with a condition, which is changed in the same way.
    /// Changes are those of `stream` at the samples from `first` on.
    fn seen(&self, condition: &Option<ImageTensor>, image: ImageTensor, stream: &str, first: u64) -> Tensor<4> {
        let stream = format!("augment {stream}");
        let changed = |image| self.ada.augment(image, self.seed, &stream, first);
        match condition {
            Some(condition) => Tensor::cat(vec![changed(condition.clone()), changed(image)], 1), // [n, 6, h, w]
            None => changed(image),
        }
    }
}

/// What a discriminator learns from: pictures `[n, 3, h, w]`.
struct Lesson {
    /// Number of the first sample.
    first: u64,
    /// What the real ones belong to.
    condition: Option<ImageTensor>,
    real: ImageTensor,
    /// What the made ones were made from, where there is a condition.
    own: Option<ImageTensor>,
    made: ImageTensor,
}

/// A discriminator that learns.
pub(super) struct Opponent {
    network: PatchDiscriminator,
    adam: Adam,
    sight: Sight,
    pool: Pool,
    /// Tells it apart from others in states and streams.
    name: String,
}

impl Opponent {
    pub(super) fn new<S: Scheme>(settings: &TranslationTraining<S>, index: usize, device: &Device) -> Self {
        let channels = if S::PAIRED { 6 } else { 3 };
        let name = format!("discriminator.{index}");
        let ada = Ada::new(&settings.augment, settings.loss, [settings.crop; 2]);
        Self {
            network: PatchDiscriminator::new(&settings.discriminator, channels, settings.seed, &name, device),
            adam: Adam::new(adam(settings.beta1)),
            sight: Sight { ada, seed: settings.seed },
            pool: Pool::new(settings.pool),
            name,
        }
    }

    pub(super) fn frozen(&self) -> Frozen {
        Frozen { network: self.network.clone().no_grad(), sight: self.sight.clone() }
    }

    /// The probability of augmentation.
    pub(super) fn probability(&self) -> f32 {
        self.sight.ada.probability()
    }

    pub(super) fn raise(&mut self, by: f32) {
        self.sight.ada.raise(by);
    }

    /// Learns to tell what was made, or made before, from what is real. `bouts` are the parts of a batch with the numbers
    /// of their first samples. Returns the figures.
    pub(super) fn learn<S: Scheme>(
        &mut self,
        settings: &TranslationTraining<S>,
        bouts: Vec<(u64, Bout)>,
        rate: f32,
    ) -> Metrics {
        let lessons: Vec<Lesson> = bouts.into_iter().map(|(first, bout)| self.lesson(first, bout)).collect();
        let (network, sight) = (&self.network, &self.sight);
        let learnt = side_by_side(lessons, |lesson| {
            let Lesson { first, condition, real, own, made } = lesson;
            let judge = fork(network);
            let real = judge.forward(sight.seen(&condition, real, "real", first));
            let made = judge.forward(sight.seen(&own, made, "made", first));
            let scales = real.len() as f32;
            let mut metrics = Metrics::new();
            let mean = |logits: &[Tensor<2>]| {
                logits.iter().map(|logits| tensor::scalar(logits.clone().inner().mean())).sum::<f32>() / scales
            };
            metrics.insert("logit_real", mean(&real));
            metrics.insert("logit_made", mean(&made));
            metrics.insert("overfitting", Ada::signal(settings.loss, &real[0], &made[0]));
            let losses = real.into_iter().zip(made).map(|(real, made)| settings.loss.discriminator(real, made));
            let loss = losses.reduce(|sum, loss| sum + loss).expect("a discriminator has a scale") / scales;
            metrics.insert("discriminator", tensor::scalar(loss.clone().inner()));
            (ParamGrads::of(&judge, &loss.backward()), metrics)
        });
        let mut metrics = Metrics::new();
        for (name, value) in learnt.iter().flat_map(|(_, metrics)| metrics) {
            *metrics.entry(name).or_default() += value / learnt.len() as f32;
        }
        let grads = ParamGrads::mean(learnt.into_iter().map(|(grads, _)| grads).collect());
        let (network, _) = self.adam.step(self.network.clone(), &grads, rate);
        self.network = network;
        let overfitting = metrics.get("overfitting").copied().unwrap_or_default();
        self.sight.ada.steer(overfitting, settings.batch);
        metrics
    }

    /// A bout as constants, some of what was made exchanged for older.
    fn lesson(&mut self, first: u64, bout: Bout) -> Lesson {
        let Bout { condition, real, made } = bout;
        let stream = format!("pool of {}", self.name);
        let mut exchange = |made: Tensor<4>| self.pool.exchange(made.detach(), self.sight.seed, &stream, first);
        let (own, made) = match &condition {
            // What was made before stays beside what it was made from.
            Some(condition) => {
                let c = condition.dims()[1];
                let both = exchange(Tensor::cat(vec![condition.clone(), made], 1)); // [n, 6, h, w]
                (Some(both.clone().narrow(1, 0, c)), both.narrow(1, c, c))
            }
            None => (None, exchange(made)),
        };
        Lesson { first, condition, real, own, made }
    }

    pub(super) fn save(&self, state: &mut State) {
        state.put(&self.name, weights::collect(&self.network));
        self.adam.save(&format!("{}_adam", self.name), state);
        self.sight.ada.save(&format!("{}_ada", self.name), state);
        self.pool.save(&format!("{}_pool", self.name), state);
    }

    pub(super) fn restore(&mut self, state: &State, device: &Device) -> Result<(), String> {
        self.network = weights::apply(self.network.clone(), &state.under(&self.name))?;
        self.adam.restore(&format!("{}_adam", self.name), state, device)?;
        self.sight.ada.restore(&format!("{}_ada", self.name), state)?;
        self.pool.restore(&format!("{}_pool", self.name), state)
    }
}

/// The optimiser of the papers.
pub(super) fn adam(beta1: f32) -> AdamConfig {
    AdamConfig { beta1, beta2: 0.999, clip_norm: f32::INFINITY, skip_norm: f32::INFINITY, ..AdamConfig::default() }
}
