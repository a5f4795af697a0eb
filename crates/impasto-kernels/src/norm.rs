//! Instance normalisation: every plane brought to mean 0 and variance 1, then scaled and shifted.
//!
//! Sums run in `f32` over blocks of 512 values and in `f64` over the blocks, in an order that depends on the length
//! alone.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;

/// Values summed in `f32` before the total goes to `f64`.
const BLOCK: usize = 512;

/// Normalises each plane: `y = (x - mean) * rstd * gain + shift`, with `rstd = 1 / sqrt(variance + eps)` and the
/// variance that divides by the number of values.
///
/// - `mean`, `rstd`: `[planes]`, overwritten; their length says how many planes there are
/// - `x`, `y`: `[planes, values of one plane]`; `y` is overwritten
/// - `gain`, `shift`: `[planes]`, or `[channels]` where `channels` divides `planes`: then used again for each image of
///   a batch; 1 and 0 where absent
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
#[allow(clippy::too_many_arguments)]
pub fn instance_norm_forward(
    x: &[f32],
    gain: Option<&[f32]>,
    shift: Option<&[f32]>,
    eps: f32,
    y: &mut [f32],
    mean: &mut [f32],
    rstd: &mut [f32],
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    check_length("y", y, x.len())?;
    check_length("rstd", rstd, planes)?;
    check_cycle("gain", gain, planes)?;
    check_cycle("shift", shift, planes)?;
    let isa = Isa::detect();
    let statistics = mean.par_iter_mut().zip(rstd);
    let work = x
        .par_chunks(area)
        .zip(y.par_chunks_mut(area))
        .zip(statistics)
        .enumerate();
    work.for_each(|(plane, ((x, y), (mean, rstd)))| {
        let mut sums = [0.0; 2];
        statistics_plane(isa, x, &mut sums);
        let centre = sums[0];
        let inverse = 1.0 / (sums[1] + f64::from(eps)).sqrt();
        *mean = centre as f32;
        *rstd = inverse as f32;
        let scale = inverse * f64::from(gain.map_or(1.0, |gain| gain[plane % gain.len()]));
        let shift = f64::from(shift.map_or(0.0, |shift| shift[plane % shift.len()]));
        // (x - mean) first: with a mean much larger than the deviation, x * scale - mean * scale would cancel.
        affine_plane(isa, x, *mean, scale as f32, shift as f32, y);
    });
    Ok(())
}

/// The gradients of [`instance_norm_forward`].
///
/// - `x`: the input of the forward function; `mean`, `rstd`: its results, `[planes]`
/// - `dy`: the gradient of the output, of the length of `x`
/// - `gain`: as given to the forward function
/// - `dx`: of the length of `x`, overwritten
/// - `dgain`, `dshift`: `[planes]`, overwritten; with a gain for each channel, to be summed over the batch
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
#[allow(clippy::too_many_arguments)]
pub fn instance_norm_backward(
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    rstd: &[f32],
    gain: Option<&[f32]>,
    dx: &mut [f32],
    dgain: &mut [f32],
    dshift: &mut [f32],
) -> Result<(), ShapeError> {
    let planes = mean.len();
    let area = plane_area(x, planes)?;
    check_length("dy", dy, x.len())?;
    check_length("rstd", rstd, planes)?;
    check_length("dx", dx, x.len())?;
    check_length("dgain", dgain, planes)?;
    check_length("dshift", dshift, planes)?;
    check_cycle("gain", gain, planes)?;
    let isa = Isa::detect();
    let values = x
        .par_chunks(area)
        .zip(dy.par_chunks(area))
        .zip(dx.par_chunks_mut(area));
    let work = values.zip(dgain.par_iter_mut().zip(dshift)).enumerate();
    work.for_each(|(plane, (((x, dy), dx), (dgain, dshift)))| {
        let (mean, rstd) = (mean[plane], rstd[plane]);
        let mut sums = [0.0; 2];
        products_plane(isa, x, dy, mean, &mut sums);
        let sum_product = sums[1] * f64::from(rstd);
        *dshift = sums[0] as f32;
        *dgain = sum_product as f32;
        let scale = f64::from(rstd) * f64::from(gain.map_or(1.0, |gain| gain[plane % gain.len()]));
        let mean_dy = sums[0] / area as f64;
        let slope = sum_product / area as f64 * f64::from(rstd);
        gradient_plane(
            isa,
            x,
            dy,
            &[mean, mean_dy as f32, slope as f32, scale as f32],
            dx,
        );
    });
    Ok(())
}

fn plane_area(x: &[f32], planes: usize) -> Result<usize, ShapeError> {
    if planes == 0 || x.is_empty() || !x.len().is_multiple_of(planes) {
        return Err(ShapeError::Invalid(
            "the number of planes must divide the number of values",
        ));
    }
    Ok(x.len() / planes)
}

fn check_cycle(
    argument: &'static str,
    values: Option<&[f32]>,
    planes: usize,
) -> Result<(), ShapeError> {
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
    fn total_plane(values: &[f32], sum: &mut [f64; 1]) => total_any
}

dispatched! {
    /// Mean and variance.
    fn statistics_plane(x: &[f32], moments: &mut [f64; 2]) => statistics_any
}

dispatched! {
    /// `y = (x - mean) * scale + shift`.
    fn affine_plane(x: &[f32], mean: f32, scale: f32, shift: f32, y: &mut [f32]) => affine_any
}

dispatched! {
    /// The sums of `dy` and of `dy * (x - mean)`.
    fn products_plane(x: &[f32], dy: &[f32], mean: f32, sums: &mut [f64; 2]) => products_any
}

dispatched! {
    /// `dx = scale * (dy - mean_dy - (x - mean) * slope)`, with `constants = [mean, mean_dy, slope, scale]`.
    fn gradient_plane(x: &[f32], dy: &[f32], constants: &[f32; 4], dx: &mut [f32]) => gradient_any
}

/// Sums `term(i)` over `0..len`: 64 running sums in `f32` inside each block, `f64` over the blocks.
#[inline(always)]
fn blocked_sum(len: usize, term: impl Fn(usize) -> f32) -> f64 {
    const WIDTH: usize = 64;
    let mut sum = 0.0;
    let mut start = 0;
    while start < len {
        let end = len.min(start + BLOCK);
        let mut lanes = [0.0f32; WIDTH];
        let full = start + (end - start) / WIDTH * WIDTH;
        let mut i = start;
        while i < full {
            for (l, lane) in lanes.iter_mut().enumerate() {
                *lane += term(i + l);
            }
            i += WIDTH;
        }
        let mut rest = 0.0f64;
        for i in full..end {
            rest += f64::from(term(i));
        }
        sum += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() + rest;
        start = end;
    }
    sum
}

#[inline(always)]
fn total_any<V: Lanes>(values: &[f32], sum: &mut [f64; 1]) {
    sum[0] = blocked_sum(values.len(), |i| values[i]);
}

#[inline(always)]
fn statistics_any<V: Lanes>(x: &[f32], moments: &mut [f64; 2]) {
    let count = x.len() as f64;
    let mean = blocked_sum(x.len(), |i| x[i]) / count;
    let near = mean as f32;
    let square = |i: usize| {
        let centred = x[i] - near;
        centred * centred
    };
    // The rounding of the mean to f32 shifts the centre; its square is taken off again.
    let offset = mean - f64::from(near);
    *moments = [
        mean,
        (blocked_sum(x.len(), square) / count - offset * offset).max(0.0),
    ];
}

#[inline(always)]
fn affine_any<V: Lanes>(x: &[f32], mean: f32, scale: f32, shift: f32, y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = V::scalar_fma(x - mean, scale, shift);
    }
}

#[inline(always)]
fn products_any<V: Lanes>(x: &[f32], dy: &[f32], mean: f32, sums: &mut [f64; 2]) {
    let x = &x[..dy.len()];
    sums[0] = blocked_sum(dy.len(), |i| dy[i]);
    sums[1] = blocked_sum(dy.len(), |i| dy[i] * (x[i] - mean));
}

#[inline(always)]
fn gradient_any<V: Lanes>(x: &[f32], dy: &[f32], constants: &[f32; 4], dx: &mut [f32]) {
    let [mean, mean_dy, slope, scale] = *constants;
    for (dx, (&x, &dy)) in dx.iter_mut().zip(x.iter().zip(dy)) {
        *dx = scale * V::scalar_fma(mean - x, slope, dy - mean_dy);
    }
}
