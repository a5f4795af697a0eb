//! What can be asked for. Pictures are named by their ids, never by paths; everything else is the engine's own.

mod generator;
mod job;
mod recipe;
#[cfg(test)]
mod tests;
mod train;
mod translate;

use std::path::PathBuf;

use impasto_engine::pipeline::OutputOptions;
use impasto_image::adjust::Adjustments;
use impasto_image::colour::PreserveColor;
use impasto_image::{EncodeOptions, Format};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use generator::{Class, Directions, Evolve, Generate, Project, Walk};
pub(crate) use job::{content, methods};
pub(crate) use recipe::recipe;
pub(crate) use train::{Subject, Train};
pub(crate) use translate::Translate;

use crate::problem::Outcome;

/// Most styles in a request.
const STYLES: usize = 8;
/// Where the things are that requests name.
pub(crate) trait Shelf {
    /// A picture's file.
    fn picture(&self, id: &str) -> Outcome<PathBuf>;
    /// The file of the code that a picture was made from.
    fn code(&self, id: &str) -> Outcome<PathBuf>;
    /// The weights of a model that was kept here.
    fn model(&self, name: &str) -> Outcome<PathBuf>;
    /// The artists that a model knows that was kept here.
    fn artists(&self, model: &str) -> Outcome<Vec<String>>;
    /// The directions of a generator, where some were found.
    fn directions(&self, model: &str) -> PathBuf;
    /// Refuses a collection that is not there, or is empty.
    fn collection(&self, id: &str) -> Outcome<()>;
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Request {
    /// A picture painted in styles.
    Stylize(Stylize),
    /// A picture adjusted.
    Adjust(Adjust),
    /// A picture translated by a model that was kept here.
    Translate(Translate),
    /// Pictures of a generator.
    Generate(Generate),
    /// Children of a generator's pictures.
    Evolve(Evolve),
    /// A walk from picture to picture, as an animation.
    Walk(Walk),
    /// A picture looked for among a generator's.
    Project(Project),
    /// The directions along which a generator's pictures change.
    Directions(Directions),
    /// A model learnt from pictures.
    Train(Train),
}

/// A picture painted in styles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stylize {
    /// The picture's id; only presets and recipes whose picture is not here have none.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// One to eight styles, mixed by their weights.
    #[schema(min_items = 1, max_items = 8)]
    pub(crate) styles: Vec<Style>,
    /// The model whose artists are meant, of those that were kept here; the bundled one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// How to paint, see `/v1/methods`; where absent, `artist` if an artist is named, else the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// Settings of methods that have some.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub(crate) settings: serde_json::Map<String, serde_json::Value>,
    /// How much of the style, from 0 to 1.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) strength: f32,
    /// How the picture's own colours are kept: `none`, `luma`, `mean-covariance` or `histogram`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) preserve_color: PreserveColor,
    /// The id of a picture whose light parts are painted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<String>,
    /// Whether the mask's dark parts are painted instead.
    #[serde(default)]
    pub(crate) invert_mask: bool,
    /// Pixels over which the mask's edges are softened.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) feather: f32,
    /// Longer side of the result in pixels; the picture's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 16384)]
    pub(crate) size: Option<u32>,
    /// Shorter side at which style pictures are seen: larger makes finer strokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 16384)]
    pub(crate) style_size: Option<u32>,
    /// Adjustments of the painted picture.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) adjust: Adjustments,
    /// Seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How the result is stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// A style: exactly one of `name`, `file`, `artist`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Style {
    /// A bundled style, see `/v1/styles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The id of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// An artist, see `/v1/artists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artist: Option<String>,
    /// In which layers an artist has a say: `coarse`, `middle`, `fine`; in all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layers: Option<Vec<Layer>>,
    /// Its share among the styles; only ratios matter.
    #[serde(default = "one")]
    #[schema(minimum = 0)]
    pub(crate) weight: f32,
    /// In recipes: the name of a picture that is not here. A request with one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
}

/// A part of a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    /// Composition.
    Coarse,
    /// Forms.
    Middle,
    /// Strokes and colours.
    Fine,
}

/// A picture adjusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adjust {
    /// The picture's id.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// What is adjusted; see `/v1/adjustments`.
    #[schema(value_type = Object)]
    pub(crate) adjust: Adjustments,
    /// How the result is stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// How results are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Output {
    /// `png`, `jpeg`, `webp` (lossless) or `tiff`.
    pub(crate) format: OutputFormat,
    /// JPEG quality.
    #[schema(minimum = 1, maximum = 100)]
    pub(crate) jpeg_quality: u8,
}

/// The formats of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub(crate) enum OutputFormat {
    Png,
    Jpeg,
    Webp,
    Tiff,
}

impl OutputFormat {
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Png => Format::Png,
            Self::Jpeg => Format::Jpeg,
            Self::Webp => Format::WebP,
            Self::Tiff => Format::Tiff,
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self { format: OutputFormat::Png, jpeg_quality: EncodeOptions::new(Format::Jpeg).jpeg_quality }
    }
}

impl Output {
    /// How the engine writes it.
    pub(crate) fn options(self) -> OutputOptions {
        OutputOptions { jpeg_quality: self.jpeg_quality, ..OutputOptions::default() }
    }
}

fn one() -> f32 {
    1.0
}

impl Request {
    /// The name of its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Stylize(_) => "stylize",
            Self::Adjust(_) => "adjust",
            Self::Translate(_) => "translate",
            Self::Generate(_) => "generate",
            Self::Evolve(_) => "evolve",
            Self::Walk(_) => "walk",
            Self::Project(_) => "project",
            Self::Directions(_) => "directions",
            Self::Train(_) => Train::KIND,
        }
    }

    /// The ids of the pictures that it needs.
    pub(crate) fn files(&self) -> Vec<&str> {
        let (content, others): (Option<&String>, Vec<&String>) = match self {
            Self::Stylize(s) => {
                let styles = s.styles.iter().filter_map(|style| style.file.as_ref());
                (s.content.as_ref(), s.mask.iter().chain(styles).collect())
            }
            Self::Translate(t) => (t.content.as_ref(), t.mask.iter().collect()),
            Self::Adjust(a) => (a.content.as_ref(), Vec::new()),
            Self::Project(p) => (p.content.as_ref(), Vec::new()),
            Self::Generate(g) => {
                (None, g.codes.iter().chain(g.mix.iter().filter_map(|mix| mix.code.as_ref())).collect())
            }
            Self::Evolve(e) => (None, e.codes.iter().collect()),
            Self::Walk(w) => (None, w.codes.iter().collect()),
            Self::Directions(_) | Self::Train(_) => (None, Vec::new()),
        };
        content.into_iter().chain(others).map(String::as_str).collect()
    }

    /// The same without what belongs to one picture.
    pub(crate) fn without_picture(mut self) -> Self {
        match &mut self {
            Self::Stylize(stylize) => (stylize.content, stylize.mask) = (None, None),
            Self::Translate(translate) => (translate.content, translate.mask) = (None, None),
            Self::Adjust(adjust) => adjust.content = None,
            Self::Project(project) => project.content = None,
            Self::Generate(_) | Self::Evolve(_) | Self::Walk(_) | Self::Directions(_) | Self::Train(_) => {}
        }
        self
    }

    /// How its results are stored.
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::Stylize(s) => s.output,
            Self::Adjust(a) => a.output,
            Self::Translate(t) => t.output,
            Self::Generate(g) => g.output,
            Self::Evolve(e) => e.output,
            Self::Project(p) => p.output,
            Self::Walk(_) | Self::Directions(_) | Self::Train(_) => Output::default(),
        }
    }

    /// What a search should find its results by.
    pub(crate) fn words(&self) -> String {
        let (kind, own) = (self.kind(), self.own_words());
        if own.is_empty() { kind.to_owned() } else { format!("{kind} {own}") }
    }

    fn own_words(&self) -> String {
        match self {
            Self::Stylize(s) => {
                let styles: Vec<String> = s.styles.iter().map(Style::label).collect();
                format!("{} {}", s.method.as_deref().unwrap_or_default(), styles.join(" "))
            }
            Self::Adjust(_) => String::new(),
            Self::Translate(t) => t.model.clone(),
            Self::Generate(g) => g.model.clone(),
            Self::Evolve(e) => e.model.clone(),
            Self::Walk(w) => w.model.clone(),
            Self::Project(p) => p.model.clone(),
            Self::Directions(d) => d.model.clone(),
            Self::Train(t) => t.what.clone(),
        }
    }
}

impl Stylize {
    /// A request for one style, without a picture.
    pub(crate) fn of(style: Style) -> Self {
        Self { styles: vec![style], ..Self::blank() }
    }

    /// A request without a picture and without styles.
    pub(crate) fn blank() -> Self {
        Self {
            content: None,
            styles: Vec::new(),
            model: None,
            method: None,
            settings: serde_json::Map::new(),
            strength: one(),
            preserve_color: PreserveColor::None,
            mask: None,
            invert_mask: false,
            feather: 0.0,
            size: None,
            style_size: None,
            adjust: Adjustments::default(),
            seed: 0,
            output: Output::default(),
        }
    }
}

impl Style {
    /// A style without a source, of weight 1.
    pub(crate) fn empty() -> Self {
        Self { name: None, file: None, artist: None, layers: None, weight: one(), missing: None }
    }

    /// A few letters for people.
    pub(crate) fn label(&self) -> String {
        let own = self.name.as_ref().or(self.artist.as_ref()).or(self.missing.as_ref());
        own.cloned().unwrap_or_else(|| "own".to_owned())
    }
}
