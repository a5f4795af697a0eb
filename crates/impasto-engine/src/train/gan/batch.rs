//! What a step is made from: real pictures, latents, labels and noise, all by sample number.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Draw, GanTraining, GeneratorNet};
use crate::data::Gallery;
use crate::generator::{Form, Noise, Synthesis};
use crate::losses;
use crate::rng::{self, Rng};

/// Latents over which statistics for inference are taken.
const CALIBRATION: usize = 512;

/// Latents in one batch of them.
const CALIBRATION_BATCH: usize = 32;

/// Pictures computed together where many are looked at.
const PART: usize = 25;

/// Rows of the grid of samples that is shown and watched.
const ROWS: usize = 8;

/// Its columns, where classes do not say how many.
const COLUMNS: usize = 8;

/// Most classes that get a column each.
const MOST_COLUMNS: usize = 16;

/// Real pictures, and what as many made ones are made from.
pub(super) struct Batch {
    /// Number of the first sample.
    pub(super) first: u64,
    /// `[n, 3, h, w]`
    pub(super) real: Tensor<4>,
    /// Classes of the real pictures, which the made ones shall have too: `[n, classes]`.
    pub(super) labels: Option<Tensor<2>>,
    /// `[n, latent]`
    pub(super) latents: Tensor<2>,
    /// Noise of the layers.
    pub(super) synthesis: Synthesis,
    /// Latents whose styles some samples change to at a layer, `[n, latent]`; `None` where styles are not mixed.
    other: Option<Tensor<2>>,
}

/// Draws batches. Everything depends on the seed and the sample's number only.
pub(super) struct Sampler {
    gallery: Gallery,
    form: Form,
    batch: usize,
    seed: u64,
    mirror: bool,
    style_mixing: f32,
}

impl Sampler {
    pub(super) fn new<C>(settings: &GanTraining<C>, gallery: Gallery, form: Form) -> Result<Self, String> {
        if gallery.size() != settings.size || gallery.classes() != settings.classes {
            return Err("the pictures are not of the size and classes that the settings say".into());
        }
        let GanTraining { batch, seed, style_mixing, .. } = *settings;
        let gallery = gallery.varied(settings.vary);
        Ok(Self { gallery, form, batch, seed, mirror: settings.vary.mirror, style_mixing })
    }

    /// The batch of a step: two halves of it where its number is even.
    pub(super) fn parts(&self, step: u64, device: &Device) -> Vec<Batch> {
        let first = step * self.batch as u64;
        match self.batch {
            n if n.is_multiple_of(2) && n > 2 => {
                let half = n / 2;
                vec![self.batch(first, half, device), self.batch(first + half as u64, half, device)]
            }
            n => vec![self.batch(first, n, device)],
        }
    }

    fn batch(&self, first: u64, count: usize, device: &Device) -> Batch {
        let (real, labels) = self.gallery.draw(first, count, self.seed, self.mirror, device);
        let numbers = first..first + count as u64;
        let (latents, seeds) = self.latents("latents", numbers.clone(), device);
        let mixes = self.form.layers > 1 && self.style_mixing > 0.0;
        let other = mixes.then(|| self.latents("other latents", numbers, device).0);
        let labels = self.form.labels(&labels, device);
        Batch { first, real, labels, latents, synthesis: Synthesis::seeds(&seeds), other }
    }

    /// Latents of samples, and seeds for their noise.
    fn latents(&self, stream: &str, numbers: Range<u64>, device: &Device) -> (Tensor<2>, Vec<u64>) {
        let count = (numbers.end - numbers.start) as usize;
        let (mut values, mut seeds) = (Vec::with_capacity(count * self.form.latent), Vec::with_capacity(count));
        for number in numbers {
            let mut rng = rng::stream(self.seed, stream, number);
            values.extend(self.form.draw(&mut rng));
            seeds.push(rng.random());
        }
        (Tensor::from_data(TensorData::new(values, [count, self.form.latent]), device), seeds)
    }

    /// The styles of a batch, `[n, layers, width]`, some of which change to other latents' at a layer.
    pub(super) fn styles(&self, batch: &Batch, generator: &impl GeneratorNet) -> Tensor<3> {
        let styles = |latents: &Tensor<2>| GeneratorNet::map(generator, latents.clone(), batch.labels.clone());
        let own = styles(&batch.latents);
        let Some(other) = &batch.other else { return own };
        let mut rng = rng::stream(self.seed, "style mixing", batch.first);
        losses::mix_styles(own, styles(other), self.style_mixing, &mut rng)
    }

    /// What statistics for inference are taken over: the classes as often as they come.
    pub(super) fn calibration(&self, device: &Device) -> Vec<Draw> {
        let size = CALIBRATION_BATCH as u64;
        let numbers = |batch: u64| batch * size..(batch + 1) * size;
        (0..CALIBRATION as u64 / size).map(|batch| self.draw("calibration", numbers(batch), device)).collect()
    }

    /// Parts of `count` samples, always the same: the classes as often as they come.
    pub(super) fn many(&self, count: usize, device: Device) -> impl Iterator<Item = Draw> {
        let numbers = move |part: usize| (part * PART) as u64..count.min((part + 1) * PART) as u64;
        (0..count.div_ceil(PART)).map(move |part| self.draw("likeness", numbers(part), &device))
    }

    /// Samples of a stream.
    fn draw(&self, stream: &str, numbers: Range<u64>, device: &Device) -> Draw {
        let (latents, seeds) = self.latents(stream, numbers.clone(), device);
        let picked = |number| {
            let mut rng = rng::stream(self.seed, &format!("{stream} classes"), number);
            self.gallery.label(rng.random_range(0..self.gallery.len()))
        };
        let labels: Vec<usize> = numbers.filter_map(picked).collect();
        Draw { latents, labels: self.form.labels(&labels, device), synthesis: Synthesis::seeds(&seeds) }
    }

    /// Columns of the grid: one for each class, where there are neither one nor too many.
    pub(super) fn columns(&self) -> usize {
        match self.form.classes.len() {
            classes @ 2..=MOST_COLUMNS => classes,
            _ => COLUMNS,
        }
    }

    /// The samples that are shown and watched, always the same: those of the first seeds, classes by turns.
    pub(super) fn fixed(&self, device: &Device) -> Draw {
        let count = ROWS * self.columns();
        let seeds: Vec<u64> = (0..count as u64).collect();
        let classes = self.form.classes.len().max(1);
        let labels: Vec<usize> = (0..count).map(|index| index % classes).collect();
        Draw {
            latents: self.form.latents(&seeds, device),
            labels: self.form.labels(&labels, device),
            synthesis: Synthesis { noise: Noise::Seeds(seeds), wrap: false },
        }
    }

    /// Real pictures to set beside [`Sampler::fixed`]: as many, spread over the gallery.
    pub(super) fn real(&self, device: &Device) -> Tensor<4> {
        self.gallery.batch(&self.spread(ROWS * self.columns()), &[], device)
    }

    /// Parts of up to `most` real pictures, spread over the gallery.
    pub(super) fn many_real(&self, most: usize, device: &Device) -> impl Iterator<Item = Tensor<4>> {
        let indices = self.spread(most);
        (0..indices.len().div_ceil(PART)).map(move |part| {
            let end = indices.len().min((part + 1) * PART);
            self.gallery.batch(&indices[part * PART..end], &[], device)
        })
    }

    /// Numbers of up to `most` real pictures.
    fn spread(&self, most: usize) -> Vec<usize> {
        let count = most.min(self.gallery.len());
        (0..count).map(|index| index * self.gallery.len() / count).collect()
    }
}
