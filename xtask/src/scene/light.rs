//! Evening light: the sun, the clear sky, and the air between the viewer and things.

use super::vector::{V3, smooth, v3};
use super::view::Sight;

/// Sunlight, in linear light; 1 is a white that is just not blown out.
pub(crate) const SUN: V3 = v3(2.9, 1.72, 0.86);
/// Light of the sky, from above.
pub(crate) const SKY: V3 = v3(0.34, 0.42, 0.60);
/// Light thrown back by sunlit ground.
pub(crate) const BOUNCE: V3 = v3(0.15, 0.11, 0.07);

/// Where the sun stands in the picture.
const SUN_SIGHT: Sight = Sight { across: -0.262, rise: 0.092 };

/// Direction to the sun as the sky shows it.
pub(crate) fn sun() -> V3 {
    SUN_SIGHT.direction()
}

/// Direction that sunlight comes from on the land: further to the side than the sun is seen, as a painter would have it,
/// so that forms are modelled by light and shade instead of being cut out.
pub(crate) fn lamp() -> V3 {
    v3(-0.80, 0.40, -0.06).unit()
}

/// The sky without clouds.
pub(crate) fn clear_sky(direction: V3) -> V3 {
    let up = direction.y.max(0.0);
    let zenith = v3(0.026, 0.090, 0.250);
    let high = v3(0.070, 0.180, 0.360);
    let low = v3(0.330, 0.360, 0.430);
    let rim = v3(0.640, 0.420, 0.300);
    let sky = rim.mix(low, smooth(0.0, 0.10, up)).mix(high, smooth(0.05, 0.24, up)).mix(zenith, smooth(0.16, 0.52, up));
    sky + glow(direction)
}

/// What the sun adds around itself.
fn glow(direction: V3) -> V3 {
    let angle = direction.dot(sun()).clamp(-1.0, 1.0).acos();
    let wide = v3(0.50, 0.19, 0.0) * (-angle / 0.26).exp();
    let near = v3(1.30, 0.60, 0.12) * (-angle / 0.075).exp();
    let disc = v3(9.0, 6.4, 3.6) * smooth(0.0112, 0.0078, angle);
    wide + near + disc
}

/// Share of light that air lets through over a distance in metres, at a height above the lake: it is thicker below.
fn clearness(distance: f32, height: f32) -> f32 {
    let mist = 1.0 + 1.1 * (-height.max(0.0) / 130.0).exp();
    (-distance * mist / 14500.0).exp()
}

/// A colour seen through `distance` metres of air along `direction`.
pub(crate) fn through_air(colour: V3, distance: f32, height: f32, direction: V3) -> V3 {
    let level = v3(direction.x, 0.045, direction.z).unit();
    let toward = level.dot(sun()).max(0.0).powf(26.0);
    let blue = v3(0.150, 0.210, 0.340);
    let air = blue.mix(v3(0.80, 0.46, 0.24), 0.12 + 0.75 * toward);
    air.mix(colour, clearness(distance, height))
}
