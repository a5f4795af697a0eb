//! The engine of forward convolution and of input gradients: channels of a target computed strip by strip from channels
//! of a source.

use std::ops::Range;

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
const LONG_STRIP_VALUES: usize = 256 << 10;

/// Values that the results of one block of channels should not exceed.
const BLOCK_VALUES: usize = 32 << 10;

/// Fewest positions of a row in one task where rows are cut.
const LEAST_COLUMNS: usize = 112;

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

/// The place of one task.
struct Task {
    image: usize,
    group: usize,
    first_row: usize,
    rows: usize,
    first_column: usize,
    columns: usize,
}

/// How the work is cut.
struct Plan {
    layout: Layout,
    /// The source of each part of the columns.
    sources: Vec<Source>,
    /// Positions of a row of the grid in one part.
    columns: usize,
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
        let tasks = self.batch * self.groups * plan.strips * plan.sources.len() * plan.parts;
        let terms: usize = self.phases.iter().map(|phase| phase.taps.len()).sum();
        let work = terms
            * self.channels_source
            * self.channels_target
            * self.grid[0]
            * self.grid[1]
            * self.batch
            * self.groups;
        let offsets: Vec<Vec<usize>> = self.phases.iter().map(|phase| self.offsets(&plan, phase)).collect();
        let run = |task| self.task(&plan, &offsets, task, source, &target);
        if work < 1 << 18 {
            (0..tasks).for_each(run);
        } else {
            (0..tasks).into_par_iter().for_each(run);
        }
    }

    fn plan(&self) -> Plan {
        let widest = widest_block(self.isa).min(self.channels_target);
        let margin = self.source.margin();
        let row = |columns| self.channels_source * self.source.phases() * self.source.pitch_of(columns);
        // Rows of one strip in the cache. Large kernels read many for one; a longer strip is better than reading them
        // again and again.
        let by_cache = |columns| {
            let rows = (STRIP_VALUES / row(columns)).saturating_sub(margin);
            rows.max((3 * margin).min((LONG_STRIP_VALUES / row(columns)).saturating_sub(margin)))
        };
        // Where even that is little, the rows are cut.
        let mut cuts = 1;
        while by_cache(self.grid[1].div_ceil(cuts)) < self.grid[0].min(3 * margin)
            && self.grid[1].div_ceil(cuts + 1) >= LEAST_COLUMNS
        {
            cuts += 1;
        }
        let columns = self.grid[1].div_ceil(cuts);
        let pitch = self.source.pitch_of(columns);
        let by_block = (BLOCK_VALUES / widest / pitch).max(4);
        let mut rows = by_cache(columns).min(by_block).clamp(1, self.grid[0]);
        let mut strips = self.grid[0].div_ceil(rows);
        let wanted = 4 * rayon::current_num_threads();
        while self.batch * self.groups * strips * cuts < wanted && rows * pitch >= 512 && rows > 2 * margin + 1 {
            rows = rows.div_ceil(2);
            strips = self.grid[0].div_ceil(rows);
        }
        rows = self.grid[0].div_ceil(strips);
        strips = self.grid[0].div_ceil(rows);
        let blocks = self.channels_target.div_ceil(widest_block(self.isa));
        let sources = self.source.parts(columns);
        let tasks = self.batch * self.groups * strips * sources.len();
        let parts = wanted.div_ceil(2).div_ceil(tasks).min(blocks.div_ceil(2));
        let channels = blocks.div_ceil(parts) * widest_block(self.isa);
        Plan {
            layout: sources[0].layout(rows),
            sources,
            columns,
            rows,
            strips,
            channels,
            parts: self.channels_target.div_ceil(channels),
            pitch: (rows * pitch).next_multiple_of(LINE),
        }
    }

    fn offsets(&self, plan: &Plan, phase: &Phase) -> Vec<usize> {
        let offset = |channel| {
            move |&[row, column]: &[usize; 2]| plan.sources[0].offset(&plan.layout, channel, row, column, self.stride)
        };
        (0..self.channels_source).flat_map(|channel| phase.taps.iter().map(offset(channel))).collect()
    }

    fn task(&self, plan: &Plan, offsets: &[Vec<usize>], task: usize, source: &[f32], target: &SharedSlice<'_>) {
        let (rest, part) = (task / plan.parts, task % plan.parts);
        let (rest, cut) = (rest / plan.sources.len(), rest % plan.sources.len());
        let (rest, strip) = (rest / plan.strips, rest % plan.strips);
        let (image, group) = (rest / self.groups, rest % self.groups);
        let (first_row, first_column) = (strip * plan.rows, cut * plan.columns);
        let rows = plan.rows.min(self.grid[0] - first_row);
        let columns = plan.columns.min(self.grid[1] - first_column);
        let task = &Task { image, group, first_row, rows, first_column, columns };
        let per_group = self.channels_source * self.source.plane();
        let planes = &source[(image * self.groups + group) * per_group..][..per_group];
        let source = &plan.sources[cut];
        let strip_len = self.channels_source * source.phases() * plan.layout.plane();
        let overrun = OVERRUN * LINE;
        with_scratch(strip_len + overrun, |strip| {
            let first_plane = (image * self.groups + group) * self.channels_source;
            let change = |channel: usize, from: &[f32], to: &mut [f32]| {
                if let Some(constants) = self.fused.prologue(first_plane + channel) {
                    affine_rectify(self.isa, from, &constants, to);
                }
            };
            let prologue: Option<Change<'_>> = if self.fused.input.is_some() { Some(&change) } else { None };
            source.load(&plan.layout, planes, first_row, prologue, strip);
            let channels = part * plan.channels..self.channels_target.min((part + 1) * plan.channels);
            self.multiply(plan, task, offsets, channels, strip, target);
        });
    }

    /// Computes and stores some channels of the target from a strip.
    fn multiply(
        &self,
        plan: &Plan,
        task: &Task,
        offsets: &[Vec<usize>],
        channels: Range<usize>,
        strip: &[f32],
        target: &SharedSlice<'_>,
    ) {
        // Neighbouring columns of the target are computed together and stored as one run.
        let together = if self.step[1] == 2 { 2 } else { 1 };
        let pitches = [widest_block(self.isa) * plan.pitch, plan.pitch];
        let source_pitch = plan.sources[0].pitch();
        with_scratch(together * pitches[0] + 2 * plan.pitch, |block| {
            let (block, line) = block.split_at_mut(together * pitches[0]);
            for (phases, offsets) in self.phases.chunks(together).zip(offsets.chunks(together)) {
                let mut first = channels.start;
                while first < channels.end {
                    let count = next_block(self.isa, channels.end - first);
                    let channel = task.group * self.channels_target + first;
                    let zeros = [0.0; 8];
                    for ((phase, offsets), block) in phases.iter().zip(offsets).zip(block.chunks_exact_mut(pitches[0]))
                    {
                        let gather = Gather {
                            source: strip,
                            offsets,
                            weights: &phase.weights[channel * offsets.len()..][..count * offsets.len()],
                            init: self.fused.bias.map_or(&zeros[..count], |bias| &bias[channel..][..count]),
                            slope: self.fused.early_slope(),
                            run: (task.rows - 1) * source_pitch + task.columns,
                        };
                        gather_block(self.isa, &gather, block, plan.pitch);
                    }
                    for m in 0..count {
                        let plane = task.image * self.groups * self.channels_target + channel + m;
                        let values = &block[m * plan.pitch..];
                        if together == 2 {
                            self.store_pair(&phases[0], values, [source_pitch, pitches[0]], task, plane, line, target);
                        } else {
                            self.store(&phases[0], values, source_pitch, task, plane, target);
                        }
                    }
                    first += count;
                }
            }
        });
    }

    /// Stores the results of two phases whose columns alternate; rows and the second phase lie `pitches` apart.
    #[allow(unsafe_code, clippy::too_many_arguments)]
    fn store_pair(
        &self,
        phase: &Phase,
        values: &[f32],
        [row_pitch, phase_pitch]: [usize; 2],
        task: &Task,
        plane: usize,
        line: &mut [f32],
        target: &SharedSlice<'_>,
    ) {
        let [height, width] = self.target;
        let start = phase.start[1] + 2 * task.first_column as isize;
        // The first columns may lie before the target, the last beyond.
        let skip = usize::try_from(-start).unwrap_or(0);
        let start = usize::try_from(start).unwrap_or(0);
        let line = &mut line[..2 * task.columns];
        let count = line.len().saturating_sub(skip).min(width.saturating_sub(start));
        for row in 0..task.rows {
            let target_row = phase.start[0] + ((task.first_row + row) * self.step[0]) as isize;
            if target_row < 0 || target_row >= height as isize {
                continue;
            }
            join_pair(self.isa, &values[row * row_pitch..], phase_pitch, line);
            let at = (plane * height + target_row as usize) * width + start;
            // SAFETY: this part of a row of this plane belongs to one task and row phase, image, group, channels, rows
            // and columns of the grid being distinct between tasks, and the result does not outlive this turn of the
            // loop.
            let results = unsafe { target.range(at, count) };
            results.copy_from_slice(&line[skip..skip + count]);
            self.fused.finish(self.isa, results, at);
        }
    }

    /// Copies the results of one channel and strip, in rows that lie `pitch` apart, to where they belong.
    #[allow(unsafe_code)]
    fn store(&self, phase: &Phase, values: &[f32], pitch: usize, task: &Task, plane: usize, target: &SharedSlice<'_>) {
        let [height, width] = self.target;
        let step = self.step[1];
        let start = phase.start[1] + (task.first_column * step) as isize;
        // The first columns may lie before the target, the last beyond.
        let skip = usize::try_from(-start).unwrap_or(0).div_ceil(step);
        let start = usize::try_from(start + (skip * step) as isize).unwrap_or(0);
        if start == 0 && skip == 0 && self.step == [1, 1] && pitch == width && phase.start[0] == 0 {
            // No garbage between the rows: all at once.
            let at = (plane * height + task.first_row) * width;
            // SAFETY: as below, for all rows of the strip.
            let lines = unsafe { target.range(at, task.rows * width) };
            lines.copy_from_slice(&values[..task.rows * width]);
            self.fused.finish(self.isa, lines, at);
            return;
        }
        let count = task.columns.saturating_sub(skip).min(width.saturating_sub(start).div_ceil(step));
        if count == 0 {
            return;
        }
        for row in 0..task.rows {
            let target_row = phase.start[0] + ((task.first_row + row) * self.step[0]) as isize;
            if target_row < 0 || target_row >= height as isize {
                continue;
            }
            let values = &values[row * pitch..][skip..skip + count];
            let at = (plane * height + target_row as usize) * width + start;
            // SAFETY: this part of a row of this plane belongs to one task, image, group, channels, rows and columns of
            // the grid being distinct between tasks, and the result does not outlive this turn of the loop.
            let line = unsafe { target.range(at, (count - 1) * step + 1) };
            if step == 1 {
                line.copy_from_slice(values);
                self.fused.finish(self.isa, line, at);
            } else {
                line.iter_mut().step_by(step).zip(values).for_each(|(to, &from)| *to = from);
                self.fused.finish_stepped(line, at, step);
            }
        }
    }
}
