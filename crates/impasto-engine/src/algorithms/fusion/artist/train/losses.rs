//! Losses of the painter and of the discriminators.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::super::heads::SEEN;
use super::super::spread;
use super::super::works::Sight;
use super::batch::Batch;
use super::{Artist, ArtistObjective};
use crate::blocks::{avg_pool2, channel_moments};
use crate::losses;
use crate::train::{Metrics, ParamGrads, fork, side_by_side, warm_cosine};
use crate::{rng, tensor};

/// Share of each level in the content loss, coarsest perception levels last.
const CONTENT_SHARES: [f32; 5] = [0.0, 0.2, 0.4, 0.4, 0.0];

/// Directions of the sliced Wasserstein distance between colours.
const DIRECTIONS: usize = 16;

/// Steps between gradient penalties, which then weigh as many times as much.
const PENALTY_EVERY: u64 = 4;

/// Weight on values outside `[0, 1]`, which clamping would cut off.
const RANGE_WEIGHT: f32 = 10.0;

/// What one part of a batch gives.
pub(super) struct Part {
    /// Of the works and of what was painted, at the levels the discriminators see.
    pub(super) features: [Vec<Tensor<4>>; 2],
    /// Of what was painted, where the spread is asked for.
    pub(super) look: Option<Vec<Tensor<2>>>,
    pub(super) grads: ParamGrads,
    pub(super) metrics: Metrics,
}

impl ArtistObjective {
    /// The generator's loss without the discriminator's part, of contents as they were prepared and what was painted of them.
    fn perception(
        &self,
        step: u64,
        batch: &Batch,
        [prepared, output]: [Tensor<4>; 2],
        painted: &[Tensor<4>],
        metrics: &mut Metrics,
    ) -> Tensor<1> {
        let s = &self.settings;
        let content = self.networks[0].extract(prepared.clone());
        let levels = painted.len() as f32;
        let zero = || Tensor::<1>::zeros([1], &self.device);
        let (mut content_loss, mut moments, mut grams) = (zero(), zero(), zero());
        for (i, painted) in painted.iter().enumerate() {
            let (mean, deviation) = channel_moments(painted.clone()); // [n, c] each
            let aimed = |of: &dyn Fn(&Sight) -> Tensor<2>| self.aim(batch, |kind| of(&kind.sight[i]));
            let off = losses::relative_error(mean, aimed(&|sight| sight.mean.clone()))
                + losses::relative_error(deviation, aimed(&|sight| sight.deviation.clone()));
            moments = moments + off / levels;
            let aim = self.aim(batch, |kind| kind.sight[i].gram.clone()); // [n, c, c]
            grams = grams + losses::gram_error(losses::gram(painted.clone()), aim) / levels;
            if CONTENT_SHARES[i] > 0.0 {
                content_loss = content_loss + losses::content(painted.clone(), content[i].clone()) * CONTENT_SHARES[i];
            }
        }
        let calm = self.artists[batch.artist].calm;
        let afar = |image: Tensor<4>| avg_pool2(avg_pool2(image)); // [n, 3, h/4, w/4]
        let directions = self.directions(step);
        let parts = [
            ("content", content_loss, s.content_weight),
            ("moments", moments, s.moment_weight),
            ("gram", grams, s.gram_weight),
            (
                "colour",
                losses::sliced_wasserstein(afar(output.clone()), afar(batch.real.clone()), directions),
                s.colour_weight,
            ),
            (
                "identity",
                ((output.clone() - batch.content.clone()).abs() * batch.identity.clone()).mean(),
                s.identity_weight,
            ),
            ("tv", losses::total_variation(output.clone()), s.tv_weight),
            ("calm", losses::unfounded_forms(output.clone(), prepared, calm), s.calm_weight),
            ("range", losses::out_of_range(output), RANGE_WEIGHT),
        ];
        let mut total = zero();
        for (name, loss, weight) in parts {
            metrics.insert(name, tensor::scalar(loss.clone().inner()));
            total = total + loss * weight;
        }
        total
    }

    /// Random unit directions of a step's sliced Wasserstein distance between colours, `[3, 16]`.
    fn directions(&self, step: u64) -> Tensor<2> {
        let mut rng = rng::stream(self.settings.seed, "directions", step);
        let draws = TensorData::new(rng::normal(&mut rng, 3 * DIRECTIONS), [3, DIRECTIONS]);
        let directions = Tensor::<2>::from_data(draws, &self.device);
        let norm = directions.clone().square().sum_dim(0).sqrt(); // [1, DIRECTIONS]
        directions / norm
    }

    /// Features at the levels that discriminators see, with a root mean square of about 1.
    fn seen(&self, features: &[Tensor<4>]) -> Vec<Tensor<4>> {
        SEEN.iter().zip(&self.scales).map(|(&level, scale)| features[level].clone() / *scale).collect()
    }

    /// The generator's gradients over a part of a batch.
    pub(super) fn part(&self, step: u64, batch: Batch) -> Part {
        let mut metrics = Metrics::new();
        let mut painter = fork(&self.painter);
        if self.settings.hands_only {
            painter.generator = painter.generator.no_grad();
        }
        let codes = self.codes(&painter, &batch);
        let content = self.encoder.encode(batch.content.clone());
        let content = self.encoder.prepared(content, self.settings.preparation(), step + 1);
        let [aimed_at, ..] = content.maps.clone();
        let output = painter.generator.paint(content, &codes);
        let painted = self.networks[0].extract(output.clone());
        let real = self.networks[0].extract(batch.real.clone());
        // What lies between kinds is not like works, and says nothing of how paintings are spread.
        let artist = batch.artist;
        let spread = self.artists[artist].spread.as_ref();
        let looks = batch.share == 1.0 && (spread.is_some() || self.domains.is_some());
        let look = looks.then(|| spread::look(&self.networks, &output));
        let mut loss = self.perception(step, &batch, [aimed_at, output], &painted, &mut metrics);
        if let (Some(spread), Some(look)) = (spread, &look) {
            let apart = spread.loss(look);
            metrics.insert("spread", tensor::scalar(apart.clone().inner()));
            loss = loss + apart * self.settings.spread_weight;
        }
        if let (Some(domains), Some(look)) = (&self.domains, &look) {
            let taken = domains.loss(look, artist);
            metrics.insert("classification", tensor::scalar(taken.clone().inner()));
            loss = loss + taken * self.settings.classification_weight;
        }
        let (painted, real) = (self.seen(&painted), self.seen(&real));
        let judge = self.artists[artist].judge.clone().no_grad();
        let opinion = judge.generator_loss(&real, &painted);
        metrics.insert("adversarial", tensor::scalar(opinion.clone().inner()));
        loss = loss + opinion * self.settings.adversarial_weight;
        metrics.insert("loss", tensor::scalar(loss.clone().inner()));
        let grads = ParamGrads::of(&painter, &loss.backward());
        let detached = |features: Vec<Tensor<4>>| features.into_iter().map(Tensor::detach).collect();
        let look = look.map(|levels| levels.into_iter().map(Tensor::detach).collect());
        Part { features: [detached(real), detached(painted)], look, grads, metrics }
    }

    /// A step of the artist's discriminator on what the painter's step saw: features of works and of paintings.
    pub(super) fn judge_step(
        &mut self,
        step: u64,
        artist: usize,
        parts: Vec<[Vec<Tensor<4>>; 2]>,
        metrics: &mut Metrics,
    ) {
        let s = &self.settings;
        let rate = s.discriminator_rate * warm_cosine(step, s.steps, s.warm_up, 0.1) * self.rate_factor;
        let judge = &self.artists[artist].judge;
        // Parts side by side, as for the generator.
        let one = |(number, [real, fake]): (usize, [Vec<Tensor<4>>; 2])| {
            let judge = fork(judge);
            let mut rng = rng::stream(s.seed, "penalty", step * 64 + number as u64);
            let noise = |x: &Tensor<4>| {
                let dims = x.dims();
                tensor::like(rng::signs(&mut rng, dims.iter().product()), dims, x)
            };
            let due = step.is_multiple_of(PENALTY_EVERY) && s.penalty_weight > 0.0;
            let mut metrics = Metrics::new();
            let loss = if due {
                let [loss, penalty] = judge.discriminator_loss_and_penalty([&real, &fake], noise);
                metrics.insert("discriminator", tensor::scalar(loss.clone().inner()));
                metrics.insert("penalty", tensor::scalar(penalty.clone().inner()));
                loss + penalty * (s.penalty_weight * PENALTY_EVERY as f32)
            } else {
                let loss = judge.discriminator_loss([&real, &fake]);
                metrics.insert("discriminator", tensor::scalar(loss.clone().inner()));
                loss
            };
            (ParamGrads::of(&judge, &loss.backward()), metrics)
        };
        let count = parts.len();
        let done = side_by_side(parts.into_iter().enumerate().collect(), one);
        let mut grads = Vec::with_capacity(count);
        for (part, figures) in done {
            grads.push(part);
            add_share(metrics, &figures, count);
        }
        let Artist { judge, judge_adam, .. } = &mut self.artists[artist];
        let (next, _) = judge_adam.step(judge.clone(), &ParamGrads::mean(grads), rate);
        *judge = next;
    }
}

/// Adds a part's share of the figures of `count` parts.
pub(super) fn add_share(metrics: &mut Metrics, part: &Metrics, count: usize) {
    for (name, value) in part {
        *metrics.entry(name).or_default() += value / count as f32;
    }
}
