//! Whole pictures at one size, with labels, kept as 8 bit: what generators are trained on.

mod augment;
mod cache;
mod classes;
mod duplicates;
mod frame;
mod look;
mod read;
mod recipe;
mod settings;
mod sketch;
mod source;
mod survey;
#[cfg(test)]
mod tests;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::rng::{self, Rng};
use crate::tensor::{self, ImageTensor};

pub use augment::Augmentation;
pub use cache::default_cache;
pub use read::{read, survey};
pub use recipe::Recipe;
pub use settings::{ClassSource, Fit, GallerySettings};
pub use survey::{ClassCount, Duplicates, LeftOut, SourceSummary, Spread, Survey};

/// Whole pictures at one size, with labels.
#[derive(Debug, Clone)]
pub struct Gallery {
    size: [usize; 2],
    classes: Vec<String>,
    /// One for each picture, an index of `classes`; empty without classes.
    labels: Vec<usize>,
    /// Planar RGB, picture after picture.
    pixels: Vec<u8>,
    /// Where each came from, for people.
    names: Vec<String>,
    augmentation: Augmentation,
}

impl Gallery {
    /// Pictures as planar 8 bit RGB of `size` (rows, columns), one after the other, with a name each and, where `classes`
    /// are given, a label each.
    ///
    /// # Errors
    /// A line that says what does not fit together.
    pub fn new(
        size: [usize; 2],
        classes: Vec<String>,
        labels: Vec<usize>,
        pixels: Vec<u8>,
        names: Vec<String>,
    ) -> Result<Self, String> {
        let count = names.len();
        if pixels.len() != count * 3 * size[0] * size[1] {
            return Err(format!("{} bytes are not {count} pictures of {size:?}", pixels.len()));
        }
        if labels.len() != if classes.is_empty() { 0 } else { count } {
            return Err(format!("{} labels for {count} pictures and {} classes", labels.len(), classes.len()));
        }
        if let Some(label) = labels.iter().find(|&&label| label >= classes.len()) {
            return Err(format!("label {label} of {} classes", classes.len()));
        }
        Ok(Self { size, classes, labels, pixels, names, augmentation: Augmentation::NONE })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Rows and columns of every picture.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Names of the classes in the order of labels; empty without.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of a picture.
    pub fn label(&self, index: usize) -> Option<usize> {
        self.labels.get(index).copied()
    }

    /// Where pictures came from.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether no picture has any colour.
    pub fn is_grey(&self) -> bool {
        let plane = self.size[0] * self.size[1];
        self.pixels.chunks_exact(3 * plane).all(|planes| {
            let (red, others) = planes.split_at(plane);
            others.chunks_exact(plane).all(|other| other == red)
        })
    }

    /// A picture's planar 8 bit RGB.
    pub fn picture(&self, index: usize) -> &[u8] {
        let length = 3 * self.size[0] * self.size[1];
        &self.pixels[index * length..(index + 1) * length]
    }

    /// Bytes of pictures in memory.
    pub fn bytes(&self) -> usize {
        self.pixels.len()
    }

    /// Hash over sizes, pixels and labels, in order: a run that is resumed with other pictures would not be exact.
    pub fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let numbers = self.size.iter().chain(&self.labels).flat_map(|&n| (n as u64).to_le_bytes());
        hasher.update(&numbers.collect::<Vec<u8>>());
        hasher.update(self.classes.join("\n").as_bytes());
        hasher.update(&self.pixels);
        hasher.finalize().to_hex().to_string()
    }

    /// Pictures `indices` as `[n, 3, h, w]` in `[0, 1]`, those that `mirrored` says turned left to right.
    pub fn batch(&self, indices: &[usize], mirrored: &[bool], device: &Device) -> ImageTensor {
        let [h, w] = self.size;
        let mirrored = mirrored.iter().copied().chain(std::iter::repeat(false));
        let values = indices.iter().zip(mirrored).flat_map(|(&index, mirror)| self.values(index, mirror)).collect();
        tensor::from_planar(values, indices.len(), h, w, device)
    }

    /// A picture as planar RGB in `[0, 1]`.
    fn values(&self, index: usize, mirror: bool) -> Vec<f32> {
        let value = |byte: &u8| f32::from(*byte) / 255.0;
        let picture = self.picture(index);
        if mirror {
            picture.chunks_exact(self.size[1]).flat_map(|row| row.iter().rev().map(value)).collect()
        } else {
            picture.iter().map(value).collect()
        }
    }

    /// With pictures varied in this way by [`Gallery::draw`], whose own argument says whether they are mirrored.
    #[must_use]
    pub fn varied(self, augmentation: Augmentation) -> Self {
        Self { augmentation, ..self }
    }

    /// The pictures of sample numbers `first .. first + count`: the same for the same seed and numbers always. With
    /// `mirror`, half of them are turned left to right. Returns the batch and the labels (empty without classes).
    pub fn draw(&self, first: u64, count: usize, seed: u64, mirror: bool, device: &Device) -> (Tensor<4>, Vec<usize>) {
        let sample = |number: u64| {
            let mut rng = rng::stream(seed, "gallery", number);
            let index = rng.random_range(0..self.len());
            let values = self.values(index, mirror && rng.random_bool(0.5));
            // A stream of its own, so that the choice of pictures does not depend on how they are varied.
            let variation = self.augmentation.draw(&mut rng::stream(seed, "gallery-varied", number));
            (index, variation.apply(values, self.size))
        };
        let numbers: Vec<u64> = (first..first + count as u64).collect();
        let samples: Vec<(usize, Vec<f32>)> = numbers.into_par_iter().map(sample).collect();
        let labels = samples.iter().filter_map(|(index, _)| self.label(*index)).collect();
        let values = samples.into_iter().flat_map(|(_, values)| values).collect();
        (tensor::from_planar(values, count, self.size[0], self.size[1], device), labels)
    }
}
