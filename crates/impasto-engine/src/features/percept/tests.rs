use std::path::Path;

use impasto_image::{EncodeOptions, Format, Picture};

use super::*;
use crate::control::Control;
use crate::data::{Augment, Crops, Folder};
use crate::rng::{self, Rng};
use crate::train::Objective;

const TINY: PerceptConfig = PerceptConfig { widths: [3; 5], convolutions: [2, 1, 1, 1, 1], outputs: [4; 5] };

#[test]
fn it_costs_less_than_its_teacher() {
    // The distilled VGG-19 takes 22.9 kMAC per pixel up to its taps.
    let config = PerceptConfig::default();
    assert!(config.macs_per_pixel() < 20_000.0, "{}", config.macs_per_pixel());
    let arrays = weights::collect(&Network::new(&config, 0, &Device::flex()));
    let parameters: usize = arrays.values().map(|a| a.values.len()).sum();
    assert!((500_000..1_000_000).contains(&parameters), "{parameters}");
}

#[test]
fn damaged_files_are_refused_with_a_reason() {
    let device = Device::flex();
    let arrays = weights::collect(&Network::new(&TINY, 0, &device));
    let header = |algorithm: &str, config: serde_json::Value| Header {
        version: weights::FORMAT_VERSION,
        algorithm: algorithm.into(),
        title: NAME.into(),
        licence: "MIT OR Apache-2.0".into(),
        config,
        training: serde_json::Value::Null,
    };
    let good = serde_json::to_value(TINY).unwrap();
    let refused = |header: &Header, arrays: &Arrays| {
        Percept::new(header, arrays, PerceptWidth::Taps, &device).map(|_| ()).unwrap_err()
    };
    assert!(Percept::new(&header(NAME, good.clone()), &arrays, PerceptWidth::Wide, &device).is_ok());
    assert!(refused(&header("fusion", good.clone()), &arrays).contains("fusion"));
    let huge = serde_json::json!({ "widths": [1, 1, 1, 1, 1_000_000] });
    assert!(refused(&header(NAME, huge), &arrays).contains("1000000"));
    assert!(refused(&header(NAME, serde_json::json!({ "depth": 1 })), &arrays).contains("depth"));
    let mut short = arrays.clone();
    short.pop_first();
    assert!(refused(&header(NAME, good), &short).contains("missing"));
}

/// A folder of smooth random pictures.
fn crops(folder: &Path) -> Crops {
    let mut rng = rng::stream(1, "pictures", 0);
    for i in 0..3 {
        let rgb = (0..8 * 8 * 3).map(|_| rng.random()).collect();
        let picture = impasto_image::resize(&Picture::from_rgb(8, 8, rgb).unwrap(), 48, 48);
        let path = folder.join(format!("{i}.png"));
        impasto_image::save(&picture, &path, &EncodeOptions::new(Format::Png), true).unwrap();
    }
    let folder = Folder::load(&[folder.to_owned()], 48, 32, &Control::silent()).unwrap();
    Crops::new(folder, 32, Augment { mirror: true, half_size: 0.0 }, 1, "pictures")
}

/// Another tiny network of the kind as the teacher.
fn objective(folder: &Path, outputs: [usize; 5]) -> Result<PerceptObjective> {
    let device = Device::flex().autodiff();
    let teacher = Network::new(&PerceptConfig { widths: [4; 5], ..TINY }, 9, &device);
    let teacher = Percept { network: teacher.no_grad(), width: PerceptWidth::Wide };
    let settings = PerceptTraining {
        batch: 2,
        crop: 32,
        steps: 400,
        warm_up: 5,
        rate: 2e-2,
        relation_weight: 0.0,
        network: PerceptConfig { outputs, ..TINY },
        ..PerceptTraining::default()
    };
    PerceptObjective::new(settings, Box::new(teacher), crops(folder), serde_json::Value::Null, &device)
}

#[test]
fn distillation_learns_resumes_exactly_and_ships_in_the_teachers_units() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = || objective(folder.path(), TINY.outputs).unwrap();
    let mut through = fresh();
    let losses: Vec<f32> = (0..400).map(|step| through.step(step).unwrap()["loss"]).collect();
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    assert!(mean(&losses[380..]) < 0.5 * mean(&losses[..5]), "{:?}, {:?}", mean(&losses[..5]), mean(&losses[380..]));

    let mut half = fresh();
    (0..3).for_each(|step| drop(half.step(step)));
    let mut resumed = fresh();
    resumed.restore(&half.state()).unwrap();
    (3..6).for_each(|step| drop(half.step(step)));
    (3..6).for_each(|step| drop(resumed.step(step)));
    assert_eq!(half.state(), resumed.state());

    let (header, arrays) = through.export().unwrap();
    let device = Device::flex();
    let shipped = Percept::new(&header, &arrays, PerceptWidth::Wide, &device).unwrap();
    let teacher = Network::new(&PerceptConfig { widths: [4; 5], ..TINY }, 9, &device);
    let image = crops(folder.path()).batch(1_000, 4, &device);
    let taught = teacher.wide(teacher.taps(image.clone()), 0.0);
    for (level, (learnt, taught)) in shipped.extract(image).into_iter().zip(taught).enumerate().take(2) {
        let error = crate::metrics::feature_error(learnt, taught).unwrap();
        assert!(error < 0.6, "level {level} misses {error} of the teacher's variance");
    }
    let preview = through.preview().unwrap();
    assert_eq!((preview.width, preview.height), (11 * 36 + 4, 4 * 36 + 4));
}

#[test]
fn a_teacher_of_other_channels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = objective(folder.path(), [4, 4, 4, 4, 5]).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("[4, 4, 4, 4, 5]"), "{refused}");
}
