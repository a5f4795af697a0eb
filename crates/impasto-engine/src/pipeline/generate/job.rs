//! What a generation is asked to do.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use impasto_image::adjust::Adjustments;
use serde::{Deserialize, Serialize};

use super::structured::CodeValue;
use super::{Layers, Point};
use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::models::GeneratorSpec;
use crate::registry::suggest;

/// Everything that decides what a generator's pictures look like, apart from their seeds. The same job and seed give the
/// same picture (bit for bit on CPU).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationJob {
    /// The generator.
    pub model: GeneratorSpec,
    /// Truncation psi: 1 leaves styles where they are, 0 is the middle of all (or of the class), below 1 is more usual
    /// and less varied; from -4 to 4.
    #[serde(default = "one")]
    pub trunc: f32,
    /// Layers that are truncated, from the coarsest; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunc_cutoff: Option<usize>,
    /// Classes of every picture, mixed by their weights. Where empty, a generator with classes makes seed `n` in class
    /// `n` modulo their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassShare>,
    /// Structured codes of every picture; those that are not named are drawn from its seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeValue>,
    /// The noise in the generator's layers.
    #[serde(default)]
    pub noise: NoiseMode,
    /// Styles are moved along these directions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// What some layers take their styles from, before truncation and moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// Whether pictures go on where they began, as patterns without seams.
    #[serde(default)]
    pub tile: bool,
    /// Every picture is written so many times beside and below itself.
    #[serde(default = "once")]
    pub repeat: u32,
    /// Whether pictures are turned left to right.
    #[serde(default)]
    pub mirror: bool,
    /// Adjustments of the pictures.
    #[serde(default)]
    pub adjust: Adjustments,
}

fn one() -> f32 {
    1.0
}

fn once() -> u32 {
    1
}

impl GenerationJob {
    /// A job that makes a generator's pictures as they come.
    pub fn new(model: GeneratorSpec) -> Self {
        Self {
            model,
            trunc: one(),
            trunc_cutoff: None,
            classes: Vec::new(),
            codes: Vec::new(),
            noise: NoiseMode::default(),
            moves: Vec::new(),
            mix: None,
            tile: false,
            repeat: once(),
            mirror: false,
            adjust: Adjustments::default(),
        }
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that names the first that is out of it.
    pub fn validate(&self) -> Result<()> {
        if !(-4.0..=4.0).contains(&self.trunc) {
            return Err(EngineError::Caller(format!("trunc is {}, not from -4 to 4", self.trunc)));
        }
        if !(1..=64).contains(&self.repeat) {
            return Err(EngineError::Caller(format!("a picture repeated {} times; use 1 to 64", self.repeat)));
        }
        self.adjust.validate().map_err(|e| EngineError::Caller(e.to_string()))
    }
}

/// Where the noise of a generator's layers comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseMode {
    /// Drawn for each picture from its seed.
    #[default]
    Random,
    /// The same for every picture.
    Const,
    /// None.
    None,
}

impl NoiseMode {
    /// All, by the names that users type.
    pub const NAMES: [(&str, Self); 3] = [("random", Self::Random), ("const", Self::Const), ("none", Self::None)];
}

impl fmt::Display for NoiseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.into_iter().find(|(_, mode)| mode == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

impl FromStr for NoiseMode {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        known
            .map(|(_, mode)| mode)
            .ok_or_else(|| EngineError::Caller(format!("noise '{text}': use random, const or none")))
    }
}

/// A class and its share among several, written `NAME`, `INDEX` or either with `:WEIGHT` (`dress:0.5`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClassShare {
    /// Name or index of the class.
    pub class: String,
    /// Its share, from 0; only ratios matter.
    pub weight: f32,
}

impl FromStr for ClassShare {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let weighted = text.rsplit_once(':').and_then(|(class, weight)| Some((class, weight.parse::<f32>().ok()?)));
        let (class, weight) = weighted.unwrap_or((text, 1.0));
        if class.is_empty() || !weight.is_finite() || weight < 0.0 {
            let text = format!("class '{text}': write its name or number, with a weight from 0 like dress:0.5");
            return Err(EngineError::Caller(text));
        }
        Ok(Self { class: class.to_owned(), weight })
    }
}

impl fmt::Display for ClassShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A class may itself be called like a weight.
        let plain =
            self.weight == 1.0 && self.class.rsplit_once(':').is_none_or(|(_, end)| end.parse::<f32>().is_err());
        if plain { f.write_str(&self.class) } else { write!(f, "{}:{}", self.class, self.weight) }
    }
}

impl From<ClassShare> for String {
    fn from(share: ClassShare) -> Self {
        share.to_string()
    }
}

impl TryFrom<String> for ClassShare {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// The weight of each of a generator's classes, which sum to 1; `None` where none is named.
///
/// # Errors
/// [`EngineError::Caller`] for a generator without classes, an unknown class, or weights that sum to zero.
pub(super) fn class_weights(shares: &[ClassShare], form: &Form) -> Result<Option<Vec<f32>>> {
    if shares.is_empty() {
        return Ok(None);
    }
    let count = form.classes.len();
    if count == 0 {
        return Err(EngineError::Caller("this generator has no classes; leave out --class".into()));
    }
    let mut weights = vec![0.0; count];
    for share in shares {
        let named = form.classes.iter().position(|class| *class == share.class);
        let index = named.or_else(|| share.class.parse().ok().filter(|&index| index < count)).ok_or_else(|| {
            let near = suggest(&share.class, form.classes.iter().map(String::as_str));
            let text = format!("there is no class '{}'{near} (0 to {} by number)", share.class, count - 1);
            EngineError::Caller(text)
        })?;
        weights[index] += share.weight;
    }
    let sum: f32 = weights.iter().sum();
    if !(sum.is_finite() && sum > 0.0) {
        return Err(EngineError::Caller("the classes' weights sum to zero; give at least one a weight above 0".into()));
    }
    Ok(Some(weights.into_iter().map(|weight| weight / sum).collect()))
}

/// A step along a direction, written `FILE:NAME=AMOUNT` (`garments-directions.safetensors:pca0=2.5`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Move {
    /// A file that `impasto explore directions` wrote.
    pub file: PathBuf,
    /// The direction's name in it.
    pub name: String,
    /// How far, in deviations of the styles along it.
    pub amount: f32,
}

impl FromStr for Move {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.rsplit_once('=').and_then(|(place, amount)| {
            let (file, name) = place.rsplit_once(':')?;
            let amount = amount.parse::<f32>().ok().filter(|amount| amount.is_finite())?;
            (!file.is_empty() && !name.is_empty()).then(|| Self { file: file.into(), name: name.to_owned(), amount })
        });
        parts.ok_or_else(|| {
            EngineError::Caller(format!(
                "move '{text}': write it as FILE:NAME=AMOUNT, like directions.safetensors:pca0=2.5"
            ))
        })
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.file.display(), self.name, self.amount)
    }
}

impl From<Move> for String {
    fn from(step: Move) -> Self {
        step.to_string()
    }
}

impl TryFrom<String> for Move {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Styles of another picture in some layers, written `SEED@LAYERS` or `FILE@LAYERS` (`12@4-`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mix {
    /// The other picture.
    pub with: Point,
    /// Layers that are taken from it.
    pub layers: Layers,
}

impl FromStr for Mix {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let refused =
            || EngineError::Caller(format!("mix '{text}': write it as SEED@LAYERS or FILE@LAYERS, like 12@4-"));
        let (with, layers) = text.rsplit_once('@').filter(|(with, _)| !with.is_empty()).ok_or_else(refused)?;
        let with = with.parse().map_or_else(|_| Point::Code(with.into()), Point::Seed);
        if matches!(with, Point::Seed(seed) if seed >= 1 << 53) {
            return Err(refused());
        }
        Ok(Self { with, layers: layers.parse()? })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.with {
            Point::Seed(seed) => write!(f, "{seed}@{}", self.layers),
            Point::Code(path) => write!(f, "{}@{}", path.display(), self.layers),
        }
    }
}

impl From<Mix> for String {
    fn from(mix: Mix) -> Self {
        mix.to_string()
    }
}

impl TryFrom<String> for Mix {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Codes;

    fn form(classes: &[&str]) -> Form {
        let classes = classes.iter().map(|&class| class.to_owned()).collect();
        Form { latent: 2, width: 2, layers: 1, size: [4, 4], classes, codes: Codes::default(), grey: false }
    }

    #[test]
    fn classes_are_named_numbered_and_mixed() {
        let weights = |shares: &[&str], classes: &[&str]| -> Result<Option<Vec<f32>>> {
            let shares = shares.iter().map(|text| text.parse()).collect::<Result<Vec<_>>>()?;
            class_weights(&shares, &form(classes))
        };
        let known = ["shirt", "dress", "0"];
        assert_eq!(weights(&[], &known).unwrap(), None);
        assert_eq!(weights(&["dress"], &known).unwrap(), Some(vec![0.0, 1.0, 0.0]));
        assert_eq!(weights(&["1:3", "shirt"], &known).unwrap(), Some(vec![0.25, 0.75, 0.0]));
        assert_eq!(weights(&["0"], &known).unwrap(), Some(vec![0.0, 0.0, 1.0]), "names come before numbers");
        assert!(weights(&["dres"], &known).unwrap_err().to_string().contains("'dress'"));
        assert!(weights(&["dress:0"], &known).is_err() && weights(&["3"], &known).is_err());
        assert!(weights(&["dress"], &[]).unwrap_err().to_string().contains("no classes"));
        for text in ["", ":1", "a:-1", "a:inf"] {
            assert!(text.parse::<ClassShare>().is_err(), "{text}");
        }
    }

    #[test]
    fn texts_come_back() {
        for text in ["dress", "dress:0.5", "3:2"] {
            assert_eq!(text.parse::<ClassShare>().unwrap().to_string(), text);
        }
        for text in ["a.safetensors:pca0=2.5", "c:\\a.safetensors:x=-1"] {
            assert_eq!(text.parse::<Move>().unwrap().to_string(), text);
        }
        for text in ["", "a=1", "a:b", "a:b=x", ":b=1", "a:=1"] {
            assert!(text.parse::<Move>().is_err(), "{text}");
        }
        for text in ["12@4-", "a b@c.safetensors@0,2-3", "x.safetensors@all"] {
            assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        }
        for text in ["", "12", "@1", "12@", "12@x", "9007199254740992@1"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
        let mut job = GenerationJob::new("flowers".parse().unwrap());
        job.mix = Some("12@4-".parse().unwrap());
        job.classes = vec!["dress:0.5".parse().unwrap()];
        job.codes = vec!["c0=-1.5".parse().unwrap()];
        let json = serde_json::to_value(&job).unwrap();
        assert_eq!(serde_json::from_value::<GenerationJob>(json.clone()).unwrap(), job);
        assert_eq!(json["classes"][0], "dress:0.5");
        assert!(GenerationJob { trunc: f32::NAN, ..job }.validate().is_err());
    }
}
