//! How often pictures are changed, steered by how far the discriminator has learned the real ones by heart.

use serde::{Deserialize, Serialize};

use crate::train::State;

/// How the probability of changes is steered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdaSettings {
    /// The probability at the beginning, in `[0, 1]`.
    pub start: f32,
    /// The overfitting signal that is steered for, in `[-1, 1]`; none leaves the probability where it began.
    pub target: Option<f32>,
    /// Pictures over which the probability rises from 0 to 1 at most.
    pub pictures: u64,
    /// The highest probability: above about 0.8 made pictures begin to take on the changes.
    pub most: f32,
}

impl Default for AdaSettings {
    fn default() -> Self {
        Self { start: 0.0, target: Some(Self::TARGET), pictures: 500_000, most: 0.8 }
    }
}

impl AdaSettings {
    /// The target for the signal `E sign(D(x))` of real pictures (Karras et al. 2020).
    pub const TARGET: f32 = 0.6;

    /// The target for the signal `E sign(D(x) - D(G(z)))` of losses that only compare: were logits normal, as far to one
    /// side for real pictures as to the other for made ones, this is what it would be where `E sign(D(x))` is
    /// [`AdaSettings::TARGET`].
    pub const RELATIVE_TARGET: f32 = 0.77;

    /// Checks the values.
    ///
    /// # Errors
    /// A line that says which one does not fit.
    pub fn validate(&self) -> Result<(), String> {
        for (name, value) in [("start", self.start), ("most", self.most)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("'{name}' of the augmentation is {value}, not in 0..=1"));
            }
        }
        match self.target {
            Some(target) if !(-1.0..=1.0).contains(&target) => {
                Err(format!("'target' of the augmentation is {target}, not in -1..=1"))
            }
            _ if self.pictures == 0 => Err("'pictures' of the augmentation is 0; it must be at least 1".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Adaptive discriminator augmentation (ADA, Karras et al. 2020): the probability of changes rises while the discriminator
/// is surer of real pictures than it should be, and falls otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Ada {
    settings: AdaSettings,
    probability: f32,
    /// Signals since the probability last moved, and the pictures they are of.
    signals: f32,
    steps: u32,
    pictures: u64,
}

impl Ada {
    /// Steps of one average.
    const STEPS: u32 = 4;

    /// At its beginning.
    pub fn new(settings: &AdaSettings) -> Self {
        Self { probability: settings.start, settings: settings.clone(), signals: 0.0, steps: 0, pictures: 0 }
    }

    /// The probability of each change.
    pub fn probability(&self) -> f32 {
        self.probability
    }

    /// Takes the overfitting signal of a step over `batch` pictures, in `[-1, 1]`: the mean sign of the logits of real
    /// pictures, or of what sets them off from those of made ones. What is not a number is left out.
    pub fn steer(&mut self, signal: f32, batch: usize) {
        let Some(target) = self.settings.target.filter(|_| !signal.is_nan()) else { return };
        self.signals += signal;
        self.steps += 1;
        self.pictures += batch as u64;
        if self.steps < Self::STEPS {
            return;
        }
        let above = self.signals / self.steps as f32 - target;
        let by = self.pictures as f32 / self.settings.pictures as f32;
        let direction = if above == 0.0 { 0.0 } else { above.signum() };
        self.probability = (self.probability + direction * by).clamp(0.0, self.settings.most.max(self.settings.start));
        (self.signals, self.steps, self.pictures) = (0.0, 0, 0);
    }

    /// Raises the probability by hand, such as after a roll-back, up to the highest.
    pub fn raise(&mut self, by: f32) {
        self.probability = (self.probability + by).min(self.settings.most.max(self.settings.start));
    }

    /// Adds all of it to a checkpoint's state, under `prefix`.
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

    fn settings(start: f32, target: Option<f32>) -> AdaSettings {
        AdaSettings { start, target, pictures: 1000, most: 0.8 }
    }

    #[test]
    fn the_probability_follows_the_signal() {
        for (start, target, signal, steps, expected) in [
            // 40 pictures of 1,000 for four steps of ten.
            (0.0, Some(0.6), 0.9, 4, 0.04),
            (0.0, Some(0.6), 0.9, 3, 0.0),
            (0.0, Some(0.6), 0.9, 40, 0.4),
            (0.0, Some(0.6), 0.9, 4000, 0.8),
            (0.5, Some(0.6), 0.1, 8, 0.42),
            (0.5, Some(0.6), 0.1, 4000, 0.0),
            (0.3, Some(0.6), 0.6, 40, 0.3),
            (0.3, None, 0.9, 40, 0.3),
            (1.0, Some(0.6), 0.9, 4, 1.0),
            (0.3, Some(0.6), f32::NAN, 40, 0.3),
        ] {
            let mut ada = Ada::new(&settings(start, target));
            (0..steps).for_each(|_| ada.steer(signal, 10));
            let found = ada.probability();
            assert!((found - expected).abs() < 1e-5, "{start} {target:?} {signal} {steps}: {found}, not {expected}");
        }
    }

    #[test]
    fn it_settles_where_the_signal_is_the_target() {
        // The more is changed, the less is known by heart.
        let mut ada = Ada::new(&settings(0.0, Some(0.6)));
        (0..2000).for_each(|_| ada.steer(1.0 - ada.probability(), 4));
        assert!((ada.probability() - 0.4).abs() < 0.02, "{}", ada.probability());
    }

    #[test]
    fn it_goes_on_to_the_bit() {
        let signal = |step: u32| (step as f32 * 0.7).sin();
        let mut whole = Ada::new(&settings(0.2, Some(0.1)));
        let mut first = whole.clone();
        (0..30).for_each(|step| whole.steer(signal(step), 7));
        (0..13).for_each(|step| first.steer(signal(step), 7));
        let mut state = State::default();
        first.save("ada", &mut state);
        let mut second = Ada::new(&settings(0.0, Some(0.1)));
        assert!(second.restore("other", &state).is_err());
        second.restore("ada", &state).unwrap();
        (13..30).for_each(|step| second.steer(signal(step), 7));
        assert_eq!(second.probability().to_bits(), whole.probability().to_bits());
        assert_eq!((second.signals.to_bits(), second.steps), (whole.signals.to_bits(), whole.steps));
    }

    #[test]
    fn what_is_raised_stays_below_the_highest() {
        let mut ada = Ada::new(&settings(0.0, Some(0.6)));
        ada.raise(0.2);
        assert_eq!(ada.probability(), 0.2);
        ada.raise(0.7);
        assert_eq!(ada.probability(), 0.8);
        for wrong in [settings(1.2, None), settings(0.0, Some(2.0)), AdaSettings { pictures: 0, ..settings(0.0, None) }]
        {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
        assert!(AdaSettings::default().validate().is_ok());
    }
}
