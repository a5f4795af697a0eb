//! The forward convolution.

use super::{DOUBLED, Filters, Form, Winograd};
use crate::dispatch::Isa;
use crate::fused::Fused;
use crate::shape::{Conv2d, PadMode};
use crate::strip::shifted_axis;

/// The convolution, of a shape that [`form`](super::form) applies to.
pub(crate) fn forward(isa: Isa, form: Form, shape: &Conv2d, x: &[f32], w: &[f32], fused: Fused<'_>, y: &mut [f32]) {
    let (to_all, from_all) = (shape.channels_out, shape.channels_in);
    let filters = w.as_chunks::<9>().0;
    let plain = |to: usize, from: usize| filters[to * from_all + from];
    // With upsampling every output is a sum over 2x2 stored values: four filters of the stored input, one for each of the
    // four positions of an output above a stored value, each with a row and a column of zeros.
    let doubled = shape.upsample == 2 && shape.padding == [1, 1];
    let computed = if doubled { 4 * to_all.next_multiple_of(DOUBLED) } else { to_all };
    let size = [shape.height, shape.width];
    let (axes, filters, target) = if doubled {
        let repeat = shape.pad_mode == PadMode::Reflect;
        // Which of the filter's rows fall on a stored row, for the upper and the lower output.
        let rows = |phase: usize, tap: usize| match (phase, tap) {
            (0, 0) => 0..1,
            (0, 1) => 1..3,
            (1, 1) => 0..2,
            (1, 2) => 2..3,
            _ => 0..0,
        };
        let sum = |to: usize, from: usize| {
            let (phase, to) = (to / DOUBLED % 4, to / (4 * DOUBLED) * DOUBLED + to % DOUBLED);
            if to >= to_all {
                return [0.0; 9];
            }
            let (a, b) = (phase / 2, phase % 2);
            let filter = plain(to, from);
            std::array::from_fn(|tap| {
                let taps = rows(a, tap / 3).flat_map(|row| rows(b, tap % 3).map(move |column| 3 * row + column));
                taps.map(|tap| filter[tap]).sum()
            })
        };
        let axes = size.map(|size| shifted_axis(size, -1, size + 2, repeat));
        (axes, Filters::new(isa, form, [computed, from_all], sum), size)
    } else {
        (shape.axes(), Filters::new(isa, form, [to_all, from_all], plain), shape.output_size())
    };
    let winograd = Winograd {
        isa,
        form,
        batch: shape.batch,
        channels_source: from_all,
        planes: to_all,
        channels_target: computed,
        doubled,
        source: size,
        axes,
        target,
        filter_parts: [1, 1],
        filters: &filters,
        fused,
    };
    winograd.run(x, y);
}

/// The convolution in 3x3 parts of its filter, of a shape that [`in_parts`](super::in_parts) applies to.
pub(crate) fn forward_in_parts(isa: Isa, shape: &Conv2d, x: &[f32], w: &[f32], fused: Fused<'_>, y: &mut [f32]) {
    let [rows, columns] = shape.kernel;
    let filter_parts = shape.kernel.map(|size| size.div_ceil(3));
    let [_, part_columns] = filter_parts;
    let parts = filter_parts[0] * part_columns;
    // Beyond the filter's last row and column are zeros.
    let filter = |to: usize, from: usize| {
        let (channel, part) = (from / parts, from % parts);
        let filter = &w[(to * shape.channels_in + channel) * rows * columns..][..rows * columns];
        std::array::from_fn(|tap| {
            let (row, column) = (part / part_columns * 3 + tap / 3, part % part_columns * 3 + tap % 3);
            if row < rows && column < columns { filter[row * columns + column] } else { 0.0 }
        })
    };
    let winograd = Winograd {
        isa,
        form: Form::THREE,
        batch: shape.batch,
        channels_source: shape.channels_in,
        planes: shape.channels_out,
        channels_target: shape.channels_out,
        doubled: false,
        source: [shape.height, shape.width],
        axes: shape.axes(),
        target: shape.output_size(),
        filter_parts,
        filters: &Filters::new(isa, Form::THREE, [shape.channels_out, shape.channels_in * parts], filter),
        fused,
    };
    winograd.run(x, y);
}
