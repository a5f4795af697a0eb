//! Broad-leaved trees and bushes on the headland.

use super::canvas::Canvas;
use super::light::{SKY, SUN, through_air};
use super::noise::{Dice, Noise};
use super::terrain::Terrain;
use super::vector::{V3, mix, smooth, v3};
use super::view::View;

/// A tree or bush: its foot, its height in metres, the colour of its leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leafy {
    pub(crate) foot: V3,
    height: f32,
    leaves: V3,
    seed: u64,
}

/// Trees beside the house, by place (x, z) and height.
const TREES: [(f32, f32, f32); 5] =
    [(22.5, 171.0, 9.5), (55.5, 166.0, 11.0), (63.0, 158.0, 8.0), (48.0, 181.0, 12.0), (75.0, 163.0, 10.0)];

/// All of them, the farthest first.
pub(crate) fn grove(terrain: &Terrain, seed: u64) -> Vec<Leafy> {
    let mut dice = Dice::new(seed);
    let mut grove = Vec::new();
    let mut plant = |x: f32, z: f32, height: f32, dice: &mut Dice| {
        let green = v3(0.060, 0.095, 0.020).mix(v3(0.120, 0.125, 0.026), dice.roll());
        let leaves = green.mix(v3(0.34, 0.16, 0.030), smooth(0.70, 1.0, dice.roll()));
        let foot = v3(x, terrain.height(x, z), z);
        if foot.y > 0.5 {
            grove.push(Leafy { foot, height, leaves, seed: (dice.roll() * 1e6) as u64 });
        }
    };
    for (x, z, height) in TREES {
        plant(x, z, height, &mut dice);
    }
    for _ in 0..260 {
        let (x, z, height) = (dice.range(14.0, 90.0), dice.range(138.0, 200.0), dice.range(0.6, 2.3));
        plant(x, z, height, &mut dice);
    }
    grove.sort_by(|a, b| b.foot.z.total_cmp(&a.foot.z));
    grove
}

impl Leafy {
    pub(crate) fn paint(&self, canvas: &mut Canvas, view: View) {
        let mut dice = Dice::new(self.seed);
        let scale = View::scale(self.foot.z);
        let tree = self.height > 4.0;
        if tree {
            let ends = [0.0, 0.5].map(|up| view.project(self.foot + v3(0.0, up * self.height, 0.0)));
            let path = ends.map(|[x, y]| [x, y, 0.022 * self.height * scale]);
            let bark = self.veiled(v3(0.07, 0.05, 0.04));
            canvas.stroke(&path, self.foot.z, |_, _| (bark, 1.0));
        }
        let (middle, wide, high) = if tree { (0.62, 0.36, 0.38) } else { (0.42, 0.85, 0.55) };
        let clumps = if tree { 420 } else { 44 };
        let outline = Noise(self.seed as u32);
        let mut places: Vec<(f32, f32)> = (0..clumps)
            .map(|_| (dice.roll().powf(0.42), (dice.roll() * std::f32::consts::TAU).sin_cos()))
            .map(|(r, (sin, cos))| (r * (1.0 + 0.55 * outline.fractal(1.7 * cos, 1.7 * sin, 3)), sin, cos))
            .map(|(r, sin, cos)| (r * cos, r * sin))
            .collect();
        // The shaded underside first, the top last.
        places.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (across, up) in places {
            let place = v3(across * wide, middle + up * high, 0.0) * self.height;
            let size = self.height * scale * if tree { 0.042 } else { 0.12 } * dice.range(0.6, 1.3);
            let sun = smooth(0.25, -0.9, across - 0.55 * up) * dice.range(0.35, 1.1);
            let sky = mix(0.22, 0.80, 0.5 + 0.5 * up);
            let colour = self.veiled(self.leaves * (SUN * (0.95 * sun) + SKY * sky) * dice.range(0.8, 1.2));
            canvas.ellipse(
                view.project(self.foot + place),
                [size, size * 0.72],
                dice.roll() * 3.0,
                self.foot.z,
                |_, _| (colour, 1.0),
            );
        }
    }

    fn veiled(&self, colour: V3) -> V3 {
        through_air(colour, self.foot.z, self.foot.y, v3(self.foot.x / self.foot.z, 0.0, 1.0).unit())
    }
}
