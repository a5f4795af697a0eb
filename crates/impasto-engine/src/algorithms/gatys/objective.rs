//! What is minimised: content, style and smoothness of one picture at one size.

use burn::tensor::{Device, Tensor, TensorData};

use crate::features::Features;
use crate::losses;
use crate::tensor::{self, ImageTensor};

/// Factor on the content term, chosen by eye so that a content weight of 1 against a style weight of 10 keeps a face a
/// face and gives it brush strokes.
const CONTENT_SCALE: f32 = 2.5;
/// The least variation that smoothness is measured against: a flat or grey style does not forbid all edges.
const LEAST_VARIATION: f32 = 3e-4;

/// Weights of the three terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub(super) content: f32,
    pub(super) style: f32,
    pub(super) variation: f32,
}

/// The three terms, each with its weight applied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) content: f64,
    pub(super) style: f64,
    pub(super) variation: f64,
}

impl Parts {
    pub(super) fn total(&self) -> f64 {
        self.content + self.style + self.variation
    }
}

/// Style statistics of one level.
#[derive(Debug, Clone)]
struct Statistics {
    /// `[1, c]`
    mean: Tensor<2>,
    /// `[1, c, c]`
    covariance: Tensor<3>,
}

/// The objective for pictures of one size.
pub(super) struct Objective<'a> {
    features: &'a dyn Features,
    weights: Weights,
    size: [usize; 2],
    device: Device,
    /// The content's features at the content level.
    content: Tensor<4>,
    style: Vec<Statistics>,
    /// The style pictures' [`variations`].
    variations: [f32; 3],
}

impl<'a> Objective<'a> {
    /// Measures the targets. `content` `[1, 3, h, w]`; `styles` of any size with weights that sum to 1, their
    /// statistics mixed by weight; `strength` below 1 mixes the content's own statistics in.
    pub(super) fn new(
        features: &'a dyn Features,
        weights: Weights,
        content: ImageTensor,
        styles: Vec<(ImageTensor, f32)>,
        strength: f32,
    ) -> Self {
        let device = content.device().inner();
        let [_, _, h, w] = content.dims();
        let target = constant(features.extract(content.clone()).swap_remove(features.content_level()));
        let mut sources: Vec<_> = styles.into_iter().map(|(picture, share)| (picture, share * strength)).collect();
        if strength < 1.0 {
            sources.push((content, 1.0 - strength));
        }
        let mut style: Vec<Statistics> = Vec::new();
        let mut grain = [0.0; 3];
        for (picture, share) in sources {
            for (sum, own) in grain.iter_mut().zip(variations(constant(picture.clone()))) {
                *sum += share * tensor::scalar(own);
            }
            let maps = levels(features, picture).into_iter();
            let scaled: Vec<_> = maps.map(|map| Statistics::of(constant(map)).scale(share)).collect();
            style = if style.is_empty() {
                scaled
            } else {
                style.into_iter().zip(scaled).map(|(sum, term)| sum.plus(term)).collect()
            };
        }
        let variations = grain.map(|v| v.max(LEAST_VARIATION));
        Self { features, weights, size: [h, w], device, content: target, style, variations }
    }

    /// The terms at planar RGB values `x` (`3 * h * w` numbers); writes the gradient of their sum.
    pub(super) fn evaluate(&self, x: &[f32], gradient: &mut [f32]) -> Parts {
        let [h, w] = self.size;
        let data = TensorData::new(x.to_vec(), [1, 3, h, w]);
        let picture = Tensor::<4>::from_data(data, &self.device.clone().autodiff()).require_grad(); // [1, 3, h, w]
        let maps = levels(self.features, picture.clone());
        let zero = || Tensor::<1>::zeros([1], &picture.device());
        let content = if self.weights.content > 0.0 {
            let map = maps[self.features.content_level()].clone();
            losses::content_distance(map, self.content.clone()) * (self.weights.content * CONTENT_SCALE)
        } else {
            zero()
        };
        let style = if self.weights.style > 0.0 {
            let share = self.weights.style / self.style.len() as f32;
            let levels = maps.into_iter().zip(&self.style);
            levels.map(|(map, target)| target.distance(map)).reduce(|a, b| a + b).unwrap_or_else(zero) * share
        } else {
            zero()
        };
        let variation = if self.weights.variation > 0.0 {
            let relative = variations(picture.clone()).into_iter().zip(self.variations).map(|(v, own)| v / own);
            relative.reduce(|a, b| a + b).unwrap_or_else(zero) * (self.weights.variation / 3.0)
        } else {
            zero()
        };
        let parts = tensor::values(Tensor::cat(vec![content.clone(), style.clone(), variation.clone()], 0).inner());
        let grads = (content + style + variation).backward();
        match picture.grad(&grads) {
            Some(grad) => gradient.copy_from_slice(&tensor::values(grad)),
            None => gradient.fill(0.0),
        }
        let [content, style, variation] = [parts[0], parts[1], parts[2]].map(f64::from);
        Parts { content, style, variation }
    }
}

/// What style is measured on: the network's levels, finest first, and at the end the picture itself for its palette.
fn levels(features: &dyn Features, picture: ImageTensor) -> Vec<Tensor<4>> {
    let mut maps = features.extract(picture.clone());
    maps.push(picture);
    maps
}

/// Squared variation of the brightness and of two opponent colour axes of `[1, 3, h, w]`. Taken apart because a painting
/// has little colour grain beside its brightness's: relative to that, the rainbow grain that pooling cannot see is dear
/// and a brush stroke's edge is cheap.
fn variations(picture: ImageTensor) -> [Tensor<1>; 3] {
    let [n, _, h, w] = picture.dims();
    let [r, g, b] = [0, 1, 2].map(|c| picture.clone().slice([0..n, c..c + 1, 0..h, 0..w])); // [1, 1, h, w] each
    let brightness = (r.clone() + g.clone() + b.clone()) / 3.0;
    [brightness, r.clone() - b.clone(), (r + b) / 2.0 - g].map(losses::squared_variation)
}

/// Without a graph.
fn constant(map: Tensor<4>) -> Tensor<4> {
    map.inner()
}

impl Statistics {
    /// Of `map` `[1, c, h, w]`.
    fn of(map: Tensor<4>) -> Self {
        let (mean, covariance) = losses::mean_covariance(map);
        Self { mean, covariance }
    }

    fn scale(self, factor: f32) -> Self {
        Self { mean: self.mean * factor, covariance: self.covariance * factor }
    }

    fn plus(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, covariance: self.covariance + other.covariance }
    }

    /// Squared distance of `map`'s statistics to these, each relative to its own size: 0 is equal.
    fn distance(&self, map: Tensor<4>) -> Tensor<1> {
        let other = Self::of(map);
        losses::relative_distance(other.mean, self.mean.clone())
            + losses::gram_distance(other.covariance, self.covariance.clone())
    }
}
