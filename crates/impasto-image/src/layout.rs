//! Pictures turned and repeated.

use crate::error::ImageError;
use crate::picture::{Picture, samples};

/// The picture turned left to right.
#[must_use]
pub fn mirror(picture: &Picture) -> Picture {
    let mut turned = picture.clone();
    let width = picture.width as usize;
    turned.triples_mut().chunks_exact_mut(width).for_each(<[_]>::reverse);
    if let Some(alpha) = &mut turned.alpha {
        alpha.chunks_exact_mut(width).for_each(<[_]>::reverse);
    }
    turned
}

/// The picture so many times beside and below itself, without a gap.
///
/// # Errors
/// [`ImageError::InvalidArgument`] for no times, or a size that does not fit in memory's address range.
pub fn repeat(picture: &Picture, columns: u32, rows: u32) -> Result<Picture, ImageError> {
    let side = |count: u32, side: u32| count.checked_mul(side).filter(|&side| side > 0);
    let size = side(columns, picture.width).zip(side(rows, picture.height));
    let (width, height) = size.filter(|&(w, h)| samples(w, h, 12).is_some()).ok_or_else(|| {
        let (w, h) = (picture.width, picture.height);
        ImageError::InvalidArgument(format!("a picture of {w}x{h} cannot be repeated {columns}x{rows} times"))
    })?;
    let band = |values: &[f32], channels: usize| -> Vec<f32> {
        let row = |row: &[f32]| row.repeat(columns as usize);
        values.chunks_exact(picture.width as usize * channels).flat_map(row).collect::<Vec<f32>>().repeat(rows as usize)
    };
    let (rgb, alpha) = (band(&picture.rgb, 3), picture.alpha.as_ref().map(|alpha| band(alpha, 1)));
    Ok(Picture { width, height, rgb, alpha, source: picture.source.clone(), notes: picture.notes.clone() })
}

/// The picture with `margin` more pixels on every side, as it looks among copies of itself.
///
/// # Errors
/// [`ImageError::InvalidArgument`] for a size that does not fit in memory's address range.
pub fn surrounded(picture: &Picture, margin: u32) -> Result<Picture, ImageError> {
    let side = |side: u32| margin.checked_mul(2)?.checked_add(side);
    let size = side(picture.width).zip(side(picture.height)).filter(|&(w, h)| samples(w, h, 12).is_some());
    let (width, height) = size.ok_or_else(|| {
        let (w, h) = (picture.width, picture.height);
        ImageError::InvalidArgument(format!("a picture of {w}x{h} cannot have {margin} pixels more on every side"))
    })?;
    // The place in the picture of each row or column, counted on around it.
    let around = |side: u32| (0..side + 2 * margin).map(move |i| ((i + side - margin % side) % side) as usize);
    let wide = |values: &[f32], channels: usize| -> Vec<f32> {
        let pixel = |at: usize| values[at * channels..(at + 1) * channels].iter().copied();
        let row = |y: usize| around(picture.width).map(move |x| y * picture.width as usize + x);
        around(picture.height).flat_map(row).flat_map(pixel).collect()
    };
    let (rgb, alpha) = (wide(&picture.rgb, 3), picture.alpha.as_ref().map(|alpha| wide(alpha, 1)));
    Ok(Picture { width, height, rgb, alpha, source: picture.source.clone(), notes: picture.notes.clone() })
}

/// Digits of 3 x 5 points, a row an octal digit.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// The picture, laid over white, with a number on a white strip below it.
#[must_use]
pub fn numbered(picture: &Picture, number: u32) -> Picture {
    let scale = (picture.width / 64).max(1);
    let (width, height) = (picture.width, picture.height + 7 * scale);
    let mut rgb = crate::alpha::over(picture, [1.0; 3]);
    rgb.resize(width as usize * height as usize * 3, 1.0);
    let text = number.to_string();
    for (place, digit) in (0..).zip(text.bytes()) {
        let points = DIGITS[usize::from(digit - b'0') % DIGITS.len()];
        for (y, row) in (0..).zip(points) {
            for x in (0..3).filter(|x| row & (4 >> x) != 0) {
                let (left, top) = ((1 + 4 * place + x) * scale, picture.height + (1 + y) * scale);
                for (x, y) in (0..scale * scale).map(|i| (left + i % scale, top + i / scale)) {
                    if x < width {
                        let at = (y as usize * width as usize + x as usize) * 3;
                        rgb[at..at + 3].fill(0.0);
                    }
                }
            }
        }
    }
    Picture { width, height, rgb, alpha: None, source: picture.source.clone(), notes: picture.notes.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alpha::over;

    #[test]
    fn numbers_can_be_read() {
        let grey = Picture::filled(12, 2, [0.5; 3]).unwrap();
        let shown = numbered(&grey, 41);
        assert_eq!((shown.width, shown.height), (12, 9));
        let row = |y: usize| -> String {
            shown.triples()[y * 12..][..12].iter().map(|p| if p[0] == 0.0 { '#' } else { '.' }).collect()
        };
        let expected = ["............", ".#.#..#.....", ".#.#.##.....", ".###..#.....", "...#..#.....", "...#.###...."];
        assert_eq!([2, 3, 4, 5, 6, 7].map(row), expected.map(str::to_owned));
        assert_eq!(numbered(&grey, 123_456).width, 12, "what has no room is cut off");
        let large = numbered(&Picture::filled(128, 2, [0.5; 3]).unwrap(), 8);
        assert_eq!(large.height, 16);
    }

    #[test]
    fn turned_and_repeated() {
        let rgb = (0..12).map(|v| v as f32).collect();
        let mut picture = Picture::from_rgb(2, 2, rgb).unwrap();
        picture.alpha = Some(vec![0.0, 0.1, 0.2, 0.3]);
        let turned = mirror(&picture);
        assert_eq!(turned.rgb, [3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 9.0, 10.0, 11.0, 6.0, 7.0, 8.0]);
        assert_eq!(turned.alpha, Some(vec![0.1, 0.0, 0.3, 0.2]));
        assert_eq!(mirror(&turned), picture);

        let many = repeat(&picture, 3, 2).unwrap();
        assert_eq!((many.width, many.height, many.alpha.as_ref().map(Vec::len)), (6, 4, Some(24)));
        for (index, pixel) in many.triples().iter().enumerate() {
            assert_eq!(*pixel, picture.triples()[(index / 6 % 2) * 2 + index % 2]);
        }
        for margin in [0, 1, 2, 3, 5] {
            let wide = surrounded(&picture, margin).unwrap();
            let around = crate::crop(&repeat(&picture, 8, 8).unwrap(), 6 - margin, 6 - margin, wide.width, wide.height);
            assert_eq!((wide.width, wide), (2 + 2 * margin, around), "{margin}");
        }
        assert!(surrounded(&picture, u32::MAX / 2 + 1).is_err());
        assert!(numbered(&picture, 7).rgb.starts_with(&over(&picture, [1.0; 3])));
        assert!(repeat(&picture, 0, 1).is_err() && repeat(&picture, u32::MAX, 2).is_err());
    }
}
