//! The gradient of a convolution with respect to its input.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::gather::{Engine, Phase};
use crate::scratch::with_scratch;
use crate::shape::{Conv2d, PadMode};
use crate::strip::{Source, ZERO, padded_axis, shifted_axis};

/// The gradient with respect to the input: the adjoint of [`conv2d`](crate::conv2d) in its first argument.
///
/// - `dy`: the gradient of the output, `[batch, channels_out, rows, columns]`
/// - `w`: as for the forward convolution
/// - `dx`: `[batch, channels_in, height, width]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d_input_grad(shape: &Conv2d, dy: &[f32], w: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_input_grad_on(Isa::detect(), shape, dy, w, dx)
}

pub(crate) fn conv2d_input_grad_on(isa: Isa, shape: &Conv2d, dy: &[f32], w: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("dy", dy, shape.output_len())?;
    check_length("w", w, shape.weight_len())?;
    check_length("dx", dx, shape.input_len())?;
    if shape.upsample == 1 && shape.pad_mode == PadMode::Zero {
        transposed(isa, shape, w, [shape.height, shape.width], shape.padding).run(dy, dx);
        return Ok(());
    }
    let padded = shape.padded_size();
    let area = padded[0] * padded[1];
    with_scratch(shape.batch * shape.channels_in * area, |wide| {
        transposed(isa, shape, w, padded, [0, 0]).run(dy, wide);
        let axis = |axis: usize, size| padded_axis(size, shape.upsample, shape.padding[axis], shape.pad_mode);
        let axes = [axis(0, shape.height), axis(1, shape.width)];
        let planes = dx.par_chunks_mut(shape.height * shape.width);
        planes.zip(wide.par_chunks(area)).for_each(|(dx, wide)| fold(&axes, shape, wide, dx));
    });
    Ok(())
}

/// The engine for the gradient of the upsampled and padded input, without `crop` values at either side of each axis.
///
/// With stride `s`, the padded rows `s * i + a` are a convolution of stride 1 over `dy` with every `s`-th row of the
/// kernel: one phase for each `a` (and likewise for the columns).
fn transposed(isa: Isa, shape: &Conv2d, w: &[f32], target: [usize; 2], crop: [usize; 2]) -> Engine<'static> {
    let (kernel, stride) = (shape.kernel, shape.stride);
    let output = shape.output_size();
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    // Positions of the grid that reach the target: from `begin`, padded position `stride * begin`, on.
    let begin = [crop[0] / stride[0], crop[1] / stride[1]];
    let end = |axis: usize| (crop[axis] + target[axis]).div_ceil(stride[axis]);
    let grid = [end(0) - begin[0], end(1) - begin[1]];
    // Taps of the largest phase; the smaller ones keep its geometry.
    let reach = [kernel[0].div_ceil(stride[0]), kernel[1].div_ceil(stride[1])];
    let axis = |axis: usize| {
        let first = begin[axis] as isize - (reach[axis] as isize - 1);
        shifted_axis(output[axis], first, grid[axis] + reach[axis] - 1)
    };
    let mut phases = Vec::new();
    for a in 0..stride[0] {
        for b in 0..stride[1] {
            let of_kernel = |axis: usize, phase| (phase..kernel[axis]).step_by(stride[axis]);
            let from: Vec<usize> = of_kernel(0, a).flat_map(|i| of_kernel(1, b).map(move |j| i * kernel[1] + j)).collect();
            let tap = |&tap: &usize| [reach[0] - 1 - tap / kernel[1] / stride[0], reach[1] - 1 - tap % kernel[1] / stride[1]];
            let taps = from.iter().map(tap).collect();
            let start = |axis: usize, phase: usize| (begin[axis] * stride[axis] + phase) as isize - crop[axis] as isize;
            let weight = |group: usize, to: usize, source: usize, tap: usize| {
                w[((group * group_out + source) * group_in + to) * kernel[0] * kernel[1] + from[tap]]
            };
            let sizes = [shape.groups, group_in, group_out];
            phases.push(Phase::new(isa, [start(0, a), start(1, b)], taps, sizes, weight));
        }
    }
    Engine {
        isa,
        source: Source::new(output, [axis(0), axis(1)], reach, [1, 1], grid[1]),
        stride: [1, 1],
        batch: shape.batch,
        groups: shape.groups,
        channels_source: group_out,
        channels_target: group_in,
        target,
        grid,
        step: stride,
        phases,
        bias: None,
    }
}

/// The adjoint of upsampling and padding one plane.
fn fold(axes: &[Vec<usize>; 2], shape: &Conv2d, wide: &[f32], plane: &mut [f32]) {
    let [rows, columns] = axes;
    let inside = shape.padding[1]..shape.padding[1] + shape.width * shape.upsample;
    plane.fill(0.0);
    for (&row, values) in rows.iter().zip(wide.chunks_exact(columns.len())) {
        if row == ZERO {
            continue;
        }
        let target = &mut plane[row * shape.width..][..shape.width];
        let inner = &values[inside.clone()];
        if shape.upsample == 1 {
            target.iter_mut().zip(inner).for_each(|(sum, value)| *sum += value);
        } else {
            let pairs = inner.chunks_exact(2);
            target.iter_mut().zip(pairs).for_each(|(sum, pair)| *sum += pair[0] + pair[1]);
        }
        for outside in [0..inside.start, inside.end..columns.len()] {
            for (value, &column) in values[outside.clone()].iter().zip(&columns[outside]) {
                if column != ZERO {
                    target[column] += value;
                }
            }
        }
    }
}
