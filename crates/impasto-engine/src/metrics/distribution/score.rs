//! The Inception score's form.

use crate::error::{EngineError, Result};
use crate::metrics::embeddings::at_least;
use crate::metrics::jackknife::{self, tenths};
use crate::metrics::{Embeddings, Interval};

/// How far a classifier's probabilities may be from a sum of 1.
const SUM: f64 = 1e-3;

/// `exp(E KL(p(y|x) || p(y)))` of a classifier's probabilities, one row for each picture (Salimans et al. 2016): its mean
/// and its standard deviation over `splits` consecutive parts of the rows. 1 where the classifier sees the same in every
/// picture, the number of classes where it is certain and sees all of them equally often. Comparable only for the same
/// classifier, number of pictures and number of splits.
///
/// # Errors
/// [`EngineError::Caller`] when there are no splits, fewer rows than splits, or a row is no distribution: a number below 0,
/// or a sum further than 0.001 from 1.
pub fn inception_score(probabilities: &Embeddings, splits: usize) -> Result<(f64, f64)> {
    let count = probabilities.len();
    if splits == 0 || count < splits {
        return Err(EngineError::Caller(format!("{count} rows of probabilities cannot be split into {splits} parts")));
    }
    check(probabilities)?;
    let part = |split: usize| {
        let rows: Vec<usize> = (split * count / splits..(split + 1) * count / splits).collect();
        score(probabilities, &rows)
    };
    let scores: Vec<f64> = (0..splits).map(part).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok((mean, variance.sqrt()))
}

/// [`inception_score`] over tenths of the rows that are drawn by `seed`, and how sure their mean is: the jackknife that
/// leaves out each tenth in turn, with Student's quantile for nine degrees of freedom. The deviation over parts that is
/// usually given is not that: it is about 1.3 times as wide, and says
/// how far a tenth of the pictures may be off.
///
/// # Errors
/// As for [`inception_score`], and for fewer than 20 rows.
pub fn inception_score_interval(probabilities: &Embeddings, seed: u64) -> Result<Interval> {
    at_least(probabilities, jackknife::FEWEST, "the score")?;
    check(probabilities)?;
    let scores: Vec<f64> = tenths(probabilities.len(), seed, 0).iter().map(|rows| score(probabilities, rows)).collect();
    let sum: f64 = scores.iter().sum();
    let others = scores.len() as f64 - 1.0;
    let without: Vec<f64> = scores.iter().map(|score| (sum - score) / others).collect();
    Ok(jackknife::around(sum / scores.len() as f64, &without))
}

/// That rows are probabilities.
fn check(probabilities: &Embeddings) -> Result<()> {
    let distribution = |row: &[f32]| {
        row.iter().all(|p| *p >= 0.0) && (row.iter().map(|&p| f64::from(p)).sum::<f64>() - 1.0).abs() < SUM
    };
    match probabilities.rows().position(|row| !distribution(row)) {
        None => Ok(()),
        Some(row) => Err(EngineError::Caller(format!(
            "row {row} is no distribution over classes: the score needs probabilities, behind the softmax"
        ))),
    }
}

/// The score of some rows.
fn score(probabilities: &Embeddings, rows: &[usize]) -> f64 {
    let mut mean = vec![0.0; probabilities.width()];
    for &row in rows {
        for (mean, &p) in mean.iter_mut().zip(probabilities.row(row)) {
            *mean += f64::from(p) / rows.len() as f64;
        }
    }
    let divergence = |&row: &usize| {
        let term = |(&p, mean): (&f32, &f64)| {
            let p = f64::from(p);
            if p > 0.0 { p * (p / mean).ln() } else { 0.0 }
        };
        probabilities.row(row).iter().zip(&mean).map(term).sum::<f64>()
    };
    (rows.iter().map(divergence).sum::<f64>() / rows.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::vectors;
    use super::*;

    #[test]
    fn certain_and_varied_scores_the_classes() {
        let certain = vectors(40, 4, |row, class| f32::from(u8::from(row % 4 == class)));
        let (mean, deviation) = inception_score(&certain, 5).unwrap();
        assert!((mean - 4.0).abs() < 1e-12 && deviation < 1e-12, "{mean} {deviation}");
        let same = vectors(40, 4, |_, class| [0.4, 0.3, 0.2, 0.1][class]);
        assert!((inception_score(&same, 1).unwrap().0 - 1.0).abs() < 1e-12);
    }

    /// Rows in the order of their classes: consecutive parts see one class each and score nothing, drawn ones do not. The
    /// interval is that of the mean over parts.
    #[test]
    fn parts_are_drawn_and_their_mean_is_sure() {
        let sorted = vectors(400, 4, |row, class| f32::from(u8::from(row / 100 == class)));
        assert!(inception_score(&sorted, 4).unwrap().0 < 1.0 + 1e-9);
        let found = inception_score_interval(&sorted, 3).unwrap();
        assert!(found.value > 3.5 && found.low < found.value && found.value < found.high, "{found:?}");
        let scores: Vec<f64> = tenths(400, 3, 0).iter().map(|rows| score(&sorted, rows)).collect();
        let variance = scores.iter().map(|s| (s - found.value).powi(2)).sum::<f64>() / 9.0;
        assert!((found.high - found.value - 2.262_157 * (variance / 10.0).sqrt()).abs() < 1e-9, "{found:?}");
        assert_ne!(found, inception_score_interval(&sorted, 4).unwrap());
        assert!(inception_score_interval(&sorted.select(&(0..19).collect::<Vec<_>>()), 0).is_err());
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for bad in [vectors(4, 2, |_, _| 0.6), vectors(4, 2, |_, class| [1.5, -0.5][class])] {
            assert!(inception_score(&bad, 1).unwrap_err().to_string().contains("softmax"));
        }
        let good = vectors(4, 2, |_, _| 0.5);
        assert!(inception_score(&good, 0).is_err() && inception_score(&good, 5).is_err());
    }
}
