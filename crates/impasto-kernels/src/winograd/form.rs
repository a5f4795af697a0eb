//! The forms of the algorithm as values, so that everything around the inner loops is compiled once.

use super::points::{Four, Pair, Three, Two};
use super::tiles::{
    Block, SIDE, gather_filters, spread_output, transform_filters, transform_input, transform_output, transform_pixels,
};
use crate::dispatch::{Isa, dispatched};
use crate::fused::Changed;
use crate::lanes::Lanes;
use crate::rows::{Same, join_row, split_row};

/// [`Form::split_changed`]: a row, where it starts, the constants of the change, phases and their pitch.
type SplitChanged = fn(Isa, &[f32], usize, &[f32; 4], &mut [f32], usize);

/// One form: tiles of `results x results` from `values x values`.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Side of a tile of the input.
    pub(crate) values: usize,
    /// Side of a tile of the output.
    pub(crate) results: usize,
    /// [`split_row`].
    pub(crate) split: fn(Isa, &[f32], usize, &mut [f32], usize),
    /// [`split_row`] of values changed as [`affine_rectify`](crate::fused::affine_rectify) does it.
    pub(crate) split_changed: SplitChanged,
    /// [`join_row`].
    pub(crate) join: fn(Isa, &[f32], usize, [f32; 2], &mut [f32]),
    /// [`transform_input`].
    pub(crate) input: fn(Isa, &Block, &[f32], &mut [f32]),
    /// [`transform_output`].
    pub(crate) output: fn(Isa, &Block, &[f32], &mut [f32]),
    /// [`transform_filters`].
    pub(crate) filters: fn(Isa, &[[f32; SIDE]; 9], usize, &mut [f32]),
    /// [`transform_pixels`], for blocks of channels.
    pub(crate) pixels: fn(Isa, &[f32], &Pixels, &mut [f32]),
    /// [`spread_output`].
    pub(crate) spread: fn(Isa, &Block, &[f32], &mut [f32]),
    /// [`gather_filters`].
    pub(crate) gather: fn(Isa, &[f32], usize, &mut [[f32; SIDE]; 9]),
}

/// Where [`Form::pixels`] reads and writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels {
    /// Distance between rows of pixels.
    pub(crate) row_pitch: usize,
    /// Channels, whole vectors of them: the distance between pixels.
    pub(crate) channels: usize,
    /// Distance between the transformed values of one tile.
    pub(crate) frequency: usize,
    /// Channels of one block of the result, which holds `tiles` rows of so many values; the last may have fewer.
    pub(crate) block: usize,
    /// Number of tiles.
    pub(crate) tiles: usize,
    /// Which of them it is.
    pub(crate) tile: usize,
}

impl Pixels {
    /// Where the values of a channel lie.
    #[inline(always)]
    fn at(&self, channel: usize) -> usize {
        let first = channel / self.block * self.block;
        let width = self.block.min(self.channels - first);
        first * self.tiles + self.tile * width + channel - first
    }
}

/// There is one form for each size of its tiles.
impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        (self.values, self.results) == (other.values, other.results)
    }
}

impl Eq for Form {}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "F({}, {})", self.results, self.values - self.results + 1)
    }
}

impl Form {
    /// F(4, 3).
    pub(crate) const FOUR: Self = Self {
        values: 6,
        results: 4,
        split: split_four,
        split_changed: split_changed_four,
        join: join_four,
        input: input_four,
        output: output_four,
        filters: filters_four,
        pixels: pixels_four,
        spread: spread_four,
        gather: gather_four,
    };

    /// F(3, 3).
    pub(crate) const THREE: Self = Self {
        values: 5,
        results: 3,
        split: split_three,
        split_changed: split_changed_three,
        join: join_three,
        input: input_three,
        output: output_three,
        filters: filters_three,
        pixels: pixels_three,
        spread: spread_three,
        gather: gather_three,
    };

    /// F(4, 2), for filters whose last row and column are zero.
    pub(crate) const PAIR: Self = Self {
        values: 5,
        results: 4,
        split: split_four,
        split_changed: split_changed_four,
        join: join_four,
        input: input_pair,
        output: output_pair,
        filters: filters_pair,
        pixels: pixels_pair,
        spread: spread_pair,
        gather: gather_pair,
    };

    /// F(2, 3).
    pub(crate) const TWO: Self = Self {
        values: 4,
        results: 2,
        split: split_two,
        split_changed: split_changed_two,
        join: join_two,
        input: input_two,
        output: output_two,
        filters: filters_two,
        pixels: pixels_two,
        spread: spread_two,
        gather: gather_two,
    };

    /// Transformed values of one tile.
    pub(crate) fn area(&self) -> usize {
        self.values * self.values
    }
}

/// What brings rows into phases and back, for tiles of `$m x $m` results.
macro_rules! rows {
    ($m:literal, $split:ident, $split_any:ident, $split_changed:ident, $split_changed_any:ident, $join:ident, $join_any:ident) => {
        dispatched! {
            fn $split(row: &[f32], start: usize, phases: &mut [f32], pitch: usize) => $split_any
        }

        #[inline(always)]
        fn $split_any<V: Lanes>(row: &[f32], start: usize, phases: &mut [f32], pitch: usize) {
            split_row::<V, $m>(row, start, phases, pitch, &Same);
        }

        dispatched! {
            fn $split_changed(row: &[f32], start: usize, constants: &[f32; 4], phases: &mut [f32], pitch: usize)
                => $split_changed_any
        }

        #[inline(always)]
        fn $split_changed_any<V: Lanes>(
            row: &[f32],
            start: usize,
            constants: &[f32; 4],
            phases: &mut [f32],
            pitch: usize,
        ) {
            split_row::<V, $m>(row, start, phases, pitch, &Changed::new(constants));
        }

        dispatched! {
            fn $join(phases: &[f32], pitch: usize, finish: [f32; 2], row: &mut [f32]) => $join_any
        }

        #[inline(always)]
        fn $join_any<V: Lanes>(phases: &[f32], pitch: usize, finish: [f32; 2], row: &mut [f32]) {
            join_row::<V, $m>(phases, pitch, finish, row);
        }
    };
}

/// The transforms of one form.
macro_rules! transforms {
    ($points:ty, $n:literal, $m:literal, $input:ident, $input_any:ident, $output:ident, $output_any:ident,
     $filters:ident, $filters_any:ident, $pixels:ident, $pixels_any:ident, $spread:ident, $spread_any:ident,
     $gather:ident, $gather_any:ident) => {
        dispatched! {
            fn $input(block: &Block, phases: &[f32], out: &mut [f32]) => $input_any
        }

        #[inline(always)]
        fn $input_any<V: Lanes>(block: &Block, phases: &[f32], out: &mut [f32]) {
            transform_input::<V, $points, $n, $m>(block, phases, out);
        }

        dispatched! {
            fn $output(block: &Block, products: &[f32], phases: &mut [f32]) => $output_any
        }

        #[inline(always)]
        fn $output_any<V: Lanes>(block: &Block, products: &[f32], phases: &mut [f32]) {
            transform_output::<V, $points, $n, $m>(block, products, phases);
        }

        dispatched! {
            fn $filters(w: &[[f32; SIDE]; 9], pitch: usize, out: &mut [f32]) => $filters_any
        }

        #[inline(always)]
        fn $filters_any<V: Lanes>(w: &[[f32; SIDE]; 9], pitch: usize, out: &mut [f32]) {
            transform_filters::<V, $points, $n, $m>(w, pitch, out);
        }

        dispatched! {
            fn $pixels(pixels: &[f32], place: &Pixels, out: &mut [f32]) => $pixels_any
        }

        #[inline(always)]
        fn $pixels_any<V: Lanes>(pixels: &[f32], place: &Pixels, out: &mut [f32]) {
            let pitches = [place.row_pitch, place.channels];
            transform_pixels::<V, $points, $n, $m>(pixels, pitches, place.frequency, |channel| place.at(channel), out);
        }

        dispatched! {
            fn $spread(block: &Block, phases: &[f32], out: &mut [f32]) => $spread_any
        }

        #[inline(always)]
        fn $spread_any<V: Lanes>(block: &Block, phases: &[f32], out: &mut [f32]) {
            spread_output::<V, $points, $n, $m>(block, phases, out);
        }

        dispatched! {
            fn $gather(u: &[f32], pitch: usize, w: &mut [[f32; SIDE]; 9]) => $gather_any
        }

        #[inline(always)]
        fn $gather_any<V: Lanes>(u: &[f32], pitch: usize, w: &mut [[f32; SIDE]; 9]) {
            gather_filters::<V, $points, $n, $m>(u, pitch, w);
        }
    };
}

rows!(4, split_four, split_four_any, split_changed_four, split_changed_four_any, join_four, join_four_any);
rows!(3, split_three, split_three_any, split_changed_three, split_changed_three_any, join_three, join_three_any);
rows!(2, split_two, split_two_any, split_changed_two, split_changed_two_any, join_two, join_two_any);
transforms!(
    Four,
    6,
    4,
    input_four,
    input_four_any,
    output_four,
    output_four_any,
    filters_four,
    filters_four_any,
    pixels_four,
    pixels_four_any,
    spread_four,
    spread_four_any,
    gather_four,
    gather_four_any
);
transforms!(
    Pair,
    5,
    4,
    input_pair,
    input_pair_any,
    output_pair,
    output_pair_any,
    filters_pair,
    filters_pair_any,
    pixels_pair,
    pixels_pair_any,
    spread_pair,
    spread_pair_any,
    gather_pair,
    gather_pair_any
);
transforms!(
    Three,
    5,
    3,
    input_three,
    input_three_any,
    output_three,
    output_three_any,
    filters_three,
    filters_three_any,
    pixels_three,
    pixels_three_any,
    spread_three,
    spread_three_any,
    gather_three,
    gather_three_any
);
transforms!(
    Two,
    4,
    2,
    input_two,
    input_two_any,
    output_two,
    output_two_any,
    filters_two,
    filters_two_any,
    pixels_two,
    pixels_two_any,
    spread_two,
    spread_two_any,
    gather_two,
    gather_two_any
);
