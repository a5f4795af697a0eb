//! Filters after the transform.

use rayon::prelude::*;

use super::form::Form;
use super::tiles::SIDE;
use crate::dispatch::Isa;
use crate::scratch::{LINE, Scratch};
use crate::tile::{next_block, widest_block};

/// Filters after the transform.
pub(crate) struct Filters {
    /// Blocks of channels of the target (see [`next_block`]), each `[area][channels_source][block]` with one cache line
    /// after each value of the area, so that the values of one filter do not compete for the same cache sets.
    values: Scratch,
    area: usize,
    source: usize,
    widest: usize,
}

impl Filters {
    /// Transforms the filters of `target` channels from `source` channels in a buffer that `buffer` gives for a number of
    /// values; `filter` gives the one for target channel and source channel.
    pub(super) fn new(
        isa: Isa,
        form: Form,
        [target, source]: [usize; 2],
        buffer: impl FnOnce(usize) -> Scratch,
        filter: impl Fn(usize, usize) -> [f32; 9] + Sync,
    ) -> Self {
        let area = form.area();
        let widest = widest_block(isa);
        let mut values = buffer(start([area, source, widest], target));
        let mut rest = &mut values[..];
        let mut blocks = Vec::new();
        let mut first = 0;
        while first < target {
            let count = next_block(isa, target - first);
            let (block, after) = rest.split_at_mut(area * (source * count + LINE));
            blocks.push((first, count, block));
            (first, rest) = (first + count, after);
        }
        let share = (1 << 14) / (area * source * widest) + 1;
        blocks.into_par_iter().with_min_len(share).for_each(|(first, count, block)| {
            // In the order in which they are stored. What is left of others at the end goes to the line behind.
            let mut w = [[0.0; SIDE]; 9];
            let (mut from, mut to) = (0, 0);
            for start in (0..source * count).step_by(SIDE) {
                for side in 0..SIDE.min(source * count - start) {
                    for (values, value) in w.iter_mut().zip(filter(first + to, from)) {
                        values[side] = value;
                    }
                    to += 1;
                    if to == count {
                        (from, to) = (from + 1, 0);
                    }
                }
                (form.filters)(isa, &w, source * count + LINE, &mut block[start..]);
            }
        });
        Self { values, area, source, widest }
    }

    /// The filters' value `f` for a block of channels, `[channels_source][count]`.
    pub(super) fn panel(&self, first: usize, count: usize, f: usize) -> &[f32] {
        &self.values[start([self.area, self.source, self.widest], first) + f * (self.source * count + LINE)..]
            [..self.source * count]
    }
}

/// Where the block that begins with a channel of the target starts.
fn start([area, source, widest]: [usize; 3], first: usize) -> usize {
    let blocks = first.div_ceil(widest) + usize::from(first % widest > 4 && widest > 4);
    area * (first * source + blocks * LINE)
}
