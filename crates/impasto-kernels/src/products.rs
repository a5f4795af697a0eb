//! Products of the channels of a picture with each other: Gram matrices and covariances.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::norm::affine_plane;
use crate::scratch::{LINE, with_scratch};
use crate::shape::{Conv2d, Method, PadMode};
use crate::shared::SharedSlice;
use crate::tile_sums::{DOT_BLOCK, Dot, dot_block};

/// Most positions that are multiplied at a time: a few channels of so many stay in the first level cache.
const RUN: usize = 1280;

/// Fewest, below which the ends of the sums take too long.
const LEAST_RUN: usize = 512;

/// Values of all channels that are multiplied at a time, to stay in the second level cache.
const RUN_VALUES: usize = 256 << 10;

/// Most partial results that are summed at the end.
const CHUNKS: usize = 16;

/// Values that all partial results together should not exceed.
const PARTIALS: usize = 1 << 21;

/// The products of the channels of each image, averaged over positions: `products[n][i][j]` is the mean of
/// `(x[n][i] - mean[n][i]) * (x[n][j] - mean[n][j])`, the covariance where `mean` holds the means.
///
/// - `size`: batch, channels, rows and columns
/// - `x`: `[batch, channels, rows, columns]`
/// - `mean`: `[batch * channels]`; zeros where absent
/// - `products`: `[batch, channels, channels]`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn channel_products(
    size: [usize; 4],
    x: &[f32],
    mean: Option<&[f32]>,
    products: &mut [f32],
) -> Result<(), ShapeError> {
    let [batch, channels, _, _] = size;
    let shape = images_as_groups(size);
    shape.validate()?;
    check_length("x", x, shape.input_len())?;
    mean.map_or(Ok(()), |mean| check_length("mean", mean, batch * channels))?;
    check_length("products", products, shape.weight_len())?;
    Plan::new(Isa::detect(), size).run(x, mean, products);
    Ok(())
}

/// How the work is cut. All but the number of parts decides the order of summation and depends on the shape alone.
struct Plan {
    isa: Isa,
    batch: usize,
    channels: usize,
    /// Positions of a picture, and of one run.
    area: usize,
    run: usize,
    /// Runs of one picture that one partial result sums, and how many of those there are.
    runs_per_chunk: usize,
    chunks: usize,
    /// Where the sums of each block of [`DOT_BLOCK`] channels begin, and their end: products are the same in either order, so
    /// that a block has those with its own first channel and later ones, `[later][block]`.
    starts: Vec<usize>,
    /// Tasks that share the blocks of a chunk.
    parts: usize,
}

impl Plan {
    fn new(isa: Isa, [batch, channels, height, width]: [usize; 4]) -> Self {
        let area = height * width;
        let run = (RUN_VALUES / channels).clamp(LEAST_RUN, RUN).min(area);
        let runs = area.div_ceil(run);
        let mut starts = vec![0];
        for first in (0..channels).step_by(DOT_BLOCK) {
            let block = DOT_BLOCK.min(channels - first);
            starts.push(starts[starts.len() - 1] + block * (channels - first));
        }
        let sums = batch * starts[starts.len() - 1];
        let runs_per_chunk = runs.div_ceil(CHUNKS.min(PARTIALS / sums).clamp(1, runs));
        let chunks = runs.div_ceil(runs_per_chunk);
        let wanted = (2 * rayon::current_num_threads()).div_ceil(batch * chunks);
        let parts = wanted.min(starts.len() - 1);
        Self { isa, batch, channels, area, run, runs_per_chunk, chunks, starts, parts }
    }

    /// Sums of one picture.
    fn sums(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    fn run(&self, x: &[f32], mean: Option<&[f32]>, products: &mut [f32]) {
        let len = self.batch * self.sums();
        with_scratch(self.chunks * len, |partials| {
            let target = SharedSlice::new(partials);
            let tasks = self.chunks * self.batch * self.parts;
            let run = |task| self.task(task, x, mean, &target);
            if self.batch * self.area * self.channels * self.channels < 1 << 16 {
                (0..tasks).for_each(run);
            } else {
                (0..tasks).into_par_iter().for_each(run);
            }
            let (first, others) = partials.split_at_mut(len);
            for other in others.chunks_exact(len) {
                first.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
            }
            let share = 1.0 / self.area as f32;
            let pictures = products.chunks_exact_mut(self.channels * self.channels);
            for (products, sums) in pictures.zip(first.chunks_exact(self.sums())) {
                self.spread(sums, share, products);
            }
        });
    }

    /// The sums of some blocks of channels over the runs of a chunk.
    #[allow(unsafe_code)]
    fn task(&self, task: usize, x: &[f32], mean: Option<&[f32]>, target: &SharedSlice<'_>) {
        let (rest, part) = (task / self.parts, task % self.parts);
        let (chunk, image) = (rest / self.batch, rest % self.batch);
        // Later blocks have fewer products: each part has early and late ones.
        let blocks = || (0..self.starts.len() - 1).skip(part).step_by(self.parts);
        let origin = (chunk * self.batch + image) * self.sums();
        let range = |block: usize| (origin + self.starts[block], self.starts[block + 1] - self.starts[block]);
        // An odd number of cache lines, so that channels do not compete for the same cache sets.
        let pitch = (self.run.div_ceil(LINE) | 1) * LINE;
        let needed = part * DOT_BLOCK..self.channels;
        let offsets: Vec<usize> = (0..self.channels).map(|channel| channel * pitch).collect();
        for block in blocks() {
            let (start, len) = range(block);
            // SAFETY: chunk, image and block are distinct between tasks, and the result does not outlive this statement.
            unsafe { target.range(start, len) }.fill(0.0);
        }
        with_scratch(self.channels * pitch, |rows| {
            let first = chunk * self.runs_per_chunk * self.run;
            let end = self.area.min(first + self.runs_per_chunk * self.run);
            for start in (first..end).step_by(self.run) {
                let count = self.run.min(end - start);
                let whole = count.next_multiple_of(self.isa.lanes());
                for (channel, row) in rows.chunks_exact_mut(pitch).enumerate().skip(needed.start) {
                    let plane = image * self.channels + channel;
                    let values = &x[plane * self.area + start..][..count];
                    match mean {
                        Some(mean) => affine_plane(self.isa, values, mean[plane], 1.0, 0.0, &mut row[..count]),
                        None => row[..count].copy_from_slice(values),
                    }
                    row[count..whole].fill(0.0);
                }
                for block in blocks() {
                    let channel = block * DOT_BLOCK;
                    let dot = Dot {
                        left: &rows[channel * pitch..],
                        left_pitch: pitch,
                        rows: DOT_BLOCK.min(self.channels - channel),
                        right: rows,
                        offsets: &offsets[channel..],
                        run: count,
                    };
                    let (start, len) = range(block);
                    // SAFETY: as above; the result does not outlive this turn of the loop.
                    let sums = unsafe { target.range(start, len) };
                    dot_block(self.isa, &dot, sums, dot.rows, 0);
                }
            }
        });
    }

    /// Writes sums times `share` as the square matrix of products.
    fn spread(&self, sums: &[f32], share: f32, products: &mut [f32]) {
        for (block, start) in self.starts[..self.starts.len() - 1].iter().enumerate() {
            let first = block * DOT_BLOCK;
            let count = DOT_BLOCK.min(self.channels - first);
            for (later, sums) in sums[*start..self.starts[block + 1]].chunks_exact(count).enumerate() {
                for (m, sum) in sums.iter().enumerate() {
                    let (i, j) = (first + m, first + later);
                    products[i * self.channels + j] = sum * share;
                    products[j * self.channels + i] = sum * share;
                }
            }
        }
    }
}

/// The gradient of [`channel_products`] without means with respect to `x`.
///
/// - `size`, `x`: as given to the forward function
/// - `dproducts`: `[batch, channels, channels]`
/// - `dx`: of the length of `x`, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn channel_products_grad(size: [usize; 4], x: &[f32], dproducts: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    let [_, channels, height, width] = size;
    let shape = images_as_groups(size);
    shape.validate()?;
    check_length("dproducts", dproducts, shape.weight_len())?;
    let share = 1.0 / (height * width) as f32;
    let both = |of_image: &[f32], index: usize| {
        let (i, j) = (index / channels, index % channels);
        (of_image[index] + of_image[j * channels + i]) * share
    };
    let area = channels * channels;
    let weights: Vec<f32> =
        dproducts.chunks_exact(area).flat_map(|of_image| (0..area).map(move |index| both(of_image, index))).collect();
    crate::conv2d(&shape, x, &weights, None, dx)
}

/// Images `[batch, channels, rows, columns]` as groups of one image, for a convolution of kernel 1.
fn images_as_groups([batch, channels, height, width]: [usize; 4]) -> Conv2d {
    Conv2d {
        batch: 1,
        channels_in: batch * channels,
        height,
        width,
        channels_out: batch * channels,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        pad_mode: PadMode::Zero,
        groups: batch,
        upsample: 1,
        method: Method::Direct,
    }
}
