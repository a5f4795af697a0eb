//! Second moments between channels: what a Gram matrix sees beyond each channel's mean and deviation.

use burn::tensor::Tensor;

use super::norm::{EPS, instance_norm};
use super::ops::{self, ConvSpec, Norm};

/// Added to the diagonal of correlation matrices before roots are taken: bounds how far a direction in which a picture
/// hardly varies is amplified (by `1 / sqrt(RIDGE)`), and how many iterations the roots need.
const RIDGE: f32 = 0.05;

/// Newton-Schulz steps of [`square_roots`]; each more than doubles small eigenvalues, so these reach `RIDGE / 96`.
const ITERATIONS: usize = 12;

/// Correlations between the channels over positions: `[n, c, h, w]` to `[n, c, c]` with ones (zeros for constant
/// channels) on the diagonal.
pub fn correlations(x: Tensor<4>) -> Tensor<3> {
    ops::products(instance_norm(x))
}

/// Moves features to other correlations: every sample of `x` `[n, c, h, w]` is normalised, whitened by its own
/// correlations and coloured by `target` `[n, c, c]`, `target^(1/2) own^(-1/2) normalised(x)`. The result has mean 0
/// and deviations near 1. With its own correlations as target `x` is only normalised (the whitening and colouring
/// transform of Li et al. 2017, on correlations, differentiable throughout).
pub fn recorrelate(x: Tensor<4>, target: Tensor<3>) -> Tensor<4> {
    let normal = instance_norm(x); // [n, c, h, w]
    ops::mixed(normal.clone(), recolouring(ops::products(normal), target))
}

/// The matrix that moves normalised features of the correlations `own` to those of `target`, all `[n, c, c]`.
fn recolouring(own: Tensor<3>, target: Tensor<3>) -> Tensor<3> {
    let [n, _, _] = own.dims();
    // Together, so that products of small matrices run side by side.
    let [roots, inverses] = square_roots(Tensor::cat(vec![own, target], 0)); // [2 n, c, c]
    let (colour, whiten) = (roots.narrow(0, n, n), inverses.narrow(0, 0, n)); // [n, c, c]
    colour.matmul(whiten)
}

/// [`recorrelate`], then [`modulated_norm`](super::modulated_norm) with `gain` and `shift` `[n, c]`, then a leaky rectifier of `slope` from 0 to
/// 1, which stands for none. Where gradients are not wanted all of it is one product with a matrix at every position.
pub(crate) fn recoloured(x: Tensor<4>, target: Tensor<3>, gain: Tensor<2>, shift: Tensor<2>, slope: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if ops::fuses(&x) {
        let [mean, deviation] = ops::moments(x.clone(), EPS);
        let covariances = ops::covariances(x.clone(), mean.clone());
        return Recolouring { mean, deviation, covariances, target, gain, shift }.apply(x, slope);
    }
    ops::normalised(recorrelate(x, target), Norm { gain, shift, eps: EPS, slope }, None)
}

/// What a map takes on, as a product with a matrix at every position.
pub(crate) struct Recolouring {
    /// Means of the map, `[n, c]`.
    pub(crate) mean: Tensor<2>,
    /// Its deviations, with [`EPS`] under the root, `[n, c]`.
    pub(crate) deviation: Tensor<2>,
    /// Its covariances, `[n, c, c]`.
    pub(crate) covariances: Tensor<3>,
    /// The correlations to take on, `[n, c, c]`.
    pub(crate) target: Tensor<3>,
    /// Deviations to take on, `[n, c]`.
    pub(crate) gain: Tensor<2>,
    /// Means to take on, `[n, c]`.
    pub(crate) shift: Tensor<2>,
}

impl Recolouring {
    /// `x` `[n, c, h, w]` to the same, with a leaky rectifier of `slope`.
    pub(crate) fn apply(self, x: Tensor<4>, slope: f32) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let inverse = self.deviation.recip(); // [n, c]
        let own = self.covariances * inverse.clone().reshape([n, c, 1]) * inverse.clone().reshape([n, 1, c]);
        let turn = recolouring(own.clone(), self.target); // [n, c, c], from normalised features
        // What the product leaves of the deviations, by which the normalisation divides.
        let variance = (turn.clone().matmul(own) * turn.clone()).sum_dim(2).reshape([n, c]);
        let gain = self.gain / (variance + EPS).sqrt(); // [n, c]
        let turn = turn * gain.reshape([n, c, 1]) * inverse.reshape([n, 1, c]);
        let shift = self.shift - turn.clone().matmul(self.mean.reshape([n, c, 1])).reshape([n, c]);
        // A convolution of kernel 1, with the images of a batch as groups of channels.
        let spec = ConvSpec { groups: n, ..ConvSpec::default() };
        let (turn, shift) = (turn.reshape([n * c, c, 1, 1]), shift.reshape([n * c]));
        ops::conv2d(x.reshape([1, n * c, h, w]), turn, shift, spec, slope).reshape([n, c, h, w])
    }
}

/// Square root and inverse square root of symmetric positive semidefinite matrices `[n, c, c]` with [`RIDGE`] on their
/// diagonals, by the coupled Newton-Schulz iteration (Higham 2008, section 6.7): products only, so that any backend
/// differentiates it.
fn square_roots(matrices: Tensor<3>) -> [Tensor<3>; 2] {
    let [n, c, _] = matrices.dims();
    let identity = Tensor::<2>::eye(c, &matrices.device()).cast(matrices.dtype()).reshape([1, c, c]);
    let ridged = matrices + identity.clone() * RIDGE; // [n, c, c]
    // The Frobenius norm is at least the largest eigenvalue: eigenvalues come into (0, 1], where it converges.
    let norm = ridged.clone().square().reshape([n, c * c]).sum_dim(1).sqrt().reshape([n, 1, 1]);
    let mut root = ridged / norm.clone();
    let mut inverse = identity.clone().repeat_dim(0, n);
    for _ in 0..ITERATIONS {
        let step = (identity.clone() * 3.0 - inverse.clone().matmul(root.clone())) * 0.5;
        root = root.matmul(step.clone());
        inverse = step.matmul(inverse);
    }
    let scale = norm.sqrt();
    [root * scale.clone(), inverse / scale]
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::blocks::modulated_norm;
    use crate::rng;
    use crate::tensor::{scalar, values};

    fn noise(name: &str, dims: [usize; 4], device: &Device) -> Tensor<4> {
        let draws = rng::normal(&mut rng::stream(3, name, 0), dims.iter().product());
        Tensor::from_data(TensorData::new(draws, dims), device)
    }

    /// Features whose channels go together: mixtures of few independent ones, behind a rectifier as in networks.
    fn correlated(name: &str, [n, c, h, w]: [usize; 4], device: &Device) -> Tensor<4> {
        let mix = noise(&format!("{name} mix"), [1, 1, c, c / 2], device).reshape([1, c, c / 2]);
        let sources = noise(name, [n, c / 2, h, w], device).reshape([n, c / 2, h * w]);
        mix.repeat_dim(0, n).matmul(sources).reshape([n, c, h, w]).clamp_min(0.0)
    }

    fn largest(a: Tensor<3>, b: Tensor<3>) -> f32 {
        scalar((a - b).abs().max())
    }

    #[test]
    fn roots_multiply_back() {
        let device = Device::flex();
        for c in [1, 2, 3, 16, 64, 96] {
            let own = correlations(correlated("roots", [2, c.max(2), 12, 12], &device));
            let c = own.dims()[1];
            let ridged = own.clone() + Tensor::<2>::eye(c, &device).reshape([1, c, c]) * RIDGE;
            let [root, inverse] = square_roots(own);
            assert!(largest(root.clone().matmul(root.clone()), ridged) < 2e-3, "{c} channels");
            let identity = Tensor::<2>::eye(c, &device).reshape([1, c, c]).repeat_dim(0, 2);
            assert!(largest(root.matmul(inverse), identity) < 5e-3, "{c} channels");
        }
    }

    #[test]
    fn one_product_does_what_the_steps_do() {
        let device = Device::flex();
        let dims = [2, 12, 20, 17];
        let x = correlated("steps", dims, &device) + 0.7;
        let target = correlations(correlated("steps style", dims, &device));
        let rows = |name: &str| noise(name, [2, 12, 1, 1], &device).reshape([2, 12]);
        let (gain, shift) = (rows("gain").abs() + 0.1, rows("shift"));
        for slope in [1.0, 0.0] {
            let steps = modulated_norm(recorrelate(x.clone(), target.clone()), gain.clone(), shift.clone());
            let steps = if slope == 1.0 { steps } else { steps.clamp_min(0.0) };
            let one = recoloured(x.clone(), target.clone(), gain.clone(), shift.clone(), slope);
            assert!(scalar((one - steps).abs().max()) < 2e-4, "{slope}");
        }
    }

    #[test]
    fn own_correlations_only_normalise() {
        let device = Device::flex();
        let x = correlated("own", [2, 8, 10, 14], &device);
        let same = recorrelate(x.clone(), correlations(x.clone()));
        assert!(scalar((same - instance_norm(x)).abs().max()) < 2e-2);
    }

    #[test]
    fn other_correlations_are_taken_on() {
        let device = Device::flex();
        // As many independent sources as channels: nothing for the ridge to hold back much.
        let x = noise("content", [1, 6, 40, 40], &device);
        let target = correlations(correlated("style", [1, 6, 16, 16], &device));
        let before = largest(correlations(x.clone()), target.clone());
        let after = largest(correlations(recorrelate(x, target.clone())), target);
        assert!(before > 0.4 && after < 0.08, "{before} {after}");
    }

    #[test]
    fn constant_channels_and_flat_pictures_stay_finite() {
        let device = Device::flex();
        let x = Tensor::<4>::full([1, 5, 8, 8], 0.3, &device);
        let target = correlations(correlated("flat style", [1, 6, 8, 8], &device)).slice([0..1, 0..5, 0..5]);
        let y = values(recorrelate(x, target));
        assert!(y.iter().all(|v| v.abs() < 1e-2), "{y:?}");
    }

    #[test]
    fn gradients_are_finite_differences() {
        let device = Device::flex();
        let tracked = device.clone().autodiff();
        let x = correlated("slope", [1, 4, 6, 6], &device) + noise("slope noise", [1, 4, 6, 6], &device) * 0.3;
        let target = correlations(correlated("slope style", [1, 4, 9, 9], &device));
        let weight = noise("slope weight", [1, 4, 6, 6], &device);
        let loss = |x: Tensor<4>, on: &Device| {
            let place = |t: Tensor<4>| Tensor::<4>::from_data(t.into_data(), on);
            let target = Tensor::<3>::from_data(target.clone().into_data(), on);
            (recorrelate(x, target) * place(weight.clone())).sum()
        };
        let leaf = Tensor::<4>::from_data(x.clone().into_data(), &tracked).require_grad();
        let grads = loss(leaf.clone(), &tracked).backward();
        let slope = leaf.grad(&grads).expect("x has a gradient");
        let direction = noise("slope direction", [1, 4, 6, 6], &device);
        let predicted = scalar((slope * direction.clone()).sum());
        let h = 1e-2;
        let at = |sign: f32| scalar(loss(x.clone() + direction.clone() * (sign * h), &device));
        let measured = (at(1.0) - at(-1.0)) / (2.0 * h);
        assert!((predicted - measured).abs() < 0.02 * measured.abs().max(1.0), "{predicted} {measured}");
    }
}
