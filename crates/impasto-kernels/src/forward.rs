//! Forward convolution.

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::fused::Fused;
use crate::gather::{Engine, Phase};
use crate::shape::Conv2d;
use crate::strip::Source;
use crate::upsample::Merged;
use crate::winograd::{self, Recipe, Weights};

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

/// Convolves with what comes before and after in the same pass: `y = rectified(conv(affine(x)) + bias + residual)`, see
/// [`Fused`]. Slices as for [`conv2d`].
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid, a slice disagrees with it or a slope does not lie between 0 and 1.
pub fn conv2d_fused(shape: &Conv2d, x: &[f32], w: &[f32], fused: &Fused<'_>, y: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_fused_on(Isa::detect(), shape, x, w.into(), fused, y)
}

/// [`conv2d_fused`] with filters that may have been made ready before.
///
/// # Errors
///
/// As for [`conv2d_fused`].
pub fn conv2d_packed(
    shape: &Conv2d,
    x: &[f32],
    w: Weights<'_>,
    fused: &Fused<'_>,
    y: &mut [f32],
) -> Result<(), ShapeError> {
    conv2d_fused_on(Isa::detect(), shape, x, w, fused, y)
}

pub(crate) fn conv2d_on(
    isa: Isa,
    shape: &Conv2d,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) -> Result<(), ShapeError> {
    conv2d_fused_on(isa, shape, x, w.into(), &Fused::bias(bias), y)
}

pub(crate) fn conv2d_fused_on(
    isa: Isa,
    shape: &Conv2d,
    x: &[f32],
    w: Weights<'_>,
    fused: &Fused<'_>,
    y: &mut [f32],
) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("x", x, shape.input_len())?;
    check_length("w", w.values, shape.weight_len())?;
    check_length("y", y, shape.output_len())?;
    fused.check(shape)?;
    if let Some(recipe) = Recipe::forward(isa, shape) {
        w.with(&recipe, |filters| winograd::forward(&recipe, shape, x, filters, *fused, y));
        return Ok(());
    }
    let engine = match Merged::of(shape) {
        Some(merged) => merged.forward(isa, w.values, *fused),
        None => direct(isa, shape, w.values, *fused),
    };
    engine.run(x, y);
    Ok(())
}

/// One phase: every output value from all taps.
fn direct<'a>(isa: Isa, shape: &Conv2d, w: &[f32], fused: Fused<'a>) -> Engine<'a> {
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
        fused,
    }
}
