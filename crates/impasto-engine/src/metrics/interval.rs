//! How sure a figure is.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rng::{self, Rng};

/// A figure and the interval that holds it with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure itself.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// `value` and `times` its standard error to either side.
    pub(super) fn around(value: f64, times: f64, variance: f64) -> Self {
        let reach = times * variance.max(0.0).sqrt();
        Self { value, low: value - reach, high: value + reach }
    }
}

/// The percentile bootstrap of Efron 1979: `statistic` of all of `n` items (given as their indices, in order), and the
/// 2.5 % and 97.5 % quantiles of its value over `rounds` draws of `n` items with replacement. The same seed gives the same
/// bits with any number of threads.
///
/// For means and other smooth statistics of single items. Of distances between sets of feature vectors it would be too
/// high, since items that are drawn twice lie at distance zero from each other: take
/// [`frechet_distance_interval`](super::frechet_distance_interval) and
/// [`kernel_distance_interval`](super::kernel_distance_interval). Rounds whose value is not a number are left out; without
/// rounds, or with fewer than two items, the interval is empty: both ends are the value.
pub fn bootstrap_interval(n: usize, rounds: usize, seed: u64, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Interval {
    let value = statistic(&(0..n).collect::<Vec<_>>());
    if n < 2 {
        return Interval { value, low: value, high: value };
    }
    let draw = |round: usize| {
        let mut rng = rng::stream(seed, "bootstrap", round as u64);
        let drawn: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
        statistic(&drawn)
    };
    let mut values: Vec<f64> = (0..rounds).into_par_iter().map(draw).filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let quantile = |share| quantile(&values, share).unwrap_or(value);
    Interval { value, low: quantile(0.025), high: quantile(0.975) }
}

/// [`bootstrap_interval`] of a mean; not a number for no values.
pub fn mean_interval(values: &[f64], rounds: usize, seed: u64) -> Interval {
    let mean = |rows: &[usize]| rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64;
    bootstrap_interval(values.len(), rounds, seed, mean)
}

/// The value below which `share` of sorted values lie, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// The jackknife's variance of a statistic from its values without each of `k` equal parts (Efron and Stein 1981).
pub(super) fn jackknife_variance(without: &[f64]) -> f64 {
    let count = without.len() as f64;
    let mean = without.iter().sum::<f64>() / count;
    without.iter().map(|value| (value - mean).powi(2)).sum::<f64>() * (count - 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// Of 400 means of 50 normal numbers about 95 % must have the truth in their interval. The bootstrap's own coverage at
    /// n = 50 is about 93.5 %; four standard errors of 400 trials are 5 %.
    #[test]
    fn the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() {
        let held = (0..400).filter(|&trial| {
            let values = rng::normal(&mut rng::stream(7, "coverage", trial), 50);
            let interval = mean_interval(&values.into_iter().map(f64::from).collect::<Vec<_>>(), 200, trial);
            (interval.low..=interval.high).contains(&0.0)
        });
        let share = held.count() as f64 / 400.0;
        assert!((0.885..=0.985).contains(&share), "{share}");
    }

    #[test]
    fn a_jackknife_of_the_mean_is_the_usual_standard_error() {
        let values = [1.0, 4.0, 2.0, 9.0];
        let sum: f64 = values.iter().sum();
        let without: Vec<f64> = values.iter().map(|v| (sum - v) / 3.0).collect();
        let variance = values.iter().map(|v| (v - 4.0_f64).powi(2)).sum::<f64>() / 3.0 / 4.0;
        assert!((jackknife_variance(&without) - variance).abs() < 1e-12);
    }

    #[test]
    fn few_values_and_few_rounds() {
        assert!(mean_interval(&[], 10, 0).value.is_nan());
        assert_eq!(mean_interval(&[3.0], 10, 0), Interval { value: 3.0, low: 3.0, high: 3.0 });
        assert_eq!(mean_interval(&[3.0, 5.0], 0, 0), Interval { value: 4.0, low: 4.0, high: 4.0 });
        assert_eq!(mean_interval(&[3.0; 9], 50, 1), Interval { value: 3.0, low: 3.0, high: 3.0 });
    }
}
