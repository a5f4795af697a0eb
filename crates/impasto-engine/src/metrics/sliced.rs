//! Distance between sets of vectors along random lines.

use rayon::prelude::*;

use super::Embeddings;
use super::embeddings::{at_least, same_width};
use crate::error::{EngineError, Result};
use crate::rng;

/// Sliced Wasserstein distance (Rabin et al. 2011, with the first power as in Karras et al. 2018): the mean over
/// `projections` random directions of the earth mover's distance between both sets projected on it. In the unit of the
/// vectors; 0 for equal sets. Directions are drawn from `seed`; sets may differ in size.
///
/// # Errors
/// [`EngineError::Caller`] when widths differ, a set is empty or `projections` is 0.
pub fn sliced_wasserstein(a: &Embeddings, b: &Embeddings, projections: usize, seed: u64) -> Result<f64> {
    same_width(a, b)?;
    at_least(a, 1, "the sliced Wasserstein distance")?;
    at_least(b, 1, "the sliced Wasserstein distance")?;
    if projections == 0 {
        return Err(EngineError::Caller("the sliced Wasserstein distance needs at least one projection".into()));
    }
    let along = |projection: usize| {
        let mut rng = rng::stream(seed, "sliced-wasserstein", projection as u64);
        let drawn: Vec<f64> = rng::normal(&mut rng, a.width()).into_iter().map(f64::from).collect();
        let length = drawn.iter().map(|v| v * v).sum::<f64>().sqrt();
        let project = |e: &Embeddings| {
            let on = |row: &[f32]| row.iter().zip(&drawn).map(|(&v, d)| f64::from(v) * d).sum::<f64>() / length;
            let mut places: Vec<f64> = e.rows().map(on).collect();
            places.sort_by(f64::total_cmp);
            places
        };
        earth_movers(&project(a), &project(b))
    };
    let distances: Vec<f64> = (0..projections).into_par_iter().map(along).collect();
    Ok(distances.iter().sum::<f64>() / projections as f64)
}

/// First Wasserstein distance between two sorted lists of places, each of total mass 1: the area between their quantile
/// functions.
fn earth_movers(a: &[f64], b: &[f64]) -> f64 {
    // Mass in units of 1 / (a.len() * b.len()), so that steps of both are whole numbers.
    let (mut i, mut j, mut moved, mut sum) = (0, 0, 0, 0.0);
    while i < a.len() && j < b.len() {
        let (end_a, end_b) = ((i + 1) * b.len(), (j + 1) * a.len());
        let end = end_a.min(end_b);
        sum += (end - moved) as f64 * (a[i] - b[j]).abs();
        moved = end;
        i += usize::from(end == end_a);
        j += usize::from(end == end_b);
    }
    sum / (a.len() as f64 * b.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::normal;
    use super::*;

    #[test]
    fn earth_is_moved_as_far_as_it_must() {
        for (a, b, distance) in [
            (&[0.0, 1.0][..], &[0.5, 1.5][..], 0.5),
            (&[0.0], &[0.0, 1.0], 0.5),
            (&[0.0, 0.0, 3.0], &[1.0, 1.0], (2.0 * 1.0 + 2.0) / 3.0),
            (&[1.0, 2.0], &[1.0, 1.0, 2.0, 2.0], 0.0),
        ] {
            assert!((earth_movers(a, b) - distance).abs() < 1e-12, "{a:?} {b:?}");
            assert!((earth_movers(b, a) - distance).abs() < 1e-12, "{b:?} {a:?}");
        }
    }

    /// A shift by t moves every projection by t times the cosine, whose mean over directions in the plane is 2 / pi.
    #[test]
    fn a_shift_is_measured() {
        let a = normal("a", 50, 2);
        let shifted = Embeddings::new(a.values().chunks(2).flat_map(|v| [v[0] + 5.0, v[1]]).collect(), 2).unwrap();
        let distance = sliced_wasserstein(&a, &shifted, 2000, 3).unwrap();
        assert!((distance - 5.0 * std::f64::consts::FRAC_2_PI).abs() < 0.1, "{distance}");
        assert_eq!(sliced_wasserstein(&a, &a, 10, 3).unwrap(), 0.0);
        assert!(sliced_wasserstein(&a, &a, 0, 3).is_err());
    }
}
