//! The generator of residual blocks (Johnson et al. 2016; Zhu et al. 2017): halved by strided convolutions, doubled by
//! resizing and then convolving, instance normalisation throughout, reflection beyond the border.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::GeneratorConfig;
use super::generator::sure;
use crate::blocks::{Conv, ConvConfig, Gauge, Map, Whole};

/// Side of the first and the last kernel.
const WIDE: usize = 7;

/// The network between pictures in `[-1, 1]`.
#[derive(Module, Debug)]
pub(super) struct Residual {
    stem: Conv,
    halve: Vec<Conv>,
    blocks: Vec<Block>,
    double: Vec<Conv>,
    paint: Conv,
}

/// `x + norm(conv(relu(norm(conv(x)))))`.
#[derive(Module, Debug)]
struct Block {
    first: Conv,
    second: Conv,
}

impl Residual {
    pub(super) fn new(config: &GeneratorConfig, seed: u64, name: &str, device: &Device) -> Self {
        let draw = |part: &str, conv: ConvConfig| conv.normed().init(seed, &format!("{name}.{part}"), device);
        let (c, deepest) = (|i| config.channels(i), config.channels(config.halvings));
        let halve = |i: usize| draw(&format!("halve.{i}"), ConvConfig::same(c(i), c(i + 1), 3).stride(2));
        let double = |i: usize| draw(&format!("double.{i}"), ConvConfig::same(c(i + 1), c(i), 3).upsampled());
        let block = |i: usize| Block {
            first: draw(&format!("blocks.{i}.first"), ConvConfig::same(deepest, deepest, 3)),
            second: draw(&format!("blocks.{i}.second"), ConvConfig::same(deepest, deepest, 3)),
        };
        Self {
            stem: draw("stem", ConvConfig::same(3, config.width, WIDE)),
            halve: (0..config.halvings).map(halve).collect(),
            blocks: (0..config.blocks).map(block).collect(),
            double: (0..config.halvings).rev().map(double).collect(),
            paint: draw("paint", ConvConfig::same(config.width, 3, WIDE)),
        }
    }

    /// Channels of what [`Residual::encode`] taps.
    pub(super) fn taps(config: &GeneratorConfig) -> Vec<usize> {
        let deepest = config.channels(config.halvings);
        let halved = (1..=config.halvings).map(|i| config.channels(i));
        std::iter::once(3).chain(halved).chain([deepest; 2]).collect()
    }

    /// The block behind which the last tap lies: the fifth of six or nine.
    fn last_tapped(&self) -> usize {
        self.blocks.len().saturating_sub(1).min(4)
    }

    /// `x` `[n, 3, h, w]` through the blocks, `[n, c, h/4, w/4]`; where `taps` are wanted, the picture, what every halving
    /// gives, and what is behind the first and the fifth block are put into them. Where `up_to_taps` is set, what is
    /// behind the last of them is left out.
    pub(super) fn encode(&self, x: Tensor<4>, taps: &mut Vec<Tensor<4>>, up_to_taps: bool) -> Tensor<4> {
        taps.push(x.clone());
        let mut x = sure(self.enter(x, Some(taps), &mut Whole)); // [n, c, h/4, w/4]
        let last = self.last_tapped();
        for i in 0..self.blocks.len() {
            x = sure(self.block(i, x, &mut Whole));
            // One block alone is the first and the last.
            taps.extend([0, last].into_iter().filter(|tapped| *tapped == i).map(|_| x.clone()));
            if up_to_taps && i == last {
                break;
            }
        }
        x
    }

    /// `x` `[n, 3, h, w]` down to where the blocks are, `[n, c, h/4, w/4]`. What every halving gives goes to `taps`.
    pub(super) fn enter<G: Gauge>(
        &self,
        x: Tensor<4>,
        mut taps: Option<&mut Vec<Tensor<4>>>,
        gauge: &mut G,
    ) -> Result<Tensor<4>, G::Unknown> {
        let mut map: Map = gauge.plain_norm("stem", self.stem.forward(x))?.relu(); // [n, width, h, w]
        for (i, halve) in self.halve.iter().enumerate() {
            let y = halve.forward_map(map, None); // [n, 2c, h/2, w/2]
            if let Some(taps) = taps.as_mut() {
                taps.push(y.clone());
            }
            map = gauge.plain_norm(&format!("halve.{i}"), y)?.relu();
        }
        Ok(map.settle())
    }

    /// Block `i`: `[n, c, h/4, w/4]` to the same.
    pub(super) fn block<G: Gauge>(&self, i: usize, x: Tensor<4>, gauge: &mut G) -> Result<Tensor<4>, G::Unknown> {
        let Block { first, second } = &self.blocks[i];
        let y = gauge.plain_norm(&format!("block.{i}.first"), first.forward(x.clone()))?.relu();
        let y = second.forward_map(y, None);
        Ok(gauge.plain_norm(&format!("block.{i}.second"), y)?.plus(x.into()))
    }

    /// What the last block gave to a picture `[n, 3, h, w]`, before its range is limited.
    pub(super) fn decode<G: Gauge>(&self, x: Tensor<4>, gauge: &mut G) -> Result<Tensor<4>, G::Unknown> {
        let mut map: Map = x.into();
        for (i, double) in self.double.iter().enumerate() {
            let y = double.forward_map(map, None); // [n, c/2, 2h, 2w]
            map = gauge.plain_norm(&format!("double.{i}"), y)?.relu();
        }
        Ok(self.paint.forward_map(map, None)) // [n, 3, h, w]
    }
}
