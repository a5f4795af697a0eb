//! Whether a training still goes somewhere: what is looked at now and then, what it means, and what to change when going on
//! would be pointless.

mod likeness;
mod looks;
mod remedy;
#[cfg(test)]
mod tests;

pub use likeness::Likeness;
pub use looks::{Looks, diversity, features};
pub use remedy::{Remedy, Trouble};

use serde::{Deserialize, Serialize};

use crate::losses::AdversarialLoss;
use crate::train::{Health, State};

/// What is seen of a training at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Steps done.
    pub step: u64,
    /// Mean logit of real pictures less that of made ones.
    pub gap: f32,
    /// How sure the discriminator is of real pictures, in `[-1, 1]`; see [`super::Ada::steer`].
    pub overfitting: f32,
    /// Norm of the generator's gradient.
    pub gradient: f32,
    /// The discriminator's loss as a multiple of what guessing would give ([`AdversarialLoss::guessing`]); 0 for losses
    /// without such a value.
    pub swing: f32,
    /// A fixed set of samples of the averaged generator.
    pub made: Looks,
    /// As many real pictures.
    pub real: Looks,
    /// Fréchet distance of samples from real pictures, where it was measured.
    pub distance: Option<f32>,
}

/// What is taken for trouble. Each limit has two values: the first is worth a word, the second, seen
/// [`Limits::patience`] times in a row, means that going on is pointless.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Steps in the beginning in which nothing but numbers that are not finite is taken for trouble.
    pub grace: u64,
    /// Times in a row that something must be seen to mean that going on is pointless.
    pub patience: u32,
    /// Samples differ from each other by less than this share of what real pictures do. Below the second only where they
    /// have differed by twice as much before, or the grace is long over.
    pub same: [f32; 2],
    /// A sample's nearest neighbour is nearer than this share of what it is among real pictures: there are few kinds.
    pub few: [f32; 2],
    /// Neighbouring pixels differ by more than this multiple of what they do in real pictures: noise.
    pub rough: [f32; 2],
    /// A larger share of values than this is at black or full brightness, beyond what is in real pictures.
    pub saturated: [f32; 2],
    /// Real pictures' logits are farther above those of made ones, while nearly every real picture is known.
    pub gap: [f32; 2],
    /// The Fréchet distance is this many times its lowest.
    pub worse: [f32; 2],
    /// The discriminator's loss is this many times what guessing would give: both networks overshoot at every step. This
    /// counts in the grace too, since it only grows.
    pub swing: [f32; 2],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grace: 1000,
            patience: 2,
            same: [0.4, 0.12],
            few: [0.25, 0.05],
            rough: [2.5, 5.0],
            saturated: [0.25, 0.5],
            gap: [10.0, 20.0],
            worse: [1.5, 3.0],
            swing: [4.0, 16.0],
        }
    }
}

impl Limits {
    /// The overfitting signal from which a large gap counts: nearly every real picture is known.
    const KNOWN: f32 = 0.95;

    /// Those for a loss: logits of `wasserstein` and `least-squares` are no odds, and their gap means nothing by itself.
    pub fn of(loss: AdversarialLoss) -> Self {
        match loss {
            AdversarialLoss::Wasserstein | AdversarialLoss::LeastSquares => {
                Self { gap: [f32::INFINITY; 2], ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

/// Looks at observations one after the other.
#[derive(Debug, Clone)]
pub struct Watch {
    limits: Limits,
    /// The largest diversity so far, relative to that of real pictures.
    best_diversity: f32,
    /// The lowest Fréchet distance so far; infinite before the first.
    best_distance: f32,
    /// How often in a row each trouble was beyond its second limit.
    counts: [u32; Trouble::ALL.len()],
    /// What ended in a collapse last; it outlives a roll-back, for what to change.
    last: Option<Trouble>,
}

impl Watch {
    /// At the beginning of a training.
    pub fn new(limits: Limits) -> Self {
        Self { limits, best_diversity: 0.0, best_distance: f32::INFINITY, counts: [0; Trouble::ALL.len()], last: None }
    }

    /// How training goes, in words for people.
    pub fn look(&mut self, seen: &Observation) -> Health {
        let (diversity, few) = (seen.made.diversity_beside(&seen.real), seen.made.nearest_beside(&seen.real));
        let rough = seen.made.roughness_beside(&seen.real);
        let saturated = seen.made.saturation - seen.real.saturation;
        let numbers = [seen.gap, seen.overfitting, seen.gradient, seen.swing, diversity, few, rough, saturated];
        if numbers.iter().chain(&seen.distance).any(|v| !v.is_finite()) {
            self.last = Some(Trouble::NotFinite);
            return Health::Collapsed("what the networks make or say is no longer a number".to_owned());
        }
        self.best_diversity = self.best_diversity.max(diversity);
        if let Some(distance) = seen.distance {
            self.best_distance = self.best_distance.min(distance);
        }
        let limits = &self.limits;
        let early = seen.step < limits.grace;
        let percent = |share: f32| (100.0 * share).round();
        let known = seen.overfitting >= Limits::KNOWN;
        let worse = seen.distance.map_or(1.0, |distance| distance / self.best_distance.max(f32::MIN_POSITIVE));
        // What always was alike may yet grow apart for a while.
        let fell = diversity < 0.5 * self.best_diversity || seen.step >= 4 * limits.grace;
        let found = [
            (
                Trouble::Same,
                [diversity < limits.same[0], diversity < limits.same[1] && fell],
                format!("samples look alike: they differ by {} % of what real pictures do", percent(diversity)),
            ),
            (
                Trouble::Few,
                [few < limits.few[0], few < limits.few[1]],
                format!(
                    "there are few kinds of samples: each has a neighbour at {} % of the distance between real pictures",
                    percent(few)
                ),
            ),
            (
                Trouble::Noise,
                [rough > limits.rough[0], rough > limits.rough[1]],
                format!("samples are noisy: {rough:.1} times as rough as real pictures"),
            ),
            (
                Trouble::Saturated,
                [saturated > limits.saturated[0], saturated > limits.saturated[1]],
                format!(
                    "{} % of values are at black or full brightness, beyond what is in real pictures",
                    percent(saturated)
                ),
            ),
            (
                Trouble::Winning,
                [known && seen.gap > limits.gap[0], known && seen.gap > limits.gap[1]],
                format!(
                    "the discriminator wins: it tells real pictures by {:.0} logits, and the generator learns little",
                    seen.gap
                ),
            ),
            (
                Trouble::Worse,
                [worse > limits.worse[0], worse > limits.worse[1]],
                format!("samples became worse: their distance from real pictures is {worse:.1} times its lowest"),
            ),
            (
                Trouble::Swinging,
                [seen.swing > limits.swing[0], seen.swing > limits.swing[1]],
                format!(
                    "training swings: the discriminator is wrong {:.0} times as much as if it guessed; learning rates are too high",
                    seen.swing
                ),
            ),
        ];
        let mut worrying: Option<(bool, String)> = None;
        for (trouble, [worth_a_word, pointless], words) in found {
            if early && trouble != Trouble::Swinging {
                continue;
            }
            let count = &mut self.counts[trouble as usize];
            *count = if pointless { *count + 1 } else { 0 };
            if *count >= limits.patience {
                self.last = Some(trouble);
                return Health::Collapsed(words);
            }
            // What may end in a collapse comes before what is only worth a word.
            if pointless && !worrying.as_ref().is_some_and(|(pointless, _)| *pointless)
                || worth_a_word && worrying.is_none()
            {
                worrying = Some((pointless, words));
            }
        }
        match worrying {
            None => Health::Well,
            Some((false, words)) => Health::Worrying(words),
            Some((true, words)) => Health::Doubtful(words),
        }
    }

    /// Forgets how often in a row something was seen: settings have changed.
    pub fn forgive(&mut self) {
        self.counts = [0; Trouble::ALL.len()];
    }

    /// What to change after the roll-back that the last collapse led to; that for numbers that are not finite where there
    /// was none.
    pub fn remedy(&self) -> Remedy {
        self.last.unwrap_or(Trouble::NotFinite).remedy()
    }

    /// Adds the history to a checkpoint's state, under `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        let mut put = |name: &str, value: u64| state.counters.insert(format!("{prefix}.{name}"), value);
        put("best_diversity", u64::from(self.best_diversity.to_bits()));
        put("best_distance", u64::from(self.best_distance.to_bits()));
        for (trouble, count) in Trouble::ALL.iter().zip(self.counts) {
            put(trouble.name(), u64::from(count));
        }
    }

    /// Puts back what [`Watch::save`] added under `prefix`. What the last collapse was is kept.
    ///
    /// # Errors
    /// A line that says what is missing.
    pub fn restore(&mut self, prefix: &str, state: &State) -> Result<(), String> {
        let read = |name: &str| {
            let key = format!("{prefix}.{name}");
            let value = state.counters.get(&key).ok_or_else(|| format!("the counter '{key}' is missing"))?;
            u32::try_from(*value).map_err(|e| e.to_string())
        };
        let (diversity, distance) = (read("best_diversity")?, read("best_distance")?);
        let counts: Vec<u32> = Trouble::ALL.iter().map(|trouble| read(trouble.name())).collect::<Result<_, _>>()?;
        self.counts.copy_from_slice(&counts);
        (self.best_diversity, self.best_distance) = (f32::from_bits(diversity), f32::from_bits(distance));
        Ok(())
    }
}
