//! The layers that SqueezeNet 1.1 and LPIPS-Squeeze share; their weights differ, and so do the weights' names.

use burn::tensor::Device;
use burn::tensor::Tensor;

use crate::blocks::{Conv, ConvConfig, PadMode, Pool3, pool3};
use crate::features::frozen_conv;
use crate::weights::Arrays;

/// Squeeze and expand widths (each of the two expansions) of the eight fire modules.
pub(super) const FIRES: [(usize, usize); 8] =
    [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)];

/// Fire modules before which the map is pooled.
const POOLED: [usize; 3] = [0, 2, 4];

/// The smallest side that leaves a pixel at the deepest level.
pub(super) const MIN_SIDE: usize = 31;

/// A 1x1 convolution to few channels, then a 1x1 and a 3x3 one side by side.
#[derive(Debug)]
struct Fire {
    squeeze: Conv,
    expand1: Conv,
    expand3: Conv,
}

impl Fire {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.squeeze.forward_relu(x); // [n, squeeze, h, w]
        let (one, three) = (self.expand1.forward_relu(x.clone()), self.expand3.forward_relu(x));
        Tensor::cat(vec![one, three], 1) // [n, 2 * expand, h, w]
    }
}

/// Names in a weights file: the first convolution, and the squeeze, 1x1 and 3x3 convolutions of a fire module.
pub(super) struct Names {
    pub(super) first: &'static str,
    pub(super) fire: fn(usize) -> [String; 3],
}

/// The convolution and the eight fire modules.
#[derive(Debug)]
pub(super) struct Trunk {
    first: Conv,
    fires: Vec<Fire>,
}

impl Trunk {
    pub(super) fn new(arrays: &Arrays, names: &Names, device: &Device) -> Result<Self, String> {
        let first = ConvConfig::same(3, 64, 3).padding(0).stride(2);
        let mut channels = 64;
        let mut fires = Vec::with_capacity(FIRES.len());
        for (i, &(squeeze, expand)) in FIRES.iter().enumerate() {
            let [squeeze_name, one, three] = (names.fire)(i);
            let conv = |name: &str, config| frozen_conv(arrays, name, config, device);
            fires.push(Fire {
                squeeze: conv(&squeeze_name, ConvConfig::same(channels, squeeze, 1))?,
                expand1: conv(&one, ConvConfig::same(squeeze, expand, 1))?,
                expand3: conv(&three, ConvConfig::same(squeeze, expand, 3).pad_mode(PadMode::Zero))?,
            });
            channels = 2 * expand;
        }
        Ok(Self { first: frozen_conv(arrays, names.first, first, device)?, fires })
    }

    /// Normalised pictures `[n, 3, h, w]` to the activations after the first convolution and after each fire module.
    pub(super) fn forward(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut x = self.first.forward_relu(x); // [n, 64, (h - 1) / 2, (w - 1) / 2]
        let mut maps = Vec::with_capacity(1 + self.fires.len());
        maps.push(x.clone());
        for (i, fire) in self.fires.iter().enumerate() {
            if POOLED.contains(&i) {
                x = pool3(x, Pool3::MaxHalfBeyond); // [n, c, ceil((h - 1) / 2), ceil((w - 1) / 2)]
            }
            x = fire.forward(x); // [n, 2 * expand, h, w]
            maps.push(x.clone());
        }
        maps
    }
}
