//! What a convolution does on its way in and out, so that feature maps are read and written once.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::lanes::Lanes;
use crate::norm::plane_area;
use crate::rows::Change;
use crate::scratch::with_scratch;
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

impl Affine<'_> {
    fn check(&self, planes: usize) -> Result<(), ShapeError> {
        check_length("mean", self.mean, planes)?;
        check_length("scale", self.scale, planes)?;
        check_length("shift", self.shift, planes)?;
        check_slope(self.slope)
    }

    /// Mean, scale, shift and slope of one plane.
    fn of(&self, plane: usize) -> [f32; 4] {
        [self.mean[plane], self.scale[plane], self.shift[plane], self.slope]
    }
}

pub(crate) fn check_slope(slope: f32) -> Result<(), ShapeError> {
    if (0.0..=1.0).contains(&slope) {
        Ok(())
    } else {
        Err(ShapeError::Invalid("the slope of a rectifier must lie between 0 and 1"))
    }
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
            affine.check(shape.batch * shape.channels_in)?;
        }
        if let Some(bias) = self.bias {
            check_length("bias", bias, shape.channels_out)?;
        }
        if let Some(residual) = self.residual {
            check_length("residual", residual, shape.output_len())?;
        }
        check_slope(self.slope)
    }

    /// What becomes of the values of one plane of the input.
    pub(crate) fn prologue(&self, plane: usize) -> Option<[f32; 4]> {
        self.input.map(|affine| affine.of(plane))
    }

    /// The slope of a rectifier that results go through as soon as the bias is added: none where something else is
    /// added, too.
    pub(crate) fn early_slope(&self) -> f32 {
        if self.residual.is_some() { 1.0 } else { self.slope }
    }

    /// Finishes a run of results that is stored from `at` on and has gone through the rectifier of
    /// [`Fused::early_slope`].
    pub(crate) fn finish(&self, isa: Isa, values: &mut [f32], at: usize) {
        if let Some(residual) = self.residual {
            add_rectify(isa, &residual[at..at + values.len()], self.slope, values);
        }
    }

    /// [`Fused::finish`] of every `step`-th value.
    pub(crate) fn finish_stepped(&self, values: &mut [f32], at: usize, step: usize) {
        if let Some(residual) = self.residual {
            let residual = residual[at..at + values.len()].iter().step_by(step);
            values.iter_mut().step_by(step).zip(residual).for_each(|(y, &x)| *y = rectified(*y + x, self.slope));
        }
    }
}

/// Applies `affine` to the planes of `x` and adds `other`, to which its own may be applied:
/// `y = affine(x) + other_affine(other)`. `x`, `y` and `other` are `[planes, values of one plane]`.
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together, there is no value, or a slope does not lie between 0 and 1.
pub fn affine_sum(
    x: &[f32],
    affine: Affine<'_>,
    other: Option<(&[f32], Option<Affine<'_>>)>,
    y: &mut [f32],
) -> Result<(), ShapeError> {
    let planes = affine.mean.len();
    let area = plane_area(x, planes)?;
    check_length("y", y, x.len())?;
    affine.check(planes)?;
    if let Some((other, affine)) = other {
        check_length("other", other, x.len())?;
        affine.map_or(Ok(()), |affine| affine.check(planes))?;
    }
    let isa = Isa::detect();
    y.par_chunks_mut(area).enumerate().for_each(|(plane, y)| {
        affine_rectify(isa, &x[plane * area..][..area], &affine.of(plane), y);
        let Some((other, affine)) = other else { return };
        let other = &other[plane * area..][..area];
        match affine {
            // In parts that stay in the first level cache.
            Some(affine) => with_scratch(PART, |changed| {
                for (y, other) in y.chunks_mut(PART).zip(other.chunks(PART)) {
                    let changed = &mut changed[..other.len()];
                    affine_rectify(isa, other, &affine.of(plane), changed);
                    add_rectify(isa, changed, 1.0, y);
                }
            }),
            None => add_rectify(isa, other, 1.0, y),
        }
    });
    Ok(())
}

/// Values changed at a time.
pub(crate) const PART: usize = 2048;

dispatched! {
    /// `y = rectified((x - mean) * scale + shift)` with `constants = [mean, scale, shift, slope]`.
    pub(crate) fn affine_rectify(x: &[f32], constants: &[f32; 4], y: &mut [f32]) => affine_rectify_any
}

/// [`affine_rectify`] of one value, with the same rounding.
pub(crate) fn affine_rectify_one(isa: Isa, x: f32, constants: &[f32; 4]) -> f32 {
    let mut y = [0.0];
    affine_rectify(isa, &[x], constants, &mut y);
    y[0]
}

dispatched! {
    /// `y = rectified(y + x)`.
    pub(crate) fn add_rectify(x: &[f32], slope: f32, y: &mut [f32]) => add_rectify_any
}

/// With a slope up to 1 the larger of the value and its multiple; a value that is no number stays none.
#[inline(always)]
pub(crate) fn rectified(x: f32, slope: f32) -> f32 {
    let low = x * slope;
    if low > x { low } else { x }
}

/// What [`affine_rectify`] does: mean, scale, shift and slope.
pub(crate) struct Changed<V> {
    constants: [V; 4],
    scalars: [f32; 4],
}

impl<V: Lanes> Changed<V> {
    #[inline(always)]
    pub(crate) fn new(constants: &[f32; 4]) -> Self {
        let [mean, scale, shift, slope] = *constants;
        let constants = [V::splat(mean), V::splat(scale), V::splat(shift), V::splat(slope)];
        Self { constants, scalars: [mean, scale, shift, slope] }
    }
}

impl<V: Lanes> Change<V> for Changed<V> {
    #[inline(always)]
    fn vector(&self, x: V) -> V {
        let [mean, scale, shift, slope] = self.constants;
        let y = x.minus(mean).mul_add(scale, shift);
        y.times(slope).larger(y)
    }

    #[inline(always)]
    fn value(&self, x: f32) -> f32 {
        let [mean, scale, shift, slope] = self.scalars;
        rectified(V::scalar_fma(x - mean, scale, shift), slope)
    }
}

#[inline(always)]
fn affine_rectify_any<V: Lanes>(x: &[f32], constants: &[f32; 4], y: &mut [f32]) {
    let change = Changed::<V>::new(constants);
    for (y, &x) in y.iter_mut().zip(x) {
        *y = change.value(x);
    }
}

#[inline(always)]
fn add_rectify_any<V: Lanes>(x: &[f32], slope: f32, y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = rectified(*y + x, slope);
    }
}
