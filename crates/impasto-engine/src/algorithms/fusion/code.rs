//! A style's code: what the generator knows of a style picture, a few kilobytes.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};

use crate::weights::{Array, Arrays};

/// Tokens per side of the picture.
pub(super) const GRID: usize = 6;

/// Moments kept of every channel: mean, deviation, and the cube root of the third central moment.
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
        let moments = maps.iter().map(|map| channel_moments(map.clone())).collect();
        let [n, c, _, _] = maps[3].dims();
        let grid = adaptive_avg_pool2d(maps[3].clone(), [GRID, GRID]); // [n, c, GRID, GRID]
        Self {
            moments: Tensor::cat(moments, 1),
            tokens: grid.reshape([n, c, GRID * GRID]).swap_dims(1, 2), // [n, GRID * GRID, c]
        }
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
    pub(super) fn from_arrays(arrays: &Arrays, moments: usize, channels: usize, device: &Device) -> Result<Self, String> {
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

/// `[n, c, h, w]` to `[n, 3c]`.
fn channel_moments(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    let x = x.reshape([n, c, h * w]); // [n, c, hw]
    let mean = x.clone().mean_dim(2); // [n, c, 1]
    let centred = x - mean.clone(); // [n, c, hw]
    let square = centred.clone().square(); // [n, c, hw]
    let deviation = (square.clone().mean_dim(2) + 1e-5).sqrt(); // [n, c, 1]
    // The third moment relative to the deviation is unbounded for sparse features: its gradient is cut and its range
    // compressed, it only informs.
    let third = (square * centred).mean_dim(2).detach() / deviation.clone().detach().powf_scalar(3.0); // [n, c, 1]
    let skew = third.clone() / (third.abs() + 1.0); // [n, c, 1]
    Tensor::cat(vec![mean, deviation, skew], 1).reshape([n, 3 * c])
}
