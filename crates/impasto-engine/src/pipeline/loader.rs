//! The styles of a job, read as the method wants them.

use std::path::Path;

use impasto_image::{Picture, resize_to_long_side, resize_to_short_side};

use super::files::Input;
use super::generate::{Point, Studio};
use super::job::StylizeJob;
use super::pad::Frame;
use super::painter::Resources;
use super::style::{GeneratedStyle, StyleSource, StyleSpec, shares};
use crate::control::Control;
use crate::descriptor::StyleInput;
use crate::device;
use crate::error::{EngineError, Result};
use crate::models::{self, ModelInfo};
use crate::registry::{named, suggest};
use crate::styles::{self, StyleCode, StyleHeader};
use crate::tensor::{self, ImageTensor};
use crate::traits::{Layers, Style, Stylizer};
use crate::weights;

/// Shorter side at which trained stylizers see style pictures: what they were trained on.
pub(super) const STYLE_SIDE: u32 = 512;

/// Longest side of style pictures: one that is far from square is shrunk further.
const STYLE_LONG_SIDE: u32 = 2048;

/// One style of a job, as provenance records it.
#[derive(Debug, Clone, PartialEq)]
pub struct StyleFact {
    /// Name or file name.
    pub name: String,
    /// Its share, in `(0, 1]`.
    pub share: f32,
    /// BLAKE3 of its file, or of the weights that made it.
    pub blake3: String,
}

/// Styles with their shares, and what provenance records of them.
#[derive(Debug, Default)]
pub(super) struct LoadedStyles {
    pub(super) styles: Vec<(Style, f32)>,
    pub(super) facts: Vec<StyleFact>,
}

/// Reads styles for one stylizer.
pub(super) struct StyleLoader<'a> {
    pub(super) job: &'a StylizeJob,
    pub(super) resources: &'a Resources,
    pub(super) control: &'a Control,
}

impl StyleLoader<'_> {
    /// The styles with their shares: as codes where `network` makes codes, as pictures for optimisation (`None`).
    pub(super) fn load(&self, network: Option<&dyn Stylizer>, model: Option<&ModelInfo>) -> Result<LoadedStyles> {
        self.load_some(&self.job.styles, network, model)
    }

    /// [`StyleLoader::load`] of other styles than the job's.
    pub(super) fn load_some(
        &self,
        specs: &[StyleSpec],
        network: Option<&dyn Stylizer>,
        model: Option<&ModelInfo>,
    ) -> Result<LoadedStyles> {
        let mut loaded = LoadedStyles::default();
        for (spec, share) in shares(specs)? {
            let (style, blake3) = match &spec.source {
                StyleSource::Picture(_) | StyleSource::Generated(_) => {
                    let (picture, blake3) = style_picture(&spec.source, self.resources, self.control)?;
                    (self.seen(&picture, network)?, blake3)
                }
                StyleSource::Artist(name, layers) => {
                    (self.artist(name, *layers, network)?, model.map_or(String::new(), |m| m.blake3.clone()))
                }
                StyleSource::Named(name) => self.code(&styles::named(name)?, None, network, model)?,
                StyleSource::Code(path) => self.code(&StyleCode::load(path)?, Some(path), network, model)?,
            };
            loaded.styles.push((style, share));
            loaded.facts.push(StyleFact { name: spec.public_name(), share, blake3 });
        }
        Ok(loaded)
    }

    /// An artist that the network learned.
    fn artist(&self, name: &str, layers: Layers, network: Option<&dyn Stylizer>) -> Result<Style> {
        let known = network.map(Stylizer::own_styles).unwrap_or_default();
        if let Some(artist) = named(name, known.iter().map(String::as_str)) {
            return Ok(Style::Own(artist.to_owned(), layers));
        }
        Err(EngineError::Caller(match known.is_empty() {
            true => format!("{} knows no artists; leave out --method to paint by artist '{name}'", self.job.method),
            false => format!("there is no artist '{name}'{}", suggest(name, known.iter().map(String::as_str))),
        }))
    }

    /// A picture as a style: the code that the network makes of it, if it makes codes.
    fn seen(&self, picture: &Picture, network: Option<&dyn Stylizer>) -> Result<Style> {
        let side = self.job.style_size.or(network.map(|_| STYLE_SIDE));
        let picture = at_style_size(picture, side, self.job.style_size.is_some());
        let image = style_tensor(&picture, network, &self.resources.device.device);
        let encode = |network: &dyn Stylizer| device::awake(&image.device(), || network.encode_style(&image));
        let code = network.map(encode).transpose()?.flatten();
        Ok(code.map_or(Style::Picture(image), Style::Code))
    }

    fn code(
        &self,
        code: &StyleCode,
        path: Option<&Path>,
        network: Option<&dyn Stylizer>,
        model: Option<&ModelInfo>,
    ) -> Result<(Style, String)> {
        let takes = |n: &dyn Stylizer| n.descriptor().style_input == StyleInput::PictureOrCode;
        let (Some(network), Some(model)) = (network.filter(|n| takes(*n)), model) else {
            let text = format!(
                "{} needs the style as a picture, '{}' is a style code; give the painting's file",
                self.job.method, code.header.title
            );
            return Err(EngineError::Caller(text));
        };
        match code.check(network.descriptor().name, &model.blake3) {
            Err(reason) if !reads(network, &code.header) => {
                return Err(match path {
                    Some(path) => EngineError::file(path, reason),
                    None => EngineError::Caller(format!("the bundled style '{}' {reason}", code.header.title)),
                });
            }
            _ => {}
        }
        Ok((Style::Code(code.arrays.clone()), code.blake3.clone()))
    }
}

/// Whether a network reads a code that bundled weights made.
fn reads(network: &dyn Stylizer, code: &StyleHeader) -> bool {
    let made_by =
        models::bundled_weights(&code.algorithm).filter(|bytes| *blake3::hash(bytes).to_hex() == *code.weights);
    let weights = made_by.and_then(|bytes| weights::decode(bytes).ok());
    weights.is_some_and(|(_, arrays)| network.reads_codes_of(&code.algorithm, &arrays))
}

/// The picture of a style that has one, with the hash of its file, or of the weights of the generator that makes it.
///
/// # Errors
/// [`EngineError::Caller`] for a style code, and for a generator's picture without a seed; those of [`Input::open`] and
/// [`Studio::open`].
pub fn style_picture(source: &StyleSource, resources: &Resources, control: &Control) -> Result<(Picture, String)> {
    match source {
        StyleSource::Picture(path) => {
            let opened = Input::File(path.clone()).open(&resources.limits, control)?;
            Ok((opened.picture, opened.origin.blake3))
        }
        StyleSource::Generated(GeneratedStyle { job, seed }) => {
            let studio = Studio::open(job.clone(), resources.device.clone())?;
            let no_seed = || EngineError::Caller("a generated style has no seed: draw one first".into());
            let code = studio.place(&Point::Seed(seed.ok_or_else(no_seed)?))?;
            let picture = studio.paint(std::slice::from_ref(&code))?.remove(0);
            Ok((picture, studio.model().blake3.clone()))
        }
        StyleSource::Named(_) | StyleSource::Code(_) => {
            Err(EngineError::Caller("a style code has no picture: give the painting's file".into()))
        }
        StyleSource::Artist(name, _) => {
            Err(EngineError::Caller(format!("the artist '{name}' is no single picture: give a painting's file")))
        }
    }
}

/// The style at the size at which it is seen; only enlarged when that was asked for.
pub(super) fn at_style_size(picture: &Picture, side: Option<u32>, enlarge: bool) -> Picture {
    let short = picture.width.min(picture.height);
    let sized = match side {
        Some(side) if enlarge || short > side => resize_to_short_side(picture, side),
        _ => picture.clone(),
    };
    let long = sized.width.max(sized.height);
    if long > STYLE_LONG_SIDE { resize_to_long_side(&sized, STYLE_LONG_SIDE) } else { sized }
}

/// The style as a network takes it.
pub(super) fn style_tensor(picture: &Picture, network: Option<&dyn Stylizer>, device: &crate::Device) -> ImageTensor {
    match network {
        Some(network) => {
            // No margin: a style is only measured, and mirrored edges would count twice.
            let frame = Frame::new(network.descriptor(), 0, picture.width, picture.height);
            tensor::from_planar(frame.fill(picture), 1, frame.size.1 as usize, frame.size.0 as usize, device)
        }
        None => tensor::from_picture(picture, device),
    }
}
