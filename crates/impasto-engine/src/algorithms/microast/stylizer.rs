//! The network as a [`Stylizer`].

use burn::tensor::Device;

use super::code::Code;
use super::network::Network;
use super::tiled::Tiles;
use super::{DESCRIPTOR, MicroAstConfig};
use crate::blocks::Whole;
use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::TiledRun;
use crate::traits::{Style, StyleRequest, Stylizer};
use crate::weights::{self, Arrays};

/// Below this strength the picture itself is blended in as well, so that 0 is exactly the content.
pub(super) const BLEND_BELOW: f32 = 0.25;

/// The network with its configuration.
#[derive(Debug)]
pub struct MicroAst {
    config: MicroAstConfig,
    network: Network,
    device: Device,
}

impl MicroAst {
    /// Puts `arrays` into a network of `config`; random initial weights from `seed` without.
    ///
    /// # Errors
    /// A line that says which tensor does not fit.
    pub fn new(config: MicroAstConfig, arrays: Option<&Arrays>, seed: u64, device: &Device) -> Result<Self, String> {
        config.validate()?;
        let fresh = Network::new(&config, seed, device);
        let network = match arrays {
            Some(arrays) => weights::apply(fresh, arrays)?,
            None => fresh,
        };
        Ok(Self { config, network, device: device.clone() })
    }

    /// The codes of styles with their weights, which sum to `strength`.
    fn codes(&self, styles: &[(Style, f32)], strength: f32) -> Result<Vec<(Code, f32)>> {
        styles.iter().map(|(style, weight)| Ok((self.resolve(style)?, weight * strength))).collect()
    }

    fn resolve(&self, style: &Style) -> Result<Code> {
        match style {
            Style::Picture(image) => self.code_of(image),
            Style::Code(arrays) => Code::from_arrays(arrays, self.config.widths[2], &self.device)
                .map_err(|problem| EngineError::Caller(format!("{problem}; was it made by another model?"))),
            Style::Own(name, _) => Err(EngineError::Caller(format!("'microast' knows no artist '{name}'"))),
        }
    }

    fn code_of(&self, image: &ImageTensor) -> Result<Code> {
        check_size("style", image)?;
        Ok(self.network.code(image.clone()))
    }
}

impl Stylizer for MicroAst {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        check_size("content", &request.content)?;
        let strength = request.strength;
        let mut codes = self.codes(&request.styles, strength)?;
        if strength < 1.0 {
            // Less than the full style is a mixture with the content's own.
            codes.push((self.code_of(&request.content)?, 1.0 - strength));
        }
        control.check()?;
        let code = Code::mix(&codes).ok_or_else(|| EngineError::Caller("no style was given".into()))?;
        let [_, content] = self.network.content_encoder.forward(request.content.clone());
        control.check()?;
        let [n, c, h, w] = request.content.dims();
        // Sides that are no multiple of 4 come out rounded up.
        let Ok(painted) = self.network.paint(content, &code, &mut Whole);
        let painted = painted.slice([0..n, 0..c, 0..h, 0..w]);
        Ok(blended(request.content, painted, strength))
    }

    fn tiled<'a>(&'a self, styles: &[(Style, f32)], strength: f32) -> Result<Option<Box<dyn TiledRun + 'a>>> {
        let codes = self.codes(styles, strength)?;
        Ok(Some(Box::new(Tiles { config: &self.config, network: &self.network, codes, strength })))
    }

    fn encode_style(&self, style: &ImageTensor) -> Result<Option<Arrays>> {
        Ok(Some(self.code_of(style)?.to_arrays()))
    }

    fn arrays(&self) -> Arrays {
        weights::collect(&self.network)
    }
}

/// The painted picture, with the content itself where the strength is low.
pub(super) fn blended(content: ImageTensor, painted: ImageTensor, strength: f32) -> ImageTensor {
    let share = (strength / BLEND_BELOW).min(1.0);
    if share < 1.0 { content * (1.0 - share) + painted * share } else { painted }
}

fn check_size(what: &str, image: &ImageTensor) -> Result<()> {
    let [n, c, h, w] = image.dims();
    let least = DESCRIPTOR.min_side as usize;
    if n == 1 && c == 3 && h.min(w) >= least {
        return Ok(());
    }
    Err(EngineError::Caller(format!(
        "microast takes one RGB {what} picture with sides of at least {least} px, not {:?}",
        [n, c, h, w]
    )))
}
