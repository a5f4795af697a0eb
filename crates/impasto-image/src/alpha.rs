//! Alpha: filling colours nobody sees, so that nobody ever will.
//!
//! Under fully transparent pixels a file may hold any colour, often black. A filter or a network that looks across the
//! edge of an object would pull that colour in and leave a halo, so it is replaced by what the neighbours continue to.

use crate::picture::Picture;

/// Fills the colour of fully transparent pixels from their visible neighbours, near ones first; alpha is unchanged.
///
/// Visible pixels keep their colours bit for bit. A picture without alpha, without a transparent pixel or without a
/// visible one stays as it is. Takes time linear in the number of pixels.
pub fn bleed(picture: &mut Picture) {
    let Some(alpha) = &picture.alpha else { return };
    if alpha.iter().all(|&a| a > 0.0) || alpha.iter().all(|&a| a <= 0.0) {
        return;
    }
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut levels = vec![Level::visible(&picture.rgb, alpha, width, height).halved()];
    while let Some(last) = levels.last()
        && (last.width > 1 || last.height > 1)
    {
        let next = last.halved();
        levels.push(next);
    }
    // From the coarsest, which always holds a colour, each level fills the gaps of the finer one.
    let mut coarse = levels.pop();
    while let Some(mut finer) = levels.pop() {
        if let Some(coarse) = &coarse {
            finer.fill_from(coarse);
        }
        coarse = Some(finer);
    }
    if let Some(coarse) = coarse {
        let pixels = picture.rgb.as_chunks_mut::<3>().0;
        for (i, (pixel, &a)) in pixels.iter_mut().zip(alpha).enumerate() {
            if a <= 0.0 {
                *pixel = coarse.sample(i % width, i / width);
            }
        }
    }
}

/// One level of the pyramid: the mean colour of what is visible beneath each cell, and how much is.
struct Level {
    width: usize,
    height: usize,
    /// Red, green, blue, weight; the colour is meaningless while the weight is 0.
    cells: Vec<[f32; 4]>,
}

impl Level {
    fn visible(rgb: &[f32], alpha: &[f32], width: usize, height: usize) -> Self {
        let cells = rgb.as_chunks::<3>().0.iter().zip(alpha).map(|(&[r, g, b], &a)| [r, g, b, a.max(0.0)]).collect();
        Self { width, height, cells }
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0_f32; 4];
                for (sx, sy) in [(2 * x, 2 * y), (2 * x + 1, 2 * y), (2 * x, 2 * y + 1), (2 * x + 1, 2 * y + 1)] {
                    if sx < self.width && sy < self.height {
                        let [r, g, b, w] = self.cells[sy * self.width + sx];
                        for (s, v) in sum.iter_mut().zip([r * w, g * w, b * w, w]) {
                            *s += v;
                        }
                    }
                }
                let [r, g, b, w] = sum;
                cells.push(if w > 0.0 { [r / w, g / w, b / w, w.min(1.0)] } else { [0.0; 4] });
            }
        }
        Self { width, height, cells }
    }

    /// The colour at a pixel of the next finer level, between the four nearest cells.
    fn sample(&self, x: usize, y: usize) -> [f32; 3] {
        let axis = |at: usize, size: usize| {
            let (near, far) =
                if at.is_multiple_of(2) { (at / 2, (at / 2).saturating_sub(1)) } else { (at / 2, at / 2 + 1) };
            (near.min(size - 1), far.min(size - 1))
        };
        let ((x0, x1), (y0, y1)) = (axis(x, self.width), axis(y, self.height));
        let mut out = [0.0; 3];
        for (cx, cy, weight) in [(x0, y0, 0.5625), (x1, y0, 0.1875), (x0, y1, 0.1875), (x1, y1, 0.0625)] {
            for (o, &v) in out.iter_mut().zip(&self.cells[cy * self.width + cx][..3]) {
                *o += weight * v;
            }
        }
        out
    }

    fn fill_from(&mut self, coarse: &Self) {
        let width = self.width;
        for (i, cell) in self.cells.iter_mut().enumerate() {
            if cell[3] <= 0.0 {
                let [r, g, b] = coarse.sample(i % width, i / width);
                *cell = [r, g, b, 0.0];
            }
        }
    }
}

/// Red, green, blue and alpha interleaved, colours multiplied by alpha: the form in which pixels may be averaged.
///
/// A picture without alpha is taken for opaque. The result has `4 * width * height` samples.
#[must_use]
pub fn premultiply(picture: &Picture) -> Vec<f32> {
    let pixels = picture.triples();
    let mut out = Vec::with_capacity(pixels.len() * 4);
    for (i, &[r, g, b]) in pixels.iter().enumerate() {
        let a = picture.alpha.as_ref().and_then(|alpha| alpha.get(i)).map_or(1.0, |&a| a);
        out.extend_from_slice(&[r * a, g * a, b * a, a]);
    }
    out
}

/// Undoes [`premultiply`]: straight colours and alpha. Where alpha is 0 the colour is black.
#[must_use]
pub fn unpremultiply(rgba: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let pixels = rgba.as_chunks::<4>().0;
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    let mut alpha = Vec::with_capacity(pixels.len());
    for &[r, g, b, a] in pixels {
        let scale = if a > 1e-6 { 1.0 / a } else { 0.0 };
        rgb.extend_from_slice(&[r * scale, g * scale, b * scale]);
        alpha.push(a.clamp(0.0, 1.0));
    }
    (rgb, alpha)
}

/// The picture laid over one colour, `3 * width * height` samples; without alpha a copy of its colours.
#[must_use]
pub fn over(picture: &Picture, background: [f32; 3]) -> Vec<f32> {
    let Some(alpha) = &picture.alpha else {
        return picture.rgb.clone();
    };
    let mix = |(&pixel, &a): (&[f32; 3], &f32)| -> [f32; 3] {
        std::array::from_fn(|c| pixel[c] * a + background[c] * (1.0 - a))
    };
    picture.triples().iter().zip(alpha).flat_map(mix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red disc on transparent black.
    fn disc(side: u32) -> Picture {
        let mut picture = Picture::filled(side, side, [0.0; 3]).unwrap();
        let centre = side as f32 / 2.0;
        let mut alpha = vec![0.0; picture.pixels()];
        for (i, (pixel, a)) in picture.triples_mut().iter_mut().zip(&mut alpha).enumerate() {
            let (x, y) = ((i as u32 % side) as f32 - centre, (i as u32 / side) as f32 - centre);
            if x.hypot(y) < centre * 0.4 {
                *pixel = [1.0, 0.25, 0.0];
                *a = 1.0;
            }
        }
        picture.alpha = Some(alpha);
        picture
    }

    #[test]
    fn hidden_colours_become_those_of_the_object() {
        for side in [1, 2, 7, 33, 64] {
            let mut picture = disc(side);
            let before = picture.clone();
            bleed(&mut picture);
            assert_eq!(picture.alpha, before.alpha);
            if before.has_transparency() && before.alpha.iter().flatten().any(|&a| a > 0.0) {
                for &[r, g, b] in picture.triples() {
                    assert!((r - 1.0).abs() < 1e-5 && (g - 0.25).abs() < 1e-5 && b.abs() < 1e-5, "{r} {g} {b}");
                }
            }
        }
    }

    #[test]
    fn visible_pixels_stay_exact_and_two_colours_stay_apart() {
        let mut picture = Picture::filled(32, 1, [0.0; 3]).unwrap();
        picture.triples_mut()[0] = [1.0, 0.0, 0.0];
        picture.triples_mut()[31] = [0.0, 0.0, 1.0];
        let mut alpha = vec![0.0; 32];
        (alpha[0], alpha[31]) = (0.01, 1.0);
        picture.alpha = Some(alpha);
        bleed(&mut picture);
        let pixels = picture.triples();
        assert_eq!((pixels[0], pixels[31]), ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]));
        assert!(pixels[2][0] > 0.6 && pixels[29][2] > 0.6, "{pixels:?}");
    }

    #[test]
    fn premultiplying_round_trips() {
        let mut picture = Picture::filled(2, 1, [0.5, 0.25, 1.0]).unwrap();
        picture.alpha = Some(vec![0.5, 1.0]);
        let (rgb, alpha) = unpremultiply(&premultiply(&picture));
        assert_eq!((rgb, Some(alpha)), (picture.rgb, picture.alpha));
    }
}
