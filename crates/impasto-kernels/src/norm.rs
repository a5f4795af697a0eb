//! Instance normalisation: every plane brought to mean 0 and variance 1, then scaled, shifted and rectified.
//!
//! Sums run in `f32` over blocks of 512 values and in `f64` over the blocks, in an order that depends on the length
//! alone.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::fused::{PART, add_rectify, affine_rectify, check_slope};
use crate::lanes::Lanes;

/// Values summed in `f32` before the total goes to `f64`.
const BLOCK: usize = 512;

/// A normalisation and the rectifier behind it: `rectified((x - mean) * rstd * gain + shift)`.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// `[planes]`, or `[channels]` where `channels` divides `planes`: then used again for each image of a batch; 1 where
    /// absent.
    pub gain: Option<&'a [f32]>,
    /// As long as `gain` may be; 0 where absent.
    pub shift: Option<&'a [f32]>,
    /// Added to variances before the square root.
    pub eps: f32,
    /// Factor on results below zero, from 0 (rectifier) to 1 (none).
    pub slope: f32,
}

impl Norm<'_> {
    fn check(&self, planes: usize) -> Result<(), ShapeError> {
        check_cycle("gain", self.gain, planes)?;
        check_cycle("shift", self.shift, planes)?;
        check_slope(self.slope)
    }

    fn gain(&self, plane: usize) -> f64 {
        f64::from(self.gain.map_or(1.0, |gain| gain[plane % gain.len()]))
    }

    /// Mean, scale, shift and slope of a plane: the same forward and backward, so that both rectify the same values.
    fn constants(&self, plane: usize, mean: f32, rstd: f32) -> [f32; 4] {
        let scale = f64::from(rstd) * self.gain(plane);
        let shift = self.shift.map_or(0.0, |shift| shift[plane % shift.len()]);
        // (x - mean) first: with a mean much larger than the deviation, x * scale - mean * scale would cancel.
        [mean, scale as f32, shift, self.slope]
    }
}

/// Normalises each plane: `y = rectified((x - mean) * rstd * gain + shift) + residual`, with
/// `rstd = 1 / sqrt(variance + eps)` and the variance that divides by the number of values.
///
/// - `mean`, `rstd`: `[planes]`, overwritten; their length says how many planes there are
/// - `x`, `y`: `[planes, values of one plane]`; `y` is overwritten
/// - `residual`: of the length of `x`, added last where present
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together, there is no value, or the slope does not lie between 0 and 1.
pub fn instance_norm_forward(
    x: &[f32],
    norm: &Norm<'_>,
    residual: Option<&[f32]>,
    y: &mut [f32],
    mean: &mut [f32],
    rstd: &mut [f32],
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    check_length("y", y, x.len())?;
    check_length("rstd", rstd, planes)?;
    residual.map_or(Ok(()), |residual| check_length("residual", residual, x.len()))?;
    norm.check(planes)?;
    let isa = Isa::detect();
    let statistics = mean.par_iter_mut().zip(rstd);
    let work = x.par_chunks(area).zip(y.par_chunks_mut(area)).zip(statistics).enumerate();
    work.for_each(|(plane, ((x, y), (mean, rstd)))| {
        let mut sums = [0.0; 2];
        statistics_plane(isa, x, &mut sums);
        *mean = sums[0] as f32;
        *rstd = (1.0 / (sums[1] + f64::from(norm.eps)).sqrt()) as f32;
        let constants = norm.constants(plane, *mean, *rstd);
        let Some(residual) = residual else {
            affine_rectify(isa, x, &constants, y);
            return;
        };
        // In parts that stay in the first level cache.
        let residual = residual[plane * area..][..area].chunks(PART);
        for ((x, y), residual) in x.chunks(PART).zip(y.chunks_mut(PART)).zip(residual) {
            affine_rectify(isa, x, &constants, y);
            add_rectify(isa, residual, 1.0, y);
        }
    });
    Ok(())
}

/// The gradients of [`instance_norm_forward`]; that of the residual is the gradient of the output itself.
///
/// - `x`, `norm`: as given to the forward function; `mean`, `rstd`: its results, `[planes]`
/// - `dy`: the gradient of the output, of the length of `x`; `None` where `dx` holds it
/// - `dx`: of the length of `x`, overwritten
/// - `dgain`, `dshift`: `[planes]`, overwritten; with a gain for each channel, to be summed over the batch
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together, there is no value, or the slope does not lie between 0 and 1.
pub fn instance_norm_backward(
    x: &[f32],
    dy: Option<&[f32]>,
    [mean, rstd]: [&[f32]; 2],
    norm: &Norm<'_>,
    dx: &mut [f32],
    [dgain, dshift]: [&mut [f32]; 2],
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    dy.map_or(Ok(()), |dy| check_length("dy", dy, x.len()))?;
    check_length("rstd", rstd, planes)?;
    check_length("dx", dx, x.len())?;
    check_length("dgain", dgain, planes)?;
    check_length("dshift", dshift, planes)?;
    norm.check(planes)?;
    let isa = Isa::detect();
    let sums = dgain.par_iter_mut().zip(dshift);
    let work = x.par_chunks(area).zip(dx.par_chunks_mut(area)).zip(sums).enumerate();
    work.for_each(|(plane, ((x, dx), (dgain, dshift)))| {
        let (mean, rstd) = (mean[plane], rstd[plane]);
        if let Some(dy) = dy {
            dx.copy_from_slice(&dy[plane * area..][..area]);
        }
        if norm.slope != 1.0 {
            mask_plane(isa, x, &norm.constants(plane, mean, rstd), dx);
        }
        let mut sums = [0.0; 2];
        products_plane(isa, x, dx, mean, &mut sums);
        let sum_product = sums[1] * f64::from(rstd);
        *dshift = sums[0] as f32;
        *dgain = sum_product as f32;
        let scale = f64::from(rstd) * norm.gain(plane);
        let mean_dy = sums[0] / area as f64;
        let slope = sum_product / area as f64 * f64::from(rstd);
        gradient_plane(isa, x, &[mean, mean_dy as f32, slope as f32, scale as f32], dx);
    });
    Ok(())
}

pub(crate) fn plane_area(x: &[f32], planes: usize) -> Result<usize, ShapeError> {
    if planes == 0 || x.is_empty() || !x.len().is_multiple_of(planes) {
        return Err(ShapeError::Invalid("the number of planes must divide the number of values"));
    }
    Ok(x.len() / planes)
}

fn check_cycle(argument: &'static str, values: Option<&[f32]>, planes: usize) -> Result<(), ShapeError> {
    match values {
        Some(values) if values.is_empty() || !planes.is_multiple_of(values.len()) => {
            check_length(argument, values, planes)
        }
        _ => Ok(()),
    }
}

/// The sum of a plane.
pub(crate) fn plane_total(values: &[f32]) -> f64 {
    let mut sum = [0.0];
    total_plane(Isa::detect(), values, &mut sum);
    sum[0]
}

dispatched! {
    /// The sum of the values.
    pub(crate) fn total_plane(values: &[f32], sum: &mut [f64; 1]) => total_any
}

dispatched! {
    /// Mean and variance.
    pub(crate) fn statistics_plane(x: &[f32], moments: &mut [f64; 2]) => statistics_any
}

dispatched! {
    /// `y = (x - mean) * scale + shift`.
    pub(crate) fn affine_plane(x: &[f32], mean: f32, scale: f32, shift: f32, y: &mut [f32]) => affine_any
}

dispatched! {
    /// The sums of `dy` and of `dy * (x - mean)`.
    pub(crate) fn products_plane(x: &[f32], dy: &[f32], mean: f32, sums: &mut [f64; 2]) => products_any
}

dispatched! {
    /// `grad = scale * (grad - mean_grad - (x - mean) * slope)`, with `constants = [mean, mean_grad, slope, scale]`.
    fn gradient_plane(x: &[f32], constants: &[f32; 4], grad: &mut [f32]) => gradient_any
}

dispatched! {
    /// Multiplies `grad` by the slope wherever `(x - mean) * scale + shift` is not above zero, with
    /// `constants = [mean, scale, shift, slope]`.
    fn mask_plane(x: &[f32], constants: &[f32; 4], grad: &mut [f32]) => mask_any
}

/// Sums each of the `N` terms over `0..len`: `vector(i)` are those of the values from `i` on, `scalar(i)` those of one
/// value. In `f32` inside each block, four vectors at a time; in `f64` over the blocks.
#[inline(always)]
pub(crate) fn blocked_sums<V: Lanes, const N: usize>(
    len: usize,
    vector: impl Fn(usize) -> [V; N],
    scalar: impl Fn(usize) -> [f32; N],
) -> [f64; N] {
    const UNROLL: usize = 4;
    let mut sums = [0.0; N];
    let mut start = 0;
    while start < len {
        let end = len.min(start + BLOCK);
        let mut lanes = [[V::splat(0.0); N]; UNROLL];
        let mut i = start;
        while i + UNROLL * V::COUNT <= end {
            for (u, lanes) in lanes.iter_mut().enumerate() {
                let terms = vector(i + u * V::COUNT);
                for n in 0..N {
                    lanes[n] = lanes[n].plus(terms[n]);
                }
            }
            i += UNROLL * V::COUNT;
        }
        while i + V::COUNT <= end {
            let terms = vector(i);
            for n in 0..N {
                lanes[0][n] = lanes[0][n].plus(terms[n]);
            }
            i += V::COUNT;
        }
        let mut rest = [0.0f32; N];
        while i < end {
            let terms = scalar(i);
            for n in 0..N {
                rest[n] += terms[n];
            }
            i += 1;
        }
        for n in 0..N {
            let pairs = lanes[0][n].plus(lanes[1][n]).plus(lanes[2][n].plus(lanes[3][n]));
            sums[n] += f64::from(pairs.total()) + f64::from(rest[n]);
        }
        start = end;
    }
    sums
}

#[inline(always)]
fn total_any<V: Lanes>(values: &[f32], sum: &mut [f64; 1]) {
    *sum = blocked_sums(values.len(), |i| [V::load(&values[i..])], |i| [values[i]]);
}

#[inline(always)]
fn statistics_any<V: Lanes>(x: &[f32], moments: &mut [f64; 2]) {
    let count = x.len() as f64;
    let [sum] = blocked_sums(x.len(), |i| [V::load(&x[i..])], |i| [x[i]]);
    let mean = sum / count;
    let near = mean as f32;
    let minus = V::splat(-near);
    let vector = |i: usize| {
        let centred = V::load(&x[i..]).plus(minus);
        [centred.mul_add(centred, V::splat(0.0))]
    };
    let [squares] = blocked_sums(x.len(), vector, |i| [(x[i] - near) * (x[i] - near)]);
    // The rounding of the mean to f32 shifts the centre; its square is taken off again.
    let offset = mean - f64::from(near);
    *moments = [mean, (squares / count - offset * offset).max(0.0)];
}

#[inline(always)]
fn products_any<V: Lanes>(x: &[f32], dy: &[f32], mean: f32, sums: &mut [f64; 2]) {
    let minus = V::splat(-mean);
    let vector = |i: usize| {
        let dy = V::load(&dy[i..]);
        [dy, dy.mul_add(V::load(&x[i..]).plus(minus), V::splat(0.0))]
    };
    *sums = blocked_sums(dy.len(), vector, |i| [dy[i], dy[i] * (x[i] - mean)]);
}

#[inline(always)]
fn affine_any<V: Lanes>(x: &[f32], mean: f32, scale: f32, shift: f32, y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = V::scalar_fma(x - mean, scale, shift);
    }
}

#[inline(always)]
fn gradient_any<V: Lanes>(x: &[f32], constants: &[f32; 4], grad: &mut [f32]) {
    let [mean, mean_grad, slope, scale] = *constants;
    for (grad, &x) in grad.iter_mut().zip(x) {
        *grad = scale * V::scalar_fma(mean - x, slope, *grad - mean_grad);
    }
}

#[inline(always)]
fn mask_any<V: Lanes>(x: &[f32], constants: &[f32; 4], grad: &mut [f32]) {
    let [mean, scale, shift, slope] = *constants;
    for (grad, &x) in grad.iter_mut().zip(x) {
        let scaled = *grad * slope;
        *grad = if V::scalar_fma(x - mean, scale, shift) > 0.0 { *grad } else { scaled };
    }
}
