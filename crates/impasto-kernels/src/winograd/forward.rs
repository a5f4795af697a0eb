//! The forward convolution.

use super::recipe::{Recipe, Way};
use super::{Filters, Winograd};
use crate::fused::Fused;
use crate::shape::{Conv2d, PadMode};
use crate::strip::shifted_axis;

/// The convolution with filters that were made ready by a recipe of [`Recipe::forward`].
pub(crate) fn forward(recipe: &Recipe, shape: &Conv2d, x: &[f32], filters: &Filters, fused: Fused<'_>, y: &mut [f32]) {
    let size = [shape.height, shape.width];
    let doubled = recipe.way == Way::Doubled;
    let whole = |axis: Vec<usize>| vec![axis];
    // An upsampled picture is computed from the stored one: a filter reaches one value beyond it.
    let repeat = shape.pad_mode == PadMode::Reflect;
    let (axes, target) = match recipe.way {
        Way::Doubled => (size.map(|size| whole(shifted_axis(size, -1, size + 2, repeat))), size),
        Way::Quartered => {
            let phases =
                |axis: Vec<usize>| [0, 1].map(|phase| axis.iter().copied().skip(phase).step_by(2).collect()).to_vec();
            (shape.axes().map(phases), shape.output_size())
        }
        _ => (shape.axes().map(whole), shape.output_size()),
    };
    let winograd = Winograd {
        isa: recipe.isa,
        form: recipe.form,
        batch: shape.batch,
        channels_source: shape.channels_in,
        planes: shape.channels_out,
        channels_target: recipe.computed(),
        doubled,
        source: size,
        axes,
        target,
        filter_parts: recipe.parts(),
        filters,
        fused,
    };
    winograd.run(x, y);
}
