//! LPIPS over SqueezeNet (Zhang et al. 2018): how different two pictures look to people.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};

use super::trunk::{MIN_SIDE, Names, Trunk};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::weights::{self, Arrays};

/// Maps compared, of those the trunk returns, and their channels.
const TAPS: [(usize, usize); 7] = [(0, 64), (2, 128), (4, 256), (5, 384), (6, 384), (7, 512), (8, 512)];

/// Where the fire modules stand in the layer list that the file numbers.
const POSITIONS: [usize; 8] = [3, 4, 6, 7, 9, 10, 11, 12];

const NAMES: Names = Names {
    first: "features.0",
    fire: |i| ["squeeze", "expand1x1", "expand3x3"].map(|part| format!("features.{}.{part}", POSITIONS[i])),
};

/// Added to the length of a feature vector before dividing by it.
const EPS: f32 = 1e-10;

/// The metric: its own trunk and the learnt weight of every channel. They belong together; the trunk is not that of
/// [`super::SqueezeNet`].
#[derive(Debug)]
pub struct LpipsSqueeze {
    trunk: Trunk,
    /// Channel weights of each tap, `[1, c, 1, 1]`.
    heads: Vec<Tensor<4>>,
    /// Subtracted from pictures in `[-1, 1]`, `[1, 3, 1, 1]`.
    shift: Tensor<4>,
    /// Divided by afterwards, `[1, 3, 1, 1]`.
    scale: Tensor<4>,
}

impl LpipsSqueeze {
    /// Reads trunk and heads from a safetensors file (`features.N...`, `lin0` ... `lin6`, `scaling_layer`).
    ///
    /// # Errors
    /// [`EngineError::File`] when the file cannot be read or is not this network.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (arrays, _) = weights::read_arrays(path)?;
        Self::from_arrays(&arrays, device).map_err(|reason| EngineError::file(path, reason))
    }

    fn from_arrays(arrays: &Arrays, device: &Device) -> Result<Self, String> {
        let row = |name: &str, channels: usize| -> Result<Tensor<4>, String> {
            let array = arrays.get(name).ok_or_else(|| format!("tensor '{name}' is missing"))?;
            let shape = [1, channels, 1, 1];
            if array.shape != shape {
                return Err(format!("tensor '{name}' has shape {:?}, expected {shape:?}", array.shape));
            }
            if array.values.iter().any(|v| !v.is_finite()) {
                return Err(format!("tensor '{name}' holds values that are not finite"));
            }
            Ok(Tensor::from_data(TensorData::new(array.values.clone(), shape), device))
        };
        let head = |(i, &(_, channels)): (usize, &(usize, usize))| row(&format!("lin{i}.weight"), channels);
        Ok(Self {
            trunk: Trunk::new(arrays, &NAMES, device)?,
            heads: TAPS.iter().enumerate().map(head).collect::<Result<_, _>>()?,
            shift: row("scaling_layer.shift", 3)?,
            scale: row("scaling_layer.scale", 3)?,
        })
    }

    /// The distance between each picture of one batch and its partner in another, both `[n, 3, h, w]` in `[0, 1]`:
    /// `[n]`, 0 for equal pictures, around 0.7 for unrelated ones. Differentiable.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when the shapes differ or a side is below 31.
    pub fn distance(&self, a: ImageTensor, b: ImageTensor) -> Result<Tensor<1>> {
        let (dims, other) = (a.dims(), b.dims());
        if dims != other || dims[1] != 3 || dims[2].min(dims[3]) < MIN_SIDE {
            return Err(EngineError::Caller(format!(
                "LPIPS compares pictures of one size with sides of at least {MIN_SIDE} px, not {dims:?} with {other:?}"
            )));
        }
        Ok(self.between(&self.seen(a), &self.seen(b)))
    }

    /// What the network sees in pictures `[n, 3, h, w]` in `[0, 1]`, for [`LpipsSqueeze::between`]: of use where one is
    /// compared with many others.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when a side is below 31.
    pub fn maps(&self, image: ImageTensor) -> Result<LpipsMaps> {
        let [_, channels, h, w] = image.dims();
        if channels != 3 || h.min(w) < MIN_SIDE {
            let text = format!("LPIPS needs colour pictures with sides of at least {MIN_SIDE} px, not {h}x{w}");
            return Err(EngineError::Caller(text));
        }
        Ok(self.seen(image))
    }

    /// The distance of [`LpipsSqueeze::distance`] from what the network sees in pictures of the same size: `[n]`.
    pub fn between(&self, a: &LpipsMaps, b: &LpipsMaps) -> Tensor<1> {
        let n = a.0[0].dims()[0];
        let mut sum: Option<Tensor<2>> = None;
        for ((a, b), head) in a.0.iter().zip(&b.0).zip(&self.heads) {
            let difference = a.clone() - b.clone(); // [n, c, h', w']
            let weighted = (difference.square() * head.clone()).sum_dim(1); // [n, 1, h', w']
            let mean = weighted.mean_dims(&[2, 3]).reshape([n, 1]); // [n, 1]
            sum = Some(match sum {
                Some(sum) => sum + mean,
                None => mean,
            });
        }
        sum.map_or_else(|| Tensor::zeros([n], &a.0[0].device()), |sum| sum.reshape([n]))
    }

    fn seen(&self, image: ImageTensor) -> LpipsMaps {
        let taps = self.trunk.forward((image * 2.0 - 1.0 - self.shift.clone()) / self.scale.clone());
        LpipsMaps(TAPS.iter().map(|&(tap, _)| unit(taps[tap].clone())).collect())
    }
}

/// What [`LpipsSqueeze`] sees in pictures: maps of feature vectors of length 1.
#[derive(Debug, Clone)]
pub struct LpipsMaps(Vec<Tensor<4>>);

/// Feature vectors `[n, c, h, w]` to length 1 over the channels.
pub(crate) fn unit(x: Tensor<4>) -> Tensor<4> {
    // A vector of zeros has no direction; the small number keeps its gradient finite.
    let length = (x.clone().square().sum_dim(1) + 1e-20).sqrt(); // [n, 1, h, w]
    x / (length + EPS)
}
