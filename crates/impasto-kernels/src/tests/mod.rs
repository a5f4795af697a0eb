//! Every kernel against a plain reference in `f64`, on every instruction set of the machine.

mod conv;
mod elementwise;
mod reference;
mod rows;
mod shape;

use crate::{Conv2d, Method, PadMode};

/// A small generator of reproducible numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    /// One of `from..=to`.
    pub(crate) fn range(&mut self, from: usize, to: usize) -> usize {
        from + (self.bits() % (to - from + 1) as u64) as usize
    }

    /// Values between -1 and 1.
    pub(crate) fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.bits() as f64 / f64::from(1u32 << 31) - 1.0) as f32).collect()
    }
}

/// Asserts that the relative difference of the norms is below `limit`.
#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &[f32], expected: &[f64], limit: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let differences = actual.iter().zip(expected).map(|(&a, &e)| (f64::from(a) - e).powi(2));
    let difference = differences.sum::<f64>().sqrt();
    let norm = expected.iter().map(|e| e * e).sum::<f64>().sqrt();
    let error = difference / norm.max(1e-3);
    assert!(error <= limit, "{what}: relative error {error:e}");
}

/// The inner product.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// A plain 3x3 convolution to vary.
pub(crate) fn base() -> Conv2d {
    Conv2d {
        batch: 1,
        channels_in: 3,
        height: 9,
        width: 11,
        channels_out: 5,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        pad_mode: PadMode::Zero,
        groups: 1,
        upsample: 1,
        method: Method::Auto,
    }
}
