//! The one resampler.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::alpha::{bleed, premultiply, unpremultiply};
use crate::error::ImageError;
use crate::picture::{Picture, check, samples};

/// The picture at another size, antialiased.
///
/// Shrinking uses Lanczos (three lobes) over the whole footprint of a target pixel, enlarging a Catmull-Rom spline, both
/// clamped to the range the input had, so that no ring is brighter than white. Alpha is taken into account: transparent
/// pixels add no colour. The same size gives an exact copy. A side of 0 is taken for 1. Source and notes are kept.
#[must_use]
pub fn resize(picture: &Picture, width: u32, height: u32) -> Picture {
    let (width, height) = (width.max(1), height.max(1));
    if (width, height) == (picture.width, picture.height) {
        return picture.clone();
    }
    let from = (picture.width, picture.height);
    let mut out = Picture {
        width,
        height,
        rgb: Vec::new(),
        alpha: None,
        source: picture.source.clone(),
        notes: picture.notes.clone(),
    };
    if picture.has_transparency() {
        let rgba = resample(&premultiply(picture), 4, from, (width, height));
        let (low, high) = range(&picture.rgb);
        let (mut rgb, alpha) = unpremultiply(&rgba);
        rgb.iter_mut().for_each(|v| *v = v.clamp(low, high));
        out.rgb = rgb;
        out.alpha = Some(alpha);
        bleed(&mut out);
    } else {
        out.rgb = resample(&picture.rgb, 3, from, (width, height));
        out.alpha = picture.alpha.as_ref().map(|_| vec![1.0; out.rgb.len() / 3]);
    }
    out
}

/// The picture with its shorter side at `side` pixels, proportions kept.
#[must_use]
pub fn resize_to_short_side(picture: &Picture, side: u32) -> Picture {
    scaled(picture, side, picture.width.min(picture.height))
}

/// The picture with its longer side at `side` pixels, proportions kept.
#[must_use]
pub fn resize_to_long_side(picture: &Picture, side: u32) -> Picture {
    scaled(picture, side, picture.width.max(picture.height))
}

fn scaled(picture: &Picture, side: u32, reference: u32) -> Picture {
    let scale = f64::from(side.max(1)) / f64::from(reference.max(1));
    let [width, height] = [picture.width, picture.height].map(|v| (f64::from(v) * scale).round() as u32);
    resize(picture, width, height)
}

/// The rectangle of `width` x `height` pixels whose upper left corner is (`x`, `y`), moved and shrunk as little as needed
/// to lie within the picture. Source and notes are kept.
#[must_use]
pub fn crop(picture: &Picture, x: u32, y: u32, width: u32, height: u32) -> Picture {
    let (width, height) = (width.clamp(1, picture.width.max(1)), height.clamp(1, picture.height.max(1)));
    let (x, y) = (x.min(picture.width - width) as usize, y.min(picture.height - height) as usize);
    let stride = picture.width as usize;
    let cut = |from: &[f32], channels: usize| -> Vec<f32> {
        let rows = from.chunks_exact(stride * channels).skip(y).take(height as usize);
        rows.flat_map(|row| &row[x * channels..(x + width as usize) * channels]).copied().collect()
    };
    Picture {
        width,
        height,
        rgb: cut(&picture.rgb, 3),
        alpha: picture.alpha.as_ref().map(|alpha| cut(alpha, 1)),
        source: picture.source.clone(),
        notes: picture.notes.clone(),
    }
}

/// Resizes planes of `from.0` x `from.1` samples, one after the other (the layout of networks), by the same rules as
/// [`resize`]. Samples left over after the last whole plane are ignored; a target side of 0 is taken for 1.
#[must_use]
pub fn resize_planar(planes: &[f32], from: (u32, u32), to: (u32, u32)) -> Vec<f32> {
    let to = (to.0.max(1), to.1.max(1));
    let Some(size) = samples(from.0, from.1, 1).filter(|&size| size > 0) else {
        return Vec::new();
    };
    planes.chunks_exact(size).flat_map(|plane| resample(plane, 1, from, to)).collect()
}

/// Interleaved RGB of `from.0` x `from.1` pixels at another size by the bicubic filter (a = -0.5) with its footprint widened
/// where it shrinks, which is Pillow's `BICUBIC` in its floating point mode: what networks that metrics are made of see.
/// Every other resizing is [`resize`]'s. Clamped to `[0, 1]`, or the range of the input where that is wider. The same size
/// gives a copy; a target side of 0 is taken for 1.
///
/// # Errors
/// [`ImageError::SizeMismatch`] unless `rgb` holds as many samples as `from` says,
/// [`ImageError::InvalidArgument`] for a `from` without pixels.
pub fn resize_bicubic(rgb: &[f32], from: (u32, u32), to: (u32, u32)) -> Result<Vec<f32>, ImageError> {
    check(from.0, from.1, 3, rgb.len())?;
    let to = (to.0.max(1), to.1.max(1));
    Ok(if from == to { rgb.to_vec() } else { convolved(rgb, 3, from, to, FilterType::CatmullRom) })
}

/// The range results are clamped to: black to white, and further where the input went further.
fn range(values: &[f32]) -> (f32, f32) {
    values.iter().fold((0.0, 1.0), |(low, high), &v| (v.min(low), v.max(high)))
}

/// Resamples interleaved samples. `from` times `channels` is the length of `input`; `to` has no side of 0.
pub(crate) fn resample(input: &[f32], channels: usize, from: (u32, u32), to: (u32, u32)) -> Vec<f32> {
    if from == to {
        return input.to_vec();
    }
    // The two axes may go different ways; the filter for shrinking also enlarges well, so it wins.
    let filter = if to.0 < from.0 || to.1 < from.1 { FilterType::Lanczos3 } else { FilterType::CatmullRom };
    convolved(input, channels, from, to, filter)
}

/// [`resample`] with this filter, whose footprint grows with the factor by which it shrinks.
fn convolved(input: &[f32], channels: usize, from: (u32, u32), to: (u32, u32), filter: FilterType) -> Vec<f32> {
    let mut out = vec![0.0_f32; samples(to.0, to.1, channels).unwrap_or(0)];
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    let kind = match channels {
        1 => PixelType::F32,
        3 => PixelType::F32x3,
        _ => PixelType::F32x4,
    };
    let done = (|| {
        let source = ImageRef::new(from.0, from.1, bytemuck::cast_slice(input), kind).ok()?;
        let mut target = Image::from_slice_u8(to.0, to.1, bytemuck::cast_slice_mut(&mut out), kind).ok()?;
        Resizer::new().resize(&source, &mut target, &options).ok()
    })();
    if done.is_none() {
        nearest(input, channels, from, to, &mut out);
    }
    let (low, high) = range(input);
    out.iter_mut().for_each(|v| *v = v.clamp(low, high));
    out
}

/// What is left should the library refuse, which it does for no sizes we know of.
fn nearest(input: &[f32], channels: usize, from: (u32, u32), to: (u32, u32), out: &mut [f32]) {
    for (i, pixel) in out.chunks_exact_mut(channels).enumerate() {
        let (x, y) = (i as u64 % u64::from(to.0), i as u64 / u64::from(to.0));
        let x = x * u64::from(from.0) / u64::from(to.0);
        let y = y * u64::from(from.1) / u64::from(to.1);
        let at = (y * u64::from(from.0) + x) as usize * channels;
        if let Some(source) = input.get(at..at + channels) {
            pixel.copy_from_slice(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_colour_stays_flat() {
        let picture = Picture::filled(37, 23, [0.2, 0.4, 0.9]).unwrap();
        for (w, h) in [(1, 1), (5, 9), (37, 40), (100, 3), (80, 50)] {
            let small = resize(&picture, w, h);
            assert_eq!((small.width, small.height, small.rgb.len()), (w, h, (w * h * 3) as usize));
            assert!(
                small.triples().iter().all(|p| { p.iter().zip([0.2, 0.4, 0.9]).all(|(a, b)| (a - b).abs() < 1e-4) })
            );
        }
    }

    #[test]
    fn fine_stripes_turn_grey_instead_of_aliasing() {
        let rgb = (0..64 * 64).flat_map(|i| [(i % 2) as f32; 3]).collect();
        let small = resize(&Picture::from_rgb(64, 64, rgb).unwrap(), 16, 16);
        assert!(small.rgb.iter().all(|v| (v - 0.5).abs() < 0.05), "{:?}", &small.rgb[..6]);
    }

    #[test]
    fn transparent_black_leaves_no_dark_edge() {
        let mut picture = Picture::filled(64, 64, [0.0; 3]).unwrap();
        let mut alpha = vec![0.0; 64 * 64];
        for (i, (pixel, a)) in picture.triples_mut().iter_mut().zip(&mut alpha).enumerate() {
            if i % 64 > 30 {
                (*pixel, *a) = ([1.0; 3], 1.0);
            }
        }
        picture.alpha = Some(alpha);
        let small = resize(&picture, 20, 20);
        for (pixel, &a) in small.triples().iter().zip(small.alpha.as_ref().unwrap()) {
            assert!((0.0..=1.0).contains(&a));
            assert!(pixel[0] > 0.99, "{pixel:?} at alpha {a}");
        }
    }

    #[test]
    fn sides_and_crops() {
        let picture = Picture::filled(40, 20, [0.5; 3]).unwrap();
        let size = |p: Picture| (p.width, p.height);
        assert_eq!(size(resize_to_short_side(&picture, 10)), (20, 10));
        assert_eq!(size(resize_to_long_side(&picture, 10)), (10, 5));
        assert_eq!(size(resize(&picture, 0, 0)), (1, 1));
        assert_eq!(size(crop(&picture, 35, 15, 10, 10)), (10, 10));
        assert_eq!(size(crop(&picture, 0, 0, 100, 0)), (40, 1));
        assert_eq!(resize_planar(&picture.to_planar(), (40, 20), (4, 2)).len(), 24);
    }

    #[test]
    fn cropping_takes_the_right_pixels() {
        let rgb = (0..12).flat_map(|i| [i as f32; 3]).collect();
        let cut = crop(&Picture::from_rgb(4, 3, rgb).unwrap(), 1, 1, 2, 2);
        assert_eq!(cut.to_planar()[..4], [5.0, 6.0, 9.0, 10.0]);
    }

    /// A picture by formula, resized by Pillow 13.0.0, `Image.resize(size, Image.BICUBIC)` of every channel in mode `F`,
    /// clipped to `[0, 255]`: the size, then x, y and the colour of some pixels.
    #[test]
    fn bicubic_is_as_pillows() {
        type Pixel = (usize, usize, [f32; 3]);
        const GOLDEN: [((u32, u32), [Pixel; 4]); 3] = [
            (
                (9, 5),
                [
                    (0, 0, [44.803, 39.669, 11.563]),
                    (8, 4, [177.238, 135.348, 102.831]),
                    (4, 2, [159.399, 118.639, 129.444]),
                    (1, 3, [138.210, 105.081, 129.100]),
                ],
            ),
            (
                (31, 40),
                [
                    (0, 0, [0.0, 0.0, 0.0]),
                    (30, 39, [225.046, 119.989, 0.0]),
                    (15, 20, [245.889, 89.162, 179.914]),
                    (1, 38, [195.154, 206.827, 63.113]),
                ],
            ),
            (
                (7, 25),
                [
                    (0, 0, [45.825, 3.556, 5.535]),
                    (6, 24, [176.525, 149.182, 86.349]),
                    (3, 12, [149.986, 116.046, 127.848]),
                    (1, 23, [90.322, 130.996, 132.273]),
                ],
            ),
        ];
        /// Of 255 levels: what the printed digits leave, and f32.
        const TOLERANCE: f32 = 2e-3;
        let value = |i: usize| {
            let (x, y) = (i % 23, i / 23);
            [x * 37 + y * 11, x * x * 3 + y * 29, x * y * 7 + x * 5].map(|v| (v % 256) as f32 / 255.0)
        };
        let rgb: Vec<f32> = (0..23 * 17).flat_map(value).collect();
        for (to, pixels) in GOLDEN {
            let resized = resize_bicubic(&rgb, (23, 17), to).unwrap();
            for (x, y, expected) in pixels {
                let at = (y * to.0 as usize + x) * 3;
                for (got, expected) in resized[at..at + 3].iter().zip(expected) {
                    let got = got * 255.0;
                    assert!((got - expected).abs() < TOLERANCE, "{to:?} at {x}, {y}: {got}, Pillow {expected}");
                }
            }
        }
        assert!(resize_bicubic(&rgb, (23, 18), (5, 5)).is_err());
        assert_eq!(resize_bicubic(&rgb, (23, 17), (23, 17)).unwrap(), rgb);
    }
}
