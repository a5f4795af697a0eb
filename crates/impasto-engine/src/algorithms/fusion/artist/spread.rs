//! Whether what is painted is, taken together, like the works taken together. A loss that compares one painting with one work
//! cannot say so: a painter of whom every picture is the mean of all works satisfies it.

use std::collections::VecDeque;

use burn::tensor::{Tensor, TensorData};

use crate::blocks::{avg_pool2, channel_moments};
use crate::features::Features;
use crate::tensor::values;
use crate::weights::{Array, Arrays};

/// Size at which the first network sees pictures, and at which the others do.
const SEEN_AT: [f32; 2] = [0.5, 0.75];

/// Paintings of the last steps that stand for all.
const REMEMBERED: usize = 64;

/// Added to squared differences, in squared deviations, so that their root has a gradient where they vanish.
const SOFTENING: f32 = 1e-4;

/// Part of the mean deviation of all columns that a column's own counts as at least.
pub(super) const FLOOR: f32 = 0.1;

/// What one artist's works are like, and what was painted last as that artist would.
pub(super) struct Spread {
    levels: Vec<Level>,
}

struct Level {
    /// Means and deviations of the channels of every work, in `scale`, `[works, 2 c]`, without gradients.
    works: Tensor<2>,
    /// Deviations over the works, `[1, 2 c]`.
    scale: Tensor<2>,
    /// Rows of paintings, in `scale`, the oldest first.
    painted: VecDeque<Vec<f32>>,
}

/// What is seen of a side by the network of a number.
pub(super) fn seen_side(number: usize, side: usize) -> usize {
    (side as f32 * SEEN_AT[number.min(1)]).round() as usize
}

/// What networks see of pictures `[n, 3, h, w]`: means and deviations of all channels, `[n, 2 c]` for every level of every network.
/// Several networks are harder to deceive than one.
pub(super) fn look(networks: &[Box<dyn Features>], image: &Tensor<4>) -> Vec<Tensor<2>> {
    let both = |level: Tensor<4>| {
        let (mean, deviation) = channel_moments(level);
        Tensor::cat(vec![mean, deviation], 1) // [n, 2 c]
    };
    let [_, _, h, w] = image.dims();
    let seen = |(number, network): (usize, &dyn Features)| match number {
        0 => network.extract(avg_pool2(image.clone())), // [n, 3, h / 2, w / 2]
        _ => network.extract(shrunk(image.clone(), seen_side(number, h), seen_side(number, w))),
    };
    networks.iter().map(Box::as_ref).enumerate().flat_map(seen).map(both).collect()
}

/// The triangle filter, widened to the step between samples: `[n, c, h, w]` to `[n, c, to_h, to_w]`.
fn shrunk(image: Tensor<4>, to_h: usize, to_w: usize) -> Tensor<4> {
    let [_, _, h, w] = image.dims();
    let device = image.device();
    let along = |from: usize, to: usize| {
        let step = from as f32 / to as f32;
        let mut values = vec![0.0; from * to];
        for (place, row) in values.chunks_exact_mut(from).enumerate() {
            let centre = (place as f32 + 0.5) * step - 0.5;
            row.iter_mut().enumerate().for_each(|(i, v)| *v = (1.0 - (i as f32 - centre).abs() / step).max(0.0));
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|v| *v /= sum);
        }
        Tensor::<2>::from_data(TensorData::new(values, [to, from]), &device)
    };
    let rows = along(h, to_h).reshape([1, 1, to_h, h]).matmul(image); // [n, c, to_h, w]
    rows.matmul(along(w, to_w).transpose().reshape([1, 1, w, to_w])) // [n, c, to_h, to_w]
}

impl Spread {
    /// Of the looks of all works, each of one picture, without gradients.
    pub(super) fn of(works: &[Vec<Tensor<2>>]) -> Self {
        let level = |number: usize| {
            let works = Tensor::cat(works.iter().map(|work| work[number].clone()).collect(), 0); // [works, 2 c]
            let centred = works.clone() - works.clone().mean_dim(0);
            let deviation = centred.square().mean_dim(0).sqrt(); // [1, 2 c]
            let scale = deviation.clone() + deviation.mean_dim(1) * FLOOR + 1e-6; // [1, 2 c]
            Level { works: works / scale.clone(), scale, painted: VecDeque::new() }
        };
        Self { levels: (0..works[0].len()).map(level).collect() }
    }

    /// What of the energy distance (Székely and Rizzo 2013) between works and paintings depends on these paintings, whose looks
    /// are `[n, 2 c]` for each level: how much further they lie from the works than from other paintings. Mean over the levels.
    pub(super) fn loss(&self, painted: &[Tensor<2>]) -> Tensor<1> {
        let share = 1.0 / self.levels.len() as f32;
        let losses = self.levels.iter().zip(painted).map(|(level, look)| {
            let look = look.clone() / Tensor::from_inner(level.scale.clone());
            let away = distance(look.clone(), Tensor::from_inner(level.works.clone()));
            match level.others() {
                Some(others) => away - distance(look.clone(), Tensor::from_data(others, &look.device())),
                None => away,
            }
        });
        losses.map(|loss| loss * share).reduce(|sum, loss| sum + loss).expect("at least one level")
    }

    /// Remembers paintings by their looks, `[n, 2 c]` each.
    pub(super) fn remember(&mut self, painted: &[Tensor<2>]) {
        for (level, look) in self.levels.iter_mut().zip(painted) {
            let look = look.clone().inner() / level.scale.clone();
            let [_, columns] = look.dims();
            level.painted.extend(values(look).chunks_exact(columns).map(<[f32]>::to_vec));
            let surplus = level.painted.len().saturating_sub(REMEMBERED);
            level.painted.drain(..surplus);
        }
    }

    /// What was painted, for a checkpoint.
    pub(super) fn save(&self) -> Arrays {
        let levels = self.levels.iter().enumerate().filter(|(_, level)| !level.painted.is_empty());
        let array = |level: &Level| Array {
            shape: vec![level.painted.len(), level.painted[0].len()],
            values: level.painted.iter().flatten().copied().collect(),
        };
        levels.map(|(number, level)| (number.to_string(), array(level))).collect()
    }

    /// What [`Spread::save`] kept.
    pub(super) fn restore(&mut self, arrays: &Arrays) -> Result<(), String> {
        for (number, level) in self.levels.iter_mut().enumerate() {
            let [_, columns] = level.scale.dims();
            level.painted = match arrays.get(&number.to_string()) {
                Some(Array { shape, values }) if shape.len() == 2 && shape[1] == columns => {
                    values.chunks_exact(columns).map(<[f32]>::to_vec).collect()
                }
                Some(_) => return Err(format!("what was painted of level {number} has other channels")),
                None => VecDeque::new(),
            };
        }
        Ok(())
    }
}

impl Level {
    fn others(&self) -> Option<TensorData> {
        let rows = self.painted.len();
        let columns = self.painted.front()?.len();
        let values: Vec<f32> = self.painted.iter().flatten().copied().collect();
        Some(TensorData::new(values, [rows, columns]))
    }
}

/// The distances between rows `[n, d]` and rows `[m, d]`, root mean squares over their columns, as `[n, m]`.
pub(super) fn distances(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let [n, d] = a.dims();
    let [m, _] = b.dims();
    let apart = a.reshape([n, 1, d]) - b.reshape([1, m, d]); // [n, m, d]
    (apart.square().mean_dim(2) + SOFTENING).sqrt().reshape([n, m])
}

/// The mean of the distances, as `[1]`.
fn distance(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    distances(a, b).mean()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::rng;
    use crate::tensor::scalar;

    fn rows(name: &str, count: usize, deviation: f32, device: &Device) -> Tensor<2> {
        let draws = rng::normal(&mut rng::stream(2, name, 0), count * 6);
        Tensor::from_data(TensorData::new(draws, [count, 6]), device) * deviation + 1.0
    }

    fn spread(works: &Tensor<2>) -> Spread {
        let works: Vec<_> = (0..works.dims()[0]).map(|i| vec![works.clone().slice([i..i + 1, 0..6])]).collect();
        Spread::of(&works)
    }

    /// Of paintings that come in pairs, each pair compared with those before it.
    fn mean_loss(spread: &mut Spread, painted: &Tensor<2>) -> f32 {
        let pairs = (0..painted.dims()[0] / 2).map(|i| painted.clone().slice([2 * i..2 * i + 2, 0..6]));
        let losses = pairs.map(|pair| {
            let loss = scalar(spread.loss(std::slice::from_ref(&pair)).inner());
            spread.remember(&[pair]);
            loss
        });
        losses.skip(16).sum::<f32>() / 16.0
    }

    #[test]
    fn pictures_are_shrunk_around_their_middle() {
        let device = Device::flex();
        // A slope along each axis.
        let ramp: Vec<f32> = (0..12 * 16).map(|i| (i % 16) as f32 + 100.0 * (i / 16) as f32).collect();
        let ramp = Tensor::<4>::from_data(TensorData::new(ramp, [1, 1, 12, 16]), &device);
        let small = shrunk(ramp, seen_side(1, 12), seen_side(1, 16)); // [1, 1, 9, 12]
        assert_eq!(small.dims(), [1, 1, 9, 12]);
        let small = values(small);
        // Inside, what lies at the same place of the picture; borders lack neighbours.
        for (y, x) in (2..7).flat_map(|y| (2..10).map(move |x| (y, x))) {
            let at = |i: usize| (i as f32 + 0.5) * 4.0 / 3.0 - 0.5;
            let (got, expected) = (small[y * 12 + x], at(x) + 100.0 * at(y));
            assert!((got - expected).abs() < 0.02 * expected, "{y}, {x}: {got}, not {expected}");
        }
    }

    #[test]
    fn paintings_spread_like_the_works_are_nearest() {
        let device = Device::flex().autodiff();
        let works = rows("works", 60, 1.0, &device.clone().inner());
        let loss = |deviation: f32, shift: f32| {
            let painted = rows("painted", 64, deviation, &device) + shift;
            // The distance between the works has no part in the loss, and that of the paintings counts whole instead of half:
            // both are put right here, to compare sets.
            let others = scalar(distance(painted.clone(), painted.clone()).inner());
            let mut spread = spread(&works);
            mean_loss(&mut spread, &painted) + others / 2.0
        };
        let alike = loss(1.0, 0.0);
        for (what, other) in
            [("all the same", loss(0.1, 0.0)), ("too various", loss(3.0, 0.0)), ("moved", loss(1.0, 1.0))]
        {
            assert!(other > alike + 0.02, "{what}: {other} beside {alike}");
        }
    }

    #[test]
    fn what_was_painted_comes_back_and_the_oldest_are_forgotten() {
        let device = Device::flex().autodiff();
        let works = rows("works", 9, 1.0, &device.clone().inner());
        let mut first = spread(&works);
        assert!(first.save().is_empty());
        first.remember(&[rows("before", 40, 1.0, &device)]);
        first.remember(&[rows("after", 40, 1.0, &device)]);
        let saved = first.save();
        assert_eq!(saved["0"].shape, [REMEMBERED, 6]);
        let mut second = spread(&works);
        second.restore(&saved).unwrap();
        assert_eq!(second.save(), saved);
        let look = [rows("look", 2, 1.0, &device)];
        assert_eq!(scalar(first.loss(&look)), scalar(second.loss(&look)));
        let other = Array { shape: vec![1, 5], values: vec![0.0; 5] };
        assert!(second.restore(&Arrays::from([("0".to_owned(), other)])).unwrap_err().contains("channels"));
    }

    #[test]
    fn paintings_are_drawn_to_the_works_and_away_from_each_other() {
        let device = Device::flex().autodiff();
        let works = rows("works", 30, 0.1, &device.clone().inner());
        let mut spread = spread(&works);
        let slope = |spread: &Spread, at: f32| {
            let look = Tensor::<2>::full([1, 6], at, &device).require_grad();
            let grads = spread.loss(std::slice::from_ref(&look)).backward();
            values(look.grad(&grads).unwrap())[0]
        };
        // All works are near 1.
        assert!(slope(&spread, 3.0) > 0.0 && slope(&spread, -1.0) < 0.0);
        let before = slope(&spread, 1.0);
        spread.remember(&[Tensor::<2>::full([8, 6], 0.9, &device)]);
        assert!(slope(&spread, 1.0) < before);
    }
}
