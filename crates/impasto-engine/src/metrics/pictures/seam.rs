//! Seams between tiles, or between the opposite borders of a picture that is to be repeated.

use super::{LEVEL, Planes};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;

/// How much more values change across seams of pictures `[n, 3, h, w]` in `[0, 1]` than beside them: the mean absolute step
/// between the pixels on both sides of a line, over the mean of the steps just before and just behind it (half a level of
/// 255 added to both); the larger of upright and level lines. About 1 without a seam.
///
/// With `tile`, lines are the multiples of that many pixels: seams of work in tiles. Without, the line is where the picture
/// meets itself when it is repeated: 1 for a picture that tiles, far above for others.
///
/// # Errors
/// [`EngineError::Caller`] when there is no picture, a side is below 4, or `tile` is below 4 or gives no line;
/// [`EngineError::Internal`] when a value is not finite.
pub fn seam_score(pictures: ImageTensor, tile: Option<usize>) -> Result<f64> {
    let planes = Planes::of(pictures)?;
    planes.at_least(4, "the seam score")?;
    let (h, w) = (planes.height, planes.width);
    if tile.is_some_and(|tile| tile < 4 || tile > h.max(w) - 2) {
        let text = format!("tiles of {} pixels have no seams to measure in a picture of {w} x {h}", tile.unwrap_or(0));
        return Err(EngineError::Caller(text));
    }
    let upright = contrast(&planes, tile, w, h, |line, along| along * w + line);
    let level = contrast(&planes, tile, h, w, |line, along| line * w + along);
    Ok(upright.max(level))
}

/// Steps across the lines over steps beside them. `across` and `along` are sizes, `at` is where a pixel is; 0 where the
/// picture has no line in this direction.
fn contrast(
    planes: &Planes,
    tile: Option<usize>,
    across: usize,
    along: usize,
    at: impl Fn(usize, usize) -> usize,
) -> f64 {
    let lines: Vec<usize> = match tile {
        // The two pixels behind a line have to be there.
        Some(tile) => (tile..across - 1).step_by(tile).collect(),
        None => vec![0],
    };
    if lines.is_empty() {
        return 0.0;
    }
    let (mut over, mut beside) = (0.0, 0.0);
    for plane in planes.planes() {
        for &line in &lines {
            for place in 0..along {
                // The pixels about the line; before the first comes the last.
                let value = |offset: usize| f64::from(plane[at((line + across + offset - 2) % across, place)]);
                let [a, b, c, d] = [0, 1, 2, 3].map(value);
                over += (c - b).abs();
                beside += ((b - a).abs() + (d - c).abs()) / 2.0;
            }
        }
    }
    let steps = (planes.count() * lines.len() * along) as f64;
    (over / steps + LEVEL / 2.0) / (beside / steps + LEVEL / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{landscape, picture};
    use super::*;

    #[test]
    fn planted_seams_stand_out() {
        for (h, w) in [(96, 130), (33, 70)] {
            let whole = landscape("whole", h, w);
            let clean = seam_score(whole.clone(), Some(32)).unwrap();
            assert!((0.8..1.25).contains(&clean), "{clean}");
            // Every second tile a little lighter.
            let offset = picture(h, w, |_, y, x| if (y / 32 + x / 32) % 2 == 1 { 0.03 } else { 0.0 });
            let seams = seam_score(whole.clone() + offset, Some(32)).unwrap();
            assert!(seams > 1.4 * clean, "{seams} {clean}");
            // Elsewhere there is none.
            let shifted = picture(h, w, |_, _, x| if x >= 41 { 0.03 } else { 0.0 });
            assert!(seam_score(whole + shifted, Some(32)).unwrap() < 1.25);
        }
    }

    #[test]
    fn a_picture_that_tiles_has_none() {
        let turn = std::f32::consts::TAU / 48.0;
        let tiles = |c: usize, y: usize, x: usize| 0.5 + 0.3 * ((x + c) as f32 * turn).sin() * (y as f32 * turn).cos();
        let repeated = seam_score(picture(48, 48, tiles), None).unwrap();
        assert!((0.9..1.1).contains(&repeated), "{repeated}");
        let cut = seam_score(picture(48, 36, tiles), None).unwrap();
        assert!(cut > 3.0, "{cut}");
    }

    #[test]
    fn tiles_without_a_line_are_refused() {
        let flat = || picture(20, 12, |_, _, _| 0.5);
        assert_eq!(seam_score(flat(), Some(10)).unwrap(), 1.0);
        assert_eq!(seam_score(flat(), Some(16)).unwrap(), 1.0);
        for tile in [0, 3, 19, 99] {
            assert!(seam_score(flat(), Some(tile)).is_err(), "{tile}");
        }
        assert!(seam_score(picture(3, 9, |_, _, _| 0.5), None).is_err());
    }
}
