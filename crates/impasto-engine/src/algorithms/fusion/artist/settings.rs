//! What can be set of a training.

use serde::{Deserialize, Serialize};

use super::super::FusionConfig;
use super::super::preparation::Preparation;

/// How `artist` is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArtistTraining {
    /// Whether only the artists' hands are learnt and the network stays as it began: what it knows of others is not touched.
    pub hands_only: bool,
    /// Samples a step, all by one artist; an even number is computed in two halves side by side.
    pub batch: usize,
    /// Side of the square crops in pixels, a multiple of 8.
    pub crop: usize,
    /// Short side in pixels to which pictures are scaled before cropping.
    pub short_side: u32,
    /// Steps in all; learning rates fall along a half cosine over them.
    pub steps: u64,
    /// Learning rate of the generator at its highest.
    pub rate: f32,
    /// Learning rate of the discriminators at its highest.
    pub discriminator_rate: f32,
    /// Steps over which the learning rates rise.
    pub warm_up: u64,
    /// Style codes kept of each artist at most, each of the work in the middle of those that look alike.
    pub bank: usize,
    /// Weight of the content loss.
    pub content_weight: f32,
    /// Weight of the relative error of channel moments to those of the works of one kind.
    pub moment_weight: f32,
    /// Weight of the relative error of Gram matrices to those of the works of one kind.
    pub gram_weight: f32,
    /// Weight of the energy distance between all works and what was painted of late, as the perception network and the judges see them;
    /// 0 leaves it out.
    pub spread_weight: f32,
    /// Weight of the cross-entropy with which paintings are taken for works of their artist and not of the others who are learnt
    /// with them, as the perception network and the judges see them; 0 leaves it out.
    pub classification_weight: f32,
    /// Deviation of forms that are left out of contents, in 0 to 0.25: 0.01 to 0.03 for prints, cards and comics with plain colours, 0 for painters
    /// who fill everything with strokes.
    pub simplify: f32,
    /// Deviation of the grain on contents, in 0 to 0.25.
    pub grain: f32,
    /// Weight of the sliced Wasserstein distance between colours, seen from afar.
    pub colour_weight: f32,
    /// Weight of the pixel difference where the content is a work of the artist.
    pub identity_weight: f32,
    /// Share of samples whose content is a work of the artist.
    pub identity_share: f64,
    /// Weight of total variation.
    pub tv_weight: f32,
    /// Weight of what is livelier where the photograph is plain than the calm places of the works: forms in skies.
    pub calm_weight: f32,
    /// Weight of the discriminator's opinion.
    pub adversarial_weight: f32,
    /// Weight of the gradient penalties.
    pub penalty_weight: f32,
    /// Decay of the averaged weights.
    pub ema: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// The generator's dimensions; with those of the bundled `fusion`, training begins with its weights, else with drawn
    /// ones.
    pub network: FusionConfig,
}

impl Default for ArtistTraining {
    fn default() -> Self {
        Self {
            hands_only: false,
            batch: 2,
            crop: 344,
            short_side: 344,
            steps: 5000,
            rate: 3e-4,
            discriminator_rate: 5e-4,
            warm_up: 50,
            bank: 32,
            content_weight: 1.0,
            moment_weight: 0.5,
            gram_weight: 1.0,
            spread_weight: 8.0,
            classification_weight: 0.0,
            simplify: 0.0,
            grain: 0.02,
            colour_weight: 0.2,
            identity_weight: 1.0,
            identity_share: 0.05,
            tv_weight: 0.1,
            calm_weight: 10.0,
            adversarial_weight: 0.3,
            penalty_weight: 1.0,
            ema: 0.998,
            seed: 1,
            network: FusionConfig::default(),
        }
    }
}

impl ArtistTraining {
    /// How contents are prepared.
    pub(super) fn preparation(&self) -> Preparation {
        Preparation { simplify: self.simplify, grain: self.grain }
    }
}
