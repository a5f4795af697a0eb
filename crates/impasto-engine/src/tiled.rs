//! What a stylizer tells of itself to be run on a picture in tiles.
//!
//! A run is a row of passes over all tiles. In each, every tile reads some maps, runs a part of the network, adds to
//! the statistics of the whole picture and may write its part of a new map. Statistics that a pass gathers are known in
//! the next.

pub use crate::blocks::{Tally, View};
use crate::error::Result;
use crate::tensor::ImageTensor;

/// A map of the whole picture that is kept between passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapSpec {
    /// Its name, unique in a run.
    pub name: &'static str,
    /// Channels of `f32`.
    pub channels: usize,
    /// Pixels per cell, on both sides.
    pub scale: usize,
}

impl MapSpec {
    /// The content itself, in `[0, 1]`; it is there from the start.
    pub const PICTURE: Self = Self { name: "picture", channels: 3, scale: 1 };
    /// The painted picture, nominal `[0, 1]`; what the last pass writes.
    pub const RESULT: Self = Self { name: "result", channels: 3, scale: 1 };
}

/// One pass over all tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// What is being found out or made; unique in a run.
    pub name: String,
    /// Maps that a tile reads, with the halo around it.
    pub reads: Vec<MapSpec>,
    /// The map of which a tile writes its own part.
    pub writes: Option<MapSpec>,
    /// Pixels that a tile sees beyond its own on every side, except where the picture ends; a multiple of the scales
    /// of everything read and computed.
    pub halo: usize,
    /// Multiply-accumulates per pixel.
    pub macs: f64,
}

/// What one tile gives in one pass.
pub struct TileOutput {
    /// Statistics of its own part.
    pub tally: Tally,
    /// Its own part of [`Pass::writes`], `[1, c, h, w]`.
    pub map: Option<ImageTensor>,
}

/// A stylisation in tiles, with its styles and strength.
pub trait TiledRun {
    /// The passes in order; the last writes [`MapSpec::RESULT`].
    fn passes(&self) -> Vec<Pass>;

    /// Runs one pass on one tile. `maps` are those the pass reads, `[1, c, h, w]` each, the halo included; `known` is
    /// what all passes before gathered.
    ///
    /// # Errors
    /// [`crate::EngineError::Internal`] when something is missing that an earlier pass gathers.
    fn tile(&self, pass: usize, known: &Tally, view: &View, maps: Vec<ImageTensor>) -> Result<TileOutput>;
}
