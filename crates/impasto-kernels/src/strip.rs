//! Strips: the rows of the input that a task needs, padded, upsampled and split into phases of the stride.

use std::ops::Range;

use crate::dispatch::Isa;
use crate::lanes::prefetch;
use crate::rows::{every_second, twice};
use crate::scratch::{LINE, with_scratch};
use crate::shape::{Conv2d, PadMode};

/// A row or column that lies in the padding and is zero.
pub(crate) const ZERO: usize = usize::MAX;

/// Positions of a stored axis, extended by `before` and `after` values of padding and upsampled.
pub(crate) fn padded_axis(size: usize, upsample: usize, padding: usize, mode: PadMode) -> Vec<usize> {
    let upsampled = size * upsample;
    let source = |position: usize| {
        let inside = (padding..padding + upsampled).contains(&position);
        match mode {
            _ if inside => (position - padding) / upsample,
            PadMode::Zero => ZERO,
            PadMode::Reflect if position < padding => (padding - position) / upsample,
            PadMode::Reflect => (2 * (upsampled - 1) - (position - padding)) / upsample,
        }
    };
    (0..upsampled + 2 * padding).map(source).collect()
}

/// `len` positions of a stored axis of `size` values, from `first` on; zero outside, but for one repeated value at either
/// end where `repeat` says so.
pub(crate) fn shifted_axis(size: usize, first: isize, len: usize, repeat: bool) -> Vec<usize> {
    let source = |position: usize| {
        let source = first + position as isize;
        let nearest = source.clamp(0, size as isize - 1);
        let distance = (source - nearest).abs();
        if distance == 0 || distance == 1 && repeat { nearest as usize } else { ZERO }
    };
    (0..len).map(source).collect()
}

/// The smallest range that holds the stored rows or columns among `stored`.
pub(crate) fn range<'a>(stored: impl Iterator<Item = &'a usize> + Clone) -> Range<usize> {
    let stored = || stored.clone().copied().filter(|&stored| stored != ZERO);
    stored().min().unwrap_or(0)..stored().max().map_or(0, |last| last + 1)
}

/// Changes values of a channel of the source: from the second argument to the third, which is as long.
pub(crate) type Change<'a> = &'a dyn Fn(usize, &[f32], &mut [f32]);

/// How strips are made from stored planes: a virtual grid of rows and columns and the step of the kernel over it.
pub(crate) struct Source {
    height: usize,
    width: usize,
    rows: Vec<usize>,
    phases: Vec<Columns>,
    stride: usize,
    phase_rows: usize,
    margin: usize,
    /// Columns of the kernel beyond the first, in steps of the stride.
    side: usize,
    step: usize,
    pitch: usize,
    /// Whether strips are nothing but rows of the stored planes.
    plain: bool,
}

impl Source {
    /// The source of planes of `size`, seen through `axes` (the stored row or column of each virtual one, or [`ZERO`]),
    /// for kernels of `kernel` that move by `stride` over `grid[1]` positions of each row.
    pub(crate) fn new(
        size: [usize; 2],
        axes: [Vec<usize>; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        columns: usize,
    ) -> Self {
        let [rows, all_columns] = axes;
        let side = (kernel[1] - 1) / stride[1];
        let pitch = columns + side;
        let phase = |phase| Columns::new(&all_columns, phase, stride[1], pitch);
        let identity = |axis: &[usize], size| axis.iter().copied().eq(0..size);
        let plain = kernel == [1, 1] && stride == [1, 1] && identity(&rows, size[0]) && identity(&all_columns, size[1]);
        Self {
            plain,
            height: size[0],
            width: size[1],
            rows,
            phases: (0..stride[1].min(kernel[1])).map(phase).collect(),
            stride: stride[0],
            phase_rows: stride[0].min(kernel[0]),
            margin: (kernel[0] - 1) / stride[0],
            side,
            step: stride[1],
            pitch,
        }
    }

    /// The same source in parts of `columns` positions of each row of the grid, all of one pitch.
    pub(crate) fn parts(&self, columns: usize) -> Vec<Self> {
        let pitch = columns + self.side;
        let part = |first: usize| {
            let phase = |phase: &Columns| {
                let stored = phase.stored[first..].iter().copied().chain(std::iter::repeat(ZERO));
                Columns::of(stored.take(pitch).collect(), self.step)
            };
            Self {
                rows: self.rows.clone(),
                phases: self.phases.iter().map(phase).collect(),
                plain: self.plain && pitch == self.pitch,
                pitch,
                ..*self
            }
        };
        (0..self.pitch - self.side).step_by(columns).map(part).collect()
    }

    /// Pitch of parts of `columns` positions, see [`Source::parts`].
    pub(crate) fn pitch_of(&self, columns: usize) -> usize {
        columns + self.side
    }

    /// The source of the input of a convolution.
    pub(crate) fn input(shape: &Conv2d) -> Self {
        Self::new([shape.height, shape.width], shape.axes(), shape.kernel, shape.stride, shape.output_size()[1])
    }

    /// Distance between the rows of a strip.
    pub(crate) fn pitch(&self) -> usize {
        self.pitch
    }

    /// Rows of the grid that each strip holds beyond those it computes.
    pub(crate) fn margin(&self) -> usize {
        self.margin
    }

    /// Number of stored values of one plane.
    pub(crate) fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Number of phases that each channel is split into.
    pub(crate) fn phases(&self) -> usize {
        self.phase_rows * self.phases.len()
    }

    /// The layout of strips that compute `rows` rows of the grid.
    pub(crate) fn layout(&self, rows: usize) -> Layout {
        let rows = rows + self.margin;
        let lines = (rows * self.pitch + crate::tile::OVERRUN).div_ceil(LINE) | 1;
        Layout { rows, plane: lines * LINE }
    }

    /// Where the values for the tap at `row` and `column` of the kernel start in channel `channel` of a strip.
    pub(crate) fn offset(
        &self,
        layout: &Layout,
        channel: usize,
        row: usize,
        column: usize,
        stride: [usize; 2],
    ) -> usize {
        let phase = (row % stride[0]) * self.phases.len() + column % stride[1];
        (channel * self.phases() + phase) * layout.plane + row / stride[0] * self.pitch + column / stride[1]
    }

    /// Fills `strip` with the rows from row `first` of the grid on, of the channels stored one after the other in
    /// `planes`.
    ///
    /// Their values are changed by `prologue` first, which is called with a channel and a row of it.
    pub(crate) fn load(
        &self,
        layout: &Layout,
        planes: &[f32],
        first: usize,
        prologue: Option<Change<'_>>,
        strip: &mut [f32],
    ) {
        let channels = planes.chunks_exact(self.plane());
        let channels = channels.zip(strip.chunks_exact_mut(self.phases() * layout.plane));
        let Some(prologue) = prologue else {
            channels.for_each(|(plane, target)| self.load_plane(layout, plane, 0, first, target));
            return;
        };
        // What is read is changed in a copy.
        let needed = self.rows.iter().skip(first * self.stride).take((layout.rows - 1) * self.stride + self.phase_rows);
        let rows = range(needed);
        let phases = || self.phases.iter().map(Columns::stored_range);
        let columns = phases().map(|c| c.start).min().unwrap_or(0)..phases().map(|c| c.end).max().unwrap_or(0);
        let width = self.width;
        with_scratch(rows.len() * width, |copy| {
            for (channel, (plane, target)) in channels.enumerate() {
                for (row, to) in rows.clone().zip(copy.chunks_exact_mut(width)) {
                    let part = row * width + columns.start..row * width + columns.end;
                    // The same row of the next channel.
                    let next = (channel + 1) * self.plane();
                    if let Some(next) = planes.get(next + part.start..next + part.end) {
                        prefetch(next);
                    }
                    prologue(channel, &plane[part], &mut to[columns.clone()]);
                }
                self.load_plane(layout, copy, rows.start, first, target);
            }
        });
    }

    /// Fills `target` with the rows from row `first` of the grid on; `plane` begins with stored row `base`.
    fn load_plane(&self, layout: &Layout, plane: &[f32], base: usize, first: usize, target: &mut [f32]) {
        let mut targets = target.chunks_exact_mut(layout.plane);
        for phase_row in 0..self.phase_rows {
            for columns in &self.phases {
                if let Some(target) = targets.next() {
                    self.load_phase(layout, plane, [base, first, phase_row], columns, target);
                }
            }
        }
    }

    /// Fills `target` with one row of a grid whose kernel is one value that moves by one.
    pub(crate) fn load_row(&self, plane: &[f32], row: usize, target: &mut [f32]) {
        match self.rows.get(row) {
            Some(&stored) if stored != ZERO => self.phases[0].load(&plane[stored * self.width..][..self.width], target),
            _ => target.fill(0.0),
        }
    }

    fn load_phase(
        &self,
        layout: &Layout,
        plane: &[f32],
        [base, first, phase_row]: [usize; 3],
        columns: &Columns,
        target: &mut [f32],
    ) {
        if self.plain {
            let end = self.height.min(first + layout.rows);
            let values = &plane[(first - base) * self.width..(end - base) * self.width];
            target[..values.len()].copy_from_slice(values);
            target[values.len()..].fill(0.0);
            return;
        }
        let mut last = ZERO;
        for row in 0..layout.rows {
            let start = row * self.pitch;
            let stored = self.rows.get((first + row) * self.stride + phase_row);
            let stored = stored.copied().unwrap_or(ZERO);
            if stored == ZERO {
                target[start..start + self.pitch].fill(0.0);
            } else if stored == last {
                target.copy_within(start - self.pitch..start, start);
            } else {
                let source = &plane[(stored - base) * self.width..][..self.width];
                columns.load(source, &mut target[start..start + self.pitch]);
            }
            last = stored;
        }
        target[layout.rows * self.pitch..].fill(0.0);
    }
}

/// The measures of a strip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Rows held of each phase.
    rows: usize,
    /// Values of each phase, an odd number of cache lines, so that planes do not compete for the same cache sets.
    plane: usize,
}

impl Layout {
    /// Values of one phase of one channel.
    pub(crate) fn plane(&self) -> usize {
        self.plane
    }
}

/// One phase of the columns: the stored column of each position, and the longest regular run among them.
pub(crate) struct Columns {
    stored: Vec<usize>,
    /// The stored columns that are read, and those between.
    read: Range<usize>,
    start: usize,
    end: usize,
    pattern: Pattern,
}

/// How stored columns follow each other in a run.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    /// Every `n`-th stored value.
    Step(usize),
    /// Each stored value twice.
    Twice,
}

impl Pattern {
    fn advance(self, steps: usize) -> usize {
        match self {
            Self::Step(step) => steps * step,
            Self::Twice => steps / 2,
        }
    }
}

impl Columns {
    /// `len` positions of an axis, every `stride`-th from `phase` on; beyond its end they are [`ZERO`].
    pub(crate) fn new(all: &[usize], phase: usize, stride: usize, len: usize) -> Self {
        Self::of((0..len).map(|j| all.get(j * stride + phase).copied().unwrap_or(ZERO)).collect(), stride)
    }

    /// Positions with the stored columns `stored`, the regular runs of which are steps of 1 or `stride` or double.
    fn of(stored: Vec<usize>, stride: usize) -> Self {
        let len = stored.len();
        let (mut best, mut best_pattern) = (0..0, Pattern::Step(1));
        for pattern in [Pattern::Step(1), Pattern::Step(stride), Pattern::Twice] {
            let mut start = 0;
            while start < len {
                let regular = |&j: &usize| {
                    stored[start] != ZERO && stored[j] == stored[start].saturating_add(pattern.advance(j - start))
                };
                let end = start + 1 + (start + 1..len).take_while(regular).count();
                if end - start > best.len() && stored[start] != ZERO {
                    (best, best_pattern) = (start..end, pattern);
                }
                start = end;
            }
        }
        let read = range(stored.iter());
        Self { stored, read, start: best.start, end: best.end, pattern: best_pattern }
    }

    /// The stored columns that are read, and those between.
    pub(crate) fn stored_range(&self) -> Range<usize> {
        self.read.clone()
    }

    /// Calls `visit` with the position and value of each column outside the regular run, no value where it is zero
    /// because nothing is stored.
    #[inline]
    pub(crate) fn each_outside(&self, source: &[f32], mut visit: impl FnMut(usize, Option<f32>)) {
        for position in (0..self.start).chain(self.end..self.stored.len()) {
            let stored = self.stored[position];
            visit(position, if stored == ZERO { None } else { Some(source[stored]) });
        }
    }

    /// The regular run and where it begins, where it is stored values one after the other.
    pub(crate) fn plain_run<'a>(&self, source: &'a [f32]) -> Option<(&'a [f32], usize)> {
        match self.pattern {
            Pattern::Step(1) if self.start < self.end => {
                Some((&source[self.stored[self.start]..][..self.end - self.start], self.start))
            }
            _ => None,
        }
    }

    /// Fills a row of the strip from a stored row.
    pub(crate) fn load(&self, source: &[f32], target: &mut [f32]) {
        self.each_outside(source, |position, value| target[position] = value.unwrap_or(0.0));
        if self.start == self.end {
            return;
        }
        let run = &mut target[self.start..self.end];
        let source = &source[self.stored[self.start]..];
        match self.pattern {
            Pattern::Step(1) => run.copy_from_slice(&source[..run.len()]),
            Pattern::Step(2) => every_second(Isa::detect(), &source[..source.len().min(2 * run.len())], run),
            Pattern::Step(step) => {
                for (value, &stored) in run.iter_mut().zip(source.iter().step_by(step)) {
                    *value = stored;
                }
            }
            Pattern::Twice => twice(Isa::detect(), source, run),
        }
    }
}
