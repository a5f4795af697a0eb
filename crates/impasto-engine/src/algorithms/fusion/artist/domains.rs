//! Whether a painting is taken for one by its artist among those who are learnt together: the domain classification loss of
//! StarGAN (Choi et al. 2018), with a classifier that is not trained but made of the works.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::spread::{FLOOR, distances};
use crate::tensor::values;

/// Temperatures that are tried, each 0.7 of the one before.
const TEMPERATURES: i32 = 20;

/// Most works of an artist that are compared with, evenly spread: each is compared with all others once.
const MOST: usize = 256;

/// Works that are compared with all others at a time, so that memory does not grow with the square of their number.
const AT_A_TIME: usize = 8;

/// How the works of several artists lie beside each other, as networks see them.
pub(super) struct Domains {
    levels: Vec<Level>,
}

/// One level of a network. Nothing here has gradients.
struct Level {
    /// Of each artist, means and deviations of the channels of every work, in `scale`, `[works, 2 c]`.
    works: Vec<Tensor<2>>,
    /// Half the mean distance between two works of each artist.
    within: Vec<f32>,
    /// Deviations over the works of one artist, the mean over artists, `[1, 2 c]`.
    scale: Tensor<2>,
    /// With which the works themselves are told apart best.
    temperature: f32,
}

impl Domains {
    /// Of the looks (see [`look`](super::spread::look)) of the works of each artist, at least two of each, each look of one
    /// work, without gradients.
    pub(super) fn of(artists: &[Vec<Vec<Tensor<2>>>]) -> Self {
        let level = |number: usize| {
            let rows = |works: &Vec<Vec<Tensor<2>>>| {
                let few = works.iter().step_by(works.len().div_ceil(MOST));
                Tensor::cat(few.map(|work| work[number].clone()).collect(), 0) // [works, 2 c]
            };
            Level::of(artists.iter().map(rows).collect())
        };
        Self { levels: (0..artists[0][0].len()).map(level).collect() }
    }

    /// Cross-entropy of the artist of a number, for paintings whose looks are `[n, 2 c]` for each level: the mean over
    /// paintings and levels, in nats, as `[1]`.
    pub(super) fn loss(&self, painted: &[Tensor<2>], artist: usize) -> Tensor<1> {
        let share = 1.0 / self.levels.len() as f32;
        let losses = self.levels.iter().zip(painted).map(|(level, look)| level.loss(look.clone(), artist) * share);
        losses.reduce(|sum, loss| sum + loss).expect("at least one level")
    }
}

impl Level {
    fn of(works: Vec<Tensor<2>>) -> Self {
        let share = 1.0 / works.len() as f32;
        let variance = |works: &Tensor<2>| {
            let centred = works.clone() - works.clone().mean_dim(0);
            centred.square().mean_dim(0) * share // [1, 2 c]
        };
        let deviation = works.iter().map(variance).reduce(|sum, v| sum + v).expect("at least one artist").sqrt();
        let scale = deviation.clone() + deviation.mean_dim(1) * FLOOR + 1e-6; // [1, 2 c]
        let works: Vec<_> = works.into_iter().map(|works| works / scale.clone()).collect();
        let within = works.iter().map(|works| between_different(works) / 2.0).collect();
        let mut level = Self { works, within, scale, temperature: 1.0 };
        level.temperature = level.best_temperature();
        level
    }

    /// How far looks in `scale`, `[n, 2 c]`, are from the works of an artist, `[n, 1]`: half the energy distance (Székely and
    /// Rizzo 2013) between one look and all works. Those of artists who are various would else seem far from everything.
    fn away(&self, look: &Tensor<2>, artist: usize, works: Tensor<2>) -> Tensor<2> {
        distances(look.clone(), works).mean_dim(1) - self.within[artist]
    }

    fn loss(&self, look: Tensor<2>, artist: usize) -> Tensor<1> {
        let look = look / Tensor::from_inner(self.scale.clone());
        let away =
            self.works.iter().enumerate().map(|(i, works)| self.away(&look, i, Tensor::from_inner(works.clone())));
        let away = Tensor::cat(away.collect(), 1); // [n, artists]
        let likely = log_softmax(away / -self.temperature, 1); // [n, artists]
        likely.narrow(1, artist, 1).mean() * -1.0
    }

    /// The temperature at which the works, each compared with the others, are given to their artists with the least cross-entropy.
    fn best_temperature(&self) -> f32 {
        // Of every work its artist, and how far it is from those of each artist.
        let mut rows: Vec<(usize, Vec<f32>)> = Vec::new();
        for (artist, own) in self.works.iter().enumerate() {
            let count = own.dims()[0] as f32;
            let columns = (0..self.works.len()).map(|other| {
                // The distance to itself does not count.
                let share = if other == artist { count / (count - 1.0) } else { 1.0 };
                let away = mean_distances(own, &self.works[other]).into_iter();
                away.map(|away| away * share - self.within[other]).collect()
            });
            let columns: Vec<Vec<f32>> = columns.collect();
            rows.extend((0..own.dims()[0]).map(|work| (artist, columns.iter().map(|column| column[work]).collect())));
        }
        let entropy = |temperature: f32| {
            let of_row = |(artist, away): &(usize, Vec<f32>)| {
                let near = away.iter().copied().fold(f32::INFINITY, f32::min);
                let sum: f32 = away.iter().map(|away| ((near - away) / temperature).exp()).sum();
                (away[*artist] - near) / temperature + sum.ln()
            };
            // Artists count alike, as many works as each may have.
            let of_artist = |artist: usize| {
                let own: Vec<f32> = rows.iter().filter(|row| row.0 == artist).map(of_row).collect();
                own.iter().sum::<f32>() / own.len() as f32
            };
            (0..self.works.len()).map(of_artist).sum::<f32>()
        };
        let tried = (0..TEMPERATURES).map(|step| 0.7f32.powi(step));
        let best = tried.map(|temperature| (entropy(temperature), temperature)).min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(1.0, |(_, temperature)| temperature)
    }
}

/// The mean distance of each row to others.
fn mean_distances(rows: &Tensor<2>, others: &Tensor<2>) -> Vec<f32> {
    let parts = rows.clone().split(AT_A_TIME, 0).into_iter();
    parts.flat_map(|rows| values(distances(rows, others.clone()).mean_dim(1))).collect()
}

/// The mean distance between two different rows.
fn between_different(rows: &Tensor<2>) -> f32 {
    let all = mean_distances(rows, rows);
    all.iter().sum::<f32>() / (all.len() - 1) as f32
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::rng;
    use crate::tensor::scalar;

    /// The looks of works around a place, of two levels.
    fn works(name: &str, count: usize, place: f32, deviation: f32, device: &Device) -> Vec<Vec<Tensor<2>>> {
        let look = |work: usize, level: usize| {
            let draws = rng::normal(&mut rng::stream(3, name, (2 * work + level) as u64), 6);
            Tensor::from_data(TensorData::new(draws, [1, 6]), device) * deviation + place
        };
        (0..count).map(|work| vec![look(work, 0), look(work, 1)]).collect()
    }

    fn loss(domains: &Domains, at: f32, artist: usize, device: &Device) -> f32 {
        let look = Tensor::<2>::full([2, 6], at, device);
        scalar(domains.loss(&[look.clone(), look], artist).inner())
    }

    #[test]
    fn paintings_are_given_to_the_artist_whose_works_are_nearest() {
        let device = Device::flex();
        let tracked = device.clone().autodiff();
        let artists = [works("a", 12, -1.0, 0.3, &device), works("b", 30, 1.0, 0.3, &device)];
        let domains = Domains::of(&artists);
        assert!(loss(&domains, -1.0, 0, &tracked) < 0.05 && loss(&domains, -1.0, 1, &tracked) > 3.0);
        assert!(loss(&domains, 1.0, 1, &tracked) < 0.05 && loss(&domains, 1.0, 0, &tracked) > 3.0);
        // Halfway it is told by chance.
        assert!((loss(&domains, 0.0, 0, &tracked) - 2f32.ln()).abs() < 0.4);
    }

    #[test]
    fn works_of_a_various_artist_are_not_given_to_one_who_is_not() {
        let device = Device::flex();
        let tracked = device.clone().autodiff();
        let artists = [works("various", 30, 0.0, 1.0, &device), works("constant", 30, 0.8, 0.05, &device)];
        let domains = Domains::of(&artists);
        for work in &artists[0][..10] {
            let look: Vec<Tensor<2>> = work.iter().cloned().map(Tensor::from_inner).collect();
            let [own, other] = [0, 1].map(|artist| scalar(domains.loss(&look, artist).inner()));
            assert!(own < other, "{own} {other}");
        }
        assert!(loss(&domains, 0.8, 1, &tracked) < loss(&domains, 0.8, 0, &tracked));
    }

    /// Where works cannot be told apart a classifier is not sure.
    #[test]
    fn a_classifier_is_as_sure_as_the_works_allow() {
        let device = Device::flex();
        let temperatures = [0.05, 0.5, 2.0].map(|apart: f32| {
            let domains = Domains::of(&[works("a", 25, 0.0, 1.0, &device), works("b", 25, apart, 1.0, &device)]);
            domains.levels[0].temperature
        });
        assert!(temperatures[0] >= temperatures[1] && temperatures[1] >= temperatures[2], "{temperatures:?}");
    }

    #[test]
    fn gradients_lead_to_the_own_works() {
        let device = Device::flex();
        let domains = Domains::of(&[works("a", 12, -1.0, 0.3, &device), works("b", 12, 1.0, 0.3, &device)]);
        let slope = |artist: usize| {
            let look = Tensor::<2>::full([1, 6], 0.2, &device.clone().autodiff()).require_grad();
            let grads = domains.loss(&[look.clone(), look.clone()], artist).backward();
            values(look.grad(&grads).unwrap())
        };
        assert!(slope(0).iter().sum::<f32>() > 0.0 && slope(1).iter().sum::<f32>() < 0.0);
    }
}
