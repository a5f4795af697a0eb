//! Feature maps with what is still to be done to them.

use burn::tensor::Tensor;

use super::norm::EPS;
use super::ops::{self, Affine};

/// A feature map `[n, c, h, w]` that may still have to be normalised and rectified. The convolution that takes it does so
/// on the way in, so that maps are read and written once; where gradients are wanted nothing is put off.
#[derive(Debug, Clone)]
pub struct Map {
    x: Tensor<4>,
    pending: Option<Affine>,
}

impl From<Tensor<4>> for Map {
    fn from(x: Tensor<4>) -> Self {
        Self { x, pending: None }
    }
}

impl Map {
    /// `(x - mean) * scale + shift`, the constants `[n, c]`.
    pub fn affine(x: Tensor<4>, mean: Tensor<2>, scale: Tensor<2>, shift: Tensor<2>) -> Self {
        Self { x, pending: Some(Affine { mean, scale, shift, slope: 1.0 }) }
    }

    /// Instance normalisation with a gain and a shift, as [`modulated_norm`](super::modulated_norm).
    pub fn normalised(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Self {
        #[cfg(feature = "flex")]
        if ops::fuses(&x) {
            let [mean, deviation] = ops::moments(x.clone(), EPS);
            return Self::affine(x, mean, gain / deviation, shift);
        }
        ops::modulated_norm(x, gain, shift, EPS).into()
    }

    /// `max(x, 0)`.
    pub fn relu(self) -> Self {
        self.leaky(0.0)
    }

    /// `slope * x` where `x` is below zero; `slope` from 0 to 1, which stands for none.
    pub fn leaky(self, slope: f32) -> Self {
        match self.pending {
            // One rectifier after another multiplies what is below zero by both slopes.
            Some(affine) => Self { x: self.x, pending: Some(Affine { slope: affine.slope * slope, ..affine }) },
            None if slope == 1.0 => self,
            None => ops::leaky_relu(self.x, slope).into(),
        }
    }

    /// With everything done.
    pub fn settle(self) -> Tensor<4> {
        match self.pending {
            Some(affine) => ops::affine_sum(self.x, affine, None),
            None => self.x,
        }
    }

    /// The sum of two maps of one size.
    pub fn plus(self, other: Self) -> Tensor<4> {
        match (self.pending, other.pending) {
            (Some(affine), second) => ops::affine_sum(self.x, affine, Some((other.x, second))),
            (None, Some(affine)) => ops::affine_sum(other.x, affine, Some((self.x, None))),
            (None, None) => self.x + other.x,
        }
    }

    /// The map as it is and what is still to be done.
    pub(super) fn parts(self) -> (Tensor<4>, Option<Affine>) {
        (self.x, self.pending)
    }
}
