//! Figures of pictures that need no network.

mod checkerboard;
mod colour;
mod flicker;
mod seam;
mod ssim;

pub use checkerboard::checkerboard_score;
pub use colour::histogram_distance;
pub use flicker::{Flicker, flicker};
pub use seam::seam_score;
pub use ssim::{LEAST_SIDE as MS_SSIM_SIDE, ms_ssim, ssim};

use crate::error::{EngineError, Result};
use crate::tensor::{self, ImageTensor};

/// The least difference that files of eight bits can hold, as a floor under ratios.
const LEVEL: f64 = 1.0 / 255.0;

/// Values of pictures `[n, 3, h, w]`, plane after plane.
struct Planes {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl Planes {
    fn of(picture: ImageTensor) -> Result<Self> {
        let [n, _, height, width] = picture.dims();
        if n * height * width == 0 {
            return Err(EngineError::Caller("there is no picture to measure".into()));
        }
        Ok(Self { values: tensor::finite(picture)?, height, width })
    }

    /// Each `[h, w]`, row-major.
    fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.height * self.width)
    }

    /// How many planes there are.
    fn count(&self) -> usize {
        self.values.len() / (self.height * self.width)
    }

    /// That both sides have at least `least` pixels for what `what` names.
    fn at_least(&self, least: usize, what: &str) -> Result<()> {
        if self.height.min(self.width) >= least {
            return Ok(());
        }
        let size = format!("{} x {}", self.width, self.height);
        Err(EngineError::Caller(format!("{what} needs pictures of at least {least} pixels on a side, not {size}")))
    }
}
