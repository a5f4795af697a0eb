//! Which way of imitating suits so many works of one hand.

use std::fmt;

/// A way to imitate an artist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imitation {
    /// One work.
    Single,
    /// A few works.
    StyleCodes,
    /// Enough works to learn a hand from.
    Artist,
    /// So many that a network can learn from nothing.
    Translation,
}

impl Imitation {
    /// The way for so many works.
    pub fn of(works: usize) -> Self {
        match works {
            0..=1 => Self::Single,
            2..=9 => Self::StyleCodes,
            10..=300 => Self::Artist,
            _ => Self::Translation,
        }
    }

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Single => {
                "paint with it by 'impasto stylize --style FILE', or learn it by 'impasto train translate --method single'"
            }
            Self::StyleCodes => {
                "mix them by several --style in 'impasto stylize', or keep each by 'impasto styles make'"
            }
            Self::Artist => "learn the hand by 'impasto train artist'",
            Self::Translation => {
                "learn a network of its own by 'impasto train translate --method cut'; 'impasto train artist' is quicker"
            }
        }
    }

    /// Why.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Single => "one work is a style, not a hand",
            Self::StyleCodes => "fewer than 10 works say little about a hand beyond their own styles",
            Self::Artist => "10 to 300 works show what they share, and are too few for a network from nothing",
            Self::Translation => "more than 300 works are enough for a network from nothing",
        }
    }
}

impl fmt::Display for Imitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason(), self.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_works_decides() {
        let ways = [1, 2, 9, 10, 300, 301].map(Imitation::of);
        use Imitation::{Artist, Single, StyleCodes, Translation};
        assert_eq!(ways, [Single, StyleCodes, StyleCodes, Artist, Artist, Translation]);
    }
}
