//! How fast a device is.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use crate::blocks::{self, ConvSpec};
use crate::error::{EngineError, Result};

/// Best rates of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of a convolution with 3x3 kernels, 64 channels to 64 at 128 px, in 10^9 operations a second: two for every
    /// multiplication of the plain method.
    pub convolution: f64,
    /// Of a product of matrices with 1024 rows and columns, in 10^9 operations a second.
    pub product: f64,
    /// Of adding a number to 64 MiB of values: bytes read and written, in 10^9 a second.
    pub copy: f64,
}

/// Time for each of them.
const BUDGET: Duration = Duration::from_millis(300);

/// Measures a device, in about a second.
///
/// # Errors
/// [`EngineError::Environment`] when the device stops working.
pub fn rates(device: &Device) -> Result<Rates> {
    let fill = |shape: [usize; 4]| Tensor::<4>::full(shape, 0.5, device);
    let (channels, side) = (64, 128);
    let (x, weight) = (fill([1, channels, side, side]), fill([channels, channels, 3, 3]));
    let spec = ConvSpec { padding: [1; 2], ..ConvSpec::default() };
    let bias = Tensor::<1>::zeros([channels], device);
    let convolution = least(device, || blocks::conv2d(x.clone(), weight.clone(), bias.clone(), spec, 1.0))?;
    let n = 1024;
    let matrix = fill([1, 1, n, n]);
    let product = least(device, || matrix.clone().matmul(matrix.clone()))?;
    let values = 64 << 18;
    let large = fill([1, 1, 1, values]);
    let copy = least(device, || large.clone() + 1.0)?;
    Ok(Rates {
        convolution: 2e-9 * (9 * channels * channels * side * side) as f64 / convolution,
        product: 2e-9 * (n * n * n) as f64 / product,
        copy: 8e-9 * values as f64 / copy,
    })
}

/// The least seconds that a call takes.
fn least(device: &Device, call: impl Fn() -> Tensor<4>) -> Result<f64> {
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    // The first call compiles and fills pools; it does not count.
    for count in 0.. {
        let start = Instant::now();
        drop(call());
        device.sync().map_err(|e| EngineError::Environment(format!("the device stopped working ({e})")))?;
        if count > 0 {
            least = least.min(start.elapsed().as_secs_f64());
            if begin.elapsed() > BUDGET {
                break;
            }
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "flex")]
    fn rates_are_plausible() {
        let Rates { convolution, product, copy } = rates(&Device::flex()).unwrap();
        for rate in [convolution, product, copy] {
            assert!((1e-3..1e6).contains(&rate), "{convolution} {product} {copy}");
        }
    }
}
