//! The viewer: a camera on the bank, upright, and its mirror image below the lake.

use super::vector::{V3, v3};

/// The picture's size.
pub(crate) const WIDTH: f32 = 720.0;
/// See [`WIDTH`].
pub(crate) const HEIGHT: f32 = 480.0;
/// The row of the horizon.
pub(crate) const HORIZON: f32 = 262.0;
/// Distance at which a metre fills a pixel.
const FOCAL: f32 = 720.0;
/// Height of the eye above the lake, in metres.
pub(crate) const EYE: f32 = 9.0;

/// Where the scene is seen from. The lake shows what an eye as far below its surface would see, upside down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Direct,
    Mirrored,
}

/// A line of sight: it passes `(across * z, eye + rise * z, z)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) across: f32,
    pub(crate) rise: f32,
}

impl Sight {
    pub(crate) fn direction(self) -> V3 {
        v3(self.across, self.rise, 1.0).unit()
    }
}

impl View {
    /// Height of the eye.
    pub(crate) fn eye(self) -> f32 {
        match self {
            Self::Direct => EYE,
            Self::Mirrored => -EYE,
        }
    }

    fn sign(self) -> f32 {
        match self {
            Self::Direct => 1.0,
            Self::Mirrored => -1.0,
        }
    }

    /// Where a point appears.
    pub(crate) fn project(self, p: V3) -> [f32; 2] {
        let rise = (p.y - self.eye()) / p.z;
        let row = HORIZON - self.sign() * FOCAL * rise;
        [column(p.x / p.z), row]
    }

    /// What is seen at a place of the picture.
    pub(crate) fn sight(self, x: f32, y: f32) -> Sight {
        let rise = self.sign() * (HORIZON - y) / FOCAL;
        Sight { across: (x - 0.5 * WIDTH) / FOCAL, rise }
    }

    /// Size in pixels of a metre at distance `z`.
    pub(crate) fn scale(z: f32) -> f32 {
        FOCAL / z
    }
}

fn column(across: f32) -> f32 {
    0.5 * WIDTH + FOCAL * across
}
