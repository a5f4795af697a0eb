//! What is painted on: more samples than pixels, in linear light, each with its distance.

use super::vector::V3;
use super::view::{HEIGHT, WIDTH};

/// A grid of samples. Coordinates are always in pixels of the finished picture, whatever the sampling.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Samples a pixel along each side.
    pub(crate) scale: f32,
    pub(crate) colours: Vec<V3>,
    /// Distance of what was painted, in metres: what lies behind it stays hidden.
    pub(crate) depth: Vec<f32>,
}

/// `work` for 0 to `count`, on all cores, in order.
pub(crate) fn spread<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Dealt in turn, so that no thread is left with the expensive part.
    let hand = &|first: usize| (first..count).step_by(threads).map(&work).collect();
    let mut done: Vec<Vec<T>> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads).map(|first| scope.spawn(move || hand(first))).collect();
        hands.into_iter().map(|hand| hand.join().expect("a thread of the drawing panicked")).collect()
    });
    done.iter_mut().for_each(|part| part.reverse());
    (0..count).filter_map(|i| done[i % threads].pop()).collect()
}

/// A colour and how much it covers.
pub(crate) type Paint = (V3, f32);

impl Canvas {
    pub(crate) fn new(scale: usize) -> Self {
        let (width, height) = (WIDTH as usize * scale, HEIGHT as usize * scale);
        let samples = width * height;
        Self {
            width,
            height,
            scale: scale as f32,
            colours: vec![V3::default(); samples],
            depth: vec![f32::INFINITY; samples],
        }
    }

    /// Colours every sample by place, on all cores: `shade` gets the place and the sample's present colour and distance.
    pub(crate) fn shade(&mut self, shade: impl Fn([f32; 2], V3, f32) -> (V3, f32) + Sync) {
        let (width, height, scale) = (self.width, self.height, self.scale);
        let (colours, depths) = (&self.colours, &self.depth);
        let rows = spread(height, |row| {
            let line = row * width..(row + 1) * width;
            let samples = colours[line.clone()].iter().zip(&depths[line]).enumerate();
            let place = |column: usize| [column, row].map(|i| (i as f32 + 0.5) / scale);
            samples.map(|(column, (&colour, &z))| shade(place(column), colour, z)).collect::<Vec<_>>()
        });
        for (i, (colour, z)) in rows.into_iter().flatten().enumerate() {
            (self.colours[i], self.depth[i]) = (colour, z);
        }
    }

    /// Sets the distances column by column: `trace` gets the column's place, the number of rows and the samples a pixel.
    pub(crate) fn set_depth(&mut self, trace: impl Fn(f32, usize, f32) -> Vec<f32> + Sync) {
        let (width, height, scale) = (self.width, self.height, self.scale);
        let columns = spread(width, |column| trace((column as f32 + 0.5) / scale, height, scale));
        for (column, depths) in columns.into_iter().enumerate() {
            for (row, z) in depths.into_iter().enumerate() {
                self.depth[row * width + column] = z;
            }
        }
    }

    /// The colour at a place, between samples; beyond the edge that of the edge.
    pub(crate) fn sample(&self, [x, y]: [f32; 2]) -> V3 {
        let limit = |v: f32, size: usize| (v * self.scale - 0.5).clamp(0.0, size as f32 - 1.001);
        let (x, y) = (limit(x, self.width), limit(y, self.height));
        let (column, row) = (x as usize, y as usize);
        let at = |dx: usize, dy: usize| self.colours[(row + dy) * self.width + column + dx];
        let (fx, fy) = (x - column as f32, y - row as f32);
        at(0, 0).mix(at(1, 0), fx).mix(at(0, 1).mix(at(1, 1), fx), fy)
    }

    /// Fills a polygon at distance `z` where nothing nearer is, coloured by place.
    pub(crate) fn polygon(&mut self, corners: &[[f32; 2]], z: f32, shade: impl Fn(f32, f32) -> Paint) {
        let scale = self.scale;
        let (mut top, mut bottom) = (f32::INFINITY, f32::NEG_INFINITY);
        for corner in corners {
            top = top.min(corner[1]);
            bottom = bottom.max(corner[1]);
        }
        let first = (top * scale - 0.5).ceil().max(0.0) as usize;
        let last = (bottom * scale + 0.5).floor().clamp(0.0, self.height as f32) as usize;
        let mut crossings: Vec<f32> = Vec::with_capacity(8);
        for row in first..last {
            let y = (row as f32 + 0.5) / scale;
            crossings.clear();
            let mut previous = corners[corners.len() - 1];
            for &corner in corners {
                if (previous[1] <= y) != (corner[1] <= y) {
                    let t = (y - previous[1]) / (corner[1] - previous[1]);
                    crossings.push(previous[0] + t * (corner[0] - previous[0]));
                }
                previous = corner;
            }
            crossings.sort_by(f32::total_cmp);
            for span in crossings.chunks_exact(2) {
                self.span(row, span[0], span[1], z, &shade);
            }
        }
    }

    fn span(&mut self, row: usize, left: f32, right: f32, z: f32, shade: &impl Fn(f32, f32) -> Paint) {
        let edge = |x: f32| (x * self.scale - 0.5).ceil().clamp(0.0, self.width as f32) as usize;
        let y = (row as f32 + 0.5) / self.scale;
        for column in edge(left)..edge(right) {
            let index = row * self.width + column;
            if z > self.depth[index] {
                continue;
            }
            let (colour, cover) = shade((column as f32 + 0.5) / self.scale, y);
            let cover = cover.clamp(0.0, 1.0);
            self.colours[index] = self.colours[index].mix(colour, cover);
            if cover > 0.5 {
                self.depth[index] = z;
            }
        }
    }

    /// A brush stroke through points with half widths: `[x, y, half width]`.
    pub(crate) fn stroke(&mut self, path: &[[f32; 3]], z: f32, shade: impl Fn(f32, f32) -> Paint) {
        let mut outline = Vec::with_capacity(path.len() * 2);
        let mut back = Vec::with_capacity(path.len());
        for (i, point) in path.iter().enumerate() {
            let before = path[i.saturating_sub(1)];
            let after = path[(i + 1).min(path.len() - 1)];
            let (dx, dy) = (after[0] - before[0], after[1] - before[1]);
            let length = (dx * dx + dy * dy).sqrt().max(1e-6);
            // Nothing thinner than a sample: it would break into dots.
            let half = point[2].max(0.3 / self.scale) / length;
            outline.push([point[0] - dy * half, point[1] + dx * half]);
            back.push([point[0] + dy * half, point[1] - dx * half]);
        }
        outline.extend(back.into_iter().rev());
        self.polygon(&outline, z, shade);
    }

    /// A turned ellipse; `shade` gets the place.
    pub(crate) fn ellipse(
        &mut self,
        [x, y]: [f32; 2],
        [a, b]: [f32; 2],
        turn: f32,
        z: f32,
        shade: impl Fn(f32, f32) -> Paint,
    ) {
        let (sin, cos) = turn.sin_cos();
        let count = if a.max(b) * self.scale > 12.0 { 24_u8 } else { 10 };
        let corners: Vec<[f32; 2]> = (0..count)
            .map(|i| {
                let (s, c) = (f32::from(i) / f32::from(count) * std::f32::consts::TAU).sin_cos();
                [x + a * c * cos - b * s * sin, y + a * c * sin + b * s * cos]
            })
            .collect();
        self.polygon(&corners, z, shade);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::vector::v3;

    #[test]
    fn polygons_cover_their_area_and_hide_behind_what_is_nearer() {
        let mut canvas = Canvas::new(1);
        let square = [[10.0, 10.0], [30.0, 10.0], [30.0, 20.0], [10.0, 20.0]];
        let (red, blue) = (v3(1.0, 0.0, 0.0), v3(0.0, 0.0, 1.0));
        canvas.polygon(&square, 5.0, |_, _| (red, 1.0));
        assert_eq!(canvas.colours.iter().filter(|c| **c == red).count(), 200);
        canvas.polygon(&square, 9.0, |_, _| (blue, 1.0));
        assert!(!canvas.colours.contains(&blue));
        canvas.polygon(&[[-9.0, -9.0], [2000.0, -9.0], [2000.0, 900.0], [-9.0, 900.0]], 1.0, |_, _| (blue, 1.0));
        assert!(canvas.colours.iter().all(|c| *c == blue));
    }

    #[test]
    fn work_is_spread_in_order() {
        assert_eq!(spread(11, |i| i * 2), (0..11).map(|i| i * 2).collect::<Vec<_>>());
        assert!(spread(0, |i| i).is_empty());
    }
}
