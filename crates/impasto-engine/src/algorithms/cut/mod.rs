//! `cut`: contrastive unpaired translation (Park et al. 2020). Patches of a translation are to be nearer to what they were
//! made from than to other patches of the same picture, in the eyes of the generator's own encoder. With other weights it is
//! FastCUT, and with crops of two single pictures the translation of one into the style of the other.

#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::losses;
use crate::rng::{self, Rng};
use crate::train::Metrics;
use crate::translate::{Bout, MULTIPLE, Play, Round, Scheme, TranslationTraining, check_weights, note};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "cut",
    summary: "translates pictures of one kind into another, learnt from both kinds without pairs",
    task: Task::Translator,
    paper: "Contrastive Learning for Unpaired Image-to-Image Translation (Park et al. 2020)",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::None,
    min_side: MULTIPLE,
    size_multiple: MULTIPLE,
    margin: 16,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 290,
    tile_bytes_per_pixel: 290,
    kept_bytes: USUALLY_KEPT,
};

/// The terms of its loss besides the discriminator's opinion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cut {
    /// Weight of the contrast between patches of a translation and of what it was made from.
    pub nce: f32,
    /// Whether pictures that are of kind b already are compared with their own translations too, for half of the weight:
    /// what is right shall stay.
    pub nce_identity: bool,
    /// Patches that are compared at every level of features.
    pub patches: usize,
    /// What likenesses of patches are divided by.
    pub temperature: f32,
    /// Whether half of the pictures are translated mirrored, and features are mirrored back before they are compared.
    pub flip: bool,
    /// Weight of the pixels' difference between pictures of kind b and their own translations, for single pictures.
    pub identity: f32,
}

impl Default for Cut {
    fn default() -> Self {
        Self { nce: 1.0, nce_identity: true, patches: 256, temperature: 0.07, flip: false, identity: 0.0 }
    }
}

impl Scheme for Cut {
    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;

    fn usual() -> TranslationTraining<Self> {
        TranslationTraining::shared()
    }

    fn compares_patches(&self) -> bool {
        self.nce > 0.0
    }

    fn validate(&self) -> Result<(), String> {
        check_weights(&[("nce", self.nce), ("identity", self.identity)])?;
        if !(2..=4096).contains(&self.patches) {
            return Err(format!("patches is {}, not in 2..=4096", self.patches));
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(format!("temperature is {}; it must be above 0", self.temperature));
        }
        Ok(())
    }

    fn play(round: &Round<'_, Self>, metrics: &mut Metrics) -> Play {
        let (terms, batch) = (&round.settings.terms, round.batch);
        let generator = &round.nets.generators.forward;
        let flipped = terms.flip && rng::stream(round.settings.seed, "flip", batch.first).random_bool(0.5);
        let turned = |x: Tensor<4>| if flipped { x.flip([3]) } else { x };
        let translated = generator.translate(turned(batch.a.clone()));
        let bout = Bout { condition: None, real: batch.b.clone(), made: translated.image.clone() };
        let mut loss = round.opinion(0, &bout, metrics);
        // A picture of b and what it is translated to.
        let same = ((terms.nce_identity && terms.nce > 0.0) || terms.identity > 0.0)
            .then(|| generator.translate(batch.b.clone()));
        if terms.nce > 0.0 {
            let contrast = |made: Vec<Tensor<4>>, source: Vec<Tensor<4>>, nth: u64| {
                let places = round.places(&source, terms.patches, nth);
                round.contrast(made, source, &places, terms.temperature)
            };
            let made = generator.features(translated.image).into_iter().map(turned).collect();
            let source = match flipped {
                true => round.constant_features(batch.a.clone()),
                false => translated.features,
            };
            let mut nce = contrast(made, source, 0);
            note(metrics, "nce", &nce);
            if let Some(same) = same.as_ref().filter(|_| terms.nce_identity) {
                let own = contrast(generator.features(same.image.clone()), same.features.clone(), 1);
                note(metrics, "nce_identity", &own);
                nce = (nce + own) * 0.5;
            }
            loss = loss + nce * terms.nce;
        }
        if let Some(same) = same.filter(|_| terms.identity > 0.0) {
            let identity = losses::absolute_difference(same.image, batch.b.clone());
            note(metrics, "identity", &identity);
            loss = loss + identity * terms.identity;
        }
        Play { loss, bouts: vec![bout] }
    }
}
