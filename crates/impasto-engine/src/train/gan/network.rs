//! What the training of generators against discriminators sees of an architecture.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Grid;
use crate::blocks::BatchStatistics;
use crate::descriptor::Descriptor;
use crate::generator::{Codes, Form, Synthesis};

/// What a network is built for: the part of its configuration that the pictures decide, and its own dimensions. This is
/// the configuration in the header of its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build<C> {
    /// Rows and columns of pictures.
    pub size: [usize; 2],
    /// Names of the classes; empty for a network without.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Structured latent codes.
    #[serde(default)]
    pub codes: Codes,
    /// Whether pictures have no colour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// The architecture's own dimensions.
    pub network: C,
}

impl<C> Build<C> {
    /// The base grid and its doublings.
    ///
    /// # Panics
    /// Where the size was not checked.
    pub(crate) fn grid(&self) -> Grid {
        match Grid::of(self.size) {
            Ok(grid) => grid,
            Err(problem) => panic!("a network is built of what was validated: {problem}"),
        }
    }

    /// What a generator makes whose latents have `latent` numbers without codes, and whose styles have `width`, or as many
    /// as a latent and `beside` more.
    pub(crate) fn form(&self, latent: usize, beside: usize, layers: usize) -> Form {
        let latent = latent + self.codes.len();
        let (size, classes, codes) = (self.size, self.classes.clone(), self.codes.clone());
        Form { latent, width: latent + beside, layers, size, classes, codes, grey: self.grey }
    }
}

/// Checks what all architectures have in common.
///
/// # Errors
/// A line that says which value does not fit.
pub(crate) fn check_build<C>(build: &Build<C>) -> Result<(), String> {
    Grid::of(build.size)?;
    within("number of classes", build.classes.len(), 0..=10_000)?;
    within("number of categorical codes", build.codes.categorical.len(), 0..=64)?;
    build.codes.categorical.iter().try_for_each(|&values| within("values of a categorical code", values, 2..=1024))?;
    within("number of continuous codes", build.codes.continuous, 0..=1024)
}

/// Widths that networks are built with.
pub(crate) const WIDTHS: RangeInclusive<usize> = 1..=1024;

/// Checks that settings are in their ranges.
///
/// # Errors
/// A line that names the first that is not.
pub(crate) fn all_within<const N: usize>(settings: [(&str, usize, RangeInclusive<usize>); N]) -> Result<(), String> {
    settings.into_iter().try_for_each(|(name, value, range)| within(name, value, range))
}

/// Checks that a setting is in its range.
///
/// # Errors
/// A line that names it.
fn within(name: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), String> {
    if range.contains(&value) { Ok(()) } else { Err(format!("{name} is {value}, not in {range:?}")) }
}

/// Whose statistics normalisations over the batch use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Those of the batch at hand.
    Train,
    /// Those that [`GeneratorNet::calibrated`] kept, so that a picture does not depend on those beside it.
    Infer,
}

impl Mode {
    /// For the layers of one forward pass.
    pub(crate) fn statistics(self) -> BatchStatistics {
        match self {
            Self::Train => BatchStatistics::Batch(Vec::new()),
            Self::Infer => BatchStatistics::Standing,
        }
    }
}

/// One architecture: a generator and the discriminator it is trained against.
pub trait Architecture: Send + Sync + 'static {
    /// Its dimensions.
    type Config: Serialize + DeserializeOwned + schemars::JsonSchema + Default + Debug + Clone + PartialEq + Send + Sync;
    /// Its generator.
    type Generator: GeneratorNet;
    /// Its discriminator.
    type Discriminator: DiscriminatorNet;

    /// What it is and can do.
    const DESCRIPTOR: &'static Descriptor;

    /// Checks that networks can be built so.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    fn validate(build: &Build<Self::Config>) -> Result<(), String>;

    /// The setting that keeps discriminators of these dimensions from offering [`DiscriminatorNet::input_gradient`]; `None`
    /// where they offer it.
    fn inexact(network: &Self::Config) -> Option<&'static str> {
        let _ = network;
        None
    }

    /// The generator with initial weights drawn from `seed`. `build` was validated.
    fn generator(build: &Build<Self::Config>, seed: u64, device: &Device) -> Self::Generator;

    /// The discriminator with initial weights drawn from `seed`. `build` was validated.
    fn discriminator(build: &Build<Self::Config>, seed: u64, device: &Device) -> Self::Discriminator;

    /// Multiply-accumulates of the generator for a pixel of its pictures.
    fn macs_per_pixel(build: &Build<Self::Config>) -> f64;
}

/// A generator as it is trained; see [`crate::Generator`] for the meaning of each function.
pub trait GeneratorNet: Module + Clone + Send + Sync + 'static {
    /// What it makes, and from what.
    fn form(&self) -> &Form;

    /// Latents `[n, latent]` and labels `[n, classes]` to styles `[n, layers, width]`.
    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3>;

    /// Styles `[n, layers, width]` to pictures `[n, 3, h, w]`, nominal `[0, 1]`.
    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis, mode: Mode) -> Tensor<4>;

    /// With the statistics that inference uses taken over these batches of latents `[n, latent]`, labels and noise: those
    /// of normalisations over the batch ("standing statistics"), and the centre of styles. They are part of its weights.
    fn calibrated(self, batches: &[Draw]) -> Self;

    /// See [`crate::Generator::centre`].
    fn centre(&self) -> Tensor<3>;

    /// See [`crate::Generator::style_matrix`].
    fn style_matrix(&self, layer: usize) -> Tensor<2>;
}

/// What a batch of pictures is made from.
#[derive(Debug, Clone)]
pub struct Draw {
    /// `[n, latent]`
    pub latents: Tensor<2>,
    /// `[n, classes]` for networks with classes.
    pub labels: Option<Tensor<2>>,
    /// Noise of the layers.
    pub synthesis: Synthesis,
}

impl Draw {
    /// What layers with statistics see in a pass over each of `batches`.
    pub(crate) fn moments(batches: &[Self], pass: impl Fn(&Self, &mut BatchStatistics)) -> Vec<Vec<[Tensor<1>; 2]>> {
        let seen = |draw: &Self| {
            let mut statistics = Mode::Train.statistics();
            pass(draw, &mut statistics);
            statistics.seen()
        };
        batches.iter().map(seen).collect()
    }
}

/// What a discriminator says of a batch.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How real it looks: `[n, k]`, one or several logits for each picture.
    pub logits: Tensor<2>,
    /// What it read of structured codes, `[n, codes]`: logits of the categorical ones, values of the continuous ones;
    /// `None` without codes.
    pub codes: Option<Tensor<2>>,
    /// Feature maps that [`DiscriminatorNet::rebuilt`] works from; may be empty.
    pub taps: Vec<Tensor<4>>,
}

/// A discriminator.
pub trait DiscriminatorNet: Module + Clone + Send + Sync + 'static {
    /// Pictures `[n, 3, h, w]` in `[0, 1]`, and labels `[n, classes]` for a network with classes.
    fn judge(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Verdict;

    /// How badly pictures are rebuilt from what it saw of them, `[1]` (self-supervision on real pictures, Liu et al.
    /// 2021); `part` chooses which part is rebuilt in full. `None` for a network without decoders.
    fn rebuilt(&self, verdict: &Verdict, images: &Tensor<4>, part: u64) -> Option<Tensor<1>> {
        let _ = (verdict, images, part);
        None
    }

    /// The gradient of the sum of its logits over `images`, `[n, 3, h, w]`, written as a network of its own so that it
    /// can be differentiated once more by the weights; `None` where there is no such form.
    fn input_gradient(&self, images: Tensor<4>, labels: Option<Tensor<2>>) -> Option<Tensor<4>> {
        let _ = (images, labels);
        None
    }
}
