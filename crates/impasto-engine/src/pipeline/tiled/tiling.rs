//! How a picture is divided.

use std::ops::Range;

use crate::tiled::View;

/// Tiles begin at multiples of this: four cells of the coarsest map, so that convolution kernels that compute blocks of
/// four divide every tile as they divide the whole.
pub(in crate::pipeline) const ALIGN: usize = 32;

/// A division into tiles of nearly one size, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Tiling {
    /// Height and width of the whole.
    whole: [usize; 2],
    /// Height and width of a tile; the last of a row or column may be smaller.
    tile: [usize; 2],
}

impl Tiling {
    /// Divides `whole` (height and width) into tiles with sides of `side` at most.
    pub(in crate::pipeline) fn new(whole: [usize; 2], side: usize) -> Self {
        let side = side.max(ALIGN);
        let tile = whole.map(|length| length.div_ceil(length.div_ceil(side)).next_multiple_of(ALIGN));
        Self { whole, tile }
    }

    fn grid(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.whole[axis].div_ceil(self.tile[axis]))
    }

    /// How many tiles there are.
    pub(in crate::pipeline) fn count(&self) -> usize {
        self.grid().iter().product()
    }

    /// A tile and the `halo` around it, except where the picture ends.
    pub(in crate::pipeline) fn view(&self, index: usize, halo: usize) -> View {
        let columns = self.grid()[1];
        let place = [index / columns, index % columns];
        let core = [0, 1].map(|axis| {
            let start = place[axis] * self.tile[axis];
            start..(start + self.tile[axis]).min(self.whole[axis])
        });
        let grown = |axis: usize| -> Range<usize> {
            let Range { start, end } = core[axis];
            start.saturating_sub(halo)..(end + halo).min(self.whole[axis])
        };
        View { whole: self.whole, outer: [grown(0), grown(1)], core: core.clone() }
    }

    /// Pixels of the largest tile with its halo.
    pub(in crate::pipeline) fn largest(&self, halo: usize) -> usize {
        let area = |view: View| view.outer.iter().map(ExactSizeIterator::len).product();
        (0..self.count()).map(|i| area(self.view(i, halo))).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_everything_once() {
        for (whole, side) in [([64, 64], 32), ([104, 200], 64), ([40, 4000], 512), ([96, 8], 4096), ([1000, 33], 1)] {
            let tiling = Tiling::new(whole, side);
            let mut seen = vec![0u8; whole[0] * whole[1]];
            for i in 0..tiling.count() {
                let view = tiling.view(i, 40);
                assert!(view.core.iter().all(|range| range.start % ALIGN == 0 && range.len() <= side.max(ALIGN)));
                for y in view.core[0].clone() {
                    for x in view.core[1].clone() {
                        seen[y * whole[1] + x] += 1;
                    }
                }
                for axis in [0, 1] {
                    let (core, outer) = (&view.core[axis], &view.outer[axis]);
                    assert!(outer.start == 0 || outer.start + 40 == core.start);
                    assert!(outer.end == whole[axis] || core.end + 40 == outer.end);
                }
            }
            assert!(seen.iter().all(|n| *n == 1), "{whole:?} {side}");
        }
    }
}
