//! Adapting the generator to artists.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;

use super::super::code::Code;
use super::super::grain::Grain;
use super::super::network::Generator;
use super::bank::{Bank, MOST_GRAIN, Usual};
use super::domains::Domains;
use super::heads::{Heads, SEEN};
use super::spread::{self, Spread};
use super::works::{self, Kind, Sight};
use super::{ArtistTraining, DESCRIPTOR};
use crate::blocks::{avg_pool2, channel_moments};
use crate::data::{Crops, Folder, Imitation};
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::losses;
use crate::rng::{self, Rng};
use crate::tensor::{self, ImageTensor};
use crate::train::{
    Adam, AdamConfig, Cause, Ema, Metrics, Objective, ParamGrads, State, fork, side_by_side, warm_cosine,
};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};

/// Share of each level in the content loss, coarsest perception levels last.
const CONTENT_SHARES: [f32; 5] = [0.0, 0.2, 0.4, 0.4, 0.0];

/// Directions of the sliced Wasserstein distance between colours.
const DIRECTIONS: usize = 16;

/// Steps between gradient penalties, which then weigh as many times as much.
const PENALTY_EVERY: u64 = 4;

/// Weight on values outside `[0, 1]`, which clamping would cut off.
const RANGE_WEIGHT: f32 = 10.0;

/// Photographs that works are compared with, to find photographs among them.
const COMPARED: usize = 100;

/// Fewer photographs do not say what photographs are like.
const USUAL_OF: usize = 8;

/// Neighbours that have to be photographs.
const NEIGHBOURS: usize = 8;

/// Share of the batches that are painted as one kind of works each. What lies between two is not like works.
const ALONE: f64 = 0.75;

/// What the generator's optimiser changes.
#[derive(Module, Debug)]
struct Painter {
    generator: Generator,
    /// The hand of every artist, `[artists, style_width]`.
    hands: Param<Tensor<2>>,
}

/// One artist.
struct Artist {
    name: String,
    works: Crops,
    kinds: Vec<Kind>,
    /// How lively the calm places of the works are.
    calm: f32,
    judge: Heads,
    judge_adam: Adam,
    /// Where it has a weight.
    spread: Option<Spread>,
}

/// The training state of `artist`.
pub struct ArtistObjective {
    settings: ArtistTraining,
    device: Device,
    /// What losses compare with, and then those that only judge how paintings are spread.
    networks: Vec<Box<dyn Features>>,
    photos: Crops,
    artists: Vec<Artist>,
    /// The works of all artists beside each other, where that has a weight.
    domains: Option<Domains>,
    /// The generator as it began; of it the encoder is used, which does not change.
    encoder: Generator,
    /// Moments of some of the photographs.
    strangers: Vec<Vec<f32>>,
    painter: Painter,
    adam: Adam,
    ema: Ema,
    /// Root mean square of the features at each of the levels the discriminators see.
    scales: Vec<f32>,
    /// Halved by every roll-back.
    rate_factor: f32,
    /// What was noticed about the works.
    remarks: Vec<String>,
    /// Stored in the weights' header.
    provenance: serde_json::Value,
}

/// One batch, all by one artist.
#[derive(Clone)]
struct Batch {
    artist: usize,
    content: ImageTensor,
    /// Crops of works of the kinds that are to be painted.
    real: ImageTensor,
    /// 1 for samples whose content is a work of the artist, `[n, 1, 1, 1]`.
    identity: Tensor<4>,
    /// Two kinds for each sample, and the share of the first in all of them.
    kinds: [Vec<usize>; 2],
    share: f32,
}

impl Batch {
    /// `count` samples from `from`.
    fn part(&self, from: usize, count: usize) -> Self {
        let cut = |x: &Tensor<4>| x.clone().narrow(0, from, count);
        Self {
            content: cut(&self.content),
            real: cut(&self.real),
            identity: cut(&self.identity),
            kinds: self.kinds.clone().map(|kinds| kinds[from..from + count].to_vec()),
            ..self.clone()
        }
    }
}

/// What one part of a batch gives.
struct Part {
    /// Of the works and of what was painted, at the levels the discriminators see.
    features: [Vec<Tensor<4>>; 2],
    /// Of what was painted, where the spread is asked for.
    look: Option<Vec<Tensor<2>>>,
    grads: ParamGrads,
    metrics: Metrics,
}

impl ArtistObjective {
    /// Begins with `base`, weights of `fusion` in the settings' dimensions, or with drawn ones; each folder that the works
    /// came from is an artist. `networks`, the first for the losses and the others judges, are on `device`, which has autodiff.
    ///
    /// # Errors
    /// [`EngineError::Caller`] where two folders have one name, crops are too small for a network, or judges have no say.
    pub fn new(
        settings: ArtistTraining,
        base: Option<&Arrays>,
        networks: Vec<Box<dyn Features>>,
        photos: Crops,
        works: Crops,
        provenance: serde_json::Value,
        device: &Device,
    ) -> Result<Self> {
        if !(0.0..=MOST_GRAIN).contains(&settings.grain) {
            let text = format!("a grain of {} is not one from 0 to {MOST_GRAIN}", settings.grain);
            return Err(EngineError::Caller(text));
        }
        let features = &*networks[0];
        let (spreads, classifies) = (settings.spread_weight > 0.0, settings.classification_weight > 0.0);
        let looks = spreads || classifies;
        if !looks && networks.len() > 1 {
            return Err(EngineError::Caller(
                "judges have no say without spread_weight or classification_weight: give one a value, or no judges"
                    .to_owned(),
            ));
        }
        for (number, network) in networks.iter().enumerate().filter(|_| looks) {
            let seen = spread::seen_side(number, settings.crop);
            if seen < network.min_side() {
                return Err(EngineError::Caller(format!(
                    "of a crop of {} px {} sees {seen} and needs {}: take a larger crop, or spread_weight and \
                     classification_weight = 0",
                    settings.crop,
                    network.name(),
                    network.min_side(),
                )));
            }
        }
        let generator = |device: &Device| {
            let fresh = Generator::new(&settings.network, settings.seed, device);
            match base {
                Some(base) => weights::apply(fresh, base).map_err(EngineError::Internal),
                None => Ok(fresh),
            }
        };
        let inner = device.clone().inner();
        let seer = generator(&inner)?;
        let generator = generator(device)?;
        let encoder = generator.clone().no_grad();
        let folders = works.by_root();
        let names: Vec<String> = folders.iter().map(|crops| slug(&crops.folder().name())).collect();
        if let Some(name) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name)) {
            let text = format!("two folders of paintings are called '{name}'; an artist is called as the folder is");
            return Err(EngineError::Caller(text));
        }
        let strangers = works::rows(&works::codes(photos.folder(), COMPARED, &seer, &inner));
        let mut remarks = Vec::new();
        let mut kinds: Vec<Vec<Kind>> = Vec::new();
        for (name, crops) in names.iter().zip(&folders) {
            let folder = crops.folder();
            let codes = works::codes(folder, usize::MAX, &seer, &inner);
            remarks.extend(suspicion(name, folder, &works::misplaced(&works::rows(&codes), &strangers, NEIGHBOURS)));
            remarks.extend(advice(name, folder.len()));
            kinds.push(works::kinds(folder, &codes, settings.bank, features, device));
        }
        let scales = SEEN.map(|level| {
            let all = || kinds.iter().flatten().map(|kind| &kind.sight[level]);
            let power = |sight: &Sight| (sight.mean.clone().square() + sight.deviation.clone().square()).mean();
            (all().map(|sight| tensor::scalar(power(sight))).sum::<f32>() / all().count() as f32).sqrt().max(1e-6)
        });
        let channels = SEEN.map(|level| kinds[0][0].sight[level].mean.dims()[1]);
        let adam = |beta1| Adam::new(AdamConfig { beta1, ..AdamConfig::default() });
        let looks: Vec<_> = match looks {
            true => folders.iter().map(|works| works::looks(works.folder(), &networks, device)).collect(),
            false => folders.iter().map(|_| Vec::new()).collect(),
        };
        // With a single work it is not known how various an artist's are.
        let comparable = looks.len() > 1 && looks.iter().all(|works| works.len() > 1);
        if classifies && !comparable {
            remarks.push(
                "classification_weight compares artists: it needs two of them or more, with two works each".to_owned(),
            );
        }
        let classifies = classifies && comparable;
        let domains = classifies.then(|| Domains::of(&looks));
        let artists: Vec<Artist> = names
            .into_iter()
            .zip(folders)
            .zip(kinds)
            .zip(looks)
            .map(|(((name, works), kinds), looks)| {
                let spread = spreads.then(|| Spread::of(&looks));
                let calm = works::calm(works.folder(), &inner);
                let judge = Heads::new(&channels, settings.seed, &format!("judge.{name}"), device);
                Artist { name, works, kinds, calm, judge, judge_adam: adam(0.0), spread }
            })
            .collect();
        let hands = Param::from_tensor(Tensor::zeros([artists.len(), settings.network.style_width], device));
        let painter = Painter { generator, hands };
        Ok(Self {
            ema: Ema::new(weights::collect(&painter)),
            device: device.clone(),
            networks,
            photos,
            artists,
            domains,
            encoder,
            strangers,
            painter,
            adam: adam(0.9),
            scales: scales.to_vec(),
            rate_factor: 1.0,
            remarks,
            provenance,
            settings,
        })
    }

    fn batch(&self, step: u64) -> Batch {
        let s = &self.settings;
        let (n, size) = (s.batch, s.crop);
        let mut rng = rng::stream(s.seed, "artist", step);
        let artist = rng.random_range(0..self.artists.len());
        let Artist { works, kinds, .. } = &self.artists[artist];
        let mut kind = || -> Vec<usize> { (0..n).map(|_| rng.random_range(0..kinds.len())).collect() };
        let [first, second] = [kind(), kind()];
        // Most batches are of one kind, the others of what lies between two.
        let share: f32 = if rng.random_bool(ALONE) { 1.0 } else { rng.random() };
        let (mut content, mut real, mut identity) = (Vec::new(), Vec::new(), Vec::new());
        for (i, index) in (step * n as u64..(step + 1) * n as u64).enumerate() {
            let shown = if rng.random::<f32>() < share { first[i] } else { second[i] };
            let own = rng.random_bool(s.identity_share);
            content.extend(match own {
                true => works.sample_among(2 * index + 1, &kinds[first[i]].works),
                false => self.photos.sample(index),
            });
            real.extend(works.sample_among(2 * index, &kinds[shown].works));
            identity.push(f32::from(u8::from(own)));
        }
        let image = |values| tensor::from_planar(values, n, size, size, &self.device);
        let identity = Tensor::from_data(TensorData::new(identity, [n, 1, 1, 1]), &self.device);
        Batch { artist, content: image(content), real: image(real), identity, kinds: [first, second], share }
    }

    /// Something of the kinds of works that a batch is to be painted as: two kinds mixed.
    fn aim<const D: usize>(&self, batch: &Batch, of: impl Fn(&Kind) -> Tensor<D>) -> Tensor<D> {
        let kinds = &self.artists[batch.artist].kinds;
        let all = |numbers: &[usize]| Tensor::cat(numbers.iter().map(|&kind| of(&kinds[kind])).collect(), 0);
        let [first, second] = &batch.kinds;
        let first = all(first);
        let mixed = if batch.share < 1.0 { first * batch.share + all(second) * (1.0 - batch.share) } else { first };
        Tensor::from_inner(mixed)
    }

    /// The codes that a batch is painted with.
    fn codes(&self, painter: &Painter, batch: &Batch) -> Vec<(Code, f32)> {
        let kinds = &self.artists[batch.artist].kinds;
        let width = self.settings.network.style_width;
        let hand = painter.hands.val().slice([batch.artist..batch.artist + 1, 0..width]); // [1, style_width]
        let [first, second] = batch.kinds.each_ref().map(|numbers| {
            let codes: Vec<&Code> = numbers.iter().map(|&kind| &kinds[kind].code).collect();
            Code::stack(&codes).tracked().by(hand.clone())
        });
        match batch.share {
            1.0 => vec![(first, 1.0)],
            share => vec![(first, share), (second, 1.0 - share)],
        }
    }

    /// The generator's loss without the discriminator's part.
    fn perception(
        &self,
        step: u64,
        batch: &Batch,
        output: Tensor<4>,
        painted: &[Tensor<4>],
        metrics: &mut Metrics,
    ) -> Tensor<1> {
        let s = &self.settings;
        let content = self.networks[0].extract(batch.content.clone());
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
            ("calm", losses::unfounded_forms(output.clone(), batch.content.clone(), calm), s.calm_weight),
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
    fn part(&self, step: u64, batch: Batch) -> Part {
        let mut metrics = Metrics::new();
        let mut painter = fork(&self.painter);
        if self.settings.hands_only {
            painter.generator = painter.generator.no_grad();
        }
        let codes = self.codes(&painter, &batch);
        let content = self.encoder.encode(batch.content.clone());
        let content = self.encoder.grained(content, Grain { amount: self.settings.grain, seed: step + 1 }, [0, 0]);
        let output = painter.generator.paint(content, &codes);
        let painted = self.networks[0].extract(output.clone());
        let real = self.networks[0].extract(batch.real.clone());
        // What lies between kinds is not like works, and says nothing of how paintings are spread.
        let artist = batch.artist;
        let spread = self.artists[artist].spread.as_ref();
        let looks = batch.share == 1.0 && (spread.is_some() || self.domains.is_some());
        let look = looks.then(|| spread::look(&self.networks, &output));
        let mut loss = self.perception(step, &batch, output, &painted, &mut metrics);
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

    fn judge_step(&mut self, step: u64, artist: usize, parts: Vec<[Vec<Tensor<4>>; 2]>, metrics: &mut Metrics) {
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

    /// The averaged painter, on a device without gradients.
    fn averaged(&self) -> Result<Painter> {
        let inner = self.device.clone().inner();
        let hands = Tensor::zeros(self.painter.hands.val().dims(), &inner);
        let fresh =
            Painter { generator: Generator::new(&self.settings.network, 0, &inner), hands: Param::from_tensor(hands) };
        weights::apply(fresh, self.ema.arrays()).map_err(EngineError::Internal)
    }

    /// An artist's codes with the hand of a painter.
    fn bank(&self, painter: &Painter, number: usize) -> Bank {
        let width = self.settings.network.style_width;
        let hand = painter.hands.val().slice([number..number + 1, 0..width]); // [1, style_width]
        let kinds = &self.artists[number].kinds;
        let codes = kinds.iter().map(|kind| kind.code.clone().by(hand.clone()));
        let works: usize = kinds.iter().map(|kind| kind.works.len()).sum();
        let shares: Vec<f32> = kinds.iter().map(|kind| kind.works.len() as f32 / works as f32).collect();
        let usual = (self.strangers.len() >= USUAL_OF).then(|| Usual::of(&self.strangers));
        Bank::new(codes.collect(), usual, self.settings.grain).balanced(&self.strangers, &shares)
    }
}

/// Says which works look like photographs.
fn suspicion(artist: &str, folder: &Folder, suspects: &[usize]) -> Option<String> {
    const NAMED: usize = 5;
    let name = |work: &usize| folder.paths()[*work].file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named: Vec<String> = suspects.iter().take(NAMED).map(name).collect();
    let more = suspects.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!suspects.is_empty()).then(|| {
        format!(
            "{artist}: more like the photographs than like the paintings, look whether they belong here: {}{more}",
            named.join(", ")
        )
    })
}

/// What suits an artist of whom there are so many works better than learning a hand.
fn advice(artist: &str, works: usize) -> Option<String> {
    let way = Imitation::of(works);
    (way != Imitation::Artist).then(|| format!("{artist}: {way}"))
}

/// Adds a part's share of the figures of `count` parts.
fn add_share(metrics: &mut Metrics, part: &Metrics, count: usize) {
    for (name, value) in part {
        *metrics.entry(name).or_default() += value / count as f32;
    }
}

/// A folder's name as people type it: small letters, digits and hyphens.
fn slug(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "artist".to_owned() } else { parts.join("-") }
}

impl Objective for ArtistObjective {
    fn step(&mut self, step: u64) -> Result<Metrics> {
        let batch = self.batch(step);
        let (artist, n) = (batch.artist, self.settings.batch);
        let parts = match n {
            n if n.is_multiple_of(2) => vec![batch.part(0, n / 2), batch.part(n / 2, n / 2)],
            _ => vec![batch],
        };
        let count = parts.len();
        let parts = side_by_side(parts, |part| self.part(step, part));
        let mut metrics = Metrics::new();
        let (mut grads, mut features, mut looks) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            add_share(&mut metrics, &part.metrics, count);
            grads.push(part.grads);
            features.push(part.features);
            looks.extend(part.look);
        }
        if let Some(spread) = &mut self.artists[artist].spread {
            looks.iter().for_each(|look| spread.remember(look));
        }
        let s = &self.settings;
        let rate = s.rate * warm_cosine(step, s.steps, s.warm_up, 0.02) * self.rate_factor;
        let (painter, norm) = self.adam.step(self.painter.clone(), &ParamGrads::mean(grads), rate);
        self.painter = painter;
        metrics.insert("gradient", norm);
        metrics.insert("rate", rate);
        self.ema.update(&weights::collect(&self.painter), self.settings.ema, step);
        self.judge_step(step, artist, features, &mut metrics);
        Ok(metrics)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.put("painter", weights::collect(&self.painter));
        state.put("ema", self.ema.arrays().clone());
        self.adam.save("painter_adam", &mut state);
        for artist in &self.artists {
            state.put(&format!("judge.{}", artist.name), weights::collect(&artist.judge));
            artist.judge_adam.save(&format!("judge_adam.{}", artist.name), &mut state);
            state.put(&format!("spread.{}", artist.name), artist.spread.as_ref().map(Spread::save).unwrap_or_default());
        }
        state.counters.insert("rate_factor".to_owned(), u64::from(self.rate_factor.to_bits()));
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), String> {
        let inner = self.device.clone().inner();
        self.painter = weights::apply(self.painter.clone(), &state.under("painter"))?;
        self.ema = Ema::new(state.under("ema"));
        self.adam.restore("painter_adam", state, &inner)?;
        for artist in &mut self.artists {
            let name = &artist.name;
            artist.judge = weights::apply(artist.judge.clone(), &state.under(&format!("judge.{name}")))?;
            artist.judge_adam.restore(&format!("judge_adam.{name}"), state, &inner)?;
            if let Some(spread) = &mut artist.spread {
                spread.restore(&state.under(&format!("spread.{name}")))?;
            }
        }
        let bits = state.counters.get("rate_factor").ok_or("the rate factor is missing")?;
        self.rate_factor = u32::try_from(*bits).map(f32::from_bits).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn begin_from(&mut self, arrays: &Arrays) -> Result<(), String> {
        let inner = self.device.clone().inner();
        let (generator, banks) = Bank::take_all(arrays, &self.settings.network, &inner)?;
        let generator = weights::apply(self.painter.generator.clone(), &generator)?;
        let [count, width] = self.painter.hands.val().dims();
        let mut hands = vec![0.0; count * width];
        for (hand, artist) in hands.chunks_exact_mut(width).zip(&self.artists) {
            if let Some(known) = banks.get(&artist.name).and_then(Bank::hand) {
                hand.copy_from_slice(&known);
            }
        }
        let hands = Tensor::from_data(TensorData::new(hands, [count, width]), &self.device);
        self.painter = Painter { generator, hands: Param::from_tensor(hands) };
        self.ema = Ema::new(weights::collect(&self.painter));
        Ok(())
    }

    fn preview(&self) -> Result<Picture> {
        const ROWS: u64 = 4;
        let painter = self.averaged()?;
        let inner = self.device.clone().inner();
        let encoder = &painter.generator;
        let banks: Vec<Bank> = (0..self.artists.len()).map(|number| self.bank(&painter, number)).collect();
        let mut cells = Vec::new();
        for row in 0..ROWS {
            let content = self.photos.batch(u64::MAX / 2 + row, 1, &inner);
            cells.push(tensor::to_picture(content.clone())?);
            let code = encoder.code(&encoder.encode(content.clone()));
            for bank in &banks {
                let codes = bank.choose(&code);
                let grain = Grain { amount: self.settings.grain, seed: 0 };
                let content = encoder.grained(encoder.encode(content.clone()), grain, [0, 0]);
                let painted = painter.generator.paint(content, &codes);
                cells.push(tensor::to_picture(painted)?);
            }
        }
        let side = self.settings.crop as u32;
        let cells: Vec<&Picture> = cells.iter().collect();
        Ok(impasto_image::sheet::contact_sheet(&cells, self.artists.len() as u32 + 1, (side, side), 4))
    }

    fn export(&self) -> Result<(Header, Arrays)> {
        let painter = self.averaged()?;
        let mut arrays = weights::collect(&painter.generator);
        for (number, artist) in self.artists.iter().enumerate() {
            arrays.extend(self.bank(&painter, number).to_arrays(&artist.name));
        }
        let names: Vec<&str> = self.artists.iter().map(|artist| artist.name.as_str()).collect();
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: DESCRIPTOR.name.to_owned(),
            title: names.join(", "),
            licence: "MIT OR Apache-2.0".to_owned(),
            config: serde_json::to_value(&self.settings.network).unwrap_or_default(),
            training: self.provenance.clone(),
        };
        Ok((header, arrays))
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    fn soften(&mut self, _: Cause) -> String {
        self.rate_factor *= 0.5;
        "half the learning rate".to_owned()
    }
}
