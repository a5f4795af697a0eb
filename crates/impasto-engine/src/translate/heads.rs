//! Heads that project patches of features to vectors which are compared (Park et al. 2020).

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::blocks::{Dense, NORMED_DEVIATION};
use crate::losses;
use crate::rng::{self, Rng};

/// Length of the vectors.
const WIDTH: usize = 256;

/// The head of one level of features: two layers.
#[derive(Module, Debug)]
pub struct Head {
    first: Dense,
    second: Dense,
}

/// A head for each level of features; none where nothing is compared.
#[derive(Module, Debug)]
pub struct Heads {
    levels: Vec<Head>,
}

/// Places within every level of features, row after row.
#[derive(Debug, Clone)]
pub(crate) struct Places(Vec<Vec<i32>>);

impl Heads {
    /// Fresh weights for features of so many channels.
    pub fn new(channels: &[usize], seed: u64, device: &Device) -> Self {
        let level = |(i, &channels): (usize, &usize)| {
            let layer = |part: &str, inputs| {
                Dense::init(seed, &format!("heads.{i}.{part}"), [inputs, WIDTH], NORMED_DEVIATION, device)
            };
            Head { first: layer("first", channels), second: layer("second", WIDTH) }
        };
        Self { levels: channels.iter().enumerate().map(level).collect() }
    }

    /// What is at some places of every level, `[n, c, h, w]` each, as unit vectors, `[n, places, 256]` each.
    pub(super) fn project(&self, features: Vec<Tensor<4>>, places: &Places) -> Vec<Tensor<3>> {
        let levels = self.levels.iter().zip(features).zip(&places.0);
        levels.map(|((head, features), places)| head.project(features, places)).collect()
    }
}

impl Head {
    /// The vectors at `places` of features `[n, c, h, w]`, numbered row after row: `[n, places, 256]` of length 1.
    pub fn project(&self, features: Tensor<4>, places: &[i32]) -> Tensor<3> {
        let ([n, c, h, w], p) = (features.dims(), places.len());
        let places = Tensor::<1, Int>::from_data(TensorData::new(places.to_vec(), [p]), &features.device());
        let picked = features.reshape([n, c, h * w]).select(2, places); // [n, c, p]
        let rows = picked.swap_dims(1, 2).reshape([n * p, c]); // [n * p, c]
        let vectors = self.second.forward(relu(self.first.forward(rows))); // [n * p, 256]
        losses::unit_rows(vectors.reshape([n, p, WIDTH]))
    }
}

impl Places {
    /// Up to `count` different places of every level, drawn from the stream `patches` of `seed` at sample `number`.
    pub(super) fn draw(features: &[Tensor<4>], count: usize, seed: u64, number: u64) -> Self {
        let mut rng = rng::stream(seed, "patches", number);
        let level = |features: &Tensor<4>| {
            let [_, _, h, w] = features.dims();
            let mut all: Vec<i32> = (0..(h * w) as i32).collect();
            let count = count.min(all.len());
            for i in 0..count {
                let other = rng.random_range(i..all.len());
                all.swap(i, other);
            }
            all.truncate(count);
            all
        };
        Self(features.iter().map(level).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::values;

    #[test]
    fn vectors_are_those_of_their_places() {
        let device = Device::flex();
        let draws = rng::normal(&mut rng::stream(2, "features", 0), 2 * 3 * 4 * 5);
        let features = Tensor::<4>::from_data(TensorData::new(draws, [2, 3, 4, 5]), &device);
        let places = Places::draw(std::slice::from_ref(&features), 7, 1, 0);
        assert_eq!(places.0[0].len(), 7);
        let mut sorted = places.0[0].clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert!(sorted.len() == 7 && sorted.iter().all(|place| (0..20).contains(place)));
        let heads = Heads::new(&[3], 1, &device);
        let vectors = heads.project(vec![features.clone()], &places).remove(0); // [2, 7, 256]
        let all = heads.levels[0].project(features, &(0..20).collect::<Vec<_>>()); // [2, 20, 256]
        let at = places.0[0][3] as usize;
        let (one, same) = (vectors.slice([1..2, 3..4, 0..WIDTH]), all.slice([1..2, at..at + 1, 0..WIDTH]));
        let (one, same) = (values(one), values(same));
        assert!(one.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-5));
        let length: f32 = one.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
}
