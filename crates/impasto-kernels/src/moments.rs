//! Mean, deviation and skewness of planes: the statistics that style is measured by.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;
use crate::norm::{affine_plane, blocked_sums, plane_area, statistics_plane};

/// The moments of each plane of `x` `[planes, values of one plane]`.
///
/// - `mean`: `[planes]`, overwritten; its length says how many planes there are
/// - `deviation`: `[planes]`, overwritten with `sqrt(variance + eps)`, the variance divided by the number of values
/// - `third`: `[planes]` where wanted, overwritten with the mean of `(x - mean)^3`
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn plane_moments(
    x: &[f32],
    eps: f32,
    mean: &mut [f32],
    deviation: &mut [f32],
    third: Option<&mut [f32]>,
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    check_length("deviation", deviation, planes)?;
    let isa = Isa::detect();
    let work = x.par_chunks(area).zip(mean.par_iter_mut().zip(deviation));
    work.for_each(|(x, (mean, deviation))| {
        let mut sums = [0.0; 2];
        statistics_plane(isa, x, &mut sums);
        *mean = sums[0] as f32;
        *deviation = (sums[1] + f64::from(eps)).sqrt() as f32;
    });
    if let Some(third) = third {
        check_length("third", third, planes)?;
        let work = x.par_chunks(area).zip(mean.par_iter().zip(third));
        work.for_each(|(x, (mean, third))| {
            let mut sum = [0.0];
            cubes_plane(isa, x, *mean, &mut sum);
            *third = (sum[0] / area as f64) as f32;
        });
    }
    Ok(())
}

/// The gradient of [`plane_moments`] with respect to `x`, from those of the means and deviations (the third moment is
/// taken as a constant).
///
/// - `x`: the input of the forward function; `mean`, `deviation`: its results, `[planes]`
/// - `dmean`, `ddeviation`: `[planes]`
/// - `dx`: of the length of `x`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn plane_moments_backward(
    x: &[f32],
    mean: &[f32],
    deviation: &[f32],
    dmean: &[f32],
    ddeviation: &[f32],
    dx: &mut [f32],
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    check_length("deviation", deviation, planes)?;
    check_length("dmean", dmean, planes)?;
    check_length("ddeviation", ddeviation, planes)?;
    check_length("dx", dx, x.len())?;
    let isa = Isa::detect();
    let work = x.par_chunks(area).zip(dx.par_chunks_mut(area)).enumerate();
    work.for_each(|(plane, (x, dx))| {
        let scale = ddeviation[plane] / (deviation[plane] * area as f32);
        affine_plane(isa, x, mean[plane], scale, dmean[plane] / area as f32, dx);
    });
    Ok(())
}

dispatched! {
    /// The sum of `(x - mean)^3`.
    fn cubes_plane(x: &[f32], mean: f32, sum: &mut [f64; 1]) => cubes_any
}

#[inline(always)]
fn cubes_any<V: Lanes>(x: &[f32], mean: f32, sum: &mut [f64; 1]) {
    let (minus, zero) = (V::splat(-mean), V::splat(0.0));
    let vector = |i: usize| {
        let centred = V::load(&x[i..]).plus(minus);
        [centred.mul_add(centred, zero).mul_add(centred, zero)]
    };
    *sum = blocked_sums(x.len(), vector, |i| [(x[i] - mean).powi(3)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without any symmetry.
    fn sample(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 % 101) as f32 / 50.0).powi(2) - 1.0).collect()
    }

    #[test]
    fn moments_agree_with_f64() {
        for (planes, area) in [(1, 1), (3, 7), (2, 1000), (5, 1601)] {
            let x = sample(planes * area);
            let mut out = [vec![0.0; planes], vec![0.0; planes], vec![0.0; planes]];
            let [mean, deviation, third] = &mut out;
            plane_moments(&x, 1e-5, mean, deviation, Some(third)).unwrap();
            for (plane, x) in x.chunks(area).enumerate() {
                let average = |f: &dyn Fn(f64) -> f64| x.iter().map(|&v| f(f64::from(v))).sum::<f64>() / area as f64;
                let m = average(&|v| v);
                let expected = [m, (average(&|v| (v - m).powi(2)) + 1e-5).sqrt(), average(&|v| (v - m).powi(3))];
                for (got, expected) in [mean[plane], deviation[plane], third[plane]].into_iter().zip(expected) {
                    assert!((f64::from(got) - expected).abs() < 2e-6 * (1.0 + expected.abs()), "{got} {expected}");
                }
            }
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let (planes, area, h) = (2, 33, 1e-2);
        let x = sample(planes * area);
        let (dmean, ddeviation) = ([0.7, -1.3], [1.1, 0.4]);
        let value = |x: &[f32]| {
            let (mut mean, mut deviation) = ([0.0; 2], [0.0; 2]);
            plane_moments(x, 1e-5, &mut mean, &mut deviation, None).unwrap();
            let products = mean.iter().zip(&dmean).chain(deviation.iter().zip(&ddeviation));
            products.map(|(a, b)| f64::from(a * b)).sum::<f64>()
        };
        let (mut mean, mut deviation) = ([0.0; 2], [0.0; 2]);
        plane_moments(&x, 1e-5, &mut mean, &mut deviation, None).unwrap();
        let mut dx = vec![f32::NAN; x.len()];
        plane_moments_backward(&x, &mean, &deviation, &dmean, &ddeviation, &mut dx).unwrap();
        for i in 0..x.len() {
            let moved = |by: f32| {
                let mut x = x.clone();
                x[i] += by;
                value(&x)
            };
            let expected = (moved(h) - moved(-h)) / f64::from(2.0 * h);
            assert!((f64::from(dx[i]) - expected).abs() < 1e-4, "{i}: {} {expected}", dx[i]);
        }
    }
}
