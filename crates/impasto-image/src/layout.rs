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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(repeat(&picture, 0, 1).is_err() && repeat(&picture, u32::MAX, 2).is_err());
    }
}
