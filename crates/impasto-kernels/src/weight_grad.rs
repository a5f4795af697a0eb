//! The gradients of a convolution with respect to its weights and its bias.

use rayon::prelude::*;

use crate::correlate::{Correlation, Sums};
use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::shape::Conv2d;
use crate::strip::{Source, shifted_axis};
use crate::upsample::Merged;
use crate::winograd;

/// The gradient with respect to the weights: the adjoint of [`conv2d`](crate::conv2d) in its second argument.
///
/// - `x`: the input, `[batch, channels_in, height, width]`
/// - `dy`: the gradient of the output, `[batch, channels_out, rows, columns]`
/// - `dw`: `[channels_out, channels_in / groups, kernel[0], kernel[1]]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d_weight_grad(shape: &Conv2d, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_weight_grad_on(Isa::detect(), shape, x, dy, dw)
}

pub(crate) fn conv2d_weight_grad_on(
    isa: Isa,
    shape: &Conv2d,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("x", x, shape.input_len())?;
    check_length("dy", dy, shape.output_len())?;
    check_length("dw", dw, shape.weight_len())?;
    if let Some(form) = winograd::form(shape).filter(|_| winograd::pays_for_weights(shape)) {
        winograd::weight_grad(isa, form, shape, x, dy, dw);
        return Ok(());
    }
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    if let Some(merged) = Merged::of(shape) {
        // The input is the grid, and the gradient of the output the source of a convolution of stride 2.
        let grid = merged.grid();
        let correlation = Correlation {
            isa,
            source: merged.gradient_source(),
            stride: [2, 2],
            kernel: merged.kernel,
            batch: shape.batch,
            groups: shape.groups,
            channels_source: group_out,
            channels_grid: group_in,
            grid,
            grid_source: Source::new([shape.height, shape.width], merged.axes(), [1, 1], [1, 1], grid[1]),
        };
        let area = merged.area();
        correlation.run(dy, x, |sums| {
            from_swapped(shape, sums, dw, area, |merged_kernel, kernel| merged.split(merged_kernel, kernel));
        });
    } else if shape.kernel == [1, 1]
        && shape.stride == [1, 1]
        && shape.padding == [0, 0]
        && shape.upsample == 1
        && group_in < group_out
    {
        // Both sides are alike: the one with fewer channels is the grid, whose planes are turned.
        let plain = || plain_source([shape.height, shape.width]);
        let correlation = Correlation {
            isa,
            source: plain(),
            stride: [1, 1],
            kernel: [1, 1],
            batch: shape.batch,
            groups: shape.groups,
            channels_source: group_out,
            channels_grid: group_in,
            grid: [shape.height, shape.width],
            grid_source: plain(),
        };
        correlation.run(dy, x, |sums| from_swapped(shape, sums, dw, 1, |value, kernel| kernel.copy_from_slice(value)));
    } else {
        let correlation = Correlation {
            isa,
            source: Source::input(shape),
            stride: shape.stride,
            kernel: shape.kernel,
            batch: shape.batch,
            groups: shape.groups,
            channels_source: group_in,
            channels_grid: group_out,
            grid: shape.output_size(),
            grid_source: plain_source(shape.output_size()),
        };
        correlation.run(x, dy, |sums| from_sums(shape, sums, dw));
    }
    Ok(())
}

/// Planes of `size` read as they are.
fn plain_source(size: [usize; 2]) -> Source {
    let axes = size.map(|size| shifted_axis(size, 0, size, false));
    Source::new(size, axes, [1, 1], [1, 1], size[1])
}

/// Copies the sums where the grid was the output.
fn from_sums(shape: &Conv2d, sums: &Sums<'_>, dw: &mut [f32]) {
    let terms = shape.group_in() * shape.kernel[0] * shape.kernel[1];
    // Sixteen channels at a time: their sums lie side by side.
    dw.par_chunks_mut(16 * terms).enumerate().for_each(|(block, dw)| {
        let channel = |index: usize| 16 * block + index;
        let column = |index| sums.of(channel(index) / shape.group_out(), channel(index) % shape.group_out());
        let columns: Vec<_> = (0..dw.len() / terms).filter_map(column).collect();
        for term in 0..terms {
            for (index, column) in columns.iter().enumerate() {
                dw[index * terms + term] = column.at(term);
            }
        }
    });
}

/// Makes each kernel from `area` sums by `make`, where the grid was the input.
fn from_swapped(
    shape: &Conv2d,
    sums: &Sums<'_>,
    dw: &mut [f32],
    area: usize,
    make: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    let taps = shape.kernel[0] * shape.kernel[1];
    dw.par_chunks_mut(group_in * taps).enumerate().for_each(|(channel, dw)| {
        let (group, to) = (channel / group_out, channel % group_out);
        let mut kernel_sums = vec![0.0; area];
        dw.fill(0.0);
        for (from, kernel) in dw.chunks_exact_mut(taps).enumerate() {
            if let Some(column) = sums.of(group, from) {
                for (tap, sum) in kernel_sums.iter_mut().enumerate() {
                    *sum = column.at(to * area + tap);
                }
                make(&kernel_sums, kernel);
            }
        }
    });
}

/// The gradient with respect to the bias: the sums of the planes of `dy`.
///
/// - `dy`: the gradient of the output, `[batch, channels_out, rows, columns]`
/// - `db`: `[channels_out]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d_bias_grad(shape: &Conv2d, dy: &[f32], db: &mut [f32]) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("dy", dy, shape.output_len())?;
    check_length("db", db, shape.channels_out)?;
    let [rows, columns] = shape.output_size();
    let area = rows * columns;
    db.par_iter_mut().enumerate().for_each(|(channel, sum)| {
        let planes = (0..shape.batch).map(|image| &dy[(image * shape.channels_out + channel) * area..][..area]);
        *sum = planes.map(crate::norm::plane_total).sum::<f64>() as f32;
    });
    Ok(())
}
