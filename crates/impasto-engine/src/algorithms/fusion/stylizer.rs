//! The trained generator as a [`Stylizer`].

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::artist::Bank;
use super::code::{Code, Shares};
use super::preparation::Preparation;
use super::tiled::Tiles;
use super::{ARTIST_DESCRIPTOR, DESCRIPTOR, FusionConfig, Generator};
use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::TiledRun;
use crate::traits::{Layers, Style, StyleRequest, Stylizer};
use crate::weights::{self, Arrays};

/// Below this strength the picture itself is blended in as well, so that 0 is exactly the content.
pub(super) const BLEND_BELOW: f32 = 0.25;

/// A generator with its configuration.
#[derive(Debug)]
pub struct Fusion {
    descriptor: &'static Descriptor,
    config: FusionConfig,
    generator: Generator,
    /// The artists that came with the weights.
    banks: BTreeMap<String, Bank>,
    device: Device,
}

/// A style as far as it is known without a content.
#[derive(Debug, Clone)]
pub(super) enum Palette {
    Code(Code),
    /// An artist, of whose codes the content chooses, and where the artist has a say.
    Bank(Bank, Layers),
}

impl Palette {
    /// Where it has a say, from coarse to fine.
    fn layers(&self) -> [bool; 3] {
        match self {
            Self::Code(_) => Layers::ALL.each(),
            Self::Bank(_, layers) => layers.each(),
        }
    }
}

/// In each layer what weights are divided by: the sum of those that have a say there, and exactly 1 where all have.
fn sums(palettes: &[(Palette, f32)]) -> Shares {
    std::array::from_fn(|layer| {
        let has_say = |(palette, _): &&(Palette, f32)| palette.layers()[layer];
        match palettes.iter().all(|part| has_say(&part)) {
            true => 1.0,
            false => palettes.iter().filter(has_say).map(|(_, weight)| weight).sum(),
        }
    })
}

/// What a style of such a weight has of each layer: alone in one, all of it.
fn shares(palette: &Palette, weight: f32, sums: Shares) -> Shares {
    let layers = palette.layers();
    std::array::from_fn(|layer| if layers[layer] { weight / sums[layer] } else { 0.0 })
}

/// The codes of styles, whose weights sum to 1, with their shares at a strength; the content's own has the rest, and those
/// layers in which no style has a say.
pub(super) fn codes(
    palettes: &[(Palette, f32)],
    strength: f32,
    own: impl FnOnce() -> Result<Code>,
) -> Result<Vec<(Code, Shares)>> {
    let own = if needs_own(palettes, strength) { Some(own()?) } else { None };
    let sums = sums(palettes);
    let mut codes = Vec::new();
    for (palette, weight) in palettes {
        let shares = shares(palette, weight * strength, sums);
        match (palette, &own) {
            (Palette::Code(code), _) => codes.push((code.clone(), shares)),
            (Palette::Bank(bank, _), Some(own)) => {
                let chosen = bank.choose(own).into_iter();
                codes.extend(chosen.map(|(code, part)| (code, shares.map(|share| share * part))));
            }
            (Palette::Bank(..), None) => return Err(EngineError::Internal("an artist without a content".into())),
        }
    }
    let rest = sums.map(|sum| if sum > 0.0 { 1.0 - strength } else { 1.0 });
    if let Some(own) = own.filter(|_| rest.iter().any(|share| *share > 0.0)) {
        codes.push((own, rest));
    }
    Ok(codes)
}

/// How a content is prepared: as each artist wants it, as far as the artist has a say. The grain shows at a quarter and at half the
/// size; what is left out is left out of all layers.
pub(super) fn preparation(palettes: &[(Palette, f32)], strength: f32) -> Preparation {
    let sums = sums(palettes);
    let mut all = Preparation::default();
    for (palette, weight) in palettes {
        if let Palette::Bank(bank, _) = palette {
            let say = shares(palette, weight * strength, sums);
            all.grain += bank.preparation().grain * say[1];
            all.simplify += bank.preparation().simplify * say.iter().sum::<f32>() / 3.0;
        }
    }
    all
}

/// Whether the content's own code is needed.
pub(super) fn needs_own(palettes: &[(Palette, f32)], strength: f32) -> bool {
    strength < 1.0 || palettes.iter().any(|(palette, _)| matches!(palette, Palette::Bank(..)))
}

impl Fusion {
    /// Puts `arrays` into a generator of `config`; random initial weights from `seed` without.
    ///
    /// # Errors
    /// A line that says which tensor does not fit.
    pub fn new(config: FusionConfig, arrays: Option<&Arrays>, seed: u64, device: &Device) -> Result<Self, String> {
        config.validate()?;
        let fresh = Generator::new(&config, seed, device);
        let generator = match arrays {
            Some(arrays) => weights::apply(fresh, arrays)?,
            None => fresh,
        };
        Ok(Self { descriptor: &DESCRIPTOR, config, generator, banks: BTreeMap::new(), device: device.clone() })
    }

    /// The same network with the artists among `arrays`.
    ///
    /// # Errors
    /// A line that says which tensor does not fit.
    pub fn with_artists(
        config: FusionConfig,
        arrays: Option<&Arrays>,
        seed: u64,
        device: &Device,
    ) -> Result<Self, String> {
        config.validate()?;
        let Some(arrays) = arrays else {
            return Ok(Self { descriptor: &ARTIST_DESCRIPTOR, ..Self::new(config, None, seed, device)? });
        };
        let (generator, banks) = Bank::take_all(arrays, &config, device)?;
        let network = Self::new(config, Some(&generator), seed, device)?;
        Ok(Self { descriptor: &ARTIST_DESCRIPTOR, banks, ..network })
    }

    /// Styles with their weights.
    fn palettes(&self, styles: &[(Style, f32)]) -> Result<Vec<(Palette, f32)>> {
        styles.iter().map(|(style, weight)| Ok((self.resolve(style)?, *weight))).collect()
    }

    fn resolve(&self, style: &Style) -> Result<Palette> {
        match style {
            Style::Picture(image) => Ok(Palette::Code(self.generator.code(&self.generator.encode(image.clone())))),
            Style::Code(arrays) => Code::from_arrays(arrays, &self.config, &self.device)
                .map(Palette::Code)
                .map_err(|problem| EngineError::Caller(format!("{problem}; was it made by another model?"))),
            Style::Own(name, layers) => match self.banks.get(name) {
                Some(bank) => Ok(Palette::Bank(bank.clone(), *layers)),
                None => Err(EngineError::Caller(format!("these weights know no artist '{name}'"))),
            },
        }
    }
}

/// What the names of the encoder's arrays begin with.
const ENCODER: &str = "encode";

impl Stylizer for Fusion {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        let palettes = self.palettes(&request.styles)?;
        control.check()?;
        let content = self.generator.encode(request.content.clone());
        let codes = codes(&palettes, request.strength, || Ok(self.generator.code(&content)))?;
        control.check()?;
        let content = self.generator.prepared(content, preparation(&palettes, request.strength), 0);
        let painted = self.generator.paint_layers(content, &codes);
        Ok(blended(request.content, painted, request.strength))
    }

    fn tiled<'a>(&'a self, styles: &[(Style, f32)], strength: f32) -> Result<Option<Box<dyn TiledRun + 'a>>> {
        let palettes = self.palettes(styles)?;
        Ok(Some(Box::new(Tiles { config: &self.config, generator: &self.generator, palettes, strength })))
    }

    fn encode_style(&self, style: &ImageTensor) -> Result<Option<Arrays>> {
        Ok(Some(self.generator.code(&self.generator.encode(style.clone())).to_arrays()))
    }

    fn reads_codes_of(&self, algorithm: &str, weights: &Arrays) -> bool {
        // A code is what the encoder sees; it is the rest that learns an artist.
        let own = weights::collect(&self.generator);
        let mut encoder = own.iter().filter(|(name, _)| name.starts_with(ENCODER));
        algorithm == DESCRIPTOR.name && encoder.all(|(name, array)| weights.get(name) == Some(array))
    }

    fn own_styles(&self) -> Vec<String> {
        self.banks.keys().cloned().collect()
    }

    fn arrays(&self) -> Arrays {
        let mut arrays = weights::collect(&self.generator);
        self.banks.iter().for_each(|(name, bank)| arrays.extend(bank.to_arrays(name)));
        arrays
    }
}

/// The painted picture, with the content itself where the strength is low.
pub(super) fn blended(content: Tensor<4>, painted: Tensor<4>, strength: f32) -> Tensor<4> {
    let share = (strength / BLEND_BELOW).min(1.0);
    if share < 1.0 { content * (1.0 - share) + painted * share } else { painted }
}

/// The generator's multiply-accumulates per content pixel, styles encoded beforehand.
pub(super) fn macs_per_pixel(config: &FusionConfig) -> f64 {
    let [c1, c2, c3, c4] = config.widths.map(|c| c as f64);
    let conv = |cin: f64, cout: f64, area: f64| 9.0 * cin * cout / area;
    let tokens = (super::code::GRID * super::code::GRID) as f64;
    let attention = (2.0 * c4 + 2.0 * tokens) * config.attention_width as f64 / 64.0;
    // Correlations of the decoder's features, and the product that changes them.
    let recorrelate: f64 =
        [(3.0, 1.0), (c1, 1.0), (c2, 4.0), (c3, 16.0)].iter().map(|(c, area)| 2.0 * c * c / area).sum();
    recorrelate
        + conv(3.0, c1, 1.0)
        + conv(c1, c2, 4.0)
        + conv(c2, c3, 16.0)
        + conv(c3, c4, 64.0)
        + attention
        + config.blocks as f64 * 2.0 * conv(c4, c4, 64.0)
        + conv(c4, c3, 16.0)
        + 2.0 * conv(c3, c3, 16.0)
        + conv(c3, c2, 4.0)
        + 2.0 * conv(c2, c2, 4.0)
        + conv(c2, c1, 1.0)
        + (config.paint_kernel * config.paint_kernel) as f64 * c1 * 3.0
}

/// Codes of a batch of styles, each for one sample.
pub(super) fn paint_batch(generator: &Generator, content: Tensor<4>, style: Tensor<4>) -> Tensor<4> {
    let code = generator.code(&generator.encode(style));
    generator.paint(generator.encode(content), &[(code, 1.0)])
}
