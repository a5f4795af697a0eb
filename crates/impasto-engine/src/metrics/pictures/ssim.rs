//! Structural similarity, at one scale and at five.

use rayon::prelude::*;

use super::Planes;
use crate::error::Result;
use crate::metrics::same_shape;
use crate::tensor::ImageTensor;

/// Taps of the Gaussian window.
const WINDOW: usize = 11;
/// Its deviation in pixels.
const DEVIATION: f64 = 1.5;
/// `(K1 L)^2` and `(K2 L)^2` for values in `[0, 1]`.
const STABILISERS: (f64, f64) = (0.01 * 0.01, 0.03 * 0.03);
/// Exponents of the scales, finest first (Wang et al. 2003, from their experiment).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// The smallest side that [`ms_ssim`] takes, in pixels: its fifth scale is as large as the window.
pub const LEAST_SIDE: usize = (WINDOW - 1) * (1 << (WEIGHTS.len() - 1)) + 1;

/// Structural similarity (Wang et al. 2004) between pictures `[n, 3, h, w]` in `[0, 1]`: the mean over places, channels and
/// pictures, with a Gaussian window of 11 taps and deviation 1.5, where it lies within the picture, variances divided by the
/// number and a range of 1. 1 for equal pictures, around 0 for unrelated ones, at least -1. Colours are compared channel by
/// channel. This is scikit-image's `structural_similarity` with `gaussian_weights=True`, `sigma=1.5`,
/// `use_sample_covariance=False`, `data_range=1` and `channel_axis`.
///
/// # Errors
/// [`EngineError::Caller`](crate::EngineError::Caller) when the shapes differ, there is no picture or a side is below 11;
/// [`EngineError::Internal`](crate::EngineError::Internal) when a value is not finite.
pub fn ssim(a: ImageTensor, b: ImageTensor) -> Result<f64> {
    let (a, b) = pair(a, b, WINDOW, "SSIM")?;
    let sum: f64 = a.planes().zip(b.planes()).map(|(x, y)| means(&doubles(x), &doubles(y), a.width).0).sum();
    Ok(sum / a.count() as f64)
}

/// Structural similarity at five scales (Wang et al. 2003) between pictures `[n, 3, h, w]` in `[0, 1]`: contrast and structure
/// at all scales and luminance at the coarsest, as a product with the exponents 0.0448, 0.2856, 0.3001, 0.2363 and 0.1333.
/// Windows as for [`ssim`]. Each scale halves the one before by means of 2 x 2 pixels; at odd sides the last row or column is
/// repeated. A scale that disagrees (below 0) counts as 0. The mean over channels and pictures, 0 to 1.
///
/// # Errors
/// As for [`ssim`]; the smallest side is 161.
pub fn ms_ssim(a: ImageTensor, b: ImageTensor) -> Result<f64> {
    let (a, b) = pair(a, b, LEAST_SIDE, "MS-SSIM")?;
    let product = |(x, y): (&[f32], &[f32])| {
        let (mut x, mut y, mut width) = (doubles(x), doubles(y), a.width);
        let mut product = 1.0;
        for (scale, weight) in WEIGHTS.into_iter().enumerate() {
            let (similarity, contrast) = means(&x, &y, width);
            let coarsest = scale + 1 == WEIGHTS.len();
            product *= if coarsest { similarity } else { contrast }.max(0.0).powf(weight);
            if !coarsest {
                (x, y) = (halved(&x, width), halved(&y, width)); // [h/2, w/2]
                width = width.div_ceil(2);
            }
        }
        product
    };
    Ok(a.planes().zip(b.planes()).map(product).sum::<f64>() / a.count() as f64)
}

fn pair(a: ImageTensor, b: ImageTensor, least: usize, what: &str) -> Result<(Planes, Planes)> {
    same_shape(a.dims(), b.dims())?;
    let (a, b) = (Planes::of(a)?, Planes::of(b)?);
    a.at_least(least, what)?;
    Ok((a, b))
}

fn doubles(plane: &[f32]) -> Vec<f64> {
    plane.iter().map(|&v| f64::from(v)).collect()
}

/// Mean similarity, and mean of its part without luminance, of two planes.
fn means(a: &[f64], b: &[f64], width: usize) -> (f64, f64) {
    let height = a.len() / width;
    let window = window();
    let (rows, columns) = (height + 1 - WINDOW, width + 1 - WINDOW);
    // The sums of single rows are added in order, so that the number of threads changes no bit.
    let sums: Vec<(f64, f64)> =
        (0..rows).into_par_iter().map(|row| line(&a[row * width..], &b[row * width..], width, &window)).collect();
    let places = (rows * columns) as f64;
    let sum = |of: fn(&(f64, f64)) -> f64| sums.iter().map(of).sum::<f64>() / places;
    (sum(|s| s.0), sum(|s| s.1))
}

/// Sums of the similarity, with and without luminance, over windows that begin in the first row.
fn line(a: &[f64], b: &[f64], width: usize, window: &[f64; WINDOW]) -> (f64, f64) {
    // Moments weighted downwards: of a, b, a^2, b^2 and ab, for each column.
    let mut moments = [(); 5].map(|()| vec![0.0; width]);
    for (row, weight) in window.iter().enumerate() {
        for column in 0..width {
            let (x, y) = (a[row * width + column], b[row * width + column]);
            for (moment, value) in moments.iter_mut().zip([x, y, x * x, y * y, x * y]) {
                moment[column] += weight * value;
            }
        }
    }
    let (c1, c2) = STABILISERS;
    let mut sums = (0.0, 0.0);
    for column in 0..=width - WINDOW {
        let [x, y, xx, yy, xy] = moments
            .each_ref()
            .map(|m| m[column..].iter().zip(window).map(|(value, weight)| value * weight).sum::<f64>());
        let contrast = (2.0 * (xy - x * y) + c2) / (xx - x * x + yy - y * y + c2);
        sums.0 += contrast * (2.0 * x * y + c1) / (x * x + y * y + c1);
        sums.1 += contrast;
    }
    sums
}

fn window() -> [f64; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let bell =
        std::array::from_fn::<f64, WINDOW, _>(|i| (-(i as f64 - middle).powi(2) / (2.0 * DEVIATION * DEVIATION)).exp());
    let sum: f64 = bell.iter().sum();
    bell.map(|value| value / sum)
}

/// Means of 2 x 2 values.
fn halved(plane: &[f64], width: usize) -> Vec<f64> {
    let height = plane.len() / width;
    let mut half = Vec::with_capacity(height.div_ceil(2) * width.div_ceil(2));
    for y in (0..height).step_by(2) {
        let (upper, lower) = (&plane[y * width..][..width], &plane[(y + 1).min(height - 1) * width..][..width]);
        for x in (0..width).step_by(2) {
            let right = (x + 1).min(width - 1);
            half.push((upper[x] + upper[right] + lower[x] + lower[right]) / 4.0);
        }
    }
    half
}

#[cfg(test)]
mod tests;
