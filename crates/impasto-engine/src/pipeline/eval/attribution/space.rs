//! Where styles are compared.

use impasto_image::{Picture, alpha, resize_to_long_side, resize_to_short_side};

use super::super::embed::place;
use super::super::{Cache, PictureSet, Topic};
use crate::Device;
use crate::blocks::channel_moments;
use crate::control::{Control, Event};
use crate::error::Result;
use crate::features::Features;
use crate::models::PerceptionSpec;
use crate::tensor::{self, ImageTensor};
use burn::tensor::Tensor;

/// Shorter side at which pictures are seen: small enough that the resolution of scans does not give them away.
pub(crate) const SIDE: u32 = 256;

/// Longest side.
const LONG_SIDE: u32 = 1024;

/// Added to moments before their logarithm, so that dead channels do not outweigh the living.
pub(crate) const OFFSET: f32 = 0.01;

/// Numbers that describe the colours: three means and the upper half of their covariance.
const COLOURS: usize = 9;

/// Pictures that are decoded at a time.
const BLOCK: usize = 32;

/// Styles as vectors: the logarithms of mean and deviation of every channel of every level of a perception network (the
/// statistics of Huang and Belongie 2017), of pictures with a shorter side of 256 px. Logarithms, so that quiet channels
/// count as much as loud ones.
pub struct StyleSpace {
    features: Box<dyn Features>,
    network: String,
    device: Device,
}

impl StyleSpace {
    /// The space of a perception network, read onto `device`.
    ///
    /// # Errors
    /// [`crate::EngineError::File`] when its file is not this network.
    pub fn open(perception: &PerceptionSpec, device: &Device) -> Result<Self> {
        let network = format!("{} {}", perception.public_name(), perception.hash()?);
        Ok(Self { features: perception.open(device)?, network, device: device.clone() })
    }

    /// The network's name and the BLAKE3 of its weights.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The levels of the perception network for a picture `[1, 3, h, w]`.
    pub(crate) fn levels(&self, image: ImageTensor) -> Vec<Tensor<4>> {
        self.features.extract(image)
    }

    /// Where the network is.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The picture as it is seen: over white, at the right size.
    pub(crate) fn prepared(&self, picture: &Picture) -> Picture {
        let small = resize_to_short_side(picture, SIDE);
        let long = small.width.max(small.height);
        let mut small = if long > LONG_SIDE { resize_to_long_side(&small, LONG_SIDE) } else { small };
        if small.alpha.is_some() {
            small.rgb = alpha::over(&small, [1.0; 3]);
            small.alpha = None;
        }
        let least = self.features.min_side() as u32;
        // Strips that are still too thin are stretched: they have no style to speak of.
        impasto_image::resize(&small, small.width.max(least), small.height.max(least))
    }

    /// The style of a picture.
    ///
    /// # Errors
    /// [`crate::EngineError::Internal`] when the network gives values that are not finite.
    pub fn style(&self, picture: &Picture) -> Result<Vec<f32>> {
        self.style_of_prepared(&self.prepared(picture))
    }

    /// The style of a picture, or a part of one, that has the right size.
    pub(crate) fn style_of_prepared(&self, picture: &Picture) -> Result<Vec<f32>> {
        let mut style = Vec::new();
        for level in self.features.extract(tensor::from_picture(picture, &self.device)) {
            let (mean, deviation) = channel_moments(level); // [1, c] each
            for moments in [mean, deviation] {
                let [_, c] = moments.dims();
                style.extend(tensor::finite((moments + OFFSET).log().reshape([1, c, 1, 1]))?);
            }
        }
        Ok(style)
    }

    /// Style and colours of every picture of a set.
    pub(super) fn vectors(
        &self,
        set: &PictureSet,
        cache: Option<&Cache>,
        control: &Control,
    ) -> Result<Vec<(Vec<f32>, Vec<f32>)>> {
        // Devices differ in the last bits, and what was made on one must not pass for what another makes.
        let topic =
            Topic::new("style", &(&self.network, place(&self.device), SIDE, OFFSET, "log moments and colours, 1"))?;
        let kept = |file: &super::super::PictureFile| cache.and_then(|cache| cache.get(&topic, &file.blake3));
        let mut vectors: Vec<Option<Vec<f32>>> = set.files().iter().map(kept).collect();
        let missing: Vec<usize> = (0..vectors.len()).filter(|&i| vectors[i].is_none()).collect();
        let stage = format!("looking at the style of {} pictures", missing.len());
        control.emit(Event::Started { stage: stage.clone(), total: missing.len() as u64 });
        let begun = std::time::Instant::now();
        let mut done = 0;
        for some in missing.chunks(BLOCK) {
            let files: Vec<_> = some.iter().map(|&i| &set.files()[i]).collect();
            for (&index, picture) in some.iter().zip(set.each(&files, |picture| self.prepared(&picture))?) {
                control.check()?;
                let mut vector = self.style_of_prepared(&picture)?;
                vector.extend(colours(&picture));
                if let Some(Err(problem)) = cache.map(|c| c.put(&topic, &set.files()[index].blake3, &vector)) {
                    control.warn(format!("{problem}; styles of this run are not kept"));
                }
                vectors[index] = Some(vector);
                done += 1;
                control.emit(Event::Progress { done, total: missing.len() as u64, message: String::new() });
            }
        }
        control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
        let split = |mut vector: Vec<f32>| {
            let colours = vector.split_off(vector.len() - COLOURS);
            (vector, colours)
        };
        Ok(vectors.into_iter().flatten().map(split).collect())
    }
}

/// Mean and covariance of red, green and blue.
fn colours(picture: &Picture) -> Vec<f32> {
    let count = picture.triples().len() as f64;
    let mut mean = [0.0f64; 3];
    let mut product = [0.0f64; 6];
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
    for pixel in picture.triples() {
        let pixel = pixel.map(f64::from);
        mean.iter_mut().zip(pixel).for_each(|(m, v)| *m += v / count);
        product.iter_mut().zip(pairs).for_each(|(p, (i, j))| *p += pixel[i] * pixel[j] / count);
    }
    let covariance = product.iter().zip(pairs).map(|(p, (i, j))| (p - mean[i] * mean[j]) as f32);
    mean.iter().map(|&m| m as f32).chain(covariance).collect()
}
