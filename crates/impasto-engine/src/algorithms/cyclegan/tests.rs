use super::*;
use crate::translate::proving::{colour_swap, learnt, mosaic, photographs};
use crate::translate::{DiscriminatorConfig, GeneratorConfig};

/// Networks and crops small enough for a processor.
fn small(identity: f32, pool: usize, seed: u64) -> TranslationTraining<Cyclegan> {
    TranslationTraining {
        batch: 2,
        crop: 32,
        short_side: 64,
        steps: std::env::var("IMPASTO_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(1500),
        rate: 1e-3,
        discriminator_rate: 1e-3,
        ema: 0.99,
        pool,
        seed,
        network: GeneratorConfig { width: 8, blocks: 2, halvings: 1, ..GeneratorConfig::default() },
        discriminator: DiscriminatorConfig { width: 16, layers: 2, scales: 1 },
        terms: Cyclegan { identity, ..Cyclegan::default() },
        ..Cyclegan::usual()
    }
}

#[test]
#[ignore = "trains for some minutes, on photographs"]
fn exchanged_colours_of_photographs_are_learnt() {
    let Some(photographs) = photographs(160) else { return };
    let found = colour_swap(small(0.0, 50, 1), photographs);
    assert!(found.error < 0.5 * found.untouched, "{found:?}");
}

#[test]
#[ignore = "prints figures, trains for many minutes, on photographs"]
fn pools_and_identities_with_and_without() {
    let Some(photographs) = photographs(160) else { return };
    for seed in 1..=3 {
        for identity in [0.5, 0.0] {
            learnt(small(identity, 50, seed), photographs.clone(), mosaic);
        }
        for pool in [50, 0] {
            colour_swap(small(0.0, pool, seed), photographs.clone());
        }
    }
}
