//! From planes to transformed tiles.

use super::Winograd;
use super::form::Pixels;
use super::plan::{Plan, Task};
use super::tiles::Block;
use crate::fused::{affine_rectify, affine_rectify_one};
use crate::lanes::prefetch;
use crate::scratch::LINE;
use crate::strip::{ZERO, range};

impl Winograd<'_> {
    /// Values of scratch that [`Winograd::transform`] needs.
    pub(super) fn loading(&self, plan: &Plan, block: &Block) -> usize {
        let m = self.form.results;
        let [_, width] = self.source;
        if plan.narrow {
            return self.phases() * self.form.area() * plan.pitch + self.copied(plan) * (width + 1);
        }
        (m * block.rows + 2) * block.row_pitch + (block.columns + 1) * m + width
    }

    /// Most rows of a plane that a block of narrow tiles copies, and one of zeros.
    fn copied(&self, plan: &Plan) -> usize {
        // Lists of rows go through every value, or every second.
        let rows = (self.form.results * plan.rows + 2) * self.axes[0].len();
        rows.min(self.source[0]) + 1
    }

    /// Transforms the tiles of every channel of a block, to `transformed`.
    pub(super) fn transform(
        &self,
        plan: &Plan,
        task: &Task,
        block: &Block,
        source: &[f32],
        scratch: &mut [f32],
        transformed: &mut [f32],
    ) {
        if plan.narrow {
            self.transform_narrow(plan, task, block, source, scratch, transformed);
            return;
        }
        let channels = self.channels_source * self.phases();
        let tiles = block.rows * block.columns;
        for (index, image) in task.images.clone().enumerate() {
            for channel in 0..channels {
                self.load(plan, task, block, source, image * channels + channel, scratch);
                let out = &mut transformed[channel * plan.pitch + index * tiles..];
                (self.form.input)(self.isa, block, scratch, out);
            }
        }
    }

    /// [`Winograd::transform`] where vectors run over all tiles of a block: their values are brought side by side first.
    fn transform_narrow(
        &self,
        plan: &Plan,
        task: &Task,
        block: &Block,
        source: &[f32],
        scratch: &mut [f32],
        transformed: &mut [f32],
    ) {
        let (m, n) = (self.form.results, self.form.values);
        let [height, width] = self.source;
        let (phases, side) = (self.phases(), plan.pitch - LINE);
        let row_pitch = n * side;
        let place = Pixels { row_pitch, channels: side, frequency: block.frequency, block: side, tiles: 1, tile: 0 };
        let (tiles, copy) = scratch.split_at_mut(phases * n * row_pitch);
        // The rows that are read, to be followed by zeros, and one of zeros behind them.
        let lists = self.axes[0].iter().map(|list| &list[list.len().min(m * task.row)..]);
        let lists = lists.map(|list| &list[..list.len().min(m * (task.rows - 1) + n)]);
        let read = range(lists.clone().flatten());
        copy.fill(0.0);
        let start_of = |stored: usize| if stored == ZERO { read.len() } else { stored - read.start } * (width + 1);
        let starts: Vec<Vec<usize>> = lists.map(|list| list.iter().map(|&stored| start_of(stored)).collect()).collect();
        for channel in 0..self.channels_source {
            for (index, image) in task.images.clone().enumerate() {
                let plane = image * self.channels_source + channel;
                let prologue = self.fused.prologue(plane);
                let rows = source[plane * height * width..][..height * width].chunks_exact(width);
                for (values, line) in rows.skip(read.start).take(read.len()).zip(copy.chunks_exact_mut(width + 1)) {
                    match &prologue {
                        Some(constants) => affine_rectify(self.isa, values, constants, &mut line[..width]),
                        None => line[..width].copy_from_slice(values),
                    }
                }
                let first = index * task.rows * plan.columns;
                for (phase, tiles) in tiles.chunks_exact_mut(n * row_pitch).enumerate() {
                    let starts = &starts[phase / plan.columns_of.len()];
                    let columns = &plan.columns_of[phase % plan.columns_of.len()];
                    for row in 0..task.rows {
                        for i in 0..n {
                            let line = starts.get(m * row + i).copied().unwrap_or(read.len() * (width + 1));
                            let line = &copy[line..][..width + 1];
                            let tiles = &mut tiles[i * row_pitch + first + row * plan.columns..];
                            for (k, columns) in columns.chunks_exact(plan.columns).enumerate() {
                                for (value, &column) in tiles[k * side..].iter_mut().zip(columns) {
                                    *value = line[column];
                                }
                            }
                        }
                    }
                }
            }
            for (phase, tiles) in tiles.chunks_exact(n * row_pitch).enumerate() {
                let out = &mut transformed[(channel * phases + phase) * plan.pitch..];
                (self.form.pixels)(self.isa, tiles, &place, out);
            }
        }
    }

    /// Brings the rows of one channel, counted over all images, that a block of tiles needs into phases.
    fn load(&self, plan: &Plan, task: &Task, block: &Block, source: &[f32], channel: usize, scratch: &mut [f32]) {
        let [row_lists, column_lists] = [0, 1].map(|axis| self.axes[axis].len());
        let (rest, column_list) = (channel / column_lists, channel % column_lists);
        let (plane, row_list) = (rest / row_lists, rest % row_lists);
        let m = self.form.results;
        let [height, width] = self.source;
        let row_pitch = block.row_pitch;
        let phase_pitch = row_pitch / m;
        let lines = m * block.rows + 2;
        let (phases, rest) = scratch.split_at_mut(lines * row_pitch);
        let (line, rest) = rest.split_at_mut((plan.wide + 1) * m);
        let changed = &mut rest[..width];
        let (values, next) = source[plane * height * width..].split_at(height * width);
        let prologue = self.fused.prologue(plane);
        let reader = &plan.readers[task.column][column_list];
        let mut last = ZERO;
        for row in 0..lines {
            let stored = self.axes[0][row_list].get(m * task.row + row).copied().unwrap_or(ZERO);
            let start = row * row_pitch;
            if stored == ZERO {
                phases[start..start + row_pitch].fill(0.0);
            } else if stored == last {
                phases.copy_within(start - row_pitch..start, start);
            } else {
                let values = &values[stored * width..][..width];
                let part = reader.stored_range();
                // The same row of the next channel.
                if let Some(next) = next.get(stored * width + part.start..stored * width + part.end) {
                    prefetch(next);
                }
                let phases = &mut phases[start..start + row_pitch];
                match (reader.plain_run(values), &prologue) {
                    (Some((run, begin)), None) => {
                        (self.form.split)(self.isa, run, begin, phases, phase_pitch);
                        reader.each_outside(values, |position, value| {
                            phases[position % m * phase_pitch + position / m] = value.unwrap_or(0.0);
                        });
                    }
                    (Some((run, begin)), Some(constants)) => {
                        (self.form.split_changed)(self.isa, run, begin, constants, phases, phase_pitch);
                        reader.each_outside(values, |position, value| {
                            let value = value.map_or(0.0, |value| affine_rectify_one(self.isa, value, constants));
                            phases[position % m * phase_pitch + position / m] = value;
                        });
                    }
                    (None, prologue) => {
                        let mut values = values;
                        if let Some(constants) = prologue {
                            affine_rectify(self.isa, &values[part.clone()], constants, &mut changed[part]);
                            values = changed;
                        }
                        reader.load(values, line);
                        (self.form.split)(self.isa, line, 0, phases, phase_pitch);
                    }
                }
            }
            last = stored;
        }
    }
}
