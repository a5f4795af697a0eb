//! `gatys`: optimises the picture itself until a perception network sees the content's shapes and the style's texture
//! ("Image Style Transfer Using Convolutional Neural Networks", Gatys, Ecker and Bethge 2016), from coarse to fine
//! ("Controlling Perceptual Factors in Neural Style Transfer", Gatys et al. 2017). Slow, without training, and the
//! reference that fast networks are measured against.
//!
//! Two departures from the paper. Losses are relative to their targets' own size, so that the same weights suit every
//! perception network and every picture. And the Gram matrix is taken apart into mean and covariance, each with its
//! relative error: rectified features are positive, so that the means alone make up most of a Gram matrix, and matching
//! it as a whole gives a grain in roughly the right colours where the covariance gives strokes.

mod lbfgs;
mod objective;
mod optimiser;
mod stylizer;
#[cfg(test)]
mod tests;
mod vector;

pub use stylizer::Gatys;

use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "gatys",
    summary: "optimises the picture itself towards the style: slow, needs no training, takes every option",
    task: Task::Stylizer,
    paper: "Image Style Transfer Using Convolutional Neural Networks (Gatys, Ecker and Bethge 2016)",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::Picture,
    min_side: 64,
    size_multiple: 16,
    margin: 0,
    differentiable: false,
    trainable: false,
    bytes_per_pixel: 3000,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

/// What moves the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserKind {
    /// L-BFGS: the fewest steps to a good picture, more memory.
    #[default]
    Lbfgs,
    /// Adam: less memory, wants more steps.
    Adam,
}

/// Where the optimisation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From the content picture: keeps its layout best.
    #[default]
    Content,
    /// From seeded noise: freer, differs with the seed.
    Noise,
}

/// How a picture is optimised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatysConfig {
    /// Weight of the content's shapes (alpha), from 0; only its ratio to the style weight matters.
    pub content_weight: f32,
    /// Weight of the style's texture and colours (beta), from 0.
    pub style_weight: f32,
    /// Weight of smoothness (total variation, relative to the style's own), from 0: higher removes fine grain.
    pub tv_weight: f32,
    /// Size at which the style picture is seen relative to the content, 0.1 to 4: larger gives larger strokes.
    pub style_scale: f32,
    /// What moves the pixels: lbfgs or adam.
    pub optimiser: OptimiserKind,
    /// Optimisation steps in all, shared by the sizes.
    pub steps: u32,
    /// Adam's rate at the start, above 0 up to 1; L-BFGS finds its own.
    pub rate: f32,
    /// Where to start: content or noise.
    pub init: Start,
    /// Sizes from coarse to fine, each twice the one before, at most (1 to 8): coarse ones are fast and paint large
    /// strokes.
    pub levels: u32,
}

impl Default for GatysConfig {
    fn default() -> Self {
        Self {
            content_weight: 1.0,
            style_weight: 10.0,
            tv_weight: 1.0,
            style_scale: 1.0,
            optimiser: OptimiserKind::Lbfgs,
            steps: 300,
            rate: 0.02,
            init: Start::Content,
            levels: 5,
        }
    }
}

impl GatysConfig {
    /// The settings for improving a finished picture ([`Gatys::refine`]): few steps, at full size only.
    pub fn refine() -> Self {
        Self { steps: 40, levels: 1, ..Self::default() }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// A line that names the value out of bounds.
    pub fn validate(&self) -> Result<(), String> {
        let within = |name: &str, value: f32, low: f32, high: f32| {
            if value >= low && value <= high {
                Ok(())
            } else {
                Err(format!("{name} is {value}, not from {low} to {high}"))
            }
        };
        within("content_weight", self.content_weight, 0.0, 1e6)?;
        within("style_weight", self.style_weight, 0.0, 1e6)?;
        within("tv_weight", self.tv_weight, 0.0, 1e6)?;
        within("style_scale", self.style_scale, 0.1, 4.0)?;
        within("rate", self.rate, 1e-5, 1.0)?;
        if self.content_weight == 0.0 && self.style_weight == 0.0 {
            return Err("content_weight and style_weight are both 0: nothing to optimise".into());
        }
        if !(1..=100_000).contains(&self.steps) {
            return Err(format!("steps is {}, not from 1 to 100000", self.steps));
        }
        if !(1..=8).contains(&self.levels) {
            return Err(format!("levels is {}, not from 1 to 8", self.levels));
        }
        Ok(())
    }
}
