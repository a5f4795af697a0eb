//! Mean squared differences, as losses take them, and their gradient.

use rayon::prelude::*;

use crate::act::SHARE;
use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;
use crate::norm::blocked_sums;

/// The mean of `(a - b)^2` over all values. Sums run in `f64` over blocks and shares, in an order that depends on the
/// length alone.
///
/// # Errors
///
/// [`ShapeError`] where the slices differ in length or there is no value.
pub fn mean_squared_difference(a: &[f32], b: &[f32]) -> Result<f64, ShapeError> {
    check_length("b", b, a.len())?;
    if a.is_empty() {
        return Err(ShapeError::Invalid("there is no mean of no values"));
    }
    let isa = Isa::detect();
    let share = |(a, b): (&[f32], &[f32])| {
        let mut sum = [0.0];
        squares(isa, a, b, &mut sum);
        sum[0]
    };
    let sums: Vec<f64> = a.par_chunks(SHARE).zip(b.par_chunks(SHARE)).map(share).collect();
    Ok(sums.into_iter().sum::<f64>() / a.len() as f64)
}

/// The gradient of [`mean_squared_difference`] with respect to `a`, times `factor`; that with respect to `b` is its
/// opposite.
///
/// - `a`, `b`: as given to the forward function
/// - `da`: of their length, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn mean_squared_difference_grad(a: &[f32], b: &[f32], factor: f32, da: &mut [f32]) -> Result<(), ShapeError> {
    check_length("b", b, a.len())?;
    check_length("da", da, a.len())?;
    let isa = Isa::detect();
    let scale = (2.0 * f64::from(factor) / a.len() as f64) as f32;
    let shares = da.par_chunks_mut(SHARE).zip(a.par_chunks(SHARE).zip(b.par_chunks(SHARE)));
    shares.for_each(|(da, (a, b))| differences(isa, a, b, scale, da));
    Ok(())
}

dispatched! {
    /// The sum of `(a - b)^2`.
    fn squares(a: &[f32], b: &[f32], sum: &mut [f64; 1]) => squares_any
}

dispatched! {
    /// `da = scale * (a - b)`.
    fn differences(a: &[f32], b: &[f32], scale: f32, da: &mut [f32]) => differences_any
}

#[inline(always)]
fn squares_any<V: Lanes>(a: &[f32], b: &[f32], sum: &mut [f64; 1]) {
    let vector = |i: usize| {
        let difference = V::load(&a[i..]).minus(V::load(&b[i..]));
        [difference.times(difference)]
    };
    *sum = blocked_sums(a.len(), vector, |i| [(a[i] - b[i]).powi(2)]);
}

#[inline(always)]
fn differences_any<V: Lanes>(a: &[f32], b: &[f32], scale: f32, da: &mut [f32]) {
    for (da, (&a, &b)) in da.iter_mut().zip(a.iter().zip(b)) {
        *da = scale * (a - b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, assert_close};

    #[test]
    fn means_and_gradients_agree_with_f64() {
        let mut random = Random::new(7);
        for len in [1, 5, 100, 50_000] {
            let (a, b) = (random.values(len), random.values(len));
            let differences: Vec<f64> = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) - f64::from(b)).collect();
            let expected = differences.iter().map(|d| d * d).sum::<f64>() / len as f64;
            let got = mean_squared_difference(&a, &b).unwrap();
            assert!((got - expected).abs() < 1e-6 * expected, "{len}: {got} {expected}");
            let mut da = vec![f32::NAN; len];
            mean_squared_difference_grad(&a, &b, 3.0, &mut da).unwrap();
            let expected: Vec<f64> = differences.iter().map(|d| 6.0 * d / len as f64).collect();
            assert_close("gradient", &da, &expected, 1e-6);
        }
        assert!(mean_squared_difference(&[], &[]).is_err());
        assert!(mean_squared_difference(&[1.0], &[1.0, 2.0]).is_err());
    }
}
