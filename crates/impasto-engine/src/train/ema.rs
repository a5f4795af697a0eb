//! Exponential moving average of weights.

use crate::weights::Arrays;

/// An average of a module's arrays over the last steps.
#[derive(Debug, Clone, Default)]
pub struct Ema {
    arrays: Arrays,
}

impl Ema {
    /// Starts at `arrays`.
    pub fn new(arrays: Arrays) -> Self {
        Self { arrays }
    }

    /// Moves the average towards `arrays` by `1 - decay`. Early on the decay is lowered to `(1 + step) / (10 + step)`,
    /// so that the initial weights do not linger.
    pub fn update(&mut self, arrays: &Arrays, decay: f32, step: u64) {
        let decay = decay.min((1 + step) as f32 / (10 + step) as f32);
        for (name, array) in arrays {
            if let Some(average) = self.arrays.get_mut(name) {
                for (average, value) in average.values.iter_mut().zip(&array.values) {
                    *average += (value - *average) * (1.0 - decay);
                }
            }
        }
    }

    /// The averages.
    pub fn arrays(&self) -> &Arrays {
        &self.arrays
    }
}
