//! The layers of `percept`.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{LEVELS, PerceptConfig};
use crate::blocks::{Conv, ConvConfig, max_pool2};

/// Five levels and a head for each.
#[derive(Module, Debug)]
pub(super) struct Network {
    /// The convolutions of each level.
    levels: Vec<Vec<Conv>>,
    /// 1x1 convolutions from the taps to the teacher's channels.
    heads: Vec<Conv>,
}

impl Network {
    /// He-normal weights, each layer from a stream of its own name.
    pub(super) fn new(config: &PerceptConfig, seed: u64, device: &Device) -> Self {
        let mut channels = 3;
        let mut levels = Vec::with_capacity(LEVELS);
        for (i, (&width, &count)) in config.widths.iter().zip(&config.convolutions).enumerate() {
            let mut convs = Vec::with_capacity(count);
            for j in 0..count {
                let conv = ConvConfig::same(channels, width, 3);
                convs.push(conv.init(seed, &format!("percept.level{i}.{j}"), device));
                channels = width;
            }
            levels.push(convs);
        }
        let head = |(i, (&width, &output)): (usize, (&usize, &usize))| {
            ConvConfig::same(width, output, 1).init(seed, &format!("percept.head{i}"), device)
        };
        Self { levels, heads: config.widths.iter().zip(&config.outputs).enumerate().map(head).collect() }
    }

    /// `[n, 3, h, w]` in `[0, 1]` to the activation after the first convolution of each level,
    /// `[n, widths[i], h / 2^i, w / 2^i]`.
    pub(super) fn taps(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        // To about mean 0 and deviation 1, what He initialisation expects.
        let mut x = (image - 0.5) * 4.0;
        let mut taps = Vec::with_capacity(LEVELS);
        for (i, convs) in self.levels.iter().enumerate() {
            if i > 0 {
                x = max_pool2(x); // [n, c, h / 2^i, w / 2^i]
            }
            for (j, conv) in convs.iter().enumerate() {
                if j == 1 && i + 1 == LEVELS {
                    break; // nothing is tapped behind here
                }
                x = conv.forward_relu(x); // [n, widths[i], h / 2^i, w / 2^i]
                if j == 0 {
                    taps.push(x.clone());
                }
            }
        }
        taps
    }

    /// Taps to the teacher's channels, rectified with the slope `leak` below zero: `[n, outputs[i], h', w']` each.
    /// Training leaks, so that no channel is without a gradient.
    pub(super) fn wide(&self, taps: Vec<Tensor<4>>, leak: f32) -> Vec<Tensor<4>> {
        taps.into_iter().zip(&self.heads).map(|(tap, head)| head.forward_leaky(tap, leak)).collect()
    }
}

/// The names of a head's weight and bias in a weights file.
pub(super) fn head_names(level: usize) -> [String; 2] {
    ["weight", "bias"].map(|part| format!("heads.{level}.{part}"))
}
