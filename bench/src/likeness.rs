//! Style distances between many pictures. The figures are those of [`impasto_engine::metrics`] (a test compares them);
//! here each picture's statistics are computed once and compared with many others.

use impasto_engine::blocks::channel_moments;
use impasto_engine::features::Features;
use impasto_engine::losses;
use impasto_engine::tensor::{self, ImageTensor};

/// What style distances need to know of a picture, for each level of a perception network.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    levels: Vec<Level>,
}

#[derive(Debug, Clone)]
struct Level {
    /// Gram matrix divided by the number of positions, row by row.
    gram: Vec<f32>,
    /// Channel means.
    means: Vec<f32>,
    /// Channel deviations.
    deviations: Vec<f32>,
}

/// Distances from a picture to a painting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distances {
    /// `gram` of each level, finest first.
    pub(crate) levels: Vec<f64>,
    /// See [`impasto_engine::metrics::StyleDistance::Norm`].
    pub(crate) gram: f64,
    /// See [`impasto_engine::metrics::StyleDistance::Squared`].
    pub(crate) gram_squared: f64,
    /// See [`impasto_engine::metrics::moment_distance`].
    pub(crate) moments: f64,
}

impl Statistics {
    /// Of a picture `[1, 3, h, w]`.
    pub(crate) fn of(network: &dyn Features, picture: ImageTensor) -> Self {
        let level = |map: ImageTensor| {
            let (means, deviations) = channel_moments(map.clone());
            Level {
                gram: tensor::values(losses::gram(map)),
                means: tensor::values(means),
                deviations: tensor::values(deviations),
            }
        };
        Self { levels: network.extract(picture).into_iter().map(level).collect() }
    }

    /// To a painting's statistics by the same network.
    pub(crate) fn distances(&self, painting: &Self) -> Distances {
        let mut sum = Distances { levels: Vec::new(), gram: 0.0, gram_squared: 0.0, moments: 0.0 };
        for (own, other) in self.levels.iter().zip(&painting.levels) {
            let gram = relative(&own.gram, &other.gram);
            sum.levels.push(100.0 * gram.sqrt());
            sum.gram += gram.sqrt();
            sum.gram_squared += gram;
            sum.moments += relative(&own.means, &other.means) + relative(&own.deviations, &other.deviations);
        }
        let scale = 100.0 / self.levels.len() as f64;
        sum.gram *= scale;
        sum.gram_squared *= scale;
        sum.moments *= scale;
        sum
    }
}

/// The squared difference relative to the square of `target`.
fn relative(values: &[f32], target: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v) * f64::from(v);
    let error: f64 = values.iter().zip(target).map(|(a, b)| square(a - b)).sum();
    error / (target.iter().map(|v| square(*v)).sum::<f64>() + 1e-8)
}

#[cfg(test)]
mod tests {
    use impasto_engine::Device;
    use impasto_engine::metrics::{self, StyleDistance};
    use impasto_engine::rng::{self, Rng};

    use super::*;

    /// The picture itself and its reds as features.
    #[derive(Debug)]
    struct Eyes;

    impl Features for Eyes {
        fn name(&self) -> &'static str {
            "eyes"
        }

        fn extract(&self, image: ImageTensor) -> Vec<ImageTensor> {
            let [n, _, h, w] = image.dims();
            vec![image.clone(), image.slice([0..n, 0..1, 0..h, 0..w])]
        }

        fn min_side(&self) -> usize {
            1
        }

        fn content_level(&self) -> usize {
            0
        }
    }

    #[test]
    fn the_figures_are_the_engine_s() {
        let picture = |name, h: usize, w: usize| {
            let mut rng = rng::stream(5, name, 0);
            let values = (0..3 * h * w).map(|_| rng.random::<f32>()).collect();
            tensor::from_planar(values, 1, h, w, &Device::flex())
        };
        let (a, b) = (picture("a", 9, 7), picture("b", 6, 11));
        let own = Statistics::of(&Eyes, a.clone()).distances(&Statistics::of(&Eyes, b.clone()));
        let (a, b) = (Eyes.extract(a), Eyes.extract(b));
        let near = |own: f64, engine: f32| assert!((own - f64::from(engine)).abs() < 1e-3 * own, "{own} {engine}");
        near(own.gram, metrics::style_gram_distance(&a, &b, StyleDistance::Norm).unwrap());
        near(own.gram_squared, metrics::style_gram_distance(&a, &b, StyleDistance::Squared).unwrap());
        near(own.moments, metrics::moment_distance(&a, &b).unwrap());
    }
}
