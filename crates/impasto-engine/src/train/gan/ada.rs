//! How often pictures are changed for the discriminator, steered by how far it has learned the real ones by heart.

use burn::tensor::Tensor;

use super::{Augment, AugmentSettings};
use crate::losses::AdversarialLoss;
use crate::tensor;
use crate::train::State;

/// Adaptive discriminator augmentation (ADA, Karras et al. 2020): the probability of changes rises while the discriminator
/// is surer of real pictures than the target says, and falls otherwise. Without a target it stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Ada {
    augment: Augment,
    target: Option<f32>,
    /// The highest probability it is steered to.
    most: f32,
    probability: f32,
    /// Signals since the probability last moved, and the pictures they are of.
    signals: f32,
    steps: u32,
    pictures: u64,
}

impl Ada {
    /// The target for the signal `E sign(D(x))` of real pictures (Karras et al. 2020).
    pub const TARGET: f32 = 0.6;

    /// The target for the signal `E sign(D(x) - D(G(z)))` of losses that only compare: were logits normal, as far to one
    /// side for real pictures as to the other for made ones, this is what it would be where `E sign(D(x))` is
    /// [`Ada::TARGET`].
    pub const RELATIVE_TARGET: f32 = 0.77;

    /// Above it made pictures begin to take on the changes; only a probability that begins above goes there.
    const MOST: f32 = 0.8;

    /// Pictures over which the probability rises from 0 to 1 at most. The paper's are 500,000 in runs of 25 million; those
    /// here are a tenth as long and less.
    const PICTURES: f32 = 100_000.0;

    /// Steps of one average.
    const STEPS: u32 = 4;

    /// At its beginning, for a loss and pictures of `size`.
    pub fn new(settings: &AugmentSettings, loss: AdversarialLoss, size: [usize; 2]) -> Self {
        let probability = settings.start();
        Self {
            augment: settings.policy.augment(size),
            target: settings.steered_to(loss),
            most: Self::MOST.max(probability),
            probability,
            signals: 0.0,
            steps: 0,
            pictures: 0,
        }
    }

    /// Pictures `[n, 3, h, w]`, real or made, as the discriminator sees them; see [`Augment::apply`].
    pub fn augment(&self, images: Tensor<4>, seed: u64, stream: &str, first: u64) -> Tensor<4> {
        self.augment.apply(images, self.probability, seed, stream, first)
    }

    /// The probability of each change.
    pub fn probability(&self) -> f32 {
        self.probability
    }

    /// How sure a discriminator is of real pictures, in `[-1, 1]` (Karras et al. 2020): the mean sign of their logits, or,
    /// where a loss only compares, of what sets them off from those of as many made ones. Logits `[n, k]`.
    pub fn signal(loss: AdversarialLoss, real: &Tensor<2>, made: &Tensor<2>) -> f32 {
        let real = real.clone().inner();
        let margin = if loss.needs_real() { real - made.clone().inner() } else { real };
        tensor::scalar(margin.sign().mean())
    }

    /// Takes the overfitting signal of a step over `batch` pictures, in `[-1, 1]`: the mean sign of the logits of real
    /// pictures, or of what sets them off from those of made ones. What is not a number is left out.
    pub fn steer(&mut self, signal: f32, batch: usize) {
        let Some(target) = self.target.filter(|_| !signal.is_nan()) else { return };
        self.signals += signal;
        self.steps += 1;
        self.pictures += batch as u64;
        if self.steps < Self::STEPS {
            return;
        }
        let above = self.signals / self.steps as f32 - target;
        let direction = if above == 0.0 { 0.0 } else { above.signum() };
        self.probability = (self.probability + direction * self.pictures as f32 / Self::PICTURES).clamp(0.0, self.most);
        (self.signals, self.steps, self.pictures) = (0.0, 0, 0);
    }

    /// Raises the probability by hand, such as after a roll-back, up to the highest.
    pub fn raise(&mut self, by: f32) {
        self.probability = (self.probability + by).min(self.most);
    }

    /// Adds what is steered to a checkpoint's state, under `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        let values = [
            ("probability", u64::from(self.probability.to_bits())),
            ("signals", u64::from(self.signals.to_bits())),
            ("steps", u64::from(self.steps)),
            ("pictures", self.pictures),
        ];
        state.counters.extend(values.map(|(name, value)| (format!("{prefix}.{name}"), value)));
    }

    /// Puts back what [`Ada::save`] added under `prefix`.
    ///
    /// # Errors
    /// A line that says what is missing.
    pub fn restore(&mut self, prefix: &str, state: &State) -> Result<(), String> {
        let read = |name: &str| {
            let key = format!("{prefix}.{name}");
            state.counters.get(&key).copied().ok_or_else(|| format!("the counter '{key}' is missing"))
        };
        let bits = |name: &str| read(name).and_then(|value| u32::try_from(value).map_err(|e| e.to_string()));
        let (probability, signals) = (f32::from_bits(bits("probability")?), f32::from_bits(bits("signals")?));
        (self.probability, self.signals, self.steps) = (probability, signals, bits("steps")?);
        self.pictures = read("pictures")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::gan::Policy;

    fn ada(probability: f32, target: f32) -> Ada {
        // Where there is no target, DiffAugment's probability stays.
        let (policy, target) = match target {
            0.0 => (Policy::Diffaugment, None),
            target => (Policy::Ada, Some(target)),
        };
        let settings = AugmentSettings { policy, probability: Some(probability), target };
        Ada::new(&settings, AdversarialLoss::Hinge, [8, 8])
    }

    #[test]
    fn the_probability_follows_the_signal() {
        for (start, target, signal, steps, expected) in [
            // 4,000 pictures of 100,000 for four steps of a thousand.
            (0.0, 0.6, 0.9, 4, 0.04),
            (0.0, 0.6, 0.9, 3, 0.0),
            (0.0, 0.6, 0.9, 40, 0.4),
            (0.0, 0.6, 0.9, 4000, 0.8),
            (0.5, 0.6, 0.1, 8, 0.42),
            (0.5, 0.6, 0.1, 4000, 0.0),
            (0.3, 0.5, 0.5, 40, 0.3),
            (0.3, 0.0, 0.9, 40, 0.3),
            (1.0, 0.6, 0.9, 4, 1.0),
            (0.3, 0.6, f32::NAN, 40, 0.3),
        ] {
            let mut ada = ada(start, target);
            (0..steps).for_each(|_| ada.steer(signal, 1000));
            let found = ada.probability();
            assert!((found - expected).abs() < 1e-5, "{start} {target} {signal} {steps}: {found}, not {expected}");
        }
    }

    #[test]
    fn it_settles_where_the_signal_is_the_target() {
        // The more is changed, the less is known by heart.
        let mut ada = ada(0.0, 0.6);
        (0..2000).for_each(|_| ada.steer(1.0 - ada.probability(), 400));
        assert!((ada.probability() - 0.4).abs() < 0.02, "{}", ada.probability());
    }

    #[test]
    fn it_goes_on_to_the_bit() {
        let signal = |step: u32| (step as f32 * 0.7).sin();
        let mut whole = ada(0.2, 0.1);
        let mut first = whole.clone();
        (0..30).for_each(|step| whole.steer(signal(step), 700));
        (0..13).for_each(|step| first.steer(signal(step), 700));
        let mut state = State::default();
        first.save("ada", &mut state);
        let mut second = ada(0.2, 0.1);
        assert!(second.restore("other", &state).is_err());
        second.restore("ada", &state).unwrap();
        (13..30).for_each(|step| second.steer(signal(step), 700));
        assert_eq!(second, whole);
    }

    #[test]
    fn what_is_raised_stays_below_the_highest() {
        let mut ada = ada(0.0, 0.6);
        ada.raise(0.2);
        assert_eq!(ada.probability(), 0.2);
        ada.raise(0.7);
        assert_eq!(ada.probability(), 0.8);
    }
}
