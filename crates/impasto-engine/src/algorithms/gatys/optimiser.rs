//! What the two optimisers have in common, and Adam.

use super::vector::dot;
use crate::error::Result;

/// Computes the value at `x` and writes the gradient.
pub(super) type Evaluate<'a> = dyn FnMut(&[f32], &mut [f32]) -> Result<f64> + 'a;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// At a new point.
    Moved,
    /// Nothing better within the precision of the numbers.
    Converged,
    /// The value or the gradient is not finite; the best point is still good.
    NotFinite,
}

/// Minimises a function of a vector step by step.
pub(super) trait Optimiser {
    /// One step. An error from `evaluate` is passed on, and the best point is still good.
    fn step(&mut self, evaluate: &mut Evaluate<'_>) -> Result<Outcome>;

    /// The best point so far; the start before the first step.
    fn best(&self) -> &[f32];
}

/// Decay of the first and second moment.
const DECAY: [f32; 2] = [0.9, 0.99];
/// Share of the rate that is left at the last step.
const LAST_RATE: f32 = 0.1;

/// Adam (Kingma and Ba 2015) with a rate that falls by a cosine, clamped to a box.
pub(super) struct Adam {
    x: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    best: Vec<f32>,
    best_value: f64,
    bounds: [f32; 2],
    rate: f32,
    step: i32,
    steps: i32,
}

impl Adam {
    /// Starts at `x`, clamped to the bounds, for `steps` steps.
    pub(super) fn new(mut x: Vec<f32>, bounds: [f32; 2], rate: f32, steps: u32) -> Self {
        x.iter_mut().for_each(|v| *v = v.clamp(bounds[0], bounds[1]));
        let zeros = vec![0.0; x.len()];
        Self {
            best: x.clone(),
            x,
            first: zeros.clone(),
            second: zeros,
            best_value: f64::INFINITY,
            bounds,
            rate,
            step: 0,
            steps: i32::try_from(steps).unwrap_or(i32::MAX).max(1),
        }
    }
}

impl Optimiser for Adam {
    fn step(&mut self, evaluate: &mut Evaluate<'_>) -> Result<Outcome> {
        let mut gradient = vec![0.0; self.x.len()];
        let value = evaluate(&self.x, &mut gradient)?;
        if !value.is_finite() || !dot(&gradient, &gradient).is_finite() {
            return Ok(Outcome::NotFinite);
        }
        if value < self.best_value {
            self.best_value = value;
            self.best.copy_from_slice(&self.x);
        }
        let done = (self.step as f32 / self.steps as f32).min(1.0);
        self.step = self.step.saturating_add(1);
        let cosine = 0.5 * (1.0 + (std::f32::consts::PI * done).cos());
        let rate = self.rate * (LAST_RATE + (1.0 - LAST_RATE) * cosine);
        let bias = DECAY.map(|decay| 1.0 - decay.powi(self.step));
        let [low, high] = self.bounds;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((x, g), (first, second)) in self.x.iter_mut().zip(gradient).zip(moments) {
            *first += (1.0 - DECAY[0]) * (g - *first);
            *second += (1.0 - DECAY[1]) * (g * g - *second);
            let change = (*first / bias[0]) / ((*second / bias[1]).sqrt() + 1e-8);
            *x = (*x - rate * change).clamp(low, high);
        }
        Ok(Outcome::Moved)
    }

    fn best(&self) -> &[f32] {
        &self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_finds_a_minimum_within_the_box() {
        let wanted = [0.7, -0.5, 0.2];
        let mut adam = Adam::new(vec![0.1, 0.9, 0.5], [0.0, 1.0], 0.05, 200);
        for _ in 0..200 {
            let outcome = adam.step(&mut |x, gradient| {
                let off: Vec<f32> = x.iter().zip(wanted).map(|(x, w)| x - w).collect();
                gradient.iter_mut().zip(&off).for_each(|(g, off)| *g = 2.0 * off);
                Ok(off.iter().map(|v| f64::from(v * v)).sum())
            });
            assert_eq!(outcome.unwrap(), Outcome::Moved);
        }
        for (found, wanted) in adam.best().iter().zip([0.7, 0.0, 0.2]) {
            assert!((found - wanted).abs() < 5e-3, "{:?}", adam.best());
        }
    }

    #[test]
    fn adam_keeps_its_best_point_when_values_stop_being_finite() {
        let mut adam = Adam::new(vec![0.5], [0.0, 1.0], 0.05, 10);
        let mut values = [1.0, 0.5, f64::NAN].into_iter();
        let mut step = || {
            adam.step(&mut |_, g| {
                g[0] = 1.0;
                Ok(values.next().unwrap())
            })
        };
        assert_eq!(step().unwrap(), Outcome::Moved);
        assert_eq!(step().unwrap(), Outcome::Moved);
        assert_eq!(step().unwrap(), Outcome::NotFinite);
        assert!((adam.best()[0] - 0.45).abs() < 1e-6, "{:?}", adam.best());
    }
}
