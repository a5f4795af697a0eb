//! Batches, and what they are to be painted as.

use burn::tensor::{Tensor, TensorData};

use super::super::super::code::Code;
use super::super::works::Kind;
use super::{Artist, ArtistObjective, Painter};
use crate::rng::{self, Rng};
use crate::tensor::{self, ImageTensor};

/// Share of the batches that are painted as one kind of works each. What lies between two is not like works.
const ALONE: f64 = 0.75;

/// One batch, all by one artist.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) artist: usize,
    pub(super) content: ImageTensor,
    /// Crops of works of the kinds that are to be painted.
    pub(super) real: ImageTensor,
    /// 1 for samples whose content is a work of the artist, `[n, 1, 1, 1]`.
    pub(super) identity: Tensor<4>,
    /// Two kinds for each sample, and the share of the first in all of them.
    kinds: [Vec<usize>; 2],
    pub(super) share: f32,
}

impl Batch {
    /// `count` samples from `from`.
    pub(super) fn part(&self, from: usize, count: usize) -> Self {
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

impl ArtistObjective {
    pub(super) fn batch(&self, step: u64) -> Batch {
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
    pub(super) fn aim<const D: usize>(&self, batch: &Batch, of: impl Fn(&Kind) -> Tensor<D>) -> Tensor<D> {
        let kinds = &self.artists[batch.artist].kinds;
        let all = |numbers: &[usize]| Tensor::cat(numbers.iter().map(|&kind| of(&kinds[kind])).collect(), 0);
        let [first, second] = &batch.kinds;
        let first = all(first);
        let mixed = if batch.share < 1.0 { first * batch.share + all(second) * (1.0 - batch.share) } else { first };
        Tensor::from_inner(mixed)
    }

    /// The codes that a batch is painted with.
    pub(super) fn codes(&self, painter: &Painter, batch: &Batch) -> Vec<(Code, f32)> {
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
}
