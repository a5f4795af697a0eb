//! From what a client asks to what the engine does.

use std::path::PathBuf;

use impasto_engine::models;
use impasto_engine::pipeline::{Method, StyleSource, StyleSpec, StylizeJob};
use impasto_engine::{Layers, registry, styles};

use super::generator::checked;
use super::{Layer, Request, STYLES, Shelf, Style, Stylize};
use crate::ids::is_id;
use crate::problem::{Outcome, Problem};

impl Request {
    /// Refuses what cannot be done, before it is queued.
    pub(crate) fn validate(&self, shelf: &dyn Shelf) -> Outcome<()> {
        match self {
            Self::Stylize(stylize) => content(stylize.content.as_ref()).map(drop)?,
            Self::Adjust(adjust) => content(adjust.content.as_ref()).map(drop)?,
            Self::Translate(translate) => content(translate.content.as_ref()).map(drop)?,
            Self::Project(project) => content(project.content.as_ref()).map(drop)?,
            Self::Generate(_) | Self::Evolve(_) | Self::Walk(_) | Self::Directions(_) | Self::Train(_) => {}
        }
        self.check(shelf)
    }

    /// The same of a request that may have no picture yet.
    pub(crate) fn check(&self, shelf: &dyn Shelf) -> Outcome<()> {
        let files = self.files();
        if let Some(file) = files.iter().find(|file| !is_id(file)) {
            return Err(Problem::validation(format!("'{}' is no file's id.", file.escape_debug())));
        }
        for file in files {
            shelf.picture(file)?;
        }
        let jpeg_quality = self.output().jpeg_quality;
        if !(1..=100).contains(&jpeg_quality) {
            return Err(Problem::validation(format!("jpeg_quality is {jpeg_quality}, not from 1 to 100")));
        }
        match self {
            Self::Stylize(stylize) => Ok(stylize.job(shelf)?.validate()?),
            Self::Translate(translate) => Ok(translate.job(shelf)?.validate()?),
            Self::Adjust(adjust) => adjust.adjust.validate().map_err(|e| Problem::validation(e.to_string())),
            Self::Generate(generate) => generate.check(shelf),
            Self::Evolve(evolve) => evolve.check(shelf),
            Self::Walk(walk) => walk.check(shelf),
            Self::Project(project) => project.check(shelf),
            Self::Directions(directions) => directions.check(shelf),
            Self::Train(train) => train.check(shelf),
        }
    }
}

/// The content's id.
pub(crate) fn content(id: Option<&String>) -> Outcome<&str> {
    id.map(String::as_str).ok_or_else(|| Problem::validation("content is missing: give the id of a picture"))
}

impl Stylize {
    /// What the engine is to do.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<StylizeJob> {
        if !(1..=STYLES).contains(&self.styles.len()) {
            return Err(Problem::validation(format!("{} styles; give 1 to {STYLES}", self.styles.len())));
        }
        let known = self.artists(shelf)?;
        let spec = |style: &Style| style.spec(shelf, known.as_ref().map(|(_, artists)| &artists[..]));
        let styles: Vec<StyleSpec> = self.styles.iter().map(spec).collect::<Outcome<_>>()?;
        let by_artist = self.styles.iter().any(|style| style.artist.is_some());
        let default = if by_artist { registry::ARTISTS } else { registry::DEFAULT_STYLIZER };
        let method = self.method.clone().unwrap_or_else(|| default.to_owned());
        check_method(&method)?;
        self.styles.iter().filter(|style| style.weight > 0.0).try_for_each(|style| style.check_for(&method))?;
        // No null in TOML: a setting that is null is one that is not given.
        let given = self.settings.iter().filter(|(_, value)| !value.is_null());
        let given: serde_json::Map<_, _> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
        let settings: toml::Table = serde_json::from_value(given.into())
            .map_err(|_| Problem::validation("settings hold something other than numbers, texts, lists and tables"))?;
        if let Some(known) = Method::named(&method)?.settings() {
            let refused = |problem| Problem::validation(format!("settings of {method}: {problem}"));
            known.complete(&settings).map_err(refused)?;
        } else if let Some(key) = settings.keys().next() {
            return Err(Problem::validation(format!("{method} has no setting '{}'", key.escape_debug())));
        }
        Ok(StylizeJob {
            styles,
            method,
            settings,
            strength: self.strength,
            preserve_color: self.preserve_color,
            mask: self.mask.as_deref().map(|id| shelf.picture(id)).transpose()?,
            invert_mask: self.invert_mask,
            feather: self.feather,
            size: self.size,
            style_size: self.style_size,
            adjust: self.adjust,
            seed: checked(self.seed)?,
            model: known.map(|(file, _)| file),
            ..StylizeJob::default()
        })
    }

    /// The weights of a model that was kept here, and the artists that it knows.
    fn artists(&self, shelf: &dyn Shelf) -> Outcome<Option<(PathBuf, Vec<String>)>> {
        let Some(model) = &self.model else { return Ok(None) };
        let file = shelf.model(model).map_err(|_| unknown("model", model, "/v1/models"))?;
        let artists = shelf.artists(model)?;
        if artists.is_empty() {
            return Err(Problem::validation(format!("{} knows no artists", model.escape_debug())));
        }
        Ok(Some((file, artists)))
    }
}

/// Only methods that need nothing but what is bundled: a client names no weights files.
fn check_method(name: &str) -> Outcome<()> {
    let method = Method::named(name)?;
    let works = method.takes_style()
        && match method {
            Method::Algorithm(entry) => match entry.build {
                registry::Build::Network(_) => models::bundled_weights(name).is_some(),
                _ => true,
            },
            Method::Refine => true,
        };
    if works { Ok(()) } else { Err(Problem::validation(format!("{name} needs weights that this server has not"))) }
}

/// The methods that a request may name.
pub(crate) fn methods() -> impl Iterator<Item = Method> {
    Method::all().filter(|method| check_method(method.name()).is_ok())
}

impl Style {
    /// `known` are the artists of a model that was kept here; the bundled ones where absent.
    fn spec(&self, shelf: &dyn Shelf, known: Option<&[String]>) -> Outcome<StyleSpec> {
        if let Some(missing) = &self.missing {
            let text = format!("The picture '{}' is not here; upload it and name it as file.", missing.escape_debug());
            return Err(Problem::validation(text));
        }
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return Err(Problem::validation(format!("a style's weight is {}, not a number from 0", self.weight)));
        }
        let source = match (&self.name, &self.file, &self.artist) {
            (Some(name), None, None) => {
                styles::named(name).map_err(|_| unknown("style", name, "/v1/styles"))?;
                StyleSource::Named(name.clone())
            }
            (None, Some(file), None) => StyleSource::Picture(shelf.picture(file)?),
            (None, None, Some(artist)) => {
                let there = match known {
                    Some(known) => known.contains(artist),
                    None => models::artists()?.contains(artist),
                };
                if !there {
                    return Err(unknown("artist", artist, "/v1/artists"));
                }
                StyleSource::Artist(artist.clone(), layers(self.layers.as_deref())?)
            }
            _ => return Err(Problem::validation("a style has exactly one of name, file and artist")),
        };
        if self.layers.is_some() && self.artist.is_none() {
            return Err(Problem::validation("only an artist has layers"));
        }
        Ok(StyleSpec { source, weight: self.weight })
    }
}

impl Style {
    /// Refuses a style that the method does not know; one of weight 0 is not looked at.
    fn check_for(&self, method: &str) -> Outcome<()> {
        if let Some(name) = &self.name {
            let own = styles::named(name)?.header.algorithm;
            // The bundled artists see styles as the default does, and so do those that were learnt from it.
            let read = own == method || (own == registry::DEFAULT_STYLIZER && method == registry::ARTISTS);
            if !read {
                let text = format!(
                    "{name} is a style of {own} and nothing that {method} could paint in; give a picture instead"
                );
                return Err(Problem::validation(text));
            }
        }
        match &self.artist {
            Some(artist) if method != registry::ARTISTS => {
                let text = format!("{method} does not know {artist}; leave out method, or name {}", registry::ARTISTS);
                Err(Problem::validation(text))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn unknown(what: &str, name: &str, list: &str) -> Problem {
    Problem::validation(format!("There is no {what} '{}'; {list} lists what there is.", name.escape_debug()))
}

fn layers(given: Option<&[Layer]>) -> Outcome<Layers> {
    let Some(given) = given else { return Ok(Layers::ALL) };
    let has = |layer| given.contains(&layer);
    match given {
        [] => Err(Problem::validation("layers is empty: name coarse, middle or fine, or leave it out")),
        _ => Ok(Layers { coarse: has(Layer::Coarse), middle: has(Layer::Middle), fine: has(Layer::Fine) }),
    }
}
