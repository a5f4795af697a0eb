//! Gates: maps multiplied by what another map or one number for each plane lets through, forward and backward.

use rayon::prelude::*;

use crate::act::SHARE;
use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::exponential::exponential;
use crate::lanes::Lanes;
use crate::norm::{affine_plane, plane_area, products_plane};

/// Gated linear units (Dauphin et al. 2017): `y = a * sigmoid(b)`, where the first half of the channels of each image is
/// `a` and the second half `b`.
///
/// - `images`: how many
/// - `x`: `[images, 2, values]`
/// - `y`: `[images, values]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn gated_forward(images: usize, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let half = half(images, x)?;
    check_length("y", y, images * half)?;
    let isa = Isa::detect();
    y.par_chunks_mut(half).zip(x.par_chunks(2 * half)).for_each(|(y, x)| {
        let (a, b) = x.split_at(half);
        let shares = y.par_chunks_mut(SHARE).zip(a.par_chunks(SHARE).zip(b.par_chunks(SHARE)));
        shares.for_each(|(y, (a, b))| gate(isa, a, b, y));
    });
    Ok(())
}

/// The gradient of [`gated_forward`].
///
/// - `x`: the input of the forward function, `[images, 2, values]`
/// - `dy`: `[images, values]`
/// - `dx`: `[images, 2, values]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn gated_backward(images: usize, x: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    let half = half(images, x)?;
    check_length("dy", dy, images * half)?;
    check_length("dx", dx, x.len())?;
    let isa = Isa::detect();
    let each = x.par_chunks(2 * half).zip(dy.par_chunks(half)).zip(dx.par_chunks_mut(2 * half));
    each.for_each(|((x, dy), dx)| {
        let ((a, b), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
        let from = a.par_chunks(SHARE).zip(b.par_chunks(SHARE)).zip(dy.par_chunks(SHARE));
        let shares = from.zip(da.par_chunks_mut(SHARE).zip(db.par_chunks_mut(SHARE)));
        shares.for_each(|(((a, b), dy), (da, db))| gate_gradient(isa, [a, b, dy], da, db));
    });
    Ok(())
}

/// Values of one half of an image's channels.
fn half(images: usize, x: &[f32]) -> Result<usize, ShapeError> {
    match plane_area(x, images)? {
        values if values.is_multiple_of(2) => Ok(values / 2),
        _ => Err(ShapeError::Invalid("a gated map must have an even number of channels")),
    }
}

/// Multiplies each plane by its factor: `y = x * factor`.
///
/// - `factors`: `[planes]`; their number says how many planes there are
/// - `x`, `y`: `[planes, values of one plane]`; `y` is overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn scaled_forward(x: &[f32], factors: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let area = plane_area(x, factors.len())?;
    check_length("y", y, x.len())?;
    let isa = Isa::detect();
    let planes = x.par_chunks(area).zip(y.par_chunks_mut(area)).zip(factors);
    planes.for_each(|((x, y), &factor)| affine_plane(isa, x, 0.0, factor, 0.0, y));
    Ok(())
}

/// The gradients of [`scaled_forward`].
///
/// - `x`, `factors`: as given to the forward function
/// - `dy`: the gradient of the output, of the length of `x`
/// - `dx`: of the length of `x`, overwritten
/// - `dfactors`: `[planes]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn scaled_backward(
    x: &[f32],
    factors: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dfactors: &mut [f32],
) -> Result<(), ShapeError> {
    let area = plane_area(x, factors.len())?;
    check_length("dy", dy, x.len())?;
    check_length("dx", dx, x.len())?;
    check_length("dfactors", dfactors, factors.len())?;
    let isa = Isa::detect();
    let planes = x.par_chunks(area).zip(dy.par_chunks(area)).zip(dx.par_chunks_mut(area));
    planes.zip(factors.par_iter().zip(dfactors)).for_each(|(((x, dy), dx), (&factor, dfactor))| {
        let mut sums = [0.0; 2];
        products_plane(isa, x, dy, 0.0, &mut sums);
        *dfactor = sums[1] as f32;
        affine_plane(isa, dy, 0.0, factor, 0.0, dx);
    });
    Ok(())
}

dispatched! {
    /// `y = a * sigmoid(b)`.
    fn gate(a: &[f32], b: &[f32], y: &mut [f32]) => gate_any
}

dispatched! {
    /// The gradients of [`gate`] from `a`, `b` and `dy`.
    fn gate_gradient(from: [&[f32]; 3], da: &mut [f32], db: &mut [f32]) => gate_gradient_any
}

#[inline(always)]
fn gate_any<V: Lanes>(a: &[f32], b: &[f32], y: &mut [f32]) {
    for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = a * sigmoid::<V>(b);
    }
}

#[inline(always)]
fn gate_gradient_any<V: Lanes>([a, b, dy]: [&[f32]; 3], da: &mut [f32], db: &mut [f32]) {
    let from = a.iter().zip(b).zip(dy);
    for ((da, db), ((&a, &b), &dy)) in da.iter_mut().zip(db).zip(from) {
        let open = sigmoid::<V>(b);
        *da = dy * open;
        *db = *da * a * (1.0 - open);
    }
}

/// `1 / (1 + exp(-x))` without branches, so that loops over it become vector instructions.
#[inline(always)]
fn sigmoid<V: Lanes>(x: f32) -> f32 {
    1.0 / (1.0 + exponential::<V>(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, assert_close, dot};

    fn wide_sigmoid(x: f32) -> f64 {
        1.0 / (1.0 + (-f64::from(x)).exp())
    }

    #[test]
    fn gates_agree_with_f64() {
        let special = [0.0, -0.0, 1.0, -1.0, 20.0, -20.0, 86.0, -86.0, 1e3, -1e3, f32::INFINITY, f32::NEG_INFINITY];
        let gates: Vec<f32> = (-4000..4000).map(|i| i as f32 * 0.01).chain(special).collect();
        let a = vec![1.0; gates.len()];
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; gates.len()];
            gate(isa, &a, &gates, &mut y);
            for (&y, &b) in y.iter().zip(&gates) {
                let expected = wide_sigmoid(b);
                assert!((f64::from(y) - expected).abs() <= 4e-7 * expected + 1e-37, "{isa:?}: {b} gives {y}");
            }
            let mut y = [0.0];
            gate(isa, &[1.0], &[f32::NAN], &mut y);
            assert!(y[0].is_nan());
        }
    }

    #[test]
    fn gradients_of_gates_agree_with_f64() {
        let mut random = Random::new(3);
        for (images, half) in [(1, 1), (3, 37), (2, 40_000)] {
            let x: Vec<f32> = random.values(images * 2 * half).iter().map(|x| 5.0 * x).collect();
            let dy = random.values(images * half);
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            gated_forward(images, &x, &mut y).unwrap();
            gated_backward(images, &x, &dy, &mut dx).unwrap();
            let (mut expected_y, mut expected_dx) = (vec![0.0; y.len()], vec![0.0; x.len()]);
            for at in 0..y.len() {
                let (image, i) = (at / half, at % half);
                let (a, b) = (2 * image * half + i, (2 * image + 1) * half + i);
                let (open, dy) = (wide_sigmoid(x[b]), f64::from(dy[at]));
                expected_y[at] = f64::from(x[a]) * open;
                expected_dx[a] = dy * open;
                expected_dx[b] = dy * f64::from(x[a]) * open * (1.0 - open);
            }
            assert_close("y", &y, &expected_y, 1e-6);
            assert_close("dx", &dx, &expected_dx, 1e-6);
        }
        assert!(gated_forward(1, &[0.0; 3], &mut [0.0]).is_err());
        assert!(gated_forward(2, &[0.0; 4], &mut [0.0]).is_err());
        assert!(gated_forward(0, &[], &mut []).is_err());
    }

    #[test]
    fn factors_of_planes() {
        let mut random = Random::new(5);
        for (planes, area) in [(1, 1), (6, 35), (5, 3000)] {
            let (x, factors, dy) = (random.values(planes * area), random.values(planes), random.values(planes * area));
            let mut y = vec![f32::NAN; x.len()];
            let (mut dx, mut dfactors) = (y.clone(), vec![f32::NAN; planes]);
            scaled_forward(&x, &factors, &mut y).unwrap();
            scaled_backward(&x, &factors, &dy, &mut dx, &mut dfactors).unwrap();
            for at in 0..x.len() {
                assert_eq!([y[at], dx[at]], [x[at], dy[at]].map(|value| value * factors[at / area]));
            }
            for ((x, dy), &dfactor) in x.chunks(area).zip(dy.chunks(area)).zip(&dfactors) {
                let expected = dot(x, dy);
                assert!((f64::from(dfactor) - expected).abs() < 1e-5 * (1.0 + expected.abs()));
            }
        }
        assert!(scaled_forward(&[0.0; 3], &[1.0; 2], &mut [0.0; 3]).is_err());
    }
}
