//! The kernels with results in new vectors, which are not filled with zeros first: at the speed of the kernels that would
//! take a noticeable part of the time, and on one thread.
#![allow(unsafe_code)]

use crate::error::ShapeError;
use crate::fused::{Affine, Fused};
use crate::pool3::Pool3;
use crate::resample::Planes;
use crate::shape::Conv2d;

/// A vector of `len` values that `kernel` overwrites, all of them.
fn written(len: usize, kernel: impl FnOnce(&mut [f32]) -> Result<(), ShapeError>) -> Result<Vec<f32>, ShapeError> {
    let mut values = Vec::with_capacity(len);
    let blank = values.spare_capacity_mut().as_mut_ptr().cast::<f32>();
    // SAFETY: the capacity is at least `len`. The values are not initialised: the kernels of this module, the only
    // callers, write every value of their result before they read it back, which the tests of each kernel show by
    // starting from values that are no numbers.
    kernel(unsafe { std::slice::from_raw_parts_mut(blank, len) })?;
    // SAFETY: as above; a kernel that returned without an error has written all of them.
    unsafe { values.set_len(len) };
    Ok(values)
}

/// [`crate::conv2d_fused`].
///
/// # Errors
/// Those of the kernel.
pub fn conv2d(shape: &Conv2d, x: &[f32], w: &[f32], fused: &Fused<'_>) -> Result<Vec<f32>, ShapeError> {
    shape.validate()?;
    written(shape.output_len(), |y| crate::conv2d_fused(shape, x, w, fused, y))
}

/// [`crate::conv2d_input_grad`].
///
/// # Errors
/// Those of the kernel.
pub fn conv2d_input_grad(shape: &Conv2d, dy: &[f32], w: &[f32]) -> Result<Vec<f32>, ShapeError> {
    shape.validate()?;
    written(shape.input_len(), |dx| crate::conv2d_input_grad(shape, dy, w, dx))
}

/// [`crate::affine_sum`].
///
/// # Errors
/// Those of the kernel.
pub fn affine_sum(
    x: &[f32],
    affine: Affine<'_>,
    other: Option<(&[f32], Option<Affine<'_>>)>,
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::affine_sum(x, affine, other, y))
}

/// [`crate::pool3`].
///
/// # Errors
/// Those of the kernel.
pub fn pool3(pool: Pool3, planes: Planes, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    let size = pool.output(planes.height)? * pool.output(planes.width)?;
    written(planes.count * size, |y| crate::pool3(pool, planes, x, y))
}

/// [`crate::act::leaky_relu_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn leaky_relu(x: &[f32], slope: f32) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::act::leaky_relu_forward(x, slope, y))
}

/// [`crate::act::leaky_relu_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn leaky_relu_grad(x: &[f32], dy: &[f32], slope: f32) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::act::leaky_relu_backward(x, dy, slope, dx))
}

/// [`crate::norm::instance_norm_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn instance_norm(
    x: &[f32],
    gain: Option<&[f32]>,
    shift: Option<&[f32]>,
    eps: f32,
    mean: &mut [f32],
    rstd: &mut [f32],
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::norm::instance_norm_forward(x, gain, shift, eps, y, mean, rstd))
}

/// [`crate::norm::instance_norm_backward`]; `statistics` are mean and inverse deviation, `sums` the gradients of gain and
/// shift.
///
/// # Errors
/// Those of the kernel.
pub fn instance_norm_grad(
    x: &[f32],
    dy: &[f32],
    [mean, rstd]: [&[f32]; 2],
    gain: Option<&[f32]>,
    [dgain, dshift]: [&mut [f32]; 2],
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::norm::instance_norm_backward(x, dy, mean, rstd, gain, dx, dgain, dshift))
}

/// [`crate::resample::bilinear2x_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn bilinear2x(planes: Planes, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(4 * x.len(), |y| crate::resample::bilinear2x_forward(planes, x, y))
}
