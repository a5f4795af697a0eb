//! Adversarial losses over discriminator logits `[n, k]`: `D = sigmoid(logit)` is the probability of being real.

mod penalty;
#[cfg(test)]
mod tests;

pub use penalty::{Judge, Judged, Penalty, PenaltyKind, Source, finite_difference_penalty, interpolates};

use burn::tensor::Tensor;
use burn::tensor::activation::softplus;
use serde::{Deserialize, Serialize};

/// What generator and discriminator play for. All are means over batch and logits, and differ by what is asked of single
/// logits; where a logarithm of a probability stands in the formula, it is computed from the logit through `softplus`, so
/// that it is finite and has a gradient however sure the discriminator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdversarialLoss {
    /// `V(D, G) = E log D(x) + E log(1 - D(G(z)))`, which the discriminator raises and the generator lowers (Goodfellow
    /// et al. 2014). The generator learns little as long as the discriminator is sure.
    Minimax,
    /// The discriminator of `minimax`, against a generator that lowers `-E log D(G(z))` (Goodfellow et al. 2014).
    NonSaturating,
    /// `E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2` against `E (D(G(z)) - 1)^2 / 2`, on the logits themselves (Mao et al. 2017).
    LeastSquares,
    /// `E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))` against `-E D(G(z))`, on the logits themselves (Lim and Ye 2017).
    Hinge,
    /// `E D(G(z)) - E D(x)` against `-E D(G(z))`, on the logits themselves (Arjovsky et al. 2017); wants the penalty
    /// [`PenaltyKind::Wgan`].
    Wasserstein,
    /// `E softplus(D(G(z)) - D(x))` against `E softplus(D(x) - D(G(z)))`, over pairs of a real and a fake
    /// (Jolicoeur-Martineau 2018); with the penalties R1 and R2 it converges (Huang et al. 2024).
    #[default]
    Relativistic,
}

/// Both losses of a batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// `L_G`, `[1]`
    pub generator: Tensor<1>,
    /// `L_D`, `[1]`
    pub discriminator: Tensor<1>,
    /// `L_G + lambda L_D`, `[1]`: one number for reports.
    pub sum: Tensor<1>,
}

impl AdversarialLoss {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Minimax, Self::NonSaturating, Self::LeastSquares, Self::Hinge, Self::Wasserstein, Self::Relativistic];

    /// Whether the generator's loss compares with logits of real pictures.
    pub fn needs_real(self) -> bool {
        self == Self::Relativistic
    }

    /// What the discriminator lowers, `[1]`. Logits `[n, k]` of real pictures and of fakes.
    pub fn discriminator(self, real: Tensor<2>, fake: Tensor<2>) -> Tensor<1> {
        match self {
            // -log D = softplus(-logit), -log(1 - D) = softplus(logit)
            Self::Minimax | Self::NonSaturating => softplus(-real, 1.0).mean() + softplus(fake, 1.0).mean(),
            Self::LeastSquares => ((real - 1.0).square().mean() + fake.square().mean()) * 0.5,
            Self::Hinge => (-real + 1.0).clamp_min(0.0).mean() + (fake + 1.0).clamp_min(0.0).mean(),
            Self::Wasserstein => fake.mean() - real.mean(),
            Self::Relativistic => softplus(fake - real, 1.0).mean(),
        }
    }

    /// What the generator lowers, `[1]`. Logits `[n, k]` of fakes and, where the loss [`needs_real`](Self::needs_real),
    /// of as many real pictures.
    ///
    /// # Panics
    /// Where the loss needs logits of real pictures and there are none.
    pub fn generator(self, real: Option<Tensor<2>>, fake: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Minimax => -softplus(fake, 1.0).mean(),
            Self::NonSaturating => softplus(-fake, 1.0).mean(),
            Self::LeastSquares => (fake - 1.0).square().mean() * 0.5,
            Self::Hinge | Self::Wasserstein => -fake.mean(),
            Self::Relativistic => {
                let real = real.expect("a relativistic loss is given the logits of real pictures");
                softplus(real - fake, 1.0).mean()
            }
        }
    }

    /// What the discriminator's loss is where it guesses, all logits being 0; `None` where that means nothing, since logits
    /// have no scale.
    pub fn guessing(self) -> Option<f32> {
        match self {
            Self::Minimax | Self::NonSaturating => Some(2.0 * std::f32::consts::LN_2),
            Self::LeastSquares => Some(0.5),
            Self::Hinge => Some(2.0),
            Self::Relativistic => Some(std::f32::consts::LN_2),
            Self::Wasserstein => None,
        }
    }

    /// Both losses for the same logits `[n, k]`, and `L_G + lambda L_D`.
    pub fn both(self, real: Tensor<2>, fake: Tensor<2>, lambda: f32) -> Losses {
        let generator = self.generator(Some(real.clone()), fake.clone());
        let discriminator = self.discriminator(real, fake);
        Losses { sum: generator.clone() + discriminator.clone() * lambda, generator, discriminator }
    }
}
