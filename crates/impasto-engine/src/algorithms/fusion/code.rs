//! A style's code: what the generator knows of a style picture, a few kilobytes.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::channel_moments3;
use crate::weights::{Array, Arrays};

/// Tokens per side of the picture.
pub(super) const GRID: usize = 6;

/// Moments kept of every channel: mean, deviation and compressed skewness.
pub(super) const MOMENTS: usize = 3;

/// A batch of style codes.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// Channel moments of all encoder levels, `[n, MOMENTS * sum(widths)]`.
    pub(super) moments: Tensor<2>,
    /// The coarsest level averaged over a grid, `[n, GRID * GRID, widths[3]]`.
    pub(super) tokens: Tensor<3>,
}

impl Code {
    /// Summarises encoder features, each `[n, c, h, w]`.
    pub(super) fn of(maps: &[Tensor<4>; 4]) -> Self {
        let moments = maps.iter().flat_map(|map| channel_moments3(map.clone())).collect();
        let [n, c, _, _] = maps[3].dims();
        let grid = adaptive_avg_pool2d(maps[3].clone(), [GRID, GRID]); // [n, c, GRID, GRID]
        Self {
            moments: Tensor::cat(moments, 1),
            tokens: grid.reshape([n, c, GRID * GRID]).swap_dims(1, 2), // [n, GRID * GRID, c]
        }
    }

    /// Mean and deviation of one encoder level, two of `[n, widths[level]]`.
    pub(super) fn moments_of(&self, widths: &[usize; 4], level: usize) -> [Tensor<2>; 2] {
        let n = self.moments.dims()[0];
        let start = MOMENTS * widths[..level].iter().sum::<usize>();
        let part = |i: usize| {
            let from = start + i * widths[level];
            self.moments.clone().slice([0..n, from..from + widths[level]]) // [n, widths[level]]
        };
        [part(0), part(1)]
    }

    /// As named arrays, for a file.
    pub(super) fn to_arrays(&self) -> Arrays {
        let array = |shape: &[usize], values| Array { shape: shape.to_vec(), values };
        Arrays::from([
            ("moments".to_owned(), array(&self.moments.dims(), crate::tensor::values(self.moments.clone()))),
            ("tokens".to_owned(), array(&self.tokens.dims(), crate::tensor::values(self.tokens.clone()))),
        ])
    }

    /// From named arrays, checked against the generator's widths.
    pub(super) fn from_arrays(
        arrays: &Arrays,
        moments: usize,
        channels: usize,
        device: &Device,
    ) -> Result<Self, String> {
        let take = |name: &str, shape: &[usize]| match arrays.get(name) {
            Some(array) if array.shape == shape && array.values.iter().all(|v| v.is_finite()) => {
                Ok(array.values.clone())
            }
            Some(array) => Err(format!("style code: '{name}' has shape {:?}, expected {shape:?}", array.shape)),
            None => Err(format!("style code: '{name}' is missing")),
        };
        let tokens = [1, GRID * GRID, channels];
        Ok(Self {
            moments: Tensor::from_data(TensorData::new(take("moments", &[1, moments])?, [1, moments]), device),
            tokens: Tensor::from_data(TensorData::new(take("tokens", &tokens)?, tokens), device),
        })
    }
}
