//! A classifier for few examples and many features, with what it would have said of each had it not seen it.

use super::Embeddings;
use crate::error::{EngineError, Result};

/// Weight of the squared weights, where features are scaled so that vectors have length 1 in the mean.
const PENALTY: f64 = 0.1;

/// Variance below which a feature says nothing: standardised, its roundings would outweigh all others.
const CONSTANT: f64 = 1e-6;

/// Fewest examples of a class.
const FEWEST: usize = 3;

/// Ridge regression of class membership (0 or 1) on standardised features, classes weighted alike however many examples
/// they have (Hoerl and Kennard 1970; as a classifier: Rifkin et al. 2003). Scores become probabilities by one
/// temperature (Guo et al. 2017), fitted to the scores of left-out examples, which have a closed form: with `h_i` the
/// leverage of an example, its residual when left out is its residual divided by `1 - h_i`.
#[derive(Debug, Clone)]
pub struct RidgeClassifier {
    mean: Vec<f64>,
    /// What standardised features are multiplied with.
    scale: Vec<f64>,
    /// For each class a weight for each feature, and a constant.
    weights: Vec<Vec<f64>>,
    temperature: f64,
    /// Scores of the examples, each when left out.
    held_out: Vec<Vec<f64>>,
}

impl RidgeClassifier {
    /// Fits to examples, one a row, with `labels` below `classes`. Work is `examples * width^2 + width^3`.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for fewer than two classes, fewer than three examples of one, or labels that do not fit.
    pub fn fit(examples: &Embeddings, labels: &[usize], classes: usize) -> Result<Self> {
        let counts: Vec<usize> = (0..classes).map(|class| labels.iter().filter(|&&l| l == class).count()).collect();
        if classes < 2 || labels.len() != examples.len() || counts.iter().sum::<usize>() != labels.len() {
            return Err(EngineError::Caller(
                "a classifier needs at least two classes and a label for each example".into(),
            ));
        }
        if let Some(class) = counts.iter().position(|&count| count < FEWEST) {
            let text = format!("class {} has {} examples; at least {FEWEST} are needed", class + 1, counts[class]);
            return Err(EngineError::Caller(text));
        }
        let (mean, scale) = standard(examples);
        let rows: Vec<Vec<f64>> = examples.rows().map(|row| scaled(row, &mean, &scale)).collect();
        let share = |label: &usize| labels.len() as f64 / (classes * counts[*label]) as f64;
        let shares: Vec<f64> = labels.iter().map(share).collect();
        let factor = Cholesky::of_normal_matrix(&rows, &shares, PENALTY);
        let mut weights = Vec::with_capacity(classes);
        for class in 0..classes {
            let mut sum = vec![0.0; rows[0].len()];
            for ((row, share), _) in rows.iter().zip(&shares).zip(labels).filter(|(_, label)| **label == class) {
                sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += share * v);
            }
            weights.push(factor.solve(sum));
        }
        let held_out = rows.iter().zip(&shares).zip(labels).map(|((row, share), &label)| {
            let half = factor.forward(row.clone());
            let leverage = share * half.iter().map(|v| v * v).sum::<f64>();
            let left_out = |(class, weights): (usize, &Vec<f64>)| {
                let truth = f64::from(u8::from(class == label));
                truth - (truth - dot(row, weights)) / (1.0 - leverage)
            };
            weights.iter().enumerate().map(left_out).collect()
        });
        let held_out: Vec<Vec<f64>> = held_out.collect();
        let temperature = temperature(&held_out, labels, &shares);
        Ok(Self { mean, scale, weights, temperature, held_out })
    }

    /// The probabilities that each example had, left out when the classifier was fitted (the temperature is everyone's).
    pub fn held_out(&self) -> Vec<Vec<f64>> {
        self.held_out.iter().map(|scores| softmax(scores, self.temperature)).collect()
    }

    /// The probability of each class; they sum to 1.
    pub fn probabilities(&self, vector: &[f32]) -> Vec<f64> {
        softmax(&self.scores(vector), self.temperature)
    }

    /// How the logarithm of a class's odds against all others changes with each feature of a vector, per unit of it.
    pub fn gradient(&self, vector: &[f32], class: usize) -> Vec<f64> {
        let others = softmax_without(&self.scores(vector), self.temperature, class);
        let slope = |feature: usize| {
            let against: f64 = others.iter().zip(&self.weights).map(|(p, weights)| p * weights[feature]).sum();
            (self.weights[class][feature] - against) * self.scale[feature] / self.temperature
        };
        (0..self.mean.len()).map(slope).collect()
    }

    fn scores(&self, vector: &[f32]) -> Vec<f64> {
        let row = scaled(vector, &self.mean, &self.scale);
        self.weights.iter().map(|weights| dot(&row, weights)).collect()
    }
}

/// One over the deviation of every feature and the root of their number: what distances weigh differences with, so that
/// they come out in deviations. 0 for features that do not change.
pub(crate) fn standard_scale(examples: &Embeddings) -> Vec<f64> {
    standard(examples).1
}

/// The mean of every feature, and one over its deviation and the root of their number.
fn standard(examples: &Embeddings) -> (Vec<f64>, Vec<f64>) {
    let (n, width) = (examples.len() as f64, examples.width());
    let mut mean = vec![0.0; width];
    for row in examples.rows() {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let mut variance = vec![0.0; width];
    for row in examples.rows() {
        variance.iter_mut().zip(row).zip(&mean).for_each(|((s, &v), m)| *s += (f64::from(v) - m).powi(2) / n);
    }
    let scale = |v: &f64| if *v > CONSTANT { 1.0 / (v * width as f64).sqrt() } else { 0.0 };
    (mean, variance.iter().map(scale).collect())
}

/// Standardised features and the constant 1.
fn scaled(row: &[f32], mean: &[f64], scale: &[f64]) -> Vec<f64> {
    let features = row.iter().zip(mean).zip(scale).map(|((&v, m), s)| (f64::from(v) - m) * s);
    features.chain(std::iter::once(1.0)).collect()
}

fn softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| ((s - most) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

fn softmax_without(scores: &[f64], temperature: f64, class: usize) -> Vec<f64> {
    let mut scores = scores.to_vec();
    scores[class] = f64::NEG_INFINITY;
    softmax(&scores, temperature)
}

/// The temperature of the least mean logarithmic loss, classes weighted alike; golden section over its logarithm. One of
/// `n + 2` labels is taken to be wrong (Platt 1999), so that classes told apart without an error are not said to be certain.
fn temperature(scores: &[Vec<f64>], labels: &[usize], shares: &[f64]) -> f64 {
    let doubt = 1.0 / (labels.len() + 2) as f64;
    let loss = |log: f64| -> f64 {
        let one = |((scores, &label), share): ((&Vec<f64>, &usize), &f64)| {
            let target = |class| if class == label { 1.0 - doubt } else { doubt / (scores.len() - 1) as f64 };
            let found = softmax(scores, log.exp());
            let terms = found.iter().enumerate().map(|(class, p)| -target(class) * p.max(f64::MIN_POSITIVE).ln());
            share * terms.sum::<f64>()
        };
        scores.iter().zip(labels).zip(shares).map(one).sum()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.005f64.ln(), 5f64.ln());
    for _ in 0..40 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if loss(a) < loss(b) {
            high = b;
        } else {
            low = a;
        }
    }
    (0.5 * (low + high)).exp()
}

/// The lower triangular root of a positive definite matrix, row by row.
struct Cholesky {
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    /// Of `sum(share * row row^T) + penalty`.
    fn of_normal_matrix(vectors: &[Vec<f64>], shares: &[f64], penalty: f64) -> Self {
        let width = vectors[0].len();
        let columns: Vec<Vec<f64>> = (0..width).map(|i| vectors.iter().map(|v| v[i]).collect()).collect();
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(width);
        for (i, column) in columns.iter().enumerate() {
            let weighted: Vec<f64> = column.iter().zip(shares).map(|(v, share)| v * share).collect();
            let mut row: Vec<f64> = columns[..=i].iter().map(|other| dot(&weighted, other)).collect();
            row[i] += penalty;
            for j in 0..i {
                let known = dot(&row[..j], &rows[j][..j]);
                row[j] = (row[j] - known) / rows[j][j];
            }
            row[i] = (row[i] - dot(&row[..i], &row[..i])).max(f64::MIN_POSITIVE).sqrt();
            rows.push(row);
        }
        Self { rows }
    }

    /// Solves `L x = b`.
    fn forward(&self, mut b: Vec<f64>) -> Vec<f64> {
        for (i, row) in self.rows.iter().enumerate() {
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
        b
    }

    /// Solves `L L^T x = b`.
    fn solve(&self, b: Vec<f64>) -> Vec<f64> {
        let mut x = self.forward(b);
        for (i, row) in self.rows.iter().enumerate().rev() {
            x[i] /= row[i];
            let value = x[i];
            x[..i].iter_mut().zip(row).for_each(|(x, l)| *x -= l * value);
        }
        x
    }
}

/// The inner product, in lanes that are summed in a fixed order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let rest = a.len().min(b.len()) / 8 * 8;
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, a), b)| *lane += a * b);
    }
    lanes.iter().sum::<f64>() + a[rest..].iter().zip(&b[rest..]).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    /// Clouds around three corners, of unequal sizes, in ten dimensions of unequal units.
    fn clouds(seed: u64, spread: f32) -> (Embeddings, Vec<usize>) {
        let labels: Vec<usize> = [40, 15, 8].iter().enumerate().flat_map(|(class, &n)| vec![class; n]).collect();
        let noise = rng::normal(&mut rng::stream(seed, "clouds", 0), labels.len() * 10);
        let value = |(i, noise): (usize, &f32)| {
            let centre = f32::from(u8::from(i % 10 == labels[i / 10]));
            (centre + spread * noise) * (1 + i % 10) as f32 + 5.0
        };
        (Embeddings::new(noise.iter().enumerate().map(value).collect(), 10).unwrap(), labels)
    }

    fn right(probabilities: &[Vec<f64>], labels: &[usize]) -> f64 {
        let best = |p: &Vec<f64>| (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b]));
        let hits = probabilities.iter().zip(labels).filter(|(p, label)| best(p) == Some(**label)).count();
        hits as f64 / labels.len() as f64
    }

    #[test]
    fn left_out_scores_are_those_of_a_fit_without_the_example() {
        let (all, labels) = clouds(1, 0.4);
        let whole = RidgeClassifier::fit(&all, &labels, 3).unwrap();
        // Standardisation and class weights see all examples in the closed form, so that it differs a little.
        const SHARED_SCALING: f64 = 0.03;
        for out in [0, 20, 45, 60] {
            let rest: Vec<usize> = (0..labels.len()).filter(|&i| i != out).collect();
            let kept: Vec<usize> = rest.iter().map(|&i| labels[i]).collect();
            let fitted = RidgeClassifier::fit(&all.select(&rest), &kept, 3).unwrap();
            for (a, b) in fitted.scores(all.row(out)).iter().zip(&whole.held_out[out]) {
                assert!((a - b).abs() < SHARED_SCALING, "example {out}: {a} and {b}");
            }
        }
    }

    #[test]
    fn clouds_are_told_apart_and_noise_is_not() {
        let (all, labels) = clouds(2, 0.2);
        let fitted = RidgeClassifier::fit(&all, &labels, 3).unwrap();
        let held_out = fitted.held_out();
        assert!(right(&held_out, &labels) > 0.95);
        assert!(held_out.iter().all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        // Of pure noise nothing is claimed with confidence.
        let (noise, _) = clouds(3, 50.0);
        let unsure = RidgeClassifier::fit(&noise, &labels, 3).unwrap().held_out();
        let mean = unsure.iter().map(|p| p.iter().copied().fold(0.0, f64::max)).sum::<f64>() / unsure.len() as f64;
        assert!(mean < 0.6, "{mean}");
    }

    #[test]
    fn the_gradient_is_that_of_the_odds() {
        let (all, labels) = clouds(4, 0.5);
        let fitted = RidgeClassifier::fit(&all, &labels, 3).unwrap();
        let odds = |v: &[f32]| {
            let p = fitted.probabilities(v)[1];
            (p / (1.0 - p)).ln()
        };
        let at = all.row(42).to_vec();
        for (feature, slope) in fitted.gradient(&at, 1).into_iter().enumerate() {
            let step = 1e-2f32;
            let (mut up, mut down) = (at.clone(), at.clone());
            (up[feature], down[feature]) = (at[feature] + step, at[feature] - step);
            let measured = (odds(&up) - odds(&down)) / f64::from(up[feature] - down[feature]);
            assert!((measured - slope).abs() < 1e-3 * (1.0 + slope.abs()), "{feature}: {measured} and {slope}");
        }
    }

    #[test]
    fn what_cannot_be_fitted() {
        let (all, labels) = clouds(5, 0.1);
        assert!(RidgeClassifier::fit(&all, &labels, 2).is_err());
        assert!(RidgeClassifier::fit(&all, &labels[1..], 3).is_err());
        let few = all.select(&[0, 1, 2, 60, 61]);
        assert!(RidgeClassifier::fit(&few, &[0, 0, 0, 1, 1], 2).is_err());
    }
}
