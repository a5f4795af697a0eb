//! The list of algorithms. One line here, one folder under [`crate::algorithms`]: nothing else knows their names.

mod artist;
mod fusion;
mod gan;
mod gatys;
mod microast;
mod percept;
mod settings;
mod translation;

pub(crate) use gatys::optimiser;
pub(crate) use settings::overlay;
pub use settings::{Setting, SettingsType};
pub use translation::{TRANSLATION_METHODS, TranslationMethod, translation_method};

use std::path::Path;

use burn::tensor::Device;

use crate::data::{Crops, Gallery};
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::generator::Generator;
use crate::train::{Critic, Objective, State};
use crate::traits::{Direction, Stylizer};
use crate::weights::{Arrays, Header};

/// Every algorithm.
pub const REGISTRY: &[Entry] = &[
    gan::DCGAN,
    gan::FASTGAN,
    gan::STYLEGAN,
    artist::ENTRY,
    fusion::ENTRY,
    gatys::ENTRY,
    microast::ENTRY,
    percept::ENTRY,
    translation::CUT,
    translation::CYCLEGAN,
    translation::PIX2PIX,
];

/// The stylizer that knows artists.
pub const ARTISTS: &str = "artist";

/// The stylizer that is used where none is named.
pub const DEFAULT_STYLIZER: &str = "fusion";

/// The settings of optimisation from a painted picture.
pub const REFINE_SETTINGS: SettingsType = gatys::REFINE_SETTINGS;

/// One algorithm.
#[derive(Debug)]
pub struct Entry {
    /// What it is and can do.
    pub descriptor: &'static Descriptor,
    /// How it is built.
    pub build: Build,
    /// A configuration small enough for tests.
    pub tiny: fn() -> serde_json::Value,
    /// How it is trained, if it can be.
    pub trainer: Option<Trainer>,
    /// Converts the weights that others publish for it into impasto's.
    pub import: Option<Import>,
}

/// Reads a foreign weights file; [`EngineError::File`] when it is not this network.
pub type Import = fn(&Path, &Device) -> Result<(Header, Arrays)>;

/// How an algorithm is built.
#[derive(Debug, Clone, Copy)]
pub enum Build {
    /// A stylizer with weights of its own.
    Network(fn(BuildParts<'_>) -> Result<Box<dyn Stylizer>, String>),
    /// A stylizer that optimises against a perception network; its configuration is the user's.
    Optimisation {
        /// The configuration.
        settings: SettingsType,
        /// Builds it from a complete configuration and a network on the device.
        build: BuildOptimisation,
    },
    /// A perception network.
    Features(fn(BuildParts<'_>) -> Result<Box<dyn Features>, String>),
    /// A generator with weights of its own.
    Generator(fn(BuildParts<'_>) -> Result<Box<dyn Generator>, String>),
}

/// Builds an optimisation from complete settings.
pub type BuildOptimisation = fn(&toml::Table, Box<dyn Features>, &Device) -> Result<Box<dyn Stylizer>>;

/// What an algorithm is built from.
#[derive(Debug, Clone, Copy)]
pub struct BuildParts<'a> {
    /// Its configuration, as in a weights file's header.
    pub config: &'a serde_json::Value,
    /// Its weights; `None` draws initial ones from `seed`.
    pub arrays: Option<&'a Arrays>,
    /// Seed of initial weights.
    pub seed: u64,
    /// Which way it translates, if it is a translator.
    pub direction: Direction,
    /// Where it lives.
    pub device: &'a Device,
}

/// How an algorithm is trained.
#[derive(Debug)]
pub struct Trainer {
    /// The kinds of pictures it needs, in the order of [`Material::Crops`].
    pub roles: &'static [Role],
    /// What it is given of them.
    pub takes: Takes,
    /// The option that names the perception network its losses need, if they do.
    pub perception: Option<&'static str>,
    /// The option that names further networks, which only judge what comes out, if it takes any.
    pub judges: Option<&'static str>,
    /// Its settings.
    pub settings: SettingsType,
    /// Settings that belong together, by a name that people choose them by; the first is that of the defaults.
    pub presets: &'static [Preset],
    /// Checks complete settings before pictures are read, and says what to beware of, a line each.
    pub check: fn(&toml::Table) -> Result<Vec<String>, String>,
    /// Multiply-accumulates per pixel of a forward pass with complete settings.
    pub macs_per_pixel: fn(&toml::Table) -> Result<f64, String>,
    /// Builds the training state.
    pub build: fn(TrainParts) -> Result<Box<dyn Objective>>,
    /// Takes the discriminator out of a state of such a training, if there is one.
    pub critic: Option<BuildCritic>,
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What people choose.
    pub name: &'static str,
    /// What it is for, a few words.
    pub about: &'static str,
    /// Assignments as for [`SettingsType::assign`], which those that are given go before.
    pub settings: &'static [&'static str],
}

/// Takes a discriminator out of a training's state, with complete settings of the training, onto a device; a line where
/// something does not fit.
pub type BuildCritic = fn(&toml::Table, &State, &Device) -> Result<Box<dyn Critic>, String>;

/// What of its pictures a trainer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Random square crops: settings `crop` and `short_side`.
    Crops,
    /// Crops of two roles whose pictures belong together: the same part of both. They may also lie side by side in one
    /// file, see [`PAIRS`].
    Pairs,
    /// Whole pictures at one size, with labels: settings `size` and `classes`.
    Gallery,
}

/// The pictures a training state is built from.
pub enum Material {
    /// Crops of each role, in the order of [`Trainer::roles`].
    Crops(Vec<Crops>),
    /// Whole pictures.
    Gallery(Gallery),
}

impl Material {
    /// The crops, for a trainer that takes them.
    fn into_crops(self) -> Result<Vec<Crops>> {
        match self {
            Self::Crops(crops) => Ok(crops),
            Self::Gallery(_) => Err(EngineError::Internal("crops are needed, whole pictures were given".into())),
        }
    }

    /// The whole pictures, for a trainer that takes them.
    fn into_gallery(self) -> Result<Gallery> {
        match self {
            Self::Gallery(gallery) => Ok(gallery),
            Self::Crops(_) => Err(EngineError::Internal("whole pictures are needed, crops were given".into())),
        }
    }
}

/// One kind of training pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Its name in options and configuration.
    pub name: &'static str,
    /// Name of its random stream.
    pub stream: &'static str,
    /// What belongs in its folders, after "with".
    pub about: &'static str,
}

/// What a trainer of [`Takes::Pairs`] may be given in place of its two roles.
pub const PAIRS: Role =
    Role { name: "pairs", stream: "pairs", about: "folders of pictures that hold both, side by side" };

/// What a training state is built from.
pub struct TrainParts {
    /// Complete settings.
    pub settings: toml::Table,
    /// The pictures.
    pub material: Material,
    /// The perception network on `device`, where the trainer needs one.
    pub features: Option<Box<dyn Features>>,
    /// Further networks that judge what comes out, on `device`.
    pub judges: Vec<Box<dyn Features>>,
    /// Stored in the header of the weights.
    pub provenance: serde_json::Value,
    /// Where to train, with autodiff.
    pub device: Device,
}

/// The algorithm called `name`.
///
/// # Errors
/// [`EngineError::Caller`] that suggests near names.
pub fn find(name: &str) -> Result<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.descriptor.name == name).ok_or_else(|| {
        let near = suggest(name, REGISTRY.iter().map(|entry| entry.descriptor.name));
        EngineError::Caller(format!("there is no algorithm '{name}'{near}"))
    })
}

/// The one of `known` that is called so, or the only one that is but for case, hyphens, underscores and spaces.
pub fn named<'a>(wanted: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let bare = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    known.clone().find(|name| *name == wanted).or_else(|| {
        let wanted = bare(wanted);
        let mut alike = known.filter(|name| bare(name) == wanted);
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// "; did you mean 'x'?" with the nearest of `known`, or the list where none is near.
pub fn suggest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let mut near: Vec<(usize, &str)> = known.iter().map(|name| (distance(wanted, name), *name)).collect();
    near.retain(|(d, name)| *d <= 1 + name.len() / 4 || (wanted.len() > 2 && name.contains(wanted)));
    near.sort();
    let quoted: Vec<String> = near.iter().take(3).map(|(_, name)| format!("'{name}'")).collect();
    match (quoted.is_empty(), known.is_empty()) {
        (false, _) => format!("; did you mean {}?", quoted.join(" or ")),
        (true, false) => format!("; there are {}", known.join(", ")),
        (true, true) => String::new(),
    }
}

/// Edits (insertions, deletions, replacements, swaps of neighbours) between two words, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { least.min(rows[i - 2][j - 2] + 1) } else { least }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod sweep;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let known = ["great-wave", "starry-night", "the-scream"];
        let suggest = |wanted| suggest(wanted, known.into_iter());
        assert_eq!(suggest("graet-wave"), "; did you mean 'great-wave'?");
        assert_eq!(suggest("scream"), "; did you mean 'the-scream'?");
        assert_eq!(suggest("xyzzy"), "; there are great-wave, starry-night, the-scream");
        assert_eq!(distance("Kitten", "sitting"), 3);
    }

    #[test]
    fn names_are_known_without_their_hyphens() {
        let known = ["great-wave", "van-gogh", "van-gogh-early", "a-b", "ab"];
        let named = |wanted| named(wanted, known.into_iter());
        assert_eq!(named("vangogh"), Some("van-gogh"));
        assert_eq!(named("Van Gogh_Early"), Some("van-gogh-early"));
        assert_eq!(named("ab"), Some("ab"), "itself before what is alike");
        assert_eq!(named("A-B"), None, "two are alike");
        assert_eq!(named("van"), None);
    }
}
