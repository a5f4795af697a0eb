//! Adversarial losses over discriminator logits.

use burn::tensor::Tensor;
use burn::tensor::activation::softplus;

/// Whose loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Fakes should look more real than reals.
    Generator,
    /// Reals should look more real than fakes.
    Discriminator,
}

/// Relativistic paired loss: `softplus(-(D(real) - D(fake)))` for the discriminator, with the roles swapped for the
/// generator (Jolicoeur-Martineau 2018; Huang et al. 2024). Logits of equal shape `[n, 1, h, w]`.
pub fn relativistic(real: Tensor<4>, fake: Tensor<4>, side: Side) -> Tensor<1> {
    let margin = match side {
        Side::Discriminator => fake - real,
        Side::Generator => real - fake,
    };
    softplus(margin, 1.0).mean()
}

/// Finite-difference gradient penalty `E |D(x) - D(x + sigma e)|^2 / sigma^2` from logits at `x` and at `x` with noise
/// `sigma e`, `e` standard normal: in expectation the squared gradient norm of R1 and R2 (Mescheder et al. 2018) for
/// small `sigma`, at first order of differentiation. Logits `[n, 1, h, w]` are averaged over positions first, so that
/// the penalty is on each picture's mean logit.
pub fn finite_difference_penalty(at: Tensor<4>, beside: Tensor<4>, sigma: f32) -> Tensor<1> {
    let [n, _, h, w] = at.dims();
    let difference = (at - beside).reshape([n, h * w]).mean_dim(1); // [n, 1]
    difference.square().mean() / (sigma * sigma)
}
