//! Flicker of frames.

use rayon::prelude::*;

use super::{LEVEL, Planes};
use crate::error::{EngineError, Result};
use crate::metrics::same_shape;
use crate::tensor::ImageTensor;

/// The share of flicker in how frames `[1, 3, h, w]` in `[0, 1]` change, pixel by pixel, without following what moves:
/// `fast / (fast + slow)` with `fast` the mean of `(x[t-1] - 2 x[t] + x[t+1])^2 / 6` and `slow` that of
/// `(x[t+1] - x[t-1])^2 / 2` over pixels, channels and times, plus the rounding noise of eight bits. Both are the variance of
/// noise that is drawn anew for every frame, so that such noise has 0.5, steady change 0 and a change that is taken back in
/// the next frame 1; frames that do not change have 0.
///
/// Fast movement of fine detail counts as flicker too: compare with the figure of the video that was painted.
///
/// # Errors
/// [`EngineError::Caller`] for fewer than three frames, shapes that differ or an empty picture; [`EngineError::Internal`] when a
/// value is not finite.
pub fn flicker(frames: &[ImageTensor]) -> Result<f64> {
    if frames.len() < 3 {
        return Err(EngineError::Caller(format!("flicker needs at least three frames, not {}", frames.len())));
    }
    for frame in frames {
        same_shape(frames[0].dims(), frame.dims())?;
    }
    let mut before = Planes::of(frames[0].clone())?;
    let mut now = Planes::of(frames[1].clone())?;
    let (mut fast, mut slow) = (0.0, 0.0);
    for frame in &frames[2..] {
        let after = Planes::of(frame.clone())?;
        // The sums of planes' rows are added in order, so that the number of threads changes no bit.
        let width = now.width;
        let sums: Vec<(f64, f64)> = before
            .values
            .par_chunks(width)
            .zip(now.values.par_chunks(width))
            .zip(after.values.par_chunks(width))
            .map(|((before, now), after)| {
                let mut sums = (0.0, 0.0);
                for ((&a, &b), &c) in before.iter().zip(now).zip(after) {
                    let (a, b, c) = (f64::from(a), f64::from(b), f64::from(c));
                    sums.0 += (a - 2.0 * b + c).powi(2) / 6.0;
                    sums.1 += (c - a).powi(2) / 2.0;
                }
                sums
            })
            .collect();
        fast += sums.iter().map(|sum| sum.0).sum::<f64>();
        slow += sums.iter().map(|sum| sum.1).sum::<f64>();
        (before, now) = (now, after);
    }
    let values = ((frames.len() - 2) * now.values.len()) as f64;
    let rounding = LEVEL * LEVEL / 12.0;
    Ok(fast / values / (fast / values + slow / values + rounding))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{normal, picture};
    use super::*;

    #[test]
    fn steady_change_is_no_flicker_and_alternation_is_all() {
        let frames = |value: fn(usize) -> f32| (0..9).map(|t| picture(6, 7, |_, _, _| value(t))).collect::<Vec<_>>();
        for (value, expected) in
            [((|_| 0.3) as fn(usize) -> f32, 0.0), (|t| 0.1 * t as f32, 0.0), (|t| (t % 2) as f32, 1.0)]
        {
            let found = flicker(&frames(value)).unwrap();
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    #[test]
    fn new_noise_in_every_frame_is_half() {
        let noise = |t: usize| {
            let noise = normal(&format!("frame {t}"), 3 * 40 * 40, 1);
            picture(40, 40, |c, y, x| 0.5 + 0.1 * noise.row((c * 40 + y) * 40 + x)[0])
        };
        let found = flicker(&(0..8).map(noise).collect::<Vec<_>>()).unwrap();
        assert!((found - 0.5).abs() < 0.02, "{found}");
    }

    #[test]
    fn too_few_frames() {
        let frame = |h| picture(h, 4, |_, _, _| 0.0);
        assert!(flicker(&[frame(4), frame(4)]).is_err());
        assert!(flicker(&[frame(4), frame(4), frame(5)]).is_err());
    }
}
