use super::*;
use crate::translate::proving::{colour_swap, dishes, landscapes, learnt, mosaic, remembered, swapped, watched};
use crate::translate::{DiscriminatorConfig, GeneratorConfig};

/// Networks and crops small enough for a processor.
fn small(identity: f32, pool: usize, seed: u64) -> TranslationTraining<Cyclegan> {
    TranslationTraining {
        batch: 2,
        crop: 32,
        short_side: 64,
        steps: 300,
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
#[ignore = "trains for a minute"]
fn exchanged_colours_of_landscapes_are_learnt() {
    let found = colour_swap(small(0.0, 50, 1), landscapes(48, 0));
    assert!(found.error < 0.5 * found.untouched, "{found:?}");
}

#[test]
#[ignore = "trains for minutes"]
fn exchanged_colours_of_photographs_are_learnt() {
    // As for CUT: a U-Net, which hands on brightness, and crops that show nearly whole pictures. Without the identity loss two seeds of three
    // end with negatives, which cycles do not notice.
    let network = GeneratorConfig { width: 12, halvings: 4, ..GeneratorConfig::unet() };
    for seed in 1..=3 {
        let Some(pictures) = dishes(64) else { return };
        let small = small(0.5, 50, seed);
        let terms = Cyclegan { cycle: 2.0, ..small.terms.clone() };
        let s = TranslationTraining { crop: 64, steps: 1600, network: network.clone(), terms, ..small };
        let found = colour_swap(s, pictures);
        assert!(found.error < 0.5 * found.untouched, "{found:?}");
    }
}

#[test]
#[ignore = "prints figures, trains for many minutes"]
fn pools_and_identities_with_and_without() {
    for seed in 1..=3 {
        for identity in [0.5, 0.0] {
            learnt(small(identity, 50, seed), landscapes(48, 0), mosaic);
        }
        for pool in [50, 0] {
            colour_swap(small(0.0, pool, seed), landscapes(48, 0));
        }
    }
}

/// What a pool is for (Shrivastava et al. 2017): with it the discriminator tells old made pictures from real ones more surely. It
/// shows where the discriminator learns so fast that it would forget them (forty seeds: `bench/README.md`).
#[test]
#[ignore = "trains for minutes"]
#[allow(clippy::print_stderr, reason = "what was found is worth knowing")]
fn a_pool_keeps_older_pictures_in_mind() {
    let mean = |gaps: &[f32]| gaps.iter().sum::<f32>() / gaps.len() as f32;
    let seeds = 21..=30;
    // How much more it thinks of real pictures than of those made 10 to 50 and 110 to 150 steps before.
    let told_apart = |pool: usize| -> [f32; 2] {
        let trained = |seed| {
            let terms = Cyclegan { cycle: 3.0, identity: 0.0 };
            let s = TranslationTraining {
                batch: 1,
                discriminator_rate: 1e-2,
                steps: 400,
                hold: 1.0,
                ema: 0.0,
                terms,
                ..small(0.0, pool, seed)
            };
            let gaps = remembered(&s, landscapes(48, 0), swapped, 10, 16);
            let [recent, old] = [mean(&gaps[1..6]), mean(&gaps[11..16])];
            eprintln!("seed {seed}, pool {pool}: {recent:.3} above recent pictures, {old:.3} above old ones");
            [recent, old]
        };
        let found: Vec<[f32; 2]> = seeds.clone().map(trained).collect();
        [0, 1].map(|i| mean(&found.iter().map(|gaps| gaps[i]).collect::<Vec<f32>>()))
    };
    let [[recent, old], [recent_without, old_without]] = [50, 0].map(told_apart);
    assert!(old > old_without, "{old} with a pool, {old_without} without");
    let [lost, lost_without] = [recent - old, recent_without - old_without];
    assert!(lost < lost_without, "{lost} forgotten with a pool, {lost_without} without");
}

/// What a pool is for: a discriminator that forgets what the generator made before lets it swing. The averages are left out and
/// rates stay, so that swings can be seen.
#[test]
#[ignore = "prints figures, trains for minutes"]
#[allow(clippy::print_stderr, reason = "the figures are what it is for")]
fn swings_with_and_without_a_pool() {
    let trials: [(&str, f32, f32); 2] = [("less held by the cycle", 1e-3, 1.0), ("fast generator", 4e-3, 3.0)];
    for (name, rate, cycle) in trials {
        for (seed, pool) in (1..=10).flat_map(|seed| [(seed, 50), (seed, 0)]) {
            let terms = Cyclegan { cycle, identity: 0.0 };
            let s = TranslationTraining {
                batch: 1,
                rate,
                steps: 400,
                hold: 1.0,
                ema: 0.0,
                terms,
                ..small(0.0, pool, seed)
            };
            let found = watched(s, landscapes(48, 0), swapped, 20);
            let late: Vec<f32> = found[found.len() / 2..].iter().map(|outcome| outcome.error).collect();
            let mean = late.iter().sum::<f32>() / late.len() as f32;
            let deviation = (late.iter().map(|e| (e - mean).powi(2)).sum::<f32>() / late.len() as f32).sqrt();
            eprintln!(
                "{name}, seed {seed}, pool {pool}: error {mean:.3}, deviation over the later steps {deviation:.3}"
            );
        }
    }
}
