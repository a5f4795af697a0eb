//! What Inception networks are made of: branches of convolutions side by side.

use burn::tensor::{Device, Tensor};

use super::frozen_conv;
use crate::blocks::{Conv, ConvConfig, PadMode, Pool3, pool3, relu};
use crate::weights::Arrays;

/// A convolution in a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    name: &'static str,
    /// Output channels.
    out: usize,
    /// Rows and columns.
    kernel: [usize; 2],
    stride: usize,
    /// Whether there are zeros beyond the border, half a kernel wide.
    border: bool,
}

/// A convolution that keeps the size.
pub(super) const fn same(name: &'static str, out: usize, kernel: [usize; 2]) -> Layer {
    Layer { name, out, kernel, stride: 1, border: true }
}

/// A convolution that stays within the map.
pub(super) const fn within(name: &'static str, out: usize, kernel: [usize; 2], stride: usize) -> Layer {
    Layer { name, out, kernel, stride, border: false }
}

/// A convolution of stride 2 with a border.
pub(super) const fn halving(name: &'static str, out: usize, kernel: [usize; 2]) -> Layer {
    Layer { name, out, kernel, stride: 2, border: true }
}

/// Convolutions one after the other, each with a rectifier behind it.
#[derive(Debug)]
pub(super) struct Chain(Vec<Conv>);

impl Chain {
    /// The convolutions of `layers`, named `{prefix}{name}`, and the channels that come out.
    pub(super) fn new(
        arrays: &Arrays,
        prefix: &str,
        mut channels: usize,
        layers: &[Layer],
        device: &Device,
    ) -> Result<(Self, usize), String> {
        let mut convs = Vec::with_capacity(layers.len());
        for layer in layers {
            let config = ConvConfig::same_rectangle(channels, layer.out, layer.kernel).stride(layer.stride);
            let config = if layer.border { config.pad_mode(PadMode::Zero) } else { config.padding(0) };
            convs.push(frozen_conv(arrays, &format!("{prefix}{}", layer.name), config, device)?);
            channels = layer.out;
        }
        Ok((Self(convs), channels))
    }

    /// `[n, channels, h, w]` to `[n, c', h', w']`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.0.iter().fold(x, |x, conv| conv.forward_relu(x))
    }
}

/// The branch of a block that pools.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pooled {
    /// The mean around each value, then a 1x1 convolution of this name and width.
    Mean(&'static str, usize),
    /// The largest value around each, then a 1x1 convolution of this name and width.
    Max(&'static str, usize),
    /// The largest value with stride 2.
    Half,
}

/// A block in a table; the names of its convolutions are `{name}.{layer}`.
pub(super) struct Block {
    pub(super) name: &'static str,
    pub(super) branches: Vec<Vec<Layer>>,
    pub(super) pooled: Pooled,
}

/// A block: branches and a pooling branch side by side, their channels one after the other.
#[derive(Debug)]
pub(super) struct Mixed {
    branches: Vec<Chain>,
    pooled: Pooled,
    projection: Option<Conv>,
}

impl Mixed {
    /// The block for `channels` channels, and the channels that come out.
    pub(super) fn new(
        arrays: &Arrays,
        block: &Block,
        channels: usize,
        device: &Device,
    ) -> Result<(Self, usize), String> {
        let prefix = format!("{}.", block.name);
        let mut total = 0;
        let mut branches = Vec::with_capacity(block.branches.len());
        for layers in &block.branches {
            let (chain, out) = Chain::new(arrays, &prefix, channels, layers, device)?;
            branches.push(chain);
            total += out;
        }
        let projection = match block.pooled {
            Pooled::Mean(name, out) | Pooled::Max(name, out) => {
                total += out;
                let config = ConvConfig::same(channels, out, 1);
                Some(frozen_conv(arrays, &format!("{prefix}{name}"), config, device)?)
            }
            Pooled::Half => {
                total += channels;
                None
            }
        };
        Ok((Self { branches, pooled: block.pooled, projection }, total))
    }

    /// `[n, channels, h, w]` to `[n, total, h', w']`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut parts: Vec<Tensor<4>> = self.branches.iter().map(|chain| chain.forward(x.clone())).collect();
        parts.push(match (self.pooled, &self.projection) {
            // A mean and a 1x1 convolution may change places, bias included since the weights of the mean sum to one
            // everywhere; there are several times fewer channels behind the convolution.
            (Pooled::Mean(..), Some(conv)) => relu(pool3(conv.forward(x), Pool3::MeanAround)), // [n, out, h, w]
            (Pooled::Max(..), Some(conv)) => conv.forward_relu(pool3(x, Pool3::MaxAround)),    // [n, out, h, w]
            _ => pool3(x, Pool3::MaxHalf), // [n, channels, (h - 1) / 2, (w - 1) / 2]
        });
        Tensor::cat(parts, 1) // [n, total, h', w']
    }
}

/// The mean of every channel: `[n, c, h, w]` to `[n, c]`.
pub(super) fn spatial_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, c, _, _] = x.dims();
    x.mean_dims(&[2, 3]).reshape([n, c])
}
