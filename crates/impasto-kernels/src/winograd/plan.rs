//! How the work is cut.

use super::{DOUBLED, Winograd};
use crate::scratch::LINE;
use crate::strip::{Columns, ZERO};
use crate::tile::widest_block;

/// Values that transformed tiles of source and target should not exceed, so that they stay in the second level cache.
const BLOCK_VALUES: usize = 400 << 10;

/// Fewest tiles of a block where there are as many: three vectors of 16.
const LEAST_TILES: usize = 48;

/// How the work is cut.
pub(super) struct Plan {
    /// Images in one block, more than one only where a block holds all of an image's tiles.
    pub(super) images: usize,
    /// Rows of tiles in one block.
    pub(super) rows: usize,
    /// Rows of blocks in one image.
    pub(super) strips: usize,
    /// Columns of tiles in one block.
    pub(super) columns: usize,
    /// The same of the source, which is how far rows of tiles lie apart.
    pub(super) wide: usize,
    /// How the columns of each block are read, for each list of them.
    pub(super) readers: Vec<Vec<Columns>>,
    /// Channels of the target in one task.
    pub(super) channels: usize,
    /// Number of such parts.
    pub(super) parts: usize,
    /// Distance between the channels of transformed tiles.
    pub(super) pitch: usize,
    /// Where tiles are narrow, for each list of columns the stored columns of all values of tiles, `[form.values][columns]`; one
    /// behind the last where nothing is stored.
    pub(super) columns_of: Vec<Vec<usize>>,
    /// Whether a row of an image's tiles is too short for vectors: they run over all tiles of a block then.
    pub(super) narrow: bool,
}

/// The place of one task.
pub(super) struct Task {
    pub(super) images: std::ops::Range<usize>,
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) column: usize,
    pub(super) channels: std::ops::Range<usize>,
}

impl Winograd<'_> {
    pub(super) fn plan(&self) -> Plan {
        let [tile_rows, tile_columns] = self.tiles();
        let reach = self.reach();
        let together = self.together(self.channels_target);
        let per_tile = self.form.area() * (self.channels_source * self.phases() + together);
        let wanted_tiles = BLOCK_VALUES / per_tile / LINE * LINE;
        let columns = if reach == [0, 0] {
            let wanted_tiles = wanted_tiles.clamp(LEAST_TILES, 8 * LEAST_TILES);
            let parts = tile_columns.div_ceil(wanted_tiles);
            if parts == 1 { tile_columns } else { tile_columns.div_ceil(parts).next_multiple_of(LINE) }
        } else {
            // Nearly square, since tiles at the sides are transformed again for the next block.
            let wanted_columns = (2 * wanted_tiles.isqrt()).max(LEAST_TILES);
            tile_columns.div_ceil(tile_columns.div_ceil(wanted_columns))
        };
        let parts = tile_columns.div_ceil(columns);
        let wide = columns + reach[1];
        let threads = rayon::current_num_threads();
        // As many rows as keep vectors full and threads busy.
        let cost = |rows: usize| {
            let tasks = self.batch * tile_rows.div_ceil(rows) * parts;
            let vectors = (rows * wide).div_ceil(LINE) + (reach[0] * wide).div_ceil(2 * LINE);
            tasks.div_ceil(threads) * (2 * vectors + 1)
        };
        let least = if reach == [0, 0] { LEAST_TILES } else { LEAST_TILES / 2 * (2 + reach[0]) };
        let fit = wanted_tiles.clamp(least, 8 * least);
        let most = (fit / wide).saturating_sub(reach[0]).clamp(1, tile_rows);
        let rows = (1..=most).rev().min_by_key(|&rows| cost(rows)).unwrap_or(1);
        let strips = tile_rows.div_ceil(rows);
        let tiles = (rows + reach[0]) * wide;
        let images = if strips * parts == 1 { (fit / tiles).clamp(1, self.batch) } else { 1 };
        let images = images.min(self.batch.div_ceil(threads));
        let tasks = self.batch.div_ceil(images) * strips * parts;
        let unit = if self.doubled { 4 * DOUBLED } else { widest_block(self.isa) };
        let units = self.channels_target.div_ceil(unit);
        let channel_parts = threads.div_ceil(tasks).min(units.div_ceil(2));
        let channels = units.div_ceil(channel_parts) * unit;
        let m = self.form.results;
        let lists = &self.axes[1];
        let reader = |column: usize| {
            let from =
                |list: &Vec<usize>| Columns::new(&list[list.len().min(column * columns * m)..], 0, 1, (wide + 1) * m);
            lists.iter().map(from).collect()
        };
        let columns_of = |list: &Vec<usize>| {
            let stored = |at: usize| list.get(at).copied().unwrap_or(ZERO).min(self.source[1]);
            (0..self.form.values).flat_map(|k| (0..columns).map(move |tile| stored(m * tile + k))).collect()
        };
        Plan {
            images,
            rows,
            strips,
            columns,
            wide,
            readers: (0..parts).map(reader).collect(),
            channels,
            parts: self.channels_target.div_ceil(channels),
            columns_of: lists.iter().map(columns_of).collect(),
            narrow: reach == [0, 0] && parts == 1 && columns <= self.isa.lanes() / 2,
            // A vector of slack for the overrun of the last row, and no power of two.
            pitch: (images * tiles).next_multiple_of(LINE) + LINE,
        }
    }
}
