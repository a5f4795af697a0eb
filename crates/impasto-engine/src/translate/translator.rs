//! A trained generator as a stylizer that takes no style.

use burn::module::Module;
use burn::tensor::Device;

use super::tiled::{MOST_BLOCKS, Tiles};
use super::{Generator, GeneratorConfig, Generators, Scheme};
use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::TiledRun;
use crate::traits::{Direction, Style, StyleRequest, Stylizer};
use crate::weights::{self, Arrays};

/// Generators, and which of them translates.
#[derive(Debug)]
pub struct Translator {
    descriptor: &'static Descriptor,
    config: GeneratorConfig,
    generators: Generators,
    direction: Direction,
}

impl Translator {
    /// Puts `arrays` into the generators of an algorithm; random initial weights from `seed` without.
    ///
    /// # Errors
    /// A line that says which value or tensor does not fit, or that there is no way back.
    pub fn new<S: Scheme>(
        config: &GeneratorConfig,
        arrays: Option<&Arrays>,
        direction: Direction,
        seed: u64,
        device: &Device,
    ) -> Result<Self, String> {
        config.validate()?;
        if direction == Direction::BToA && !S::BOTH_WAYS {
            return Err(format!("{} translates from a to b only; leave out --direction", S::DESCRIPTOR.name));
        }
        let fresh = Generators::new(config, S::BOTH_WAYS, seed, device);
        let generators = match arrays {
            Some(arrays) => weights::apply(fresh, arrays)?,
            None => fresh,
        };
        let generators = generators.no_grad();
        Ok(Self { descriptor: S::DESCRIPTOR, config: config.clone(), generators, direction })
    }

    /// The one that translates.
    fn generator(&self) -> &Generator {
        match (self.direction, &self.generators.backward) {
            (Direction::BToA, Some(backward)) => backward,
            _ => &self.generators.forward,
        }
    }
}

impl Stylizer for Translator {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    /// Below full strength the translation is blended with the content.
    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        if !request.styles.is_empty() {
            return Err(EngineError::Caller(format!("{} takes no style", self.descriptor.name)));
        }
        control.check()?;
        let translated = self.generator().forward(request.content.clone());
        Ok(blended(request.content, translated, request.strength))
    }

    /// Residual generators of up to 16 blocks do; U-Nets need the whole picture.
    fn tiled<'a>(&'a self, _: &[(Style, f32)], strength: f32) -> Result<Option<Box<dyn TiledRun + 'a>>> {
        let network = self.generator().residual().filter(|_| self.config.blocks <= MOST_BLOCKS);
        Ok(network.map(|network| Box::new(Tiles { config: &self.config, network, strength }) as Box<dyn TiledRun>))
    }

    fn arrays(&self) -> Arrays {
        weights::collect(&self.generators)
    }
}

/// A translation, blended with the content below full strength.
pub(super) fn blended(content: ImageTensor, translated: ImageTensor, strength: f32) -> ImageTensor {
    if strength < 1.0 { content * (1.0 - strength) + translated * strength } else { translated }
}
