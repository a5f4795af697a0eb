//! 3x3 pooling of planes, as classification networks use it; forward only.

use crate::error::{ShapeError, check_length};
use crate::resample::Planes;

/// What is made of the values under each 3x3 window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool3 {
    /// The largest, stride 2, windows within the plane only.
    MaxHalf,
    /// The largest, stride 2; a last window that reaches one row or column beyond the plane counts ("ceil mode").
    MaxHalfBeyond,
    /// The largest around each value; what is beyond the plane does not count.
    MaxAround,
    /// The mean around each value; what is beyond the plane does not count.
    MeanAround,
}

impl Pool3 {
    /// Rows or columns of the result for `size` rows or columns.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Invalid`] where no window fits.
    pub fn output(self, size: usize) -> Result<usize, ShapeError> {
        match self {
            Self::MaxAround | Self::MeanAround if size > 0 => Ok(size),
            Self::MaxHalf if size > 2 => Ok((size - 3) / 2 + 1),
            Self::MaxHalfBeyond if size > 2 => Ok((size - 3).div_ceil(2) + 1),
            _ => Err(ShapeError::Invalid("3x3 pooling needs at least three rows and columns where it halves them")),
        }
    }

    /// The part of an axis of `size` values under window number `index`.
    fn window(self, index: usize, size: usize) -> std::ops::Range<usize> {
        match self {
            Self::MaxHalf | Self::MaxHalfBeyond => 2 * index..size.min(2 * index + 3),
            Self::MaxAround | Self::MeanAround => index.saturating_sub(1)..size.min(index + 2),
        }
    }
}

/// Pools planes.
///
/// - `x`: `[count, height, width]`
/// - `y`: `[count, rows, columns]` with rows and columns by [`Pool3::output`], overwritten
///
/// # Errors
///
/// [`ShapeError`] where a slice disagrees with `planes` or no window fits.
pub fn pool3(pool: Pool3, planes: Planes, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let (height, width) = (planes.height, planes.width);
    let (rows, columns) = (pool.output(height)?, pool.output(width)?);
    check_length("x", x, planes.count * height * width)?;
    check_length("y", y, planes.count * rows * columns)?;
    let mean = pool == Pool3::MeanAround;
    planes.each(x, height * width, y, rows * columns, |_, x, y| {
        // The rows under a window in one, which vectors run along.
        let mut merged = vec![0.0; width];
        for (index, target) in y.chunks_exact_mut(columns).enumerate() {
            let window = pool.window(index, height);
            let count = window.len();
            merged.copy_from_slice(&x[window.start * width..][..width]);
            for row in x[(window.start + 1) * width..window.end * width].chunks_exact(width) {
                let pairs = merged.iter_mut().zip(row);
                if mean {
                    pairs.for_each(|(sum, &value)| *sum += value);
                } else {
                    pairs.for_each(|(most, &value)| *most = larger(*most, value));
                }
            }
            match pool {
                Pool3::MeanAround => {
                    around(&merged, target, |a, b| a + b);
                    let inner = 1.0 / (count * 3) as f32;
                    target.iter_mut().for_each(|value| *value *= inner);
                    let edge = 3.0 / pool.window(0, width).len() as f32;
                    target[0] *= edge;
                    if width > 1 {
                        target[width - 1] *= edge;
                    }
                }
                Pool3::MaxAround => around(&merged, target, larger),
                Pool3::MaxHalf | Pool3::MaxHalfBeyond => {
                    let full = (width - 1) / 2;
                    let triples = merged.windows(3).step_by(2);
                    target.iter_mut().zip(triples).for_each(|(y, t)| *y = larger(larger(t[0], t[1]), t[2]));
                    if full < columns {
                        target[full] = merged[2 * full..].iter().copied().fold(f32::NEG_INFINITY, larger);
                    }
                }
            }
        }
    });
    Ok(())
}

/// Each value with its neighbours, those at the ends with one.
fn around(row: &[f32], target: &mut [f32], merge: impl Fn(f32, f32) -> f32) {
    let last = row.len() - 1;
    if last == 0 {
        target[0] = row[0];
        return;
    }
    for (y, t) in target[1..].iter_mut().zip(row.windows(3)) {
        *y = merge(merge(t[0], t[1]), t[2]);
    }
    target[0] = merge(row[0], row[1]);
    target[last] = merge(row[last - 1], row[last]);
}

/// The larger of two; what is no number stays none.
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, assert_close};

    /// By the definition, in f64.
    fn reference(pool: Pool3, planes: Planes, x: &[f32]) -> Vec<f64> {
        let (h, w) = (planes.height, planes.width);
        let (rows, columns) = (pool.output(h).unwrap(), pool.output(w).unwrap());
        let (stride, before) = if rows == h && columns == w { (1, 1) } else { (2, 0) };
        let mut y = Vec::new();
        for plane in x.chunks_exact(h * w) {
            for index in 0..rows * columns {
                let (row, column) = (index / columns * stride, index % columns * stride);
                let within = |at: usize, size: usize| (at..at + 3).filter(move |i| (before..size + before).contains(i));
                let values: Vec<f64> = within(row, h)
                    .flat_map(|i| within(column, w).map(move |j| f64::from(plane[(i - before) * w + j - before])))
                    .collect();
                y.push(match pool {
                    Pool3::MeanAround => values.iter().sum::<f64>() / values.len() as f64,
                    _ => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
                });
            }
        }
        y
    }

    #[test]
    fn pooling_is_as_defined() {
        let mut random = Random::new(5);
        for (height, width) in [(3, 4), (4, 3), (7, 8), (8, 7), (17, 17), (35, 36)] {
            let planes = Planes { count: 3, height, width };
            let x: Vec<f32> = random.values(3 * height * width).iter().map(|v| v - 5.0).collect();
            for pool in [Pool3::MaxHalf, Pool3::MaxHalfBeyond, Pool3::MaxAround, Pool3::MeanAround] {
                let expected = reference(pool, planes, &x);
                let mut y = vec![f32::NAN; expected.len()];
                pool3(pool, planes, &x, &mut y).unwrap();
                assert_close(&format!("{pool:?} {height}x{width}"), &y, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn small_planes() {
        let one = Planes { count: 1, height: 1, width: 2 };
        for (pool, expected) in [(Pool3::MaxAround, [3.0; 2]), (Pool3::MeanAround, [2.0; 2])] {
            let mut y = [f32::NAN; 2];
            pool3(pool, one, &[1.0, 3.0], &mut y).unwrap();
            assert_eq!(y, expected);
        }
        assert!(pool3(Pool3::MaxHalf, one, &[1.0, 3.0], &mut [0.0]).is_err());
        let mut y = [0.0];
        pool3(Pool3::MaxHalf, Planes { count: 1, height: 3, width: 3 }, &[f32::NAN; 9], &mut y).unwrap();
        assert!(y[0].is_nan());
    }
}
