//! L-BFGS within a box, over a flat vector in memory (Nocedal 1980; Liu and Nocedal 1989).
//!
//! burn's own L-BFGS does not serve here: it evaluates the present point again at every step (a second pass through the
//! network for each), sums dot products over millions of pixels in f32, and knows neither bounds nor a way to stop
//! between two evaluations.
//!
//! The box is kept by projection: pixels at a bound that the gradient pushes outwards leave the quasi-Newton model for
//! the step, the others move along a direction that is clamped to the box (Bertsekas 1982). The line search asks for
//! the weak Wolfe conditions along that path by bracketing (Lewis and Overton 2013), within a budget of evaluations.

use std::collections::VecDeque;

use super::optimiser::{Evaluate, Optimiser, Outcome};
use super::vector::{add_scaled, dot, dot_in, largest};
use crate::error::Result;

/// Sufficient decrease (Armijo), as a share of what the slope promises.
const DECREASE: f64 = 1e-4;
/// The slope has to rise to this share of the initial one.
const CURVATURE: f64 = 0.9;

/// Settings of [`Lbfgs`].
#[derive(Debug, Clone, Copy)]
pub(super) struct LbfgsSettings {
    /// Steps remembered.
    pub(super) history: usize,
    /// Evaluations of one line search, at least 1.
    pub(super) evaluations: usize,
    /// Largest change of a value by the very first trial.
    pub(super) first_move: f32,
    /// Lower and upper bound of every value.
    pub(super) bounds: [f32; 2],
}

impl Default for LbfgsSettings {
    fn default() -> Self {
        Self { history: 10, evaluations: 8, first_move: 0.02, bounds: [0.0, 1.0] }
    }
}

/// A step and the change of the gradient over it.
struct Pair {
    step: Vec<f32>,
    change: Vec<f32>,
}

/// A point with its value and gradient.
struct Point {
    x: Vec<f32>,
    value: f64,
    gradient: Vec<f32>,
}

/// The optimiser.
pub(super) struct Lbfgs {
    settings: LbfgsSettings,
    at: Point,
    evaluated: bool,
    pairs: VecDeque<Pair>,
}

/// How a line search ended without a better point.
enum Failure {
    NotFinite,
    NoDecrease,
}

impl Lbfgs {
    /// Starts at `x`, clamped to the bounds.
    pub(super) fn new(mut x: Vec<f32>, settings: LbfgsSettings) -> Self {
        let [low, high] = settings.bounds;
        x.iter_mut().for_each(|v| *v = v.clamp(low, high));
        let gradient = vec![0.0; x.len()];
        Self { settings, at: Point { x, value: f64::INFINITY, gradient }, evaluated: false, pairs: VecDeque::new() }
    }

    /// 1 where a value may move, 0 where it is at a bound that the gradient pushes it through.
    fn free(&self) -> Vec<f32> {
        let [low, high] = self.settings.bounds;
        let blocked = |x: f32, g: f32| (x <= low && g > 0.0) || (x >= high && g < 0.0);
        self.at.x.iter().zip(&self.at.gradient).map(|(&x, &g)| if blocked(x, g) { 0.0 } else { 1.0 }).collect()
    }

    /// The quasi-Newton direction among the free values, by the two-loop recursion; the steepest descent without
    /// usable history. Says whether there was any.
    fn direction(&self, free: &[f32]) -> (Vec<f32>, bool) {
        let mut d: Vec<f32> = self.at.gradient.iter().zip(free).map(|(g, f)| -g * f).collect();
        let mut passed = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let curvature = dot_in(&pair.step, &pair.change, free);
            if curvature <= 0.0 {
                continue; // a pair may lose its curvature on the free values alone
            }
            let alpha = dot(&pair.step, &d) / curvature;
            add_scaled(&mut d, -alpha, &pair.change, free);
            passed.push((pair, curvature, alpha));
        }
        if let Some((pair, curvature, _)) = passed.first() {
            let scale = (curvature / dot_in(&pair.change, &pair.change, free)) as f32;
            d.iter_mut().for_each(|v| *v *= scale);
        }
        let modelled = !passed.is_empty();
        for (pair, curvature, alpha) in passed.into_iter().rev() {
            let beta = dot(&pair.change, &d) / curvature;
            add_scaled(&mut d, alpha - beta, &pair.step, free);
        }
        (d, modelled)
    }

    /// Finds a point along the clamped path `x + t d` that fulfils the weak Wolfe conditions, or the best that
    /// decreases sufficiently when the budget runs out.
    fn search(&self, d: &[f32], slope: f64, first: f64, evaluate: &mut Evaluate<'_>) -> Result<Result<Point, Failure>> {
        let [low_bound, high_bound] = self.settings.bounds;
        let start = &self.at;
        let mut t = first;
        // The lower end of the bracket fulfils the decrease and has a slope that is still too steep.
        let (mut low, mut low_value, mut low_slope) = (0.0, start.value, slope);
        let mut high: Option<f64> = None;
        let mut best: Option<Point> = None;
        let mut failure = Failure::NoDecrease;
        for _ in 0..self.settings.evaluations.max(1) {
            let x: Vec<f32> =
                start.x.iter().zip(d).map(|(&x, &d)| (x + t as f32 * d).clamp(low_bound, high_bound)).collect();
            let mut gradient = vec![0.0; x.len()];
            let value = evaluate(&x, &mut gradient)?;
            let arc = arc_slope(&x, &gradient, d, self.settings.bounds);
            if !value.is_finite() || !arc.is_finite() {
                failure = Failure::NotFinite;
                high = Some(t);
                t = low + 0.1 * (t - low);
                continue;
            }
            let promised = promised(&start.gradient, &x, &start.x);
            if value > start.value + DECREASE * promised {
                high = Some(t);
                t = interpolate(low, low_value, low_slope, t, value);
                continue;
            }
            let done = arc >= CURVATURE * slope;
            if best.as_ref().is_none_or(|best| value <= best.value) {
                best = Some(Point { x, value, gradient });
            }
            if done {
                break;
            }
            (low, low_value, low_slope) = (t, value, arc);
            t = high.map_or(2.0 * t, |high| 0.5 * (low + high));
        }
        Ok(best.ok_or(failure))
    }

    /// Moves to `next` and remembers the step.
    fn advance(&mut self, next: Point) {
        let difference = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let pair =
            Pair { step: difference(&next.x, &self.at.x), change: difference(&next.gradient, &self.at.gradient) };
        // Only pairs of clearly positive curvature keep the model positive definite.
        if dot(&pair.step, &pair.change) > 1e-10 * dot(&pair.change, &pair.change) {
            if self.pairs.len() == self.settings.history {
                self.pairs.pop_front();
            }
            self.pairs.push_back(pair);
        }
        self.at = next;
    }
}

impl Optimiser for Lbfgs {
    fn step(&mut self, evaluate: &mut Evaluate<'_>) -> Result<Outcome> {
        if !self.evaluated {
            self.at.value = evaluate(&self.at.x, &mut self.at.gradient)?;
            if !self.at.value.is_finite() || !dot(&self.at.gradient, &self.at.gradient).is_finite() {
                return Ok(Outcome::NotFinite);
            }
            self.evaluated = true;
        }
        let free = self.free();
        loop {
            let (d, modelled) = self.direction(&free);
            let slope = dot(&self.at.gradient, &d);
            let reach = largest(&d);
            if !modelled && (reach == 0.0 || slope == 0.0) {
                return Ok(Outcome::Converged);
            }
            if slope < 0.0 && slope.is_finite() && reach.is_finite() {
                let first = if modelled { 1.0 } else { f64::from(self.settings.first_move / reach) };
                match self.search(&d, slope, first, evaluate)? {
                    Ok(next) => {
                        self.advance(next);
                        return Ok(Outcome::Moved);
                    }
                    Err(Failure::NotFinite) if !modelled => return Ok(Outcome::NotFinite),
                    Err(Failure::NoDecrease) if !modelled => return Ok(Outcome::Converged),
                    Err(_) => {}
                }
            } else if !modelled {
                return Ok(Outcome::NotFinite);
            }
            self.pairs.clear(); // the model has gone wrong here: once more along the steepest descent
        }
    }

    fn best(&self) -> &[f32] {
        &self.at.x
    }
}

/// What the gradient at the start promises for the clamped move from `from` to `to`.
fn promised(gradient: &[f32], to: &[f32], from: &[f32]) -> f64 {
    gradient.iter().zip(to.iter().zip(from)).map(|(&g, (&to, &from))| f64::from(g) * f64::from(to - from)).sum()
}

/// The slope along the clamped path: values held at a bound do not move.
fn arc_slope(x: &[f32], gradient: &[f32], d: &[f32], [low, high]: [f32; 2]) -> f64 {
    let moving = |x: f32, d: f32| !((x <= low && d < 0.0) || (x >= high && d > 0.0));
    let terms = x.iter().zip(gradient.iter().zip(d));
    terms.map(|(&x, (&g, &d))| if moving(x, d) { f64::from(g) * f64::from(d) } else { 0.0 }).sum()
}

/// The minimum of the parabola through value and slope at `low` and the value at `high`, kept off both ends.
fn interpolate(low: f64, low_value: f64, low_slope: f64, high: f64, high_value: f64) -> f64 {
    let width = high - low;
    let rise = high_value - low_value - low_slope * width;
    let share = if rise > 0.0 { -0.5 * low_slope * width / rise } else { 0.5 };
    low + width * share.clamp(0.1, 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: [f32; 2] = [-1e6, 1e6];

    /// Steps until the value is below `enough`: the best point, the evaluations it took, and the value after each step.
    fn run(
        start: &[f32],
        bounds: [f32; 2],
        (steps, enough): (usize, f64),
        f: impl Fn(&[f64]) -> (f64, Vec<f64>),
    ) -> (Vec<f32>, usize, Vec<f64>) {
        let mut evaluations = 0;
        let mut values = Vec::new();
        let mut lbfgs =
            Lbfgs::new(start.to_vec(), LbfgsSettings { first_move: 0.5, bounds, ..LbfgsSettings::default() });
        for _ in 0..steps {
            let outcome = lbfgs
                .step(&mut |x, gradient| {
                    evaluations += 1;
                    let (value, g) = f(&x.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
                    gradient.iter_mut().zip(g).for_each(|(to, from)| *to = from as f32);
                    Ok(value)
                })
                .unwrap();
            values.push(lbfgs.at.value);
            if outcome != Outcome::Moved || lbfgs.at.value < enough {
                break;
            }
        }
        (lbfgs.best().to_vec(), evaluations, values)
    }

    fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
        let mut value = 0.0;
        let mut gradient = vec![0.0; x.len()];
        for i in 0..x.len() - 1 {
            let (bend, off) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
            value += 100.0 * bend * bend + off * off;
            gradient[i] += -400.0 * bend * x[i] - 2.0 * off;
            gradient[i + 1] += 200.0 * bend;
        }
        (value, gradient)
    }

    #[test]
    fn rosenbrock_is_solved_in_two_and_in_twenty_dimensions() {
        for dimensions in [2, 20] {
            let start: Vec<f32> = (0..dimensions).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
            let (x, evaluations, values) = run(&start, WIDE, (400, 1e-7), rosenbrock);
            assert!(x.iter().all(|v| (v - 1.0).abs() < 5e-3), "{x:?} after {evaluations} evaluations");
            assert!(evaluations < 200 && evaluations < 2 * values.len(), "{evaluations} for {} steps", values.len());
        }
    }

    #[test]
    fn an_ill_conditioned_quadratic_falls_monotonically_to_its_minimum() {
        let f = |x: &[f64]| {
            let scale = |i: usize| 10f64.powf(4.0 * i as f64 / 49.0);
            let value = x.iter().enumerate().map(|(i, x)| 0.5 * scale(i) * (x - 0.3) * (x - 0.3)).sum();
            (value, x.iter().enumerate().map(|(i, x)| scale(i) * (x - 0.3)).collect())
        };
        let start = [0.9; 50];
        let least = 1e-6 * f(&[0.9; 50]).0;
        let (_, evaluations, values) = run(&start, WIDE, (300, least), f);
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0]), "{values:?}");
        assert!(*values.last().unwrap() < least, "{:?}", values.last());
        // Little more than one evaluation a step: the network's passes are what costs.
        assert!(evaluations as f64 <= 1.3 * values.len() as f64, "{evaluations} for {} steps", values.len());
    }

    #[test]
    fn the_bounds_hold_and_the_constrained_minimum_is_found() {
        // The free minimum (2, -1, 0.5) lies outside; coupling moves the constrained one of the third value.
        let f = |x: &[f64]| {
            let (a, b, c) = (x[0] - 2.0, x[1] + 1.0, x[2] - 0.5 + 0.5 * (x[0] - 2.0));
            (a * a + b * b + c * c, vec![2.0 * a + c, 2.0 * b, 2.0 * c])
        };
        let (x, _, _) = run(&[0.2, 0.8, 0.1], [0.0, 1.0], (50, 0.0), f);
        assert!(x.iter().all(|v| (0.0..=1.0).contains(v)), "{x:?}");
        for (found, wanted) in x.iter().zip([1.0, 0.0, 1.0]) {
            assert!((found - wanted).abs() < 1e-3, "{x:?}");
        }
    }

    #[test]
    fn values_that_are_not_finite_shorten_the_step_or_end_the_search() {
        // Defined for x < 0.5 only, minimum at 0.4.
        let f = |x: &[f64]| {
            let value = if x[0] < 0.5 { (x[0] - 0.4) * (x[0] - 0.4) } else { f64::NAN };
            (value, vec![2.0 * (x[0] - 0.4)])
        };
        let (x, _, _) = run(&[0.1], [0.0, 1.0], (30, 0.0), f);
        assert!((x[0] - 0.4).abs() < 1e-3, "{x:?}");

        let mut lbfgs = Lbfgs::new(vec![0.5], LbfgsSettings::default());
        let outcome = lbfgs.step(&mut |_, _| Ok(f64::NAN)).unwrap();
        assert_eq!(outcome, Outcome::NotFinite);
        assert_eq!(lbfgs.best(), [0.5]);
    }
}
