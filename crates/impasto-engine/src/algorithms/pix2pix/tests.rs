use super::*;
use crate::translate::DiscriminatorConfig;
use crate::translate::proving::{colour_swap, landscapes};

#[test]
fn exchanged_colours_are_learnt_from_pairs() {
    let settings = TranslationTraining {
        batch: 2,
        crop: 32,
        short_side: 64,
        steps: 100,
        rate: 1e-3,
        ema: 0.95,
        network: GeneratorConfig { width: 8, halvings: 2, ..GeneratorConfig::unet() },
        discriminator: DiscriminatorConfig { width: 8, layers: 2, scales: 1 },
        ..Pix2pix::usual()
    };
    let found = colour_swap(settings, landscapes(48, 0));
    assert!(found.error < 0.5 * found.untouched, "{found:?}");
}
