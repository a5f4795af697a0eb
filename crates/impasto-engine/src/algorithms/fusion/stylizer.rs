//! The trained generator as a [`Stylizer`].

use burn::tensor::{Device, Tensor};

use super::code::Code;
use super::tiled::Tiles;
use super::{DESCRIPTOR, FusionConfig, Generator};
use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::TiledRun;
use crate::traits::{Style, StyleRequest, Stylizer};
use crate::weights::{self, Arrays};

/// Below this strength the picture itself is blended in as well, so that 0 is exactly the content.
pub(super) const BLEND_BELOW: f32 = 0.25;

/// A generator with its configuration.
#[derive(Debug)]
pub struct Fusion {
    config: FusionConfig,
    generator: Generator,
    device: Device,
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
        Ok(Self { config, generator, device: device.clone() })
    }

    /// The codes of styles with their weights, which sum to `strength`.
    fn codes(&self, styles: &[(Style, f32)], strength: f32) -> Result<Vec<(Code, f32)>> {
        styles.iter().map(|(style, weight)| Ok((self.resolve(style)?, weight * strength))).collect()
    }

    fn resolve(&self, style: &Style) -> Result<Code> {
        match style {
            Style::Picture(image) => Ok(self.generator.code(&self.generator.encode(image.clone()))),
            Style::Code(arrays) => Code::from_arrays(arrays, &self.config, &self.device)
                .map_err(|problem| EngineError::Caller(format!("{problem}; was it made by another model?"))),
        }
    }
}

impl Stylizer for Fusion {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        let mut codes = self.codes(&request.styles, request.strength)?;
        control.check()?;
        let content = self.generator.encode(request.content.clone());
        if request.strength < 1.0 {
            // Less than the full style is a mixture with the content's own.
            codes.push((self.generator.code(&content), 1.0 - request.strength));
        }
        control.check()?;
        let painted = self.generator.paint(content, &codes);
        Ok(blended(request.content, painted, request.strength))
    }

    fn tiled<'a>(&'a self, styles: &[(Style, f32)], strength: f32) -> Result<Option<Box<dyn TiledRun + 'a>>> {
        let codes = self.codes(styles, strength)?;
        Ok(Some(Box::new(Tiles { config: &self.config, generator: &self.generator, codes, strength })))
    }

    fn encode_style(&self, style: &ImageTensor) -> Result<Option<Arrays>> {
        Ok(Some(self.resolve(&Style::Picture(style.clone()))?.to_arrays()))
    }

    fn arrays(&self) -> Arrays {
        weights::collect(&self.generator)
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
