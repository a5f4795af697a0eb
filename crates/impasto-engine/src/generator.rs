//! What the rest of the engine sees of a generator: latents in, pictures out.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::descriptor::Descriptor;
use crate::rng;
use crate::tensor::{self, ImageTensor};
use crate::weights::Arrays;

/// What a generator makes, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Length of a latent, [`Codes`] included.
    pub latent: usize,
    /// Length of a style, which is what the mapping makes of a latent.
    pub width: usize,
    /// Layers that take a style each, from coarse to fine; 1 where all share one.
    pub layers: usize,
    /// Rows and columns of pictures.
    pub size: [usize; 2],
    /// Names of the classes in the order of their labels; empty for a generator without.
    pub classes: Vec<String>,
    /// The part of the latent that is drawn to mean something.
    #[serde(default)]
    pub codes: Codes,
    /// Whether its pictures have no colour, since those it learned from had none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
}

/// Structured latent codes (InfoGAN, Chen et al. 2016). They are the last numbers of a latent: first one one-hot group
/// for each categorical code, then the continuous ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    /// Number of values of each categorical code.
    pub categorical: Vec<usize>,
    /// Number of continuous codes, each uniform in `[-1, 1]`.
    pub continuous: usize,
}

impl Codes {
    /// Numbers they take in a latent.
    pub fn len(&self) -> usize {
        self.categorical.iter().sum::<usize>() + self.continuous
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Codes {
    /// All codes by the names that users write: `0 (10 categories), 1 (3 categories) and c0 to c1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let categorical = self.categorical.iter().enumerate();
        let mut named: Vec<String> =
            categorical.map(|(code, values)| format!("{code} ({values} categories)")).collect();
        named.extend(match self.continuous {
            0 => None,
            1 => Some("c0".to_owned()),
            count => Some(format!("c0 to c{}", count - 1)),
        });
        match named.split_last() {
            None => f.write_str("none"),
            Some((only, [])) => f.write_str(only),
            Some((last, first)) => write!(f, "{} and {last}", first.join(", ")),
        }
    }
}

impl Form {
    /// The latent of a seed, `latent` numbers: standard normal, then the codes. The same seed gives the same latent
    /// for ever.
    pub fn latent_of(&self, seed: u64) -> Vec<f32> {
        self.draw(&mut rng::stream(seed, "latent", 0))
    }

    /// A latent from a random stream.
    pub fn draw(&self, rng: &mut rng::ChaCha8Rng) -> Vec<f32> {
        use crate::rng::Rng;
        let mut latent = rng::normal(rng, self.latent - self.codes.len());
        for &values in &self.codes.categorical {
            let chosen = rng.random_range(0..values);
            latent.extend((0..values).map(|value| f32::from(u8::from(value == chosen))));
        }
        latent.extend((0..self.codes.continuous).map(|_| rng.random_range(-1.0..=1.0f32)));
        latent
    }

    /// The mean of all latents that are drawn, `latent` numbers.
    pub fn middle(&self) -> Vec<f32> {
        let mut middle = vec![0.0; self.latent - self.codes.len()];
        for &values in &self.codes.categorical {
            middle.extend(std::iter::repeat_n(1.0 / values as f32, values));
        }
        middle.resize(self.latent, 0.0);
        middle
    }

    /// Latents of seeds as `[n, latent]`.
    pub fn latents(&self, seeds: &[u64], device: &Device) -> Tensor<2> {
        let values = seeds.iter().flat_map(|&seed| self.latent_of(seed)).collect();
        Tensor::from_data(TensorData::new(values, [seeds.len(), self.latent]), device)
    }

    /// What a network painted, `[n, 3, h, w]`, without colour where its pictures have none.
    pub fn painted(&self, image: Tensor<4>) -> Tensor<4> {
        if self.grey { image.mean_dim(1).repeat_dim(1, 3) } else { image }
    }

    /// Labels as one-hot rows `[n, classes]`; `None` for a generator without classes.
    pub fn labels(&self, labels: &[usize], device: &Device) -> Option<Tensor<2>> {
        let classes = self.classes.len();
        if classes == 0 {
            return None;
        }
        let row = |&label: &usize| (0..classes).map(move |class| f32::from(u8::from(class == label)));
        let values: Vec<f32> = labels.iter().flat_map(row).collect();
        Some(Tensor::from_data(TensorData::new(values, [labels.len(), classes]), device))
    }
}

/// The noise that a generator adds in its layers.
#[derive(Debug, Clone)]
pub enum Noise {
    /// None: every layer's noise is zero.
    Off,
    /// Drawn for each picture from its seed; one seed serves all.
    Seeds(Vec<u64>),
    /// Given: `[n or 1, 1, h, w]` for each layer that adds noise, in their order.
    Maps(Vec<Tensor<4>>),
    /// None, while rows and columns of what each layer asks for are written down, in the order of the layers: so that
    /// maps can be made for them.
    Sizes(Arc<Mutex<Vec<[usize; 2]>>>),
}

impl Noise {
    /// The noise of a layer whose map is `[n, c, h, w]`: `[n or 1, 1, h, w]`, standard normal; `None` where there is none.
    pub fn layer(&self, index: usize, [h, w]: [usize; 2], device: &Device) -> Option<Tensor<4>> {
        match self {
            Self::Off => None,
            Self::Seeds(seeds) => {
                let draw = |&seed: &u64| rng::normal(&mut rng::stream(seed, "noise", index as u64), h * w);
                let values = seeds.iter().flat_map(draw).collect();
                Some(tensor::from_planes(values, [seeds.len(), 1, h, w], device))
            }
            Self::Maps(maps) => maps.get(index).cloned(),
            Self::Sizes(sizes) => {
                let mut sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
                let count = sizes.len().max(index + 1);
                sizes.resize(count, [0; 2]);
                sizes[index] = [h, w];
                None
            }
        }
    }

    /// That of the picture at `index` of a batch; a single seed or map serves all.
    pub fn of(&self, index: usize) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::Seeds(seeds) if seeds.len() == 1 => self.clone(),
            Self::Seeds(seeds) => Self::Seeds(seeds.get(index).copied().into_iter().collect()),
            Self::Maps(maps) => {
                let own =
                    |map: &Tensor<4>| if map.dims()[0] == 1 { map.clone() } else { map.clone().narrow(0, index, 1) };
                Self::Maps(maps.iter().map(own).collect())
            }
            Self::Sizes(sizes) => Self::Sizes(Arc::clone(sizes)),
        }
    }
}

/// How pictures are made of styles.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// The noise of the layers.
    pub noise: Noise,
    /// Whether pictures go on where they began, so that copies of one beside each other make a pattern without seams.
    pub wrap: bool,
}

impl Synthesis {
    /// With noise of these seeds, one for each picture, and plain borders.
    pub fn seeds(seeds: &[u64]) -> Self {
        Self { noise: Noise::Seeds(seeds.to_vec()), wrap: false }
    }
}

/// Makes pictures from latents. Mapping and synthesis are apart so that styles can be mixed, moved and found.
pub trait Generator: Send + Sync {
    /// What it is and can do.
    fn descriptor(&self) -> &'static Descriptor;

    /// What it makes, and from what.
    fn form(&self) -> &Form;

    /// The mapping: latents `[n, latent]`, and labels `[n, classes]` (one-hot, or weights that sum to 1) for a generator
    /// with classes, to styles `[n, layers, width]`.
    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3>;

    /// The synthesis: styles `[n, layers, width]` to pictures `[n, 3, h, w]`, nominal `[0, 1]` (not clamped).
    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis) -> ImageTensor;

    /// The middle of all styles, towards which truncation pulls: `[classes or 1, layers, width]`.
    fn centre(&self) -> Tensor<3>;

    /// The matrix that first takes the style of `layer` on its way into the maps, `[outputs, width]` row by row: its
    /// singular vectors are the closed-form directions (Shen and Zhou 2021).
    fn style_matrix(&self, layer: usize) -> Tensor<2>;

    /// All weights by name.
    fn arrays(&self) -> Arrays;
}
