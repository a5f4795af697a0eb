//! How filters are made ready for a convolution, and filters that stay so.

use super::filters::Filters;
use super::form::Form;
use super::{DOUBLED, form, in_parts, quadrupled, quartered};
use crate::dispatch::Isa;
use crate::error::{ShapeError, check_length};
use crate::scratch::Scratch;
use crate::shape::Conv2d;

/// What filters are made ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The convolution itself.
    Forward,
    /// The gradient of its input.
    InputGrad,
}

/// In which way filters become those of 3x3 that Winograd's forms take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As they are.
    Plain,
    /// Four for each, of which every one makes every second row and column of an upsampled target.
    Doubled,
    /// Cut into parts.
    Parts,
    /// Turned around, with the channels of the target as those of the source.
    Turned,
    /// Four of 2x2 taps for each, which see every second row and column of the source.
    Quartered,
    /// The same with the channels of the target as those of the source, and of every second row and column of the target.
    Quadrupled,
}

/// How the filters of a convolution are made ready. Convolutions of one recipe can share filters, whatever their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) isa: Isa,
    pub(crate) form: Form,
    pub(crate) way: Way,
    /// Channels of the output and of the input.
    channels: [usize; 2],
    kernel: [usize; 2],
}

impl Recipe {
    /// That of a convolution, `None` where its filters are taken as they are.
    pub(crate) fn forward(isa: Isa, shape: &Conv2d) -> Option<Self> {
        let recipe = |form, way| Self { form, way, ..Self::plain(isa, shape) };
        match form(shape) {
            // With upsampling every output is a sum over 2x2 stored values.
            Some(form) if shape.upsample == 2 && shape.padding == [1, 1] => Some(recipe(form, Way::Doubled)),
            Some(form) => Some(recipe(form, Way::Plain)),
            None if in_parts(shape) => Some(recipe(Form::THREE, Way::Parts)),
            None if quartered(shape) => Some(recipe(Form::PAIR, Way::Quartered)),
            None => None,
        }
    }

    /// That of the gradient of a convolution's input.
    pub(crate) fn input_grad(isa: Isa, shape: &Conv2d) -> Option<Self> {
        let recipe = |form, way| Some(Self { form, way, ..Self::plain(isa, shape) });
        match form(shape) {
            Some(form) if shape.upsample == 1 => recipe(form, Way::Turned),
            None if quadrupled(shape) => recipe(Form::FOUR, Way::Quadrupled),
            _ => None,
        }
    }

    fn plain(isa: Isa, shape: &Conv2d) -> Self {
        let channels = [shape.channels_out, shape.channels_in];
        Self { isa, form: Form::FOUR, way: Way::Plain, channels, kernel: shape.kernel }
    }

    /// Rows and columns of 3x3 parts that a filter has.
    pub(crate) fn parts(&self) -> [usize; 2] {
        if self.way == Way::Parts { self.kernel.map(|size| size.div_ceil(3)) } else { [1, 1] }
    }

    /// Channels that are computed.
    pub(crate) fn computed(&self) -> usize {
        let [to, from] = self.channels;
        match self.way {
            Way::Plain | Way::Parts | Way::Quartered => to,
            Way::Doubled => 4 * to.next_multiple_of(DOUBLED),
            Way::Turned => from,
            Way::Quadrupled => 4 * from.next_multiple_of(DOUBLED),
        }
    }

    /// Makes filters ready in a buffer that `buffer` gives for a number of values.
    pub(crate) fn make(&self, w: &[f32], buffer: impl FnOnce(usize) -> Scratch) -> Filters {
        let [to_all, from_all] = self.channels;
        let area = self.kernel[0] * self.kernel[1];
        let plain = |to: usize, from: usize| &w[(to * from_all + from) * area..][..area];
        let whole = |to: usize, from: usize| -> [f32; 9] { plain(to, from).try_into().unwrap_or([0.0; 9]) };
        let computed = self.computed();
        let (isa, form) = (self.isa, self.form);
        match self.way {
            Way::Plain => Filters::new(isa, form, [computed, from_all], buffer, whole),
            Way::Doubled => Filters::new(isa, form, [computed, from_all], buffer, |to, from| {
                let (phases, to) = phases(to);
                if to < to_all { merged(&whole(to, from), phases) } else { [0.0; 9] }
            }),
            Way::Parts => {
                let [part_rows, part_columns] = self.parts();
                let parts = part_rows * part_columns;
                let [rows, columns] = self.kernel;
                // Beyond the filter's last row and column are zeros.
                Filters::new(isa, form, [computed, from_all * parts], buffer, |to, from| {
                    let (filter, part) = (plain(to, from / parts), from % parts);
                    std::array::from_fn(|tap| {
                        let row = part / part_columns * 3 + tap / 3;
                        let column = part % part_columns * 3 + tap % 3;
                        if row < rows && column < columns { filter[row * columns + column] } else { 0.0 }
                    })
                })
            }
            Way::Turned => Filters::new(isa, form, [computed, to_all], buffer, |to, from| {
                let mut filter = whole(from, to);
                filter.reverse();
                filter
            }),
            Way::Quartered => Filters::new(isa, form, [computed, 4 * from_all], buffer, |to, from| {
                let (filter, [row, column]) = (plain(to, from / 4), [from / 2 % 2, from % 2]);
                let tap = |i: usize, j: usize| filter[4 * (2 * i + row) + 2 * j + column];
                [tap(0, 0), tap(0, 1), 0.0, tap(1, 0), tap(1, 1), 0.0, 0.0, 0.0, 0.0]
            }),
            Way::Quadrupled => Filters::new(isa, form, [computed, to_all], buffer, |to, from| {
                let ([row, column], to) = phases(to);
                if to >= from_all {
                    return [0.0; 9];
                }
                let filter = plain(from, to);
                // Which taps of the filter lead from the values before, at and behind a place to this phase of it.
                let tap = |phase: usize, at: usize| (phase + 3).checked_sub(2 * at).filter(|&tap| tap < 4);
                std::array::from_fn(|place| match (tap(row, place / 3), tap(column, place % 3)) {
                    (Some(i), Some(j)) => filter[4 * i + j],
                    _ => 0.0,
                })
            }),
        }
    }
}

/// Which rows and columns of a doubled target a computed channel makes, and of which channel.
fn phases(computed: usize) -> ([usize; 2], usize) {
    let phase = computed / DOUBLED % 4;
    ([phase / 2, phase % 2], computed / (4 * DOUBLED) * DOUBLED + computed % DOUBLED)
}

/// The filter of stored values that makes the upper or lower row and the left or right column of an upsampled target.
fn merged(filter: &[f32; 9], phases: [usize; 2]) -> [f32; 9] {
    // Which of the filter's rows fall on a stored row.
    let rows = |phase: usize, tap: usize| match (phase, tap) {
        (0, 0) => 0..1,
        (0, 1) => 1..3,
        (1, 1) => 0..2,
        (1, 2) => 2..3,
        _ => 0..0,
    };
    std::array::from_fn(|tap| {
        let columns = |row: usize| rows(phases[1], tap % 3).map(move |column| 3 * row + column);
        rows(phases[0], tap / 3).flat_map(columns).map(|tap| filter[tap]).sum()
    })
}

/// Filters that were made ready for one purpose, to be used again for convolutions of other sizes, too. They take four times the
/// memory of the weights, with upsampling sixteen times, those of 4x4 and stride 2 six (forward) or nine times.
pub struct Packed {
    recipe: Recipe,
    filters: Filters,
}

impl Packed {
    /// Makes the filters `w` `[channels_out, channels_in / groups, kernel[0], kernel[1]]` of a convolution ready; `None` where
    /// that takes nothing.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] where the shape is invalid or `w` disagrees with it.
    pub fn new(shape: &Conv2d, purpose: Purpose, w: &[f32]) -> Result<Option<Self>, ShapeError> {
        Self::new_on(Isa::detect(), shape, purpose, w)
    }

    pub(crate) fn new_on(isa: Isa, shape: &Conv2d, purpose: Purpose, w: &[f32]) -> Result<Option<Self>, ShapeError> {
        shape.validate()?;
        check_length("w", w, shape.weight_len())?;
        let recipe = Self::recipe(isa, shape, purpose);
        Ok(recipe.map(|recipe| Self { recipe, filters: recipe.make(w, Scratch::apart) }))
    }

    /// Whether these filters are ready for a convolution. The weights that they were made of must be its own: that is not
    /// looked at.
    #[must_use]
    pub fn suits(&self, shape: &Conv2d, purpose: Purpose) -> bool {
        Self::recipe(self.recipe.isa, shape, purpose) == Some(self.recipe)
    }

    fn recipe(isa: Isa, shape: &Conv2d, purpose: Purpose) -> Option<Recipe> {
        match purpose {
            Purpose::Forward => Recipe::forward(isa, shape),
            Purpose::InputGrad => Recipe::input_grad(isa, shape),
        }
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

/// The weights of a convolution, and what was made of them where that was kept.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[channels_out, channels_in / groups, kernel[0], kernel[1]]`
    pub values: &'a [f32],
    /// Made of these very values. Where it does not suit the convolution it is not used.
    pub packed: Option<&'a Packed>,
}

impl Weights<'_> {
    /// Calls `work` with the filters of a recipe, which are made where they were not kept.
    pub(crate) fn with<R>(&self, recipe: &Recipe, work: impl FnOnce(&Filters) -> R) -> R {
        match self.packed {
            Some(packed) if packed.recipe == *recipe => work(&packed.filters),
            _ => work(&recipe.make(self.values, Scratch::new)),
        }
    }
}

impl<'a> From<&'a [f32]> for Weights<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self { values, packed: None }
    }
}
