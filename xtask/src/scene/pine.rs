//! Conifers: a forest of small ones on the slopes, and tall ones near the house.

use super::canvas::Canvas;
use super::light::{SKY, SUN, through_air};
use super::noise::Dice;
use super::terrain::Terrain;
use super::vector::{V3, mix, smooth, v3};
use super::view::{Sight, View};

/// A tree: its foot, its height and width in metres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pine {
    pub(crate) foot: V3,
    height: f32,
    wide: f32,
    /// Colour of its needles.
    needles: V3,
    /// Share of sunlight it stands in.
    sunlit: f32,
    seed: u64,
}

/// Trees wherever the ground is wooded, the farthest first.
pub(crate) fn forest(terrain: &Terrain, seed: u64, count: usize) -> Vec<Pine> {
    let mut dice = Dice::new(seed);
    let mut trees = Vec::new();
    for i in 0..count {
        // Even over the picture rather than over the land: distant slopes need no more trees than near ones.
        let z = 140.0 * (4200.0_f32 / 140.0).powf(dice.roll().powf(0.75));
        let x = z * dice.range(-0.53, 0.53);
        let height = terrain.height(x, z);
        let broad = terrain.normal(x, z, 0.012 * z);
        let chance = dice.roll();
        if height > 1.0 && chance < terrain.wooded(x, z, height, broad) {
            trees.push(Pine::new(v3(x, height, z), terrain.sunlit(x, z), seed ^ (i as u64) << 20));
        }
    }
    trees.sort_by(|a, b| b.foot.z.total_cmp(&a.foot.z));
    trees
}

impl Pine {
    pub(crate) fn new(foot: V3, sunlit: f32, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let height = 15.0 + 4.0 * dice.bell() + 4.0 * dice.roll();
        let autumn = smooth(0.88, 1.0, dice.roll());
        let needles =
            v3(0.030, 0.058, 0.030).mix(v3(0.052, 0.072, 0.026), dice.roll()).mix(v3(0.17, 0.11, 0.025), autumn);
        Self { foot, height, wide: height * dice.range(0.16, 0.24), needles, sunlit, seed }
    }

    /// Paints it, in as much detail as its size in the picture can show.
    pub(crate) fn paint(&self, canvas: &mut Canvas, view: View) {
        let size = self.height * View::scale(self.foot.z);
        let boughs = ((size * 0.55) as usize).clamp(3, 46);
        let mut dice = Dice::new(self.seed ^ 0xF00D);
        if size > 16.0 {
            cast_shadow(canvas, view, self.foot, self.height);
            self.trunk(canvas, view);
        }
        // From below upwards: each whorl covers the one under it.
        for i in 0..boughs {
            let up = 0.10 + 0.90 * (i as f32 + dice.roll() * 0.6) / boughs as f32;
            let reach = self.wide * (1.02 - up).powf(0.85) * dice.range(0.72, 1.12);
            let deep = self.height * mix(1.9, 1.1, up) / boughs as f32;
            self.whorl(canvas, view, up.min(0.985), reach, deep, &mut dice);
        }
    }

    fn at(&self, view: View, across: f32, up: f32) -> [f32; 2] {
        view.project(self.foot + v3(across, up, 0.0))
    }

    /// Light on needles: `side` is -1 on the side of the sun, 1 on the other; `above` is how far up the bough.
    fn lit(&self, side: f32, above: f32, shade: f32) -> V3 {
        let sun = smooth(0.35, -0.95, side) * mix(0.25, 1.0, above) * self.sunlit;
        let colour = self.needles * (SUN * (1.15 * sun) + SKY * mix(0.35, 0.85, above)) * shade;
        let Sight { across, rise } = Sight { across: self.foot.x / self.foot.z, rise: 0.02 };
        through_air(colour, self.foot.z, self.foot.y, v3(across, rise, 1.0).unit())
    }

    fn trunk(&self, canvas: &mut Canvas, view: View) {
        let bark = v3(0.10, 0.065, 0.045) * (SUN * (0.25 * self.sunlit) + SKY * 0.6);
        let colour = through_air(bark, self.foot.z, 0.0, v3(self.foot.x, 1.0, self.foot.z).unit());
        let half = 0.018 * self.height * View::scale(self.foot.z) * 0.5;
        let ([x0, y0], [x1, y1]) = (self.at(view, 0.0, -0.3), self.at(view, 0.0, self.height * 0.5));
        canvas.stroke(&[[x0, y0, half], [x1, y1, half * 0.6]], self.foot.z, |_, _| (colour, 1.0));
    }

    /// A ring of boughs: drooping to both sides with a ragged lower edge.
    fn whorl(&self, canvas: &mut Canvas, view: View, up: f32, reach: f32, deep: f32, dice: &mut Dice) {
        let top = self.height * up;
        let droop = reach * dice.range(0.30, 0.55);
        let mut outline = vec![self.at(view, -0.04 * reach, (top + deep * 0.55).min(self.height))];
        let tips = if reach * View::scale(self.foot.z) > 5.0 { 4_u8 } else { 2 };
        for i in 0..=2 * tips {
            let t = f32::from(i) / f32::from(tips) - 1.0;
            let ragged = if i % 2 == 0 { 1.0 } else { 0.45 } * dice.range(0.8, 1.2);
            let hang = droop * t.abs().powf(1.3) + deep * 0.35 * ragged * (1.0 - t.abs());
            outline.push(self.at(view, t * reach * mix(0.9, 1.05, ragged), (top - hang).max(0.3)));
        }
        outline.push(self.at(view, 0.04 * reach, (top + deep * 0.55).min(self.height)));
        let shade = dice.range(0.72, 1.2);
        let middle = self.at(view, 0.0, 0.0)[0];
        let half = (reach * View::scale(self.foot.z)).max(0.01);
        let (crown, hem) = (self.at(view, 0.0, top + deep * 0.5)[1], self.at(view, 0.0, top - droop)[1]);
        let colours = [-1.0, -0.3, 0.4, 1.0].map(|side| [0.0, 1.0].map(|above| self.lit(side, above, shade)));
        canvas.polygon(&outline, self.foot.z, |x, y| {
            let side = ((x - middle) / half).clamp(-1.0, 1.0);
            let above = ((y - hem) / (crown - hem)).clamp(0.0, 1.0);
            let place = (side + 1.0) * 1.4999;
            let (i, t) = (place as usize, place.fract());
            let at = |k: usize| colours[i][k].mix(colours[i + 1][k], t);
            (at(0).mix(at(1), above), 1.0)
        });
    }
}

/// The shadow that something of this height throws on level ground, away from the low sun.
pub(crate) fn cast_shadow(canvas: &mut Canvas, view: View, foot: V3, height: f32) {
    let middle = foot + v3(0.42 * height, 0.0, -0.6);
    let [x, y] = view.project(middle);
    let scale = View::scale(foot.z);
    let size = [0.55 * height * scale, 0.07 * height * scale];
    canvas.ellipse([x, y], size, 0.0, foot.z - 1.5, |px, py| {
        let r = ((px - x) / size[0]).powi(2) + ((py - y) / size[1]).powi(2);
        (v3(0.020, 0.030, 0.030), 0.5 * smooth(1.0, 0.2, r))
    });
}
