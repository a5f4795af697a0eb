//! The near bank: earth, stones, grass against the light, flowers and reeds.

use super::canvas::Canvas;
use super::light::{SKY, SUN};
use super::noise::{Dice, Noise};
use super::vector::{V3, mix, smooth, v3};
use super::view::{HEIGHT, WIDTH};

/// Distance of everything on the bank; only what comes later is nearer.
const NEAR: f32 = 20.0;

/// Row at which the bank meets the lake.
fn edge(x: f32) -> f32 {
    let wave = 4.0 * Noise(31).fractal(x * 0.012, 0.5, 4);
    470.0 - 66.0 * smooth(290.0, 735.0, x) - 34.0 * smooth(210.0, -20.0, x) + wave
}

/// Paints the bank over the lake.
pub(crate) fn paint(canvas: &mut Canvas, seed: u64) {
    let mut dice = Dice::new(seed);
    stones(canvas, &mut dice);
    earth(canvas);
    reeds(canvas, &mut dice);
    grass(canvas, &mut dice);
}

fn earth(canvas: &mut Canvas) {
    let noise = Noise(90);
    let mut outline: Vec<[f32; 2]> = (0..=180_u8).map(|i| f32::from(i) * 4.0).map(|x| [x, edge(x)]).collect();
    outline.extend([[WIDTH, HEIGHT], [0.0, HEIGHT]]);
    canvas.polygon(&outline, NEAR, |x, y| {
        let clods = noise.fractal(x * 0.08, y * 0.2, 4);
        let colour = v3(0.040, 0.048, 0.018).mix(v3(0.085, 0.070, 0.032), smooth(-0.4, 0.6, clods));
        let rim = smooth(5.0, 0.0, y - edge(x));
        (colour * (1.0 + 1.2 * rim), 1.0)
    });
}

/// How lush the grass is at a place: it grows in clumps.
fn clump(x: f32, y: f32) -> f32 {
    Noise(12).fractal(x * 0.022, y * 0.05, 3)
}

/// Grass around the foot of what stands on the bank at distance `z`.
pub(crate) fn tufts(canvas: &mut Canvas, foot: [f32; 2], half_width: f32, z: f32, seed: u64) {
    let mut dice = Dice::new(seed);
    for _ in 0..(half_width * 9.0) as usize {
        let place = [foot[0] + half_width * dice.range(-1.0, 1.0), foot[1] + dice.range(1.0, 9.0)];
        blade(canvas, place, dice.range(0.25, 0.6), z, &mut dice);
    }
}

fn grass(canvas: &mut Canvas, dice: &mut Dice) {
    let mut tufts: Vec<[f32; 2]> = (0..9500)
        .map(|_| {
            let x = dice.range(-10.0, WIDTH + 10.0);
            let top = edge(x);
            [x, top + (HEIGHT + 14.0 - top) * dice.roll().powf(0.8)]
        })
        .collect();
    tufts.sort_by(|a, b| a[1].total_cmp(&b[1]));
    for foot in tufts {
        let near = smooth(-10.0, 75.0, foot[1] - edge(foot[0]));
        if dice.roll() < 0.010 + 0.045 * clump(foot[0] + 300.0, foot[1]) {
            flower(canvas, foot, near, dice);
        } else {
            blade(canvas, foot, near, NEAR, dice);
        }
    }
}

/// Colour of a blade: dark at the foot, lit through at the tip.
fn blade_colour(dice: &mut Dice, lush: f32, near: f32) -> [V3; 2] {
    let green = v3(0.085, 0.135, 0.022).mix(v3(0.160, 0.165, 0.035), dice.roll());
    let straw = v3(0.300, 0.215, 0.085);
    let dry = smooth(0.25, -0.5, lush + 0.7 * dice.bell());
    let colour = green.mix(straw, dry * 0.75);
    let sunlit = dice.roll().powf(1.6) * mix(1.0, 0.55, near);
    let foot = colour * SKY * 0.30;
    [foot, colour * (SKY * 0.60 + SUN * (0.16 + 0.95 * sunlit))]
}

fn blade(canvas: &mut Canvas, foot: [f32; 2], near: f32, z: f32, dice: &mut Dice) {
    let lush = clump(foot[0], foot[1]);
    let length = mix(10.0, 34.0, near) * (0.70 + 0.5 * dice.roll() + 0.8 * lush).max(0.3);
    let lean = length * (0.12 + 0.42 * dice.bell());
    let half = mix(0.34, 0.85, near) * dice.range(0.7, 1.2);
    let [dark, bright] = blade_colour(dice, lush, near);
    let path: Vec<[f32; 3]> = (0..=5_u8)
        .map(|i| {
            let t = f32::from(i) / 5.0;
            let sag = 0.16 * lean.abs() * t * t;
            [foot[0] + lean * t * t, foot[1] - length * t + sag, half * (1.0 - t).powf(0.7)]
        })
        .collect();
    canvas.stroke(&path, z, |_, y| {
        let up = ((foot[1] - y) / length).clamp(0.0, 1.0);
        (dark.mix(bright, up), 1.0)
    });
}

fn flower(canvas: &mut Canvas, foot: [f32; 2], near: f32, dice: &mut Dice) {
    let length = mix(12.0, 34.0, near) * dice.range(0.8, 1.15);
    let top = [foot[0] + 0.2 * length * dice.bell(), foot[1] - length];
    let stem = v3(0.10, 0.13, 0.03);
    let half = mix(0.3, 0.6, near);
    canvas.stroke(&[[foot[0], foot[1], half], [top[0], top[1], half * 0.7]], NEAR, |_, _| (stem, 1.0));
    let kind = clump(foot[0] * 0.7 + 900.0, 2.0) + 0.35 * dice.bell();
    let (petal, heart) = if kind > 0.18 {
        (v3(0.95, 0.93, 0.86), v3(0.95, 0.55, 0.05))
    } else if kind > -0.12 {
        (v3(0.80, 0.10, 0.045), v3(0.06, 0.02, 0.02))
    } else {
        (v3(0.34, 0.20, 0.62), v3(0.85, 0.70, 0.20))
    };
    let size = mix(1.1, 3.1, near) * dice.range(0.8, 1.2);
    let tilt = dice.range(0.45, 0.9);
    for i in 0..6_u8 {
        let turn = f32::from(i) * 1.047 + dice.roll() * 0.4;
        let place = [top[0] + size * 0.75 * turn.cos(), top[1] + size * 0.75 * tilt * turn.sin()];
        let light = SKY * 0.9 + SUN * (0.16 + 0.26 * dice.roll());
        canvas.ellipse(place, [size * 0.62, size * 0.42], turn, NEAR, |_, _| (petal * light, 1.0));
    }
    canvas.ellipse(top, [size * 0.36, size * 0.30], 0.0, NEAR, |_, _| (heart * (SKY + SUN * 0.2), 1.0));
}

fn stones(canvas: &mut Canvas, dice: &mut Dice) {
    let mut places = Vec::new();
    for _ in 0..46 {
        let x = dice.range(-10.0, 430.0);
        let out = dice.roll();
        places.push((x, edge(x) + 4.0 - 34.0 * out * out, mix(21.0, 3.5, dice.roll().powf(0.4)) * (1.15 - 0.5 * out)));
    }
    places.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (x, y, size) in places {
        stone(canvas, [x, y], size, dice);
    }
}

/// A boulder that stands in the water: light from behind on the left, moss, a wet foot.
fn stone(canvas: &mut Canvas, [x, y]: [f32; 2], size: f32, dice: &mut Dice) {
    let noise = Noise((dice.roll() * 1e6) as u32);
    let flat = dice.range(0.50, 0.72);
    let tint = v3(0.30, 0.28, 0.27).mix(v3(0.24, 0.20, 0.17), dice.roll());
    let outline: Vec<[f32; 2]> = (0..40_u8)
        .map(|i| {
            let (sin, cos) = (f32::from(i) * std::f32::consts::TAU / 40.0).sin_cos();
            let r = size * (1.0 + 0.22 * noise.fractal(1.2 * cos, 1.2 * sin, 3));
            [x + r * cos, y + (r * flat * sin).min(0.30 * size)]
        })
        .collect();
    let reflection: Vec<[f32; 2]> =
        outline.iter().map(|p| [p[0], y + 0.30 * size + (y + 0.30 * size - p[1]) * 0.75]).collect();
    canvas.polygon(&reflection, NEAR, |_, py| (v3(0.018, 0.030, 0.034), 0.75 * smooth(1.35, 0.2, (py - y) / size)));
    canvas.polygon(&outline, NEAR, |px, py| {
        let (dx, dy) = ((px - x) / size, (py - y) / (size * flat));
        let rough = noise.fractal(px * 0.35, py * 0.45, 4);
        let normal = v3(dx + 0.35 * rough, -dy + 0.25 * rough, -(1.0 - (dx * dx + dy * dy).min(0.95)).sqrt()).unit();
        let sun = normal.dot(v3(-0.72, 0.62, 0.30)).max(0.0);
        let moss = smooth(0.05, 0.45, rough + 0.5 * normal.y - 0.25);
        let wet = smooth(0.30, 0.05, (py - y) / size);
        let colour = tint.mix(v3(0.10, 0.12, 0.03), moss * 0.7) * (1.0 + 0.5 * rough) * mix(0.35, 1.0, wet);
        (colour * (SUN * (0.75 * sun) + SKY * (0.50 + 0.35 * normal.y)), 1.0)
    });
}

fn reeds(canvas: &mut Canvas, dice: &mut Dice) {
    for _ in 0..130 {
        let x = 16.0 + 74.0 * dice.bell() * 0.8;
        let foot = [x, edge(x) + dice.range(-4.0, 14.0)];
        let length = dice.range(46.0, 108.0) * smooth(150.0, 40.0, (x - 10.0).abs());
        let lean = length * (0.10 + 0.16 * dice.bell());
        let light = dice.roll().powi(2);
        let colour = v3(0.115, 0.120, 0.035).mix(v3(0.25, 0.19, 0.07), dice.roll());
        let path: Vec<[f32; 3]> = (0..=6_u8)
            .map(|i| {
                let t = f32::from(i) / 6.0;
                [foot[0] + lean * t * t, foot[1] - length * t, 0.85 * (1.0 - 0.8 * t)]
            })
            .collect();
        canvas.stroke(&path, NEAR, |_, y| {
            let up = ((foot[1] - y) / length).clamp(0.0, 1.0);
            (colour * (SKY * mix(0.25, 0.6, up) + SUN * (0.10 + 0.45 * light) * up), 1.0)
        });
        if dice.roll() < 0.22 {
            let (tip, below) = (path[5], path[4]);
            let plume = [
                [below[0], below[1], 1.5],
                [0.5 * (below[0] + tip[0]), 0.5 * (below[1] + tip[1]), 1.9],
                [tip[0], tip[1], 1.1],
            ];
            canvas.stroke(&plume, NEAR, |_, _| (v3(0.10, 0.05, 0.022) * (SKY + SUN * 0.5), 1.0));
        }
    }
}
