//! A style's code: what the generator knows of a style picture, 14 kilobytes in f16.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};

use super::FusionConfig;
use crate::blocks::{EPS, Statistics, channel_moments3, correlations};
use crate::weights::{Array, Arrays};

/// Tokens per side of the picture.
pub(super) const GRID: usize = 6;

/// Moments kept of every channel: mean, deviation and compressed skewness.
pub(super) const MOMENTS: usize = 3;

/// Levels with statistics: the picture itself and the encoder's four.
pub(super) const LEVELS: usize = 5;

/// How many of them, finest first, also have correlations between channels. The coarsest has too few positions in a
/// training crop for them.
pub(super) const CORRELATED: usize = 4;

/// Floor under the weight of a style, so that its logarithm stays finite.
const MIN_WEIGHT: f32 = 1e-6;

/// Weights of a style in the layers of a painting, from coarse to fine: the bottleneck; the quarter and the half of the
/// size; the full size and the colours.
pub(super) type Shares = [f32; 3];

/// The layer that each level of statistics belongs to, finest level first.
const LAYER: [usize; LEVELS] = [2, 2, 1, 1, 0];

/// A batch of style codes.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// Channel moments of all levels, `[n, MOMENTS * sum(channels)]`.
    pub(super) moments: Tensor<2>,
    /// Correlations between the channels of a level, `[n, c, c]` each.
    correlations: [Tensor<3>; CORRELATED],
    /// The coarsest level averaged over a grid, `[n, GRID * GRID, widths[3]]`.
    tokens: Tensor<3>,
    /// What is known of the hand that made it beyond what is seen, added to the style vector, `[n, style_width]`.
    hand: Option<Tensor<2>>,
}

/// Statistics that features should take on.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `[n, c]`.
    pub(super) mean: Tensor<2>,
    /// `[n, c]`.
    pub(super) deviation: Tensor<2>,
    /// `[n, c, c]`, where the level has them.
    pub(super) correlations: Option<Tensor<3>>,
}

/// Several codes as one.
#[derive(Debug, Clone)]
pub(super) struct Blend {
    /// Of every level, finest first.
    pub(super) targets: [Target; LEVELS],
    /// All codes' tokens side by side, `[n, t, c]`.
    pub(super) tokens: Tensor<3>,
    /// Logarithms of the weights of the codes that the tokens come from, `[n, t]`.
    pub(super) bias: Tensor<2>,
}

impl Code {
    /// Summarises a picture and its features, each `[n, c, h, w]`.
    pub(super) fn of(maps: &[Tensor<4>; LEVELS]) -> Self {
        let moments = maps.iter().flat_map(|map| channel_moments3(map.clone())).collect();
        let coarsest = &maps[LEVELS - 1];
        let [n, c, _, _] = coarsest.dims();
        let grid = adaptive_avg_pool2d(coarsest.clone(), [GRID, GRID]); // [n, c, GRID, GRID]
        Self {
            moments: Tensor::cat(moments, 1),
            correlations: std::array::from_fn(|level| correlations(maps[level].clone())),
            tokens: grid.reshape([n, c, GRID * GRID]).swap_dims(1, 2), // [n, GRID * GRID, c]
            hand: None,
        }
    }

    /// The code of a picture of which only statistics are at hand: of every level, finest first, and the tokens,
    /// `GRID * GRID` positions of as many values as the coarsest level has channels.
    pub(super) fn of_statistics(levels: [&Statistics; LEVELS], tokens: Vec<f32>, device: &Device) -> Self {
        let moments = levels
            .iter()
            .flat_map(|level| [level.mean(device), level.deviation(EPS, 0, device), level.skewness(EPS, device)]);
        let channels = tokens.len() / (GRID * GRID);
        Self {
            moments: Tensor::cat(moments.collect(), 1),
            correlations: std::array::from_fn(|level| levels[level].correlations(EPS, device)),
            tokens: Tensor::from_data(TensorData::new(tokens, [1, GRID * GRID, channels]), device),
            hand: None,
        }
    }

    /// The same code by the hand `[n or 1, style_width]`.
    pub(super) fn by(self, hand: Tensor<2>) -> Self {
        Self { hand: Some(hand), ..self }
    }

    /// The hand, where one is known.
    pub(super) fn hand(&self) -> Option<&Tensor<2>> {
        self.hand.as_ref()
    }

    /// Codes of one picture each as a batch; hands are left out.
    pub(super) fn stack(codes: &[&Self]) -> Self {
        let all = |of: &dyn Fn(&Self) -> Tensor<3>| Tensor::cat(codes.iter().map(|code| of(code)).collect(), 0);
        Self {
            moments: Tensor::cat(codes.iter().map(|code| code.moments.clone()).collect(), 0), // [n, m]
            correlations: std::array::from_fn(|level| all(&|code| code.correlations[level].clone())), // [n, c, c]
            tokens: all(&|code| code.tokens.clone()),                                         // [n, t, c]
            hand: None,
        }
    }

    /// A code of tensors without gradients as constants among tensors with them.
    pub(super) fn tracked(self) -> Self {
        Self {
            moments: Tensor::from_inner(self.moments),
            correlations: self.correlations.map(Tensor::from_inner),
            tokens: Tensor::from_inner(self.tokens),
            hand: self.hand.map(Tensor::from_inner),
        }
    }

    /// The mean of `codes` by their weights, which sum to 1 in each layer.
    pub(super) fn blend(codes: &[(Self, Shares)]) -> Blend {
        let tokens: Vec<_> = codes.iter().map(|(code, _)| code.tokens.clone()).collect();
        let [n, t, _] = tokens[0].dims();
        let device = tokens[0].device();
        let bias =
            codes.iter().map(|(_, shares)| Tensor::full([n, t], shares[0].max(MIN_WEIGHT).ln(), &device)).collect();
        Blend {
            targets: std::array::from_fn(|level| Self::target(codes, level)),
            tokens: Tensor::cat(tokens, 1),
            bias: Tensor::cat(bias, 1),
        }
    }

    fn target(codes: &[(Self, Shares)], level: usize) -> Target {
        let codes = || codes.iter().map(|(code, shares)| (code, shares[LAYER[level]]));
        let correlations = (level < CORRELATED).then(|| mean(codes(), |code| code.correlations[level].clone()));
        Target {
            mean: mean(codes(), |code| code.moment(level, 0)),
            deviation: mean(codes(), |code| code.moment(level, 1)),
            correlations,
        }
    }

    /// One moment of a level's channels, `[n, c]`.
    fn moment(&self, level: usize, moment: usize) -> Tensor<2> {
        let widths = self.widths();
        let n = self.moments.dims()[0];
        let start = MOMENTS * widths[..level].iter().sum::<usize>() + moment * widths[level];
        self.moments.clone().slice([0..n, start..start + widths[level]])
    }

    /// Channels of every level.
    fn widths(&self) -> [usize; LEVELS] {
        std::array::from_fn(|level| match self.correlations.get(level) {
            Some(correlations) => correlations.dims()[1],
            None => self.tokens.dims()[2],
        })
    }

    /// As named arrays, for a file. Of the symmetric correlations only what lies below the diagonal is kept.
    pub(super) fn to_arrays(&self) -> Arrays {
        let array = |shape: &[usize], values| Array { shape: shape.to_vec(), values };
        let mut arrays = Arrays::from([
            ("moments".to_owned(), array(&self.moments.dims(), crate::tensor::values(self.moments.clone()))),
            ("tokens".to_owned(), array(&self.tokens.dims(), crate::tensor::values(self.tokens.clone()))),
        ]);
        if let Some(hand) = &self.hand {
            arrays.insert("hand".to_owned(), array(&hand.dims(), crate::tensor::values(hand.clone())));
        }
        for (level, correlations) in self.correlations.iter().enumerate() {
            let c = correlations.dims()[1];
            let values = crate::tensor::values(correlations.clone());
            let below: Vec<f32> = (0..c).flat_map(|row| values[row * c..row * c + row].to_vec()).collect();
            arrays.insert(format!("correlations.{level}"), array(&[1, below.len()], below));
        }
        arrays
    }

    /// From named arrays, checked against the generator's configuration.
    pub(super) fn from_arrays(arrays: &Arrays, config: &FusionConfig, device: &Device) -> Result<Self, String> {
        let take = |name: &str, shape: &[usize]| match arrays.get(name) {
            Some(array) if array.shape == shape && array.values.iter().all(|v| v.is_finite()) => {
                Ok(array.values.clone())
            }
            Some(array) => Err(format!("style code: '{name}' has shape {:?}, expected {shape:?}", array.shape)),
            None => Err(format!("style code: '{name}' is missing")),
        };
        let moments = [1, config.code_moments()];
        let tokens = [1, GRID * GRID, config.widths[3]];
        let mut correlations = Vec::with_capacity(CORRELATED);
        for (level, c) in config.channels().into_iter().enumerate().take(CORRELATED) {
            let below = take(&format!("correlations.{level}"), &[1, c * (c - 1) / 2])?;
            correlations.push(Tensor::from_data(TensorData::new(symmetric(&below, c), [1, c, c]), device));
        }
        let hand = match arrays.contains_key("hand") {
            true => Some(take("hand", &[1, config.style_width])?),
            false => None,
        };
        Ok(Self {
            moments: Tensor::from_data(TensorData::new(take("moments", &moments)?, moments), device),
            correlations: correlations.try_into().map_err(|_| "style code: too few levels")?,
            tokens: Tensor::from_data(TensorData::new(take("tokens", &tokens)?, tokens), device),
            hand: hand.map(|hand| Tensor::from_data(TensorData::new(hand, [1, config.style_width]), device)),
        })
    }
}

/// The weighted mean of something of each code.
fn mean<'a, const D: usize>(
    codes: impl Iterator<Item = (&'a Code, f32)>,
    of: impl Fn(&Code) -> Tensor<D>,
) -> Tensor<D> {
    let mut parts = codes.map(|(code, weight)| of(code) * weight);
    let first = parts.next().expect("at least one style, checked by the caller");
    parts.fold(first, |sum, part| sum + part)
}

/// The symmetric matrix with ones on its diagonal and `below` under it, row by row.
fn symmetric(below: &[f32], c: usize) -> Vec<f32> {
    let mut values = vec![1.0; c * c];
    let mut below = below.iter();
    for row in 0..c {
        for (column, value) in (0..row).zip(&mut below) {
            values[row * c + column] = *value;
            values[column * c + row] = *value;
        }
    }
    values
}
