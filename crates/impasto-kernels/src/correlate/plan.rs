//! How the work of a correlation is cut, and where its sums lie.

use std::ops::Range;

use super::Correlation;
use crate::strip::Layout;
use crate::tile_sums::DOT_BLOCK;

/// Positions in one strip: planes of this length stay in the first level cache while a tile goes over them.
const RUN: usize = 1280;

/// Most partial results that are summed at the end.
const CHUNKS: usize = 16;

/// Values that all partial results together should not exceed.
const PARTIALS: usize = 1 << 21;

/// Terms below which turning the grid's planes costs more than it saves.
const FEW_TERMS: usize = 100;

/// How a part of the grid's channels is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Vectors of channels, for planes turned to `[position][channel]`.
    Outer,
    /// Vectors of positions.
    Dot,
}

/// Channels of the grid that one task works on, of those in one group.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) channels: Range<usize>,
    /// The channels rounded up to whole vectors, for [`Method::Outer`].
    pub(super) width: usize,
    pub(super) method: Method,
    /// Widths of the parts before.
    pub(super) before: usize,
}

/// How the work is cut. Everything but the limits of parts of one method decides the order of summation and so depends
/// on the shape (and the instruction set) alone.
pub(super) struct Plan {
    pub(super) layout: Layout,
    /// Rows of the grid in one strip.
    pub(super) rows: usize,
    /// Strips of one image.
    pub(super) strips: usize,
    /// Strips, over all images, that one partial result sums.
    pub(super) strips_per_chunk: usize,
    /// Number of partial results.
    pub(super) chunks: usize,
    pub(super) parts: Vec<Part>,
    /// Width of all parts together.
    pub(super) width: usize,
    /// Source channels times taps.
    pub(super) terms: usize,
}

/// The sums, where [`Correlation::run`] left them.
pub(crate) struct Sums<'a> {
    pub(super) values: &'a [f32],
    pub(super) plan: &'a Plan,
}

impl Sums<'_> {
    /// The sums of one channel of the grid, in the order of source channels and taps.
    pub(crate) fn of(&self, group: usize, channel: usize) -> Option<Column<'_>> {
        let part = self.plan.parts.iter().find(|part| part.channels.contains(&channel))?;
        let start = (group * self.plan.width + part.before) * self.plan.terms + channel - part.channels.start;
        Some(Column { values: &self.values[start..], step: part.width })
    }
}

/// The sums of one channel.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(super) values: &'a [f32],
    pub(super) step: usize,
}

impl Column<'_> {
    /// The sum for one term.
    pub(crate) fn at(&self, term: usize) -> f32 {
        self.values[term * self.step]
    }
}

impl Correlation {
    pub(super) fn plan(&self) -> Plan {
        let pitch = self.source.pitch();
        let strips = self.grid[0].div_ceil((RUN / pitch).clamp(1, self.grid[0]));
        let rows = self.grid[0].div_ceil(strips);
        let strips = self.grid[0].div_ceil(rows);
        let all = self.batch * strips;
        let terms = self.channels_source * self.kernel[0] * self.kernel[1];
        let sums = self.groups * self.channels_grid * terms;
        let chunks = CHUNKS.min(PARTIALS / sums).clamp(1, all);
        let strips_per_chunk = all.div_ceil(chunks);
        let chunks = all.div_ceil(strips_per_chunk);
        let parts = self.parts(terms, chunks);
        Plan {
            layout: self.source.layout(rows),
            rows,
            strips,
            strips_per_chunk,
            chunks,
            width: parts.iter().map(|part| part.width).sum(),
            parts,
            terms,
        }
    }

    /// Cuts the channels of the grid: whole vectors first, also the last if it is more than half full, then the rest.
    fn parts(&self, terms: usize, chunks: usize) -> Vec<Part> {
        let lanes = self.isa.lanes();
        let channels = self.channels_grid;
        let vectors = if terms < FEW_TERMS { 0 } else { (channels + lanes / 2 - 1) / lanes };
        let turned = channels.min(vectors * lanes);
        let wanted = (2 * rayon::current_num_threads()).div_ceil(chunks * self.groups);
        let mut parts = Vec::new();
        let mut before = 0;
        let mut cut = |range: Range<usize>, step: usize, method: Method| {
            for start in range.clone().step_by(step) {
                let channels = start..range.end.min(start + step);
                let width =
                    if method == Method::Outer { channels.len().next_multiple_of(lanes) } else { channels.len() };
                parts.push(Part { channels, width, method, before });
                before += width;
            }
        };
        if turned > 0 {
            cut(0..turned, vectors.div_ceil(wanted.min(vectors.div_ceil(3))) * lanes, Method::Outer);
        }
        if turned < channels {
            let blocks = (channels - turned).div_ceil(DOT_BLOCK);
            cut(turned..channels, blocks.div_ceil(wanted.min(blocks.div_ceil(4))) * DOT_BLOCK, Method::Dot);
        }
        parts
    }
}
