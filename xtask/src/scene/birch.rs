//! The birches that frame the picture: white bark, hanging twigs, leaves against the light.

use std::f32::consts::PI;

use super::bank;
use super::canvas::Canvas;
use super::light::{SKY, SUN};
use super::noise::{Dice, Noise};
use super::vector::{V3, mix, smooth, v3};

/// Nearer than the bank.
const NEAR: f32 = 14.0;

/// A point of a branch: place and half width in pixels.
type Point = [f32; 3];

/// Paints the trees.
pub(crate) fn paint(canvas: &mut Canvas, seed: u64) {
    let mut dice = Dice::new(seed);
    let slim = trunk([704.0, 452.0], [727.0, -30.0], [7.5, 4.5], &mut dice);
    let thick = trunk([667.0, 462.0], [640.0, -40.0], [13.5, 7.5], &mut dice);
    let mut twigs = Vec::new();
    let mut leaves = Vec::new();
    for (stem, count, strength) in [(&slim, 13_usize, 0.75), (&thick, 30, 1.0)] {
        for i in 0..count {
            let at = stem[stem.len() * (count / 3 + i * 2 / 3) / count % stem.len()];
            let side = if dice.roll() < 0.68 { -1.0 } else { 1.0 };
            let length = strength * dice.range(70.0, 165.0) * smooth(330.0, 60.0, at[1]).max(0.25);
            branch(at, side, length, &mut dice, &mut twigs, &mut leaves);
        }
    }
    // Leaves behind the stems first, in shade; those in front last.
    let (behind, before): (Vec<_>, Vec<_>) = leaves.into_iter().partition(|leaf: &Leaf| leaf.behind);
    behind.iter().for_each(|leaf| leaf.paint(canvas));
    for (stem, seed) in [(&slim, 71), (&thick, 72)] {
        bark(canvas, stem, seed);
        let [x, y, half] = stem[0];
        bank::tufts(canvas, [x, y], 1.5 * half, NEAR, u64::from(seed));
    }
    for twig in &twigs {
        canvas.stroke(twig, NEAR, |_, _| (v3(0.060, 0.042, 0.034), 1.0));
    }
    before.iter().for_each(|leaf| leaf.paint(canvas));
}

fn trunk(from: [f32; 2], to: [f32; 2], half: [f32; 2], dice: &mut Dice) -> Vec<Point> {
    let wave = dice.range(0.0, 9.0);
    (0..=60_u8)
        .map(|i| {
            let t = f32::from(i) / 60.0;
            let sway = 5.0 * Noise(3).fractal(t * 2.5 + wave, 0.0, 2);
            let flare = 1.0 + 0.7 * smooth(0.12, 0.0, t);
            [mix(from[0], to[0], t) + sway, mix(from[1], to[1], t), mix(half[0], half[1], t) * flare]
        })
        .collect()
}

/// White bark, round in the light from the left, with dark scars that run across.
fn bark(canvas: &mut Canvas, stem: &[Point], seed: u32) {
    let noise = Noise(seed);
    canvas.stroke(stem, NEAR, |x, y| {
        let t = ((stem[0][1] - y) / (stem[0][1] - stem[60][1])).clamp(0.0, 1.0);
        let centre = stem[((t * 60.0) as usize).min(60)];
        let round = ((x - centre[0]) / centre[2]).clamp(-1.0, 1.0);
        let scars = noise.fractal(round * 1.1 + 40.0 * t.floor(), y * 0.16, 4);
        let broad = noise.fractal(round * 0.8 + 9.0, y * 0.028, 3);
        let rough = smooth(0.16, 0.0, t);
        let dark = smooth(0.20, 0.34, scars).max(smooth(0.18, 0.34, broad) * 0.9).max(rough * smooth(-0.3, 0.3, scars));
        let white = v3(0.76, 0.72, 0.66).mix(v3(0.55, 0.42, 0.33), smooth(0.0, 0.4, broad) * 0.6);
        let colour = white.mix(v3(0.045, 0.037, 0.034), dark);
        let sun = smooth(0.15, -1.0, round);
        let shade = mix(0.80, 0.34, smooth(-0.6, 0.9, round));
        (colour * (SUN * (0.34 * sun) + SKY * shade), 1.0)
    });
}

/// A branch that leaves the stem, arches over and hangs, with twigs and leaves along it.
fn branch(at: Point, side: f32, length: f32, dice: &mut Dice, twigs: &mut Vec<Vec<Point>>, leaves: &mut Vec<Leaf>) {
    let lift = dice.range(0.25, 0.75);
    let sag = dice.range(0.35, 0.85);
    let curve = |t: f32| [at[0] + side * length * t, at[1] - length * (lift * t - sag * t * t * t)];
    let steps = 12_u8;
    let half = 0.016 * length * dice.range(0.7, 1.1);
    twigs.push(
        (0..=steps)
            .map(|i| {
                let t = f32::from(i) / f32::from(steps);
                let [x, y] = curve(t);
                [x, y + 2.0 * dice.bell() * t, half * (1.0 - 0.88 * t)]
            })
            .collect(),
    );
    let count = (length * 0.21) as usize;
    for i in 0..count {
        let t = mix(0.22, 1.0, (i as f32 + dice.roll()) / count as f32);
        twig(curve(t), side, dice.range(14.0, 40.0) * mix(1.0, 0.8, t), dice, twigs, leaves);
    }
}

/// A thin twig that hangs from a branch.
fn twig(at: [f32; 2], side: f32, length: f32, dice: &mut Dice, twigs: &mut Vec<Vec<Point>>, leaves: &mut Vec<Leaf>) {
    let out = side * dice.range(-0.15, 0.65);
    let rise = dice.range(-0.1, 0.35);
    let curve = |t: f32| [at[0] + out * length * t, at[1] + length * (t * t - rise * t)];
    twigs.push(
        (0..=5_u8).map(|i| f32::from(i) / 5.0).map(|t| [curve(t)[0], curve(t)[1], 0.5 * (1.0 - 0.7 * t)]).collect(),
    );
    let behind = dice.roll() < 0.45;
    let lightness = dice.range(0.0, 1.0);
    for i in 0..(length * 0.66) as usize {
        let t = (i as f32 + dice.roll()) / (length * 0.66);
        let [x, y] = curve(t);
        leaves.push(Leaf::new([x + 4.5 * dice.bell(), y + 4.0 * dice.bell()], behind, lightness, dice));
    }
}

struct Leaf {
    place: [f32; 2],
    size: f32,
    turn: f32,
    fold: f32,
    behind: bool,
    colour: V3,
}

impl Leaf {
    fn new(place: [f32; 2], behind: bool, lightness: f32, dice: &mut Dice) -> Self {
        let green = v3(0.060, 0.115, 0.018).mix(v3(0.165, 0.200, 0.030), dice.roll());
        let gold = v3(0.42, 0.27, 0.035);
        let colour = green.mix(gold, smooth(0.80, 1.0, dice.roll()) * 0.9);
        // Leaves let the sun through: those that face it glow.
        let through = (0.5 * lightness + 0.5 * dice.roll()).powf(1.5) * if behind { 0.45 } else { 1.0 };
        Self {
            place,
            size: dice.range(2.1, 3.7),
            turn: PI * (0.5 + 0.42 * dice.bell()),
            fold: dice.range(0.38, 0.72),
            behind,
            colour: colour * (SKY * 0.50 + SUN * (0.05 + 0.85 * through)),
        }
    }

    fn paint(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.turn.sin_cos();
        let shape = [(-1.0, 0.0), (-0.45, 0.62), (0.15, 0.60), (1.15, 0.0), (0.15, -0.60), (-0.45, -0.62)];
        let corners = shape.map(|(along, across)| {
            let (a, b) = (along * self.size, across * self.size * self.fold);
            [self.place[0] + a * cos - b * sin, self.place[1] + a * sin + b * cos]
        });
        let [x, y] = self.place;
        canvas.polygon(&corners, NEAR, |px, py| {
            let side = (px - x) * -sin + (py - y) * cos;
            (self.colour * if side > 0.0 { 0.78 } else { 1.08 }, 1.0)
        });
    }
}
