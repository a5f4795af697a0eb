//! What a convolution does on its way in and out, so that feature maps are read and written once.

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;
use crate::shape::Conv2d;

/// `(x - mean) * scale + shift`, then [`Fused::slope`]'s form of rectifier: what is applied to every value of the input
/// before padding. All three are `[batch * channels_in]`.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// Subtracted first, so that a mean much larger than the deviation does not cancel.
    pub mean: &'a [f32],
    /// Multiplied.
    pub scale: &'a [f32],
    /// Added last.
    pub shift: &'a [f32],
    /// Factor on values below zero after that, from 0 (rectifier) to 1 (none).
    pub slope: f32,
}

/// Operations around a convolution: `y = rectified(conv(affine(x)) + bias + residual)`.
#[derive(Debug, Clone, Copy)]
pub struct Fused<'a> {
    /// What becomes of the input first.
    pub input: Option<Affine<'a>>,
    /// `[channels_out]`, added.
    pub bias: Option<&'a [f32]>,
    /// Of the output's size, added.
    pub residual: Option<&'a [f32]>,
    /// Factor on results below zero, from 0 (rectifier) to 1 (none).
    pub slope: f32,
}

impl Default for Fused<'_> {
    fn default() -> Self {
        Self { input: None, bias: None, residual: None, slope: 1.0 }
    }
}

impl<'a> Fused<'a> {
    /// Only a bias.
    pub fn bias(bias: Option<&'a [f32]>) -> Self {
        Self { bias, ..Self::default() }
    }

    pub(crate) fn check(&self, shape: &Conv2d) -> Result<(), ShapeError> {
        if let Some(affine) = &self.input {
            let planes = shape.batch * shape.channels_in;
            check_length("mean", affine.mean, planes)?;
            check_length("scale", affine.scale, planes)?;
            check_length("shift", affine.shift, planes)?;
        }
        if let Some(bias) = self.bias {
            check_length("bias", bias, shape.channels_out)?;
        }
        if let Some(residual) = self.residual {
            check_length("residual", residual, shape.output_len())?;
        }
        let slopes = [Some(self.slope), self.input.map(|affine| affine.slope)];
        if slopes.into_iter().flatten().any(|slope| !(0.0..=1.0).contains(&slope)) {
            return Err(ShapeError::Invalid("the slope of a rectifier must lie between 0 and 1"));
        }
        Ok(())
    }

    /// What becomes of the values of one plane of the input.
    pub(crate) fn prologue(&self, plane: usize) -> Option<[f32; 4]> {
        self.input.map(|affine| [affine.mean[plane], affine.scale[plane], affine.shift[plane], affine.slope])
    }

    /// Finishes a run of results that is stored from `at` on; the bias is not added.
    pub(crate) fn finish(&self, isa: Isa, values: &mut [f32], at: usize) {
        match self.residual {
            Some(residual) => add_rectify(isa, &residual[at..at + values.len()], self.slope, values),
            None if self.slope != 1.0 => rectify(isa, self.slope, values),
            None => {}
        }
    }

    /// [`Fused::finish`] of every `step`-th value.
    pub(crate) fn finish_stepped(&self, values: &mut [f32], at: usize, step: usize) {
        if let Some(residual) = self.residual {
            let residual = residual[at..at + values.len()].iter().step_by(step);
            values.iter_mut().step_by(step).zip(residual).for_each(|(y, &x)| *y = rectified(*y + x, self.slope));
        } else if self.slope != 1.0 {
            values.iter_mut().step_by(step).for_each(|y| *y = rectified(*y, self.slope));
        }
    }
}

dispatched! {
    /// `y = rectified((x - mean) * scale + shift)` with `constants = [mean, scale, shift, slope]`.
    pub(crate) fn affine_rectify(x: &[f32], constants: &[f32; 4], y: &mut [f32]) => affine_rectify_any
}

dispatched! {
    /// `y = rectified(y + x)`.
    pub(crate) fn add_rectify(x: &[f32], slope: f32, y: &mut [f32]) => add_rectify_any
}

dispatched! {
    /// `y = rectified(y)`.
    pub(crate) fn rectify(slope: f32, y: &mut [f32]) => rectify_any
}

/// With a slope up to 1 the larger of the value and its multiple; a value that is no number stays none.
#[inline(always)]
fn rectified(x: f32, slope: f32) -> f32 {
    let low = x * slope;
    if low > x { low } else { x }
}

#[inline(always)]
fn affine_rectify_any<V: Lanes>(x: &[f32], constants: &[f32; 4], y: &mut [f32]) {
    let [mean, scale, shift, slope] = *constants;
    for (y, &x) in y.iter_mut().zip(x) {
        *y = rectified(V::scalar_fma(x - mean, scale, shift), slope);
    }
}

#[inline(always)]
fn add_rectify_any<V: Lanes>(x: &[f32], slope: f32, y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = rectified(*y + x, slope);
    }
}

#[inline(always)]
fn rectify_any<V: Lanes>(slope: f32, y: &mut [f32]) {
    for y in y {
        *y = rectified(*y, slope);
    }
}
