//! What the decoder takes of a style picture: 512 numbers.

use burn::tensor::{Device, Tensor, TensorData};

use super::network::EPS;
use crate::blocks::Statistics;
use crate::tensor;
use crate::weights::{Array, Arrays};

/// The style at one of the two feature levels, each `[1, c]`.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// Channel means.
    pub(super) mean: Tensor<2>,
    /// Channel deviations.
    pub(super) deviation: Tensor<2>,
    /// Factors on the outputs of the decoder's convolutions.
    pub(super) weight: Tensor<2>,
    /// Factors on their inputs, which are added.
    pub(super) bias: Tensor<2>,
}

impl Level {
    fn parts(&self) -> [(&'static str, &Tensor<2>); 4] {
        [("mean", &self.mean), ("deviation", &self.deviation), ("weight", &self.weight), ("bias", &self.bias)]
    }

    fn map(mut tensors: impl FnMut(&'static str) -> Result<Tensor<2>, String>) -> Result<Self, String> {
        Ok(Self {
            mean: tensors("mean")?,
            deviation: tensors("deviation")?,
            weight: tensors("weight")?,
            bias: tensors("bias")?,
        })
    }
}

/// The style at both levels, the finer first.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) levels: [Level; 2],
}

impl Code {
    /// The weighted sum of codes: everything the decoder does with a code is linear in it.
    pub(super) fn mix(codes: &[(Self, f32)]) -> Option<Self> {
        let mut codes = codes.iter();
        let (first, share) = codes.next()?;
        let scaled = |code: &Self, share: f32| {
            code.levels.clone().map(|level| Level {
                mean: level.mean * share,
                deviation: level.deviation * share,
                weight: level.weight * share,
                bias: level.bias * share,
            })
        };
        let mut levels = scaled(first, *share);
        for (code, share) in codes {
            for (sum, level) in levels.iter_mut().zip(scaled(code, *share)) {
                sum.mean = sum.mean.clone() + level.mean;
                sum.deviation = sum.deviation.clone() + level.deviation;
                sum.weight = sum.weight.clone() + level.weight;
                sum.bias = sum.bias.clone() + level.bias;
            }
        }
        Some(Self { levels })
    }

    /// The code of a picture of which only statistics of [`Network::code_maps`](super::network::Network::code_maps) are
    /// at hand; `None` where one is missing.
    pub(super) fn of_statistics<'a>(find: impl Fn(&str) -> Option<&'a Statistics>, device: &Device) -> Option<Self> {
        let level = |i: usize| {
            let part = |name: &str| find(&format!("own{i}.{name}"));
            let map = part("map")?;
            Some(Level {
                mean: map.mean(device),
                deviation: map.deviation(EPS, 1, device),
                weight: part("weight")?.mean(device),
                bias: part("bias")?.mean(device),
            })
        };
        Some(Self { levels: [level(0)?, level(1)?] })
    }

    /// As named arrays, for a file.
    pub(super) fn to_arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        for (i, level) in self.levels.iter().enumerate() {
            for (name, part) in level.parts() {
                let array = Array { shape: part.dims().to_vec(), values: tensor::values(part.clone()) };
                arrays.insert(format!("level{i}.{name}"), array);
            }
        }
        arrays
    }

    /// From named arrays, checked against the network's width.
    pub(super) fn from_arrays(arrays: &Arrays, channels: usize, device: &Device) -> Result<Self, String> {
        let level = |i: usize| {
            Level::map(|name| {
                let name = format!("level{i}.{name}");
                let array = arrays.get(&name).ok_or_else(|| format!("style code: '{name}' is missing"))?;
                let shape = [1, channels];
                if array.shape != shape {
                    return Err(format!("style code: '{name}' has shape {:?}, expected {shape:?}", array.shape));
                }
                if array.values.iter().any(|v| !v.is_finite()) {
                    return Err(format!("style code: '{name}' holds values that are not finite"));
                }
                Ok(Tensor::from_data(TensorData::new(array.values.clone(), shape), device))
            })
        };
        Ok(Self { levels: [level(0)?, level(1)?] })
    }
}
