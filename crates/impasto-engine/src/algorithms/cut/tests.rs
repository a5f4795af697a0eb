use super::*;
use crate::translate::proving::{colour_swap, landscapes};
use crate::translate::{DiscriminatorConfig, GeneratorConfig};

/// Networks and crops small enough for a processor.
fn small(terms: Cut, steps: u64) -> TranslationTraining<Cut> {
    TranslationTraining {
        batch: 2,
        crop: 32,
        short_side: 64,
        steps,
        rate: 1e-3,
        discriminator_rate: 1e-3,
        ema: 0.99,
        network: GeneratorConfig { width: 8, blocks: 2, halvings: 1, ..GeneratorConfig::default() },
        discriminator: DiscriminatorConfig { width: 16, layers: 2, scales: 1 },
        terms: Cut { patches: 64, ..terms },
        ..Cut::usual()
    }
}

fn fast() -> Cut {
    Cut { nce: 10.0, nce_identity: false, flip: true, ..Cut::default() }
}

#[test]
fn exchanged_colours_of_landscapes_are_learnt() {
    let found = colour_swap(small(Cut::default(), 150), landscapes(48, 0));
    assert!(found.error < 0.5 * found.untouched, "{found:?}");
}

#[test]
#[ignore = "trains for a minute"]
fn exchanged_colours_of_landscapes_are_learnt_faster() {
    let found = colour_swap(small(fast(), 300), landscapes(48, 0));
    assert!(found.error < 0.5 * found.untouched, "{found:?}");
}
