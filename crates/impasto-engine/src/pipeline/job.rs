//! What a stylisation is asked to do.

use std::path::PathBuf;

use impasto_image::adjust::Adjustments;
use impasto_image::colour::PreserveColor;
use serde::{Deserialize, Serialize};

use super::style::StyleSpec;
use crate::descriptor::{StyleInput, Task};
use crate::error::{EngineError, Result};
use crate::models::{PerceptionSpec, TranslatorFile};
use crate::registry::{self, Build, Entry, SettingsType};
use crate::traits::Direction;

/// Everything that decides how pictures are painted, apart from the pictures themselves. The same job on the same
/// content gives the same picture (bit for bit on CPU).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StylizeJob {
    /// The styles to mix; at least one with a weight above 0, or none for a translator.
    pub styles: Vec<StyleSpec>,
    /// How: a stylizer or translator of the registry, or `refine` (see [`Method`]).
    pub method: String,
    /// Weights file in place of the bundled weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// Perception network of methods that optimise, in place of the bundled one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perception: Option<PerceptionSpec>,
    /// Settings of methods that optimise, where they differ from the defaults.
    pub settings: toml::Table,
    /// Which way a translator translates.
    #[serde(skip_serializing_if = "is_forward")]
    pub direction: Direction,
    /// How much of the style: 0 keeps the content exactly, 1 is the full style.
    pub strength: f32,
    /// How the content's colours are kept.
    pub preserve_color: PreserveColor,
    /// Picture whose light parts are painted and whose dark parts keep the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<PathBuf>,
    /// Whether light and dark of the mask are exchanged.
    pub invert_mask: bool,
    /// Pixels over which the mask's edges are softened, from 0.
    pub feather: f32,
    /// Parts of the picture with a style of their own, painted over the others in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Longer side of the result in pixels; the content's own size where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Shorter side in pixels at which style pictures are seen: larger makes finer strokes. Where absent, what the method
    /// works best with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style_size: Option<u32>,
    /// Adjustments of the painted picture.
    pub adjust: Adjustments,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for StylizeJob {
    fn default() -> Self {
        Self {
            styles: Vec::new(),
            method: registry::DEFAULT_STYLIZER.to_owned(),
            model: None,
            perception: None,
            settings: toml::Table::new(),
            direction: Direction::default(),
            strength: 1.0,
            preserve_color: PreserveColor::None,
            mask: None,
            invert_mask: false,
            feather: 0.0,
            regions: Vec::new(),
            size: None,
            style_size: None,
            adjust: Adjustments::default(),
            seed: 0,
        }
    }
}

/// A part of a picture with a style of its own, written `MASK=STYLE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Picture whose light parts are painted in the style; softened by [`StylizeJob::feather`].
    pub mask: PathBuf,
    /// The style; its weight says nothing.
    pub style: StyleSpec,
}

impl std::str::FromStr for Region {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((mask, style)) if !mask.is_empty() => Ok(Self { mask: mask.into(), style: style.parse()? }),
            _ => Err(EngineError::Caller(format!("region '{text}' is not of the form MASK=STYLE"))),
        }
    }
}

/// The usual direction is not written.
fn is_forward(direction: &Direction) -> bool {
    *direction == Direction::default()
}

/// The smallest and largest [`StylizeJob::size`] and [`StylizeJob::style_size`].
const SIDES: std::ops::RangeInclusive<u32> = 16..=16_384;

impl StylizeJob {
    /// A job with the default method and the style that `style` names; see [`StyleSpec`].
    ///
    /// # Errors
    /// [`EngineError::Caller`] when `style` names nothing.
    pub fn new(style: &str) -> Result<Self> {
        Ok(Self { styles: vec![style.parse()?], ..Self::default() })
    }

    /// A job that translates with the weights of a file or a run's folder.
    pub fn translation(model: &TranslatorFile, direction: Direction) -> Self {
        let method = model.entry.descriptor.name.to_owned();
        Self { method, model: Some(model.file.clone()), direction, ..Self::default() }
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that names the first that is out of it.
    pub fn validate(&self) -> Result<()> {
        match self.method()?.takes_style() {
            true => drop(super::style::shares(&self.styles)?),
            false if self.styles.is_empty() => {}
            false => {
                let text = format!("{} takes no style: use 'impasto translate MODEL PICTURE'", self.method);
                return Err(EngineError::Caller(text));
            }
        }
        if let Some(region) = self.regions.iter().find(|region| region.style.weight == 0.0) {
            let style = &region.style;
            return Err(EngineError::Caller(format!(
                "region '{}': style '{style}' has no weight",
                region.mask.display()
            )));
        }
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(EngineError::Caller(format!("strength is {}, not from 0 to 1", self.strength)));
        }
        if !(0.0..=10_000.0).contains(&self.feather) {
            return Err(EngineError::Caller(format!("feather is {}, not from 0 to 10000", self.feather)));
        }
        for (name, side) in [("size", self.size), ("style-size", self.style_size)] {
            if let Some(side) = side.filter(|side| !SIDES.contains(side)) {
                let (low, high) = (SIDES.start(), SIDES.end());
                return Err(EngineError::Caller(format!("{name} is {side}, not from {low} to {high} pixels")));
            }
        }
        self.adjust.validate().map_err(|e| EngineError::Caller(e.to_string()))
    }

    /// The method by name.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that suggests near names.
    pub fn method(&self) -> Result<Method> {
        Method::named(&self.method)
    }
}

/// A way to paint.
#[derive(Debug, Clone, Copy)]
pub enum Method {
    /// A stylizer or a translator of the registry.
    Algorithm(&'static Entry),
    /// The default stylizer first, then a few steps of optimisation from its result: between instant and slow.
    Refine,
}

/// The name of [`Method::Refine`].
pub const REFINE: &str = "refine";

impl Method {
    /// All methods.
    pub fn all() -> impl Iterator<Item = Self> {
        let paints = |entry: &&Entry| matches!(entry.descriptor.task, Task::Stylizer | Task::Translator);
        registry::REGISTRY.iter().filter(paints).map(Self::Algorithm).chain([Self::Refine])
    }

    /// The method called `name`.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that suggests near names.
    pub fn named(name: &str) -> Result<Self> {
        Self::all().find(|method| method.name() == name).ok_or_else(|| {
            let near = registry::suggest(name, Self::all().map(Self::name));
            EngineError::Caller(format!("there is no method '{name}'{near}"))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Algorithm(entry) => entry.descriptor.name,
            Self::Refine => REFINE,
        }
    }

    /// Whether it paints in a style that it is given.
    pub fn takes_style(self) -> bool {
        match self {
            Self::Algorithm(entry) => entry.descriptor.style_input != StyleInput::None,
            Self::Refine => true,
        }
    }

    /// The settings it takes, if it optimises.
    pub fn settings(self) -> Option<SettingsType> {
        match self {
            Self::Algorithm(entry) => match entry.build {
                Build::Optimisation { settings, .. } => Some(settings),
                _ => None,
            },
            Self::Refine => Some(registry::REFINE_SETTINGS),
        }
    }
}
