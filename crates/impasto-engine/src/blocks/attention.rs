//! Self-attention over the positions of a map.

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::conv::{Conv, ConvConfig};
use super::resample::max_pool2;

/// Every position takes what it needs from all others (Zhang et al. 2019). Keys and values are pooled to half the size;
/// what is taken is added with a gain that is learned and begins at 0.
#[derive(Module, Debug)]
pub struct SelfAttention {
    query: Conv,
    key: Conv,
    value: Conv,
    output: Conv,
    /// `[1]`
    gain: Param<Tensor<1>>,
}

impl SelfAttention {
    /// For maps of `channels` with even sides. Layers are drawn from streams of `seed` that begin with `name`.
    pub fn init(seed: u64, name: &str, channels: usize, device: &Device) -> Self {
        let (narrow, half) = ((channels / 8).max(1), (channels / 2).max(1));
        let point = |part: &str, inputs: usize, outputs: usize| {
            // Without a rectifier behind, values keep their size at half of He's variance.
            let config = ConvConfig::same(inputs, outputs, 1).init_gain(std::f32::consts::FRAC_1_SQRT_2);
            config.init(seed, &format!("{name}.{part}"), device)
        };
        Self {
            query: point("query", channels, narrow),
            key: point("key", channels, narrow),
            value: point("value", channels, half),
            output: point("output", half, channels),
            gain: Param::from_data(TensorData::zeros::<f32, _>([1]), device),
        }
    }

    /// `[n, c, h, w]` to the same.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, _, h, w] = x.dims();
        let flat = |map: Tensor<4>| {
            let [n, c, h, w] = map.dims();
            map.reshape([n, c, h * w])
        };
        let query = flat(self.query.forward(x.clone())).swap_dims(1, 2); // [n, hw, narrow]
        let key = flat(max_pool2(self.key.forward(x.clone()))); // [n, narrow, hw/4]
        let value = flat(max_pool2(self.value.forward(x.clone()))).swap_dims(1, 2); // [n, hw/4, half]
        let narrow = query.dims()[2] as f32;
        let weights = softmax(query.matmul(key) / narrow.sqrt(), 2); // [n, hw, hw/4]
        let taken = weights.matmul(value).swap_dims(1, 2); // [n, half, hw]
        let half = taken.dims()[1];
        let taken = self.output.forward(taken.reshape([n, half, h, w])); // [n, c, h, w]
        x + taken * self.gain.val().reshape([1, 1, 1, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use crate::tensor::values;

    #[test]
    fn it_begins_as_nothing_and_then_looks_everywhere() {
        let device = Device::flex();
        let mut block = SelfAttention::init(1, "attention", 8, &device);
        let draws = rng::normal(&mut rng::stream(1, "map", 0), 2 * 8 * 24);
        let x = Tensor::<4>::from_data(TensorData::new(draws, [2, 8, 4, 6]), &device);
        assert_eq!(values(block.forward(x.clone())), values(x.clone()));
        block.gain = Param::from_data([1.0f32], &device);
        let y = block.forward(x.clone());
        // The value at the far corner reaches the first, in its own picture only.
        let changed = x.clone().slice_assign([0..1, 0..8, 3..4, 5..6], Tensor::full([1, 8, 1, 1], 9.0, &device));
        let difference = values((block.forward(changed) - y).abs());
        assert!(difference[0] > 1e-4 && difference[8 * 24..].iter().all(|v| *v == 0.0));
    }
}
