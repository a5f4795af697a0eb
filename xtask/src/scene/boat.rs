//! A sailing boat.

use super::canvas::Canvas;
use super::light::{SKY, SUN};
use super::vector::{V3, mix, smooth, v3};
use super::view::View;

/// Where it sails: the middle of its waterline.
const PLACE: V3 = v3(-13.2, 0.0, 92.0);

/// Paints the boat; lengths are in metres from [`PLACE`], bow to the right.
pub(crate) fn paint(canvas: &mut Canvas, view: View) {
    let at = |x: f32, y: f32| view.project(PLACE + v3(x, y, 0.0));
    rigging(canvas, &at);
    main_sail(canvas, &at);
    jib(canvas, &at);
    crew(canvas, &at);
    hull(canvas, &at);
}

type At<'a> = &'a dyn Fn(f32, f32) -> [f32; 2];

fn line(canvas: &mut Canvas, at: At<'_>, from: (f32, f32), to: (f32, f32), half: f32, colour: V3) {
    let half = half * View::scale(PLACE.z);
    let path = [at(from.0, from.1), at(to.0, to.1)].map(|[x, y]| [x, y, half]);
    canvas.stroke(&path, PLACE.z, |_, _| (colour, 1.0));
}

fn rigging(canvas: &mut Canvas, at: At<'_>) {
    let wood = v3(0.34, 0.20, 0.10);
    line(canvas, at, (0.55, 0.8), (0.35, 10.9), 0.075, wood);
    line(canvas, at, (0.5, 1.75), (-3.9, 1.95), 0.07, wood);
    let rope = v3(0.10, 0.09, 0.09);
    line(canvas, at, (0.36, 10.7), (4.05, 1.2), 0.018, rope);
    line(canvas, at, (0.36, 10.7), (-3.5, 1.1), 0.018, rope);
}

/// A curve from `a` to `b` that swells sideways by `belly`.
fn swell(a: (f32, f32), b: (f32, f32), belly: f32, out: &mut Vec<(f32, f32)>) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    for i in 0..12_u8 {
        let t = f32::from(i) / 12.0;
        let bow = 4.0 * belly * t * (1.0 - t);
        out.push((a.0 + dx * t + dy * bow, a.1 + dy * t - dx * bow));
    }
}

fn main_sail(canvas: &mut Canvas, at: At<'_>) {
    let mut edge = Vec::new();
    swell((0.30, 1.95), (0.22, 10.6), 0.0, &mut edge);
    swell((0.22, 10.6), (-3.75, 2.1), 0.055, &mut edge);
    swell((-3.75, 2.1), (0.30, 1.95), 0.02, &mut edge);
    sail(canvas, at, &edge, (-3.75, 0.3), v3(1.0, 0.94, 0.84));
    for seam in [3.6, 5.2, 6.8, 8.3] {
        let reach = -3.9 * (10.6 - seam) / 8.6;
        line(canvas, at, (0.26, seam), (reach, seam - 0.35), 0.016, v3(0.50, 0.40, 0.33));
    }
}

fn jib(canvas: &mut Canvas, at: At<'_>) {
    let mut edge = Vec::new();
    swell((0.75, 9.4), (3.95, 1.55), -0.02, &mut edge);
    swell((3.95, 1.55), (0.62, 2.0), 0.04, &mut edge);
    swell((0.62, 2.0), (0.75, 9.4), -0.05, &mut edge);
    sail(canvas, at, &edge, (0.6, 3.9), v3(0.92, 0.40, 0.24));
}

/// Cloth with the low sun behind it: it glows where it is thin and bellied, and is shaded towards the mast.
fn sail(canvas: &mut Canvas, at: At<'_>, edge: &[(f32, f32)], (left, right): (f32, f32), cloth: V3) {
    let outline: Vec<[f32; 2]> = edge.iter().map(|&(x, y)| at(x, y)).collect();
    let (x0, x1) = (at(left, 0.0)[0], at(right, 0.0)[0]);
    let (y0, y1) = (at(0.0, 1.5)[1], at(0.0, 10.6)[1]);
    canvas.polygon(&outline, PLACE.z, |x, y| {
        let across = ((x - x0) / (x1 - x0)).clamp(0.0, 1.0);
        let up = ((y - y0) / (y1 - y0)).clamp(0.0, 1.0);
        let belly = smooth(0.0, 0.35, across) * smooth(1.0, 0.45, across);
        let fold = 0.05 * (across * 17.0 + up * 5.0).sin();
        let glow = mix(0.16, 0.40, belly) + 0.08 * up + fold * 0.6;
        (cloth * (SUN * glow + SKY * mix(0.62, 0.42, belly)), 1.0)
    });
}

fn crew(canvas: &mut Canvas, at: At<'_>) {
    let scale = View::scale(PLACE.z);
    for (x, coat) in [(-2.3, v3(0.42, 0.07, 0.05)), (-1.3, v3(0.05, 0.12, 0.24))] {
        let body = [at(x - 0.32, 0.7), at(x - 0.24, 1.75), at(x + 0.22, 1.75), at(x + 0.34, 0.7)];
        canvas.polygon(&body, PLACE.z, |_, _| (coat, 1.0));
        canvas.ellipse(at(x, 2.02), [0.21 * scale, 0.25 * scale], 0.0, PLACE.z, |_, _| (v3(0.50, 0.28, 0.18), 1.0));
    }
}

/// Gulls over the lake, wings half raised.
pub(crate) fn gulls(canvas: &mut Canvas) {
    for (x, y, span, bank) in [
        (322.0, 151.0, 6.5, 0.2),
        (338.0, 143.0, 5.0, -0.3),
        (309.0, 139.0, 4.2, 0.1),
        (356.0, 160.0, 4.6, 0.35),
        (232.0, 226.0, 4.4, -0.2),
    ] {
        let wing = |side: f32| {
            let tip = [x + side * span, y - span * (0.30 - side * bank), 0.15];
            let bend = [x + side * span * 0.48, y - span * (0.42 - side * bank * 0.6), 0.42];
            [[x, y, 0.55], bend, tip]
        };
        for path in [wing(-1.0), wing(1.0)] {
            canvas.stroke(&path, PLACE.z + 30.0, |_, _| (v3(0.10, 0.095, 0.12), 1.0));
        }
    }
}

fn hull(canvas: &mut Canvas, at: At<'_>) {
    let mut edge = Vec::new();
    swell((-3.9, 1.05), (4.2, 1.35), 0.035, &mut edge);
    swell((4.2, 1.35), (3.2, -0.12), 0.05, &mut edge);
    edge.extend([(3.2, -0.12), (-3.3, -0.12)]);
    let outline: Vec<[f32; 2]> = edge.iter().map(|&(x, y)| at(x, y)).collect();
    let (keel, rail) = (at(0.0, -0.1)[1], at(0.0, 1.2)[1]);
    canvas.polygon(&outline, PLACE.z, |_, y| {
        let up = (y - keel) / (rail - keel);
        let paint = if up > 0.76 {
            v3(0.52, 0.26, 0.10)
        } else if up > 0.26 {
            v3(0.74, 0.73, 0.70)
        } else {
            v3(0.07, 0.11, 0.17)
        };
        (paint * (SUN * 0.10 + SKY * mix(0.55, 0.95, up)), 1.0)
    });
}
