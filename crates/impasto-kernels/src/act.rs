//! Rectifiers, forward and backward, over slices of any shape.

use rayon::prelude::*;

use crate::error::{ShapeError, check_length};

/// Values in the share of one task.
const SHARE: usize = 1 << 14;

/// `y = max(x, 0)`. `y` has the length of `x` and is overwritten.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn relu_forward(x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    check_length("y", y, x.len())?;
    each_share(y, [x, x], |y, [x, _]| {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x < 0.0 { 0.0 } else { x });
    });
    Ok(())
}

/// `dx = dy` where `x > 0`, otherwise 0. `x` may be the input or the output of the forward function; all three slices
/// have one length.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn relu_backward(x: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    leaky_relu_backward(x, dy, 0.0, dx)
}

/// `y = x` where `x >= 0`, otherwise `slope * x`. `y` has the length of `x` and is overwritten.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn leaky_relu_forward(x: &[f32], slope: f32, y: &mut [f32]) -> Result<(), ShapeError> {
    check_length("y", y, x.len())?;
    each_share(y, [x, x], |y, [x, _]| {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x < 0.0 { slope * x } else { x });
    });
    Ok(())
}

/// `dx = dy` where `x > 0`, otherwise `slope * dy`. With a slope that is not negative, `x` may be the input or the output
/// of the forward function; all three slices have one length.
///
/// # Errors
///
/// [`ShapeError::Length`] where the slices differ in length.
pub fn leaky_relu_backward(x: &[f32], dy: &[f32], slope: f32, dx: &mut [f32]) -> Result<(), ShapeError> {
    check_length("dy", dy, x.len())?;
    check_length("dx", dx, x.len())?;
    each_share(dx, [x, dy], |dx, [x, dy]| {
        let inputs = x.iter().zip(dy);
        dx.iter_mut().zip(inputs).for_each(|(dx, (&x, &dy))| {
            let scaled = slope * dy;
            *dx = if x > 0.0 { dy } else { scaled };
        });
    });
    Ok(())
}

/// Calls `work` with matching shares of a target and two sources of its length, in parallel where that pays.
fn each_share(target: &mut [f32], sources: [&[f32]; 2], work: impl Fn(&mut [f32], [&[f32]; 2]) + Sync) {
    if target.len() <= 2 * SHARE {
        work(target, sources);
        return;
    }
    let shares = sources[0].par_chunks(SHARE).zip(sources[1].par_chunks(SHARE));
    let shares = target.par_chunks_mut(SHARE).zip(shares);
    shares.for_each(|(target, (first, second))| work(target, [first, second]));
}
