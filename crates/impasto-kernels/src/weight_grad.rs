//! The gradients of a convolution with respect to its weights and its bias.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::scratch::with_scratch;
use crate::shape::Conv2d;
use crate::shared::SharedSlice;
use crate::strip::{Layout, Source};
use crate::tile::{DOT_BLOCK, Dot, OVERRUN, dot_block};

/// Positions in one strip: four rows of output gradients and two planes of inputs fit into the first level cache.
const RUN: usize = 1280;

/// Most partial results that are summed at the end.
const CHUNKS: usize = 16;

/// Values that all partial results together should not exceed.
const PARTIALS: usize = 1 << 20;

/// The gradient with respect to the weights: the adjoint of [`conv2d`](crate::conv2d) in its second argument.
///
/// - `x`: the input, `[batch, channels_in, height, width]`
/// - `dy`: the gradient of the output, `[batch, channels_out, rows, columns]`
/// - `dw`: `[channels_out, channels_in / groups, kernel[0], kernel[1]]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d_weight_grad(shape: &Conv2d, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), ShapeError> {
    conv2d_weight_grad_on(Isa::detect(), shape, x, dy, dw)
}

pub(crate) fn conv2d_weight_grad_on(isa: Isa, shape: &Conv2d, x: &[f32], dy: &[f32], dw: &mut [f32]) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("x", x, shape.input_len())?;
    check_length("dy", dy, shape.output_len())?;
    check_length("dw", dw, shape.weight_len())?;
    let correlation = Correlation {
        isa,
        source: Source::input(shape),
        stride: shape.stride,
        kernel: shape.kernel,
        batch: shape.batch,
        groups: shape.groups,
        channels_source: shape.group_in(),
        channels_grid: shape.group_out(),
        grid: shape.output_size(),
    };
    correlation.run(x, dy, dw);
    Ok(())
}

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
}

/// How the work is cut. Everything but `parts` decides the order of summation and so depends on the shape alone.
struct Plan {
    layout: Layout,
    /// Rows of the grid in one strip.
    rows: usize,
    /// Strips of one image.
    strips: usize,
    /// Strips, over all images, that one partial result sums.
    strips_per_chunk: usize,
    /// Number of partial results.
    chunks: usize,
    /// Channels of the grid in one task, of those in one group.
    channels: usize,
    /// Number of such parts.
    parts: usize,
    /// Distance between the rows of the grid's strip.
    pitch: usize,
}

impl Correlation {
    /// Computes `sums` (`[groups * channels_grid, channels_source, taps]`) from the stored planes of both sides.
    pub(crate) fn run(&self, source: &[f32], grid: &[f32], sums: &mut [f32]) {
        let plan = self.plan(sums.len());
        let taps = self.kernel[0] * self.kernel[1];
        let offset = |term: usize| {
            let tap = term % taps;
            self.source.offset(&plan.layout, term / taps, tap / self.kernel[1], tap % self.kernel[1], self.stride)
        };
        let offsets: Vec<usize> = (0..self.channels_source * taps).map(offset).collect();
        let tasks = plan.chunks * self.groups * plan.parts;
        if plan.chunks == 1 {
            let target = SharedSlice::new(sums);
            (0..tasks).into_par_iter().for_each(|task| self.task(&plan, &offsets, task, source, grid, &target));
            return;
        }
        with_scratch(plan.chunks * sums.len(), |partials| {
            let target = SharedSlice::new(partials);
            (0..tasks).into_par_iter().for_each(|task| self.task(&plan, &offsets, task, source, grid, &target));
            sums.copy_from_slice(&partials[..sums.len()]);
            for partial in partials.chunks_exact(sums.len()).skip(1) {
                sums.iter_mut().zip(partial).for_each(|(sum, value)| *sum += value);
            }
        });
    }

    fn plan(&self, sums: usize) -> Plan {
        let pitch = self.source.pitch();
        let strips = self.grid[0].div_ceil((RUN / pitch).clamp(1, self.grid[0]));
        let rows = self.grid[0].div_ceil(strips);
        let strips = self.grid[0].div_ceil(rows);
        let all = self.batch * strips;
        let chunks = CHUNKS.min(PARTIALS / sums).clamp(1, all);
        let strips_per_chunk = all.div_ceil(chunks);
        let chunks = all.div_ceil(strips_per_chunk);
        let wanted = 4 * rayon::current_num_threads();
        let parts = wanted.div_ceil(chunks * self.groups).min(self.channels_grid.div_ceil(4 * DOT_BLOCK));
        let channels = self.channels_grid.div_ceil(parts).next_multiple_of(DOT_BLOCK);
        Plan {
            layout: self.source.layout(rows),
            rows,
            strips,
            strips_per_chunk,
            chunks,
            channels,
            parts: self.channels_grid.div_ceil(channels),
            pitch: ((rows * pitch).div_ceil(16) | 1) * 16,
        }
    }

    #[allow(unsafe_code)]
    fn task(&self, plan: &Plan, offsets: &[usize], task: usize, source: &[f32], grid: &[f32], target: &SharedSlice<'_>) {
        let (rest, part) = (task / plan.parts, task % plan.parts);
        let (chunk, group) = (rest / self.groups, rest % self.groups);
        let channels = part * plan.channels..self.channels_grid.min((part + 1) * plan.channels);
        let terms = offsets.len();
        let first = (chunk * self.groups + group) * self.channels_grid + channels.start;
        // SAFETY: chunk, group and part are distinct between tasks, and this is the only range of the task.
        let sums = unsafe { target.range(first * terms, channels.len() * terms) };
        sums.fill(0.0);
        let per_group = self.channels_source * self.source.plane();
        let strip_len = self.channels_source * self.source.phases() * plan.layout.plane();
        with_scratch(strip_len + OVERRUN, |strip| {
            with_scratch(channels.len() * plan.pitch, |left| {
                let all = self.batch * plan.strips;
                let strips = chunk * plan.strips_per_chunk..all.min((chunk + 1) * plan.strips_per_chunk);
                for index in strips {
                    let (image, first_row) = (index / plan.strips, index % plan.strips * plan.rows);
                    let rows = plan.rows.min(self.grid[0] - first_row);
                    let planes = &source[(image * self.groups + group) * per_group..][..per_group];
                    self.source.load(&plan.layout, planes, first_row, strip);
                    let plane = (image * self.groups + group) * self.channels_grid + channels.start;
                    self.load_grid(plan, &grid[plane * self.grid[0] * self.grid[1]..], first_row, rows, left);
                    for (left, sums) in left.chunks(DOT_BLOCK * plan.pitch).zip(sums.chunks_mut(DOT_BLOCK * terms)) {
                        let dot = Dot {
                            left,
                            left_pitch: plan.pitch,
                            rows: sums.len() / terms,
                            right: strip,
                            offsets,
                            run: (rows - 1) * self.source.pitch() + self.grid[1],
                        };
                        dot_block(self.isa, &dot, sums);
                    }
                }
            });
        });
    }

    /// Copies rows of the planes of the grid to `left`, zero between the rows and after the last.
    fn load_grid(&self, plan: &Plan, planes: &[f32], first_row: usize, rows: usize, left: &mut [f32]) {
        let [height, width] = self.grid;
        let pitch = self.source.pitch();
        for (plane, target) in planes.chunks_exact(height * width).zip(left.chunks_exact_mut(plan.pitch)) {
            let source = plane[first_row * width..].chunks_exact(width);
            for (row, target) in source.zip(target.chunks_exact_mut(pitch)).take(rows) {
                target[..width].copy_from_slice(row);
                target[width..].fill(0.0);
            }
            target[rows * pitch..].fill(0.0);
        }
    }
}

/// The gradient with respect to the bias: the sums of the planes of `dy`.
///
/// - `dy`: the gradient of the output, `[batch, channels_out, rows, columns]`
/// - `db`: `[channels_out]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the shape is invalid or a slice disagrees with it.
pub fn conv2d_bias_grad(shape: &Conv2d, dy: &[f32], db: &mut [f32]) -> Result<(), ShapeError> {
    shape.validate()?;
    check_length("dy", dy, shape.output_len())?;
    check_length("db", db, shape.channels_out)?;
    let [rows, columns] = shape.output_size();
    let area = rows * columns;
    db.par_iter_mut().enumerate().for_each(|(channel, sum)| {
        let planes = (0..shape.batch).map(|image| &dy[(image * shape.channels_out + channel) * area..][..area]);
        *sum = planes.map(crate::norm::plane_total).sum::<f64>() as f32;
    });
    Ok(())
}
