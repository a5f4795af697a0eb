//! Normalisation over the batch.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::dense::Embedding;
use super::norm::EPS;
use super::ops::{self, Affine, Norm};

/// The deviation of initial weights whose outputs are normalised (Radford et al. 2016). Their scale makes no difference to
/// what they give and all the difference to how fast they learn: of weights twice as large, a step of Adam changes half.
pub const NORMED_DEVIATION: f32 = 0.02;

/// Whose statistics a forward pass normalises with.
#[derive(Debug, Clone)]
pub enum BatchStatistics {
    /// Those of the batch. Mean and variance of every layer, `[c]` each, are kept in the order of layers.
    Batch(Vec<[Tensor<1>; 2]>),
    /// Those that [`settle`] kept.
    Standing,
}

impl BatchStatistics {
    /// Mean and variance of the layers of one pass; none for a pass with standing statistics.
    pub fn seen(self) -> Vec<[Tensor<1>; 2]> {
        match self {
            Self::Batch(seen) => seen,
            Self::Standing => Vec::new(),
        }
    }
}

/// Batch normalisation (Ioffe and Szegedy 2015) with statistics that are not averaged along the way but taken once, when
/// training is done ("standing statistics", Brock et al. 2019). Gain and shift may depend on the class.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// `[c]`
    gain: Param<Tensor<1>>,
    /// `[c]`
    shift: Param<Tensor<1>>,
    /// From a class's vector to what is added to gain and shift, `[class, 2c]`.
    by_class: Option<Embedding>,
    /// Standing, `[c]`; without gradient.
    mean: Param<Tensor<1>>,
    /// Standing, `[c]`; without gradient.
    variance: Param<Tensor<1>>,
}

impl BatchNorm {
    /// Of `channels`, whose gain and shift depend on a class's vector of `class_width` numbers where that is not 0.
    pub fn new(channels: usize, class_width: usize, device: &Device) -> Self {
        let full = |value: f32| Param::from_data(TensorData::full([channels], value), device);
        Self {
            gain: full(1.0),
            shift: full(0.0),
            // Zeros: at first all classes are normalised alike.
            by_class: (class_width > 0).then(|| Embedding::init(0, "", [class_width, 2 * channels], 0.0, device)),
            mean: full(0.0).set_require_grad(false),
            variance: full(1.0).set_require_grad(false),
        }
    }

    /// `x` `[n, c, h, w]`, and the vectors of classes `[n, class]` for a layer that depends on them, to `[n, c, h, w]`,
    /// through a leaky rectifier of `slope` (1: none).
    pub fn forward(
        &self,
        x: Tensor<4>,
        class: Option<&Tensor<2>>,
        statistics: &mut BatchStatistics,
        slope: f32,
    ) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let mut gain = self.gain.val().reshape([1, c]).repeat_dim(0, n); // [n, c]
        let mut shift = self.shift.val().reshape([1, c]).repeat_dim(0, n); // [n, c]
        if let (Some(by_class), Some(class)) = (&self.by_class, class) {
            let both = by_class.forward(class.clone()); // [n, 2c]
            gain = gain + both.clone().slice([0..n, 0..c]);
            shift = shift + both.slice([0..n, c..2 * c]);
        }
        match statistics {
            BatchStatistics::Batch(seen) => {
                // Each plane is normalised by its own moments, as there is a kernel for, and takes on what is left of
                // its differences from the batch's: by the chain rule gradients are those of the whole.
                let [own, deviation, _] = ops::channel_moments(x.clone(), EPS); // [n, c] each
                let mean = own.clone().mean_dim(0); // [1, c]
                let apart = own - mean.clone(); // [n, c]
                let within = deviation.clone().square() - EPS; // [n, c]
                let variance = (within + apart.clone().square()).mean_dim(0); // [1, c]
                seen.push([&mean, &variance].map(|moment| moment.clone().detach().reshape([c])));
                let factor = gain / (variance + EPS).sqrt(); // [n, c]
                let norm = Norm { gain: deviation * factor.clone(), shift: apart * factor + shift, eps: EPS, slope };
                ops::normalised(x, norm, None)
            }
            BatchStatistics::Standing => {
                let mean = self.mean.val().reshape([1, c]).repeat_dim(0, n); // [n, c]
                let deviation = (self.variance.val() + EPS).sqrt().reshape([1, c]); // [1, c]
                ops::affine_sum(x, Affine { mean, scale: gain / deviation, shift, slope }, None)
            }
        }
    }

    /// Keeps these as standing statistics, `[c]` each.
    fn settle(&mut self, mean: Tensor<1>, variance: Tensor<1>) {
        self.mean = Param::from_tensor(mean).set_require_grad(false);
        self.variance = Param::from_tensor(variance).set_require_grad(false);
    }
}

/// Keeps as standing statistics of `layers` those of several batches together; for each batch they are in the order of
/// layers.
pub fn settle(layers: Vec<&mut BatchNorm>, batches: &[Vec<[Tensor<1>; 2]>]) {
    let share = 1.0 / batches.len().max(1) as f32;
    for (i, layer) in layers.into_iter().enumerate() {
        let [mut mean, mut square] = [0; 2].map(|_| Tensor::zeros_like(&layer.mean.val())); // [c]
        for moments in batches.iter().filter_map(|batch| batch.get(i)) {
            let [m, v] = moments.clone();
            mean = mean + m.clone() * share;
            square = square + (v + m.square()) * share;
        }
        let variance = (square - mean.clone().square()).clamp_min(0.0); // [c]
        layer.settle(mean, variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use crate::tensor::values;

    fn random(name: &str, shape: [usize; 4], device: &Device) -> Tensor<4> {
        let draws = rng::normal(&mut rng::stream(1, name, 0), shape.iter().product());
        Tensor::from_data(TensorData::new(draws, shape), device)
    }

    /// The textbook's formula.
    fn plain(x: Tensor<4>, slope: f64) -> Tensor<4> {
        let mean = x.clone().mean_dims(&[0, 2, 3]); // [1, c, 1, 1]
        let centred = x - mean;
        let variance = centred.clone().square().mean_dims(&[0, 2, 3]); // [1, c, 1, 1]
        burn::tensor::activation::leaky_relu(centred / (variance + EPS).sqrt(), slope)
    }

    fn close(got: &[f32], expected: &[f32], what: &str) {
        let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(got.len() == expected.len() && worst < 1e-4, "{what}: {worst}");
    }

    #[test]
    fn it_is_the_textbook_with_its_gradient_and_standing_statistics_give_the_same() {
        let device = Device::flex().autodiff();
        // The planes' own means differ.
        let x = (random("x", [3, 4, 5, 6], &device) + random("offset", [3, 4, 1, 1], &device) * 2.0).require_grad();
        let weights = random("functional", [3, 4, 5, 6], &device);
        let mut layer = BatchNorm::new(4, 0, &device);
        let mut statistics = BatchStatistics::Batch(Vec::new());
        let y = layer.forward(x.clone(), None, &mut statistics, 0.2);
        let expected = plain(x.clone(), 0.2);
        close(&values(y.clone()), &values(expected.clone()), "values");
        let gradient = |y: Tensor<4>| values(x.grad(&(y * weights.clone()).sum().backward()).unwrap());
        close(&gradient(y.clone()), &gradient(expected), "gradient");

        let seen = statistics.seen();
        settle(vec![&mut layer], &[seen.clone(), seen]);
        let standing = layer.forward(x, None, &mut BatchStatistics::Standing, 0.2);
        close(&values(standing), &values(y), "standing");
    }

    #[test]
    fn classes_have_gains_of_their_own() {
        let device = Device::flex();
        let mut layer = BatchNorm::new(2, 3, &device);
        let x = random("x", [2, 2, 4, 4], &device);
        let class = |row: [f32; 3]| Tensor::<2>::from_data([row, row], &device);
        let run = |layer: &BatchNorm, row| {
            values(layer.forward(x.clone(), Some(&class(row)), &mut BatchStatistics::Standing, 1.0))
        };
        assert_eq!(run(&layer, [1.0, 0.0, 0.0]), run(&layer, [0.0, 1.0, 0.0]));
        layer.by_class = Some(Embedding::init(1, "classes", [3, 4], 1.0, &device));
        assert_ne!(run(&layer, [1.0, 0.0, 0.0]), run(&layer, [0.0, 1.0, 0.0]));
    }
}
