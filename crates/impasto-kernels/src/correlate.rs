//! The engine of weight gradients: products of the planes of two tensors, summed over positions for every shift.

mod plan;

use std::ops::Range;

use rayon::prelude::*;

pub(crate) use self::plan::Sums;
use self::plan::{Method, Part, Plan};
use crate::dispatch::Isa;
use crate::scratch::{LINE, with_scratch};
use crate::shared::SharedSlice;
use crate::strip::Source;
use crate::tile::OVERRUN;
use crate::tile_sums::{DOT_BLOCK, Dot, Outer, dot_block, outer_block};

/// Products of every plane of a grid with every plane of a source, shifted by every tap, summed over positions.
pub(crate) struct Correlation {
    /// The instructions to use.
    pub(crate) isa: Isa,
    /// How strips are read.
    pub(crate) source: Source,
    /// Stride of the source.
    pub(crate) stride: [usize; 2],
    /// Rows and columns of taps.
    pub(crate) kernel: [usize; 2],
    /// Number of images.
    pub(crate) batch: usize,
    /// Number of groups.
    pub(crate) groups: usize,
    /// Channels of the source in one group.
    pub(crate) channels_source: usize,
    /// Channels of the grid in one group.
    pub(crate) channels_grid: usize,
    /// Rows and columns of the grid.
    pub(crate) grid: [usize; 2],
    /// How the grid's planes are read: a kernel of one value that moves by one.
    pub(crate) grid_source: Source,
}

impl Correlation {
    /// Computes all sums from the stored planes of both sides and gives them to `finish`.
    pub(crate) fn run(&self, source: &[f32], grid: &[f32], finish: impl FnOnce(&Sums<'_>)) {
        let plan = self.plan();
        let taps = self.kernel[0] * self.kernel[1];
        let offset = |term: usize| {
            let tap = term % taps;
            self.source.offset(&plan.layout, term / taps, tap / self.kernel[1], tap % self.kernel[1], self.stride)
        };
        let offsets: Vec<usize> = (0..plan.terms).map(offset).collect();
        let tasks = plan.chunks * self.groups * plan.parts.len();
        let len = self.groups * plan.width * plan.terms;
        with_scratch(plan.chunks * len, |partials| {
            let target = SharedSlice::new(partials);
            let run = |task| self.task(&plan, &offsets, task, source, grid, &target);
            if plan.chunks * self.groups * self.grid[0] * self.grid[1] * plan.terms * self.channels_grid < 1 << 16 {
                (0..tasks).for_each(run);
            } else {
                (0..tasks).into_par_iter().for_each(run);
            }
            let (first, others) = partials.split_at_mut(len);
            let share = 1 << 14;
            first.par_chunks_mut(share).enumerate().for_each(|(index, sums)| {
                for other in others.chunks_exact(len) {
                    let other = &other[index * share..];
                    sums.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
                }
            });
            finish(&Sums { values: first, plan: &plan });
        });
    }

    #[allow(unsafe_code)]
    fn task(
        &self,
        plan: &Plan,
        offsets: &[usize],
        task: usize,
        source: &[f32],
        grid: &[f32],
        target: &SharedSlice<'_>,
    ) {
        let (rest, part) = (task / plan.parts.len(), &plan.parts[task % plan.parts.len()]);
        let (chunk, group) = (rest / self.groups, rest % self.groups);
        let start = ((chunk * self.groups + group) * plan.width + part.before) * plan.terms;
        // SAFETY: chunk, group and part are distinct between tasks, and this is the only range of the task.
        let sums = unsafe { target.range(start, part.width * plan.terms) };
        sums.fill(0.0);
        let per_group = self.channels_source * self.source.plane();
        let strip_len = self.channels_source * self.source.phases() * plan.layout.plane();
        let left_pitch = ((plan.rows * self.source.pitch()).div_ceil(LINE) | 1) * LINE;
        with_scratch(strip_len + OVERRUN, |strip| {
            with_scratch(part.width * left_pitch, |left| {
                let all = self.batch * plan.strips;
                for index in chunk * plan.strips_per_chunk..all.min((chunk + 1) * plan.strips_per_chunk) {
                    let (image, first_row) = (index / plan.strips, index % plan.strips * plan.rows);
                    let rows = first_row..self.grid[0].min(first_row + plan.rows);
                    let planes = &source[(image * self.groups + group) * per_group..][..per_group];
                    self.source.load(&plan.layout, planes, first_row, None, strip);
                    let plane = (image * self.groups + group) * self.channels_grid + part.channels.start;
                    let area = self.grid_source.plane();
                    let planes = &grid[plane * area..][..part.channels.len() * area];
                    match part.method {
                        Method::Outer => self.outer(part, planes, rows, strip, offsets, left, sums),
                        Method::Dot => self.dot(planes, rows, strip, offsets, left, left_pitch, sums),
                    }
                }
            });
        });
    }

    /// Adds a strip to the sums, with vectors of channels.
    #[allow(clippy::too_many_arguments)]
    fn outer(
        &self,
        part: &Part,
        planes: &[f32],
        rows: Range<usize>,
        strip: &[f32],
        offsets: &[usize],
        left: &mut [f32],
        sums: &mut [f32],
    ) {
        let lanes = self.isa.lanes();
        let columns = self.grid[1];
        let vectors = part.width / lanes;
        let mut first = 0;
        while first < vectors {
            // Four vectors go as two and two.
            let count = match vectors - first {
                4 => 2,
                left => left.min(3),
            };
            let width = count * lanes;
            let turned = &mut left[first * lanes * rows.len() * columns..][..width * rows.len() * columns];
            let area = self.grid_source.plane();
            self.turn(some(planes, area, first * lanes, width), rows.clone(), turned, width);
            let outer =
                Outer { left: turned, right: strip, offsets, rows: rows.len(), columns, pitch: self.source.pitch() };
            outer_block(self.isa, &outer, count, sums, part.width, first * lanes);
            first += count;
        }
    }

    /// Copies rows of planes to `turned`, `[position][width]`; channels that there are no planes for become zero.
    fn turn(&self, planes: &[f32], rows: Range<usize>, turned: &mut [f32], width: usize) {
        let columns = self.grid[1];
        let area = self.grid_source.plane();
        if planes.len() < width * area {
            turned.fill(0.0);
        }
        with_scratch(LINE * columns, |lines| {
            for (target, row) in turned.chunks_exact_mut(width * columns).zip(rows) {
                for block in 0..planes.len().div_ceil(LINE * area) {
                    let planes = some(planes, area, block * LINE, LINE);
                    let count = planes.len() / area;
                    for (index, line) in lines.chunks_exact_mut(columns).take(count).enumerate() {
                        self.grid_source.load_row(&planes[index * area..][..area], row, line);
                    }
                    let lines = &lines[..count * columns];
                    transpose(lines, columns, &mut target[block * LINE..], width);
                }
            }
        });
    }

    /// Adds a strip to the sums, with vectors of positions.
    #[allow(clippy::too_many_arguments)]
    fn dot(
        &self,
        planes: &[f32],
        rows: Range<usize>,
        strip: &[f32],
        offsets: &[usize],
        left: &mut [f32],
        left_pitch: usize,
        sums: &mut [f32],
    ) {
        let (columns, pitch) = (self.grid[1], self.source.pitch());
        let area = self.grid_source.plane();
        let channels = planes.len() / area;
        for (plane, left) in left.chunks_exact_mut(left_pitch).take(channels).enumerate() {
            for (row, target) in rows.clone().zip(left.chunks_exact_mut(pitch)) {
                let (inside, outside) = target.split_at_mut(columns);
                self.grid_source.load_row(&planes[plane * area..][..area], row, inside);
                outside.fill(0.0);
            }
            left[rows.len() * pitch..].fill(0.0);
        }
        for first in (0..channels).step_by(DOT_BLOCK) {
            let dot = Dot {
                left: &left[first * left_pitch..],
                left_pitch,
                rows: DOT_BLOCK.min(channels - first),
                right: strip,
                offsets,
                run: (rows.len() - 1) * pitch + columns,
            };
            dot_block(self.isa, &dot, sums, channels, first);
        }
    }
}

/// At most `count` planes of `area` values from `first` on.
fn some(planes: &[f32], area: usize, first: usize, count: usize) -> &[f32] {
    let all = planes.len() / area;
    &planes[first * area..all.min(first + count) * area]
}

/// Writes `lines`, rows of `columns` values, as the columns of `target`, whose rows are `width` apart.
pub(crate) fn transpose(lines: &[f32], columns: usize, target: &mut [f32], width: usize) {
    let count = lines.len() / columns;
    let (whole_lines, whole_columns) = (count / 4 * 4, columns / 4 * 4);
    // Squares of 4x4, which the compiler turns in registers.
    for column in (0..whole_columns).step_by(4) {
        for line in (0..whole_lines).step_by(4) {
            let mut square = [[0.0f32; 4]; 4];
            for (index, values) in square.iter_mut().enumerate() {
                values.copy_from_slice(&lines[(line + index) * columns + column..][..4]);
            }
            for index in 0..4 {
                let turned = square.map(|values| values[index]);
                target[(column + index) * width + line..][..4].copy_from_slice(&turned);
            }
        }
    }
    for (line, values) in lines.chunks_exact(columns).enumerate() {
        let first = if line < whole_lines { whole_columns } else { 0 };
        for (column, &value) in values.iter().enumerate().skip(first) {
            target[column * width + line] = value;
        }
    }
}
