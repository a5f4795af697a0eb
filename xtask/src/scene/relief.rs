//! The shape of the land: a few placed mountains, made of ridges upon ridges.

use super::noise::Noise;
use super::vector::smooth;

/// A mountain or a range: where it stands, how far it reaches, how high it is, in metres.
struct Massif {
    x: f32,
    z: f32,
    wide: f32,
    deep: f32,
    height: f32,
    /// From 0, a rounded hill, to 1, all crests.
    rugged: f32,
}

const fn massif(x: f32, z: f32, wide: f32, deep: f32, height: f32, rugged: f32) -> Massif {
    Massif { x, z, wide, deep, height, rugged }
}

/// Placed for the picture: the great peak right of the middle, lower ranges behind, wooded hills before them that open
/// towards the sun.
const MASSIFS: [Massif; 13] = [
    massif(700.0, 5600.0, 1750.0, 1500.0, 1240.0, 1.0),
    massif(1750.0, 5900.0, 1300.0, 1300.0, 980.0, 1.0),
    massif(-500.0, 6200.0, 1300.0, 1200.0, 760.0, 1.0),
    massif(3100.0, 6400.0, 1700.0, 1500.0, 1060.0, 1.0),
    massif(-2900.0, 9300.0, 2600.0, 1400.0, 760.0, 1.0),
    massif(-4600.0, 8200.0, 2300.0, 1500.0, 1050.0, 1.0),
    massif(-900.0, 9600.0, 2200.0, 1300.0, 700.0, 1.0),
    massif(900.0, 3300.0, 1150.0, 620.0, 235.0, 0.55),
    massif(2300.0, 3500.0, 1150.0, 800.0, 420.0, 0.6),
    massif(-2250.0, 3300.0, 1050.0, 850.0, 380.0, 0.6),
    massif(-950.0, 3900.0, 800.0, 500.0, 120.0, 0.5),
    massif(-900.0, 1350.0, 520.0, 420.0, 92.0, 0.4),
    massif(1200.0, 1700.0, 560.0, 520.0, 130.0, 0.4),
];

/// Heights of the land.
pub(crate) struct Relief {
    noise: Noise,
}

impl Relief {
    pub(crate) fn new(seed: u32) -> Self {
        Self { noise: Noise(seed) }
    }

    /// Height in metres above the lake; negative under water.
    pub(crate) fn height(&self, x: f32, z: f32) -> f32 {
        let noise = self.noise;
        let bend = 260.0 * noise.fractal(x * 0.0011, z * 0.0011, 3);
        let (wx, wz) = (x + bend, z + 0.8 * bend);
        let ridges = noise.ridges(wx * 0.00080, wz * 0.00080, 9);
        let rolling = noise.fractal(wx * 0.0016 + 3.0, wz * 0.0016, 6);
        let floor = -14.0 + 26.0 * smooth(2300.0, 3300.0, z + 500.0 * rolling);
        let mut height = floor;
        for m in &MASSIFS {
            let (dx, dz) = ((x + 0.6 * bend - m.x) / m.wide, (z - m.z) / m.deep);
            let near = (1.0 - (dx * dx + dz * dz).sqrt()).max(0.0);
            if near > 0.0 {
                let alpine = near.powf(1.05) * (0.55 + 0.70 * ridges);
                let hill = smooth(0.0, 1.0, near) * (0.85 + 0.55 * rolling + 0.18 * ridges);
                height = lift(height, floor + m.height * (hill + (alpine - hill) * m.rugged), 18.0);
            }
        }
        lift(height, self.headland(x, z), 2.0)
    }

    /// The near shore on the right, where the house stands.
    fn headland(&self, x: f32, z: f32) -> f32 {
        let wave = 9.0 * self.noise.fractal(x * 0.021 + 40.0, z * 0.021, 4);
        let inland = (x - 17.0 - 0.11 * (z - 150.0).max(0.0)) + wave;
        let front = (z - 137.0) * 0.55 + 0.4 * wave + 0.10 * inland;
        let back = (430.0 - z) * 0.35 + wave;
        let reach = inland.min(front).min(back);
        let bumps = 1.0 + 0.35 * self.noise.fractal(x * 0.05, z * 0.05, 4);
        if reach < 0.0 { reach * 0.4 } else { (0.16 * reach).min(2.2 + 0.055 * reach) * bumps }
    }
}

/// The higher of two, blended where they are within `width` of each other.
fn lift(a: f32, b: f32, width: f32) -> f32 {
    let h = (0.5 + 0.5 * (b - a) / width).clamp(0.0, 1.0);
    a + (b - a) * h + width * h * (1.0 - h) * 0.5
}
