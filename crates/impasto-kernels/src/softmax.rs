//! The softmax over the channels at every position, forward and backward.

use rayon::prelude::*;

use crate::dispatch::{Isa, dispatched};
use crate::error::{ShapeError, check_length};
use crate::exponential::exponential;
use crate::lanes::Lanes;
use crate::norm::plane_area;
use crate::scratch::with_scratch;

/// Positions that one task sums over all channels.
const SPAN: usize = 512;

/// `y[c] = exp(x[c]) / sum over k of exp(x[k])` at every position of every image.
///
/// - `images`, `channels`: how many
/// - `x`: `[images, channels, positions]`
/// - `y`: of the same length, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn channel_softmax_forward(images: usize, channels: usize, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let area = plane_area(x, images * channels)?;
    check_length("y", y, x.len())?;
    let isa = Isa::detect();
    with_scratch(2 * area, |both| {
        let (most, sum) = both.split_at_mut(area);
        for (x, y) in x.chunks_exact(channels * area).zip(y.chunks_exact_mut(channels * area)) {
            let spans = most.par_chunks_mut(SPAN).zip(sum.par_chunks_mut(SPAN)).enumerate();
            spans.for_each(|(span, (most, sum))| {
                let planes = || x.chunks_exact(area).map(|plane| &plane[span * SPAN..][..most.len()]);
                let (mut largest, mut total) = ([f32::NEG_INFINITY; SPAN], [0.0; SPAN]);
                let (largest, total) = (&mut largest[..most.len()], &mut total[..most.len()]);
                planes().for_each(|x| take_larger(isa, x, largest));
                planes().for_each(|x| add_exponentials(isa, x, largest, total));
                most.copy_from_slice(largest);
                sum.copy_from_slice(total);
            });
            let (most, sum) = (&*most, &*sum);
            let planes = x.par_chunks(area).zip(y.par_chunks_mut(area));
            planes.for_each(|(x, y)| divide_exponentials(isa, [x, most, sum], y));
        }
    });
    Ok(())
}

/// The gradient of [`channel_softmax_forward`].
///
/// - `images`, `channels`: as given to the forward function
/// - `y`: its result
/// - `dy`: the gradient of the result, of the same length
/// - `dx`: of the same length, overwritten
///
/// # Errors
///
/// [`ShapeError`] where the lengths do not fit together or there is no value.
pub fn channel_softmax_backward(
    images: usize,
    channels: usize,
    y: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) -> Result<(), ShapeError> {
    let area = plane_area(y, images * channels)?;
    check_length("dy", dy, y.len())?;
    check_length("dx", dx, y.len())?;
    let isa = Isa::detect();
    with_scratch(area, |sum| {
        let of_image = channels * area;
        for ((y, dy), dx) in y.chunks_exact(of_image).zip(dy.chunks_exact(of_image)).zip(dx.chunks_exact_mut(of_image))
        {
            sum.par_chunks_mut(SPAN).enumerate().for_each(|(span, sum)| {
                sum.fill(0.0);
                for (y, dy) in y.chunks_exact(area).zip(dy.chunks_exact(area)) {
                    let span = span * SPAN..span * SPAN + sum.len();
                    add_products(isa, &y[span.clone()], &dy[span], sum);
                }
            });
            let sum = &*sum;
            let planes = y.par_chunks(area).zip(dy.par_chunks(area)).zip(dx.par_chunks_mut(area));
            planes.for_each(|((y, dy), dx)| centre_products(isa, [y, dy, sum], dx));
        }
    });
    Ok(())
}

dispatched! {
    /// `most = max(most, x)`.
    fn take_larger(x: &[f32], most: &mut [f32]) => take_larger_any
}

dispatched! {
    /// `sum += exp(x - most)`.
    fn add_exponentials(x: &[f32], most: &[f32], sum: &mut [f32]) => add_exponentials_any
}

dispatched! {
    /// `y = exp(x - most) / sum`, from `[x, most, sum]`.
    fn divide_exponentials(from: [&[f32]; 3], y: &mut [f32]) => divide_exponentials_any
}

dispatched! {
    /// `sum += y * dy`.
    fn add_products(y: &[f32], dy: &[f32], sum: &mut [f32]) => add_products_any
}

dispatched! {
    /// `dx = y * (dy - sum)`, from `[y, dy, sum]`.
    fn centre_products(from: [&[f32]; 3], dx: &mut [f32]) => centre_products_any
}

#[inline(always)]
fn take_larger_any<V: Lanes>(x: &[f32], most: &mut [f32]) {
    for (most, &x) in most.iter_mut().zip(x) {
        *most = if x > *most { x } else { *most };
    }
}

#[inline(always)]
fn add_exponentials_any<V: Lanes>(x: &[f32], most: &[f32], sum: &mut [f32]) {
    for (sum, (&x, &most)) in sum.iter_mut().zip(x.iter().zip(most)) {
        *sum += exponential::<V>(x - most);
    }
}

#[inline(always)]
fn divide_exponentials_any<V: Lanes>([x, most, sum]: [&[f32]; 3], y: &mut [f32]) {
    for (y, ((&x, &most), &sum)) in y.iter_mut().zip(x.iter().zip(most).zip(sum)) {
        *y = exponential::<V>(x - most) / sum;
    }
}

#[inline(always)]
fn add_products_any<V: Lanes>(y: &[f32], dy: &[f32], sum: &mut [f32]) {
    for (sum, (&y, &dy)) in sum.iter_mut().zip(y.iter().zip(dy)) {
        *sum = V::scalar_fma(y, dy, *sum);
    }
}

#[inline(always)]
fn centre_products_any<V: Lanes>([y, dy, sum]: [&[f32]; 3], dx: &mut [f32]) {
    for (dx, ((&y, &dy), &sum)) in dx.iter_mut().zip(y.iter().zip(dy).zip(sum)) {
        *dx = y * (dy - sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, assert_close};

    #[test]
    fn values_and_gradients_agree_with_f64() {
        let mut random = Random::new(7);
        for (images, channels, area) in [(1, 1, 1), (2, 3, 7), (1, 36, 1100), (3, 5, 512)] {
            let x: Vec<f32> = random.values(images * channels * area).iter().map(|x| 20.0 * x).collect();
            let dy = random.values(x.len());
            let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            channel_softmax_forward(images, channels, &x, &mut y).unwrap();
            channel_softmax_backward(images, channels, &y, &dy, &mut dx).unwrap();
            let (mut expected, mut gradient) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            for (image, p) in (0..images).flat_map(|image| (0..area).map(move |p| (image, p))) {
                let at = |channel: usize| (image * channels + channel) * area + p;
                let sum: f64 = (0..channels).map(|c| f64::from(x[at(c)]).exp()).sum();
                (0..channels).for_each(|c| expected[at(c)] = f64::from(x[at(c)]).exp() / sum);
                let mean: f64 = (0..channels).map(|c| expected[at(c)] * f64::from(dy[at(c)])).sum();
                (0..channels).for_each(|c| gradient[at(c)] = expected[at(c)] * (f64::from(dy[at(c)]) - mean));
            }
            assert_close("softmax", &y, &expected, 2e-6);
            assert_close("gradient of softmax", &dx, &gradient, 4e-6);
        }
    }

    #[test]
    fn extremes_do_not_overflow_and_what_is_no_number_stays_none() {
        let mut y = [0.0; 6];
        // Two positions of three channels.
        channel_softmax_forward(1, 3, &[1e30, f32::NAN, -1e30, 0.0, 1e30, 1.0], &mut y).unwrap();
        assert_eq!([y[0], y[4]], [0.5; 2]);
        assert!(y[2] < 1e-37 && [y[1], y[3], y[5]].iter().all(|v| v.is_nan()), "{y:?}");
        assert!(channel_softmax_forward(1, 2, &[0.0; 3], &mut [0.0; 3]).is_err());
        assert!(channel_softmax_backward(1, 2, &[0.0; 4], &[0.0; 2], &mut [0.0; 4]).is_err());
    }
}
