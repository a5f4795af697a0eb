//! The land: heights on a grid that is as fine everywhere as the picture shows it, and its surface.

use super::canvas::spread;
use super::light::{BOUNCE, SKY, SUN, lamp, through_air};
use super::noise::Noise;
use super::relief::Relief;
use super::vector::{V3, mix, smooth, v3};
use super::view::{Sight, View, WIDTH};

/// Nearest and farthest land, in metres.
const NEAR: f32 = 110.0;
const FAR: f32 = 11_000.0;
/// Lines of sight (as `x / z`) that the grid holds: beyond the picture on the side of the sun, whose shadows fall in.
const LEFT: f32 = -1.05;
const RIGHT: f32 = 0.62;
const COLUMNS: usize = 1680;
const ROWS: usize = 2600;

/// Heights by line of sight and logarithm of the distance.
pub(crate) struct Terrain {
    heights: Vec<f32>,
    /// Share of sunlight that reaches a place.
    sunlit: Vec<f32>,
    noise: Noise,
}

impl Terrain {
    pub(crate) fn new(seed: u32) -> Self {
        let relief = Relief::new(seed);
        let heights = table(|across, z| relief.height(across * z, z));
        let mut terrain = Self { heights, sunlit: Vec::new(), noise: Noise(seed ^ 0x0A1B) };
        terrain.sunlit = table(|across, z| terrain.shadow(across * z, z));
        terrain
    }

    /// Height above the lake at a place; negative under water.
    pub(crate) fn height(&self, x: f32, z: f32) -> f32 {
        look_up(&self.heights, x / z, z)
    }

    /// Share of sunlight at a place of the ground.
    pub(crate) fn sunlit(&self, x: f32, z: f32) -> f32 {
        look_up(&self.sunlit, x / z, z)
    }

    fn shadow(&self, x: f32, z: f32) -> f32 {
        let toward = lamp();
        let start = self.height(x, z) + 0.004 * z;
        let (mut light, mut reach) = (1.0_f32, 0.006 * z);
        while reach < 3600.0 && light > 0.0 {
            let (px, pz) = (x + toward.x * reach, z + toward.z * reach);
            if px / pz < LEFT {
                break;
            }
            let room = start + toward.y * reach - self.height(px, pz);
            // The sun is no point: shadows get softer with the distance of what throws them.
            light = light.min(0.5 + room / (0.09 * reach));
            reach *= 1.09;
        }
        light.clamp(0.0, 1.0)
    }

    /// Upward direction of the ground, smoothed over `span` metres.
    pub(crate) fn normal(&self, x: f32, z: f32, span: f32) -> V3 {
        let dx = self.height(x + span, z) - self.height(x - span, z);
        let dz = self.height(x, z + span) - self.height(x, z - span);
        v3(-dx, 2.0 * span, -dz).unit()
    }

    /// How deep a place lies among its surroundings: 1 on a crest, towards 0 in a gully.
    fn openness(&self, x: f32, z: f32) -> f32 {
        let here = self.height(x, z);
        let around = |r: f32| {
            let sum = self.height(x + r, z) + self.height(x - r, z) + self.height(x, z + r) + self.height(x, z - r);
            (here - 0.25 * sum) / r
        };
        let (small, large) = (0.008 * z, 0.03 * z);
        smooth(-0.32, 0.20, around(small) + 0.8 * around(large))
    }

    /// Distances of the land along the lines of sight of every row of one column of a picture, from `rows` rows that are
    /// `1 / scale` pixels apart; infinite where none is seen.
    pub(crate) fn trace(&self, view: View, x: f32, rows: usize, scale: f32) -> Vec<f32> {
        let across = (x - 0.5 * WIDTH) / View::scale(1.0);
        let mut seen = vec![f32::INFINITY; rows];
        let rise_of = |row: usize| view.sight(x, (row as f32 + 0.5) / scale).rise;
        // From the highest line of sight to the lowest.
        let order = |i: usize| if view == View::Direct { i } else { rows - 1 - i };
        let mut coming = (0..rows).map(|i| (order(i), rise_of(order(i)))).peekable();
        // Lines that run above the water, the lowest last: land meets that one first.
        let mut open: Vec<(usize, f32)> = Vec::with_capacity(rows);
        let growth = (FAR / NEAR).powf(1.0 / (ROWS - 1) as f32);
        let mut z = NEAR;
        while z < FAR * 0.999 {
            // The mirrored eye looks up through the surface: lines come out of the water one after the other.
            while let Some(line) = coming.next_if(|(_, rise)| view == View::Direct || view.eye() + rise * z > 0.0) {
                open.push(line);
            }
            let top = look_up(&self.heights, across, z);
            while let Some((row, rise)) = open.pop_if(|(_, rise)| view.eye() + *rise * z <= top.max(0.0)) {
                if view.eye() + rise * z >= 0.0 || top > 0.0 {
                    seen[row] = z;
                }
            }
            z *= growth;
        }
        seen
    }

    /// Colour of the land at distance `z` along a line of sight, lit and seen through the air.
    pub(crate) fn colour(&self, view: View, sight: Sight, z: f32) -> V3 {
        let x = sight.across * z;
        let height = (view.eye() + sight.rise * z).max(0.0);
        let fine = self.normal(x, z, 0.0016 * z);
        let broad = self.normal(x, z, 0.012 * z);
        let fine = (fine + self.roughness(x, z, height) * smooth(0.95, 0.6, broad.y)).unit();
        let colour = self.ground(x, z, height, fine, broad);
        let sunlight = fine.dot(lamp()).max(0.0) * self.sunlit(x, z);
        let open = self.openness(x, z);
        let light =
            SUN * (1.55 * sunlight) + SKY * ((0.45 + 0.55 * fine.y) * mix(0.35, 1.0, open)) + BOUNCE * (1.0 - fine.y);
        through_air(colour * light, z, height, sight.direction())
    }

    /// How rock leans on a scale below the grid's.
    fn roughness(&self, x: f32, z: f32, height: f32) -> V3 {
        let size = 0.0065 * z;
        let lean = |salt: f32| self.noise.fractal(x / size + salt, height / size * 0.8 - 0.35 * x / size, 4);
        v3(lean(0.0), 0.5 * lean(70.0), lean(140.0)) * 0.75
    }

    /// What the ground is made of.
    fn ground(&self, x: f32, z: f32, height: f32, fine: V3, broad: V3) -> V3 {
        let noise = self.noise;
        let grain = noise.fractal(x / (0.012 * z), z / (0.03 * z) + height / (0.01 * z), 4);
        let patches = noise.fractal(x * 0.0021 + 5.0, z * 0.0021, 4);
        let strata = noise.fractal(x * 0.0011, height * 0.045 + 0.4 * patches, 3);
        let rock = v3(0.205, 0.185, 0.175) * (1.0 + 0.30 * strata + 0.45 * grain);
        let meadow = v3(0.092, 0.118, 0.030).mix(v3(0.175, 0.150, 0.052), smooth(-0.3, 0.5, patches + 0.4 * grain))
            * (1.0 + 0.45 * grain);
        let wood =
            v3(0.034, 0.056, 0.026).mix(v3(0.075, 0.080, 0.026), smooth(0.0, 0.6, patches)) * (1.0 + 0.5 * grain);
        let snow = v3(0.86, 0.88, 0.92);

        let wooded = self.wooded(x, z, height, broad);
        let bare = smooth(0.72, 0.56, fine.y + 0.10 * grain) * smooth(60.0, 160.0, height);
        let alpine = smooth(330.0, 470.0, height + 90.0 * patches);
        let mut colour = meadow.mix(wood, wooded).mix(rock, bare.max(alpine * 0.85));
        let snowline = 440.0 + 130.0 * patches + 60.0 * grain;
        let held = smooth(0.50, 0.70, fine.y + 0.12 * grain);
        colour = colour.mix(snow, smooth(snowline - 60.0, snowline + 110.0, height) * held);
        let shingle = v3(0.19, 0.165, 0.135) * (1.0 + 0.6 * grain);
        colour.mix(shingle, smooth(0.9, 0.25, height + 0.7 * grain) * smooth(1500.0, 700.0, z))
    }

    /// How densely trees stand, in `[0, 1]`.
    pub(crate) fn wooded(&self, x: f32, z: f32, height: f32, broad: V3) -> f32 {
        let glades = self.noise.fractal(x * 0.0042 + 11.0, z * 0.0042 - 3.0, 3);
        let dry = smooth(1.5, 6.0, height);
        let line = smooth(430.0, 300.0, height + 120.0 * glades);
        dry * line * smooth(-0.42, -0.10, glades) * smooth(0.45, 0.7, broad.y)
    }
}

/// A grid's values, computed on all cores.
fn table(value: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let rows = spread(ROWS, |row| {
        let z = NEAR * (FAR / NEAR).powf(row as f32 / (ROWS - 1) as f32);
        let across = |column: usize| mix(LEFT, RIGHT, column as f32 / (COLUMNS - 1) as f32);
        (0..COLUMNS).map(|column| value(across(column), z)).collect::<Vec<_>>()
    });
    rows.concat()
}

fn look_up(cells: &[f32], across: f32, z: f32) -> f32 {
    let row = (z / NEAR).ln() / (FAR / NEAR).ln() * (ROWS - 1) as f32;
    let column = (across - LEFT) / (RIGHT - LEFT) * (COLUMNS - 1) as f32;
    let row = row.clamp(0.0, ROWS as f32 - 1.001);
    let column = column.clamp(0.0, COLUMNS as f32 - 1.001);
    let (r, c) = (row as usize, column as usize);
    let (fr, fc) = (row - r as f32, column - c as f32);
    let at = |dr: usize, dc: usize| cells[(r + dr) * COLUMNS + c + dc];
    mix(mix(at(0, 0), at(0, 1), fc), mix(at(1, 0), at(1, 1), fc), fr)
}
