//! Adapting the generator to artists.

mod batch;
mod begin;
mod losses;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;

use super::super::network::Generator;
use super::bank::{Bank, Usual};
use super::domains::Domains;
use super::heads::Heads;
use super::spread::Spread;
use super::works::Kind;
use super::{ArtistTraining, DESCRIPTOR};
use crate::data::Crops;
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::tensor;
use crate::train::{Adam, Cause, Ema, Metrics, Objective, ParamGrads, State, side_by_side, warm_cosine};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};
use losses::add_share;

/// Fewer photographs do not say what photographs are like.
const USUAL_OF: usize = 8;

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

impl ArtistObjective {
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
        Bank::new(codes.collect(), usual, self.settings.preparation()).balanced(&self.strangers, &shares)
    }
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
                let content = encoder.prepared(encoder.encode(content.clone()), bank.preparation(), 0);
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
