//! What regularises a generator: mixed styles, lengths of paths, and codes that can be read back from its pictures.

use std::ops::Range;

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use crate::generator::Codes;
use crate::rng::{ChaCha8Rng, Rng};
use crate::tensor;

/// Style mixing (Karras et al. 2019): of each sample, with probability `share`, the layers from a random one on take the
/// style of `other`, so that no layer relies on what the others are given. Styles `[n, layers, width]`, both; with one
/// layer there is nothing to mix.
pub fn mix_styles(styles: Tensor<3>, other: Tensor<3>, share: f32, rng: &mut ChaCha8Rng) -> Tensor<3> {
    let [n, layers, _] = styles.dims();
    let mut taken = Vec::with_capacity(n * layers);
    for _ in 0..n {
        // Drawn in any case, so that one sample's lot does not shift the next one's.
        let (lot, crossover) = (rng.random::<f32>(), rng.random_range(0..layers.max(2) - 1) + 1);
        let from = if lot < share { crossover } else { layers };
        taken.extend((0..layers).map(|layer| f32::from(u8::from(layer >= from))));
    }
    let taken = tensor::like(taken, [n, layers, 1], &styles);
    styles.clone() * (-taken.clone() + 1.0) + other * taken
}

/// How far pictures move for a step in style space (path length regularisation, Karras et al. 2020): `[n, 1]`, from pictures
/// `[n, 3, h, w]` of styles `w` and of `w + sigma e`, `e` standard normal. `|G(w + sigma e) - G(w)| / sigma` is at first
/// order `|J e|`, whose mean square is that of the paper's `|J^T y|`: the squared Frobenius norm of the Jacobian `J`. As
/// there, it is divided by `sqrt(h w)`, so that it does not grow with the number of pixels.
pub fn path_lengths(at: Tensor<4>, beside: Tensor<4>, sigma: f32) -> Tensor<2> {
    let [n, c, h, w] = at.dims();
    let squares = (beside - at).reshape([n, c * h * w]).square().sum_dim(1); // [n, 1]
    // A length has no gradient at 0.
    (squares + 1e-12).sqrt() / (sigma * ((h * w) as f32).sqrt())
}

/// Path length regularisation: how strong it is and how often it is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Paths {
    /// Weight of the mean squared difference of lengths from their running mean; 0 does without. It makes equal steps in
    /// style space change pictures equally, for architectures with control by layers.
    pub weight: f32,
    /// Steps between penalties, which are then weighed as many times as much (lazy regularisation, Karras et al. 2020).
    pub every: u64,
    /// Length of the steps in style space that are measured.
    pub sigma: f32,
}

impl Default for Paths {
    fn default() -> Self {
        Self { weight: 0.0, every: 8, sigma: 0.1 }
    }
}

impl Paths {
    /// Checks the values.
    ///
    /// # Errors
    /// A line that says which one does not fit.
    pub fn validate(&self) -> Result<(), String> {
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return Err(format!("weight {} of the path lengths; it must be 0 or more", self.weight));
        }
        if self.every == 0 {
            return Err("path lengths are regularised every 0 steps; at least 1".to_owned());
        }
        if !(self.sigma.is_finite() && self.sigma > 0.0) {
            return Err(format!("sigma {} of the path lengths; it must be above 0", self.sigma));
        }
        Ok(())
    }

    /// Whether lengths are measured in this step.
    pub fn is_due(&self, step: u64) -> bool {
        self.weight > 0.0 && step.is_multiple_of(self.every)
    }
}

/// The running mean that path lengths are drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PathMean {
    /// The mean so far; 0 before the first lengths.
    pub mean: f32,
}

impl PathMean {
    /// Share of new lengths in the mean.
    const SHARE: f32 = 0.01;

    /// The mean with a batch whose mean length is `now`.
    pub fn with(self, now: f32) -> Self {
        Self { mean: self.mean + (now - self.mean) * Self::SHARE }
    }

    /// The penalty `E (length - mean)^2`, `[1]`, on lengths `[n, 1]`.
    pub fn penalty(self, lengths: Tensor<2>) -> Tensor<1> {
        (lengths - self.mean).square().mean()
    }
}

/// The losses of InfoGAN (Chen et al. 2016): how badly the codes of latents are read from pictures, as negative log
/// likelihoods up to a constant, `[1]` each. First that of the categorical codes, a cross-entropy; then that of the continuous
/// ones, under a normal distribution of deviation 1. `read` and `drawn` are `[n, codes]`: logits and values that the
/// discriminator read, and the last numbers of the latents, in the order that [`Codes`] says.
pub fn information(read: Tensor<2>, drawn: Tensor<2>, codes: &Codes) -> [Tensor<1>; 2] {
    let n = read.dims()[0];
    let columns = |x: &Tensor<2>, range: Range<usize>| x.clone().slice([0..n, range]);
    let zero = || tensor::like(vec![0.0], [1], &read);
    let (mut categorical, mut from) = (zero(), 0);
    for &values in &codes.categorical {
        let group = from..from + values;
        let likelihood = log_softmax(columns(&read, group.clone()), 1) * columns(&drawn, group); // [n, values]
        categorical = categorical - likelihood.sum() / n as f32;
        from += values;
    }
    if codes.continuous == 0 {
        return [categorical, zero()];
    }
    let group = from..from + codes.continuous;
    let error = columns(&read, group.clone()) - columns(&drawn, group); // [n, continuous]
    [categorical, error.square().sum() / (2 * n) as f32]
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::rng;

    fn rows(values: &[f32], shape: [usize; 2], device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
    }

    #[test]
    fn styles_are_mixed_from_one_layer_on() {
        let device = Device::flex();
        let (n, layers, width) = (400, 5, 2);
        let (a, b) = (Tensor::<3>::zeros([n, layers, width], &device), Tensor::ones([n, layers, width], &device));
        let mixed = |share| tensor::values(mix_styles(a.clone(), b.clone(), share, &mut rng::stream(1, "mix", 0)));
        assert!(mixed(0.0).iter().all(|&v| v == 0.0));
        let mut crossovers = [0; 5];
        for sample in mixed(0.9).chunks(layers * width) {
            let taken: Vec<bool> = sample.chunks(width).map(|row| row[0] == 1.0).collect();
            assert!(sample.chunks(width).all(|row| row[0] == row[1]));
            // The coarsest layer keeps its style; what follows the first other style is other too.
            assert!(!taken[0] && taken.is_sorted());
            crossovers[taken.iter().position(|&t| t).unwrap_or(0)] += 1;
        }
        assert!((20..=60).contains(&crossovers[0]), "{crossovers:?} of 400, of which 40 unmixed");
        assert!(crossovers[1..].iter().all(|count| (60..=120).contains(count)), "{crossovers:?}");
        let single = Tensor::<3>::ones([2, 1, 3], &device);
        let kept = mix_styles(single.clone(), single * 2.0, 1.0, &mut rng::stream(1, "mix", 0));
        assert!(tensor::values(kept).iter().all(|&v| v == 1.0));
    }

    /// A generator that is a matrix: the mean squared length is its squared Frobenius norm.
    #[test]
    fn lengths_of_paths_are_those_of_the_jacobian() {
        let device = Device::flex();
        let (n, width, [c, h, w]) = (4000, 4, [3, 2, 2]);
        let draw = |name, shape: [usize; 2]| {
            rows(&rng::normal(&mut rng::stream(2, name, 0), shape.iter().product()), shape, &device)
        };
        let jacobian = draw("jacobian", [width, c * h * w]);
        let picture = |styles: Tensor<2>| styles.matmul(jacobian.clone()).reshape([n, c, h, w]);
        let (styles, sigma) = (draw("styles", [n, width]), 0.1);
        let beside = styles.clone() + draw("noise", [n, width]) * sigma;
        let lengths = path_lengths(picture(styles), picture(beside), sigma);
        let square = tensor::scalar(lengths.clone().square().mean());
        let frobenius = tensor::scalar(jacobian.square().sum()) / (h * w) as f32;
        assert!((square / frobenius - 1.0).abs() < 0.05, "{square} instead of {frobenius}");
        // Lengths that are all what the mean has been cost nothing.
        let even = Tensor::<2>::full([3, 1], 2.0, &device);
        assert_eq!(tensor::scalar(PathMean { mean: 2.0 }.with(2.0).penalty(even.clone())), 0.0);
        let mean = PathMean::default().with(2.0);
        assert!((mean.mean - 0.02).abs() < 1e-7 && (tensor::scalar(mean.penalty(even)) - 1.98 * 1.98).abs() < 1e-5);
        let wrong = [Paths { weight: -1.0, ..Paths::default() }, Paths { every: 0, ..Paths::default() }];
        assert!(Paths::default().validate().is_ok() && wrong.iter().all(|paths| paths.validate().is_err()));
    }

    #[test]
    fn codes_that_are_read_right_cost_least() {
        let device = Device::flex();
        let codes = Codes { categorical: vec![3, 2], continuous: 2 };
        let drawn = rows(&[0., 1., 0., 1., 0., 0.5, -0.5, 1., 0., 0., 0., 1., -1.0, 0.25], [2, 7], &device);
        let read = rows(&[0.1, 2.0, -1.0, 0.3, 0.4, 0.2, -0.5, 0.5, 0.5, 0.0, 1.0, -1.0, 0.0, 0.0], [2, 7], &device);
        let entropy = |logits: &[f64], chosen: usize| logits.iter().map(|v| v.exp()).sum::<f64>().ln() - logits[chosen];
        let expected = (entropy(&[0.1, 2.0, -1.0], 1)
            + entropy(&[0.3, 0.4], 0)
            + entropy(&[0.5, 0.5, 0.0], 0)
            + entropy(&[1.0, -1.0], 1))
            / 2.0;
        let [categorical, continuous] = information(read, drawn.clone(), &codes).map(tensor::scalar);
        assert!((f64::from(categorical) - expected).abs() < 1e-6, "{categorical} instead of {expected}");
        let squares = 0.3f32.powi(2) + 1.0 + 0.25f32.powi(2);
        assert!((continuous - squares / 4.0).abs() < 1e-6, "{continuous}");
        // Logits that say it loudly, and the values themselves.
        let [categorical, continuous] = information(drawn.clone() * 30.0, drawn.clone(), &codes).map(tensor::scalar);
        assert!(categorical < 1e-6 && continuous > 0.0);
        let [_, continuous] = information(drawn.clone(), drawn, &codes).map(tensor::scalar);
        assert_eq!(continuous, 0.0);
    }
}
