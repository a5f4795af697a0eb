//! Gradients of filters: the adjoint of the whole algorithm in the filters.
//!
//! For each transformed value the gradient is a matrix product over tiles, of the source's transformed tiles (turned, with
//! vectors of channels) and the spread gradients of the target. Everything adds up there, and only the sums are brought
//! back to filters of 3x3.

use rayon::prelude::*;

use super::form::{Form, Pixels};
use super::tiles::{Block, SIDE};
use crate::correlate::transpose;
use crate::dispatch::Isa;
use crate::scratch::{LINE, Scratch, with_scratch};
use crate::shape::Conv2d;
use crate::strip::{Columns, ZERO};
use crate::tile_sums::{Outer, outer_block};

/// Values that all partial sums together should not exceed.
const PARTIALS: usize = 4 << 20;

/// Most partial sums.
const CHUNKS: usize = 8;

/// Tiles that are transformed together, where there are as many.
const TILES: usize = 48;

/// Whether it is faster than the direct way, as measured: where partial sums are small enough for several tasks.
pub(crate) fn pays(shape: &Conv2d) -> bool {
    super::form(shape).is_some() && shape.upsample == 1 && 4 * 36 * shape.channels_in * shape.channels_out <= PARTIALS
}

/// What the tasks share.
struct Work<'a> {
    isa: Isa,
    form: Form,
    shape: &'a Conv2d,
    rows: Vec<usize>,
    reader: Columns,
    /// Rows and columns of tiles.
    tiles: [usize; 2],
    /// Rows of tiles transformed together.
    together: usize,
    /// Channels of the source, in whole vectors.
    wide: usize,
    /// Channels of the source multiplied together.
    block: usize,
}

/// Computes the gradient of the filters `dw` from the input `x` and the gradient `dy` of the output.
pub(crate) fn weight_grad(isa: Isa, form: Form, shape: &Conv2d, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let m = form.results;
    let tiles = shape.output_size().map(|size| size.div_ceil(m));
    let [rows, columns] = shape.axes();
    let lanes = isa.lanes();
    let work = Work {
        isa,
        form,
        shape,
        rows,
        reader: Columns::new(&columns, 0, 1, tiles[1] * m + 2),
        tiles,
        together: (TILES / tiles[1]).clamp(1, tiles[0]),
        wide: shape.channels_in.next_multiple_of(lanes),
        block: 2 * lanes,
    };
    let area = form.area();
    let len = area * shape.channels_out * work.wide;
    // How many depends on the shape alone, since it decides the order of summation.
    let strips = shape.batch * tiles[0].div_ceil(work.together);
    let share = strips.div_ceil(CHUNKS.min(PARTIALS / len).max(1));
    let chunks = strips.div_ceil(share);
    with_scratch(chunks * len, |partials| {
        partials.par_chunks_mut(len).enumerate().for_each(|(chunk, sums)| {
            sums.fill(0.0);
            work.chunk(chunk * share..strips.min((chunk + 1) * share), x, dy, sums);
        });
        let (first, others) = partials.split_at_mut(len);
        let part = 1 << 14;
        first.par_chunks_mut(part).enumerate().for_each(|(index, sums)| {
            for other in others.chunks_exact(len) {
                sums.iter_mut().zip(&other[index * part..]).for_each(|(sum, value)| *sum += value);
            }
        });
        work.filters(first, dw);
    });
}

impl Work<'_> {
    /// Adds what some strips of tiles give to `sums`, `[area][channels_out][wide]`.
    fn chunk(&self, strips: std::ops::Range<usize>, x: &[f32], dy: &[f32], sums: &mut [f32]) {
        let (form, shape) = (&self.form, self.shape);
        let (m, area) = (form.results, form.area());
        let [tile_rows, tile_columns] = self.tiles;
        let most = self.together * tile_columns;
        let row_pitch = (tile_columns * m + 2) * self.wide;
        let mut pixels = Scratch::new((self.together * m + 2) * row_pitch);
        let frequency_left = most * self.wide + LINE;
        let mut left = Scratch::new(area * frequency_left);
        let pitch = most.next_multiple_of(LINE) + LINE;
        let frequency_right = shape.channels_out * pitch + LINE;
        let mut right = Scratch::new(area * frequency_right);
        let offsets: Vec<usize> = (0..shape.channels_out).map(|channel| channel * pitch).collect();
        let per_image = tile_rows.div_ceil(self.together);
        for strip in strips {
            let (image, row) = (strip / per_image, strip % per_image * self.together);
            let rows = self.together.min(tile_rows - row);
            let tiles = rows * tile_columns;
            self.turn(x, image, row * m, rows * m + 2, row_pitch, &mut pixels);
            for tile in 0..tiles {
                let from = tile / tile_columns * m * row_pitch + tile % tile_columns * m * self.wide;
                let place = Pixels {
                    row_pitch,
                    channels: self.wide,
                    frequency: frequency_left,
                    block: self.block,
                    tiles,
                    tile,
                };
                (form.pixels)(self.isa, &pixels[from..], &place, &mut left);
            }
            self.spread(dy, image, [row, rows], pitch, frequency_right, &mut right);
            for f in 0..area {
                let sums = &mut sums[f * shape.channels_out * self.wide..][..shape.channels_out * self.wide];
                for first in (0..self.wide).step_by(self.block) {
                    let width = self.block.min(self.wide - first);
                    let outer = Outer {
                        left: &left[f * frequency_left + first * tiles..][..width * tiles],
                        right: &right[f * frequency_right..][..frequency_right],
                        offsets: &offsets,
                        rows: 1,
                        columns: tiles,
                        pitch: 0,
                    };
                    outer_block(self.isa, &outer, width / self.isa.lanes(), sums, self.wide, first);
                }
            }
        }
    }

    /// Rows of the padded input as pixels of [`Work::wide`] channels, zero beyond the channels that there are.
    fn turn(&self, x: &[f32], image: usize, first: usize, count: usize, row_pitch: usize, pixels: &mut [f32]) {
        let shape = self.shape;
        let area = shape.height * shape.width;
        let columns = row_pitch / self.wide;
        with_scratch(LINE * columns, |lines| {
            for (index, target) in pixels.chunks_exact_mut(row_pitch).take(count).enumerate() {
                let stored = self.rows.get(first + index).copied().unwrap_or(ZERO);
                if stored == ZERO {
                    target.fill(0.0);
                    continue;
                }
                for block in (0..self.wide).step_by(LINE) {
                    let there = LINE.min(shape.channels_in - block.min(shape.channels_in));
                    let width = LINE.min(self.wide - block);
                    for (channel, line) in lines.chunks_exact_mut(columns).take(width).enumerate() {
                        if channel < there {
                            let plane = image * shape.channels_in + block + channel;
                            self.reader.load(&x[plane * area + stored * shape.width..][..shape.width], line);
                        } else {
                            line.fill(0.0);
                        }
                    }
                    transpose(&lines[..width * columns], columns, &mut target[block..], self.wide);
                }
            }
        });
    }

    /// The gradients of rows of tiles of every channel of the output, spread.
    fn spread(
        &self,
        dy: &[f32],
        image: usize,
        [row, rows]: [usize; 2],
        pitch: usize,
        frequency: usize,
        right: &mut [f32],
    ) {
        let form = &self.form;
        let m = form.results;
        let [height, width] = self.shape.output_size();
        let columns = self.tiles[1];
        let phase_pitch = columns.next_multiple_of(LINE) + LINE;
        let row_pitch = m * phase_pitch;
        let block = Block { rows: 1, columns, row_pitch, frequency };
        with_scratch(m * row_pitch, |phases| {
            // Beyond the edges there is no gradient.
            phases.fill(0.0);
            for channel in 0..self.shape.channels_out {
                let plane = &dy[(image * self.shape.channels_out + channel) * height * width..][..height * width];
                for index in 0..rows {
                    for i in 0..m {
                        let phases = &mut phases[i * row_pitch..][..row_pitch];
                        match plane.get(((row + index) * m + i) * width..).filter(|rest| !rest.is_empty()) {
                            Some(rest) => (form.split)(self.isa, &rest[..width], 0, phases, phase_pitch),
                            None => phases.fill(0.0),
                        }
                    }
                    (form.spread)(self.isa, &block, phases, &mut right[channel * pitch + index * columns..]);
                }
            }
        });
    }

    /// Brings the sums back to filters.
    fn filters(&self, sums: &[f32], dw: &mut [f32]) {
        let channels_in = self.shape.channels_in;
        let pitch = self.shape.channels_out * self.wide;
        let lanes = self.isa.lanes();
        dw.par_chunks_mut(9 * channels_in).with_min_len(4).enumerate().for_each(|(channel, dw)| {
            let mut w = [[0.0; SIDE]; 9];
            for (block, filters) in dw.chunks_mut(9 * lanes).enumerate() {
                (self.form.gather)(self.isa, &sums[channel * self.wide + block * lanes..], pitch, &mut w);
                for (c, filter) in filters.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                    *filter = std::array::from_fn(|tap| w[tap][c]);
                }
            }
        });
    }
}
