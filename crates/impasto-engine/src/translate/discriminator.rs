//! The discriminator of patches (Isola et al. 2017): a logit for every patch of a picture, at one or several scales.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::DiscriminatorConfig;
use crate::blocks::{Conv, ConvConfig, Map, PadMode, SLOPE, avg_pool2};

/// One or several discriminators, each of a picture half as large as that of the one before (Wang et al. 2018).
#[derive(Module, Debug)]
pub struct PatchDiscriminator {
    scales: Vec<Patches>,
}

/// Strided convolutions, normalised but for the first; with three that halve, a logit sees 70 x 70 pixels.
#[derive(Module, Debug)]
struct Patches {
    layers: Vec<Conv>,
    logit: Conv,
}

impl PatchDiscriminator {
    /// Fresh weights from streams of `seed` whose names begin with `name`, for pictures of `channels`.
    pub fn new(config: &DiscriminatorConfig, channels: usize, seed: u64, name: &str, device: &Device) -> Self {
        let scale = |scale: usize| {
            let draw = |part: String, from: usize, to: usize, stride: usize| {
                let conv = ConvConfig::same(from, to, 4).stride(stride).padding(1).pad_mode(PadMode::Zero).normed();
                conv.init(seed, &format!("{name}.{scale}.{part}"), device)
            };
            let layer = |i: usize| {
                let from = if i == 0 { channels } else { config.channels(i - 1) };
                // The last one does not halve.
                let stride = if i < config.layers { 2 } else { 1 };
                draw(format!("{i}"), from, config.channels(i), stride)
            };
            Patches {
                layers: (0..=config.layers).map(layer).collect(),
                logit: draw("logit".to_owned(), config.channels(config.layers), 1, 1),
            }
        };
        Self { scales: (0..config.scales).map(scale).collect() }
    }

    /// `[n, c, h, w]` in `[0, 1]` to the logits of all patches at every scale, `[n, k]` each.
    pub fn forward(&self, image: Tensor<4>) -> Vec<Tensor<2>> {
        let mut x = image * 2.0 - 1.0;
        let mut logits = Vec::with_capacity(self.scales.len());
        for (i, patches) in self.scales.iter().enumerate() {
            if i > 0 {
                x = avg_pool2(x); // [n, c, h/2, w/2]
            }
            logits.push(patches.forward(x.clone()));
        }
        logits
    }
}

impl Patches {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x: Map = x.into();
        for (i, layer) in self.layers.iter().enumerate() {
            let y = layer.forward_map(x, None); // [n, c, h/2, w/2], the last [n, c, h/8 - 1, w/8 - 1]
            let [n, c, _, _] = y.dims();
            let device = y.device();
            let normal = |y| Map::normalised(y, Tensor::ones([n, c], &device), Tensor::zeros([n, c], &device));
            x = if i == 0 { Map::from(y) } else { normal(y) }.leaky(SLOPE);
        }
        let logits = self.logit.forward_map(x, None); // [n, 1, h/8 - 2, w/8 - 2]
        let [n, _, h, w] = logits.dims();
        logits.reshape([n, h * w])
    }
}
