//! One round of generators against discriminators, as an algorithm sees it.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::heads::Places;
use super::opponent::Frozen;
use super::{Generator, Generators, Heads, Scheme, TranslationTraining};
use crate::losses::{self, AdversarialLoss};
use crate::tensor::{self, ImageTensor};
use crate::train::Metrics;

/// Pictures of both kinds, as many of each.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Number of the first sample.
    pub first: u64,
    /// `[n, 3, h, w]` in `[0, 1]`
    pub a: ImageTensor,
    /// `[n, 3, h, w]` in `[0, 1]`
    pub b: ImageTensor,
}

/// What the generators' optimiser trains.
#[derive(Module, Debug)]
pub struct Nets {
    /// The generators.
    pub generators: Generators,
    /// What compares patches; without levels where nothing does.
    pub heads: Heads,
}

impl Nets {
    /// Fresh networks for a training.
    pub(super) fn new<S: Scheme>(settings: &TranslationTraining<S>, device: &Device) -> Self {
        let levels = match settings.terms.compares_patches() {
            true => Generator::feature_channels(&settings.network),
            false => Vec::new(),
        };
        Self {
            generators: Generators::new(&settings.network, S::BOTH_WAYS, settings.seed, device),
            heads: Heads::new(&levels, settings.seed, device),
        }
    }
}

/// What a discriminator is shown.
#[derive(Debug, Clone)]
pub struct Bout {
    /// What was translated, `[n, 3, h, w]`, where the discriminator sees it beside both others.
    pub condition: Option<ImageTensor>,
    /// `[n, 3, h, w]`
    pub real: ImageTensor,
    /// `[n, 3, h, w]`
    pub made: ImageTensor,
}

/// What comes of a round.
pub struct Play {
    /// What the generators lower, `[1]`.
    pub loss: Tensor<1>,
    /// A bout for each discriminator.
    pub bouts: Vec<Bout>,
}

/// Everything that a round is played with.
pub struct Round<'a, S> {
    /// The settings.
    pub settings: &'a TranslationTraining<S>,
    /// The pictures.
    pub batch: &'a Batch,
    /// The networks that learn.
    pub nets: &'a Nets,
    /// The generators as constants.
    pub(super) still: &'a Generators,
    /// The discriminators as constants.
    pub(super) opponents: &'a [Frozen],
}

/// What least squares are multiplied by for generators: the papers' have no half there.
const WHOLE_SQUARES: f32 = 2.0;

impl<S: Scheme> Round<'_, S> {
    /// The weighed opinion of a discriminator of what was made, `[1]`.
    pub fn opinion(&self, which: usize, bout: &Bout, metrics: &mut Metrics) -> Tensor<1> {
        let s = self.settings;
        if s.adversarial_weight == 0.0 {
            return Tensor::zeros([1], &bout.made.device());
        }
        let opponent = &self.opponents[which];
        let made = opponent.judge(&bout.condition, bout.made.clone(), self.batch.first);
        let real: Vec<Option<Tensor<2>>> = match s.loss.needs_real() {
            true => {
                opponent.judge(&bout.condition, bout.real.clone(), self.batch.first).into_iter().map(Some).collect()
            }
            false => vec![None; made.len()],
        };
        let scales = made.len() as f32;
        let losses = real.into_iter().zip(made).map(|(real, made)| s.loss.generator(real, made));
        let loss = losses.reduce(|sum, loss| sum + loss).expect("a discriminator has a scale") / scales;
        let loss = if s.loss == AdversarialLoss::LeastSquares { loss * WHOLE_SQUARES } else { loss };
        // Where there are two, the figure is their mean.
        note(metrics, "adversarial", &(loss.clone() / self.opponents.len() as f32));
        loss * s.adversarial_weight
    }

    /// Places of patches to compare, up to `count` at every level of `features`; `nth` tells several draws of a round apart.
    pub(crate) fn places(&self, features: &[Tensor<4>], count: usize, nth: u64) -> Places {
        Places::draw(features, count, self.settings.seed, 2 * self.batch.first + nth)
    }

    /// Contrast between the patches of what was made and those of what it was made from, the mean over all levels, `[1]`:
    /// `features` of the latter, as constants, at the places of the former's.
    pub(crate) fn contrast(
        &self,
        made: Vec<Tensor<4>>,
        source: Vec<Tensor<4>>,
        places: &Places,
        temperature: f32,
    ) -> Tensor<1> {
        let constants = source.into_iter().map(Tensor::detach).collect();
        let queries = self.nets.heads.project(made, places);
        let keys = self.nets.heads.project(constants, places);
        let levels = queries.len() as f32;
        let losses = queries.into_iter().zip(keys);
        let losses = losses.map(|(queries, keys)| losses::patch_contrast(queries, keys, temperature));
        losses.reduce(|sum, loss| sum + loss).expect("there are levels of features") / levels
    }

    /// Features of pictures by the generator as it is, as constants.
    pub(crate) fn constant_features(&self, image: ImageTensor) -> Vec<Tensor<4>> {
        self.still.forward.features(image.detach())
    }
}

/// Adds a loss to the figures, to what is there by this name.
pub(crate) fn note(metrics: &mut Metrics, name: &'static str, loss: &Tensor<1>) {
    *metrics.entry(name).or_default() += tensor::scalar(loss.clone().inner());
}
