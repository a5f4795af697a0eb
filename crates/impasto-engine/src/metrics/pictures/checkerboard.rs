//! Checkerboards: what transposed convolutions and other uneven upsampling leave behind.

use rayon::prelude::*;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::{LEVEL, Planes};
use crate::error::Result;
use crate::tensor::ImageTensor;

/// Side of the pieces whose spectra are averaged, in pixels.
const SIDE: usize = 64;
/// Pixels from a piece to the next.
const STEP: usize = SIDE / 2;
/// A pattern with a period of two or four pixels in both directions has nothing but multiples of this frequency.
const GRID: usize = SIDE / 4;
/// The ring about a frequency that it is compared with, in frequencies: beyond what the window smears.
const RING: std::ops::RangeInclusive<usize> = 3..=5;

/// The strongest pattern of period two or four pixels in pictures `[n, 3, h, w]` in `[0, 1]`, in decibels: how far the
/// power at the multiples of a quarter of the sampling rate stands above the median of the frequencies around each. The power
/// is the mean over channels and overlapping pieces of 64 x 64 pixels under a Hann window (Welch 1967), plus the rounding
/// noise of eight bits. About 0 to 3 without a pattern, above 6 where one can be measured; what JPEG leaves on its grid of
/// eight pixels shows too when it is strong. Odena et al. 2016 describe where such patterns come from.
///
/// # Errors
/// [`EngineError::Caller`](crate::EngineError::Caller) when there is no picture or a side is below 64;
/// [`EngineError::Internal`](crate::EngineError::Internal) when a value is not finite.
pub fn checkerboard_score(pictures: ImageTensor) -> Result<f64> {
    let planes = Planes::of(pictures)?;
    planes.at_least(SIDE, "the checkerboard score")?;
    let power = spectrum(&planes);
    let at = |y: usize, x: usize| power[y % SIDE * SIDE + x % SIDE];
    let above = |(y, x): (usize, usize)| {
        let far = *RING.end();
        let mut ring: Vec<f64> = (0..=2 * far)
            .flat_map(|dy| (0..=2 * far).map(move |dx| (dy, dx)))
            .filter(|&(dy, dx)| RING.contains(&dy.abs_diff(far).max(dx.abs_diff(far))))
            .map(|(dy, dx)| at(y + SIDE - far + dy, x + SIDE - far + dx))
            .collect();
        ring.sort_by(f64::total_cmp);
        10.0 * (at(y, x) / ring[ring.len() / 2]).log10()
    };
    // The other half of the plane mirrors this one.
    let frequencies = (0..=2).flat_map(|y| (0..4).map(move |x| (y * GRID, x * GRID))).filter(|&f| f != (0, 0));
    Ok(frequencies.map(above).fold(f64::NEG_INFINITY, f64::max))
}

/// Mean power of the pieces of all planes, `[SIDE, SIDE]`, with that of rounding to eight bits.
fn spectrum(planes: &Planes) -> Vec<f64> {
    let window: Vec<f64> =
        (0..SIDE).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / SIDE as f64).cos()).collect();
    let fft = FftPlanner::new().plan_fft_forward(SIDE);
    let starts = |size: usize| (0..=size - SIDE).step_by(STEP);
    let strips: Vec<(&[f32], usize)> =
        planes.planes().flat_map(|plane| starts(planes.height).map(move |top| (plane, top))).collect();
    // The sums of strips are added in order, so that the number of threads changes no bit.
    let sums: Vec<Vec<f64>> = strips
        .into_par_iter()
        .map(|(plane, top)| {
            let mut sum = vec![0.0; SIDE * SIDE];
            for left in starts(planes.width) {
                let pixel = |y: usize, x: usize| f64::from(plane[(top + y) * planes.width + left + x]);
                let mean = (0..SIDE * SIDE).map(|i| pixel(i / SIDE, i % SIDE)).sum::<f64>() / (SIDE * SIDE) as f64;
                let mut piece: Vec<Complex<f64>> = (0..SIDE * SIDE)
                    .map(|i| (i / SIDE, i % SIDE))
                    .map(|(y, x)| Complex::new((pixel(y, x) - mean) * window[y] * window[x], 0.0))
                    .collect();
                fft.process(&mut piece); // along rows
                let mut turned: Vec<_> = (0..SIDE * SIDE).map(|i| piece[i % SIDE * SIDE + i / SIDE]).collect();
                fft.process(&mut turned); // along columns
                for (i, sum) in sum.iter_mut().enumerate() {
                    *sum += turned[i % SIDE * SIDE + i / SIDE].norm_sqr();
                }
            }
            sum
        })
        .collect();
    let pieces = (sums.len() * starts(planes.width).count()) as f64;
    let energy: f64 = window.iter().map(|w| w * w).sum();
    let rounding = LEVEL * LEVEL / 12.0 * energy * energy;
    (0..SIDE * SIDE).map(|i| sums.iter().map(|sum| sum[i]).sum::<f64>() / pieces + rounding).collect()
}

#[cfg(test)]
mod tests;
