//! The sky: cumulus that light travels through, and thin high streaks above.

use super::canvas::spread;
use super::light::{SUN, clear_sky, sun};
use super::noise::Noise;
use super::vector::{V3, mix, smooth, v3};
use super::view::{HEIGHT, HORIZON, Sight, View, WIDTH};

/// Heights of the cumulus layer, in kilometres.
const BASE: f32 = 1.05;
const TOP: f32 = 2.35;
/// Steps of a line of sight through the layer, and of a ray of light to the sun.
const STEPS: usize = 72;
const LIGHT_STEPS: [f32; 5] = [0.06, 0.14, 0.28, 0.5, 0.9];
/// How much a kilometre of the densest cloud absorbs.
const ABSORPTION: f32 = 9.0;

/// The sky by line of sight, painted once and looked up for the view and for its reflection.
pub(crate) struct Sky {
    width: usize,
    height: usize,
    colours: Vec<V3>,
}

impl Sky {
    /// Columns of the table beyond the picture's sides: reflections look further to the side.
    const MARGIN: f32 = 40.0;

    pub(crate) fn new(seed: u32) -> Self {
        let (width, height) = ((WIDTH + 2.0 * Self::MARGIN) as usize, HEIGHT as usize);
        let clouds = Clouds { shape: Noise(seed), drift: Noise(seed ^ 0x51A3), streaks: Noise(seed ^ 0x77) };
        let rows = spread(height, |row| {
            let y = HORIZON - row as f32;
            let sight = |column: usize| View::Direct.sight(column as f32 + 0.5 - Self::MARGIN, y);
            (0..width).map(|column| clouds.colour(sight(column), dither(column, row))).collect::<Vec<_>>()
        });
        let colours = rows.concat();
        Self { width, height, colours }
    }

    /// The colour along a line of sight; the horizon's below it.
    pub(crate) fn colour(&self, sight: Sight) -> V3 {
        let [x, y] = View::Direct.project(v3(sight.across, sight.rise.max(0.0) + View::Direct.eye(), 1.0));
        let limit = |v: f32, size: usize| v.clamp(0.0, size as f32 - 1.001);
        let (x, y) = (limit(x + Self::MARGIN - 0.5, self.width), limit(HORIZON - y, self.height));
        let (column, row) = (x as usize, y as usize);
        let at = |dx: usize, dy: usize| self.colours[(row + dy) * self.width + column + dx];
        let (fx, fy) = (x - column as f32, y - row as f32);
        at(0, 0).mix(at(1, 0), fx).mix(at(0, 1).mix(at(1, 1), fx), fy)
    }
}

struct Clouds {
    shape: Noise,
    drift: Noise,
    streaks: Noise,
}

impl Clouds {
    fn colour(&self, sight: Sight, dither: f32) -> V3 {
        let direction = sight.direction();
        let (streaks, cover) = self.high_streaks(direction);
        let sky = clear_sky(direction).mix(streaks, cover);
        let (light, through) = self.cumulus(sight, direction, dither);
        sky * through + light
    }

    /// Colour and cover of ice clouds eight kilometres up.
    fn high_streaks(&self, direction: V3) -> (V3, f32) {
        let reach = 8.0 / (direction.y + 0.03);
        let (x, z) = (direction.x * reach, direction.z * reach);
        let bend = 2.2 * self.drift.fractal(x * 0.05, z * 0.05, 3);
        let along = 0.35 * x + 0.94 * z;
        let across = 0.94 * x - 0.35 * z;
        let fibre = self.streaks.fractal(along * 0.045 + bend, across * 0.22 + 0.7 * bend, 6);
        let patch = self.drift.fractal(x * 0.03 + 9.0, z * 0.03, 2);
        let cover = smooth(-0.02, 0.62, fibre + 0.5 * patch) * smooth(0.02, 0.12, direction.y);
        let toward = direction.dot(sun()).max(0.0).powf(6.0);
        let lit = v3(0.56, 0.40, 0.40).mix(v3(1.2, 0.66, 0.34), toward);
        (lit, 0.50 * cover)
    }

    /// Light that cumulus sends along a line of sight, and the share of the sky's light that it lets through.
    fn cumulus(&self, sight: Sight, direction: V3, dither: f32) -> (V3, f32) {
        let climb = direction.y.max(0.012);
        let (from, to) = (BASE / climb, (TOP / climb).min(34.0));
        if from >= to {
            return (V3::default(), 1.0);
        }
        let step = (to - from) / STEPS as f32;
        let toward = direction.dot(sun()).max(0.0);
        let (mut light, mut through) = (V3::default(), 1.0_f32);
        for i in 0..STEPS {
            let reach = from + (i as f32 + dither) * step;
            let p = direction * reach;
            let density = self.density(p, sight, 5);
            if density <= 0.0 {
                continue;
            }
            let passed = (-density * ABSORPTION * step).exp();
            let here = through_distance(self.lit(p, sight, density, toward), reach, direction);
            light += here * (through * (1.0 - passed));
            through *= passed;
            if through < 0.02 {
                break;
            }
        }
        (light, through)
    }

    /// Colour of a bit of cloud: sunlight that reaches it through the rest, and the sky's light.
    fn lit(&self, p: V3, sight: Sight, density: f32, toward: f32) -> V3 {
        let way = v3(sun().x * 1.5, 0.16, sun().z * 0.55).unit();
        let (mut depth, mut before) = (0.0, 0.0);
        for reach in LIGHT_STEPS {
            depth += (reach - before) * self.density(p + way * reach, sight, 3).max(0.0);
            before = reach;
        }
        // Two rates: what is scattered many times goes deeper than a straight ray.
        let sunlight = 0.72 * (-depth * 7.0).exp() + 0.28 * (-depth * 1.6).exp();
        let lining = 1.0 + 2.2 * toward.powf(22.0);
        let height = ((p.y - BASE) / (TOP - BASE)).clamp(0.0, 1.0);
        let ambient = v3(0.070, 0.075, 0.135).mix(v3(0.13, 0.17, 0.28), height);
        let edge = 1.0 - 0.35 * (-density * 3.0).exp();
        SUN * (0.47 * sunlight * lining * edge) + ambient * (0.95 - 0.25 * density.min(1.0))
    }

    /// Density in `[0, 1]` or so; not positive outside clouds.
    fn density(&self, p: V3, sight: Sight, octaves: u32) -> f32 {
        let height = (p.y - BASE) / (TOP - BASE);
        if !(0.0..1.0).contains(&height) {
            return 0.0;
        }
        let bank = self.drift.fractal(p.x * 0.16 + 3.7, p.z * 0.11, 3) + arrangement(sight);
        let profile = smooth(0.0, 0.10, height) * (1.0 - height * height);
        let low = 0.9 * bank + 0.42 * profile - 0.42;
        if low < -0.65 {
            return 0.0;
        }
        let puffs = self.shape.fractal_space([p.x * 0.62, p.y * 0.95, p.z * 0.50], 3);
        let mut body = low + 0.95 * puffs * mix(0.7, 1.15, height);
        if body > -0.2 && octaves > 3 {
            // Small billows, cut into the edges only.
            let billows = self.shape.fractal_space([p.x * 3.7, p.y * 4.6, p.z * 3.1], 3);
            body += 0.42 * (billows.abs() - 0.13) * smooth(0.45, 0.05, body.abs());
        }
        (body * 2.6).min(1.0) * smooth(0.0, 0.07, height)
    }
}

/// Where the composition wants clouds: a bank at the upper right, a shelf above the sun, air between.
fn arrangement(sight: Sight) -> f32 {
    let Sight { across, rise } = sight;
    let bump = |x: f32, y: f32, w: f32, h: f32| {
        let (dx, dy) = ((across - x) / w, (rise - y) / h);
        (-(dx * dx + dy * dy)).exp()
    };
    0.34 * bump(0.34, 0.23, 0.22, 0.10) + 0.26 * bump(-0.36, 0.19, 0.22, 0.05)
        - 0.30 * bump(-0.10, 0.27, 0.18, 0.10)
        - 0.35 * bump(-0.25, 0.07, 0.12, 0.05)
}

/// Where within a step a line of sight begins: without it the steps would show as bands.
fn dither(column: usize, row: usize) -> f32 {
    Noise(7).cell(column as i32, row as i32)
}

/// Clouds far away take the colour of the air.
fn through_distance(colour: V3, kilometres: f32, direction: V3) -> V3 {
    let haze = clear_sky(v3(direction.x, direction.y.max(0.03), direction.z).unit()).map(|c| c.min(1.3));
    haze.mix(colour, (-kilometres / 26.0).exp())
}
