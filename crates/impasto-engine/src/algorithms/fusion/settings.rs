//! What can be set of a training.

use serde::{Deserialize, Serialize};

use super::FusionConfig;

/// How `fusion` is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FusionTraining {
    /// Samples a step; an even number is computed in two halves side by side.
    pub batch: usize,
    /// Side of the square crops in pixels, a multiple of 8.
    pub crop: usize,
    /// Short side in pixels to which pictures are scaled before cropping.
    pub short_side: u32,
    /// Steps in all; the learning rate falls along a half cosine over them.
    pub steps: u64,
    /// Learning rate of the generator at its highest.
    pub rate: f32,
    /// Learning rate of the discriminator.
    pub discriminator_rate: f32,
    /// Steps over which the learning rate rises.
    pub warm_up: u64,
    /// Weight of the content loss.
    pub content_weight: f32,
    /// Weight of the channel moments' relative error.
    pub moment_weight: f32,
    /// Weight of the Gram matrices' relative error.
    pub gram_weight: f32,
    /// Weight of the sliced Wasserstein distance.
    pub wasserstein_weight: f32,
    /// Weight of the sliced Wasserstein distance between the colours of both pictures, seen from afar.
    pub colour_weight: f32,
    /// Weight of the pixel difference where content and style are one picture.
    pub identity_weight: f32,
    /// Weight of the contrastive style signal.
    pub contrastive_weight: f32,
    /// Weight of total variation.
    pub tv_weight: f32,
    /// Weight of the discriminator's opinion.
    pub adversarial_weight: f32,
    /// First step in which the discriminator takes part.
    pub adversarial_from: u64,
    /// Weight of the gradient penalties.
    pub penalty_weight: f32,
    /// Steps between gradient penalties (lazy regularisation).
    pub penalty_every: u64,
    /// Share of samples whose content is their style.
    pub identity_share: f64,
    /// Share of samples whose content is another painting.
    pub painting_share: f64,
    /// Whether the encoder stays as it is: begun with the bundled weights by --init, the network goes on reading bundled styles.
    pub keep_encoder: bool,
    /// Decay of the averaged weights.
    pub ema: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// The generator's dimensions.
    pub network: FusionConfig,
}

impl Default for FusionTraining {
    fn default() -> Self {
        Self {
            batch: 4,
            crop: 128,
            short_side: 512,
            steps: 10_000,
            rate: 2e-3,
            discriminator_rate: 1e-4,
            warm_up: 100,
            content_weight: 1.5,
            moment_weight: 1.0,
            gram_weight: 4.0,
            wasserstein_weight: 0.3,
            colour_weight: 0.5,
            identity_weight: 1.0,
            contrastive_weight: 0.05,
            tv_weight: 0.1,
            adversarial_weight: 0.05,
            adversarial_from: 3000,
            penalty_weight: 5.0,
            penalty_every: 4,
            identity_share: 0.1,
            painting_share: 0.15,
            keep_encoder: false,
            ema: 0.999,
            seed: 1,
            network: FusionConfig::default(),
        }
    }
}
