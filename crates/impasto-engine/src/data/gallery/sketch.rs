//! What is kept of a picture to find others that are nearly the same, and whether pictures have a left and a right.

use std::f32::consts::PI;
use std::sync::LazyLock;

use impasto_image::{Picture, resize};

use super::frame;

/// Side of the sketch in pixels.
const SIDE: usize = 32;
/// Side of its colours.
const CELLS: usize = 8;
/// Frequencies along each axis that are looked at.
const LOW: usize = 8;
/// Root mean square of a sketch, in grey values, below which it shows nothing to compare.
const FLAT: f32 = 2.0;

/// A picture at 32 x 32 grey values, 8 x 8 colours, and its perceptual hash.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sketch {
    grey: Vec<u8>,
    /// Colours of cells, plane after plane.
    cells: Vec<u8>,
    /// Width by height.
    aspect: f32,
    /// A bit for each of the 64 lowest frequencies: whether it is above their median; `None` of a flat picture.
    pub(super) hash: Option<u64>,
}

impl Sketch {
    /// The sketch of a picture without transparency.
    pub(super) fn of(picture: &Picture) -> Self {
        let small = resize(picture, SIDE as u32, SIDE as u32);
        let luma: Vec<f32> = small
            .triples()
            .iter()
            .map(|[r, g, b]| (0.299 * r + 0.587 * g + 0.114 * b).clamp(0.0, 1.0) * 255.0)
            .collect();
        let count = (SIDE * SIDE) as f32;
        let cells = resize(&small, CELLS as u32, CELLS as u32).to_planar().into_iter().map(frame::byte).collect();
        let mean = luma.iter().sum::<f32>() / count;
        let deviation = (luma.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count).sqrt();
        let hash = (deviation >= FLAT).then(|| hash(&luma));
        let grey = luma.iter().map(|v| v.round() as u8).collect();
        Self { grey, cells, aspect: picture.width as f32 / picture.height as f32, hash }
    }

    /// Whether two pictures are the same but for size, compression and brightness: their proportions are near, and the
    /// values of one follow from the other's by a factor and an offset, in detail in grey and coarsely in each colour.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        /// Ratio of proportions.
        const ASPECT: f32 = 1.1;
        /// Correlation of grey values.
        const GREY: f64 = 0.99;
        /// Correlation of colours.
        const COLOUR: f64 = 0.97;
        let ratio = self.aspect / other.aspect;
        (1.0 / ASPECT..ASPECT).contains(&ratio)
            && correlation(&self.grey, &other.grey, SIDE * SIDE) > GREY
            && correlation(&self.cells, &other.cells, CELLS * CELLS) > COLOUR
    }

    /// Each grey value less that of its mirror image.
    fn skew(&self) -> impl Iterator<Item = f64> + '_ {
        let rows = self.grey.chunks_exact(SIDE);
        rows.flat_map(|row| row.iter().zip(row.iter().rev()).map(|(a, b)| f64::from(*a) - f64::from(*b)))
    }
}

/// The perceptual hash: signs of the lowest frequencies of a cosine transform about their median.
fn hash(luma: &[f32]) -> u64 {
    /// `cos(pi (2 x + 1) u / 2 n)`, by u and x.
    static COSINES: LazyLock<Vec<f32>> = LazyLock::new(|| {
        let cosine = |i: usize| ((2 * (i % SIDE) + 1) as f32 * (i / SIDE) as f32 * PI / (2 * SIDE) as f32).cos();
        (0..LOW * SIDE).map(cosine).collect()
    });
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mut frequencies = [0.0; LOW * LOW];
    for (u, across) in COSINES.chunks_exact(SIDE).enumerate() {
        let columns: Vec<f32> = luma.chunks_exact(SIDE).map(|row| dot(row, across)).collect(); // [SIDE], one for each row
        for (v, down) in COSINES.chunks_exact(SIDE).enumerate() {
            frequencies[v * LOW + u] = dot(&columns, down);
        }
    }
    let mut sorted = frequencies;
    sorted.sort_by(f32::total_cmp);
    let median = (sorted[31] + sorted[32]) / 2.0;
    frequencies.iter().fold(0, |hash, &value| (hash << 1) | u64::from(value > median))
}

/// The correlation of values about the means of their planes, over all planes of `plane` values.
fn correlation(a: &[u8], b: &[u8], plane: usize) -> f64 {
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in a.chunks_exact(plane).zip(b.chunks_exact(plane)) {
        let (mut sum_a, mut sum_b, mut squares_a, mut squares_b, mut products) = (0u64, 0u64, 0u64, 0u64, 0u64);
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (u64::from(a), u64::from(b));
            sum_a += a;
            sum_b += b;
            squares_a += a * a;
            squares_b += b * b;
            products += a * b;
        }
        let covariance = |xy: u64, x: u64, y: u64| xy as f64 - x as f64 * y as f64 / plane as f64;
        aa += covariance(squares_a, sum_a, sum_a);
        bb += covariance(squares_b, sum_b, sum_b);
        ab += covariance(products, sum_a, sum_b);
    }
    ab / (aa * bb).sqrt().max(1e-9)
}

/// Says whether pictures of a kind face one way.
#[derive(Debug)]
pub(super) struct Facing {
    sum: Vec<f64>,
    energy: f64,
    count: usize,
}

impl Facing {
    pub(super) fn new() -> Self {
        Self { sum: vec![0.0; SIDE * SIDE], energy: 0.0, count: 0 }
    }

    pub(super) fn add(&mut self, sketch: &Sketch) {
        self.count += 1;
        for (sum, skew) in self.sum.iter_mut().zip(sketch.skew()) {
            *sum += skew;
            self.energy += skew * skew;
        }
    }

    /// Which share of what tells left from right all pictures have in common: near 0 where half of them might as well be
    /// turned over, 1 where all are alike. What chance alone would give so few pictures is taken off.
    pub(super) fn share(&self) -> f64 {
        if self.count < 2 || self.energy <= 0.0 {
            return 0.0;
        }
        let n = self.count as f64;
        let common = self.sum.iter().map(|sum| sum * sum).sum::<f64>() / n;
        // The mean of n independent skews keeps 1 / n of their energy by chance.
        ((common / self.energy - 1.0 / n) / (1.0 - 1.0 / n)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{self, Rng};

    /// A few soft blots, different for every seed; with all their weight at the left where `heavy`.
    fn blots(seed: u64, width: u32, height: u32, heavy: bool) -> Picture {
        let mut rng = rng::stream(seed, "blots", 0);
        let blots: Vec<[f32; 5]> = (0..6).map(|_| std::array::from_fn(|_| rng.random::<f32>())).collect();
        let pixel = |i: u32| {
            let (x, y) = ((i % width) as f32 / width as f32, (i / width) as f32 / height as f32);
            let side = if heavy { 1.0 - x } else { 1.0 };
            let ink = |[bx, by, size, shade, _]: [f32; 5]| {
                shade * (-((x - bx).powi(2) + (y - by).powi(2)) / (0.01 + 0.05 * size)).exp() * side
            };
            [blots.iter().map(|&blot| ink(blot)).sum::<f32>().min(1.0); 3]
        };
        Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn changed_pictures_are_near_and_others_are_not() {
        let first = blots(1, 96, 64, false);
        let sketch = Sketch::of(&first);
        let hash = sketch.hash.unwrap();
        let mut darker = first.clone();
        darker.rgb.iter_mut().for_each(|v| *v = 0.9 * *v + 0.02);
        for near in [resize(&first, 60, 40), resize(&first, 200, 133), darker] {
            let near = Sketch::of(&near);
            assert!((near.hash.unwrap() ^ hash).count_ones() <= 7 && sketch.is_near(&near));
        }
        let far: Vec<Sketch> = (2..12).map(|seed| Sketch::of(&blots(seed, 96, 64, false))).collect();
        assert!(!far.iter().any(|far| sketch.is_near(far)));
        assert!(!sketch.is_near(&Sketch::of(&resize(&first, 96, 96))), "other proportions");
        let tinted = |tint: [f32; 3]| {
            let tint = |pixel: &[f32; 3]| [0, 1, 2].map(|c| pixel[c] * tint[c]);
            let rgb = first.triples().iter().flat_map(tint).collect();
            Sketch::of(&Picture::from_rgb(96, 64, rgb).unwrap())
        };
        let (orange, blue) = (tinted([1.0, 0.6, 0.2]), tinted([0.2, 0.6, 1.0]));
        assert!(orange.is_near(&tinted([0.9, 0.55, 0.2])) && !orange.is_near(&blue), "other colours");
        assert_eq!(Sketch::of(&Picture::filled(9, 9, [0.3; 3]).unwrap()).hash, None);
    }

    #[test]
    fn facing_is_seen() {
        for (heavy, count, low, high) in [(false, 60, 0.0, 0.05), (true, 60, 0.2, 1.0), (true, 1, 0.0, 0.0)] {
            let mut facing = Facing::new();
            (0..count).for_each(|seed| facing.add(&Sketch::of(&blots(seed, 40, 40, heavy))));
            assert!((low..=high).contains(&facing.share()), "{heavy} {count}: {}", facing.share());
        }
    }
}
