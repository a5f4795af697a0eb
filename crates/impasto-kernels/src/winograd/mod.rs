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
//!
//! Filters of 4x4 and stride 2, as discriminators have them, are sums of four filters of 2x2, each of which sees every second
//! row and column of the source as another channel. Their gradients make every second row and column of the target each.

mod filling;
mod filters;
mod form;
mod forward;
mod load;
mod plan;
mod points;
mod recipe;
mod store;
mod tiles;
mod weight_grad;

use rayon::prelude::*;

pub(crate) use self::filters::Filters;
pub(crate) use self::form::Form;
pub(crate) use self::forward::forward;
use self::plan::{Plan, Task};
pub use self::recipe::{Packed, Purpose, Weights};
pub(crate) use self::recipe::{Recipe, Way};
use self::store::Results;
use self::tiles::Block;
pub(crate) use self::weight_grad::{pays as pays_for_weights, weight_grad};
use crate::dispatch::Isa;
use crate::fused::Fused;
use crate::scratch::{LINE, with_scratch};
use crate::shape::{Conv2d, Method, PadMode};
use crate::shared::SharedSlice;
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

/// Whether a convolution of stride 2 is computed as one of four times the channels, each with a quarter of the values.
pub(crate) fn quartered(shape: &Conv2d) -> bool {
    let applies = shape.kernel == [4, 4] && shape.stride == [2, 2] && shape.groups == 1 && shape.upsample == 1;
    match shape.method {
        _ if !applies => false,
        Method::Direct => false,
        Method::WinogradFour | Method::WinogradTwo => true,
        Method::Auto => pays(shape, Form::PAIR),
    }
}

/// Whether the gradient of such a convolution's input is computed so that every value of `dy` makes four of it.
pub(crate) fn quadrupled(shape: &Conv2d) -> bool {
    let even = shape.height.is_multiple_of(2) && shape.width.is_multiple_of(2);
    even && shape.padding == [1, 1] && shape.pad_mode == PadMode::Zero && quartered(shape)
}

/// Whether a form is faster than the direct way, as measured.
fn pays(shape: &Conv2d, form: Form) -> bool {
    let [rows, columns] = shape.output_size();
    let m = form.results;
    let tiles = rows.div_ceil(m) * columns.div_ceil(m);
    // Parts of tiles beyond the edges are lost work; with few channels the transforms cost more than they save.
    let full = 4 * tiles * m * m <= 5 * rows * columns;
    let enough = shape.batch * tiles >= 16;
    let fewest = shape.channels_in.min(shape.channels_out);
    if form == Form::PAIR {
        // Its filters take long to be made ready.
        return full && fewest >= 32 && shape.batch * tiles >= 32;
    }
    if shape.kernel != [3, 3] {
        // One channel's transform serves all parts of the filter.
        return full && enough && shape.channels_in.max(shape.channels_out) >= 8;
    }
    let enough = enough && fewest >= if shape.upsample == 2 { 16 } else { 24 };
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
    /// The stored row and column of each row and column that the filters see, or [`ZERO`]. Where there is more than one list,
    /// each of them makes channels of its own: `(channel * lists of rows + row list) * lists of columns + column list`.
    pub(crate) axes: [Vec<Vec<usize>>; 2],
    /// Rows and columns that are computed: those of the target, or half of them where it is doubled.
    pub(crate) target: [usize; 2],
    /// Rows and columns of 3x3 parts that the filters have: one, or more with tiles of 3x3 results.
    pub(crate) filter_parts: [usize; 2],
    /// The filters, of which each channel of the source has as many as parts, row by row.
    pub(crate) filters: &'a Filters,
    /// What is done on the way in and out.
    pub(crate) fused: Fused<'a>,
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

    /// Channels that are made of each one of the source.
    fn phases(&self) -> usize {
        self.axes[0].len() * self.axes[1].len()
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
        let row_pitch = m * ((plan.wide + 1).next_multiple_of(LINE) + LINE);
        let channels_in = self.channels_source * self.phases();
        let frequency_in = channels_in * plan.pitch + LINE;
        let frequency_out = together * plan.pitch + LINE;
        let block_in = Block { rows: lines, columns: plan.wide, row_pitch, frequency: frequency_in };
        let block_out = match plan.narrow {
            true => Block { rows: 1, columns: run, row_pitch: m * plan.pitch, frequency: frequency_out },
            false => Block { rows: 1, columns: plan.columns, row_pitch, frequency: frequency_out },
        };
        let [part_rows, part_columns] = self.filter_parts;
        let place = |part: usize| part / part_columns * plan.wide + part % part_columns;
        let of_channel = |channel| (0..part_rows * part_columns).map(move |part| channel * plan.pitch + place(part));
        let offsets: Vec<usize> = (0..channels_in).flat_map(of_channel).collect();
        let needed = self.loading(plan, &block_in).max(self.storing(plan, &block_out));
        with_scratch(self.form.area() * frequency_in, |transformed| {
            with_scratch(self.form.area() * frequency_out, |products| {
                with_scratch(needed, |scratch| {
                    self.transform(plan, task, &block_in, source, scratch, transformed);
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
                            let products = &products[place * plan.pitch..];
                            let results = Results { plan, task, block: &block_out, products, channel };
                            let store = if self.doubled { Self::store_doubled } else { Self::store };
                            store(self, &results, tiles, scratch, target);
                        }
                        first += together;
                    }
                });
            });
        });
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
}
