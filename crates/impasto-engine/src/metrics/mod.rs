//! Figures that compare pictures, and sets of them by feature vectors: pure functions, used by the evaluator, benchmarks,
//! tests and cards. Networks are given by the caller. What sums many terms does so in f64 and in an order that depends on
//! sizes alone: the same bits with any number of threads.

pub mod copies;
mod distribution;
mod embeddings;
mod interval;
mod jackknife;
mod likeness;
mod neighbours;
mod pairs;
mod pictures;
mod products;
#[cfg(test)]
mod properties;
mod ridge;
mod sliced;
mod spread;
mod style;
#[cfg(test)]
mod testing;

pub use distribution::{
    KERNEL_DISTANCE_BELOW, Neighbourhoods, frechet_distance, frechet_distance_interval, inception_score,
    inception_score_interval, kernel_distance, kernel_distance_interval, kernel_distance_subsets, neighbourhoods,
    sample_note,
};
pub use embeddings::Embeddings;
pub use interval::{Interval, bootstrap_interval, mean_interval};
pub use jackknife::jackknife_intervals;
pub(crate) use jackknife::shuffled;
pub use likeness::{StyleDistances, StyleStatistics};
pub use neighbours::{Neighbour, nearest};
pub use pairs::Pairs;
pub use pictures::{Flicker, MS_SSIM_SIDE, checkerboard_score, flicker, histogram_distance, ms_ssim, seam_score, ssim};
pub use ridge::RidgeClassifier;
pub(crate) use ridge::standard_scale;
pub use sliced::sliced_wasserstein;
pub use spread::{pairwise_diversity, path_length};
pub use style::{StyleDistance, moment_distance, style_gram_distance};

use burn::tensor::Tensor;

use crate::error::{EngineError, Result};
use crate::features::LpipsSqueeze;
use crate::tensor::{self, ImageTensor};

/// LPIPS-Squeeze between pictures `[n, 3, h, w]` in `[0, 1]`, mean over the batch; values outside `[0, 1]` are clamped
/// as a file would have them. 0 for equal pictures, around 0.7 for unrelated ones; lower is nearer.
///
/// # Errors
/// [`EngineError::Caller`] when the shapes differ or a side is below 31.
pub fn lpips(network: &LpipsSqueeze, a: ImageTensor, b: ImageTensor) -> Result<f32> {
    let distances = network.distance(a.clamp(0.0, 1.0), b.clamp(0.0, 1.0))?;
    Ok(tensor::scalar(distances.mean()))
}

/// Peak signal-to-noise ratio between pictures `[n, 3, h, w]` with a peak of 1, over the whole batch, in decibels;
/// infinite for equal pictures. Values are taken as they are.
///
/// # Errors
/// [`EngineError::Caller`] when the shapes differ.
pub fn psnr(a: ImageTensor, b: ImageTensor) -> Result<f32> {
    same_shape(a.dims(), b.dims())?;
    let (a, b) = (tensor::values(a), tensor::values(b));
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mean = a.iter().zip(&b).map(square).sum::<f64>() / a.len() as f64;
    Ok((-10.0 * mean.log10()) as f32)
}

/// How much of a network's activations another one misses: the squared difference of feature maps `[n, c, h, w]`
/// relative to the target's variance within each channel, as a share of the sum over all channels. 0 is equal, 1 is as
/// good as each channel's mean.
///
/// # Errors
/// [`EngineError::Caller`] when the shapes differ.
pub fn feature_error(guess: Tensor<4>, target: Tensor<4>) -> Result<f32> {
    same_shape(guess.dims(), target.dims())?;
    let mean = target.clone().mean_dims(&[0, 2, 3]); // [1, c, 1, 1]
    let spread = tensor::scalar((target.clone() - mean).square().mean());
    Ok(tensor::scalar((guess - target).square().mean()) / spread.max(f32::MIN_POSITIVE))
}

/// Spearman's rank correlation of two series of equal length, in `[-1, 1]`; ties share their mean rank.
///
/// # Errors
/// [`EngineError::Caller`] for series of different lengths, of fewer than two values, with a NaN or without any spread.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Result<f64> {
    if a.len() != b.len() || a.len() < 2 || a.iter().chain(b).any(|v| v.is_nan()) {
        let text =
            format!("rank correlation needs two series of numbers of one length, not {} and {}", a.len(), b.len());
        return Err(EngineError::Caller(text));
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    if spread > 0.0 {
        Ok(product(&a, &b) / spread)
    } else {
        Err(EngineError::Caller("rank correlation of a series whose values are all equal".into()))
    }
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|&i, &j| values[i] == values[j]).scan(0, |first, group| {
        let start = *first;
        *first += group.len();
        Some((start, group))
    }) {
        let (start, members) = group;
        for &member in members {
            ranks[member] = start as f64 + (members.len() as f64 - 1.0) / 2.0;
        }
    }
    ranks
}

fn same_shape(a: [usize; 4], b: [usize; 4]) -> Result<()> {
    if a == b { Ok(()) } else { Err(EngineError::Caller(format!("shapes {a:?} and {b:?} differ"))) }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn psnr_in_decibels() {
        let device = Device::flex();
        let grey = |value| Tensor::<4>::full([1, 3, 4, 4], value, &device);
        assert!((psnr(grey(0.5), grey(0.4)).unwrap() - 20.0).abs() < 1e-3);
        assert!(psnr(grey(0.5), grey(0.5)).unwrap().is_infinite());
        assert!(psnr(grey(0.5), Tensor::zeros([1, 3, 4, 5], &device)).is_err());
    }

    #[test]
    fn ranks_correlate_whatever_the_scale() {
        let a = [1.0, 2.0, 3.0, 10.0];
        assert_eq!(rank_correlation(&a, &[0.1, 0.2, 50.0, 51.0]).unwrap(), 1.0);
        assert_eq!(rank_correlation(&a, &[4.0, 3.0, 2.0, 1.0]).unwrap(), -1.0);
        assert_eq!(ranks(&[5.0, 1.0, 5.0]), [1.5, 0.0, 1.5]);
        for bad in [&a[..3], &[0.0, f64::NAN, 0.0, 0.0], &[7.0; 4]] {
            assert!(rank_correlation(&a, bad).is_err());
        }
    }

    #[test]
    fn a_channel_of_its_mean_misses_everything() {
        let device = Device::flex();
        let target = Tensor::<1>::from_floats([0.0, 2.0, 4.0, 6.0], &device).reshape([1, 1, 2, 2]);
        let mean = Tensor::full([1, 1, 2, 2], 3.0, &device);
        assert!((feature_error(mean, target.clone()).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(feature_error(target.clone(), target).unwrap(), 0.0);
    }
}
