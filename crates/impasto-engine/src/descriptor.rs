//! What an algorithm is and can do.

use serde::Serialize;

/// What an algorithm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Task {
    /// Paints a content picture in the style of others.
    Stylizer,
    /// Turns a picture into features that losses compare.
    Features,
    /// Makes pictures from latents. Listed as an architecture: generators are what was trained of it.
    Generator,
    /// Translates pictures of one kind into another, with what was trained of it.
    Translator,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stylizer => "stylizer",
            Self::Features => "features",
            Self::Generator => "architecture",
            Self::Translator => "translator",
        })
    }
}

/// What a stylizer takes as a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StyleInput {
    /// Only pictures.
    Picture,
    /// Pictures, and the codes that it makes of them.
    PictureOrCode,
    /// None.
    None,
}

/// What an algorithm is and can do; one constant for each.
#[derive(Debug, Clone, Serialize)]
pub struct Descriptor {
    /// Registry name: lower case, stable for ever.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// What it is for.
    pub task: Task,
    /// The paper it follows, or a sentence on where it comes from.
    pub paper: &'static str,
    /// Licence of the weights it is usually run with.
    pub licence: &'static str,
    /// What it takes as a style.
    pub style_input: StyleInput,
    /// The smallest side in pixels it takes; smaller pictures are padded by reflection and cropped afterwards.
    pub min_side: u32,
    /// Sides are padded to a multiple of this and cropped afterwards.
    pub size_multiple: u32,
    /// Pixels by which contents are continued by reflection on every side before, and cropped afterwards: convolutions
    /// of a network that has learnt textures paint a frame along the edges of what they see.
    pub margin: u32,
    /// Whether the output is a differentiable function of the content (false for optimisation).
    pub differentiable: bool,
    /// Whether `impasto train` can train it.
    pub trainable: bool,
    /// Peak memory of one run in bytes per content pixel, for the planner's estimate; measured, f32, CPU.
    pub bytes_per_pixel: u32,
    /// The same of painting in tiles, in bytes per pixel of the largest tile with its halo; 0 for what paints no tiles.
    pub tile_bytes_per_pixel: u32,
    /// What the allocator keeps beside [`Self::bytes_per_pixel`] at most, in bytes: the more, the more sizes of maps there are. Measured.
    pub kept_bytes: u64,
}

/// [`Descriptor::kept_bytes`] of what was not measured by itself.
pub const USUALLY_KEPT: u64 = 45 << 20;
