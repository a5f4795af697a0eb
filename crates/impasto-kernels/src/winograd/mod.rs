//! 3x3 convolutions of stride 1 by Winograd's minimal filtering: a quarter of the multiplications.
//!
//! A task takes a block of tiles through all three stages while it stays in the second level cache: every channel of the
//! source is transformed (36 values for each tile of 4x4 results), for each of the 36 the channels of the target are a
//! matrix product over the channels of the source, and every channel of the target is transformed back. Vectors run
//! over tiles in all of them.
//!
//! Filters larger than 3x3 are sums of 3x3 filters, each shifted by multiples of three. With tiles of 3x3 results such a
//! shift is one of whole tiles, so that each tile is transformed once for all parts of the filter, which become so many
//! more channels of the source: for 9x9 a third of the multiplications.

mod filters;
mod form;
mod forward;
mod plan;
mod points;
mod recipe;
mod tiles;
mod weight_grad;

use rayon::prelude::*;

pub(crate) use self::filters::Filters;
pub(crate) use self::form::Form;
pub(crate) use self::forward::forward;
use self::plan::{Plan, Task};
pub(crate) use self::recipe::Recipe;
pub use self::recipe::{Packed, Purpose, Weights};
use self::tiles::Block;
pub(crate) use self::weight_grad::{pays as pays_for_weights, weight_grad};
use crate::dispatch::Isa;
use crate::fused::{Fused, affine_rectify, affine_rectify_one};
use crate::lanes::prefetch;
use crate::rows::join_pair;
use crate::scratch::{LINE, with_scratch};
use crate::shape::{Conv2d, Method};
use crate::shared::SharedSlice;
use crate::strip::ZERO;
use crate::tile::{Gather, gather_block, next_block};

/// Channels of the target that are transformed back together.
const TOGETHER: usize = 16;

/// Channels of a target of twice the size that are computed together, each as four.
pub(crate) const DOUBLED: usize = 8;

/// The form that a convolution with a 3x3 filter is computed by, if any.
pub(crate) fn form(shape: &Conv2d) -> Option<Form> {
    let applies = shape.kernel == [3, 3] && shape.stride == [1, 1] && shape.groups == 1;
    match shape.method {
        _ if !applies => None,
        Method::Direct => None,
        Method::WinogradFour => Some(Form::FOUR),
        Method::WinogradTwo => Some(Form::TWO),
        Method::Auto => pays(shape, Form::FOUR).then_some(Form::FOUR),
    }
}

/// Whether a convolution is computed in parts of its filter, which is larger than 3x3.
pub(crate) fn in_parts(shape: &Conv2d) -> bool {
    let [rows, columns] = shape.kernel;
    let applies = rows.max(columns) > 3 && shape.stride == [1, 1] && shape.groups == 1 && shape.upsample == 1;
    match shape.method {
        _ if !applies => false,
        Method::Direct => false,
        Method::WinogradFour | Method::WinogradTwo => true,
        Method::Auto => rows.min(columns) >= 5 && pays(shape, Form::THREE),
    }
}

/// Whether a form is faster than the direct way, as measured.
fn pays(shape: &Conv2d, form: Form) -> bool {
    let [rows, columns] = shape.output_size();
    let m = form.results;
    let tiles = rows.div_ceil(m) * columns.div_ceil(m);
    // Parts of tiles beyond the edges are lost work; with few channels the transforms cost more than they save.
    let full = 4 * tiles * m * m <= 5 * rows * columns;
    let enough = shape.batch * tiles >= 16;
    if shape.kernel != [3, 3] {
        // One channel's transform serves all parts of the filter.
        return full && enough && shape.channels_in.max(shape.channels_out) >= 8;
    }
    let enough = enough && shape.channels_in.min(shape.channels_out) >= if shape.upsample == 2 { 16 } else { 24 };
    // Merging what upsampling repeats saves almost as much, and more on small maps.
    full && enough && (shape.upsample == 1 || shape.height * shape.width >= 1 << 10)
}

/// A whole convolution: `batch` images of `channels_target` planes from `channels_source`.
pub(crate) struct Winograd<'a> {
    /// The instructions to use.
    pub(crate) isa: Isa,
    /// The form of the algorithm.
    pub(crate) form: Form,
    /// Number of images.
    pub(crate) batch: usize,
    /// Channels of the source.
    pub(crate) channels_source: usize,
    /// Channels of the target.
    pub(crate) planes: usize,
    /// Channels that are computed: those of the target or, where it is doubled, four for each of as many as fill groups
    /// of [`DOUBLED`].
    pub(crate) channels_target: usize,
    /// Whether channel `(4 * g + 2 * a + b) * DOUBLED + c` holds every second row from `a` on and every second column
    /// from `b` on of channel `g * DOUBLED + c` of a target of twice the size. Its filters have no last (`a` or `b` = 0)
    /// or no first row or column.
    pub(crate) doubled: bool,
    /// Rows and columns of the stored source.
    pub(crate) source: [usize; 2],
    /// The stored row and column of each row and column that the filters see, or [`ZERO`].
    pub(crate) axes: [Vec<usize>; 2],
    /// Rows and columns that are computed: those of the target, or half of them where it is doubled.
    pub(crate) target: [usize; 2],
    /// Rows and columns of 3x3 parts that the filters have: one, or more with tiles of 3x3 results.
    pub(crate) filter_parts: [usize; 2],
    /// The filters, of which each channel of the source has as many as parts, row by row.
    pub(crate) filters: &'a Filters,
    /// What is done on the way in and out.
    pub(crate) fused: Fused<'a>,
}

/// Products of one channel of an image, to be transformed back.
#[derive(Clone, Copy)]
struct Results<'a> {
    plan: &'a Plan,
    task: &'a Task,
    block: &'a Block,
    products: &'a [f32],
    image: usize,
    channel: usize,
}

impl Winograd<'_> {
    /// Computes `target` `[batch, channels_target, rows, columns]` from `source` `[batch, channels_source, ..]`.
    pub(crate) fn run(&self, source: &[f32], target: &mut [f32]) {
        let plan = self.plan();
        let groups = self.batch.div_ceil(plan.images);
        let target = SharedSlice::new(target);
        let tasks = groups * plan.strips * plan.readers.len() * plan.parts;
        (0..tasks).into_par_iter().for_each(|task| {
            let (rest, part) = (task / plan.parts, task % plan.parts);
            let (rest, column) = (rest / plan.readers.len(), rest % plan.readers.len());
            let (group, strip) = (rest / plan.strips, rest % plan.strips);
            let row = strip * plan.rows;
            let task = Task {
                images: group * plan.images..self.batch.min((group + 1) * plan.images),
                row,
                rows: plan.rows.min(self.tiles()[0] - row),
                column,
                channels: part * plan.channels..self.channels_target.min((part + 1) * plan.channels),
            };
            self.task(&plan, &task, source, &target);
        });
    }

    /// How many of so many channels of the target are transformed back together.
    fn together(&self, channels: usize) -> usize {
        if self.doubled { 4 * DOUBLED } else { channels.min(TOGETHER) }
    }

    /// Whether value `f` of the filters of a channel is zero: it is the sum of a filter with signs and weights that
    /// leave only the first tap (point 0) or only the last (infinity).
    fn vanishes(&self, channel: usize, f: usize) -> bool {
        let values = self.form.values;
        let phase = channel / DOUBLED % 4;
        let zero = |phase| if phase == 0 { values - 1 } else { 0 };
        self.doubled && (f / values == zero(phase / 2) || f % values == zero(phase % 2))
    }

    /// Rows and columns of tiles of the source beyond those of the target.
    fn reach(&self) -> [usize; 2] {
        self.filter_parts.map(|parts| parts - 1)
    }

    /// Rows and columns of tiles of the target.
    fn tiles(&self) -> [usize; 2] {
        self.target.map(|size| size.div_ceil(self.form.results))
    }

    fn task(&self, plan: &Plan, task: &Task, source: &[f32], target: &SharedSlice<'_>) {
        let m = self.form.results;
        // The source has tiles beyond those of the target, and the target's rows of tiles lie as far apart.
        let lines = task.rows + self.reach()[0];
        let tiles = lines * plan.wide;
        let run = (task.images.len() - 1) * tiles + (task.rows - 1) * plan.wide + plan.columns;
        let together = self.together(task.channels.len());
        let phase_pitch = (plan.wide + 1).next_multiple_of(LINE) + LINE;
        let row_pitch = m * phase_pitch;
        let frequency_in = self.channels_source * plan.pitch + LINE;
        let frequency_out = together * plan.pitch + LINE;
        let block_in = Block { rows: lines, columns: plan.wide, row_pitch, frequency: frequency_in };
        let block_out = Block { rows: task.rows, columns: plan.columns, row_pitch, frequency: frequency_out };
        let [part_rows, part_columns] = self.filter_parts;
        let place = |part: usize| part / part_columns * plan.wide + part % part_columns;
        let of_channel = |channel| (0..part_rows * part_columns).map(move |part| channel * plan.pitch + place(part));
        let offsets: Vec<usize> = (0..self.channels_source).flat_map(of_channel).collect();
        let pixels = (2 * m).max(m * lines + 2) * row_pitch + 4 * (plan.wide + 1) * m + self.source[1];
        with_scratch(self.form.area() * frequency_in, |transformed| {
            with_scratch(self.form.area() * frequency_out, |products| {
                with_scratch(pixels, |scratch| {
                    for (index, image) in task.images.clone().enumerate() {
                        for channel in 0..self.channels_source {
                            let at = image * self.channels_source + channel;
                            self.load(plan, task, lines, source, at, phase_pitch, scratch);
                            let out = &mut transformed[channel * plan.pitch + index * tiles..];
                            (self.form.input)(self.isa, &block_in, scratch, out);
                        }
                    }
                    // Products that vanish are not computed, group after group.
                    for (f, products) in products.chunks_exact_mut(frequency_out).enumerate() {
                        let channels = products.chunks_exact_mut(plan.pitch).enumerate();
                        let vanish = channels.filter(|&(channel, _)| self.vanishes(channel, f));
                        vanish.for_each(|(_, products)| products.fill(0.0));
                    }
                    let mut first = task.channels.start;
                    while first < task.channels.end {
                        let channels = first..task.channels.end.min(first + together);
                        self.multiply(plan, &channels, run, &offsets, transformed, products);
                        let stored =
                            if self.doubled { first / 4..self.planes.min(first / 4 + DOUBLED) } else { channels };
                        for (place, channel) in stored.enumerate() {
                            for (index, image) in task.images.clone().enumerate() {
                                let products = &products[place * plan.pitch + index * tiles..];
                                let results = Results { plan, task, block: &block_out, products, image, channel };
                                let store = if self.doubled { Self::store_doubled } else { Self::store };
                                store(self, &results, scratch, target);
                            }
                        }
                        first += together;
                    }
                });
            });
        });
    }

    /// Brings the rows of one plane that a block of tiles needs into phases.
    #[allow(clippy::too_many_arguments)]
    fn load(
        &self,
        plan: &Plan,
        task: &Task,
        tile_rows: usize,
        source: &[f32],
        plane: usize,
        phase_pitch: usize,
        scratch: &mut [f32],
    ) {
        let m = self.form.results;
        let [height, width] = self.source;
        let row_pitch = m * phase_pitch;
        let lines = m * tile_rows + 2;
        let (phases, rest) = scratch.split_at_mut(lines * row_pitch);
        let (line, rest) = rest.split_at_mut((plan.wide + 1) * m);
        let changed = &mut rest[..width];
        let (values, next) = source[plane * height * width..].split_at(height * width);
        let prologue = self.fused.prologue(plane);
        let reader = &plan.readers[task.column];
        let mut last = ZERO;
        for row in 0..lines {
            let stored = self.axes[0].get(m * task.row + row).copied().unwrap_or(ZERO);
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

    /// The matrix products of all transformed values for some channels of the target.
    fn multiply(
        &self,
        plan: &Plan,
        channels: &std::ops::Range<usize>,
        run: usize,
        offsets: &[usize],
        transformed: &[f32],
        products: &mut [f32],
    ) {
        let area = self.form.area();
        let frequency_in = transformed.len() / area;
        let frequency_out = products.len() / area;
        let zeros = [0.0; 8];
        for f in 0..area {
            let transformed = &transformed[f * frequency_in..][..frequency_in];
            let mut first = channels.start;
            while first < channels.end {
                let count = next_block(self.isa, channels.end - first);
                if self.vanishes(first, f) {
                    first += count;
                    continue;
                }
                let gather = Gather {
                    source: transformed,
                    offsets,
                    weights: self.filters.panel(first, count, f),
                    init: &zeros[..count],
                    slope: 1.0,
                    run,
                };
                let out = &mut products[f * frequency_out + (first - channels.start) * plan.pitch..];
                gather_block(self.isa, &gather, out, plan.pitch);
                first += count;
            }
        }
    }

    /// Transforms the tiles of one plane back to where they belong.
    #[allow(unsafe_code)]
    fn store(&self, results: &Results<'_>, scratch: &mut [f32], target: &SharedSlice<'_>) {
        let Results { plan, task, block, products, image, channel } = *results;
        let m = self.form.results;
        let [height, width] = self.target;
        let plane = image * self.planes + channel;
        let finish = [self.fused.bias.map_or(0.0, |bias| bias[channel]), self.fused.early_slope()];
        let (phases, line) = scratch.split_at_mut(m * block.row_pitch);
        let line = &mut line[..plan.columns * m];
        let start = task.column * plan.columns * m;
        let count = (plan.columns * m).min(width - start);
        for row in 0..task.rows {
            (self.form.output)(self.isa, block, &products[row * plan.wide..], phases);
            for i in 0..m {
                let target_row = (task.row + row) * m + i;
                if target_row >= height {
                    break;
                }
                let phases = &phases[i * block.row_pitch..];
                let at = (plane * height + target_row) * width + start;
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

    /// [`Winograd::store`] of the four channels that make one of a target of twice the size; products of the others lie
    /// [`DOUBLED`] channels apart behind those of the first.
    #[allow(unsafe_code)]
    fn store_doubled(&self, results: &Results<'_>, scratch: &mut [f32], target: &SharedSlice<'_>) {
        let Results { plan, task, block, products, image, channel } = *results;
        let m = self.form.results;
        let [height, width] = self.target;
        let plane = image * self.planes + channel;
        let finish = [self.fused.bias.map_or(0.0, |bias| bias[channel]), self.fused.early_slope()];
        let columns = plan.columns * m;
        let (phases, lines) = scratch.split_at_mut(2 * m * block.row_pitch);
        let (lines, joined) = lines.split_at_mut(2 * columns);
        let start = task.column * columns;
        let count = columns.min(width - start);
        for row in 0..task.rows {
            for a in 0..2 {
                for (b, phases) in phases.chunks_exact_mut(m * block.row_pitch).enumerate() {
                    let products = &products[(2 * a + b) * DOUBLED * plan.pitch + row * plan.wide..];
                    (self.form.output)(self.isa, block, products, phases);
                }
                for i in 0..m.min(height - (task.row + row) * m) {
                    for (b, line) in lines.chunks_exact_mut(columns).enumerate() {
                        let phases = &phases[(b * m + i) * block.row_pitch..];
                        (self.form.join)(self.isa, phases, block.row_pitch / m, finish, line);
                    }
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
