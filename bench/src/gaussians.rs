//! Whether a loss finds all of a distribution: 25 narrow Gaussians on a grid, learned by two small perceptrons.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Tensor, TensorData};
use clap::Args;
use impasto_engine::Device;
use impasto_engine::losses::{AdversarialLoss, Judge, Judged, Penalty, PenaltyKind, Source};
use impasto_engine::rng::{self, Rng};
use impasto_engine::train::{Adam, AdamConfig, Ema, ParamGrads, warm_cosine};
use impasto_engine::{tensor, weights};
use serde::Serialize;

use crate::record::{self, Circumstances};

/// Slope of hidden units below zero.
const SLOPE: f64 = 0.2;
/// Samples that are judged in the end.
const JUDGED: usize = 10_000;
/// Decay of the gradients' second moment in Adam. With 0.99 modes get lost again on the way.
const BETA2: f32 = 0.999;
/// A sample is near a mode within this many of its deviations; so are 98.9 % of true samples.
const NEAR: f32 = 3.0;

/// Options of `gaussians`.
#[derive(Debug, Clone, Args)]
pub(crate) struct GaussiansArgs {
    /// Losses by name.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "relativistic,minimax", value_parser = loss)]
    losses: Vec<AdversarialLoss>,
    /// Training steps of each.
    #[arg(long, value_name = "N", default_value_t = 80_000, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Samples a step.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..))]
    batch: u32,
    /// Units of each of the three hidden layers.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    width: u32,
    /// Numbers of a latent.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    latent: u32,
    /// Learning rate at its highest; it falls along half a cosine.
    #[arg(long, value_name = "RATE", default_value_t = 2.5e-3)]
    rate: f32,
    /// Weight of the gradient penalties of relativistic (R1 and R2) and wasserstein (WGAN-GP); the other losses play
    /// without, as in their papers.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.1)]
    penalty: f32,
    /// The penalty's weight at the end as a share of it: over the second half it falls along half a cosine, when all modes
    /// are covered and the gaps between them are left to clear.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    penalty_floor: f32,
    /// Estimate the gradients of penalties from differences instead.
    #[arg(long)]
    differences: bool,
    /// Seeds of everything random: each loss is played with each.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn loss(name: &str) -> Result<AdversarialLoss, String> {
    serde_json::from_value(name.into()).map_err(|e| e.to_string())
}

/// A mixture of equally frequent Gaussians in the plane.
struct Mixture {
    modes: Vec<[f32; 2]>,
    deviation: f32,
}

impl Mixture {
    /// 25 modes 2 apart, from -4 to 4 both ways, of deviation 0.05.
    fn grid() -> Self {
        let at = |i: usize| 2.0 * i as f32 - 4.0;
        Self { modes: (0..25).map(|i| [at(i / 5), at(i % 5)]).collect(), deviation: 0.05 }
    }

    fn draw(&self, count: usize, seed: u64, step: u64, device: &Device) -> Tensor<2> {
        let mut rng = rng::stream(seed, "mixture", step);
        let mut values = Vec::with_capacity(2 * count);
        for _ in 0..count {
            let mode = self.modes[rng.random_range(0..self.modes.len())];
            let noise = rng::normal(&mut rng, 2);
            values.extend([mode[0] + self.deviation * noise[0], mode[1] + self.deviation * noise[1]]);
        }
        rows(values, [count, 2], device)
    }

    /// Judges samples, flat pairs.
    fn judge(&self, samples: &[f32]) -> Found {
        let mut counts = vec![0usize; self.modes.len()];
        let distance = |a: &[f32], b: &[f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        for sample in samples.chunks_exact(2) {
            let nearest = (0..self.modes.len())
                .min_by(|&i, &j| distance(sample, &self.modes[i]).total_cmp(&distance(sample, &self.modes[j])));
            if let Some(mode) = nearest.filter(|&mode| distance(sample, &self.modes[mode]) <= NEAR * self.deviation) {
                counts[mode] += 1;
            }
        }
        let (total, near) = (samples.len() / 2, counts.iter().sum::<usize>());
        // A mode counts as found from a tenth of its share on.
        let modes = counts.iter().filter(|&&count| count * 10 * self.modes.len() >= total).count();
        let share = |count: usize| count as f64 / near.max(1) as f64;
        let kl = counts.iter().filter(|&&count| count > 0).map(|&count| {
            let share = share(count);
            share * (share * self.modes.len() as f64).ln()
        });
        Found { modes, near: near as f64 / total.max(1) as f64, kl: kl.sum() }
    }
}

/// How much of a mixture samples hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Found {
    /// Modes that have a tenth of their share of samples or more.
    modes: usize,
    /// Share of samples near a mode.
    near: f64,
    /// Kullback-Leibler divergence of the near samples' modes from even shares, in nats.
    kl: f64,
}

fn rows(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A perceptron.
#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    /// He-normal weights. The first layer's hinges lie up to about `reach` from the origin, where there are inputs to tell
    /// apart; through the origin, all of them, they could not.
    fn new(widths: &[usize], reach: f32, seed: u64, name: &str, device: &Device) -> Self {
        let layer = |(i, pair): (usize, &[usize])| {
            let (from, to) = (pair[0], pair[1]);
            let mut rng = rng::stream(seed, &format!("{name}.{i}"), 0);
            let deviation = (2.0 / from as f32).sqrt();
            let mut draw = |count: usize, deviation: f32| {
                rng::normal(&mut rng, count).into_iter().map(|v| v * deviation).collect::<Vec<f32>>()
            };
            let weights = draw(from * to, deviation);
            let biases = draw(to, if i == 0 { deviation * reach } else { 0.0 });
            Linear {
                weight: Param::from_data(TensorData::new(weights, [from, to]), device),
                bias: Some(Param::from_data(TensorData::new(biases, [to]), device)),
            }
        };
        Self { layers: widths.windows(2).enumerate().map(layer).collect() }
    }

    /// `[n, first width]` to `[n, last width]`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let x = layer.forward(x);
            if i < last { leaky_relu(x, SLOPE) } else { x }
        })
    }

    /// The gradient of the sum of all outputs by the inputs: `[n, first width]`, as a function of the weights.
    fn input_gradient(&self, mut x: Tensor<2>) -> Option<Tensor<2>> {
        let (last, hidden) = self.layers.split_last()?;
        let mut slopes = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let pre = layer.forward(x);
            // Constant but for a set of measure zero.
            slopes.push(pre.clone().detach().greater_equal_elem(0.0).float() * (1.0 - SLOPE) + SLOPE);
            x = leaky_relu(pre, SLOPE);
        }
        let n = x.dims()[0];
        let from = |layer: &Linear| layer.weight.val().transpose(); // [to, from]
        let outputs = last.weight.val().dims()[1];
        let top = Tensor::ones([n, outputs], &x.device()).matmul(from(last)); // [n, width]
        let layers = hidden.iter().zip(slopes).rev();
        Some(layers.fold(top, |gradient, (layer, slope)| (gradient * slope).matmul(from(layer))))
    }
}

impl Judge<2> for Perceptron {
    fn judge(&self, samples: Tensor<2>, _: Source) -> Tensor<2> {
        self.forward(samples)
    }

    fn gradient(&self, samples: Tensor<2>, _: Source) -> Option<Tensor<2>> {
        self.input_gradient(samples)
    }
}

/// How a loss is played.
#[derive(Debug, Clone, Serialize)]
struct Game {
    loss: AdversarialLoss,
    penalty: Penalty,
    penalty_floor: f32,
    steps: u64,
    batch: usize,
    width: usize,
    latent: usize,
    rate: f32,
    seed: u64,
}

impl Game {
    fn new(args: &GaussiansArgs, loss: AdversarialLoss, seed: u64) -> Self {
        let kind = match loss {
            AdversarialLoss::Relativistic => PenaltyKind::R1R2,
            AdversarialLoss::Wasserstein => PenaltyKind::Wgan,
            _ => PenaltyKind::None,
        };
        // Differences well below the width of a mode.
        let penalty = Penalty { kind, weight: args.penalty, every: 1, exact: Some(!args.differences), sigma: 0.005 };
        Self {
            loss,
            penalty,
            penalty_floor: args.penalty_floor,
            steps: args.steps.into(),
            batch: args.batch as usize,
            width: args.width as usize,
            latent: args.latent as usize,
            rate: args.rate,
            seed,
        }
    }

    /// Samples of the averaged generator after training, flat pairs.
    fn play(&self, mixture: &Mixture) -> Result<Vec<f32>> {
        let device = Device::flex().autodiff();
        let inner = [self.width; 3];
        let network = |from: usize, to: usize, reach: f32, name| {
            let widths = [&[from][..], &inner, &[to]].concat();
            Perceptron::new(&widths, reach, self.seed, name, &device)
        };
        let mut generator = network(self.latent, 2, 1.0, "generator");
        let mut discriminator = network(2, 1, 4.0, "discriminator");
        let config =
            AdamConfig { beta1: 0.0, beta2: BETA2, clip_norm: f32::INFINITY, skip_norm: 1e6, ..AdamConfig::default() };
        let (mut generator_adam, mut discriminator_adam) = (Adam::new(config), Adam::new(config));
        let mut ema = Ema::new(weights::collect(&generator));
        let latents = |step: u64, count: usize, stream: &str| {
            let draws = rng::normal(&mut rng::stream(self.seed, stream, step), count * self.latent);
            rows(draws, [count, self.latent], &device)
        };
        for step in 0..self.steps {
            let rate = self.rate * warm_cosine(step, self.steps, 100, 0.01);
            let real = mixture.draw(self.batch, self.seed, step, &device);
            let fake = generator.forward(latents(step, self.batch, "latents"));
            let judged = |samples: Tensor<2>| Judged { logits: discriminator.forward(samples.clone()), samples };
            let (at_real, at_fake) = (judged(real.clone()), judged(fake.clone().detach()));
            let mut loss = self.loss.discriminator(at_real.logits.clone(), at_fake.logits.clone());
            if self.penalty.is_due(step) {
                let mut rng = rng::stream(self.seed, "penalty", step);
                let half = self.steps / 2;
                let share = warm_cosine(step.saturating_sub(half), self.steps - half, 0, self.penalty_floor);
                let penalty = Penalty { weight: self.penalty.weight * share, ..self.penalty };
                let penalty = penalty.loss(&discriminator, &at_real, &at_fake, &mut rng);
                loss = loss + penalty.map_err(|problem| anyhow!(problem))?;
            }
            let grads = ParamGrads::of(&discriminator, &loss.backward());
            discriminator = discriminator_adam.step(discriminator, &grads, rate).0;

            let judge = discriminator.clone().no_grad();
            let at_real = self.loss.needs_real().then(|| judge.forward(real));
            let loss = self.loss.generator(at_real, judge.forward(fake));
            let grads = ParamGrads::of(&generator, &loss.backward());
            generator = generator_adam.step(generator, &grads, rate).0;
            ema.update(&weights::collect(&generator), 0.999, step);
        }
        let averaged = weights::apply(generator, ema.arrays()).map_err(|problem| anyhow!(problem))?.no_grad();
        Ok(tensor::values(averaged.forward(latents(0, JUDGED, "judged latents"))))
    }
}

#[derive(Debug, Serialize)]
struct Outcome {
    game: Game,
    found: Found,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Record {
    bench: &'static str,
    circumstances: Circumstances,
    outcomes: Vec<Outcome>,
}

/// Trains with every loss and prints what was found.
pub(crate) fn run(args: &GaussiansArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    println!("{}", circumstances.line());
    println!("25 Gaussians; {} steps of {}, {} samples judged", args.steps, args.batch, JUDGED);
    println!("  {:16} {:8} {:>6} {:>8} {:>8} {:>8} {:>8}", "loss", "penalty", "seed", "modes", "near", "KL", "seconds");
    let mixture = Mixture::grid();
    let mut outcomes = Vec::new();
    let games = args.losses.iter().flat_map(|&loss| args.seeds.iter().map(move |&seed| (loss, seed)));
    for (loss, seed) in games {
        let game = Game::new(args, loss, seed);
        game.penalty.validate().map_err(|problem| anyhow!(problem))?;
        let started = Instant::now();
        let found = mixture.judge(&game.play(&mixture)?);
        let seconds = started.elapsed().as_secs_f64();
        let name = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        println!(
            "  {:16} {:8} {seed:>6} {:>5}/25 {:>6.1} % {:>8.3} {:>8.0}",
            name(serde_json::to_value(loss)?),
            name(serde_json::to_value(game.penalty.kind)?),
            found.modes,
            100.0 * found.near,
            found.kl,
            seconds
        );
        outcomes.push(Outcome { game, found, seconds });
    }
    if let Some(path) = &args.json {
        record::append(path, &Record { bench: "gaussians", circumstances, outcomes })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_counted_by_mode() {
        let mixture = Mixture::grid();
        let device = Device::flex();
        let true_samples = tensor::values(mixture.draw(JUDGED, 1, 0, &device));
        let found = mixture.judge(&true_samples);
        assert!(found.modes == 25 && (found.near - 0.989).abs() < 0.005 && found.kl < 0.01, "{found:?}");
        let one: Vec<f32> = [-4.0, 2.1].repeat(100);
        let found = mixture.judge(&one);
        assert!(found.modes == 1 && found.near == 1.0 && (found.kl - 25f64.ln()).abs() < 1e-9, "{found:?}");
        let between: Vec<f32> = [-3.0, 1.0].repeat(100);
        assert_eq!(mixture.judge(&between), Found { modes: 0, near: 0.0, kl: 0.0 });
    }

    #[test]
    fn the_gradient_by_hand_is_that_of_differentiation() {
        let device = Device::flex().autodiff();
        let net = Perceptron::new(&[2, 16, 16, 16, 1], 1.0, 3, "net", &device);
        let x = rows(rng::normal(&mut rng::stream(1, "x", 0), 20), [10, 2], &device).require_grad();
        let expected = x.grad(&net.forward(x.clone()).sum().backward()).map(tensor::values).unwrap();
        let found = net.input_gradient(x).map(tensor::values).unwrap();
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
    }

    /// A small version: 8 modes on a ring, by the default loss.
    #[test]
    fn the_default_loss_finds_a_ring() {
        let at = |i: usize| (i as f32 * std::f32::consts::TAU / 8.0).sin_cos();
        let mixture = Mixture { modes: (0..8).map(|i| [at(i).0, at(i).1]).collect(), deviation: 0.1 };
        let penalty = Penalty { weight: 0.02, every: 1, exact: Some(true), ..Penalty::default() };
        let loss = AdversarialLoss::default();
        let game = Game {
            loss,
            penalty,
            penalty_floor: 0.1,
            steps: 800,
            batch: 128,
            width: 32,
            latent: 4,
            rate: 2e-3,
            seed: 1,
        };
        let found = mixture.judge(&game.play(&mixture).unwrap());
        assert!(found.modes == 8 && found.near > 0.6, "{found:?}");
    }
}
