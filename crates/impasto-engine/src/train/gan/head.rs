//! What a discriminator makes of its last map.

use burn::module::Module;
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};

use crate::blocks::{Dense, Embedding};
use crate::generator::Codes;

/// Slope of the rectifier below zero.
const SLOPE: f32 = 0.2;

/// One logit of the whole map, through a hidden layer; for a network with classes also by projection of that layer on
/// the class's vector (Miyato and Koyama 2018); and what it reads of structured codes (Chen et al. 2016).
///
/// Without the hidden layer a projection compares no more than the means of features, which rewards a generator for
/// whatever is typical of a class, always the same.
#[derive(Module, Debug)]
pub struct Head {
    /// `[chw, hidden]`
    hidden: Dense,
    /// `[hidden, 1]`
    logit: Dense,
    /// `[classes, hidden]`
    classes: Option<Embedding>,
    /// `[hidden, codes]`
    codes: Option<Dense>,
    #[module(skip)]
    spectral: bool,
}

impl Head {
    /// For maps of `[channels, rows, columns]`, with as many hidden numbers as channels. `spectral` divides weights by
    /// their largest singular value.
    pub fn new(
        [channels, rows, columns]: [usize; 3],
        classes: usize,
        codes: &Codes,
        spectral: bool,
        seed: u64,
        device: &Device,
    ) -> Self {
        let dense = |name: &str, inputs: usize, outputs: usize, gain: f32| {
            Dense::init(seed, name, [inputs, outputs], (gain / inputs as f32).sqrt(), device)
        };
        let deviation = 1.0 / (channels as f32).sqrt();
        let table = || Embedding::init(seed, "discriminator.classes", [classes, channels], deviation, device);
        Self {
            hidden: dense("discriminator.hidden", channels * rows * columns, channels, 2.0),
            logit: dense("discriminator.logit", channels, 1, 1.0),
            classes: (classes > 0).then(table),
            codes: (!codes.is_empty()).then(|| dense("discriminator.codes", channels, codes.len(), 1.0)),
            spectral,
        }
    }

    /// `x` `[n, c, h, w]` to the hidden layer, `[n, hidden]`.
    fn hidden(&self, x: Tensor<4>) -> Tensor<2> {
        let flat = x.flatten::<2>(1, 3); // [n, chw]
        let bias = self.hidden.bias.val().unsqueeze();
        leaky_relu(flat.matmul(self.hidden.filters(self.spectral)) + bias, SLOPE.into()) // [n, hidden]
    }

    /// `x` `[n, c, h, w]` to logits `[n, 1]` and the codes read, `[n, codes]`. Without labels there is no projection.
    pub fn forward(&self, x: Tensor<4>, labels: Option<Tensor<2>>) -> (Tensor<2>, Option<Tensor<2>>) {
        let hidden = self.hidden(x); // [n, hidden]
        let bias = self.logit.bias.val().unsqueeze();
        let logits = hidden.clone().matmul(self.logit.filters(self.spectral)) + bias; // [n, 1]
        let logits = match (&self.classes, labels) {
            (Some(classes), Some(labels)) => {
                logits + (hidden.clone() * classes.forward(labels)).sum_dim(1) // [n, 1]
            }
            _ => logits,
        };
        (logits, self.codes.as_ref().map(|codes| codes.forward(hidden)))
    }

    /// The gradient of the sum of logits by the map `x` `[n, c, h, w]`, as it is around it.
    pub fn input_gradient(&self, x: Tensor<4>, labels: Option<Tensor<2>>) -> Tensor<4> {
        let shape = x.dims();
        let below = self.hidden(x).detach().lower_elem(0.0); // [n, hidden]
        let slope = self.logit.filters(self.spectral).transpose().repeat_dim(0, shape[0]); // [n, hidden]
        let slope = match (&self.classes, labels) {
            (Some(classes), Some(labels)) => slope + classes.forward(labels), // [n, hidden]
            _ => slope,
        };
        let slope = slope.clone().mask_where(below, slope * SLOPE);
        slope.matmul(self.hidden.filters(self.spectral).transpose()).reshape(shape) // [n, c, h, w]
    }
}
