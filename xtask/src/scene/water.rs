//! The lake: ripples of many sizes that bend the reflection.

use super::canvas::Canvas;
use super::light::{SUN, sun, through_air};
use super::noise::Noise;
use super::vector::{V3, mix, smooth, v3};
use super::view::{EYE, HORIZON, Sight, View};

/// Wavelengths of ripples in metres and their steepness.
const RIPPLES: [(f32, f32); 6] =
    [(14.0, 0.010), (6.3, 0.024), (2.9, 0.036), (1.35, 0.038), (0.62, 0.040), (0.30, 0.040)];

/// Facets that a sample of the lake is made of.
const TAPS: u8 = 5;

/// How the surface leans at a place, and how much of it is too fine to be seen.
#[derive(Clone, Copy, Default)]
struct Surface {
    across: f32,
    toward: f32,
    blur: f32,
}

/// What the lake looks like: the reflection is a picture of the scene as seen from below.
pub(crate) struct Water<'a> {
    pub(crate) reflection: &'a Canvas,
    pub(crate) noise: Noise,
}

impl Water<'_> {
    /// Colour of the lake at a place of the picture below the horizon.
    pub(crate) fn colour(&self, place: [f32; 2]) -> V3 {
        let sight = View::Direct.sight(place[0], place[1]);
        let z = EYE / -sight.rise;
        let surface = self.surface(sight.across * z, z);
        let mut sum = V3::default();
        for tap in 0..TAPS {
            sum += self.facet(sight, surface, [0, 5000].map(|salt| self.scatter(place, tap, salt)));
        }
        through_air(sum * (1.0 / f32::from(TAPS)), z * 0.8, 0.0, sight.direction())
    }

    /// The light that one facet of the surface sends to the eye; `lean` in `[-1, 1]` says how the ripples that are too
    /// small to be seen turn it.
    fn facet(&self, sight: Sight, surface: Surface, lean: [f32; 2]) -> V3 {
        let slope_x = surface.across + surface.blur * lean[0];
        let slope_z = surface.toward + surface.blur * 1.6 * lean[1];
        // Mirrored on a surface that leans a little: mostly a shift up or down, which draws reflections out in height.
        let fall = sight.rise - slope_z - sight.across * slope_x;
        let rise = (sight.rise - 2.0 * fall).abs();
        let across = sight.across - 2.0 * fall * slope_x;
        let seen = self.reflected(Sight { across, rise });
        let facing = (-fall / (1.0 + sight.across * sight.across + sight.rise * sight.rise).sqrt()).clamp(0.0, 1.0);
        let share = 0.02 + 0.98 * (1.0 - facing).powi(5);
        let glitter = self.glitter(Sight { across, rise });
        let deep = v3(0.010, 0.040, 0.052) + v3(0.022, 0.042, 0.036) * smooth(0.05, 0.3, facing);
        deep * (1.0 - share) + (seen + glitter) * share
    }

    /// In `[-1, 1]`, spread evenly over the taps of a sample.
    fn scatter(&self, place: [f32; 2], tap: u8, salt: i32) -> f32 {
        let [x, y] = place.map(|v| (v * self.reflection.scale) as i32);
        let roll = self.noise.cell(x.wrapping_mul(7) + salt, y.wrapping_mul(7));
        let part = if salt == 0 { (tap * 3) % TAPS } else { tap };
        2.0 * (f32::from(part) + roll) / f32::from(TAPS) - 1.0
    }

    /// What a mirror would show along a line of sight.
    fn reflected(&self, sight: Sight) -> V3 {
        let [x, _] = View::Mirrored.project(v3(sight.across, 0.0, 1.0));
        self.reflection.sample([x, HORIZON + View::scale(1.0) * sight.rise])
    }

    /// Sparks where the surface turns the sun towards the eye.
    fn glitter(&self, sight: Sight) -> V3 {
        let angle = sight.direction().dot(sun()).clamp(-1.0, 1.0).acos();
        SUN * (5.0 * (-(angle / 0.028).powi(2)).exp())
    }

    /// 1 where the air lies still over the water, 0 where a breeze ruffles it: long patches, seen from the side.
    fn calm(&self, x: f32, z: f32) -> f32 {
        let wander = self.noise.fractal(x * 0.010, z * 0.0045, 4);
        smooth(-0.30, 0.22, wander + 0.10)
    }

    fn surface(&self, x: f32, z: f32) -> Surface {
        let ruffled = mix(0.42, 0.055, self.calm(x, z));
        let mut surface = Surface::default();
        // Length on the lake of one sample seen at this distance.
        let footprint = z * z / (EYE * View::scale(1.0) * self.reflection.scale);
        for (i, (length, steepness)) in (0_u32..).zip(RIPPLES) {
            let noise = Noise(self.noise.0.wrapping_add(17 * i));
            let (u, v) = (x / (1.6 * length), z / length);
            let strength = steepness * ruffled;
            let sharp = smooth(1.2, 0.4, footprint / length);
            if sharp > 0.0 {
                let here = noise.plane(u, v);
                surface.across += sharp * strength * (noise.plane(u + 0.25, v) - here) * 2.0;
                surface.toward += sharp * strength * (noise.plane(u, v + 0.25) - here) * 3.2;
            }
            // Ripples too small to be seen one by one still spread the reflection.
            surface.blur += (1.0 - sharp) * strength * 0.45;
        }
        surface
    }
}
