//! Many pictures on one.

use std::fmt;
use std::str::FromStr;

use impasto_image::{Limits, Picture, sheet::contact_sheet};
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};

/// Pixels between pictures.
const GAP: u32 = 2;

/// Columns and rows of a sheet, written `8x4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Columns, from 1.
    pub columns: u32,
    /// Rows, from 1.
    pub rows: u32,
}

impl Grid {
    /// The grid for so many pictures that is nearest to a square.
    pub fn square(count: usize) -> Self {
        let columns = (1..).find(|side: &usize| side * side >= count).unwrap_or(1).max(1) as u32;
        Self { columns, rows: (count.max(1) as u32).div_ceil(columns) }
    }

    /// Refuses a sheet without room for `count` pictures.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that says how many there are.
    pub fn holds(self, count: usize) -> Result<()> {
        if u64::from(self.columns) * u64::from(self.rows) < count as u64 {
            let text = format!("a grid of {self} has no room for {count} pictures; give --grid COLSxROWS");
            return Err(EngineError::Caller(text));
        }
        Ok(())
    }

    /// Refuses a sheet of pictures of `size` (rows, columns) that would be above the limits.
    ///
    /// # Errors
    /// [`EngineError::Limit`].
    pub fn check(self, size: [u32; 2], limits: &Limits) -> Result<()> {
        let side = |count: u32, side: u32| u64::from(count) * u64::from(side + GAP) + u64::from(GAP);
        let (w, h) = (side(self.columns, size[1]), side(self.rows, size[0]));
        if w.saturating_mul(h) > limits.max_pixels {
            let text =
                format!("a sheet of {w}x{h} pixels is above the limit; ask for fewer pictures or more megapixels");
            return Err(EngineError::Limit(text));
        }
        Ok(())
    }
}

impl FromStr for Grid {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=10_000).contains(side));
        let parts = text.split_once('x').and_then(|(columns, rows)| Some((side(columns)?, side(rows)?)));
        let (columns, rows) =
            parts.ok_or_else(|| EngineError::Caller(format!("grid '{text}': write columns and rows like 8x4")))?;
        Ok(Self { columns, rows })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

/// Pictures of one size beside and below each other, at their own size.
pub fn sheet(pictures: &[Picture], grid: Grid) -> Picture {
    let cell = pictures.first().map_or((1, 1), |picture| (picture.width, picture.height));
    contact_sheet(&pictures.iter().collect::<Vec<_>>(), grid.columns, cell, GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_read_and_fit() {
        assert_eq!("8x4".parse::<Grid>().unwrap(), Grid { columns: 8, rows: 4 });
        for text in ["", "8", "0x1", "8x", "axb", "99999x1"] {
            assert!(text.parse::<Grid>().is_err(), "{text}");
        }
        for (count, grid) in [(1, "1x1"), (2, "2x1"), (5, "3x2"), (16, "4x4"), (64, "8x8")] {
            assert_eq!(Grid::square(count).to_string(), grid);
            assert!(Grid::square(count).holds(count).is_ok());
        }
        let grid = Grid { columns: 2, rows: 2 };
        assert!(grid.holds(5).is_err());
        assert!(grid.check([100, 100], &Limits::default()).is_ok());
        assert!(grid.check([100_000, 100_000], &Limits::default()).is_err());
    }
}
