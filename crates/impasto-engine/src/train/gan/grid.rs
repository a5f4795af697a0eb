//! Sizes of pictures as a base grid that is doubled again and again.

/// Sides that the shorter side of a base grid may have.
const BASE: std::ops::RangeInclusive<usize> = 4..=8;

/// How often as long as the shorter side the longer one may be.
const ASPECT: usize = 4;

/// Doublings that networks may have.
const DOUBLINGS: std::ops::RangeInclusive<u32> = 2..=8;

/// A base grid and how often it is doubled on the way to the size of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Rows and columns of the base grid.
    pub base: [usize; 2],
    /// Number of doublings.
    pub doublings: usize,
}

impl Grid {
    /// The grid for pictures of `size` (rows, columns): the smallest of those that give exactly this size.
    ///
    /// # Errors
    /// A line that names the nearest size that fits.
    pub fn of(size: [usize; 2]) -> Result<Self, String> {
        let exact = |&doublings: &u32| {
            let base = size.map(|side| side >> doublings);
            base.map(|side| side << doublings) == size && allowed(base)
        };
        if let Some(doublings) = DOUBLINGS.rev().find(exact) {
            return Ok(Self { base: size.map(|side| side >> doublings), doublings: doublings as usize });
        }
        let [rows, columns] = size;
        let [near_rows, near_columns] = nearest(size);
        Err(format!(
            "pictures of {rows}x{columns} do not fit: rows and columns must be {} to {} (the longer side up to {ASPECT} times \
             the shorter) times the same power of two; the nearest is {near_rows}x{near_columns}",
            BASE.start(),
            BASE.end(),
        ))
    }

    /// Rows and columns after so many doublings.
    pub fn size_after(&self, doublings: usize) -> [usize; 2] {
        self.base.map(|side| side << doublings)
    }

    /// Positions after so many doublings.
    pub fn area(&self, doublings: usize) -> f64 {
        self.size_after(doublings).iter().product::<usize>() as f64
    }

    /// After how many doublings, at least one, the shorter side is `side`; `None` for no side.
    ///
    /// # Errors
    /// A line that names the sides there are.
    pub fn level_of(&self, side: Option<usize>) -> Result<Option<usize>, String> {
        let Some(side) = side else { return Ok(None) };
        let short = |doublings: usize| self.base[0].min(self.base[1]) << doublings;
        match (1..=self.doublings).find(|&doublings| short(doublings) == side) {
            Some(doublings) => Ok(Some(doublings)),
            None => {
                let sides: Vec<String> = (1..=self.doublings).map(|doublings| short(doublings).to_string()).collect();
                Err(format!("attention is {side}, and maps have shorter sides of {}", sides.join(", ")))
            }
        }
    }

    /// Channels after 0, 1, ... doublings: `width` at full size, twice as many at each halving, at most `most`.
    pub fn widths(&self, width: usize, most: usize) -> Vec<usize> {
        let halved = |times: usize| width.saturating_mul(1 << times).min(most.max(width));
        (0..=self.doublings).rev().map(halved).collect()
    }
}

fn allowed(base: [usize; 2]) -> bool {
    let (short, long) = (base[0].min(base[1]), base[0].max(base[1]));
    BASE.contains(&short) && long <= ASPECT * short
}

/// The nearest size that fits.
fn nearest(size: [usize; 2]) -> [usize; 2] {
    let mut best = ([32; 2], usize::MAX);
    for doublings in DOUBLINGS.rev() {
        // Around the rounded quotient, so that the shorter side can be brought within its range.
        let near = |side: usize| {
            let middle = side.saturating_add((1 << doublings) / 2) >> doublings;
            [middle.clamp(*BASE.start(), *BASE.end()), middle.clamp(*BASE.start(), ASPECT * BASE.end())]
        };
        for rows in near(size[0]) {
            for columns in near(size[1]).into_iter().filter(|&columns| allowed([rows, columns])) {
                let found = [rows << doublings, columns << doublings];
                let distance = found[0].abs_diff(size[0]).saturating_add(found[1].abs_diff(size[1]));
                if distance < best.1 {
                    best = (found, distance);
                }
            }
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_split_or_refused_with_the_nearest() {
        for (size, base, doublings) in [
            ([16, 16], [4, 4], 2),
            ([28, 28], [7, 7], 2),
            ([32, 32], [4, 4], 3),
            ([48, 32], [6, 4], 3),
            ([64, 256], [4, 16], 4),
            ([192, 128], [6, 4], 5),
            ([1024, 1024], [4, 4], 8),
        ] {
            assert_eq!(Grid::of(size), Ok(Grid { base, doublings }), "{size:?}");
            assert_eq!(Grid { base, doublings }.size_after(doublings), size);
        }
        for (size, near) in [
            ([100, 100], "96x96"),
            ([33, 47], "32x48"),
            ([1, 1], "16x16"),
            ([30, 500], "128x512"),
            ([4000, usize::MAX], "2048"),
        ] {
            let problem = Grid::of(size).unwrap_err();
            assert!(problem.contains(near), "{problem}");
        }
    }

    #[test]
    fn widths_double_towards_the_base() {
        let grid = Grid { base: [4, 4], doublings: 3 };
        assert_eq!(grid.widths(32, 128), [128, 128, 64, 32]);
        assert_eq!(grid.widths(32, 8), [32; 4]);
    }
}
