//! Lists of seeds and of layers, as users write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};

/// Most seeds of one job.
const MAX_SEEDS: u64 = 100_000;

/// Seeds stay below this, so that every reader of JSON can hold them.
const SEED_END: u64 = 1 << 53;

/// Seeds in their order, written `0,1,4-6`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Seeds(pub Vec<u64>);

impl FromStr for Seeds {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |why: &str| EngineError::Caller(format!("seeds '{text}': {why}; write them like 0,1,4-6"));
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u64>().ok().filter(|&seed| seed < SEED_END);
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                return Err(refused(&format!("'{part}' is neither a number from 0 to {} nor a range", SEED_END - 1)));
            };
            if last < first {
                return Err(refused(&format!("'{part}' ends before it begins")));
            }
            if last - first >= MAX_SEEDS || seeds.len() as u64 + (last - first) >= MAX_SEEDS {
                return Err(refused(&format!("these are more than {MAX_SEEDS}")));
            }
            seeds.extend(first..=last);
        }
        Ok(Self(seeds))
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        let mut separator = "";
        while let Some(&first) = rest.first() {
            let run = rest.iter().zip(first..).take_while(|(a, b)| *a == b).count();
            // Two in a row are as short with a comma.
            let (text, used) = match run {
                0..=2 => (first.to_string(), 1),
                _ => (format!("{first}-{}", rest[run - 1]), run),
            };
            write!(f, "{separator}{text}")?;
            (separator, rest) = (",", &rest[used..]);
        }
        Ok(())
    }
}

impl From<Seeds> for String {
    fn from(seeds: Seeds) -> Self {
        seeds.to_string()
    }
}

impl TryFrom<String> for Seeds {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Layers of a generator, from 0, coarse to fine: `4-` is the fifth and all finer ones, `-3` the first four, `0,2-5` as
/// it reads, `all` every one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Layers {
    text: String,
    /// First and last of each range; a last that is absent is the generator's.
    ranges: Vec<(usize, Option<usize>)>,
}

impl Layers {
    /// Every layer.
    pub fn all() -> Self {
        Self { text: "all".into(), ranges: vec![(0, None)] }
    }

    /// Which of `count` layers are meant, at least one.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for layers that are not there.
    pub fn select(&self, count: usize) -> Result<Vec<bool>> {
        let mut chosen = vec![false; count];
        for &(first, last) in &self.ranges {
            let last = last.unwrap_or(count.saturating_sub(1));
            if last >= count || first > last {
                let text = format!("layers '{self}': this generator has layers 0 to {}", count.saturating_sub(1));
                return Err(EngineError::Caller(text));
            }
            chosen[first..=last].fill(true);
        }
        Ok(chosen)
    }
}

impl FromStr for Layers {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        if text == "all" {
            return Ok(Self::all());
        }
        let range = |part: &str| -> Option<(usize, Option<usize>)> {
            let number = |text: &str| text.parse::<usize>().ok();
            match part.trim().split_once('-') {
                None => Some((number(part.trim())?, Some(number(part.trim())?))),
                Some(("", last)) => Some((0, Some(number(last)?))),
                Some((first, "")) => Some((number(first)?, None)),
                Some((first, last)) => Some((number(first)?, Some(number(last)?))).filter(|(a, b)| Some(*a) <= *b),
            }
        };
        let ranges = text.split(',').map(range).collect::<Option<Vec<_>>>();
        let refused = || EngineError::Caller(format!("layers '{text}': write them like 4- or -3 or 0,2-5, or all"));
        Ok(Self { text: text.to_owned(), ranges: ranges.ok_or_else(refused)? })
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Layers> for String {
    fn from(layers: Layers) -> Self {
        layers.text
    }
}

impl TryFrom<String> for Layers {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_read_and_write() {
        for (text, seeds, written) in [
            ("0,1,4-6", vec![0, 1, 4, 5, 6], "0,1,4-6"),
            ("7", vec![7], "7"),
            ("3,2,2", vec![3, 2, 2], "3,2,2"),
            ("0-3, 9", vec![0, 1, 2, 3, 9], "0-3,9"),
            ("5-5", vec![5], "5"),
        ] {
            let parsed: Seeds = text.parse().unwrap();
            assert_eq!(parsed.0, seeds, "{text}");
            assert_eq!(parsed.to_string(), written);
        }
        for text in ["", "a", "1-", "-1", "5-4", "0-100000", "0-99999,0", "9007199254740992", "1,,2"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
    }

    #[test]
    fn layers_are_selected() {
        let select = |text: &str| -> Result<String> {
            let chosen = text.parse::<Layers>()?.select(6)?;
            Ok(chosen.iter().map(|on| if *on { 'x' } else { '.' }).collect())
        };
        for (text, chosen) in
            [("4-", "....xx"), ("-3", "xxxx.."), ("0,2-3", "x.xx.."), ("all", "xxxxxx"), ("5", ".....x")]
        {
            assert_eq!(select(text).unwrap(), chosen, "{text}");
        }
        for text in ["", "a", "3-2", "6", "6-", "2-6", "-", "1;2"] {
            assert!(select(text).is_err(), "{text}");
        }
    }
}
