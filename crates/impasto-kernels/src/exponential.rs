//! The exponential function.

use crate::lanes::Lanes;

/// `exp(x)` without branches, so that loops over it become vector instructions: the power of two nearest to the exponential,
/// times the series of what is left, which is at most `ln(2) / 2`. Relative error about 1e-7; beyond 87 and -87 it is that of 87
/// and -87.
#[inline(always)]
pub(crate) fn exponential<V: Lanes>(x: f32) -> f32 {
    /// Added to a number below 2^22 it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// `ln(2)` in two parts, the first with so few bits that its multiples are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Comparisons that are false leave what is no number.
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let rounded = V::scalar_fma(x, std::f32::consts::LOG2_E, ROUND);
    let power = rounded - ROUND;
    let rest = V::scalar_fma(power, -LN_2[1], V::scalar_fma(power, -LN_2[0], x));
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let mut value = 1.0 / 5040.0;
    for term in series {
        value = V::scalar_fma(value, rest, term);
    }
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    value * scale
}
