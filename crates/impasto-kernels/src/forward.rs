//! Forward convolution.

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::gather::{Engine, Phase};
use crate::shape::Conv2d;
use crate::strip::Source;
use crate::upsample::Merged;

/// Convolves `x` with `w` and adds `bias`.
///
/// - `x`: `[batch, channels_in, height, width]`
/// - `w`: `[channels_out, channels_in / groups, kernel[0], kernel[1]]`
/// - `bias`: `[channels_out]`
/// - `y`: `[batch, channels_out, rows, columns]` with [`Conv2d::output_size`], overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d(shape: &Conv2d, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_on(Isa::detect(), shape, x, w, bias, y)
}

pub(crate) fn conv2d_on(
    isa: Isa,
    shape: &Conv2d,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("x", x, shape.input_len())?;
    check_length("w", w, shape.weight_len())?;
    check_length("y", y, shape.output_len())?;
    if let Some(bias) = bias {
        check_length("bias", bias, shape.channels_out)?;
    }
    let engine = match Merged::of(shape) {
        Some(merged) => merged.forward(isa, w, bias),
        None => direct(isa, shape, w, bias),
    };
    engine.run(x, y);
    Ok(())
}

/// One phase: every output value from all taps.
fn direct<'a>(isa: Isa, shape: &Conv2d, w: &[f32], bias: Option<&'a [f32]>) -> Engine<'a> {
    let [kernel_rows, kernel_columns] = shape.kernel;
    let area = kernel_rows * kernel_columns;
    let (group_in, group_out) = (shape.group_in(), shape.group_out());
    let taps = (0..area).map(|tap| [tap / kernel_columns, tap % kernel_columns]).collect();
    let weight = |group, to, from, tap| w[((group * group_out + to) * group_in + from) * area + tap];
    Engine {
        isa,
        source: Source::input(shape),
        stride: shape.stride,
        batch: shape.batch,
        groups: shape.groups,
        channels_source: group_in,
        channels_target: group_out,
        target: shape.output_size(),
        grid: shape.output_size(),
        step: [1, 1],
        phases: vec![Phase::new(isa, [0, 0], taps, [shape.groups, group_out, group_in], weight)],
        bias,
    }
}
