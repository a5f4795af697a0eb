//! Means with their uncertainty.

use impasto_engine::rng::{self, Rng};
use serde::Serialize;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;

/// A mean and the interval that holds it with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Values of every pair of a content and a style.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    /// Contents within styles: the value of content `c` and style `s` is at `s * contents + c`.
    values: Vec<f64>,
    contents: usize,
}

impl Pairs {
    /// From values with the contents of the first style first.
    pub(crate) fn new(values: Vec<f64>, contents: usize) -> Self {
        debug_assert!(contents > 0 && values.len().is_multiple_of(contents));
        Self { values, contents }
    }

    /// The differences to `other`, pair by pair.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a - b).collect();
        Self { values, contents: self.contents }
    }

    /// The mean, with the interval of a bootstrap over pairs: how sure the mean over these photographs and paintings is.
    pub(crate) fn over_pairs(&self) -> Estimate {
        let n = self.values.len();
        self.bootstrap("pairs", |rng| (0..n).map(|_| self.values[rng.random_range(0..n)]).sum::<f64>() / n as f64)
    }

    /// The mean, with the interval of a bootstrap over photographs and over paintings, each drawn anew: how sure it is
    /// for other photographs and other paintings. Wider, since pairs that share a painting are alike.
    pub(crate) fn over_pictures(&self) -> Estimate {
        let (contents, styles) = (self.contents, self.values.len() / self.contents);
        self.bootstrap("pictures", |rng| {
            let columns: Vec<usize> = (0..contents).map(|_| rng.random_range(0..contents)).collect();
            let rows = (0..styles).map(|_| rng.random_range(0..styles) * contents);
            let sum: f64 = rows.map(|row| columns.iter().map(|column| self.values[row + column]).sum::<f64>()).sum();
            sum / self.values.len() as f64
        })
    }

    fn bootstrap(&self, name: &str, mut resample: impl FnMut(&mut rng::ChaCha8Rng) -> f64) -> Estimate {
        let mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
        let mut rng = rng::stream(0, name, 0);
        let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample(&mut rng)).collect();
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
        Estimate { mean, low: at(0.025), high: at(0.975) }
    }
}

/// The middle value; the mean of the two in the middle of an even number. NaN without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => f64::NAN,
        _ if n.is_multiple_of(2) => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        _ => sorted[n / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_hold_the_mean_and_grow_with_dependence() {
        // Every pair of a style has nearly the same value: four styles say less than forty pairs.
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 10) + 0.01 * f64::from(i % 10)).collect();
        let pairs = Pairs::new(values, 10);
        let (narrow, wide) = (pairs.over_pairs(), pairs.over_pictures());
        assert!((narrow.mean - 1.545).abs() < 1e-9 && narrow.mean == wide.mean);
        for estimate in [narrow, wide] {
            assert!(estimate.low < estimate.mean && estimate.mean < estimate.high, "{estimate:?}");
        }
        assert!(wide.high - wide.low > 2.0 * (narrow.high - narrow.low), "{narrow:?} {wide:?}");
        assert_eq!(pairs.over_pairs(), narrow, "repeatable");
        let none = pairs.minus(&pairs).over_pairs();
        assert_eq!((none.low, none.mean, none.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
