//! The patch discriminator: sees real paintings against outputs, one logit for each patch.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::blocks::{Conv, ConvConfig};

/// Strided convolutions without normalisation; a logit sees 31 x 31 pixels and comes every 8.
#[derive(Module, Debug)]
pub(super) struct Discriminator {
    layers: Vec<Conv>,
    logit: Conv,
}

impl Discriminator {
    pub(super) fn new(seed: u64, device: &Device) -> Self {
        let widths = [3, 32, 64, 96];
        let layer = |i: usize| {
            ConvConfig::same(widths[i], widths[i + 1], 5 - 2 * usize::from(i > 0)).stride(2).init(
                seed,
                &format!("discriminator.{i}"),
                device,
            )
        };
        Self {
            layers: (0..widths.len() - 1).map(layer).collect(),
            logit: ConvConfig::same(widths[3], 1, 3).init_gain(0.3).init(seed, "discriminator.logit", device),
        }
    }

    /// `[n, 3, h, w]` in `[0, 1]` to the logits of all patches, `[n, h / 8 * w / 8]`.
    pub(super) fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let x = self.layers.iter().fold((image - 0.5) * 4.0, |x, layer| layer.forward_leaky(x, 0.2));
        let logits = self.logit.forward(x); // [n, 1, h/8, w/8]
        let [n, _, h, w] = logits.dims();
        logits.reshape([n, h * w])
    }
}
