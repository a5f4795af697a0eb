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
    let mut flicker = Flicker::default();
    for frame in frames {
        flicker.push(frame.clone())?;
    }
    flicker.share()
}

/// [`flicker`] of frames that come one after the other; no more than two are held.
#[derive(Default)]
pub struct Flicker {
    shape: Option<[usize; 4]>,
    before: Option<Planes>,
    now: Option<Planes>,
    frames: usize,
    values: usize,
    fast: f64,
    slow: f64,
}

impl std::fmt::Debug for Flicker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flicker").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl Flicker {
    /// Takes the next frame `[1, 3, h, w]`.
    ///
    /// # Errors
    /// As [`flicker`], but for too few frames.
    pub fn push(&mut self, frame: ImageTensor) -> Result<()> {
        same_shape(*self.shape.get_or_insert(frame.dims()), frame.dims())?;
        let after = Planes::of(frame)?;
        self.frames += 1;
        if let (Some(before), Some(now)) = (&self.before, &self.now) {
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
            self.fast += sums.iter().map(|sum| sum.0).sum::<f64>();
            self.slow += sums.iter().map(|sum| sum.1).sum::<f64>();
            self.values += now.values.len();
        }
        self.before = self.now.replace(after);
        Ok(())
    }

    /// The share of flicker in the frames so far.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for fewer than three frames.
    pub fn share(&self) -> Result<f64> {
        if self.frames < 3 {
            return Err(EngineError::Caller(format!("flicker needs at least three frames, not {}", self.frames)));
        }
        let [fast, slow] = [self.fast, self.slow].map(|sum| sum / self.values as f64);
        Ok(fast / (fast + slow + LEVEL * LEVEL / 12.0))
    }
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
