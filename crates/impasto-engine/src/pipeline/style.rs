//! Styles as users name them: a picture, a code file, or a bundled name, each with a weight.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use impasto_image::Format;
use serde::{Deserialize, Serialize};

use super::generate::GenerationJob;
use crate::error::{EngineError, Result};
use crate::rng::{self, Rng};
use crate::traits::Layers;

/// What a style that a generator makes begins with.
const GENERATED: &str = "gen:";

/// What an artist begins with.
const ARTIST: &str = "artist:";

/// Seeds that are drawn for styles lie below, so that they are easy to type again.
const DRAWN: u64 = 1_000_000;

/// One style and its weight, written `NAME`, `FILE`, `artist:NAME[@LAYERS]` or `gen:MODEL[:seed=N]`, each also with `:WEIGHT` (`a.jpg:0.7`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StyleSpec {
    /// Where the style comes from.
    pub source: StyleSource,
    /// Its share among several, from 0; only ratios matter.
    pub weight: f32,
}

/// Where a style comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum StyleSource {
    /// A bundled style code.
    Named(String),
    /// A file that holds a style code.
    Code(PathBuf),
    /// A picture file.
    Picture(PathBuf),
    /// A picture that a generator makes.
    Generated(GeneratedStyle),
    /// An artist that the network learned, and the layers in which the artist has a say, written `artist:NAME[@LAYERS]`.
    Artist(String, Layers),
}

/// A generator's picture as a style, written `gen:MODEL[:seed=N][,trunc=PSI][,class=CLASS][,code=CODE]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedStyle {
    /// The generator and what its pictures look like.
    pub job: GenerationJob,
    /// The picture's seed; where absent one is drawn by the job's, see [`StyleSpec::drawn`].
    pub seed: Option<u64>,
}

impl GeneratedStyle {
    /// `text` without its `gen:`.
    fn parse(text: &str) -> Result<Self> {
        let refused = |why: &str| {
            EngineError::Caller(format!("style 'gen:{text}': {why}; write it like gen:MODEL:seed=12,trunc=0.7"))
        };
        let settings = text.rsplit_once(':').filter(|(_, settings)| settings.contains('='));
        let (model, settings) = settings.unwrap_or((text, ""));
        let mut job = GenerationJob::new(model.parse()?);
        let mut seed = None;
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').ok_or_else(|| refused(&format!("'{setting}' says nothing")))?;
            let bad = || refused(&format!("'{value}' is no {key}"));
            match key {
                "seed" => seed = Some(value.parse().ok().filter(|seed| *seed < 1 << 53).ok_or_else(bad)?),
                "trunc" => job.trunc = value.parse().map_err(|_| bad())?,
                // Several classes are mixed: class=dress+shirt; several codes are set: code=0=2+c1=0.5.
                "class" => job.classes = value.split('+').map(str::parse).collect::<Result<_>>()?,
                "code" => job.codes = value.split('+').map(str::parse).collect::<Result<_>>()?,
                _ => return Err(refused(&format!("there is no '{key}', only seed, trunc, class and code"))),
            }
        }
        job.validate()?;
        Ok(Self { job, seed })
    }

    /// The same text with the model called `model`.
    fn text(&self, model: &str) -> String {
        let mut settings: Vec<String> = self.seed.iter().map(|seed| format!("seed={seed}")).collect();
        if self.job.trunc != 1.0 {
            settings.push(format!("trunc={}", self.job.trunc));
        }
        if !self.job.classes.is_empty() {
            let classes: Vec<&str> = self.job.classes.iter().map(|share| share.class.as_str()).collect();
            settings.push(format!("class={}", classes.join("+")));
        }
        if !self.job.codes.is_empty() {
            let codes: Vec<String> = self.job.codes.iter().map(ToString::to_string).collect();
            settings.push(format!("code={}", codes.join("+")));
        }
        let colon = if settings.is_empty() { "" } else { ":" };
        format!("gen:{model}{colon}{}", settings.join(","))
    }
}

/// An artist and layers as they are typed; all layers need no word.
fn artist(name: &str, layers: Layers) -> String {
    if layers == Layers::ALL { name.to_owned() } else { format!("{name}@{layers}") }
}

impl StyleSpec {
    /// The style with its picture settled: one that a generator is to make without a seed gets one, drawn by a job's seed
    /// and the style's place among the job's.
    #[must_use]
    pub fn drawn(mut self, seed: u64, place: usize) -> Self {
        if let StyleSource::Generated(GeneratedStyle { seed: own @ None, .. }) = &mut self.source {
            *own = Some(rng::stream(seed, "style", place as u64).random_range(0..DRAWN));
        }
        self
    }

    /// A short name for output files: the style's own, or the file's stem.
    pub fn label(&self) -> String {
        match &self.source {
            StyleSource::Named(name) => name.clone(),
            StyleSource::Artist(name, layers) => artist(name, *layers).replace('@', "-"),
            StyleSource::Code(path) | StyleSource::Picture(path) => {
                path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
            StyleSource::Generated(GeneratedStyle { job, seed }) => {
                let model = job.model.label();
                seed.map_or(model.clone(), |seed| format!("{model}-seed{seed:04}"))
            }
        }
    }

    /// What it is called in a picture's parameters: names and file names, never folders.
    pub fn public_name(&self) -> String {
        match &self.source {
            StyleSource::Named(name) => name.clone(),
            StyleSource::Artist(name, layers) => format!("{ARTIST}{}", artist(name, *layers)),
            StyleSource::Code(path) | StyleSource::Picture(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            StyleSource::Generated(made) => made.text(&made.job.model.public_name()),
        }
    }
}

impl FromStr for StyleSpec {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let weighted = text.rsplit_once(':').and_then(|(name, weight)| Some((name, weight.parse::<f32>().ok()?)));
        let (name, weight) = weighted.unwrap_or((text, 1.0));
        if name.is_empty() {
            return Err(EngineError::Caller(format!("style '{text}' names neither a file nor a style")));
        }
        if !weight.is_finite() || weight < 0.0 {
            return Err(EngineError::Caller(format!("style '{text}': its weight must be a number from 0")));
        }
        if let Some(made) = name.strip_prefix(GENERATED) {
            return Ok(Self { source: StyleSource::Generated(GeneratedStyle::parse(made)?), weight });
        }
        if let Some(artist) = name.strip_prefix(ARTIST) {
            let (artist, layers) = match artist.split_once('@') {
                Some((artist, layers)) => (artist, layers.parse()?),
                None => (artist, Layers::ALL),
            };
            if artist.is_empty() {
                return Err(EngineError::Caller(format!("style '{text}' names no artist; write it like artist:monet")));
            }
            return Ok(Self { source: StyleSource::Artist(artist.to_owned(), layers), weight });
        }
        let path = PathBuf::from(name);
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let source = if extension == "safetensors" {
            StyleSource::Code(path)
        } else if Format::from_extension(&extension).is_some() || name.contains(['/', '\\']) || path.exists() {
            StyleSource::Picture(path)
        } else {
            StyleSource::Named(name.to_owned())
        };
        Ok(Self { source, weight })
    }
}

impl fmt::Display for StyleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            StyleSource::Named(name) => f.write_str(name)?,
            StyleSource::Artist(name, layers) => write!(f, "{ARTIST}{}", artist(name, *layers))?,
            StyleSource::Code(path) | StyleSource::Picture(path) => write!(f, "{}", path.display())?,
            StyleSource::Generated(made) => f.write_str(&made.text(&made.job.model.to_string()))?,
        }
        if self.weight == 1.0 { Ok(()) } else { write!(f, ":{}", self.weight) }
    }
}

impl From<StyleSpec> for String {
    fn from(spec: StyleSpec) -> Self {
        spec.to_string()
    }
}

impl TryFrom<String> for StyleSpec {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// The styles' shares: weights divided by their sum, those of 0 left out.
///
/// # Errors
/// [`EngineError::Caller`] without styles or when the weights sum to zero.
pub fn shares(styles: &[StyleSpec]) -> Result<Vec<(&StyleSpec, f32)>> {
    if styles.is_empty() {
        return Err(EngineError::Caller(
            "give at least one --style (a picture, a code file or a name) or --artist".into(),
        ));
    }
    let sum: f32 = styles.iter().map(|style| style.weight).sum();
    if !(sum.is_finite() && sum > 0.0) {
        return Err(EngineError::Caller("the styles' weights sum to zero; give at least one a weight above 0".into()));
    }
    Ok(styles.iter().filter(|style| style.weight > 0.0).map(|style| (style, style.weight / sum)).collect())
}

/// Longest style part of an output's name.
const MAX_LABEL: usize = 100;

/// What a mixture of styles is called in file names.
pub fn file_label(parts: &[String]) -> String {
    let clean = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    parts.join("+").chars().map(clean).take(MAX_LABEL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> StyleSpec {
        text.parse().unwrap()
    }

    #[test]
    fn names_files_and_weights_are_told_apart() {
        assert_eq!(parse("great-wave").source, StyleSource::Named("great-wave".into()));
        assert_eq!(parse("mine.safetensors:2").source, StyleSource::Code("mine.safetensors".into()));
        assert_eq!(parse("a.JPG:0.7"), StyleSpec { source: StyleSource::Picture("a.JPG".into()), weight: 0.7 });
        assert_eq!(parse("no/such/file").source, StyleSource::Picture("no/such/file".into()));
        assert_eq!(parse("c:\\a.png").source, StyleSource::Picture("c:\\a.png".into()));
        for text in ["", ":1", "a.jpg:-1", "a.jpg:inf", "a.jpg:NaN"] {
            assert!(text.parse::<StyleSpec>().is_err(), "{text}");
        }
        let monet = StyleSource::Artist("monet".into(), Layers::ALL);
        assert_eq!(parse("artist:monet:2"), StyleSpec { source: monet, weight: 2.0 });
        let strokes = Layers { coarse: false, middle: true, fine: true };
        assert_eq!(parse("artist:monet@fine+middle").source, StyleSource::Artist("monet".into(), strokes));
        for text in ["artist:", "artist:@fine", "artist:monet@", "artist:monet@thick"] {
            assert!(text.parse::<StyleSpec>().is_err(), "{text}");
        }
        for text in [
            "great-wave",
            "artist:monet",
            "artist:monet@coarse:0.5",
            "a.jpg:0.7",
            "gen:flowers:seed=12",
            "gen:a/b.safetensors:seed=3,trunc=0.7,class=x+y:0.5",
            "gen:flowers:seed=3,code=0=2+c1=-0.5",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
    }

    #[test]
    fn generated_pictures_are_styles() {
        let StyleSource::Generated(made) = parse("gen:runs/0001-a/:seed=12,trunc=0.7:3").source else {
            panic!("not a generated style");
        };
        assert_eq!((made.seed, made.job.trunc), (Some(12), 0.7));
        let spec = parse("gen:/home/me/m.safetensors:seed=12:3");
        assert_eq!((spec.weight, spec.label().as_str()), (3.0, "m-seed0012"));
        assert_eq!(spec.public_name(), "gen:m.safetensors:seed=12");
        for (text, settled) in [
            ("gen:flowers", "gen:flowers:seed="),
            ("gen:flowers:0.5", "gen:flowers:seed="),
            ("gen:flowers:trunc=0.5", "gen:flowers:seed="),
        ] {
            let spec = parse(text);
            assert_eq!((spec.to_string().as_str(), spec.label().as_str()), (text, "flowers"));
            let drawn = spec.clone().drawn(7, 0);
            assert!(drawn.to_string().starts_with(settled), "{drawn}");
            assert_eq!(drawn, spec.clone().drawn(7, 0));
            assert!(drawn != spec.clone().drawn(7, 1) && drawn != spec.drawn(8, 0));
            assert_eq!(drawn.clone().drawn(9, 9), drawn, "a seed that is there stays");
        }
        for text in ["gen:", "gen:flowers:seed=x", "gen:flowers:seed=1,hue=2", "gen::seed=1"] {
            assert!(text.parse::<StyleSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn labels_can_be_parts_of_file_names() {
        assert_eq!(file_label(&["a/b".into(), "c:d".into()]), "a_b+c_d");
    }

    #[test]
    fn shares_sum_to_one() {
        let styles = [parse("a:3"), parse("b:0"), parse("c:1")];
        let shares: Vec<f32> = shares(&styles).unwrap().into_iter().map(|(_, share)| share).collect();
        assert_eq!(shares, [0.75, 0.25]);
        let error = super::shares(&[parse("a:0"), parse("b:0")]).unwrap_err().to_string();
        assert!(error.contains("sum to zero"), "{error}");
        assert!(super::shares(&[]).is_err());
    }
}
