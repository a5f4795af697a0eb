//! Whole pictures varied before they are batched: turned, moved, and their colours changed.

use serde::{Deserialize, Serialize};

use crate::rng::{ChaCha8Rng, Rng};

/// How pictures of a gallery are varied. Every amount is the most in either direction, each picture's drawn evenly from
/// it; 0 leaves it out. What the generator shall not learn to make should not be done here but inside the networks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Turn half of the pictures left to right.
    pub mirror: bool,
    /// Degrees by which pictures are turned, 0 to 180.
    pub rotation: f32,
    /// Pixels by which a row is moved against the next one, 0 to 1.
    pub shear: f32,
    /// Share by which pictures are enlarged or shrunk, 0 to 1.
    pub zoom: f32,
    /// Share of the sides by which pictures are moved, 0 to 0.5.
    pub shift: f32,
    /// Added to every value, 0 to 1.
    pub brightness: f32,
    /// Share by which differences from middle grey grow or shrink, 0 to 1.
    pub contrast: f32,
    /// Share by which differences from grey of the same brightness grow or shrink, 0 to 1.
    pub saturation: f32,
    /// Degrees by which hues are turned, 0 to 180.
    pub hue: f32,
    /// Stretch the values of every picture to the whole range, one percent at either end left out.
    pub normalise: bool,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { mirror: true, ..Self::NONE }
    }
}

impl Augmentation {
    /// Pictures as they are.
    pub const NONE: Self = Self {
        mirror: false,
        rotation: 0.0,
        shear: 0.0,
        zoom: 0.0,
        shift: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.0,
        normalise: false,
    };

    /// Checks what no type rules out.
    ///
    /// # Errors
    /// A line that says which amount is out of its range.
    pub fn validate(&self) -> Result<(), String> {
        for (name, value, most) in [
            ("rotation", self.rotation, 180.0),
            ("shear", self.shear, 1.0),
            ("zoom", self.zoom, 1.0),
            ("shift", self.shift, 0.5),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("hue", self.hue, 180.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(format!("{name} is {value}, not in 0..={most}"));
            }
        }
        Ok(())
    }

    /// Draws one variation. The number of draws does not depend on the amounts.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Variation {
        let mut even = || rng.random_range(-1.0..=1.0f32);
        let factor = |amount: f32, draw: f32| (1.0 + amount).powf(draw);
        Variation {
            turn: self.rotation.to_radians() * even(),
            shear: self.shear * even(),
            zoom: factor(self.zoom, even()),
            shift: [self.shift * even(), self.shift * even()],
            brightness: self.brightness * even(),
            contrast: factor(self.contrast, even()),
            saturation: factor(self.saturation, even()),
            hue: self.hue.to_radians() * even(),
            normalise: self.normalise,
        }
    }
}

/// What is done to one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variation {
    /// Radians, clockwise.
    turn: f32,
    shear: f32,
    zoom: f32,
    /// Shares of height and width, down and to the right.
    shift: [f32; 2],
    brightness: f32,
    contrast: f32,
    saturation: f32,
    /// Radians.
    hue: f32,
    normalise: bool,
}

impl Variation {
    #[cfg(test)]
    const NONE: Self = Self {
        turn: 0.0,
        shear: 0.0,
        zoom: 1.0,
        shift: [0.0; 2],
        brightness: 0.0,
        contrast: 1.0,
        saturation: 1.0,
        hue: 0.0,
        normalise: false,
    };

    /// The varied picture: planar RGB of `size` (rows, columns) in `[0, 1]`.
    pub(super) fn apply(&self, planes: Vec<f32>, size: [usize; 2]) -> Vec<f32> {
        let moved = (self.turn, self.shear, self.zoom, self.shift) != (0.0, 0.0, 1.0, [0.0; 2]);
        let mut planes = if moved { self.moved(&planes, size) } else { planes };
        if self.normalise {
            stretch(&mut planes);
        }
        if (self.brightness, self.contrast, self.saturation, self.hue) != (0.0, 1.0, 1.0, 0.0) {
            self.recolour(&mut planes);
        }
        planes
    }

    /// Turned, sheared, zoomed about the middle, then shifted; bilinear, borders reflected.
    fn moved(&self, planes: &[f32], [h, w]: [usize; 2]) -> Vec<f32> {
        let (sin, cos) = self.turn.sin_cos();
        // Forward: (x, y) -> turn(shear(x, y)) * zoom; here its inverse.
        let inverse = [
            [(cos + self.shear * sin) / self.zoom, (sin - self.shear * cos) / self.zoom],
            [-sin / self.zoom, cos / self.zoom],
        ];
        let middle = [(w as f32 - 1.0) / 2.0, (h as f32 - 1.0) / 2.0];
        let offset = [middle[0] + self.shift[1] * w as f32, middle[1] + self.shift[0] * h as f32];
        let mut taps = Vec::with_capacity(h * w);
        for y in 0..h {
            for x in 0..w {
                let (dx, dy) = (x as f32 - offset[0], y as f32 - offset[1]);
                let from = |row: [f32; 2], middle: f32| row[0] * dx + row[1] * dy + middle;
                taps.push((tap(from(inverse[0], middle[0]), w), tap(from(inverse[1], middle[1]), h)));
            }
        }
        let sample = |plane: &[f32], ((x0, x1, fx), (y0, y1, fy)): (Tap, Tap)| {
            let row = |y: usize| plane[y * w + x0] * (1.0 - fx) + plane[y * w + x1] * fx;
            row(y0) * (1.0 - fy) + row(y1) * fy
        };
        planes.chunks_exact(h * w).flat_map(|plane| taps.iter().map(|&taps| sample(plane, taps))).collect()
    }

    /// Hue turned about the grey axis, then saturation, contrast and brightness; clamped to `[0, 1]`.
    fn recolour(&self, planes: &mut [f32]) {
        let (sin, cos) = self.hue.sin_cos();
        let [third, root] = [(1.0 - cos) / 3.0, sin / 3f32.sqrt()];
        let turn = [
            [cos + third, third - root, third + root],
            [third + root, cos + third, third - root],
            [third - root, third + root, cos + third],
        ];
        let plane = planes.len() / 3;
        for i in 0..plane {
            let pixel = [planes[i], planes[plane + i], planes[2 * plane + i]];
            let turned = turn.map(|row| row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2]);
            let luma = 0.299 * turned[0] + 0.587 * turned[1] + 0.114 * turned[2];
            for (channel, value) in turned.into_iter().enumerate() {
                let value = luma + (value - luma) * self.saturation;
                let value = (value - 0.5) * self.contrast + 0.5 + self.brightness;
                planes[channel * plane + i] = value.clamp(0.0, 1.0);
            }
        }
    }
}

/// Two neighbours and the share of the second.
type Tap = (usize, usize, f32);

/// Where a coordinate lies between samples, reflected about the first and the last.
fn tap(at: f32, length: usize) -> Tap {
    let last = (length - 1) as f32;
    if last == 0.0 {
        return (0, 0, 0.0);
    }
    let at = at.rem_euclid(2.0 * last);
    let at = if at > last { 2.0 * last - at } else { at };
    let low = (at as usize).min(length - 1);
    (low, (low + 1).min(length - 1), at - low as f32)
}

/// Stretches values so that all but one percent at either end fill `[0, 1]`.
fn stretch(planes: &mut [f32]) {
    let mut sorted = planes.to_vec();
    let cut = sorted.len() / 100;
    let top = sorted.len() - 1 - cut;
    let low = *sorted.select_nth_unstable_by(cut, f32::total_cmp).1;
    let high = *sorted.select_nth_unstable_by(top, f32::total_cmp).1;
    // A picture of one value has no range to stretch.
    if high - low > 1.0 / 255.0 {
        planes.iter_mut().for_each(|v| *v = ((*v - low) / (high - low)).clamp(0.0, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::PI;

    use super::*;
    use crate::rng;

    /// Red by column, green by row, blue flat; 5 x 5.
    fn steps() -> Vec<f32> {
        let plane = |value: fn(usize) -> f32| (0..25).map(value).collect::<Vec<_>>();
        [plane(|i| (i % 5) as f32 / 4.0), plane(|i| (i / 5) as f32 / 4.0), plane(|_| 0.5)].concat()
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn known_movements() {
        let source = steps();
        let of = |variation: Variation| variation.apply(source.clone(), [5, 5]);
        assert_eq!(of(Variation::NONE), source);
        // A quarter turn clockwise: what was at the left is at the top.
        let turned = of(Variation { turn: PI / 2.0, ..Variation::NONE });
        assert!(near(&turned[..25], &(0..25).map(|i| (i / 5) as f32 / 4.0).collect::<Vec<_>>()), "{turned:?}");
        // One column to the right; the border is reflected.
        let shifted = of(Variation { shift: [0.0, 0.2], ..Variation::NONE });
        assert!(near(&shifted[..5], &[0.25, 0.0, 0.25, 0.5, 0.75]), "{shifted:?}");
        assert!(near(&shifted[25..50], &source[25..50]));
        // One row down.
        let shifted = of(Variation { shift: [0.2, 0.0], ..Variation::NONE });
        assert!(near(&shifted[25..40], &[[0.25; 5], [0.0; 5], [0.25; 5]].concat()), "{shifted:?}");
        // Twice as large: steps half as high about the middle.
        let zoomed = of(Variation { zoom: 2.0, ..Variation::NONE });
        assert!(near(&zoomed[..5], &[0.25, 0.375, 0.5, 0.625, 0.75]), "{zoomed:?}");
        // Rows below the middle move to the right.
        let sheared = of(Variation { shear: 1.0, ..Variation::NONE });
        assert!(near(&sheared[10..15], &source[10..15]));
        assert!(near(&sheared[15..20], &[0.25, 0.0, 0.25, 0.5, 0.75]), "{sheared:?}");
    }

    #[test]
    fn known_colours() {
        let of = |variation: Variation| variation.apply(vec![0.8, 0.2, 0.2], [1, 1]);
        for (variation, expected) in [
            (Variation { hue: 2.0 * PI / 3.0, ..Variation::NONE }, [0.2, 0.8, 0.2]),
            (Variation { saturation: 0.0, ..Variation::NONE }, [0.3794; 3]),
            (Variation { contrast: 0.5, ..Variation::NONE }, [0.65, 0.35, 0.35]),
            (Variation { brightness: 0.3, ..Variation::NONE }, [1.0, 0.5, 0.5]),
        ] {
            assert!(near(&of(variation), &expected), "{variation:?}: {:?}", of(variation));
        }
        let dull: Vec<f32> = (0..300).map(|i| 0.4 + 0.2 * i as f32 / 299.0).collect();
        let full = Variation { normalise: true, ..Variation::NONE }.apply(dull, [10, 10]);
        assert!(full[0] == 0.0 && full[299] == 1.0 && (full[150] - 0.5).abs() < 0.01);
        let flat = Variation { normalise: true, ..Variation::NONE }.apply(vec![0.3; 3], [1, 1]);
        assert_eq!(flat, [0.3; 3]);
    }

    #[test]
    fn amounts_bound_what_is_drawn() {
        let all = Augmentation { rotation: 10.0, zoom: 0.5, shift: 0.1, hue: 5.0, ..Augmentation::NONE };
        let draw = |number| all.draw(&mut rng::stream(1, "test", number));
        let drawn: Vec<Variation> = (0..200).map(draw).collect();
        let most = |value: fn(&Variation) -> f32| drawn.iter().map(value).map(f32::abs).fold(0.0, f32::max);
        assert!((0.9..=1.0).contains(&(most(|v| v.turn) / 10f32.to_radians())));
        assert!((0.9..=1.0).contains(&(most(|v| v.zoom.ln()) / 1.5f32.ln())));
        assert!((0.09..=0.1).contains(&most(|v| v.shift[0])) && most(|v| v.shear) == 0.0);
        assert_eq!(Augmentation::NONE.draw(&mut rng::stream(1, "test", 0)), Variation::NONE);
        let error = Augmentation { shift: 0.6, ..Augmentation::NONE }.validate().unwrap_err();
        assert!(error.contains("shift is 0.6"), "{error}");
        assert_eq!(Augmentation::default().validate(), Ok(()));
    }
}
