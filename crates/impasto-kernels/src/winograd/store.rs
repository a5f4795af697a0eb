//! From products of tiles to planes.

use super::plan::{Plan, Task};
use super::tiles::Block;
use super::{DOUBLED, Winograd};
use crate::rows::join_pair;
use crate::shared::SharedSlice;

/// Products of one channel, to be transformed back.
#[derive(Clone, Copy)]
pub(super) struct Results<'a> {
    pub(super) plan: &'a Plan,
    pub(super) task: &'a Task,
    /// Tiles that are transformed back together: a row of an image's or, where they are narrow, all of the block.
    pub(super) block: &'a Block,
    pub(super) products: &'a [f32],
    pub(super) channel: usize,
}

/// The place of a row of tiles: the image, and the row in the task.
type Place = [usize; 2];

impl Results<'_> {
    /// The tiles that are transformed back together, one after the other: where they begin, and the rows of tiles among them
    /// with where these begin.
    fn runs(&self, tiles: usize) -> impl Iterator<Item = (usize, impl Iterator<Item = (Place, usize)>)> {
        let (first, wide, rows) = (self.task.images.start, self.plan.wide, self.task.rows);
        let all = self.task.images.len() * rows;
        let together = if self.plan.narrow { all } else { 1 };
        (0..all).step_by(together).map(move |run| {
            let start = move |row: usize| row / rows * tiles + row % rows * wide;
            let place = move |row: usize| ([first + row / rows, row % rows], start(row) - start(run));
            (start(run), (run..run + together).map(place))
        })
    }
}

impl Winograd<'_> {
    /// Values of scratch that [`Winograd::store`] and [`Winograd::store_doubled`] need.
    pub(super) fn storing(&self, plan: &Plan, block: &Block) -> usize {
        let m = self.form.results;
        2 * m * block.row_pitch + 4 * plan.columns * m
    }

    /// Transforms the tiles of one channel back to where they belong; those of an image lie `tiles` after those of the one
    /// before.
    #[allow(unsafe_code)]
    pub(super) fn store(&self, results: &Results<'_>, tiles: usize, scratch: &mut [f32], target: &SharedSlice<'_>) {
        let Results { plan, task, block, products, channel } = *results;
        let m = self.form.results;
        let [height, width] = self.target;
        let finish = [self.fused.bias.map_or(0.0, |bias| bias[channel]), self.fused.early_slope()];
        let (phases, line) = scratch.split_at_mut(m * block.row_pitch);
        let line = &mut line[..plan.columns * m];
        let start = task.column * plan.columns * m;
        let count = (plan.columns * m).min(width - start);
        for (first, rows) in results.runs(tiles) {
            (self.form.output)(self.isa, block, &products[first..], phases);
            for ([image, row], tile) in rows {
                for i in 0..m.min(height - (task.row + row) * m) {
                    let phases = &phases[i * block.row_pitch + tile..];
                    let plane = image * self.planes + channel;
                    let at = (plane * height + (task.row + row) * m + i) * width + start;
                    // SAFETY: this part of a row of a plane belongs to one task, image, rows, columns and channels of the
                    // blocks being distinct between tasks, and the result does not outlive this turn of the loop.
                    let results = unsafe { target.range(at, count) };
                    if count.is_multiple_of(m) {
                        (self.form.join)(self.isa, phases, block.row_pitch / m, finish, results);
                    } else {
                        (self.form.join)(self.isa, phases, block.row_pitch / m, finish, line);
                        results.copy_from_slice(&line[..count]);
                    }
                    self.fused.finish(self.isa, results, at);
                }
            }
        }
    }

    /// [`Winograd::store`] of the four channels that make one of a target of twice the size; products of the others lie
    /// [`DOUBLED`] channels apart behind those of the first.
    #[allow(unsafe_code)]
    pub(super) fn store_doubled(
        &self,
        results: &Results<'_>,
        tiles: usize,
        scratch: &mut [f32],
        target: &SharedSlice<'_>,
    ) {
        let Results { plan, task, block, products, channel } = *results;
        let m = self.form.results;
        let [height, width] = self.target;
        let finish = [self.fused.bias.map_or(0.0, |bias| bias[channel]), self.fused.early_slope()];
        let columns = plan.columns * m;
        let (phases, lines) = scratch.split_at_mut(2 * m * block.row_pitch);
        let (lines, joined) = lines.split_at_mut(2 * columns);
        let start = task.column * columns;
        let count = columns.min(width - start);
        for a in 0..2 {
            for (first, rows) in results.runs(tiles) {
                for (b, phases) in phases.chunks_exact_mut(m * block.row_pitch).enumerate() {
                    let products = &products[(2 * a + b) * DOUBLED * plan.pitch + first..];
                    (self.form.output)(self.isa, block, products, phases);
                }
                for ([image, row], tile) in rows {
                    for i in 0..m.min(height - (task.row + row) * m) {
                        for (b, line) in lines.chunks_exact_mut(columns).enumerate() {
                            let phases = &phases[(b * m + i) * block.row_pitch + tile..];
                            (self.form.join)(self.isa, phases, block.row_pitch / m, finish, line);
                        }
                        let plane = image * self.planes + channel;
                        let target_row = 2 * ((task.row + row) * m + i) + a;
                        let at = (plane * 2 * height + target_row) * 2 * width + 2 * start;
                        // SAFETY: as in `store`; the rows of different `a` and `i` are distinct.
                        let results = unsafe { target.range(at, 2 * count) };
                        if count == columns {
                            join_pair(self.isa, lines, columns, results);
                        } else {
                            join_pair(self.isa, lines, columns, &mut joined[..2 * columns]);
                            results.copy_from_slice(&joined[..2 * count]);
                        }
                        self.fused.finish(self.isa, results, at);
                    }
                }
            }
        }
    }
}
