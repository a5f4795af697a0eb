//! Style distances between many pictures: each picture's statistics are computed once and compared with many others. The
//! figures are those of [`style_gram_distance`](super::style_gram_distance) and
//! [`moment_distance`](super::moment_distance).

use crate::blocks::channel_moments;
use crate::features::Features;
use crate::losses;
use crate::tensor::{self, ImageTensor};

/// What style distances need to know of a picture, for each level of a perception network.
#[derive(Debug, Clone)]
pub struct StyleStatistics {
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
pub struct StyleDistances {
    /// `gram` of each level, finest first.
    pub levels: Vec<f64>,
    /// See [`StyleDistance::Norm`](super::StyleDistance::Norm).
    pub gram: f64,
    /// See [`StyleDistance::Squared`](super::StyleDistance::Squared).
    pub gram_squared: f64,
    /// See [`moment_distance`](super::moment_distance).
    pub moments: f64,
}

impl StyleStatistics {
    /// Of a picture `[1, 3, h, w]` in `[0, 1]`, with sides of at least [`Features::min_side`].
    pub fn of(network: &dyn Features, picture: ImageTensor) -> Self {
        Self::of_levels(network.extract(picture))
    }

    /// Of a picture's activations, each level `[1, c, h, w]`, finest first.
    pub fn of_levels(levels: Vec<ImageTensor>) -> Self {
        let level = |map: ImageTensor| {
            let (means, deviations) = channel_moments(map.clone()); // [1, c] each
            Level {
                gram: tensor::values(losses::gram(map)), // [1, c, c]
                means: tensor::values(means),
                deviations: tensor::values(deviations),
            }
        };
        Self { levels: levels.into_iter().map(level).collect() }
    }

    /// To a painting's statistics by the same network.
    pub fn distances(&self, painting: &Self) -> StyleDistances {
        let mut sum = StyleDistances { levels: Vec::new(), gram: 0.0, gram_squared: 0.0, moments: 0.0 };
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
    use burn::tensor::Device;

    use super::*;
    use crate::metrics::{self, StyleDistance};
    use crate::rng::{self, Rng};

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
    fn the_figures_are_those_of_whole_pictures() {
        let picture = |name, h: usize, w: usize| {
            let mut rng = rng::stream(5, name, 0);
            let values = (0..3 * h * w).map(|_| rng.random::<f32>()).collect();
            tensor::from_planar(values, 1, h, w, &Device::flex())
        };
        let (a, b) = (picture("a", 9, 7), picture("b", 6, 11));
        let own = StyleStatistics::of(&Eyes, a.clone()).distances(&StyleStatistics::of(&Eyes, b.clone()));
        let (a, b) = (Eyes.extract(a), Eyes.extract(b));
        let near = |own: f64, whole: f32| assert!((own - f64::from(whole)).abs() < 1e-3 * own, "{own} {whole}");
        near(own.gram, metrics::style_gram_distance(&a, &b, StyleDistance::Norm).unwrap());
        near(own.gram_squared, metrics::style_gram_distance(&a, &b, StyleDistance::Squared).unwrap());
        near(own.moments, metrics::moment_distance(&a, &b).unwrap());
    }
}
