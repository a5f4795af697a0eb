//! The Inception score's form.

use crate::error::{EngineError, Result};
use crate::metrics::Embeddings;

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
    let distribution = |row: &[f32]| {
        row.iter().all(|p| *p >= 0.0) && (row.iter().map(|&p| f64::from(p)).sum::<f64>() - 1.0).abs() < SUM
    };
    if let Some(row) = probabilities.rows().position(|row| !distribution(row)) {
        let text =
            format!("row {row} is no distribution over classes: the score needs probabilities, behind the softmax");
        return Err(EngineError::Caller(text));
    }
    let part = |split: usize| {
        let rows = split * count / splits..(split + 1) * count / splits;
        let mut mean = vec![0.0; probabilities.width()];
        for row in rows.clone() {
            for (mean, &p) in mean.iter_mut().zip(probabilities.row(row)) {
                *mean += f64::from(p) / rows.len() as f64;
            }
        }
        let divergence = |row: usize| {
            let term = |(&p, mean): (&f32, &f64)| {
                let p = f64::from(p);
                if p > 0.0 { p * (p / mean).ln() } else { 0.0 }
            };
            probabilities.row(row).iter().zip(&mean).map(term).sum::<f64>()
        };
        (rows.clone().map(divergence).sum::<f64>() / rows.len() as f64).exp()
    };
    let scores: Vec<f64> = (0..splits).map(part).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok((mean, variance.sqrt()))
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

    #[test]
    fn what_is_no_distribution_is_refused() {
        for bad in [vectors(4, 2, |_, _| 0.6), vectors(4, 2, |_, class| [1.5, -0.5][class])] {
            assert!(inception_score(&bad, 1).unwrap_err().to_string().contains("softmax"));
        }
        let good = vectors(4, 2, |_, _| 0.5);
        assert!(inception_score(&good, 0).is_err() && inception_score(&good, 5).is_err());
    }
}
