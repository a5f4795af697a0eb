//! Sums over long vectors: f32 values, f64 sums, on all threads. The chunks are fixed and their sums added in order,
//! so that the result does not depend on the number of threads.

use rayon::prelude::*;

const CHUNK: usize = 1 << 14;

fn sum(parts: impl IndexedParallelIterator<Item = f64>) -> f64 {
    parts.collect::<Vec<f64>>().iter().sum()
}

/// `a . b`
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let part = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    sum(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(part))
}

/// `a . b` over the values where `mask` is 1.
pub(super) fn dot_in(a: &[f32], b: &[f32], mask: &[f32]) -> f64 {
    let part = |(a, (b, mask)): (&[f32], (&[f32], &[f32]))| {
        let terms = a.iter().zip(b.iter().zip(mask));
        terms.map(|(&a, (&b, &mask))| f64::from(a) * f64::from(b * mask)).sum()
    };
    sum(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK).zip(mask.par_chunks(CHUNK))).map(part))
}

/// `a += scale * b` where `mask` is 1.
pub(super) fn add_scaled(a: &mut [f32], scale: f64, b: &[f32], mask: &[f32]) {
    let scale = scale as f32;
    a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK).zip(mask.par_chunks(CHUNK))).for_each(|(a, (b, mask))| {
        a.iter_mut().zip(b.iter().zip(mask)).for_each(|(a, (b, mask))| *a += scale * b * mask);
    });
}

/// The largest magnitude; NaN when a value is.
pub(super) fn largest(a: &[f32]) -> f32 {
    a.iter().fold(0.0, |most: f32, v| if most.is_nan() || v.abs() <= most { most } else { v.abs() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_match_plain_loops_over_several_chunks() {
        let n = 3 * CHUNK + 17;
        let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.11).cos()).collect();
        let mask: Vec<f32> = (0..n).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 }).collect();
        let plain: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        assert!((dot(&a, &b) - plain).abs() < 1e-9);
        let masked: Vec<f32> = b.iter().zip(&mask).map(|(b, m)| b * m).collect();
        assert_eq!(dot_in(&a, &b, &mask), dot(&a, &masked));
        let mut c = a.clone();
        add_scaled(&mut c, 2.0, &b, &mask);
        assert_eq!((c[3], c[n - 1]), (a[3], a[n - 1] + 2.0 * masked[n - 1]));
        assert_eq!(largest(&[0.5, -2.0, 1.0]), 2.0);
        assert!(largest(&[0.5, f32::NAN, 1.0]).is_nan());
    }
}
