//! What a discriminator makes of its last map.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::blocks::{Dense, Embedding};
use crate::generator::Codes;

/// One logit of the whole map; for a network with classes also by projection on the class's vector (Miyato and Koyama
/// 2018); and what it reads of structured codes (Chen et al. 2016).
#[derive(Module, Debug)]
pub struct Head {
    /// `[chw, 1]`
    logit: Dense,
    /// `[classes, c]`
    classes: Option<Embedding>,
    /// `[chw, codes]`
    codes: Option<Dense>,
    #[module(skip)]
    spectral: bool,
}

impl Head {
    /// For maps of `[channels, rows, columns]`. `spectral` divides the logit's weights by their largest singular value.
    pub fn new(
        [channels, rows, columns]: [usize; 3],
        classes: usize,
        codes: &Codes,
        spectral: bool,
        seed: u64,
        device: &Device,
    ) -> Self {
        let inputs = channels * rows * columns;
        let dense = |name: &str, outputs: usize| {
            Dense::init(seed, name, [inputs, outputs], 1.0 / (inputs as f32).sqrt(), device)
        };
        let deviation = 1.0 / (channels as f32).sqrt();
        let table = || Embedding::init(seed, "discriminator.classes", [classes, channels], deviation, device);
        Self {
            logit: dense("discriminator.logit", 1),
            classes: (classes > 0).then(table),
            codes: (!codes.is_empty()).then(|| dense("discriminator.codes", codes.len())),
            spectral,
        }
    }

    /// `x` `[n, c, h, w]` to logits `[n, 1]` and the codes read, `[n, codes]`. Without labels there is no projection.
    pub fn forward(&self, x: Tensor<4>, labels: Option<Tensor<2>>) -> (Tensor<2>, Option<Tensor<2>>) {
        let [n, c, h, w] = x.dims();
        let flat = x.clone().reshape([n, c * h * w]); // [n, chw]
        let bias = self.logit.bias.val().unsqueeze();
        let logits = flat.clone().matmul(self.logit.filters(self.spectral)) + bias; // [n, 1]
        let logits = match (&self.classes, labels) {
            (Some(classes), Some(labels)) => {
                let means = x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c]);
                logits + (means * classes.forward(labels)).sum_dim(1) // [n, 1]
            }
            _ => logits,
        };
        (logits, self.codes.as_ref().map(|codes| codes.forward(flat)))
    }

    /// The gradient of the sum of logits by maps of `[n, c, h, w]`.
    pub fn input_gradient(&self, [n, c, h, w]: [usize; 4], labels: Option<Tensor<2>>) -> Tensor<4> {
        let whole = self.logit.filters(self.spectral).reshape([1, c, h, w]).repeat_dim(0, n); // [n, c, h, w]
        match (&self.classes, labels) {
            (Some(classes), Some(labels)) => {
                let share = classes.forward(labels) / (h * w) as f32; // [n, c]
                whole + share.reshape([n, c, 1, 1])
            }
            _ => whole,
        }
    }
}
