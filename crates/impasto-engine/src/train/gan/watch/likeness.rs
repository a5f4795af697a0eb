//! How near samples come to real pictures, by the bundled perception network.

use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::blocks::channel_moments;
use crate::error::Result;
use crate::features::Features;
use crate::metrics::{self, Embeddings};
use crate::models::PerceptionSpec;
use crate::tensor;
use crate::train::Metrics;

/// Shorter side that smaller pictures are enlarged to, so that the network's deeper levels have something to see.
const SIDE: usize = 64;

/// Levels whose means are compared: the finest sees little but colour, the coarsest too little of small pictures.
const LEVELS: std::ops::Range<usize> = 1..4;

/// Neighbours of precision and recall.
const NEIGHBOURS: usize = 3;

/// Fewest pictures that have a distribution to speak of.
const FEWEST: usize = 16;

/// Compares samples with real pictures.
pub struct Likeness {
    network: Box<dyn Features>,
    real: Embeddings,
}

impl Likeness {
    /// Most pictures of either side that are compared.
    pub const MOST: usize = 400;

    /// With real pictures, parts `[n, 3, h, w]` of all of them; `None` where they are too few.
    ///
    /// # Errors
    /// When the network cannot be opened.
    pub fn new(real: impl Iterator<Item = Tensor<4>>, device: &Device) -> Result<Option<Self>> {
        let network = PerceptionSpec::bundled("percept")?.open(device)?;
        let real = embeddings(network.as_ref(), real)?;
        Ok((real.len() >= FEWEST).then_some(Self { network, real }))
    }

    /// What is logged of samples, parts `[n, 3, h, w]` of all of them: `fd`, `kid` (times 1000), `precision` and `recall`.
    ///
    /// # Errors
    /// When samples are no numbers.
    pub fn measure(&self, made: impl Iterator<Item = Tensor<4>>) -> Result<Metrics> {
        let made = embeddings(self.network.as_ref(), made)?;
        let near = metrics::neighbourhoods(&self.real, &made, NEIGHBOURS)?;
        let figures = [
            ("fd", metrics::frechet_distance(&self.real, &made)?),
            ("kid", 1000.0 * metrics::kernel_distance(&self.real, &made)?),
            ("precision", near.precision),
            ("recall", near.recall),
        ];
        Ok(figures.into_iter().map(|(name, value)| (name, value as f32)).collect())
    }
}

fn embeddings(network: &dyn Features, parts: impl Iterator<Item = Tensor<4>>) -> Result<Embeddings> {
    let (mut rows, mut width) = (Vec::new(), 1);
    for part in parts {
        let [_, _, h, w] = part.dims();
        let shorter = SIDE.max(network.min_side());
        let scale = shorter.div_ceil(h.min(w)).max(1);
        let options = InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_align_corners(false)
            .with_output_size([h * scale, w * scale]);
        let part = if scale > 1 { interpolate(part, options) } else { part };
        let levels = network.extract(part.clamp(0.0, 1.0));
        let means = LEVELS.map(|level| channel_moments(levels[level].clone()).0); // [n, c] each
        let vectors = Tensor::cat(means.collect(), 1); // [n, width]
        width = vectors.dims()[1];
        rows.extend(tensor::values(vectors));
    }
    Embeddings::new(rows, width)
}
