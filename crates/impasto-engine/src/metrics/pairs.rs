//! Means over pairs of a content and a style, with their uncertainty.

use super::Interval;
use crate::error::{EngineError, Result};
use crate::rng::{self, Rng};

/// One value for each pair of a content and a style; not every content need meet every style.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    values: Vec<f64>,
    /// Content and style of each value.
    places: Vec<(usize, usize)>,
    contents: usize,
    styles: usize,
}

impl Pairs {
    /// `values` with the numbers of their content and style, both from 0.
    ///
    /// # Errors
    /// [`EngineError::Caller`] without values, or when the lengths differ.
    pub fn new(values: Vec<f64>, places: Vec<(usize, usize)>) -> Result<Self> {
        if values.is_empty() || values.len() != places.len() {
            let text = format!("{} values of {} pairs have no mean", values.len(), places.len());
            return Err(EngineError::Caller(text));
        }
        let contents = 1 + places.iter().map(|place| place.0).max().unwrap_or_default();
        let styles = 1 + places.iter().map(|place| place.1).max().unwrap_or_default();
        Ok(Self { values, places, contents, styles })
    }

    /// All pairs of `contents` contents with some styles; the value of content `c` and style `s` is at
    /// `s * contents + c`.
    ///
    /// # Errors
    /// As [`Pairs::new`], and when the values are no multiple of `contents`.
    pub fn grid(values: Vec<f64>, contents: usize) -> Result<Self> {
        if contents == 0 || !values.len().is_multiple_of(contents) {
            let text = format!("{} values are no grid of {contents} contents", values.len());
            return Err(EngineError::Caller(text));
        }
        let places = (0..values.len()).map(|i| (i % contents, i / contents)).collect();
        Self::new(values, places)
    }

    /// The differences to `other`, pair by pair.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when the two are not of the same pairs.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        if self.places != other.places {
            return Err(EngineError::Caller("differences need the same pairs on both sides".into()));
        }
        let difference = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { a - b }; // infinite values may be equal too
        let values = self.values.iter().zip(&other.values).map(difference).collect();
        Ok(Self { values, ..self.clone() })
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The mean with the 95 % interval of a bootstrap over pairs: how sure the mean over these pictures is.
    pub fn over_pairs(&self, rounds: usize, seed: u64) -> Interval {
        let n = self.values.len();
        let resample = |rng: &mut rng::ChaCha8Rng| {
            Some((0..n).map(|_| self.values[rng.random_range(0..n)]).sum::<f64>() / n as f64)
        };
        self.bootstrap("pairs", rounds, seed, resample)
    }

    /// The mean with the 95 % interval of a bootstrap over contents and over styles, each drawn anew: how sure it is for
    /// other contents and other styles. Wider, since pairs that share a picture are alike.
    pub fn over_pictures(&self, rounds: usize, seed: u64) -> Interval {
        let mut drawn = (vec![0.0; self.contents], vec![0.0; self.styles]);
        self.bootstrap("pictures", rounds, seed, |rng| {
            for counts in [&mut drawn.0, &mut drawn.1] {
                counts.fill(0.0);
                for _ in 0..counts.len() {
                    let index = rng.random_range(0..counts.len());
                    counts[index] += 1.0;
                }
            }
            let (mut sum, mut weight) = (0.0, 0.0);
            for (value, &(content, style)) in self.values.iter().zip(&self.places) {
                let times = drawn.0[content] * drawn.1[style];
                if times > 0.0 {
                    sum += times * value;
                    weight += times;
                }
            }
            // Where few pairs were made, a draw may hold none of them.
            (weight > 0.0).then(|| sum / weight)
        })
    }

    fn bootstrap(
        &self,
        name: &str,
        rounds: usize,
        seed: u64,
        mut resample: impl FnMut(&mut rng::ChaCha8Rng) -> Option<f64>,
    ) -> Interval {
        let value = self.mean();
        let mut rng = rng::stream(seed, name, 0);
        let mut means: Vec<f64> = (0..rounds).filter_map(|_| resample(&mut rng)).collect();
        if means.is_empty() {
            return Interval { value, low: value, high: value };
        }
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
        Interval { value, low: at(0.025), high: at(0.975) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: usize = 1000;

    #[test]
    fn intervals_hold_the_mean_and_grow_with_dependence() {
        // Every pair of a style has nearly the same value: four styles say less than forty pairs.
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 10) + 0.01 * f64::from(i % 10)).collect();
        let pairs = Pairs::grid(values, 10).unwrap();
        let (narrow, wide) = (pairs.over_pairs(ROUNDS, 0), pairs.over_pictures(ROUNDS, 0));
        assert!((narrow.value - 1.545).abs() < 1e-9 && narrow.value == wide.value);
        for interval in [narrow, wide] {
            assert!(interval.low < interval.value && interval.value < interval.high, "{interval:?}");
        }
        assert!(wide.high - wide.low > 2.0 * (narrow.high - narrow.low), "{narrow:?} {wide:?}");
        assert_eq!(pairs.over_pairs(ROUNDS, 0), narrow, "repeatable");
        let none = pairs.minus(&pairs).unwrap().over_pairs(ROUNDS, 0);
        assert_eq!((none.low, none.value, none.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn pairs_may_be_missing_but_must_agree() {
        // A diagonal: most draws hold few of its pairs, some none.
        let sparse = Pairs::new(vec![1.0, 2.0, 3.0], vec![(0, 0), (1, 1), (2, 2)]).unwrap();
        let interval = sparse.over_pictures(ROUNDS, 1);
        assert!(interval.low >= 1.0 && interval.high <= 3.0 && interval.value == 2.0, "{interval:?}");
        let other = Pairs::new(vec![1.0, 2.0, 3.0], vec![(0, 0), (1, 1), (2, 1)]).unwrap();
        assert!(sparse.minus(&other).is_err());
        assert!(Pairs::new(vec![], vec![]).is_err() && Pairs::grid(vec![1.0; 5], 2).is_err());
    }

    #[test]
    fn infinite_values_have_infinite_means() {
        let pairs = Pairs::grid(vec![f64::INFINITY; 4], 2).unwrap();
        assert_eq!(pairs.over_pairs(ROUNDS, 0).low, f64::INFINITY);
        assert_eq!(pairs.over_pictures(ROUNDS, 0).high, f64::INFINITY);
        assert_eq!(pairs.minus(&pairs).unwrap().mean(), 0.0);
    }
}
