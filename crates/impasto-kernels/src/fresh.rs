//! The kernels with results in new vectors, which are not filled with zeros first: at the speed of the kernels that would
//! take a noticeable part of the time, and on one thread.
#![allow(unsafe_code)]

use crate::error::ShapeError;
use crate::fused::{Affine, Fused};
use crate::norm::Norm;
use crate::pool3::Pool3;
use crate::resample::Planes;
use crate::shape::Conv2d;
use crate::winograd::Weights;

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

/// [`crate::conv2d_packed`].
///
/// # Errors
/// Those of the kernel.
pub fn conv2d(shape: &Conv2d, x: &[f32], w: Weights<'_>, fused: &Fused<'_>) -> Result<Vec<f32>, ShapeError> {
    shape.validate()?;
    written(shape.output_len(), |y| crate::conv2d_packed(shape, x, w, fused, y))
}

/// [`crate::conv2d_input_grad_packed`].
///
/// # Errors
/// Those of the kernel.
pub fn conv2d_input_grad(shape: &Conv2d, dy: &[f32], w: Weights<'_>) -> Result<Vec<f32>, ShapeError> {
    shape.validate()?;
    written(shape.input_len(), |dx| crate::conv2d_input_grad_packed(shape, dy, w, dx))
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
    written(x.len(), |dx| crate::act::leaky_relu_backward(x, Some(dy), slope, dx))
}

/// [`crate::norm::instance_norm_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn instance_norm(
    x: &[f32],
    norm: &Norm<'_>,
    residual: Option<&[f32]>,
    mean: &mut [f32],
    rstd: &mut [f32],
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::norm::instance_norm_forward(x, norm, residual, y, mean, rstd))
}

/// [`crate::norm::instance_norm_backward`]; `statistics` are mean and inverse deviation, `sums` the gradients of gain and
/// shift.
///
/// # Errors
/// Those of the kernel.
pub fn instance_norm_grad(
    x: &[f32],
    dy: &[f32],
    statistics: [&[f32]; 2],
    norm: &Norm<'_>,
    sums: [&mut [f32]; 2],
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::norm::instance_norm_backward(x, Some(dy), statistics, norm, dx, sums))
}

/// [`crate::moments::plane_moments_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn plane_moments_grad(
    x: &[f32],
    [mean, deviation]: [&[f32]; 2],
    [dmean, ddeviation]: [&[f32]; 2],
) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::moments::plane_moments_backward(x, mean, deviation, dmean, ddeviation, dx))
}

/// [`crate::resample::max_pool2x2_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn max_pool2x2(planes: Planes, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(planes.halved(), |y| crate::resample::max_pool2x2_forward(planes, x, y))
}

/// [`crate::resample::max_pool2x2_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn max_pool2x2_grad(planes: Planes, x: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(planes.len(), |dx| crate::resample::max_pool2x2_backward(planes, x, dy, dx))
}

/// [`crate::resample::avg_pool2x2_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn avg_pool2x2(planes: Planes, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(planes.halved(), |y| crate::resample::avg_pool2x2_forward(planes, x, y))
}

/// [`crate::resample::avg_pool2x2_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn avg_pool2x2_grad(planes: Planes, dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(planes.len(), |dx| crate::resample::avg_pool2x2_backward(planes, dy, dx))
}

/// [`crate::resample::bilinear2x_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn bilinear2x(planes: Planes, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(4 * x.len(), |y| crate::resample::bilinear2x_forward(planes, x, y))
}

/// [`crate::resample::bilinear2x_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn bilinear2x_grad(planes: Planes, dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(planes.len(), |dx| crate::resample::bilinear2x_backward(planes, dy, dx))
}

/// [`crate::conv2d_weight_grad`].
///
/// # Errors
/// Those of the kernel.
pub fn conv2d_weight_grad(shape: &Conv2d, x: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    shape.validate()?;
    written(shape.weight_len(), |dw| crate::conv2d_weight_grad(shape, x, dy, dw))
}

/// [`crate::softmax::channel_softmax_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn channel_softmax(images: usize, channels: usize, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::softmax::channel_softmax_forward(images, channels, x, y))
}

/// [`crate::softmax::channel_softmax_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn channel_softmax_grad(images: usize, channels: usize, y: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(y.len(), |dx| crate::softmax::channel_softmax_backward(images, channels, y, dy, dx))
}

/// [`crate::gate::gated_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn gated(images: usize, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len() / 2, |y| crate::gate::gated_forward(images, x, y))
}

/// [`crate::gate::gated_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn gated_grad(images: usize, x: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::gate::gated_backward(images, x, dy, dx))
}

/// [`crate::gate::scaled_forward`].
///
/// # Errors
/// Those of the kernel.
pub fn scaled(x: &[f32], factors: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |y| crate::gate::scaled_forward(x, factors, y))
}

/// [`crate::gate::scaled_backward`].
///
/// # Errors
/// Those of the kernel.
pub fn scaled_grad(x: &[f32], factors: &[f32], dy: &[f32], dfactors: &mut [f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::gate::scaled_backward(x, factors, dy, dx, dfactors))
}

/// [`crate::channel_products_grad`].
///
/// # Errors
/// Those of the kernel.
pub fn channel_products_grad(size: [usize; 4], x: &[f32], dproducts: &[f32]) -> Result<Vec<f32>, ShapeError> {
    written(x.len(), |dx| crate::channel_products_grad(size, x, dproducts, dx))
}

/// [`crate::mean_squared_difference_grad`].
///
/// # Errors
/// Those of the kernel.
pub fn mean_squared_difference_grad(a: &[f32], b: &[f32], factor: f32) -> Result<Vec<f32>, ShapeError> {
    written(a.len(), |da| crate::mean_squared_difference_grad(a, b, factor, da))
}
