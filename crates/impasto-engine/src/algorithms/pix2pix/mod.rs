//! `pix2pix`: translation learnt from pairs (Isola et al. 2017). A discriminator that sees what is to be translated beside
//! its translation, and the difference to what the translation should be.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::losses::{self, AdversarialLoss};
use crate::train::Metrics;
use crate::translate::{
    Bout, GeneratorConfig, MULTIPLE, Play, Round, Scheme, TranslationTraining, check_weights, note,
};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "pix2pix",
    summary: "translates pictures of one kind into another, learnt from pairs",
    task: Task::Translator,
    paper: "Image-to-Image Translation with Conditional Adversarial Networks (Isola et al. 2017)",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::None,
    min_side: MULTIPLE,
    size_multiple: MULTIPLE,
    // A U-Net that was trained on whole pictures knows where their borders are.
    margin: 0,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 170,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

/// The terms of its loss besides the discriminator's opinion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pix2pix {
    /// Weight of the difference between a translation and the picture that it should be.
    pub l1: f32,
}

impl Default for Pix2pix {
    fn default() -> Self {
        Self { l1: 100.0 }
    }
}

impl Scheme for Pix2pix {
    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;
    const PAIRED: bool = true;

    fn usual() -> TranslationTraining<Self> {
        TranslationTraining {
            loss: AdversarialLoss::NonSaturating,
            network: GeneratorConfig::unet(),
            ..TranslationTraining::shared()
        }
    }

    fn validate(&self) -> Result<(), String> {
        check_weights(&[("l1", self.l1)])
    }

    fn play(round: &Round<'_, Self>, metrics: &mut Metrics) -> Play {
        let batch = round.batch;
        let made = round.nets.generators.forward.forward(batch.a.clone()); // [n, 3, h, w]
        let difference = losses::absolute_difference(made.clone(), batch.b.clone());
        note(metrics, "l1", &difference);
        let bout = Bout { condition: Some(batch.a.clone()), real: batch.b.clone(), made };
        let loss = round.opinion(0, &bout, metrics) + difference * round.settings.terms.l1;
        Play { loss, bouts: vec![bout] }
    }
}
