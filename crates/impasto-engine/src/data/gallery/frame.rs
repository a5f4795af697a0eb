//! Any picture as one of a gallery: laid over the background, framed, scaled, 8 bit.

use impasto_image::{Picture, crop, resize};

use super::settings::{Fit, GallerySettings};

/// How many times a side may be enlarged.
const MAX_ENLARGED: f64 = 2.0;

/// Where a picture of so many columns and rows goes.
struct Place {
    /// Columns and rows of its middle that are taken.
    taken: (u32, u32),
    /// The size at which they are laid on the background.
    laid: (u32, u32),
    /// The whole factor by which pixel art is enlarged.
    times: Option<u32>,
}

impl Place {
    /// # Errors
    /// Why the picture is too small.
    fn of((w, h): (u32, u32), settings: &GallerySettings) -> Result<Self, String> {
        let [rows, columns] = settings.size.map(|side| side as u32);
        let aspect = f64::from(columns) / f64::from(rows);
        let fraction = |of: u32, by: f64| (f64::from(of) * by).round().max(1.0) as u32;
        let (taken, laid) = match settings.fit {
            Fit::Crop if f64::from(w) > f64::from(h) * aspect => ((fraction(h, aspect).min(w), h), (columns, rows)),
            Fit::Crop => ((w, fraction(w, 1.0 / aspect).min(h)), (columns, rows)),
            Fit::Stretch => ((w, h), (columns, rows)),
            Fit::Pad => {
                let scale = (f64::from(columns) / f64::from(w)).min(f64::from(rows) / f64::from(h));
                let laid = (fraction(w, scale).min(columns), fraction(h, scale).min(rows));
                ((w, h), laid)
            }
        };
        let whole = (laid.0 / taken.0).max(1);
        let times = (settings.pixel_art && whole > 1 && laid == (taken.0 * whole, taken.1 * whole)).then_some(whole);
        let factor = |to: u32, from: u32| f64::from(to) / f64::from(from);
        let enlarged = factor(laid.0, taken.0).max(factor(laid.1, taken.1));
        if times.is_none() && enlarged > MAX_ENLARGED {
            return Err(format!(
                "its {w}x{h} px are too few for {columns}x{rows}: it would be enlarged {enlarged:.1} times"
            ));
        }
        Ok(Self { taken, laid, times })
    }
}

/// Whether a picture of this width and height is large enough.
///
/// # Errors
/// Why it is too small.
pub(super) fn check(size: (u32, u32), settings: &GallerySettings) -> Result<(), String> {
    Place::of(size, settings).map(drop)
}

/// The middle of a picture that is taken.
///
/// # Errors
/// Why the picture is too small.
pub(super) fn part(picture: &Picture, settings: &GallerySettings) -> Result<Picture, String> {
    let (w, h) = (picture.width, picture.height);
    let (width, height) = Place::of((w, h), settings)?.taken;
    Ok(crop(picture, (w - width) / 2, (h - height) / 2, width, height))
}

/// Planar 8 bit RGB of the settings' size.
///
/// # Errors
/// Why the picture is too small.
pub(super) fn framed(picture: &Picture, settings: &GallerySettings) -> Result<Vec<u8>, String> {
    let Place { laid, times, .. } = Place::of((picture.width, picture.height), settings)?;
    let cut = part(picture, settings)?;
    let rgb = match times {
        Some(times) => repeated(&cut, times),
        None => resize(&cut, laid.0, laid.1).rgb,
    };
    let [rows, columns] = settings.size.map(|side| side as u32);
    Ok(lay(&rgb, laid, (columns, rows), settings.background))
}

/// Interleaved pixels, each `times` by `times`.
fn repeated(picture: &Picture, times: u32) -> Vec<f32> {
    let times = times as usize;
    let rows = picture.triples().chunks_exact(picture.width as usize);
    rows.flat_map(|row| {
        let wide: Vec<f32> = row.iter().flat_map(|pixel| pixel.repeat(times)).collect();
        wide.repeat(times)
    })
    .collect()
}

/// Interleaved pixels in the middle of a ground, as planes of 8 bit.
fn lay(rgb: &[f32], (w, h): (u32, u32), (columns, rows): (u32, u32), ground: [f32; 3]) -> Vec<u8> {
    let plane = (columns * rows) as usize;
    let (left, top) = (((columns - w) / 2) as usize, ((rows - h) / 2) as usize);
    let mut planes = Vec::with_capacity(3 * plane);
    for (channel, value) in ground.into_iter().enumerate() {
        planes.resize((channel + 1) * plane, byte(value));
        let to = &mut planes[channel * plane..];
        for (y, row) in rgb.chunks_exact(3 * w as usize).enumerate() {
            let at = (top + y) * columns as usize + left;
            for (to, from) in to[at..at + w as usize].iter_mut().zip(row.iter().skip(channel).step_by(3)) {
                *to = byte(*from);
            }
        }
    }
    planes
}

/// A value in `[0, 1]` as a byte.
pub(super) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of red 0, 1, 2, ... of 255, rows of green.
    fn steps(width: u32, height: u32) -> Picture {
        let pixel = |i: u32| [(i % width) as f32 / 255.0, (i / width) as f32 / 255.0, 0.5];
        Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    fn settings(size: [usize; 2], fit: Fit) -> GallerySettings {
        GallerySettings { size, fit, background: [0.0, 0.0, 1.0], ..GallerySettings::default() }
    }

    #[test]
    fn the_middle_is_cut_out() {
        for (size, picture, first, last) in [
            ([4, 4], [8, 4], [2, 0], [5, 3]),
            ([4, 4], [4, 9], [0, 2], [3, 5]),
            ([4, 8], [8, 4], [0, 0], [7, 3]),
            ([8, 4], [10, 8], [3, 0], [6, 7]),
        ] {
            let planes = framed(&steps(picture[0], picture[1]), &settings(size, Fit::Crop)).unwrap();
            let plane = size[0] * size[1];
            assert_eq!(planes.len(), 3 * plane);
            assert_eq!([planes[0], planes[plane]], first, "{size:?} of {picture:?}");
            assert_eq!([planes[plane - 1], planes[2 * plane - 1]], last, "{size:?} of {picture:?}");
        }
    }

    #[test]
    fn the_whole_is_padded_or_stretched() {
        let padded = framed(&steps(8, 4), &settings([8, 8], Fit::Pad)).unwrap();
        let blue = &padded[128..];
        assert_eq!((blue[0], blue[8 * 2], blue[8 * 5 + 7], blue[8 * 6]), (255, 128, 128, 255));
        assert_eq!(&padded[16..24], &[0, 1, 2, 3, 4, 5, 6, 7]);
        let stretched = framed(&steps(8, 4), &settings([8, 8], Fit::Stretch)).unwrap();
        assert!(stretched[128..].iter().all(|&v| v == 128));
    }

    #[test]
    fn small_pictures_are_refused_or_repeated() {
        let of = |side: u32, to: usize, pixel_art| {
            framed(&steps(side, side), &GallerySettings { pixel_art, ..settings([to, to], Fit::Crop) })
        };
        assert!(of(8, 16, false).is_ok());
        assert!(of(7, 16, false).unwrap_err().contains("7x7 px are too few for 16x16"));
        let large = of(4, 16, true).unwrap();
        assert_eq!(&large[..16], &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
        assert_eq!(large[16 * 3], 0, "rows are repeated as columns are");
        assert_eq!(large[256 + 16 * 4], 1);
        assert!(of(5, 16, true).is_err(), "no whole factor");
    }
}
