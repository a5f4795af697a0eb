//! `cyclegan`: translation both ways at once (Zhu et al. 2017). What is translated and translated back is to be what it
//! was, and what is of the other kind already is to stay.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::losses;
use crate::train::Metrics;
use crate::translate::{Bout, MULTIPLE, Play, Round, Scheme, TranslationTraining, check_weights, note};

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "cyclegan",
    summary: "translates pictures of two kinds into each other, learnt from both kinds without pairs",
    task: Task::Translator,
    paper: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al. 2017)",
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

/// The terms of its loss besides the discriminators' opinions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cyclegan {
    /// Weight of the difference between a picture and what it is after both ways.
    pub cycle: f32,
    /// Weight of the difference between a picture and its translation into the kind that it is of already, as a multiple of
    /// `cycle`: keeps colours that need not change.
    pub identity: f32,
}

impl Default for Cyclegan {
    fn default() -> Self {
        Self { cycle: 10.0, identity: 0.5 }
    }
}

impl Scheme for Cyclegan {
    const DESCRIPTOR: &'static Descriptor = &DESCRIPTOR;
    const BOTH_WAYS: bool = true;

    fn usual() -> TranslationTraining<Self> {
        TranslationTraining { pool: 50, ..TranslationTraining::shared() }
    }

    fn validate(&self) -> Result<(), String> {
        check_weights(&[("cycle", self.cycle), ("identity", self.identity)])
    }

    fn play(round: &Round<'_, Self>, metrics: &mut Metrics) -> Play {
        let (terms, batch) = (&round.settings.terms, round.batch);
        let generators = &round.nets.generators;
        let forward = &generators.forward;
        let backward = generators.backward.as_ref().expect("an algorithm of both ways has two generators");
        let ways = [(forward, backward, &batch.a, &batch.b), (backward, forward, &batch.b, &batch.a)];
        let (mut bouts, mut losses) = (Vec::new(), Vec::new());
        for (which, (there, back, from, to)) in ways.into_iter().enumerate() {
            let made = there.forward(from.clone()); // [n, 3, h, w]
            let bout = Bout { condition: None, real: to.clone(), made: made.clone() };
            losses.push(round.opinion(which, &bout, metrics));
            bouts.push(bout);
            if terms.cycle > 0.0 {
                let cycle = losses::absolute_difference(back.forward(made), from.clone());
                note(metrics, "cycle", &cycle);
                losses.push(cycle * terms.cycle);
            }
            let identity_weight = terms.cycle * terms.identity;
            if identity_weight > 0.0 {
                let identity = losses::absolute_difference(there.forward(to.clone()), to.clone());
                note(metrics, "identity", &identity);
                losses.push(identity * identity_weight);
            }
        }
        let loss = losses.into_iter().reduce(|sum, loss| sum + loss).expect("there are opinions");
        Play { loss, bouts }
    }
}
