//! Finds copies: pictures that are another picture mirrored, cropped by some percent, scaled, compressed or softened.
//!
//! Two steps. A coarse one compares every picture with every other one, mirrored and not, under a fixed set of crops, by
//! the correlation of thumbnails of 12 x 12 colours; it misses nothing but orders badly, since two skies look alike at
//! that size. A fine one takes the few nearest, moves the crop until the pictures agree best, and correlates what is left
//! of 32 x 32 colours without their local mean: outlines, which strangers do not share.

mod align;
mod coarse;
mod sketch;

pub use sketch::Sketch;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::control::{Control, Event};
use crate::error::{EngineError, Result};

/// No distance above this is called a copy, however far strangers are from each other. Of 423 paintings, copies that were
/// mirrored, cropped by 5 % and compressed to quality 40 were below 0.05 and copies cropped by 10 % below 0.16; of 344
/// photographs, copies mirrored or cropped by 5 % were below 0.08 (one of those cropped by 10 % was at 0.66). Two different
/// pictures of one set were above 0.26, paintings and photographs above 0.59 from each other. Chosen with these in view.
pub const MOST: f64 = 0.2;

/// Pictures needed to learn from a set how near its strangers come.
const ENOUGH: usize = 20;

/// Deviations below the median at which strangers are no longer expected: one in 30,000 of a normal distribution.
const DEVIATIONS: f64 = 4.0;

/// Candidates that the fine step looks at.
const CANDIDATES: usize = 4;

/// Queries between two progress events.
const STEP: usize = 64;

/// What a picture looks most like a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CopyMatch {
    /// Its place among those searched.
    pub index: usize,
    /// 1 minus the correlation of details: 0 for a perfect copy, around 0.8 for the nearest of hundreds of strangers, 1
    /// where nothing agrees or a picture is too flat to tell.
    pub distance: f64,
    /// Whether it agrees mirrored left to right.
    pub mirrored: bool,
    /// The part of it that agrees: left, top, right, bottom as shares of its sides.
    pub region: [f32; 4],
}

/// The most similar of `base` for every one of `queries`, in their order. Every pair is compared in the coarse step; the
/// fine one decides among the four best. `skip_same_index` leaves out `base[i]` for query `i`: copies within one set.
///
/// # Errors
/// [`EngineError::Caller`] when there is nothing to compare with; [`EngineError::Cancelled`].
pub fn closest(
    queries: &[Sketch],
    base: &[Sketch],
    skip_same_index: bool,
    control: &Control,
) -> Result<Vec<CopyMatch>> {
    if base.len() < 1 + usize::from(skip_same_index) {
        return Err(EngineError::Caller("a search for copies needs at least one other picture".into()));
    }
    let stage = format!("looking for copies of {} pictures among {}", queries.len(), base.len());
    control.emit(Event::Started { stage: stage.clone(), total: queries.len() as u64 });
    let begun = std::time::Instant::now();
    let candidates = coarse::candidates(queries, base, CANDIDATES, skip_same_index, control)?;
    let mut found = Vec::with_capacity(queries.len());
    for (some, chosen) in queries.chunks(STEP).zip(candidates.chunks(STEP)) {
        control.check()?;
        let best = |(query, chosen): (&Sketch, &Vec<coarse::Candidate>)| align::best(query, base, chosen);
        found.par_extend(some.par_iter().zip(chosen).map(best));
        let (done, total) = (found.len() as u64, queries.len() as u64);
        control.emit(Event::Progress { done, total, message: String::new() });
    }
    control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    Ok(found)
}

/// The distance below which a picture is called a copy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The distance.
    pub distance: f64,
    /// The median distance of a picture to the nearest other one of its set; `None` for sets too small to learn from.
    pub strangers: Option<f64>,
}

/// Learns from the nearest distances within a set ([`closest`] with itself) below which distance a picture is called a
/// copy: [`floor`], and never above [`MOST`], which is also taken where nothing can be learnt.
pub fn limit(within: &[f64]) -> Limit {
    let mut sorted = within.to_vec();
    sorted.sort_by(f64::total_cmp);
    match floor(within) {
        Some(floor) => Limit { distance: floor.min(MOST), strangers: Some(sorted[sorted.len() / 2]) },
        None => Limit { distance: MOST, strangers: None },
    }
}

/// The distance below which no two different pictures of a set are expected, by the nearest distances within it: four
/// deviations below the median, of the logarithms, the deviation taken from median and lower quartile, so that up to a
/// quarter of the set may be duplicates. `None` for fewer than 20 pictures.
pub fn floor(within: &[f64]) -> Option<f64> {
    if within.len() < ENOUGH {
        return None;
    }
    let mut sorted = within.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (median, quartile) = (sorted[sorted.len() / 2].max(1e-6), sorted[sorted.len() / 4].max(1e-6));
    // A normal distribution's lower quartile is 0.6745 deviations below its median.
    let deviation = (median / quartile).ln() / 0.6745;
    Some(median * (-DEVIATIONS * deviation).exp())
}

#[cfg(test)]
mod tests;
