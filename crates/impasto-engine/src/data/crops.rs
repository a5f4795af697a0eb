//! Random crops of a folder's pictures.

use burn::tensor::Device;
use rand::Rng;

use super::folder::{Folder, Stored};
use crate::rng::{self, ChaCha8Rng};
use crate::tensor::{self, ImageTensor};

/// How crops are varied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment {
    /// Mirror half of the crops left to right.
    pub mirror: bool,
    /// Probability of a crop of twice the size, halved by averaging.
    pub half_size: f64,
}

/// Draws square crops of `size` pixels.
#[derive(Debug, Clone)]
pub struct Crops {
    folder: Folder,
    size: usize,
    augment: Augment,
    seed: u64,
    /// Names the random stream, so that two sources with one seed draw independently.
    stream: &'static str,
}

impl Crops {
    /// Crops of `folder`, whose pictures must all have sides of at least `size`.
    pub fn new(folder: Folder, size: usize, augment: Augment, seed: u64, stream: &'static str) -> Self {
        Self { folder, size, augment, seed, stream }
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Crops of each root's pictures alone; see [`Folder::by_root`].
    pub fn by_root(self) -> Vec<Self> {
        let Self { folder, size, augment, seed, stream } = self;
        folder.by_root().into_iter().map(|folder| Self { folder, size, augment, seed, stream }).collect()
    }

    /// Sample number `index` as planar RGB in `[0, 1]`, `3 * size * size` values; the same for the same index always.
    pub fn sample(&self, index: u64) -> Vec<f32> {
        self.draw(index, |rng| rng.random_range(0..self.folder.len()))
    }

    /// [`Crops::sample`] of one of the pictures `among`, which are numbers of the folder's and at least one.
    pub fn sample_among(&self, index: u64, among: &[usize]) -> Vec<f32> {
        self.draw(index, |rng| among[rng.random_range(0..among.len())])
    }

    fn draw(&self, index: u64, choose: impl FnOnce(&mut ChaCha8Rng) -> usize) -> Vec<f32> {
        let mut rng = rng::stream(self.seed, self.stream, index);
        let picture = &self.folder.pictures[choose(&mut rng)];
        let size = self.size;
        let fits_twice = picture.width >= 2 * size && picture.height >= 2 * size;
        let scale = if rng.random_bool(self.augment.half_size) && fits_twice { 2 } else { 1 };
        let x = rng.random_range(0..=picture.width - scale * size);
        let y = rng.random_range(0..=picture.height - scale * size);
        let mirror = self.augment.mirror && rng.random_bool(0.5);
        crop(picture, x, y, size, scale, mirror)
    }

    /// Samples `first .. first + count` as `[count, 3, size, size]`.
    pub fn batch(&self, first: u64, count: usize, device: &Device) -> ImageTensor {
        let values = (first..first + count as u64).flat_map(|i| self.sample(i)).collect();
        tensor::from_planar(values, count, self.size, self.size, device)
    }
}

fn crop(picture: &Stored, x0: usize, y0: usize, size: usize, scale: usize, mirror: bool) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * size * size];
    let norm = 1.0 / (255 * scale * scale) as f32;
    for y in 0..size {
        for x in 0..size {
            let from = if mirror { size - 1 - x } else { x };
            let mut sum = [0u32; 3];
            for dy in 0..scale {
                for dx in 0..scale {
                    let at = ((y0 + y * scale + dy) * picture.width + x0 + from * scale + dx) * 3;
                    for (sum, value) in sum.iter_mut().zip(&picture.rgb[at..at + 3]) {
                        *sum += u32::from(*value);
                    }
                }
            }
            for (channel, sum) in sum.into_iter().enumerate() {
                planes[channel * size * size + y * size + x] = sum as f32 * norm;
            }
        }
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_mirror_and_halve() {
        let rgb: Vec<u8> = (0..4 * 4).flat_map(|i| [i as u8 * 10, 0, 255]).collect();
        let picture = Stored { width: 4, height: 4, rgb };
        let plain = crop(&picture, 1, 1, 2, 1, false);
        let red = |values: &[f32]| values[..4].iter().map(|v| (v * 255.0).round() as u8).collect::<Vec<_>>();
        assert_eq!(red(&plain), [50, 60, 90, 100]);
        assert_eq!(red(&crop(&picture, 1, 1, 2, 1, true)), [60, 50, 100, 90]);
        assert_eq!(red(&crop(&picture, 0, 0, 2, 2, false)), [25, 45, 105, 125]);
        assert!(plain[8..].iter().all(|&v| v == 1.0));
    }
}
