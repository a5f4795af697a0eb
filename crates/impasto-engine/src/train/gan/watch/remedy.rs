//! What goes wrong, and what is changed so that it does not happen again.

use std::fmt;

/// Why going on with a training is pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Numbers are no longer finite.
    NotFinite,
    /// All samples look the same.
    Same,
    /// Samples are of few kinds.
    Few,
    /// Samples are noise.
    Noise,
    /// Samples are black or of full brightness.
    Saturated,
    /// The discriminator knows every real picture, and the generator learns nothing.
    Winning,
    /// Samples became much worse.
    Worse,
    /// Both networks overshoot at every step.
    Swinging,
}

/// What is changed after a roll-back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remedy {
    /// Factor on the generator's learning rate.
    pub rate: f32,
    /// Factor on the discriminator's learning rate.
    pub discriminator_rate: f32,
    /// Factor on the weight of the gradient penalty.
    pub penalty: f32,
    /// What is added to the probability of augmentation.
    pub augment: f32,
}

impl Trouble {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::NotFinite,
        Self::Same,
        Self::Few,
        Self::Noise,
        Self::Saturated,
        Self::Winning,
        Self::Worse,
        Self::Swinging,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::Same => "same",
            Self::Few => "few",
            Self::Noise => "noise",
            Self::Saturated => "saturated",
            Self::Winning => "winning",
            Self::Worse => "worse",
            Self::Swinging => "swinging",
        }
    }

    /// What to change against it.
    pub fn remedy(self) -> Remedy {
        let slower = Remedy { rate: 0.5, discriminator_rate: 0.5, penalty: 1.0, augment: 0.0 };
        match self {
            Self::NotFinite => slower,
            // Far too high, not a little.
            Self::Swinging => Remedy { rate: 0.1, discriminator_rate: 0.1, ..slower },
            // A generator runs to one place where a steep discriminator shows it one way.
            Self::Same | Self::Few | Self::Noise | Self::Saturated => Remedy { penalty: 2.0, ..slower },
            // The generator shall catch up: it keeps its rate.
            Self::Winning => Remedy { rate: 1.0, penalty: 2.0, augment: 0.2, ..slower },
            Self::Worse => Remedy { augment: 0.1, ..slower },
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = |value: f32| match value {
            0.5 => "half".to_owned(),
            0.1 => "a tenth of".to_owned(),
            value => format!("{value} times"),
        };
        let mut parts = Vec::new();
        match (self.rate == 1.0, self.discriminator_rate == 1.0) {
            (false, false) if self.rate == self.discriminator_rate => {
                parts.push(format!("{} the learning rates", factor(self.rate)));
            }
            (generator, discriminator) => {
                if !generator {
                    parts.push(format!("{} the generator's learning rate", factor(self.rate)));
                }
                if !discriminator {
                    parts.push(format!("{} the discriminator's learning rate", factor(self.discriminator_rate)));
                }
            }
        }
        if self.penalty != 1.0 {
            parts.push(format!("{} the gradient penalty", factor(self.penalty)));
        }
        if self.augment != 0.0 {
            parts.push(format!("pictures changed more often for the discriminator (by {:.0} %)", 100.0 * self.augment));
        }
        match parts.pop() {
            None => f.write_str("nothing changed"),
            Some(last) if parts.is_empty() => f.write_str(&last),
            Some(last) => write!(f, "{} and {last}", parts.join(", ")),
        }
    }
}
