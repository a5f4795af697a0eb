//! The U-Net (Ronneberger et al. 2015; Isola et al. 2017): halved by strided convolutions down to a few positions, doubled
//! by resizing and then convolving, every size beside what the encoder had there.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::GeneratorConfig;
use crate::blocks::{Conv, ConvConfig, Map, SLOPE, instance_norm, leaky_relu};

/// Features that are tapped at most.
const TAPS: usize = 5;

/// The network between pictures in `[-1, 1]`.
#[derive(Module, Debug)]
pub(super) struct Unet {
    /// From full size down.
    halve: Vec<Conv>,
    /// From the deepest up.
    double: Vec<Conv>,
}

impl Unet {
    pub(super) fn new(config: &GeneratorConfig, seed: u64, name: &str, device: &Device) -> Self {
        let draw = |part: String, conv: ConvConfig| conv.normed().init(seed, &format!("{name}.{part}"), device);
        let depth = config.halvings;
        let halve = |i: usize| {
            let from = if i == 0 { 3 } else { config.channels(i - 1) };
            draw(format!("halve.{i}"), ConvConfig::same(from, config.channels(i), 4).stride(2).padding(1))
        };
        let double = |i: usize| {
            let from = config.channels(i) * if i + 1 == depth { 1 } else { 2 };
            let to = if i == 0 { 3 } else { config.channels(i - 1) };
            draw(format!("double.{i}"), ConvConfig::same(from, to, 3).upsampled())
        };
        Self { halve: (0..depth).map(halve).collect(), double: (0..depth).rev().map(double).collect() }
    }

    /// Channels of what [`Unet::encode`] gives first.
    pub(super) fn taps(config: &GeneratorConfig) -> Vec<usize> {
        let halved = (0..config.halvings).map(|i| config.channels(i));
        std::iter::once(3).chain(halved).take(TAPS).collect()
    }

    /// `x` `[n, 3, h, w]` to what every halving gives, `[n, c, h/2, w/2]` and so on.
    fn halved(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut levels: Vec<Tensor<4>> = Vec::with_capacity(self.halve.len());
        for (i, halve) in self.halve.iter().enumerate() {
            let y = match levels.last() {
                None => halve.forward(x.clone()),
                Some(below) => halve.forward(leaky_relu(below.clone(), SLOPE.into())),
            };
            // Neither the first map nor the deepest, which may have one position, is normalised.
            let inner = i > 0 && i + 1 < self.halve.len();
            levels.push(if inner { instance_norm(y) } else { y });
        }
        levels
    }

    /// The picture and its first few halvings.
    pub(super) fn encode(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let levels = self.halved(x.clone());
        std::iter::once(x).chain(levels).take(TAPS).collect()
    }

    /// `x` `[n, 3, h, w]` with sides that can be halved so often to a picture before its range is limited, and the taps of
    /// [`Unet::encode`].
    pub(super) fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Vec<Tensor<4>>) {
        let mut levels = self.halved(x.clone());
        let taps = std::iter::once(x).chain(levels.iter().cloned()).take(TAPS).collect();
        let mut y: Option<Tensor<4>> = None;
        for double in &self.double {
            let Some(beside) = levels.pop() else { break };
            let both = match y {
                None => beside,
                Some(y) => Tensor::cat(vec![instance_norm(y), beside], 1), // [n, 2c, h, w]
            };
            y = Some(double.forward_map(Map::from(both).relu(), None)); // [n, c/2, 2h, 2w]
        }
        (y.expect("a generator halves at least once"), taps)
    }
}
