//! What can be set of a training.

use serde::{Deserialize, Serialize};

use super::{DiscriminatorConfig, GeneratorConfig, GeneratorKind, Scheme};
use crate::losses::AdversarialLoss;
use crate::train::gan::{AugmentSettings, Policy};

/// How a translator is trained. The same settings for every algorithm; `S` are the terms of its own loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, bound = "S: Scheme")]
#[schemars(bound = "S: Scheme")]
pub struct TranslationTraining<S> {
    /// Samples a step; an even number is computed in two halves side by side.
    pub batch: usize,
    /// Side of the square crops in pixels, a multiple of 32.
    pub crop: usize,
    /// Short side in pixels to which pictures are scaled before cropping.
    pub short_side: u32,
    /// Steps in all.
    pub steps: u64,
    /// Learning rate of the generator.
    pub rate: f32,
    /// Learning rate of the discriminator.
    pub discriminator_rate: f32,
    /// Share of the steps in which learning rates stay as they are; then they fall in a line to nothing.
    pub hold: f32,
    /// Decay of the gradients' first moment in Adam.
    pub beta1: f32,
    /// The adversarial loss: minimax, non-saturating, least-squares, hinge, wasserstein or relativistic.
    pub loss: AdversarialLoss,
    /// Weight of the discriminator's opinion; with 0 there is none.
    pub adversarial_weight: f32,
    /// Made pictures that are kept for the discriminator, which sees older ones in half of all cases; 0 for none.
    pub pool: usize,
    /// How pictures, real and made, are changed before the discriminator sees them; this is not learnt.
    pub augment: AugmentSettings,
    /// Decay of the averaged weights in each step.
    pub ema: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// The generator's dimensions.
    pub network: GeneratorConfig,
    /// The discriminator's dimensions.
    pub discriminator: DiscriminatorConfig,
    /// What else the generator's loss is made of.
    pub terms: S,
}

impl<S: Scheme> Default for TranslationTraining<S> {
    fn default() -> Self {
        S::usual()
    }
}

impl<S: Scheme> TranslationTraining<S> {
    /// What algorithms begin their own usual settings from: those of CycleGAN and CUT, for two processor cores.
    pub(crate) fn shared() -> Self {
        Self {
            batch: 2,
            crop: 128,
            short_side: 256,
            steps: 20_000,
            rate: 2e-4,
            discriminator_rate: 2e-4,
            hold: 0.5,
            beta1: 0.5,
            loss: AdversarialLoss::LeastSquares,
            adversarial_weight: 1.0,
            pool: 0,
            augment: AugmentSettings { policy: Policy::None, ..AugmentSettings::default() },
            ema: 0.999,
            seed: 1,
            network: GeneratorConfig::default(),
            discriminator: DiscriminatorConfig::default(),
            terms: S::default(),
        }
    }

    /// The share of learning rates at a step.
    pub(super) fn share(&self, step: u64) -> f32 {
        let along = step as f32 / self.steps.max(1) as f32;
        if along < self.hold { 1.0 } else { (1.0 - along) / (1.0 - self.hold).max(f32::MIN_POSITIVE) }
    }

    /// Checks the settings before anything is read or built. Returns what to beware of, a line each.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    pub fn check(&self) -> Result<Vec<String>, String> {
        self.network.validate().map_err(|problem| format!("network: {problem}"))?;
        self.discriminator.validate(self.crop).map_err(|problem| format!("discriminator: {problem}"))?;
        self.terms.validate().map_err(|problem| format!("terms: {problem}"))?;
        self.augment.validate([self.crop; 2])?;
        super::scheme::check_weights(&[("adversarial_weight", self.adversarial_weight)])?;
        for (name, value) in [("hold", self.hold), ("ema", self.ema)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{name} is {value}, not in 0..=1"));
            }
        }
        for (name, value) in [("rate", self.rate), ("discriminator_rate", self.discriminator_rate)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("{name} is {value}; it must be above 0"));
            }
        }
        if !(0.0..1.0).contains(&self.beta1) {
            return Err(format!("beta1 is {}, not in 0..1", self.beta1));
        }
        if self.pool > 10_000 {
            return Err(format!("pool is {}, not in 0..=10000", self.pool));
        }
        let changes = self.augment.policy != Policy::None && S::PAIRED;
        let shallow = self.network.kind == GeneratorKind::Unet && self.network.halvings < 4 && self.crop >= 64;
        let lines = [
            (changes, "augmentation changes the colours of both pictures of a pair: colours may come out wrong"),
            (shallow, "a unet with few halvings sees little of the picture: give it network.halvings=5"),
        ];
        Ok(lines.into_iter().filter(|(holds, _)| *holds).map(|(_, line)| line.to_owned()).collect())
    }
}
