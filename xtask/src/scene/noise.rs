//! Seeded noise and dice: the same seed draws the same picture.

use super::vector::mix;

/// Smooth random functions of the plane and of space, zero on average.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise(pub(crate) u32);

/// Turn and growth from one octave to the next: the turn hides the lattice, the growth avoids that lattices coincide.
const TURN: [f32; 2] = [0.8, 0.6];
const GROWTH: f32 = 2.03;

impl Noise {
    fn hash(self, x: i32, y: i32, z: i32) -> u32 {
        let mut h = self.0
            ^ (x as u32).wrapping_mul(0x9E37_79B1)
            ^ (y as u32).wrapping_mul(0x85EB_CA77)
            ^ (z as u32).wrapping_mul(0xC2B2_AE3D);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        h ^ (h >> 15)
    }

    /// Uniform in `[0, 1)` for each whole point.
    pub(crate) fn cell(self, x: i32, y: i32) -> f32 {
        unit(self.hash(x, y, 0))
    }

    /// Gradient noise of the plane, about `[-1, 1]`; features are 1 in size.
    pub(crate) fn plane(self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (ix, iy) = (fx as i32, fy as i32);
        let (dx, dy) = (x - fx, y - fy);
        let corner = |cx: i32, cy: i32| {
            let h = self.hash(ix + cx, iy + cy, 0);
            signed(h & 0xFFFF) * (dx - cx as f32) + signed(h >> 16) * (dy - cy as f32)
        };
        let (u, v) = (fade(dx), fade(dy));
        let low = mix(corner(0, 0), corner(1, 0), u);
        1.6 * mix(low, mix(corner(0, 1), corner(1, 1), u), v)
    }

    /// Gradient noise of space, about `[-1, 1]`.
    pub(crate) fn space(self, x: f32, y: f32, z: f32) -> f32 {
        let (fx, fy, fz) = (x.floor(), y.floor(), z.floor());
        let (ix, iy, iz) = (fx as i32, fy as i32, fz as i32);
        let (dx, dy, dz) = (x - fx, y - fy, z - fz);
        let corner = |cx: i32, cy: i32, cz: i32| {
            let h = self.hash(ix + cx, iy + cy, iz + cz);
            let part = |shift: u32| ((h >> shift) & 0x3FF) as f32 / 511.5 - 1.0;
            part(0) * (dx - cx as f32) + part(10) * (dy - cy as f32) + part(20) * (dz - cz as f32)
        };
        let (u, v, w) = (fade(dx), fade(dy), fade(dz));
        let face = |cz: i32| {
            let low = mix(corner(0, 0, cz), corner(1, 0, cz), u);
            mix(low, mix(corner(0, 1, cz), corner(1, 1, cz), u), v)
        };
        1.5 * mix(face(0), face(1), w)
    }

    /// Octaves of [`Noise::plane`], each half as strong: about `[-1, 1]`.
    pub(crate) fn fractal(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight) = (0.0, 0.5);
        for_octaves(self, x, y, octaves, |noise, x, y| {
            sum += weight * noise.plane(x, y);
            weight *= 0.5;
        });
        sum
    }

    /// Octaves of [`Noise::space`].
    pub(crate) fn fractal_space(self, p: [f32; 3], octaves: u32) -> f32 {
        let ([mut x, mut y, mut z], mut sum, mut weight) = (p, 0.0, 0.5);
        for octave in 0..octaves {
            sum += weight * Self(self.0.wrapping_add(octave)).space(x, y, z);
            weight *= 0.5;
            (x, z) = turned(x, z);
            y = y * GROWTH + 17.0;
        }
        sum
    }

    /// Sharp crests and smooth valleys in `[0, 1]`: details gather on the crests, as on real mountains.
    pub(crate) fn ridges(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut carry) = (0.0, 0.5, 1.0_f32);
        for_octaves(self, x, y, octaves, |noise, x, y| {
            let crest = 1.0 - noise.plane(x, y).abs().min(1.0);
            let crest = crest * crest * carry;
            carry = (crest * 1.5).clamp(0.0, 1.0);
            sum += weight * crest;
            weight *= 0.46;
        });
        sum
    }
}

fn for_octaves(noise: Noise, mut x: f32, mut y: f32, octaves: u32, mut f: impl FnMut(Noise, f32, f32)) {
    for octave in 0..octaves {
        f(Noise(noise.0.wrapping_add(octave)), x, y);
        (x, y) = turned(x, y);
    }
}

fn turned(x: f32, y: f32) -> (f32, f32) {
    let (x, y) = (TURN[0] * x - TURN[1] * y, TURN[1] * x + TURN[0] * y);
    (x * GROWTH + 31.0, y * GROWTH - 57.0)
}

fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

fn signed(bits: u32) -> f32 {
    bits as f32 / 32_767.5 - 1.0
}

fn unit(h: u32) -> f32 {
    (h >> 8) as f32 / 16_777_216.0
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `[0, 1)` (SplitMix64).
    pub(crate) fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        unit((z >> 32) as u32 ^ z as u32)
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        mix(low, high, self.roll())
    }

    /// Between -1 and 1, mostly near 0.
    pub(crate) fn bell(&mut self) -> f32 {
        self.roll() + self.roll() - self.roll() - self.roll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_balanced_continuous_and_repeatable() {
        let noise = Noise(5);
        let places = (0..4000_i16).map(|i| (f32::from(i) * 0.37, f32::from(i) * 0.11));
        let values: Vec<f32> = places.map(|(x, y)| noise.plane(x, y)).collect();
        assert!((values.iter().sum::<f32>() / 4000.0).abs() < 0.05);
        assert!(values.iter().all(|v| v.abs() < 1.7) && values.iter().any(|v| v.abs() > 0.6));
        assert!((noise.plane(2.999_9, 7.3) - noise.plane(3.000_1, 7.3)).abs() < 1e-3);
        assert!((noise.space(0.2, 4.0 - 1e-4, 1.0) - noise.space(0.2, 4.0 + 1e-4, 1.0)).abs() < 1e-2);
        assert_eq!(noise.fractal(1.5, 2.5, 5), Noise(5).fractal(1.5, 2.5, 5));
        assert_ne!(noise.fractal(1.5, 2.5, 5), Noise(6).fractal(1.5, 2.5, 5));
    }

    #[test]
    fn dice_are_even() {
        let mut dice = Dice::new(1);
        let rolls: Vec<f32> = (0..4000).map(|_| dice.roll()).collect();
        assert!(rolls.iter().all(|v| (0.0..1.0).contains(v)));
        assert!((rolls.iter().sum::<f32>() / 4000.0 - 0.5).abs() < 0.02);
    }
}
