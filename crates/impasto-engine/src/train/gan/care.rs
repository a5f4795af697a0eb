//! What a training against a discriminator remembers of how it goes, and what roll-backs have made of its settings.

use super::{Limits, Observation, Remedy, Trouble, Watch};
use crate::train::{Cause, Health, Metrics, State};

/// The watch, the figures of the last steps that it looks at, and what was changed by roll-backs.
#[derive(Debug, Clone)]
pub(crate) struct Care {
    watch: Watch,
    /// Figures of the last steps, each step counting for a fiftieth.
    recent: Metrics,
    /// What roll-backs have made of the settings. What a remedy adds to the probability of augmentation goes to
    /// [`super::Ada`] at once.
    pub(crate) factors: Remedy,
}

/// The figures of steps that the watch looks at.
const METRICS: [&str; 5] = ["logit_real", "logit_made", "overfitting", "gradient", "discriminator"];

/// What roll-backs change, by name.
const FACTORS: [&str; 3] = ["rate", "discriminator_rate", "penalty"];

/// Nothing changed yet.
const UNCHANGED: Remedy = Remedy { rate: 1.0, discriminator_rate: 1.0, penalty: 1.0, augment: 0.0 };

impl Care {
    /// At the beginning of a training.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { watch: Watch::new(limits), recent: Metrics::new(), factors: UNCHANGED }
    }

    /// Takes in the figures of a step.
    pub(crate) fn note(&mut self, metrics: &Metrics) {
        for name in METRICS {
            let value = metrics.get(name).copied().unwrap_or_default();
            self.recent.entry(name).and_modify(|mean| *mean += (value - *mean) / 50.0).or_insert(value);
        }
    }

    /// What a figure was in the last steps; 0 before the first.
    pub(crate) fn recent(&self, name: &str) -> f32 {
        self.recent.get(name).copied().unwrap_or_default()
    }

    /// How training goes, in words for people.
    pub(crate) fn look(&mut self, seen: &Observation) -> Health {
        self.watch.look(seen)
    }

    /// Changes the factors after a roll-back, and says what else is to be changed.
    pub(crate) fn soften(&mut self, cause: Cause) -> Remedy {
        let remedy = match cause {
            Cause::NotFinite => Trouble::NotFinite.remedy(),
            Cause::Collapse => self.watch.remedy(),
        };
        // What was seen with other settings says nothing about these.
        self.watch.forgive();
        self.recent = Metrics::new();
        self.factors.rate *= remedy.rate;
        self.factors.discriminator_rate *= remedy.discriminator_rate;
        self.factors.penalty *= remedy.penalty;
        remedy
    }

    /// Adds everything to a checkpoint's state.
    pub(crate) fn save(&self, state: &mut State) {
        self.watch.save("watch", state);
        let Remedy { rate, discriminator_rate, penalty, .. } = self.factors;
        for (name, value) in FACTORS.into_iter().zip([rate, discriminator_rate, penalty]) {
            state.counters.insert(format!("factors.{name}"), u64::from(value.to_bits()));
        }
        for (name, value) in &self.recent {
            state.counters.insert(format!("recent.{name}"), u64::from(value.to_bits()));
        }
    }

    /// Puts back what [`Care::save`] added.
    ///
    /// # Errors
    /// A line that says what is missing.
    pub(crate) fn restore(&mut self, state: &State) -> Result<(), String> {
        self.watch.restore("watch", state)?;
        let read = |name: String| {
            let bits = state.counters.get(&name).map(|bits| u32::try_from(*bits).map(f32::from_bits));
            bits.map(|value| value.map_err(|e| format!("{name}: {e}")))
        };
        let factor = |name: &str| read(format!("factors.{name}")).ok_or(format!("the factor '{name}' is missing"))?;
        let [rate, discriminator_rate, penalty] = FACTORS.map(factor);
        self.factors = Remedy { rate: rate?, discriminator_rate: discriminator_rate?, penalty: penalty?, ..UNCHANGED };
        self.recent = Metrics::new();
        for name in METRICS {
            if let Some(value) = read(format!("recent.{name}")) {
                self.recent.insert(name, value?);
            }
        }
        Ok(())
    }
}
