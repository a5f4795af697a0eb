//! What the search keeps of a picture.

use impasto_image::{Picture, alpha, resize};

/// Side of the sketch in pixels.
pub(super) const SIDE: usize = 64;

/// A picture at 64 x 64 pixels of 8 bit, stretched to a square: 12 kilobytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// Interleaved RGB.
    rgb: Vec<u8>,
    /// Width by height of the picture.
    aspect: f32,
}

impl Sketch {
    /// The sketch of a picture, laid over white where it is transparent.
    pub fn of(picture: &Picture) -> Self {
        let side = SIDE as u32;
        let small = resize(picture, side, side);
        let rgb = alpha::over(&small, [1.0; 3]).iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        Self { rgb, aspect: picture.width as f32 / picture.height as f32 }
    }

    /// The whole picture, and its middle square where that is something else: what training on squares cuts out.
    pub(super) fn frames(&self) -> Vec<[f32; 4]> {
        let mut frames = vec![[0.0, 0.0, 1.0, 1.0]];
        if self.aspect > 1.05 {
            let cut = (1.0 - 1.0 / self.aspect) / 2.0;
            frames.push([cut, 0.0, 1.0 - cut, 1.0]);
        } else if self.aspect < 1.0 / 1.05 {
            let cut = (1.0 - self.aspect) / 2.0;
            frames.push([0.0, cut, 1.0, 1.0 - cut]);
        }
        frames
    }

    /// Luma and two colour differences, `3 * 64 * 64` values, plane after plane: so that brightness does not outweigh
    /// what tells two pictures of one brightness apart.
    pub(super) fn planes(&self) -> Planes {
        let mut values = vec![0.0; 3 * SIDE * SIDE];
        for (i, pixel) in self.rgb.chunks_exact(3).enumerate() {
            let [r, g, b] = [0, 1, 2].map(|c| f32::from(pixel[c]) / 255.0);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            values[i] = luma;
            values[SIDE * SIDE + i] = r - luma;
            values[2 * SIDE * SIDE + i] = b - luma;
        }
        Planes { values }
    }
}

/// A sketch's colours to be sampled.
pub(super) struct Planes {
    values: Vec<f32>,
}

impl Planes {
    /// The part within `region` (left, top, right, bottom as shares) at `side` x `side`, `3 * side * side` values. What
    /// lies outside is the border's.
    pub(super) fn sample(&self, region: [f32; 4], side: usize) -> Vec<f32> {
        let [left, top, right, bottom] = region;
        let (columns, rows) = (taps(left, right, side), taps(top, bottom, side));
        let mut out = Vec::with_capacity(3 * side * side);
        let mut across = vec![0.0; SIDE * side];
        for plane in self.values.chunks_exact(SIDE * SIDE) {
            for (row, to) in plane.chunks_exact(SIDE).zip(across.chunks_exact_mut(side)) {
                for (value, taps) in to.iter_mut().zip(&columns) {
                    *value = taps.iter().map(|&(at, weight)| row[at] * weight).sum();
                }
            }
            for taps in &rows {
                for column in 0..side {
                    out.push(taps.iter().map(|&(at, weight)| across[at * side + column] * weight).sum());
                }
            }
        }
        out
    }
}

/// The sketch's samples, with weights, of which each of `side` samples between `from` and `to` is the mean.
fn taps(from: f32, to: f32, side: usize) -> Vec<Vec<(usize, f32)>> {
    let step = (to - from) * SIDE as f32 / side as f32;
    // Points no further apart than the sketch's own, so that nothing is passed over.
    let points = (step.abs().ceil() as usize).max(1);
    let tap = |index: usize| {
        let mut taps: Vec<(usize, f32)> = Vec::with_capacity(2 * points);
        for point in 0..points {
            let at = from * SIDE as f32 + (index as f32 + (point as f32 + 0.5) / points as f32) * step - 0.5;
            let at = at.clamp(0.0, (SIDE - 1) as f32);
            let low = (at as usize).min(SIDE - 2);
            let share = at - low as f32;
            taps.push((low, (1.0 - share) / points as f32));
            taps.push((low + 1, share / points as f32));
        }
        taps
    };
    (0..side).map(tap).collect()
}

/// `side` x `side` planes mirrored left to right.
pub(super) fn mirrored(values: &[f32], side: usize) -> Vec<f32> {
    values.chunks_exact(side).flat_map(|row| row.iter().rev()).copied().collect()
}

/// Scales to length 1; to nothing what is shorter than `least`, for it has no shape to compare.
pub(super) fn unit(mut values: Vec<f32>, least: f32) -> Vec<f32> {
    let norm = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt() as f32;
    let scale = if norm > least { 1.0 / norm } else { 0.0 };
    values.iter_mut().for_each(|v| *v *= scale);
    values
}

/// The inner product, in lanes that are summed in a fixed order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0f32; LANES];
    let (a_rest, b_rest) = (a.chunks_exact(LANES).remainder(), b.chunks_exact(LANES).remainder());
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
