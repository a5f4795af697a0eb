//! Independent components: FastICA (Hyvärinen 1999) with all components at once.

use faer::{Mat, MatRef};

use super::pca::did_not_converge;
use crate::error::Result;
use crate::rng;

/// Steps after which a rotation that still turns is taken as it is.
const MAX_STEPS: usize = 500;

/// The cosine of the angle by which no component turns any more, from 1.
const STILL: f64 = 1e-7;

/// The rotation `[count, count]` that turns whitened vectors `[n, count]` (mean 0, covariance 1) into numbers as
/// independent of each other as can be: each row gives one component. Contrast `log cosh`, symmetric decorrelation.
/// Returns whether it came to rest.
pub(super) fn rotation(white: MatRef<'_, f64>, seed: u64) -> Result<(Mat<f64>, bool)> {
    let (n, count) = (white.nrows(), white.ncols());
    let draws = rng::normal(&mut rng::stream(seed, "ica", 0), count * count);
    let mut turned =
        orthogonal(Mat::from_fn(count, count, |row, column| f64::from(draws[row * count + column])).as_ref())?;
    for _ in 0..MAX_STEPS {
        let sources = white * turned.transpose(); // [n, count]
        let bent = Mat::from_fn(n, count, |row, column| sources[(row, column)].tanh());
        let pulled = bent.transpose() * white; // [count, count]
        // The mean of the derivative, 1 - tanh^2, of each component.
        let slope = |row: usize| (0..n).map(|i| 1.0 - bent[(i, row)] * bent[(i, row)]).sum::<f64>() / n as f64;
        let slopes: Vec<f64> = (0..count).map(slope).collect();
        let next = Mat::from_fn(count, count, |row, column| {
            pulled[(row, column)] / n as f64 - slopes[row] * turned[(row, column)]
        });
        let next = orthogonal(next.as_ref())?;
        let cosine = |row: usize| (0..count).map(|i| next[(row, i)] * turned[(row, i)]).sum::<f64>().abs();
        let still = (0..count).all(|row| 1.0 - cosine(row) < STILL);
        turned = next;
        if still {
            return Ok((turned, true));
        }
    }
    Ok((turned, false))
}

/// The rotation nearest to a square matrix: `(W W^T)^(-1/2) W`, which is `U V^T` of its singular value decomposition.
fn orthogonal(matrix: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let found = matrix.thin_svd().map_err(|error| did_not_converge(&error))?;
    Ok(found.U() * found.V().transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn mixed_sources_are_parted() {
        // Three uniform sources of variance 1, turned by two rotations.
        let (n, count) = (4000, 3);
        let mut rng = rng::stream(8, "sources", 0);
        let root = 3f64.sqrt();
        let sources = Mat::from_fn(n, count, |_, _| rng.random_range(-root..root));
        let (c, s) = (0.6f64, 0.8f64);
        let about_z = Mat::from_fn(3, 3, |i, j| [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]][i][j]);
        let about_x = Mat::from_fn(3, 3, |i, j| [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]][i][j]);
        let mixing = &about_z * &about_x;
        let mixed = &sources * mixing.transpose();
        let (found, still) = rotation(mixed.as_ref(), 1).unwrap();
        assert!(still);
        // Up to order and sign, the rotation undoes the mixing.
        let undone = &found * &mixing;
        for row in 0..count {
            let largest = (0..count).map(|column| undone[(row, column)].abs()).fold(0.0, f64::max);
            assert!(largest > 0.99, "component {row}: {largest}");
        }
        let (again, _) = rotation(mixed.as_ref(), 1).unwrap();
        assert_eq!(found, again);
    }
}
