//! What the rest of the engine sees of an algorithm.

use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::Result;
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

    /// All weights by name; empty for algorithms without weights of their own.
    fn arrays(&self) -> Arrays {
        Arrays::new()
    }
}
