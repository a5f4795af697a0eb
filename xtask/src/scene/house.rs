//! A white house with a red roof on the headland, and its jetty.

use super::canvas::Canvas;
use super::light::{BOUNCE, SKY, SUN, lamp, through_air};
use super::noise::{Dice, Noise};
use super::pine::cast_shadow;
use super::terrain::Terrain;
use super::vector::{V3, smooth, v3};
use super::view::View;

/// Where it stands and how it is turned.
const X: f32 = 33.0;
const Z: f32 = 163.0;
const TURN: f32 = 0.62;
/// Half its length and width, height of the walls and of the ridge, in metres.
const LONG: f32 = 6.6;
const WIDE: f32 = 4.3;
const WALL: f32 = 4.6;
const RIDGE: f32 = 8.9;

/// The house, its foot on the ground.
pub(crate) struct House {
    pub(crate) foot: V3,
}

/// A flat side: points are `origin + right * u + up * v` in metres.
#[derive(Clone, Copy)]
struct Face {
    origin: V3,
    right: V3,
    up: V3,
    light: V3,
}

impl House {
    pub(crate) fn new(terrain: &Terrain) -> Self {
        Self { foot: v3(X, terrain.height(X, Z) - 0.2, Z) }
    }

    /// Whether a tree at this place would grow through it or hide it.
    pub(crate) fn claims(&self, p: V3) -> bool {
        let (dx, dz) = (p.x - self.foot.x * p.z / self.foot.z, p.z - self.foot.z);
        dx.abs() < 10.0 && (-19.0..9.0).contains(&dz) || dx.abs() < 8.0 && dz < 0.0
    }

    pub(crate) fn paint(&self, canvas: &mut Canvas, view: View) {
        let mut dice = Dice::new(77);
        for along in [-5.0, 0.0, 5.0] {
            cast_shadow(canvas, view, self.point(along, -WIDE, 0.2), 11.0);
        }
        let [gable, front] = [self.face(-LONG, WIDE, -LONG, -WIDE), self.face(-LONG, -WIDE, LONG, -WIDE)];
        self.walls(canvas, view, gable, front, &mut dice);
        self.roof(canvas, view, &mut dice);
        self.windows(canvas, view, gable, front);
        self.chimney(canvas, view);
    }

    /// A point given by its place along the house, across it, and above its foot.
    fn point(&self, along: f32, across: f32, up: f32) -> V3 {
        let (sin, cos) = TURN.sin_cos();
        self.foot + v3(along * cos - across * sin, up, along * sin + across * cos)
    }

    /// The wall that stands between two corners of the plan.
    fn face(&self, along0: f32, across0: f32, along1: f32, across1: f32) -> Face {
        let (origin, end) = (self.point(along0, across0, 0.0), self.point(along1, across1, 0.0));
        let right = (end - origin).unit();
        Face { origin, right, up: v3(0.0, 1.0, 0.0), light: lit(v3(right.z, 0.0, -right.x)) }
    }

    fn walls(&self, canvas: &mut Canvas, view: View, gable: Face, front: Face, dice: &mut Dice) {
        let plaster = v3(0.80, 0.77, 0.70);
        for (face, width) in [(gable, 2.0 * WIDE), (front, 2.0 * LONG)] {
            let boards = 14_u8;
            for i in 0..boards {
                let [low, high] = [i, i + 1].map(|i| WALL * f32::from(i) / f32::from(boards));
                // Rain and moss darken the wall near the ground.
                let stain = 0.72 + 0.28 * smooth(0.0, 1.4, low);
                let colour = plaster * face.light * (stain * dice.range(0.93, 1.04));
                face.patch(canvas, view, [0.0, width], [low, high + 0.02], colour);
            }
        }
        let top = self.point(-LONG, 0.0, RIDGE);
        let corners = [gable.at(0.0, WALL), gable.at(2.0 * WIDE, WALL), top].map(|p| view.project(p));
        let wood = v3(0.30, 0.17, 0.10) * gable.light;
        canvas.polygon(&corners, Z, |x, _| (wood * if (x * 1.4).fract() < 0.2 { 0.7 } else { 1.0 }, 1.0));
    }

    /// The slope towards the viewer, tile by tile.
    fn roof(&self, canvas: &mut Canvas, view: View, dice: &mut Dice) {
        let eave = 0.7;
        let corner = self.point(-LONG - eave, -WIDE - eave, WALL - 0.75);
        let end = self.point(LONG + eave, -WIDE - eave, WALL - 0.75);
        let ridge = self.point(-LONG - eave, 0.0, RIDGE);
        let (right, up) = ((end - corner).unit(), (ridge - corner).unit());
        let normal =
            v3(right.y * up.z - right.z * up.y, right.z * up.x - right.x * up.z, right.x * up.y - right.y * up.x);
        let face = Face { origin: corner, right, up, light: lit(normal * -1.0) + lit(v3(0.0, 1.0, 0.0)) * 0.15 };
        let length = (ridge - corner).dot(up);
        let width = 2.0 * (LONG + eave);
        let (rows, columns) = (15_u8, 30_u8);
        for row in 0..rows {
            for column in 0..columns {
                let tile = v3(0.50, 0.105, 0.050).mix(v3(0.36, 0.10, 0.07), dice.roll()) * dice.range(0.78, 1.15);
                let [v0, v1] = [row, row + 1].map(|i| length * f32::from(i) / f32::from(rows));
                let [u0, u1] = [column, column + 1].map(|i| width * f32::from(i) / f32::from(columns));
                face.patch(canvas, view, [u0, u1], [v0, v1], tile * face.light);
                face.patch(canvas, view, [u0, u1], [v0, v0 + 0.10], tile * face.light * 0.55);
            }
        }
        let board = v3(0.72, 0.66, 0.58) * lit(v3(-1.0, 0.0, -0.4).unit());
        self.beam(canvas, view, [corner, ridge], 0.22, board);
        self.beam(canvas, view, [self.point(-LONG - eave, WIDE + eave, WALL - 0.75), ridge], 0.22, board);
    }

    fn beam(&self, canvas: &mut Canvas, view: View, ends: [V3; 2], half: f32, colour: V3) {
        let path = ends.map(|p| {
            let [x, y] = view.project(p);
            [x, y, half * View::scale(p.z)]
        });
        canvas.stroke(&path, Z, |_, _| (veiled(colour), 1.0));
    }

    fn windows(&self, canvas: &mut Canvas, view: View, gable: Face, front: Face) {
        let glow = v3(2.3, 1.05, 0.22);
        let dusk = v3(0.10, 0.13, 0.19);
        for (u, lit) in [(1.6, true), (4.4, true), (10.6, false)] {
            front.window(canvas, view, u, 1.7, if lit { glow } else { dusk });
        }
        front.patch(canvas, view, [7.0, 8.3], [0.2, 2.9], v3(0.10, 0.22, 0.26) * front.light);
        gable.window(canvas, view, 2.2, 1.7, v3(0.55, 0.50, 0.48));
        gable.window(canvas, view, 5.4, 1.7, v3(0.50, 0.46, 0.46));
        gable.window(canvas, view, 3.7, 5.2, glow);
    }

    fn chimney(&self, canvas: &mut Canvas, view: View) {
        let at = |along: f32, across: f32, up: f32| view.project(self.point(along, across, up));
        let brick = v3(0.34, 0.17, 0.12);
        for (ends, normal) in
            [([(2.2, 0.6), (2.2, -0.6)], v3(-0.8, 0.0, -0.6)), ([(2.2, -0.6), (3.4, -0.6)], v3(0.5, 0.0, -0.8))]
        {
            let [(a0, c0), (a1, c1)] = ends;
            let colour = veiled(brick * lit(normal));
            canvas.polygon(
                &[at(a0, c0, RIDGE - 1.2), at(a0, c0, 10.6), at(a1, c1, 10.6), at(a1, c1, RIDGE - 1.2)],
                Z,
                |_, _| (colour, 1.0),
            );
        }
    }

    /// Smoke that rises and drifts away from the chimney.
    pub(crate) fn smoke(&self, canvas: &mut Canvas, view: View) {
        let noise = Noise(404);
        let colour = v3(0.50, 0.46, 0.50);
        for i in 0..90_u8 {
            let t = f32::from(i) / 89.0;
            let wave = noise.fractal(t * 3.0, 1.0, 3) * 5.0 * t;
            let p = self.point(2.8, 0.0, 10.8) + v3(9.0 * t * t + wave, 13.0 * t.powf(0.8), 0.0);
            let [x, y] = view.project(p);
            let size = (0.5 + 2.4 * t) * View::scale(Z);
            let thin = 0.085 * (1.0 - t) * smooth(0.0, 0.06, t);
            canvas.ellipse([x, y], [size, size * 0.8], t * 5.0, Z, |px, py| {
                let r = ((px - x).powi(2) + (py - y).powi(2)).sqrt() / size;
                (colour, thin * smooth(1.0, 0.2, r))
            });
        }
    }

    /// Planks on piles that lead from the shore into the lake.
    pub(crate) fn jetty(canvas: &mut Canvas, view: View) {
        let (start, end) = (v3(25.0, 1.1, 147.0), v3(10.5, 1.1, 133.0));
        let wood = v3(0.26, 0.19, 0.14);
        for i in 0..7_u8 {
            let p = start.mix(end, f32::from(i) / 6.0);
            for side in [-0.8, 0.8] {
                let q = p + v3(side * 0.7, 0.0, -side * 0.7);
                let ([x0, y0], [x1, y1]) = (view.project(v3(q.x, -0.1, q.z)), view.project(v3(q.x, 1.7, q.z)));
                let half = 0.13 * View::scale(q.z);
                let colour = veiled(wood * (SUN * 0.12 + SKY * 0.5));
                canvas.stroke(&[[x0, y0, half], [x1, y1, half]], q.z, |_, _| (colour, 1.0));
            }
        }
        let mut dice = Dice::new(5);
        let beam = [start, end].map(|p| view.project(p + v3(0.6, -0.15, -0.7))).map(|[x, y]| [x, y, 0.7]);
        let shaded = veiled(wood * (SUN * 0.05 + SKY * 0.45));
        canvas.stroke(&beam, end.z - 1.0, |_, _| (shaded, 1.0));
        for i in 0..60_u8 {
            let [a, b] = [f32::from(i) / 60.0, f32::from(i + 1) / 60.0].map(|t| start.mix(end, t));
            let out = v3(0.65, 0.0, -0.65);
            let corners = [a - out, a + out, b + out, b - out + v3(0.0, -0.15, 0.0)].map(|p| view.project(p));
            let colour = veiled(wood * (SUN * 0.42 + SKY * 0.8) * dice.range(0.7, 1.2));
            canvas.polygon(&corners, a.z - 1.0, |_, _| (colour, 1.0));
        }
    }
}

impl Face {
    fn at(&self, u: f32, v: f32) -> V3 {
        self.origin + self.right * u + self.up * v
    }

    fn patch(&self, canvas: &mut Canvas, view: View, [u0, u1]: [f32; 2], [v0, v1]: [f32; 2], colour: V3) {
        let corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1)].map(|(u, v)| view.project(self.at(u, v)));
        canvas.polygon(&corners, Z, |_, _| (veiled(colour), 1.0));
    }

    /// A window with its frame, bars and shutters, its lower left corner at `(u, v)`.
    fn window(&self, canvas: &mut Canvas, view: View, u: f32, v: f32, pane: V3) {
        let frame = v3(0.82, 0.80, 0.75) * self.light;
        let shutter = v3(0.07, 0.19, 0.16) * self.light;
        let (w, h) = (1.25, 1.6);
        self.patch(canvas, view, [u - 0.75, u - 0.1], [v - 0.05, v + h + 0.05], shutter);
        self.patch(canvas, view, [u + w + 0.1, u + w + 0.75], [v - 0.05, v + h + 0.05], shutter);
        self.patch(canvas, view, [u - 0.12, u + w + 0.12], [v - 0.14, v + h + 0.12], frame);
        self.patch(canvas, view, [u, u + w], [v, v + h], pane);
        self.patch(canvas, view, [u + 0.5 * w - 0.06, u + 0.5 * w + 0.06], [v, v + h], frame);
        self.patch(canvas, view, [u, u + w], [v + 0.95, v + 1.05], frame);
    }
}

/// Light on a surface.
fn lit(normal: V3) -> V3 {
    SUN * (0.78 * normal.dot(lamp()).max(0.0)) + SKY * (0.46 + 0.30 * normal.y) + BOUNCE * 0.8
}

fn veiled(colour: V3) -> V3 {
    through_air(colour, Z, 3.0, v3(X / Z, 0.0, 1.0).unit())
}
