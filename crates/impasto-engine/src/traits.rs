//! What the rest of the engine sees of an algorithm.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::TiledRun;
use crate::weights::Arrays;

/// A style, as a picture or as a code that the same stylizer made of one.
#[derive(Debug, Clone)]
pub enum Style {
    /// `[1, 3, h, w]` in `[0, 1]`.
    Picture(ImageTensor),
    /// Named arrays of some kilobytes, see [`Stylizer::encode_style`].
    Code(Arrays),
    /// One of the network's own, by name (see [`Stylizer::own_styles`]), and where it has a say.
    Own(String, Layers),
}

/// In which layers of a painting a style has a say; those in which none has stay as the content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// Composition: light and dark, what is large.
    pub coarse: bool,
    /// Forms: contours, how things are drawn.
    pub middle: bool,
    /// Strokes and colours.
    pub fine: bool,
}

impl Layers {
    /// All of them.
    pub const ALL: Self = Self { coarse: true, middle: true, fine: true };

    /// From coarse to fine.
    pub fn each(self) -> [bool; 3] {
        [self.coarse, self.middle, self.fine]
    }
}

/// Names of [`Layers`], from coarse to fine.
const LAYERS: [&str; 3] = ["coarse", "middle", "fine"];

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = LAYERS.iter().zip(self.each()).filter(|(_, has)| *has).map(|(name, _)| *name);
        f.write_str(&names.collect::<Vec<_>>().join("+"))
    }
}

impl FromStr for Layers {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('+').collect();
        if let Some(other) = parts.iter().find(|part| !LAYERS.contains(part)) {
            let text = format!("there is no layer '{other}', only coarse, middle and fine, joined by +");
            return Err(EngineError::Caller(text));
        }
        let [coarse, middle, fine] = LAYERS.map(|name| parts.contains(&name));
        Ok(Self { coarse, middle, fine })
    }
}

/// Which way a translator translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Pictures of the first kind into the second.
    #[default]
    AToB,
    /// Back.
    BToA,
}

/// One stylisation.
pub struct StyleRequest<'a> {
    /// `[1, 3, h, w]` in `[0, 1]`; any size that the [`Descriptor`] allows.
    pub content: ImageTensor,
    /// Styles with positive weights that sum to 1; none for what takes none.
    pub styles: Vec<(Style, f32)>,
    /// How much of the style: 0 keeps the content, 1 is the full style. Range `[0, 1]`.
    pub strength: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// Called with the present state during optimisation (step, steps, picture).
    pub preview: Option<&'a (dyn Fn(u64, u64, ImageTensor) + Sync)>,
}

/// Paints a content picture in the style of others.
pub trait Stylizer: Send + Sync {
    /// What it is and can do.
    fn descriptor(&self) -> &'static Descriptor;

    /// Runs it: `[1, 3, h, w]` in, `[1, 3, h, w]` of the same size out, nominal `[0, 1]` (not clamped).
    ///
    /// # Errors
    /// [`crate::EngineError::Cancelled`] when cancelled (optimisation returns its best so far instead, once it has one);
    /// [`crate::EngineError::Caller`] when a style is of a kind it does not take.
    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor>;

    /// How it paints pictures too large for [`Stylizer::stylize`], tile by tile, with the same `styles` and `strength`;
    /// `None` for algorithms that need the whole picture at once.
    ///
    /// # Errors
    /// [`crate::EngineError::Caller`] when a style is of a kind it does not take.
    fn tiled<'a>(&'a self, styles: &[(Style, f32)], strength: f32) -> Result<Option<Box<dyn TiledRun + 'a>>> {
        let _ = (styles, strength);
        Ok(None)
    }

    /// Summarises a style picture `[1, 3, h, w]` into a code that [`Stylizer::stylize`] takes in its place; `None` for
    /// algorithms that need the picture itself.
    ///
    /// # Errors
    /// When the picture is smaller than the network can take.
    fn encode_style(&self, style: &ImageTensor) -> Result<Option<Arrays>> {
        let _ = style;
        Ok(None)
    }

    /// Whether it reads the style codes that these weights of an algorithm make: both see pictures in the same way.
    fn reads_codes_of(&self, _algorithm: &str, _weights: &Arrays) -> bool {
        false
    }

    /// Names of the styles that came with the weights: the artists it learned.
    fn own_styles(&self) -> Vec<String> {
        Vec::new()
    }

    /// All weights by name; empty for algorithms without weights of their own.
    fn arrays(&self) -> Arrays {
        Arrays::new()
    }
}
