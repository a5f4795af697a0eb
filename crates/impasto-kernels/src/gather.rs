//! The engine of forward convolution and of input gradients: channels of a target computed strip by strip from channels
//! of a source.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::fused::{Fused, affine_rectify};
use crate::rows::join_pair;
use crate::scratch::{LINE, with_scratch};
use crate::shared::SharedSlice;
use crate::strip::{Change, Layout, Source};
use crate::tile::{Gather, OVERRUN, gather_block, next_block, widest_block};

/// Values that the strip of one task should not exceed, so that it stays in the second level cache.
const STRIP_VALUES: usize = 128 << 10;

/// The same for strips of which the rows beyond those computed are the larger part.
const LONG_STRIP_VALUES: usize = 320 << 10;

/// One phase of the target: every `step`-th row and column from `start` on, with the taps that reach it.
pub(crate) struct Phase {
    /// Row and column of the target that the first position of the grid maps to; those outside are not computed.
    pub(crate) start: [isize; 2],
    /// Rows and columns of the virtual source, relative to the position in the grid times the stride of the source.
    pub(crate) taps: Vec<[usize; 2]>,
    /// `[groups]` of blocks of channels (see [`next_block`]), each `[channels_source * taps][block]`.
    pub(crate) weights: Vec<f32>,
}

impl Phase {
    /// Packs weights for `groups` groups of `target` channels from `source` channels each; `weight` gives the one for
    /// group, target channel, source channel (both within the group) and index in `taps`.
    pub(crate) fn new(
        isa: Isa,
        start: [isize; 2],
        taps: Vec<[usize; 2]>,
        [groups, target, source]: [usize; 3],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let terms = source * taps.len();
        let mut weights = vec![0.0; groups * target * terms];
        let widest = widest_block(isa);
        let pack = |group: usize, chunk: usize, panels: &mut [f32]| {
            let mut first = chunk * widest;
            let mut rest = panels;
            while !rest.is_empty() {
                let block = next_block(isa, rest.len() / terms);
                let (panel, after) = std::mem::take(&mut rest).split_at_mut(block * terms);
                for (term, values) in panel.chunks_exact_mut(block).enumerate() {
                    for (m, value) in values.iter_mut().enumerate() {
                        *value = weight(group, first + m, term / taps.len(), term % taps.len());
                    }
                }
                first += block;
                rest = after;
            }
        };
        if terms > 0 {
            let small = weights.len() < 1 << 14;
            for (group, of_group) in weights.chunks_exact_mut(target * terms).enumerate() {
                if small {
                    let chunks = of_group.chunks_mut(widest * terms).enumerate();
                    chunks.for_each(|(chunk, panels)| pack(group, chunk, panels));
                } else {
                    let chunks = of_group.par_chunks_mut(widest * terms).enumerate();
                    chunks.for_each(|(chunk, panels)| pack(group, chunk, panels));
                }
            }
        }
        Self { start, taps, weights }
    }
}

/// A whole operation: `batch` images of `groups` groups of channels.
pub(crate) struct Engine<'a> {
    /// The instructions to use.
    pub(crate) isa: Isa,
    /// How strips are read.
    pub(crate) source: Source,
    /// Stride of the source.
    pub(crate) stride: [usize; 2],
    /// Number of images.
    pub(crate) batch: usize,
    /// Number of groups.
    pub(crate) groups: usize,
    /// Channels of the source in one group.
    pub(crate) channels_source: usize,
    /// Channels of the target in one group.
    pub(crate) channels_target: usize,
    /// Rows and columns of the target.
    pub(crate) target: [usize; 2],
    /// Rows and columns of the grid.
    pub(crate) grid: [usize; 2],
    /// Step between the rows and columns of one phase in the target.
    pub(crate) step: [usize; 2],
    /// The phases.
    pub(crate) phases: Vec<Phase>,
    /// What is done on the way in and out.
    pub(crate) fused: Fused<'a>,
}

/// How the work is cut.
struct Plan {
    layout: Layout,
    /// Rows of the grid in one strip.
    rows: usize,
    /// Number of strips of one image.
    strips: usize,
    /// Channels of the target in one task, a multiple of the widest block.
    channels: usize,
    /// Number of such parts of one group.
    parts: usize,
    /// Distance between the rows of the block of results.
    pitch: usize,
}

impl Engine<'_> {
    /// Computes `target` (`[batch, groups * channels_target, rows, columns]`) from the stored `source`.
    pub(crate) fn run(&self, source: &[f32], target: &mut [f32]) {
        let plan = self.plan();
        let target = SharedSlice::new(target);
        let tasks = self.batch * self.groups * plan.strips * plan.parts;
        let terms: usize = self.phases.iter().map(|phase| phase.taps.len()).sum();
        let work = terms
            * self.channels_source
            * self.channels_target
            * self.grid[0]
            * self.grid[1]
            * self.batch
            * self.groups;
        let offsets: Vec<Vec<usize>> = self.phases.iter().map(|phase| self.offsets(&plan.layout, phase)).collect();
        let run = |task| self.task(&plan, &offsets, task, source, &target);
        if work < 1 << 18 {
            (0..tasks).for_each(run);
        } else {
            (0..tasks).into_par_iter().for_each(run);
        }
    }

    fn plan(&self) -> Plan {
        let pitch = self.source.pitch();
        let widest = widest_block(self.isa).min(self.channels_target);
        let row = self.channels_source * self.source.phases() * pitch;
        let margin = self.source.margin();
        // Large kernels read many rows for one; a longer strip is better than reading them again and again.
        let by_cache = (STRIP_VALUES / row).saturating_sub(margin);
        let by_cache = by_cache.max(margin.min((LONG_STRIP_VALUES / row).saturating_sub(margin)));
        let by_block = ((1 << 13) / widest / pitch).max(4);
        let mut rows = by_cache.min(by_block).clamp(1, self.grid[0]);
        let mut strips = self.grid[0].div_ceil(rows);
        let wanted = 4 * rayon::current_num_threads();
        while self.batch * self.groups * strips < wanted && rows * pitch >= 512 && rows > 2 * self.source.margin() + 1 {
            rows = rows.div_ceil(2);
            strips = self.grid[0].div_ceil(rows);
        }
        rows = self.grid[0].div_ceil(strips);
        strips = self.grid[0].div_ceil(rows);
        let blocks = self.channels_target.div_ceil(widest_block(self.isa));
        let tasks = self.batch * self.groups * strips;
        let parts = wanted.div_ceil(2).div_ceil(tasks).min(blocks.div_ceil(2));
        let channels = blocks.div_ceil(parts) * widest_block(self.isa);
        Plan {
            layout: self.source.layout(rows),
            rows,
            strips,
            channels,
            parts: self.channels_target.div_ceil(channels),
            pitch: (rows * pitch).next_multiple_of(LINE),
        }
    }

    fn offsets(&self, layout: &Layout, phase: &Phase) -> Vec<usize> {
        let channels = 0..self.channels_source;
        let offset =
            |channel| move |&[row, column]: &[usize; 2]| self.source.offset(layout, channel, row, column, self.stride);
        channels.flat_map(|channel| phase.taps.iter().map(offset(channel))).collect()
    }

    fn task(&self, plan: &Plan, offsets: &[Vec<usize>], task: usize, source: &[f32], target: &SharedSlice<'_>) {
        let (rest, part) = (task / plan.parts, task % plan.parts);
        let (rest, strip) = (rest / plan.strips, rest % plan.strips);
        let (image, group) = (rest / self.groups, rest % self.groups);
        let first_row = strip * plan.rows;
        let rows = plan.rows.min(self.grid[0] - first_row);
        let per_group = self.channels_source * self.source.plane();
        let planes = &source[(image * self.groups + group) * per_group..][..per_group];
        let strip_len = self.channels_source * self.source.phases() * plan.layout.plane();
        let overrun = OVERRUN * LINE;
        with_scratch(strip_len + overrun, |strip| {
            let first_plane = (image * self.groups + group) * self.channels_source;
            let change = |channel: usize, from: &[f32], to: &mut [f32]| {
                if let Some(constants) = self.fused.prologue(first_plane + channel) {
                    affine_rectify(self.isa, from, &constants, to);
                }
            };
            let prologue: Option<Change<'_>> = if self.fused.input.is_some() { Some(&change) } else { None };
            self.source.load(&plan.layout, planes, first_row, prologue, strip);
            let widest = widest_block(self.isa);
            // Neighbouring columns of the target are computed together and stored as one run.
            let together = if self.step[1] == 2 { 2 } else { 1 };
            let pitches = [widest * plan.pitch, plan.pitch];
            with_scratch(together * pitches[0] + 2 * plan.pitch, |block| {
                let (block, line) = block.split_at_mut(together * pitches[0]);
                let channels = part * plan.channels..self.channels_target.min((part + 1) * plan.channels);
                for (phases, offsets) in self.phases.chunks(together).zip(offsets.chunks(together)) {
                    let mut first = channels.start;
                    while first < channels.end {
                        let count = next_block(self.isa, channels.end - first);
                        let channel = group * self.channels_target + first;
                        let zeros = [0.0; 8];
                        for ((phase, offsets), block) in
                            phases.iter().zip(offsets).zip(block.chunks_exact_mut(pitches[0]))
                        {
                            let gather = Gather {
                                source: strip,
                                offsets,
                                weights: &phase.weights[channel * offsets.len()..][..count * offsets.len()],
                                init: self.fused.bias.map_or(&zeros[..count], |bias| &bias[channel..][..count]),
                                run: (rows - 1) * self.source.pitch() + self.grid[1],
                            };
                            gather_block(self.isa, &gather, block, plan.pitch);
                        }
                        let channels_all = self.groups * self.channels_target;
                        for m in 0..count {
                            let plane = image * channels_all + channel + m;
                            let values = &block[m * plan.pitch..];
                            if together == 2 {
                                self.store_pair(&phases[0], values, pitches[0], plane, first_row, rows, line, target);
                            } else {
                                self.store(&phases[0], values, plane, first_row, rows, target);
                            }
                        }
                        first += count;
                    }
                }
            });
        });
    }

    /// Stores the results of two phases whose columns alternate; the second's lie `pitch` behind the first's.
    #[allow(unsafe_code, clippy::too_many_arguments)]
    fn store_pair(
        &self,
        phase: &Phase,
        values: &[f32],
        pitch: usize,
        plane: usize,
        first_row: usize,
        rows: usize,
        line: &mut [f32],
        target: &SharedSlice<'_>,
    ) {
        let [height, width] = self.target;
        // The first columns may lie before the target, the last beyond.
        let skip = usize::try_from(-phase.start[1]).unwrap_or(0);
        let start = usize::try_from(phase.start[1]).unwrap_or(0);
        let line = &mut line[..2 * self.grid[1]];
        let count = line.len().saturating_sub(skip).min(width.saturating_sub(start));
        for row in 0..rows {
            let target_row = phase.start[0] + ((first_row + row) * self.step[0]) as isize;
            if target_row < 0 || target_row >= height as isize {
                continue;
            }
            join_pair(self.isa, &values[row * self.source.pitch()..], pitch, line);
            let at = (plane * height + target_row as usize) * width + start;
            // SAFETY: this row of this plane belongs to one task and row phase, image, group, channels and rows of the
            // grid being distinct between tasks, and the result does not outlive this turn of the loop.
            let results = unsafe { target.range(at, count) };
            results.copy_from_slice(&line[skip..skip + count]);
            self.fused.finish(self.isa, results, at);
        }
    }

    /// Copies the results of one channel and strip to where they belong.
    #[allow(unsafe_code)]
    fn store(
        &self,
        phase: &Phase,
        values: &[f32],
        plane: usize,
        first_row: usize,
        rows: usize,
        target: &SharedSlice<'_>,
    ) {
        let values = &values[..rows * self.source.pitch()];
        let [height, width] = self.target;
        let step = self.step[1];
        let skip = usize::try_from(-phase.start[1]).unwrap_or(0).div_ceil(step);
        let start = phase.start[1] + (skip * step) as isize;
        if start == 0 && skip == 0 && self.step == [1, 1] && self.source.pitch() == width && phase.start[0] == 0 {
            // No garbage between the rows: all at once.
            let at = (plane * height + first_row) * width;
            // SAFETY: as below, for all rows of the strip.
            let lines = unsafe { target.range(at, rows * width) };
            lines.copy_from_slice(&values[..rows * width]);
            self.fused.finish(self.isa, lines, at);
            return;
        }
        for row in 0..rows {
            let target_row = phase.start[0] + ((first_row + row) * self.step[0]) as isize;
            if target_row < 0 || target_row >= height as isize || start >= width as isize {
                continue;
            }
            let values = &values[row * self.source.pitch()..][..self.grid[1]][skip..];
            let at = (plane * height + target_row as usize) * width;
            // SAFETY: this row of this plane belongs to one task, image, group, channels and rows of the grid being
            // distinct between tasks, and the result does not outlive this turn of the loop.
            let line = unsafe { target.range(at, width) };
            let (line, at) = (&mut line[start as usize..], at + start as usize);
            if step == 1 {
                let len = line.len().min(values.len());
                line[..len].copy_from_slice(&values[..len]);
                self.fused.finish(self.isa, &mut line[..len], at);
            } else {
                line.iter_mut().step_by(step).zip(values).for_each(|(to, &from)| *to = from);
                self.fused.finish_stepped(line, at, step);
            }
        }
    }
}
