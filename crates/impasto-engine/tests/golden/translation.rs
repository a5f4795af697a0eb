//! Translators' losses and steps against PyTorch's, which `bench/peers/translate.py` computes in f64 by the papers' formulas.

use std::path::Path;

use impasto_engine::Control;
use impasto_engine::algorithms::cut::Cut;
use impasto_engine::algorithms::cyclegan::Cyclegan;
use impasto_engine::algorithms::pix2pix::Pix2pix;
use impasto_engine::data::{Augment, Crops, Folder};
use impasto_engine::train::{Metrics, Objective};
use impasto_engine::translate::{
    DiscriminatorConfig, GeneratorConfig, Scheme, TranslationObjective, TranslationTraining,
};
use impasto_engine::weights::Array;
use impasto_image::{EncodeOptions, Format, Picture};

use super::{cpu, good};

const SIDE: u32 = 32;

/// Weights by the formula of the other program.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let fan_in: usize = if shape.len() == 4 { shape[1..].iter().product() } else { shape[0] };
    let amplitude = if shape.len() == 1 { 0.1 } else { 1.2 / (fan_in as f64).sqrt() };
    let sum: usize = name.bytes().enumerate().map(|(k, byte)| usize::from(byte) * (k + 1)).sum();
    let phase = (sum % 1000) as f64 * 0.01;
    let value = |i: usize| {
        let i = i as f64;
        (amplitude * (phase + 0.7 * i + 0.013 * i * i).sin()) as f32
    };
    (0..shape.iter().product()).map(value).collect()
}

/// A folder with the picture of one kind, as the other program has it.
fn pictures(folder: &Path, kind: u32) -> Folder {
    let path = folder.join(format!("{kind}.png"));
    let pixel = |x: u32, y: u32, c: u32| {
        let (x, y) = (f64::from(x.min(SIDE - 1 - x)), f64::from(y));
        let value =
            0.5 + 0.4 * (0.3 * f64::from(c + 1 + 2 * kind) * x + 0.17 * f64::from(c + 2) * y + f64::from(kind)).sin();
        ((value * 255.0).round() / 255.0) as f32
    };
    let places = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    let rgb = places.flat_map(|(x, y)| [0, 1, 2].map(|c| pixel(x, y, c))).collect();
    let picture = Picture::from_rgb(SIDE, SIDE, rgb).expect("the sizes fit");
    impasto_image::save(&picture, &path, &EncodeOptions::new(Format::Png), true)
        .expect("a temporary folder can be written");
    good(Folder::load(&[path], SIDE, SIDE, &Control::silent()))
}

/// The figures of two steps.
fn steps<S: Scheme>(settings: TranslationTraining<S>) -> [Metrics; 2] {
    let folder = tempfile::tempdir().expect("there are temporary folders");
    let settings = TranslationTraining {
        batch: 1,
        crop: SIDE as usize,
        short_side: SIDE,
        rate: 2e-3,
        discriminator_rate: 2e-3,
        pool: 0,
        discriminator: DiscriminatorConfig { width: 4, layers: 2, scales: 2 },
        ..settings
    };
    let augment = Augment { mirror: true, half_size: 0.0 };
    let crops = [0, 1].map(|kind| Crops::new(pictures(folder.path(), kind), SIDE as usize, augment, 1, "pairs"));
    let device = cpu().autodiff();
    let mut objective = good(TranslationObjective::new(settings, crops, serde_json::Value::Null, &device));
    let mut state = objective.state();
    for (name, array) in &mut state.arrays {
        let own = ["nets.", "discriminator.0.", "discriminator.1."].iter().find_map(|prefix| name.strip_prefix(prefix));
        if let Some(own) = own {
            let values = values(own, &array.shape);
            *array = Array { shape: array.shape.clone(), values };
        }
    }
    objective.restore(&state).expect("only values have changed");
    [0, 1].map(|step| good(objective.step(step)))
}

fn residual() -> GeneratorConfig {
    GeneratorConfig { width: 4, blocks: 2, ..GeneratorConfig::default() }
}

/// How far figures are from those of a case, relative to it: at most, in both steps.
fn distance(case: &str, found: &[Metrics; 2]) -> [f32; 2] {
    let golden: serde_json::Value = serde_json::from_str(include_str!("translation.json")).expect("the file is JSON");
    let mut worst = [0.0f32; 2];
    for (step, worst) in worst.iter_mut().enumerate() {
        let expected = golden[case][step].as_object().expect("the case is in the file");
        for (name, value) in expected {
            let value = value.as_f64().expect("figures are numbers") as f32;
            let found = found[step].get(name.as_str()).unwrap_or_else(|| panic!("{case} has no figure '{name}'"));
            *worst = worst.max((found - value).abs() / value.abs());
        }
    }
    worst
}

fn check(case: &str, found: &[Metrics; 2]) {
    let [first, second] = distance(case, found);
    // Adam makes whole steps of gradients that are nothing but roundings: PyTorch in f32 is up to 6e-2 away in the second.
    assert!(first < 1e-4 && second < 1e-2, "{case}: {first:e} in the first step, {second:e} in the second\n{found:#?}");
}

fn cut(terms: Cut, seed: u64) -> [Metrics; 2] {
    // All patches of every level.
    let terms = Cut { patches: 1024, ..terms };
    steps(TranslationTraining { network: residual(), terms, seed, ..Cut::usual() })
}

#[test]
fn contrast_and_its_gradients_are_pytorchs() {
    check("cut", &cut(Cut::default(), 1));
    check("single", &cut(Cut { nce: 4.0, identity: 10.0, ..Cut::default() }, 1));
}

#[test]
fn mirrored_translations_are_compared_as_pytorch_does() {
    let mut seen = [0; 2];
    for seed in 0..6 {
        let found = cut(Cut { nce: 10.0, nce_identity: false, flip: true, ..Cut::default() }, seed);
        let near = ["fastcut", "fastcut flipped"].map(|case| distance(case, &found)[0] < 1e-4);
        assert!(near[0] != near[1], "neither mirrored nor not: {found:#?}");
        seen[usize::from(near[1])] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

#[test]
fn cycles_and_identities_are_pytorchs() {
    check("cyclegan", &steps(TranslationTraining { network: residual(), ..Cyclegan::usual() }));
}

#[test]
fn pairs_are_judged_as_by_pytorch() {
    let network = GeneratorConfig { width: 4, halvings: 3, ..GeneratorConfig::unet() };
    check("pix2pix", &steps(TranslationTraining { network, ..Pix2pix::usual() }));
}
