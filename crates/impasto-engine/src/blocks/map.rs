//! Feature maps with what is still to be done to them.

use burn::tensor::Tensor;

use super::norm::EPS;
use super::ops::{self, Affine, Norm};

/// A feature map `[n, c, h, w]` that may still have to be normalised and rectified. The convolution that takes it does so
/// on the way in, so that maps are read and written once; where gradients are wanted it is done before, normalising,
/// rectifying and adding in one operation.
#[derive(Debug, Clone)]
pub struct Map {
    x: Tensor<4>,
    pending: Pending,
}

/// What is still to be done.
#[derive(Debug, Clone)]
enum Pending {
    Nothing,
    /// By constants that are known.
    Affine(Affine),
    /// By the map's own statistics, not taken yet.
    Norm(Norm),
}

impl From<Tensor<4>> for Map {
    fn from(x: Tensor<4>) -> Self {
        Self { x, pending: Pending::Nothing }
    }
}

impl Map {
    /// `(x - mean) * scale + shift`, the constants `[n, c]`.
    pub fn affine(x: Tensor<4>, mean: Tensor<2>, scale: Tensor<2>, shift: Tensor<2>) -> Self {
        Self { x, pending: Pending::Affine(Affine { mean, scale, shift, slope: 1.0 }) }
    }

    /// Instance normalisation with a gain and a shift, as [`modulated_norm`](super::modulated_norm).
    pub fn normalised(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Self {
        #[cfg(feature = "flex")]
        if ops::fuses(&x) {
            let [mean, deviation] = ops::moments(x.clone(), EPS);
            return Self::affine(x, mean, gain / deviation, shift);
        }
        Self { x, pending: Pending::Norm(Norm { gain, shift, eps: EPS, slope: 1.0 }) }
    }

    /// `max(x, 0)`.
    pub fn relu(self) -> Self {
        self.leaky(0.0)
    }

    /// `slope * x` where `x` is below zero; `slope` from 0 to 1, which stands for none.
    pub fn leaky(self, slope: f32) -> Self {
        // One rectifier after another multiplies what is below zero by both slopes.
        let pending = match self.pending {
            Pending::Affine(affine) => Pending::Affine(Affine { slope: affine.slope * slope, ..affine }),
            Pending::Norm(norm) => Pending::Norm(Norm { slope: norm.slope * slope, ..norm }),
            Pending::Nothing if slope == 1.0 => Pending::Nothing,
            Pending::Nothing => return ops::leaky_relu(self.x, slope).into(),
        };
        Self { x: self.x, pending }
    }

    /// With everything done.
    pub fn settle(self) -> Tensor<4> {
        match self.pending {
            Pending::Nothing => self.x,
            Pending::Affine(affine) => ops::affine_sum(self.x, affine, None),
            Pending::Norm(norm) => ops::normalised(self.x, norm, None),
        }
    }

    /// The sum of two maps of one size.
    pub fn plus(self, other: Self) -> Tensor<4> {
        use Pending::{Affine, Norm, Nothing};
        match (self.pending, other.pending) {
            (Affine(first), Affine(second)) => ops::affine_sum(self.x, first, Some((other.x, Some(second)))),
            (Affine(first), Nothing) => ops::affine_sum(self.x, first, Some((other.x, None))),
            (Nothing, Affine(second)) => ops::affine_sum(other.x, second, Some((self.x, None))),
            (Nothing, Nothing) => self.x + other.x,
            (Norm(first), second) => {
                let other = Self { x: other.x, pending: second };
                ops::normalised(self.x, first, Some(other.settle()))
            }
            (first, Norm(second)) => {
                let own = Self { x: self.x, pending: first };
                ops::normalised(other.x, second, Some(own.settle()))
            }
        }
    }

    /// The map and the constants of what is still to be done to it.
    pub(super) fn parts(self) -> (Tensor<4>, Option<Affine>) {
        match self.pending {
            Pending::Affine(affine) => (self.x, Some(affine)),
            _ => (self.settle(), None),
        }
    }
}
