//! The two forms of the algorithm as values, so that everything around the inner loops is compiled once.

use super::points::{Four, Two};
use super::tiles::{Block, SIDE, transform_filters, transform_input, transform_output};
use crate::dispatch::{Isa, dispatched};
use crate::lanes::Lanes;
use crate::rows::{join_row, split_row};

/// One form: tiles of `results x results` from `values x values`.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Side of a tile of the input.
    pub(crate) values: usize,
    /// Side of a tile of the output.
    pub(crate) results: usize,
    /// [`split_row`].
    pub(crate) split: fn(Isa, &[f32], usize, &mut [f32], usize),
    /// [`join_row`].
    pub(crate) join: fn(Isa, &[f32], usize, f32, &mut [f32]),
    /// [`transform_input`].
    pub(crate) input: fn(Isa, &Block, &[f32], &mut [f32]),
    /// [`transform_output`].
    pub(crate) output: fn(Isa, &Block, &[f32], &mut [f32]),
    /// [`transform_filters`].
    pub(crate) filters: fn(Isa, &[[f32; SIDE]; 9], usize, &mut [f32]),
}

impl Form {
    /// F(4, 3).
    pub(crate) const FOUR: Self = Self {
        values: 6,
        results: 4,
        split: split_four,
        join: join_four,
        input: input_four,
        output: output_four,
        filters: filters_four,
    };

    /// F(2, 3).
    pub(crate) const TWO: Self = Self {
        values: 4,
        results: 2,
        split: split_two,
        join: join_two,
        input: input_two,
        output: output_two,
        filters: filters_two,
    };

    /// Transformed values of one tile.
    pub(crate) fn area(&self) -> usize {
        self.values * self.values
    }
}

macro_rules! form {
    ($points:ty, $n:literal, $m:literal, $split:ident, $split_any:ident, $join:ident, $join_any:ident, $input:ident,
     $input_any:ident, $output:ident, $output_any:ident, $filters:ident, $filters_any:ident) => {
        dispatched! {
            fn $split(row: &[f32], start: usize, phases: &mut [f32], pitch: usize) => $split_any
        }

        #[inline(always)]
        fn $split_any<V: Lanes>(row: &[f32], start: usize, phases: &mut [f32], pitch: usize) {
            split_row::<$m>(row, start, phases, pitch);
        }

        dispatched! {
            fn $join(phases: &[f32], pitch: usize, bias: f32, row: &mut [f32]) => $join_any
        }

        #[inline(always)]
        fn $join_any<V: Lanes>(phases: &[f32], pitch: usize, bias: f32, row: &mut [f32]) {
            join_row::<$m>(phases, pitch, bias, row);
        }

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
    };
}

form!(
    Four,
    6,
    4,
    split_four,
    split_four_any,
    join_four,
    join_four_any,
    input_four,
    input_four_any,
    output_four,
    output_four_any,
    filters_four,
    filters_four_any
);
form!(
    Two,
    4,
    2,
    split_two,
    split_two_any,
    join_two,
    join_two_any,
    input_two,
    input_two_any,
    output_two,
    output_two_any,
    filters_two,
    filters_two_any
);
