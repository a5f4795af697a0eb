//! Rectifiers, forward and backward, over slices of any shape.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;

/// Values in the share of one task.
pub(crate) const SHARE: usize = 1 << 14;

/// `y = max(x, 0)`. `y` has the length of `x` and is overwritten.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn relu_forward(x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    leaky_relu_forward(x, 0.0, y)
}

/// `y = x` where `x >= 0`, otherwise `slope * x`. `y` has the length of `x` and is overwritten.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn leaky_relu_forward(x: &[f32], slope: f32, y: &mut [f32]) -> Result<(), ShapeError> {
    check_length("y", y, x.len())?;
    let isa = Isa::detect();
    each_share(y, x, |_, y, x| rectify(isa, x, slope, y));
    Ok(())
}

/// `dx = dy` where `x > 0`, otherwise `slope * dy`. With a slope that is not negative, `x` may be the input or the output
/// of the forward function.
///
/// - `dy`: the gradient of the output, of the length of `x`; `None` where `dx` holds it
/// - `dx`: of the length of `x`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn leaky_relu_backward(x: &[f32], dy: Option<&[f32]>, slope: f32, dx: &mut [f32]) -> Result<(), ShapeError> {
    dy.map_or(Ok(()), |dy| check_length("dy", dy, x.len()))?;
    check_length("dx", dx, x.len())?;
    let isa = Isa::detect();
    each_share(dx, x, |start, dx, x| {
        if let Some(dy) = dy {
            dx.copy_from_slice(&dy[start..start + dx.len()]);
        }
        mask(isa, x, slope, dx);
    });
    Ok(())
}

/// Calls `work` with the start of matching shares of a target and a source of its length, and the shares, in parallel
/// where that pays.
fn each_share(target: &mut [f32], source: &[f32], work: impl Fn(usize, &mut [f32], &[f32]) + Sync) {
    if target.len() <= 2 * SHARE {
        work(0, target, source);
        return;
    }
    let shares = target.par_chunks_mut(SHARE).zip(source.par_chunks(SHARE)).enumerate();
    shares.for_each(|(index, (target, source))| work(index * SHARE, target, source));
}

dispatched! {
    /// `y = x` where `x` is not below zero, otherwise `slope * x`.
    fn rectify(x: &[f32], slope: f32, y: &mut [f32]) => rectify_any
}

dispatched! {
    /// Multiplies `grad` by `slope` wherever `x` is not above zero.
    fn mask(x: &[f32], slope: f32, grad: &mut [f32]) => mask_any
}

#[inline(always)]
fn rectify_any<V: Lanes>(x: &[f32], slope: f32, y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        let scaled = slope * x;
        *y = if x < 0.0 { scaled } else { x };
    }
}

#[inline(always)]
fn mask_any<V: Lanes>(x: &[f32], slope: f32, grad: &mut [f32]) {
    for (grad, &x) in grad.iter_mut().zip(x) {
        let scaled = slope * *grad;
        *grad = if x > 0.0 { *grad } else { scaled };
    }
}
