//! Means with their uncertainty, as they are recorded.

use impasto_engine::metrics::{self, Interval};
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

impl From<Interval> for Estimate {
    fn from(interval: Interval) -> Self {
        Self { mean: interval.value, low: interval.low, high: interval.high }
    }
}

/// Values of every pair of a content and a style.
#[derive(Debug, Clone)]
pub(crate) struct Pairs(metrics::Pairs);

impl Pairs {
    /// From values with the contents of the first style first.
    pub(crate) fn new(values: Vec<f64>, contents: usize) -> impasto_engine::Result<Self> {
        metrics::Pairs::grid(values, contents).map(Self)
    }

    /// The differences to `other`, pair by pair.
    pub(crate) fn minus(&self, other: &Self) -> impasto_engine::Result<Self> {
        self.0.minus(&other.0).map(Self)
    }

    /// See [`metrics::Pairs::over_pairs`].
    pub(crate) fn over_pairs(&self) -> Estimate {
        self.0.over_pairs(RESAMPLES, 0).into()
    }

    /// See [`metrics::Pairs::over_pictures`].
    pub(crate) fn over_pictures(&self) -> Estimate {
        self.0.over_pictures(RESAMPLES, 0).into()
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
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
