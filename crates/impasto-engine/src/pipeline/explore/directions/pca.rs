//! Principal components.

use faer::{Mat, MatRef, Side};

use crate::error::{EngineError, Result};

/// The directions in which vectors vary most.
#[derive(Debug)]
pub(super) struct Principal {
    /// Unit vectors, `[width, count]`, those of most variance first.
    pub(super) vectors: Mat<f64>,
    /// Deviation along each.
    pub(super) deviations: Vec<f64>,
    /// Share of the whole variance along each.
    pub(super) shares: Vec<f64>,
}

/// The first `count` principal components of centred vectors `[n, width]`; fewer where they vary in fewer directions.
pub(super) fn principal(centred: MatRef<'_, f64>, count: usize) -> Result<Principal> {
    let found = centred.thin_svd().map_err(|error| did_not_converge(&error))?;
    let (singular, divisor) = (found.S().column_vector(), (centred.nrows() as f64 - 1.0).max(1.0));
    let variances: Vec<f64> = (0..singular.nrows()).map(|i| singular[i] * singular[i] / divisor).collect();
    components(found.V(), &variances, count)
}

/// The eigenvectors of a symmetric matrix `[width, width]` with the greatest eigenvalues.
pub(super) fn greatest(symmetric: MatRef<'_, f64>, count: usize) -> Result<Principal> {
    let found = symmetric.self_adjoint_eigen(Side::Lower).map_err(|error| did_not_converge(&error))?;
    // They come with the smallest first.
    let (width, ascending) = (symmetric.nrows(), found.S().column_vector());
    let vectors = Mat::from_fn(width, width, |row, column| found.U()[(row, width - 1 - column)]);
    let values: Vec<f64> = (0..width).map(|i| ascending[width - 1 - i].max(0.0)).collect();
    components(vectors.as_ref(), &values, count)
}

fn components(vectors: MatRef<'_, f64>, variances: &[f64], count: usize) -> Result<Principal> {
    let total: f64 = variances.iter().sum();
    let most = variances.first().copied().unwrap_or(0.0);
    let count = variances.iter().take(count).take_while(|variance| **variance > 1e-10 * most && most > 0.0).count();
    if count == 0 {
        return Err(EngineError::Caller("the styles do not vary: there are no directions to be found".into()));
    }
    // A vector and its opposite serve alike; the sign of the largest number decides.
    let sign = |column: usize| {
        let largest = (0..vectors.nrows()).map(|row| vectors[(row, column)]).max_by(|a, b| a.abs().total_cmp(&b.abs()));
        largest.map_or(1.0, f64::signum)
    };
    let signs: Vec<f64> = (0..count).map(sign).collect();
    Ok(Principal {
        vectors: Mat::from_fn(vectors.nrows(), count, |row, column| signs[column] * vectors[(row, column)]),
        deviations: variances.iter().take(count).map(|variance| variance.sqrt()).collect(),
        shares: variances.iter().take(count).map(|variance| variance / total).collect(),
    })
}

pub(super) fn did_not_converge(error: &impl std::fmt::Debug) -> EngineError {
    EngineError::Internal(format!("a decomposition did not converge: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn planted_directions_are_found() {
        let (n, width) = (500, 5);
        let draws = rng::normal(&mut rng::stream(3, "pca", 0), n * width);
        // Deviations 4, 2, 1, 0.5 and 0 along the axes.
        let scale = [4.0, 2.0, 1.0, 0.5, 0.0];
        let rows = Mat::from_fn(n, width, |row, column| f64::from(draws[row * width + column]) * scale[column]);
        let found = principal(rows.as_ref(), 8).unwrap();
        assert_eq!(found.deviations.len(), 4, "nothing varies along the last axis");
        for (i, (deviation, scale)) in found.deviations.iter().zip(scale).enumerate() {
            assert!((deviation / scale - 1.0).abs() < 0.1, "{deviation} for {scale}");
            assert!(found.vectors[(i, i)] > 0.98);
        }
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);

        let square = greatest((rows.transpose() * &rows).as_ref(), 2).unwrap();
        for row in 0..width {
            assert!((square.vectors[(row, 0)] - found.vectors[(row, 0)]).abs() < 1e-6);
        }
        assert!(principal(Mat::<f64>::zeros(10, 3).as_ref(), 2).is_err());
    }
}
