//! How sure figures of whole sets are: the jackknife that leaves out a tenth at a time.

use rayon::prelude::*;

use super::Embeddings;
use super::embeddings::at_least;
use super::interval::{Interval, jackknife_variance};
use crate::error::Result;
use crate::rng::{self, Rng};

/// Parts that are left out in turn.
pub(super) const PARTS: usize = 10;

/// Fewest vectors of a side: two in each part.
pub(super) const FEWEST: usize = 2 * PARTS;

/// The 97.5 % quantile of Student's t with `PARTS - 1` degrees of freedom.
const STUDENT: f64 = 2.262_157;

/// The numbers below `count` in an order drawn by the seed.
pub(crate) fn shuffled(count: usize, seed: u64, name: &str, side: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut rng = rng::stream(seed, name, side);
    for last in (1..count).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

/// The rows of each tenth of a set, drawn by the seed; the two sides of a comparison are drawn apart.
pub(super) fn tenths(count: usize, seed: u64, side: u64) -> Vec<Vec<usize>> {
    let order = shuffled(count, seed, "tenths", side);
    (0..PARTS).map(|part| order.iter().copied().skip(part).step_by(PARTS).collect()).collect()
}

/// `value` with the interval that its values without each tenth leave.
pub(super) fn around(value: f64, without: &[f64]) -> Interval {
    Interval::around(value, STUDENT, jackknife_variance(without))
}

/// Figures of a set with 95 % intervals: the delete-a-group jackknife (Kott 2001) over tenths of it, drawn by `seed`, each
/// left out in turn, with Student's quantile for nine degrees of freedom. For figures of nearest neighbours and others in
/// which a plain bootstrap would see vectors drawn twice as copies. The intervals cover the draw of these pictures, not what
/// the figures owe to their number, nor that of pictures that `statistic` compares them with. Takes about ten times as long
/// as `statistic`.
///
/// # Errors
/// [`EngineError::Caller`](crate::EngineError::Caller) for fewer than 20 vectors, and what `statistic` refuses.
pub fn jackknife_intervals<const N: usize>(
    set: &Embeddings,
    seed: u64,
    statistic: impl Fn(&Embeddings) -> Result<[f64; N]> + Sync,
) -> Result<[Interval; N]> {
    at_least(set, FEWEST, "a jackknife over tenths")?;
    let values = statistic(set)?;
    let parts = tenths(set.len(), seed, 0);
    let without = |part: usize| {
        let kept = (0..PARTS).filter(|&other| other != part).flat_map(|other| &parts[other]);
        let mut kept: Vec<usize> = kept.copied().collect();
        kept.sort_unstable();
        statistic(&set.select(&kept))
    };
    let without: Vec<[f64; N]> = (0..PARTS).into_par_iter().map(without).collect::<Result<_>>()?;
    Ok(std::array::from_fn(|i| around(values[i], &without.iter().map(|values| values[i]).collect::<Vec<_>>())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{normal, with_threads};
    use super::*;

    /// Of 100 means about 95 intervals hold the truth, and they are as wide as theory has it.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mean = |e: &Embeddings| Ok([e.rows().map(|row| f64::from(row[0])).sum::<f64>() / e.len() as f64]);
        let trials: Vec<Interval> = (0..100)
            .map(|trial| jackknife_intervals(&normal(&format!("a{trial}"), 60, 1), trial, mean).unwrap()[0])
            .collect();
        let held = trials.iter().filter(|interval| (interval.low..=interval.high).contains(&0.0)).count();
        assert!((87..=100).contains(&held), "{held}");
        let width = trials.iter().map(|interval| interval.high - interval.low).sum::<f64>() / 100.0;
        let expected = 2.0 * STUDENT / 60.0_f64.sqrt();
        assert!((width / expected - 1.0).abs() < 0.1, "{width} {expected}");
    }

    #[test]
    fn the_seed_decides_and_threads_do_not() {
        let (a, b) = (normal("a", 45, 3), normal("b", 30, 3));
        let figure = |a: &Embeddings| super::super::sliced_wasserstein(a, &b, 8, 1).map(|v| [v, 2.0 * v]);
        let [one, three] = with_threads(|| jackknife_intervals(&a, 4, figure).unwrap());
        assert_eq!(one, three);
        assert_ne!(one[0], jackknife_intervals(&a, 5, figure).unwrap()[0]);
        assert!((one[1].high - 2.0 * one[0].high).abs() < 1e-12);
        assert!(jackknife_intervals(&a.select(&(0..19).collect::<Vec<_>>()), 0, figure).is_err());
    }

    #[test]
    fn tenths_share_out_every_row_once() {
        let mut all = tenths(43, 2, 0).concat();
        assert!(tenths(43, 2, 0).iter().all(|part| (4..=5).contains(&part.len())));
        assert_ne!(tenths(43, 2, 0), tenths(43, 2, 1));
        all.sort_unstable();
        assert_eq!(all, (0..43).collect::<Vec<_>>());
    }
}
