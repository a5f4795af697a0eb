//! Fully connected layers.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::ops::{self, ConvSpec};
use super::spectral;
use crate::rng;

/// Normal draws of a deviation as a matrix, from the stream `name` of `seed`.
pub(super) fn matrix(seed: u64, name: &str, shape: [usize; 2], deviation: f32, device: &Device) -> Param<Tensor<2>> {
    let draws = rng::normal(&mut rng::stream(seed, name, 0), shape[0] * shape[1]);
    let values: Vec<f32> = draws.into_iter().map(|v| v * deviation).collect();
    Param::from_data(TensorData::new(values, shape), device)
}

/// A fully connected layer.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[inputs, outputs]`
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`
    pub bias: Param<Tensor<1>>,
}

impl Dense {
    /// Weights of `[inputs, outputs]` drawn with `deviation` from the stream `name` of `seed`; biases are zero.
    pub fn init(seed: u64, name: &str, [inputs, outputs]: [usize; 2], deviation: f32, device: &Device) -> Self {
        Self {
            weight: matrix(seed, name, [inputs, outputs], deviation, device),
            bias: Param::from_data(TensorData::zeros::<f32, _>([outputs]), device),
        }
    }

    /// `[n, inputs]` to `[n, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }

    /// The layer at every position: `[n, inputs, h, w]` to `[n, outputs, h, w]`.
    pub(crate) fn at_positions(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let [inputs, outputs] = weight.dims();
        let filters = weight.transpose().reshape([outputs, inputs, 1, 1]);
        ops::conv2d(x, filters, self.bias.val(), ConvSpec::default(), 1.0)
    }

    /// The weights `[inputs, outputs]`, divided by their largest singular value where `spectral` is set.
    pub(crate) fn filters(&self, spectral: bool) -> Tensor<2> {
        let weight = self.weight.val();
        if spectral { spectral::normalised(weight) } else { weight }
    }
}

/// A vector for each class: a matrix without bias.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[classes, width]`
    pub table: Param<Tensor<2>>,
}

impl Embedding {
    /// A table of `[classes, width]` drawn with `deviation` from the stream `name` of `seed`.
    pub fn init(seed: u64, name: &str, shape: [usize; 2], deviation: f32, device: &Device) -> Self {
        Self { table: matrix(seed, name, shape, deviation, device) }
    }

    /// Weights over the classes `[n, classes]` to their vectors' sums `[n, width]`.
    pub fn forward(&self, labels: Tensor<2>) -> Tensor<2> {
        labels.matmul(self.table.val())
    }
}
