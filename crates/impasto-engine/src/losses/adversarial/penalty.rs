//! Gradient penalties: what keeps a discriminator from growing steeper without end.
//!
//! All are on the gradient of each picture's mean logit by that picture. Exactly they need the gradient as a function that
//! can be differentiated once more; at first order it is estimated from differences along random directions `e`, standard
//! normal: `s = (D(x + sigma e) - D(x)) / sigma` is, for small `sigma`, normal around 0 with the gradient's norm as
//! its deviation. So `s^2` is an unbiased estimate of the squared norm, and `|s| sqrt(pi / 2)` of the norm.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::rng::{self, ChaCha8Rng, Rng};
use crate::tensor;

/// Which gradient is held down, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// No penalty.
    None,
    /// Squared norm on real pictures, towards 0 (R1, Mescheder et al. 2018).
    R1,
    /// Squared norm on real pictures and on fakes, towards 0 (R1 and R2, Mescheder et al. 2018; Huang et al. 2024).
    #[default]
    R1R2,
    /// Squared distance of the norm from 1, between real pictures and fakes (WGAN-GP, Gulrajani et al. 2017).
    Wgan,
}

/// A gradient penalty, its weight and how often it is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Penalty {
    /// Which gradient is held down, and to what.
    pub kind: PenaltyKind,
    /// The papers' gamma (`gamma / 2` times the squared norm of R1 and of R2) or lambda (of WGAN-GP). Pictures in `[0, 1]`
    /// have twice the gradient of those in `[-1, 1]`: a gamma for the latter is divided by 4.
    pub weight: f32,
    /// Steps between penalties, which are then weighed as many times as much (lazy regularisation, Karras et al. 2020).
    pub every: u64,
    /// Whether the gradient is exact, which only some discriminators offer: those without attention, batch normalisation
    /// and minibatch deviation. Where absent, it is exact for these and estimated for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// Length of the differences it is estimated from otherwise, in values of pixels.
    pub sigma: f32,
}

impl Default for Penalty {
    fn default() -> Self {
        Self { kind: PenaltyKind::default(), weight: 1.0, every: 4, exact: None, sigma: 0.02 }
    }
}

/// Where samples come from; a discriminator with classes is told other labels for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Real pictures.
    Real,
    /// Fakes.
    Fake,
    /// Mixtures of a real picture and a fake each.
    Between,
}

/// A discriminator as penalties see it.
pub trait Judge<const D: usize> {
    /// Samples `[n, ..]` to logits `[n, k]`.
    fn judge(&self, samples: Tensor<D>, source: Source) -> Tensor<2>;

    /// The gradient of the sum of all logits by the samples, as a function that can be differentiated once more; `None`
    /// where there is no such form.
    fn gradient(&self, samples: Tensor<D>, source: Source) -> Option<Tensor<D>> {
        let _ = (samples, source);
        None
    }
}

/// Samples `[n, ..]` and what the discriminator said of them, `[n, k]`.
#[derive(Debug, Clone)]
pub struct Judged<const D: usize> {
    /// `[n, ..]`
    pub samples: Tensor<D>,
    /// `[n, k]`
    pub logits: Tensor<2>,
}

impl Penalty {
    /// Checks the values.
    ///
    /// # Errors
    /// A line that says which one does not fit.
    pub fn validate(&self) -> Result<(), String> {
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return Err(format!("weight {} of the gradient penalty; it must be 0 or more", self.weight));
        }
        if self.every == 0 {
            return Err("the gradient penalty is computed every 0 steps; at least 1".to_owned());
        }
        if !(self.sigma.is_finite() && self.sigma > 0.0) {
            return Err(format!("sigma {} of the gradient penalty; it must be above 0", self.sigma));
        }
        Ok(())
    }

    /// A weight to begin with for R1 and R2 on pictures of `size` in `[0, 1]`, `batch` a step: more pixels give longer
    /// gradients, larger batches steadier ones (the heuristic of Karras et al. 2020, for `[0, 1]`).
    pub fn suggested_weight([h, w]: [usize; 2], batch: usize) -> f32 {
        0.0002 * (h * w) as f32 / batch.max(1) as f32 / 4.0
    }

    /// Whether it is computed in this step.
    pub fn is_due(&self, step: u64) -> bool {
        self.kind != PenaltyKind::None && self.weight > 0.0 && step.is_multiple_of(self.every)
    }

    /// What is added to the discriminator's loss in a step in which it [`is_due`](Self::is_due), `[1]`: weighed, and
    /// multiplied by the steps it stands for. Real samples and fakes `[n, ..]` alike in number; `rng` draws directions and
    /// mixtures.
    ///
    /// # Errors
    /// A line that says so where the gradient must be exact and the discriminator does not offer it.
    pub fn loss<const D: usize>(
        &self,
        discriminator: &impl Judge<D>,
        real: &Judged<D>,
        fake: &Judged<D>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor<1>, String> {
        let raw = match self.kind {
            PenaltyKind::None => real.logits.clone().mean() * 0.0,
            PenaltyKind::R1 => self.square(discriminator, real, Source::Real, rng)? * 0.5,
            PenaltyKind::R1R2 => {
                let r1 = self.square(discriminator, real, Source::Real, rng)?;
                let r2 = self.square(discriminator, fake, Source::Fake, rng)?;
                (r1 + r2) * 0.5
            }
            PenaltyKind::Wgan => {
                let samples = interpolates(&real.samples, &fake.samples, rng);
                self.off_one(discriminator, samples, rng)?
            }
        };
        Ok(raw * (self.weight * self.every as f32))
    }

    /// Mean squared norm of the gradient.
    fn square<const D: usize>(
        &self,
        discriminator: &impl Judge<D>,
        at: &Judged<D>,
        source: Source,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor<1>, String> {
        if let Some(gradient) = self.gradient(discriminator, &at.samples, source)? {
            let [_, k] = at.logits.dims();
            return Ok(squared_norms(gradient, k).mean());
        }
        let beside = discriminator.judge(self.beside(&at.samples, rng), source);
        Ok(finite_difference_penalty(at.logits.clone(), beside, self.sigma))
    }

    /// Mean squared distance of the gradient's norm from 1.
    fn off_one<const D: usize>(
        &self,
        discriminator: &impl Judge<D>,
        samples: Tensor<D>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor<1>, String> {
        let logits = discriminator.judge(samples.clone(), Source::Between);
        if let Some(gradient) = self.gradient(discriminator, &samples, Source::Between)? {
            let [_, k] = logits.dims();
            // A norm has no gradient at 0.
            let norm = (squared_norms(gradient, k) + 1e-12).sqrt(); // [n, 1]
            return Ok((norm - 1.0).square().mean());
        }
        let beside = discriminator.judge(self.beside(&samples, rng), Source::Between);
        let slope = (beside - logits).mean_dim(1) / self.sigma; // [n, 1]
        // (|g| - 1)^2 = |g|^2 - 2 |g| + 1, each by its unbiased estimate.
        let twice_norm = slope.clone().abs() * (2.0 * std::f32::consts::PI).sqrt(); // [n, 1]
        Ok((slope.square() - twice_norm + 1.0).mean())
    }

    /// The exact gradient, `[n, ..]`, where it is to be taken.
    fn gradient<const D: usize>(
        &self,
        discriminator: &impl Judge<D>,
        samples: &Tensor<D>,
        source: Source,
    ) -> Result<Option<Tensor<D>>, String> {
        if self.exact == Some(false) {
            return Ok(None);
        }
        let gradient = discriminator.gradient(samples.clone(), source);
        match gradient {
            None if self.exact == Some(true) => Err("this discriminator has no exact gradient penalty; leave \
                                                     'penalty.exact' out or set it to false"
                .to_owned()),
            gradient => Ok(gradient),
        }
    }

    /// Samples with noise of `sigma`.
    fn beside<const D: usize>(&self, samples: &Tensor<D>, rng: &mut ChaCha8Rng) -> Tensor<D> {
        let dims = samples.dims();
        let noise = rng::normal(rng, dims.iter().product());
        samples.clone() + tensor::like(noise, dims, samples) * self.sigma
    }
}

/// Finite-difference gradient penalty `E |D(x) - D(x + sigma e)|^2 / sigma^2` from logits `[n, k]` at `x` and at `x` with
/// noise `sigma e`, `e` standard normal: in expectation the squared gradient norm of R1 and R2 (Mescheder et al. 2018) for
/// small `sigma`, at first order of differentiation. It is on each picture's mean logit.
pub fn finite_difference_penalty(at: Tensor<2>, beside: Tensor<2>, sigma: f32) -> Tensor<1> {
    let difference = (at - beside).mean_dim(1); // [n, 1]
    difference.square().mean() / (sigma * sigma)
}

/// A point on the line between each real sample and its fake, `[n, ..]`, uniformly drawn.
pub fn interpolates<const D: usize>(real: &Tensor<D>, fake: &Tensor<D>, rng: &mut ChaCha8Rng) -> Tensor<D> {
    let mut shape = [1; D];
    shape[0] = real.dims()[0];
    let shares = (0..shape[0]).map(|_| rng.random::<f32>()).collect();
    let share = tensor::like(shares, shape, real); // [n, 1, ..]
    fake.clone() + (real.clone() - fake.clone()) * share
}

/// Squared norms of the gradients of mean logits, `[n, 1]`, from those of sums of `k` logits, `[n, ..]`.
fn squared_norms<const D: usize>(gradient: Tensor<D>, k: usize) -> Tensor<2> {
    let n = gradient.dims()[0];
    let count = gradient.shape().num_elements() / n.max(1);
    gradient.reshape([n, count]).square().sum_dim(1) / (k * k) as f32
}
