//! Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3).

use burn::tensor::{Device, Tensor};

use crate::blocks::{Conv, ConvConfig};
use crate::weights::Array;

/// Channels that a sum goes over.
const SIZE: usize = 5;
/// Weight of their mean square.
const ALPHA: f32 = 1e-4;

/// `x / (1 + alpha * mean square of the five channels around)^0.75`; beyond the first and last channel are zeros.
#[derive(Debug)]
pub(super) struct LocalNorm {
    /// The sums as a 1x1 convolution with a band of equal weights, which is faster than adding shifted copies.
    sums: Conv,
}

impl LocalNorm {
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        let mut values = vec![0.0; channels * channels];
        for (to, row) in values.chunks_exact_mut(channels).enumerate() {
            row[to.saturating_sub(SIZE / 2)..channels.min(to + SIZE / 2 + 1)].fill(ALPHA / SIZE as f32);
        }
        let weight = Array { shape: vec![channels, channels, 1, 1], values };
        let bias = Array { shape: vec![channels], values: vec![1.0; channels] };
        let sums = ConvConfig::same(channels, channels, 1).frozen(&weight, &bias, device);
        Self { sums: sums.expect("the shapes are made for this convolution") }
    }

    /// `[n, c, h, w]` to the same.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let sums = self.sums.forward(x.clone().square()); // [n, c, h, w]
        let root = sums.sqrt();
        // To the power of three quarters: the root times the root's root.
        x / (root.clone() * root.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{self, DeviceSpec};
    use crate::tensor::{from_planes, values};

    #[test]
    fn divides_by_the_neighbourhood() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let x: Vec<f32> = (0..8 * 2).map(|i| (i as f32 - 7.0) * 40.0).collect();
        let got = values(LocalNorm::new(8, &device).forward(from_planes(x.clone(), [1, 8, 1, 2], &device)));
        for (i, got) in got.into_iter().enumerate() {
            let (channel, position) = (i / 2, i % 2);
            let around = channel.saturating_sub(2)..8.min(channel + 3);
            let squares: f64 = around.map(|c| f64::from(x[c * 2 + position]).powi(2)).sum();
            let expected = f64::from(x[i]) / (1.0 + 1e-4 / 5.0 * squares).powf(0.75);
            assert!((f64::from(got) - expected).abs() < 1e-5 * expected.abs().max(1.0), "{i}: {got}, {expected}");
        }
    }
}
