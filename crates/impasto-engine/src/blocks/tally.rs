//! Statistics of maps that are too large to be held, gathered tile by tile.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::ops;
use crate::tensor::values;

/// Positions that are measured at a time: bounds the copies that products between channels take, and how many values
/// are summed in `f32` before the total goes to `f64`.
const BAND: usize = 1 << 16;

/// What is measured beyond means and squares.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Third moments.
    pub(crate) cubes: bool,
    /// Products between channels.
    pub(crate) products: bool,
}

/// Statistics of the channels of a map or of a part of one. Parts are merged in `f64`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Positions.
    count: u64,
    /// Mean of every channel, `c` values.
    #[serde(with = "bits")]
    mean: Vec<f64>,
    /// Sums of the squares of what lies between the values and the mean, `c` values.
    #[serde(with = "bits")]
    squares: Vec<f64>,
    /// The same of the cubes; empty unless wanted.
    #[serde(with = "bits")]
    cubes: Vec<f64>,
    /// The same of the products of two channels, `c * c` values; empty unless wanted.
    #[serde(with = "bits")]
    products: Vec<f64>,
}

impl Statistics {
    /// Measures `x` `[1, c, h, w]`.
    pub(crate) fn of(x: &Tensor<4>, wanted: Wanted) -> Self {
        let [_, c, h, w] = x.dims();
        let rows = (BAND / w.max(1)).max(1);
        let bands = (0..h).step_by(rows).map(|y| {
            let band = x.clone().slice([0..1, 0..c, y..h.min(y + rows), 0..w]); // [1, c, rows, w]
            Self::of_band(band, wanted)
        });
        let merged = bands.reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        });
        merged.expect("maps have rows")
    }

    fn of_band(x: Tensor<4>, wanted: Wanted) -> Self {
        let [_, _, h, w] = x.dims();
        let count = (h * w) as f64;
        let [mean, deviation, third] = ops::channel_moments(x.clone(), 0.0); // [1, c] each
        let wide = |tensor: Tensor<2>| values(tensor).into_iter().map(f64::from);
        let products = if wanted.products {
            let covariances = ops::covariances(x, mean.clone()); // [1, c, c]
            values(covariances).into_iter().map(|v| f64::from(v) * count).collect()
        } else {
            Vec::new()
        };
        Self {
            count: (h * w) as u64,
            mean: wide(mean).collect(),
            squares: wide(deviation).map(|d| d * d * count).collect(),
            cubes: if wanted.cubes { wide(third).map(|m| m * count).collect() } else { Vec::new() },
            products,
        }
    }

    /// Takes in another part of the same map (Chan et al. 1979; Pébay 2008).
    pub(crate) fn merge(&mut self, other: &Self) {
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let c = self.mean.len();
        let step: Vec<f64> = self.mean.iter().zip(&other.mean).map(|(a, b)| b - a).collect();
        for (i, cubes) in self.cubes.iter_mut().enumerate() {
            let between = step[i].powi(3) * a * b * (a - b) / (n * n);
            let across = 3.0 * step[i] * (a * other.squares[i] - b * self.squares[i]) / n;
            *cubes += other.cubes[i] + between + across;
        }
        for (i, products) in self.products.iter_mut().enumerate() {
            *products += other.products[i] + step[i / c] * step[i % c] * a * b / n;
        }
        for (i, step) in step.iter().enumerate() {
            self.squares[i] += other.squares[i] + step * step * a * b / n;
            self.mean[i] += step * b / n;
        }
        self.count += other.count;
    }

    fn variance(&self, channel: usize) -> f64 {
        self.squares[channel] / self.count as f64
    }

    /// Means, `[1, c]`.
    pub(crate) fn mean(&self, device: &Device) -> Tensor<2> {
        self.row(device, |i| self.mean[i])
    }

    /// `sqrt(variance + eps)`, the variance divided by `count - less`, `[1, c]`.
    pub(crate) fn deviation(&self, eps: f32, less: u64, device: &Device) -> Tensor<2> {
        let free = self.count.saturating_sub(less).max(1) as f64;
        self.row(device, |i| (self.squares[i] / free + f64::from(eps)).sqrt())
    }

    /// Skewness compressed to `(-1, 1)` as by [`super::channel_moments3`], `[1, c]`; needs cubes.
    pub(crate) fn skewness(&self, eps: f32, device: &Device) -> Tensor<2> {
        self.row(device, |i| {
            let skewness = self.cubes[i] / self.count as f64 / (self.variance(i) + f64::from(eps)).powf(1.5);
            skewness / (skewness.abs() + 1.0)
        })
    }

    /// Covariances, `[1, c, c]`; needs products.
    pub(crate) fn covariances(&self, device: &Device) -> Tensor<3> {
        let c = self.mean.len();
        let values: Vec<f32> = self.products.iter().map(|p| (p / self.count as f64) as f32).collect();
        Tensor::from_data(TensorData::new(values, [1, c, c]), device)
    }

    /// Correlations as of [`super::correlations`], `[1, c, c]`; needs products.
    pub(crate) fn correlations(&self, eps: f32, device: &Device) -> Tensor<3> {
        let c = self.mean.len();
        let inverse: Vec<f64> = (0..c).map(|i| 1.0 / (self.variance(i) + f64::from(eps)).sqrt()).collect();
        let entry = |(i, p): (usize, &f64)| (p / self.count as f64 * inverse[i / c] * inverse[i % c]) as f32;
        let values: Vec<f32> = self.products.iter().enumerate().map(entry).collect();
        Tensor::from_data(TensorData::new(values, [1, c, c]), device)
    }

    fn row(&self, device: &Device, of: impl Fn(usize) -> f64) -> Tensor<2> {
        let c = self.mean.len();
        let values: Vec<f32> = (0..c).map(|i| of(i) as f32).collect();
        Tensor::from_data(TensorData::new(values, [1, c]), device)
    }
}

/// What is known of the maps of a network, or what one tile adds to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// By the names of maps.
    pub(crate) maps: BTreeMap<String, Statistics>,
    /// Plain sums, by name.
    totals: BTreeMap<String, Totals>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Totals(#[serde(with = "bits")] Vec<f64>);

impl Tally {
    /// The statistics of one map alone.
    pub(crate) fn of(site: &str, statistics: Statistics) -> Self {
        Self { maps: BTreeMap::from([(site.to_owned(), statistics)]), ..Self::default() }
    }

    /// Puts sums under a name.
    pub(crate) fn put_total(&mut self, name: &str, sums: Vec<f64>) {
        self.totals.insert(name.to_owned(), Totals(sums));
    }

    /// The sums under a name.
    pub(crate) fn total(&self, name: &str) -> Option<&[f64]> {
        self.totals.get(name).map(|totals| totals.0.as_slice())
    }

    /// Takes in what another part of the same maps gave, or what is known of other maps.
    pub(crate) fn merge(&mut self, other: Self) {
        for (site, part) in other.maps {
            match self.maps.get_mut(&site) {
                Some(sum) => sum.merge(&part),
                None => drop(self.maps.insert(site, part)),
            }
        }
        for (name, part) in other.totals {
            match self.totals.get_mut(&name) {
                Some(sum) => sum.0.iter_mut().zip(&part.0).for_each(|(sum, part)| *sum += part),
                None => drop(self.totals.insert(name, part)),
            }
        }
    }
}

/// Numbers by their bits: decimal text may come back as a neighbour.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|v| v.to_bits()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<u64>::deserialize(deserializer)?.into_iter().map(f64::from_bits).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::{EPS, channel_moments3, correlations};
    use crate::rng;

    #[test]
    fn parts_give_what_the_whole_gives() {
        let device = Device::flex();
        let (c, h, w) = (5, 37, 2100); // More than one band.
        let draws = rng::normal(&mut rng::stream(1, "tally", 0), c * h * w);
        let skewed = draws.into_iter().enumerate().map(|(i, v)| v.exp() * (1.0 + (i % w) as f32 / w as f32) + 3.0);
        let x = Tensor::<4>::from_data(TensorData::new(skewed.collect::<Vec<f32>>(), [1, c, h, w]), &device);
        let wanted = Wanted { cubes: true, products: true };
        let part = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            Tally::of("x", Statistics::of(&x.clone().slice([0..1, 0..c, rows, columns]), wanted))
        };
        let mut tally = Tally::default();
        for tile in [part(0..20, 0..900), part(0..20, 900..2100), part(20..37, 0..2100)] {
            tally.merge(tile);
        }
        let text = serde_json::to_string(&tally).unwrap();
        assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
        let found = &tally.maps["x"];
        let [mean, deviation, skewness] = channel_moments3(x.clone());
        let pairs = [
            (found.mean(&device), mean),
            (found.deviation(EPS, 0, &device), deviation),
            (found.skewness(EPS, &device), skewness),
        ];
        for (i, (found, expected)) in pairs.into_iter().enumerate() {
            for (found, expected) in values(found).into_iter().zip(values(expected)) {
                assert!((found - expected).abs() < 2e-5 * expected.abs(), "moment {i}: {found} {expected}");
            }
        }
        let largest = (found.correlations(EPS, &device) - correlations(x)).abs().max();
        assert!(crate::tensor::scalar(largest) < 1e-5);
    }

    #[test]
    fn sums_add_up() {
        let mut tally = Tally::default();
        for part in [vec![1.0, 2.0], vec![0.5, 0.25]] {
            let mut other = Tally::default();
            other.put_total("grid", part);
            tally.merge(other);
        }
        assert_eq!(tally.total("grid"), Some(&[1.5, 2.25][..]));
        assert_eq!(tally.total("none"), None);
    }
}
