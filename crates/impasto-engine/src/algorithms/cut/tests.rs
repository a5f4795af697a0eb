use super::*;
use crate::translate::proving::{colour_swap, dishes, landscapes};
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
fn exchanged_colours_of_landscapes_begin_to_be_learnt() {
    // Where so short a training stands depends on the last bit: after 150 steps at 0.58, 0.38 and 0.37 of the untouched
    // pictures' distance with AVX-512, AVX2 and portable kernels. The slow tests below see whether it gets there.
    let found = colour_swap(small(Cut::default(), 150), landscapes(48, 0));
    assert!(found.error < 0.75 * found.untouched, "{found:?}");
}

/// A U-Net, which hands on the brightness that instance normalisation takes away, and crops that show nearly whole pictures.
fn of_photographs(terms: Cut, seed: u64) -> TranslationTraining<Cut> {
    let network = GeneratorConfig { width: 12, halvings: 4, ..GeneratorConfig::unet() };
    TranslationTraining { crop: 64, network, seed, ..small(terms, 1600) }
}

#[test]
#[ignore = "trains for minutes"]
fn exchanged_colours_of_photographs_are_learnt() {
    // With FastCUT's usual weight of 10 what patches compare outweighs the discriminator, and one seed of three stays half way.
    for seed in 1..=3 {
        for terms in [Cut::default(), Cut { nce: 4.0, ..fast() }] {
            let Some(pictures) = dishes(64) else { return };
            let found = colour_swap(of_photographs(terms, seed), pictures);
            assert!(found.error < 0.5 * found.untouched, "{found:?}");
        }
    }
}
