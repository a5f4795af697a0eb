//! Whether samples are nearer to the pictures of the training than to others of the same kind.

use serde::Serialize;

use crate::error::Result;
use crate::metrics::{Embeddings, Interval, bootstrap_interval, nearest};

/// What is left of the expectation when its sum is cut off.
const REST: f64 = 1e-6;

/// Mean distances from samples to the nearest of equally many training and held-out pictures. A generator that has
/// learnt a distribution is as near to both; one that repeats its training is nearer to that (the idea of Meehan et al.
/// 2020, with means instead of ranks).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gap {
    /// Pictures on either side. Of the larger set the expectation over all its subsets of this size is taken.
    pub pictures: usize,
    /// To the nearest training picture.
    pub train: f64,
    /// To the nearest held-out picture.
    pub held_out: f64,
    /// `held_out / train - 1`: above 0 where samples are nearer to the training pictures.
    pub excess: Interval,
}

impl Gap {
    /// The gap of `fake`, with an interval over samples.
    pub(super) fn between(
        fake: &Embeddings,
        train: &Embeddings,
        held_out: &Embeddings,
        rounds: usize,
        seed: u64,
    ) -> Result<Self> {
        let pictures = train.len().min(held_out.len());
        let (near, far) = (expected(fake, train, pictures)?, expected(fake, held_out, pictures)?);
        let mean = |values: &[f64], rows: &[usize]| rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64;
        let all: Vec<usize> = (0..fake.len()).collect();
        // Samples that are all exact copies of both are no nearer to either.
        let excess = |rows: &[usize]| {
            let (near, far) = (mean(&near, rows), mean(&far, rows));
            (far - near) / near.max(f64::MIN_POSITIVE)
        };
        Ok(Self {
            pictures,
            train: mean(&near, &all),
            held_out: mean(&far, &all),
            excess: bootstrap_interval(fake.len(), rounds, seed, excess),
        })
    }
}

/// For every query the expected distance to the nearest of `size` pictures drawn from `base` without replacement: the
/// k-th nearest of all is the nearest of those drawn with probability `C(n - k, size - 1) / C(n, size)`.
fn expected(queries: &Embeddings, base: &Embeddings, size: usize) -> Result<Vec<f64>> {
    let shares = shares(base.len(), size);
    let found = nearest(queries, base, shares.len(), false)?;
    Ok(found.iter().map(|row| row.iter().zip(&shares).map(|(n, share)| n.distance * share).sum()).collect())
}

/// The probabilities that the first, second, ... of `n` is the first of `size` drawn, until next to nothing is left.
fn shares(n: usize, size: usize) -> Vec<f64> {
    let mut shares = vec![size as f64 / n as f64];
    let mut rest = 1.0 - shares[0];
    for k in 1..=n - size {
        if rest < REST {
            break;
        }
        let share = shares[k - 1] * (n - k + 1 - size) as f64 / (n - k) as f64;
        rest -= share;
        shares.push(share);
    }
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| share / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn shares_are_those_of_drawing() {
        // Of three, two drawn: the nearest is among them in 2 of 3 cases, else the second is the nearest.
        let close = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&shares(3, 2), &[2.0 / 3.0, 1.0 / 3.0]));
        assert!(close(&shares(4, 1), &[0.25; 4]));
        assert_eq!(shares(5, 5), [1.0]);
        let many = shares(10_000, 100);
        assert!(many.len() < 2_000 && (many.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{}", many.len());
    }

    #[test]
    fn repeating_the_training_shows_and_learning_does_not() {
        let draw =
            |seed: u64, n: usize| Embeddings::new(rng::normal(&mut rng::stream(seed, "gap", 0), n * 8), 8).unwrap();
        let (train, held_out) = (draw(1, 300), draw(2, 100));
        let honest = Gap::between(&draw(3, 200), &train, &held_out, 200, 0).unwrap();
        assert!(honest.excess.low < 0.0 && honest.excess.high > 0.0, "{honest:?}");
        let near: Vec<f32> = train.values().iter().zip(draw(4, 300).values()).map(|(a, b)| a + 0.1 * b).collect();
        let copied = Gap::between(&Embeddings::new(near, 8).unwrap(), &train, &held_out, 200, 0).unwrap();
        assert!(copied.excess.low > 0.1, "{copied:?}");
    }
}
