//! The training state: generators against one or two discriminators, around an algorithm's [`Scheme`].

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use impasto_image::Picture;

use super::opponent::{Frozen, Opponent, adam};
use super::{Batch, Bout, Generators, Nets, Play, Round, Scheme, TranslationTraining};
use crate::data::Crops;
use crate::error::{EngineError, Result};
use crate::tensor::{self, ImageTensor};
use crate::train::gan::{Care, Limits, Looks, Observation, Policy};
use crate::train::{Adam, Cause, Ema, Health, Metrics, Objective, ParamGrads, State, fork, side_by_side};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};

/// Rows of the grid of samples that is shown.
const ROWS: u64 = 5;

/// Samples that are watched.
const WATCHED: u64 = 16;

/// Fixed samples are far beyond those of training steps.
const FIXED: u64 = u64::MAX / 4;

/// The training state of the algorithm `S`.
pub struct TranslationObjective<S: Scheme> {
    settings: TranslationTraining<S>,
    device: Device,
    /// Crops of a and of b.
    crops: [Crops; 2],
    nets: Nets,
    adam: Adam,
    opponents: Vec<Opponent>,
    ema: Ema,
    care: Care,
    /// Crops of b as the watch sees them.
    real: Looks,
    /// Stored in the weights' header.
    provenance: serde_json::Value,
}

/// What one part of a batch gives.
struct Part {
    first: u64,
    bouts: Vec<Bout>,
    grads: ParamGrads,
    metrics: Metrics,
}

impl<S: Scheme> TranslationObjective<S> {
    /// Fresh networks on `device` (with autodiff); `crops` are those of a and of b, aligned where pictures are paired.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for settings that do not fit together.
    pub fn new(
        settings: TranslationTraining<S>,
        crops: [Crops; 2],
        provenance: serde_json::Value,
        device: &Device,
    ) -> Result<Self> {
        settings.check().map_err(EngineError::Caller)?;
        let nets = Nets::new(&settings, device);
        let count = if S::BOTH_WAYS { 2 } else { 1 };
        // How far logits of patches lie apart says little: single ones see little.
        let limits = Limits { gap: [f32::INFINITY; 2], ..Limits::of(settings.loss) };
        let watched = crops[1].batch(FIXED, WATCHED as usize, &device.clone().inner());
        Ok(Self {
            ema: Ema::new(weights::collect(&nets.generators)),
            adam: Adam::new(adam(settings.beta1)),
            opponents: (0..count).map(|index| Opponent::new(&settings, index, device)).collect(),
            care: Care::new(limits),
            real: Looks::of(watched),
            device: device.clone(),
            nets,
            crops,
            provenance,
            settings,
        })
    }

    /// The samples of a step: two halves of them where their number is even.
    fn parts(&self, step: u64) -> Vec<Batch> {
        let n = self.settings.batch;
        let first = step * n as u64;
        let part = |first: u64, count: usize| {
            let [a, b] = [0, 1].map(|kind: usize| self.crops[kind].batch(first, count, &self.device));
            Batch { first, a, b }
        };
        match n {
            n if n.is_multiple_of(2) => vec![part(first, n / 2), part(first + n as u64 / 2, n / 2)],
            n => vec![part(first, n)],
        }
    }

    fn play(&self, batch: &Batch, still: &Generators, opponents: &[Frozen]) -> Part {
        let nets = fork(&self.nets);
        let mut metrics = Metrics::new();
        let round = Round { settings: &self.settings, batch, nets: &nets, still, opponents };
        let Play { loss, bouts } = S::play(&round, &mut metrics);
        metrics.insert("generator", tensor::scalar(loss.clone().inner()));
        let constant = |Bout { condition, real, made }: Bout| Bout { condition, real, made: made.detach() };
        let bouts = bouts.into_iter().map(constant).collect();
        Part { first: batch.first, bouts, grads: ParamGrads::of(&nets, &loss.backward()), metrics }
    }

    /// The loss of the generators over given pictures as numbered from 0, and its gradients by parameter: what a step
    /// computes before its updates, for comparisons with other programs.
    pub fn slopes(&self, a: ImageTensor, b: ImageTensor) -> (f32, ParamGrads) {
        let (still, opponents) = self.constants();
        let part = self.play(&Batch { first: 0, a, b }, &still, &opponents);
        (part.metrics.get("generator").copied().unwrap_or(f32::NAN), part.grads)
    }

    fn constants(&self) -> (Generators, Vec<Frozen>) {
        (self.nets.generators.clone().no_grad(), self.opponents.iter().map(Opponent::frozen).collect())
    }

    /// The averaged generators, without autodiff.
    fn averaged(&self) -> Result<Generators> {
        let fresh = Generators::new(&self.settings.network, S::BOTH_WAYS, 0, &self.device.clone().inner());
        Ok(weights::apply(fresh, self.ema.arrays()).map_err(EngineError::Internal)?.no_grad())
    }

    /// Always the same crop of a kind, `[1, 3, h, w]`.
    fn fixed(&self, kind: usize, index: u64) -> ImageTensor {
        self.crops[kind].batch(FIXED + index, 1, &self.device.clone().inner())
    }
}

impl<S: Scheme> Objective for TranslationObjective<S> {
    fn step(&mut self, step: u64) -> Result<Metrics> {
        let (still, opponents) = self.constants();
        let parts = side_by_side(self.parts(step), |batch| self.play(&batch, &still, &opponents));
        let mut metrics = Metrics::new();
        for (name, value) in parts.iter().flat_map(|part| &part.metrics) {
            *metrics.entry(name).or_default() += value / parts.len() as f32;
        }
        let share = self.settings.share(step);
        let rate = self.settings.rate * share * self.care.factors.rate;
        let grads = ParamGrads::mean(parts.iter().map(|part| part.grads.clone()).collect());
        let (nets, norm) = self.adam.step(self.nets.clone(), &grads, rate);
        self.nets = nets;
        self.ema.update(&weights::collect(&self.nets.generators), self.settings.ema, step);

        if self.settings.adversarial_weight > 0.0 {
            let rate = self.settings.discriminator_rate * share * self.care.factors.discriminator_rate;
            let count = self.opponents.len() as f32;
            for (index, opponent) in self.opponents.iter_mut().enumerate() {
                let bouts = parts.iter().map(|part| (part.first, part.bouts[index].clone())).collect();
                // Where there are two, figures are their means.
                for (name, value) in opponent.learn(&self.settings, bouts, rate) {
                    *metrics.entry(name).or_default() += value / count;
                }
            }
            if self.settings.augment.policy != Policy::None {
                metrics.insert("augment", self.opponents[0].probability());
            }
        }
        metrics.insert("gradient", norm);
        metrics.insert("rate", rate);
        self.care.note(&metrics);
        Ok(metrics)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("nets", weights::collect(&self.nets));
        state.put("ema", self.ema.arrays().clone());
        self.adam.save("nets_adam", &mut state);
        self.opponents.iter().for_each(|opponent| opponent.save(&mut state));
        self.care.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), String> {
        let inner = self.device.clone().inner();
        self.nets = weights::apply(self.nets.clone(), &state.under("nets"))?;
        self.ema = Ema::new(state.under("ema"));
        self.adam.restore("nets_adam", state, &inner)?;
        self.opponents.iter_mut().try_for_each(|opponent| opponent.restore(state, &inner))?;
        self.care.restore(state)
    }

    fn begin_from(&mut self, weights: &Arrays) -> Result<(), String> {
        let generators = weights::apply(self.nets.generators.clone(), weights)?;
        self.nets = Nets { generators, ..self.nets.clone() };
        self.ema = Ema::new(weights.clone());
        Ok(())
    }

    /// A row for each sample: a picture of a and its translation, and one of b (paired: that of the same pair), its own
    /// translation behind it where there is a way back.
    fn preview(&self) -> Result<Picture> {
        let generators = self.averaged()?;
        let mut cells = Vec::new();
        for row in 0..ROWS {
            let [a, b] = [0, 1].map(|kind| self.fixed(kind, row));
            cells.push(a.clone());
            cells.push(generators.forward.forward(a));
            cells.push(b.clone());
            cells.extend(generators.backward.as_ref().map(|backward| backward.forward(b)));
        }
        let columns = cells.len() as u32 / ROWS as u32;
        let cells = cells.into_iter().map(tensor::to_picture).collect::<Result<Vec<_>>>()?;
        let side = self.settings.crop as u32;
        Ok(impasto_image::sheet::contact_sheet(&cells.iter().collect::<Vec<_>>(), columns, (side, side), 4))
    }

    fn watch(&mut self, step: u64, _: &mut Metrics) -> Result<Health> {
        let generators = self.averaged()?;
        let made = (0..WATCHED).map(|index| generators.forward.forward(self.fixed(0, index))).collect();
        let recent = |name| self.care.recent(name);
        let guessing = self.settings.loss.guessing().unwrap_or(f32::INFINITY);
        let seen = Observation {
            step,
            gap: recent("logit_real") - recent("logit_made"),
            overfitting: recent("overfitting"),
            gradient: recent("gradient"),
            swing: recent("discriminator") / guessing,
            made: Looks::of(Tensor::cat(made, 0)), // [16, 3, h, w]
            real: self.real,
            distance: None,
        };
        Ok(self.care.look(&seen))
    }

    fn export(&self) -> Result<(Header, Arrays)> {
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: S::DESCRIPTOR.name.to_owned(),
            title: S::DESCRIPTOR.name.to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            config: serde_json::to_value(&self.settings.network).map_err(|e| EngineError::Internal(e.to_string()))?,
            training: self.provenance.clone(),
        };
        Ok((header, self.ema.arrays().clone()))
    }

    fn soften(&mut self, cause: Cause) -> String {
        let remedy = self.care.soften(cause);
        self.opponents.iter_mut().for_each(|opponent| opponent.raise(remedy.augment));
        remedy.to_string()
    }
}
