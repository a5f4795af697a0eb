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
    /// Transforms the filters of `target` channels from `source` channels; `filter` gives the one for target channel and
    /// source channel.
    pub(crate) fn new(
        isa: Isa,
        form: Form,
        [target, source]: [usize; 2],
        filter: impl Fn(usize, usize) -> [f32; 9] + Sync,
    ) -> Self {
        let area = form.area();
        let widest = widest_block(isa);
        let mut filters = Self { values: Scratch::new(0), area, source, widest };
        let mut values = Scratch::new(filters.start(target));
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
        filters.values = values;
        filters
    }

    /// Where the block that begins with a channel of the target starts.
    fn start(&self, first: usize) -> usize {
        let blocks = first.div_ceil(self.widest) + usize::from(first % self.widest > 4 && self.widest > 4);
        self.area * (first * self.source + blocks * LINE)
    }

    /// The filters' value `f` for a block of channels, `[channels_source][count]`.
    pub(super) fn panel(&self, first: usize, count: usize, f: usize) -> &[f32] {
        &self.values[self.start(first) + f * (self.source * count + LINE)..][..self.source * count]
    }
}
