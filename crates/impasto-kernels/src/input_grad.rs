//! The gradient of a convolution with respect to its input.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::fused::Fused;
use crate::gather::Engine;
use crate::scratch::with_scratch;
use crate::shape::{Conv2d, PadMode};
use crate::strip::{ZERO, shifted_axis};
use crate::transposed::Transposed;
use crate::upsample::Merged;
use crate::winograd::{Recipe, Way, Weights, Winograd};

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
    conv2d_input_grad_on(Isa::detect(), shape, dy, w.into(), dx)
}

/// [`conv2d_input_grad`] with filters that may have been made ready before.
///
/// # Errors
///
/// As for [`conv2d_input_grad`].
pub fn conv2d_input_grad_packed(shape: &Conv2d, dy: &[f32], w: Weights<'_>, dx: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_input_grad_on(Isa::detect(), shape, dy, w, dx)
}

pub(crate) fn conv2d_input_grad_on(
    isa: Isa,
    shape: &Conv2d,
    dy: &[f32],
    weights: Weights<'_>,
    dx: &mut [f32],
) -> Result<(), ShapeError> {
    let w = weights.values;
    shape.validate()?;
    check_length("dy", dy, shape.output_len())?;
    check_length("w", w, shape.weight_len())?;
    check_length("dx", dx, shape.input_len())?;
    let size = [shape.height, shape.width];
    // What belongs to each value of the padded input, where that is not the input itself.
    let padded = shape.upsample != 1 || (shape.pad_mode != PadMode::Zero && shape.padding != [0, 0]);
    if let Some(recipe) = Recipe::input_grad(isa, shape) {
        // What one mirrored row or column beyond each border gets is added afterwards, which is less work than tiles that
        // reach beyond.
        let mirrored = padded && shape.padding == [1, 1];
        let padded = padded && !mirrored;
        let output = shape.output_size();
        let doubled = recipe.way == Way::Quadrupled;
        let (target, crop) = match padded {
            true => (shape.padded_size(), [0, 0]),
            false if doubled => (output, [1, 1]),
            false => (size, shape.padding),
        };
        let axis = |axis: usize| vec![shifted_axis(output[axis], crop[axis] as isize - 2, target[axis] + 2, false)];
        weights.with(&recipe, |filters| {
            let winograd = Winograd {
                isa,
                form: recipe.form,
                batch: shape.batch,
                channels_source: shape.channels_out,
                planes: shape.channels_in,
                channels_target: recipe.computed(),
                doubled,
                source: output,
                axes: [axis(0), axis(1)],
                target,
                filter_parts: [1, 1],
                filters,
                fused: Fused::default(),
            };
            match padded {
                true => fold_padded(shape, dx, |wide| winograd.run(dy, wide)),
                false => winograd.run(dy, dx),
            }
        });
        if mirrored {
            BORDERS.iter().for_each(|border| border.add(isa, shape, dy, w, dx));
        }
    } else if let Some(merged) = Merged::of(shape) {
        let engine = merged.input_grad(isa, w);
        if merged.repeat == [false; 2] {
            engine.run(dy, dx);
        } else {
            run_and_fold(&merged.axes(), size, 1, dx, |wide| engine.run(dy, wide));
        }
    } else if padded {
        let engine = transposed(isa, shape, w, shape.padded_size(), [0, 0]);
        fold_padded(shape, dx, |wide| engine.run(dy, wide));
    } else {
        transposed(isa, shape, w, size, shape.padding).run(dy, dx);
    }
    Ok(())
}

/// One side of a picture that is mirrored by one value, for convolutions of 3x3 and stride 1.
struct Border {
    /// Above or below a picture; otherwise left or right of it.
    is_row: bool,
    /// Behind the last row or column; otherwise before the first.
    is_last: bool,
}

/// All sides.
const BORDERS: [Border; 4] = [
    Border { is_row: true, is_last: false },
    Border { is_row: true, is_last: true },
    Border { is_row: false, is_last: false },
    Border { is_row: false, is_last: true },
];

impl Border {
    /// Adds what belongs to the values beyond this side to those that they mirror. The corners go with the rows.
    fn add(&self, isa: Isa, shape: &Conv2d, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let (height, width) = (shape.height, shape.width);
        let area = height * width;
        let (across, along) = if self.is_row { (height, width) } else { (width, height) };
        // The places of a line's values in a plane, and the line's own place for the gradient and for what it mirrors.
        let (step, line_step) = if self.is_row { (1, width) } else { (width, 1) };
        let (from, to) = if self.is_last { (across - 1, across - 2) } else { (0, 1) };
        let tap_across = if self.is_last { 2 } else { 0 };
        let (beyond, crop) = if self.is_row { (along + 2, 0) } else { (along, 1) };
        let transposed = Transposed {
            isa,
            batch: shape.batch,
            groups: 1,
            channels_source: shape.channels_out,
            channels_target: shape.channels_in,
            source: [1, along],
            repeat: [false; 2],
            kernel: [1, 3],
            stride: [1, 1],
            target: [1, beyond],
            crop: [0, crop],
            fused: Fused::default(),
        };
        let engine = transposed.engine(|_, target, source, tap| {
            let tap = if self.is_row { 3 * tap_across + tap } else { 3 * tap + tap_across };
            w[(source * shape.channels_in + target) * 9 + tap]
        });
        with_scratch(shape.batch * shape.channels_out * along, |lines| {
            for (line, plane) in lines.chunks_exact_mut(along).zip(dy.chunks_exact(area)) {
                let values = plane[from * line_step..].iter().step_by(step);
                line.iter_mut().zip(values).for_each(|(copy, &value)| *copy = value);
            }
            with_scratch(shape.batch * shape.channels_in * beyond, |sums| {
                engine.run(lines, sums);
                for (plane, sums) in dx.chunks_exact_mut(area).zip(sums.chunks_exact(beyond)) {
                    for (index, sum) in sums.iter().enumerate() {
                        // Rows reach beyond the corners, which mirror the second value from each end.
                        let place = (index + crop).abs_diff(1);
                        let place = if place == along { along - 2 } else { place };
                        plane[to * line_step + place * step] += sum;
                    }
                }
            });
        });
    }
}

/// The engine for the gradient of the upsampled and padded input, without `crop` values at either side of each axis.
fn transposed(isa: Isa, shape: &Conv2d, w: &[f32], target: [usize; 2], crop: [usize; 2]) -> Engine<'static> {
    let area = shape.kernel[0] * shape.kernel[1];
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    let transposed = Transposed {
        isa,
        batch: shape.batch,
        groups: shape.groups,
        channels_source: group_out,
        channels_target: group_in,
        source: shape.output_size(),
        repeat: [false; 2],
        kernel: shape.kernel,
        stride: shape.stride,
        target,
        crop,
        fused: Fused::default(),
    };
    transposed.engine(|group, to, from, tap| w[((group * group_out + from) * group_in + to) * area + tap])
}

/// [`run_and_fold`] of the upsampled and padded form of a convolution's input.
fn fold_padded(shape: &Conv2d, dx: &mut [f32], run: impl FnOnce(&mut [f32])) {
    run_and_fold(&shape.axes(), [shape.height, shape.width], shape.upsample, dx, run);
}

/// Lets `run` fill the upsampled and padded form of the planes of `dx`, and adds up what belongs to each of their values.
/// `axes` are the stored row and column of each row and column of that form.
fn run_and_fold(
    axes: &[Vec<usize>; 2],
    size: [usize; 2],
    upsample: usize,
    dx: &mut [f32],
    run: impl FnOnce(&mut [f32]),
) {
    let area = size[0] * size[1];
    let wide_area = axes[0].len() * axes[1].len();
    with_scratch(dx.len() / area * wide_area, |wide| {
        run(wide);
        let planes = dx.par_chunks_mut(area).zip(wide.par_chunks(wide_area));
        planes.for_each(|(dx, wide)| fold(axes, size[1], upsample, wide, dx));
    });
}

/// The adjoint of upsampling and padding one plane.
fn fold(axes: &[Vec<usize>; 2], width: usize, upsample: usize, wide: &[f32], plane: &mut [f32]) {
    let [rows, columns] = axes;
    // The padding is the same on both sides.
    let padding = (columns.len() - width * upsample) / 2;
    let inside = padding..columns.len() - padding;
    plane.fill(0.0);
    for (&row, values) in rows.iter().zip(wide.chunks_exact(columns.len())) {
        if row == ZERO {
            continue;
        }
        let target = &mut plane[row * width..][..width];
        let inner = &values[inside.clone()];
        if upsample == 1 {
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
