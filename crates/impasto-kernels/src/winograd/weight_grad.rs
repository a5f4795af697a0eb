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

/// Values that the transformed tiles of several strips should not exceed, so that they stay in the third level cache.
const SEGMENT: usize = 4 << 20;

/// Values that the sums should not exceed.
const SUMS: usize = 1 << 20;

/// Tiles that are transformed together, where there are as many.
const TILES: usize = 48;

/// Whether it is faster than the direct way, as measured: where the sums are few enough.
pub(crate) fn pays(shape: &Conv2d) -> bool {
    super::form(shape).is_some() && shape.upsample == 1 && 36 * shape.channels_in * shape.channels_out <= SUMS
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
    let strips = shape.batch * tiles[0].div_ceil(work.together);
    let len = work.left_len() + work.right_len();
    let segment = (SEGMENT / len).clamp(1, strips);
    let channels = shape.channels_out * work.wide;
    // Some strips are transformed, one task each, then multiplied, one task for each transformed value: every sum is
    // added up by one task in the order of the strips, and there are no partial sums.
    with_scratch(form.area() * channels, |sums| {
        with_scratch(segment * len, |transformed| {
            for first in (0..strips).step_by(segment) {
                let transformed = &mut transformed[..segment.min(strips - first) * len];
                let tasks = transformed.par_chunks_mut(len).enumerate();
                tasks.for_each(|(index, strip)| work.transform(first + index, x, dy, strip));
                let (transformed, tasks) = (&*transformed, sums.par_chunks_mut(channels).enumerate());
                tasks.for_each(|(f, sums)| work.multiply(f, first, transformed, sums));
            }
        });
        work.filters(sums, dw);
    });
}

impl Work<'_> {
    /// Most tiles of a strip.
    fn most(&self) -> usize {
        self.together * self.tiles[1]
    }

    /// Distance between the transformed values of the source's tiles, each `[channels / block][tile][block]`.
    fn left_pitch(&self) -> usize {
        self.most() * self.wide + LINE
    }

    /// Distance between the spread gradients of two channels.
    fn right_row(&self) -> usize {
        self.most().next_multiple_of(LINE) + LINE
    }

    /// Distance between the spread values of the gradient's tiles, each `[channels_out][tile]`.
    fn right_pitch(&self) -> usize {
        self.shape.channels_out * self.right_row() + LINE
    }

    fn left_len(&self) -> usize {
        self.form.area() * self.left_pitch()
    }

    fn right_len(&self) -> usize {
        self.form.area() * self.right_pitch()
    }

    /// Image, first row of tiles and number of rows of a strip.
    fn strip(&self, strip: usize) -> [usize; 3] {
        let per_image = self.tiles[0].div_ceil(self.together);
        let row = strip % per_image * self.together;
        [strip / per_image, row, self.together.min(self.tiles[0] - row)]
    }

    /// Transforms a strip of tiles of the source and of the gradient, one after the other into `transformed`.
    fn transform(&self, strip: usize, x: &[f32], dy: &[f32], transformed: &mut [f32]) {
        let m = self.form.results;
        let [image, row, rows] = self.strip(strip);
        let columns = self.tiles[1];
        let tiles = rows * columns;
        let (left, right) = transformed.split_at_mut(self.left_len());
        let row_pitch = (columns * m + 2) * self.wide;
        let mut pixels = Scratch::new((self.together * m + 2) * row_pitch);
        self.turn(x, image, row * m, rows * m + 2, row_pitch, &mut pixels);
        for tile in 0..tiles {
            let from = tile / columns * m * row_pitch + tile % columns * m * self.wide;
            let (frequency, block) = (self.left_pitch(), self.block);
            let place = Pixels { row_pitch, channels: self.wide, frequency, block, tiles, tile };
            (self.form.pixels)(self.isa, &pixels[from..], &place, left);
        }
        self.spread(dy, image, [row, rows], self.right_row(), self.right_pitch(), right);
    }

    /// Adds the products of the transformed values `f` of the strips from `first` on to `sums`, `[channels_out][wide]`,
    /// which the first of all strips begins.
    fn multiply(&self, f: usize, first: usize, transformed: &[f32], sums: &mut [f32]) {
        if first == 0 {
            sums.fill(0.0);
        }
        let offsets: Vec<usize> = (0..self.shape.channels_out).map(|channel| channel * self.right_row()).collect();
        for (index, strip) in transformed.chunks_exact(self.left_len() + self.right_len()).enumerate() {
            let [_, _, rows] = self.strip(first + index);
            let tiles = rows * self.tiles[1];
            let (left, right) = strip.split_at(self.left_len());
            let left = &left[f * self.left_pitch()..][..self.left_pitch()];
            let right = &right[f * self.right_pitch()..][..self.right_pitch()];
            for start in (0..self.wide).step_by(self.block) {
                let width = self.block.min(self.wide - start);
                let outer = Outer {
                    left: &left[start * tiles..][..width * tiles],
                    right,
                    offsets: &offsets,
                    rows: 1,
                    columns: tiles,
                    pitch: 0,
                };
                outer_block(self.isa, &outer, width / self.isa.lanes(), sums, self.wide, start);
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
