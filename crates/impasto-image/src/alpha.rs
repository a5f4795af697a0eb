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
    let width = picture.width as usize;
    let cells = picture.triples().chunks(width).zip(alpha.chunks(width)).flat_map(|(rgb, alpha)| visible(rgb, alpha));
    let finest = Level { width, height: picture.height as usize, cells: cells.collect() };
    let coarse = finest.halved().filled();
    let pixels = picture.rgb.as_chunks_mut::<3>().0;
    for (y, (pixels, alpha)) in pixels.chunks_mut(width).zip(alpha.chunks(width)).enumerate() {
        let (near, far) = neighbours(y, coarse.height);
        fill_pixels(pixels, alpha, coarse.row(near), coarse.row(far));
    }
}

/// A colour, the mean of what is visible beneath, and how much is; the colour means nothing while that is 0.
pub(crate) type Cell = [f32; 4];

/// One level of the pyramid.
pub(crate) struct Level {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) cells: Vec<Cell>,
}

impl Level {
    /// A row of cells.
    pub(crate) fn row(&self, y: usize) -> &[Cell] {
        &self.cells[y * self.width..][..self.width]
    }

    /// The next coarser level.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            let bottom = (2 * y + 1 < self.height).then(|| self.row(2 * y + 1));
            cells.extend(halved(self.row(2 * y), bottom));
        }
        Self { width, height, cells }
    }

    /// Its gaps filled: from the coarsest, which always holds a colour, each level fills those of the finer one.
    pub(crate) fn filled(self) -> Self {
        let mut levels = vec![self];
        while let Some(next) = levels.last().filter(|last| last.width > 1 || last.height > 1).map(Self::halved) {
            levels.push(next);
        }
        let finer = |coarse: Self, mut finer: Self| {
            for (y, cells) in finer.cells.chunks_mut(finer.width).enumerate() {
                let (near, far) = neighbours(y, coarse.height);
                fill(cells, coarse.row(near), coarse.row(far));
            }
            finer
        };
        levels.into_iter().rev().reduce(finer).unwrap_or(Self { width: 0, height: 0, cells: Vec::new() })
    }
}

/// A row of pixels as cells.
pub(crate) fn visible<'a>(rgb: &'a [[f32; 3]], alpha: &'a [f32]) -> impl Iterator<Item = Cell> + use<'a> {
    rgb.iter().zip(alpha).map(|(&[r, g, b], &a)| [r, g, b, a.max(0.0)])
}

/// Two rows as one of half their length; the second is missing at the end of an odd height.
pub(crate) fn halved(top: &[Cell], bottom: Option<&[Cell]>) -> impl Iterator<Item = Cell> {
    (0..top.len().div_ceil(2)).map(move |x| {
        let mut sum = [0.0_f32; 4];
        for row in std::iter::once(top).chain(bottom) {
            for &[r, g, b, w] in &row[2 * x..row.len().min(2 * x + 2)] {
                for (s, v) in sum.iter_mut().zip([r * w, g * w, b * w, w]) {
                    *s += v;
                }
            }
        }
        let [r, g, b, w] = sum;
        if w > 0.0 { [r / w, g / w, b / w, w.min(1.0)] } else { [0.0; 4] }
    })
}

/// Where the two nearest of `size` coarser cells are for position `at`, the nearer first.
pub(crate) fn neighbours(at: usize, size: usize) -> (usize, usize) {
    let (near, far) = if at.is_multiple_of(2) { (at / 2, (at / 2).saturating_sub(1)) } else { (at / 2, at / 2 + 1) };
    (near.min(size - 1), far.min(size - 1))
}

/// The colour at column `x` of the next finer level, between the four nearest cells of the two nearest rows.
fn sample(near: &[Cell], far: &[Cell], x: usize) -> [f32; 3] {
    let (x0, x1) = neighbours(x, near.len());
    let mut out = [0.0; 3];
    for (cell, weight) in [(near[x0], 0.5625), (near[x1], 0.1875), (far[x0], 0.1875), (far[x1], 0.0625)] {
        for (o, &v) in out.iter_mut().zip(&cell[..3]) {
            *o += weight * v;
        }
    }
    out
}

/// Fills the empty cells of a row from the two nearest rows of the coarser level.
pub(crate) fn fill(cells: &mut [Cell], near: &[Cell], far: &[Cell]) {
    for (x, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell[3] <= 0.0) {
        let [r, g, b] = sample(near, far, x);
        *cell = [r, g, b, 0.0];
    }
}

/// Fills the fully transparent pixels of a row from the two nearest rows of the first coarser level.
pub(crate) fn fill_pixels(pixels: &mut [[f32; 3]], alpha: &[f32], near: &[Cell], far: &[Cell]) {
    for (x, (pixel, _)) in pixels.iter_mut().zip(alpha).enumerate().filter(|(_, (_, a))| **a <= 0.0) {
        *pixel = sample(near, far, x);
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
