//! Trials that algorithms go through: do they learn a translation that can be checked?

use std::path::Path;

use burn::tensor::Tensor;
use impasto_image::{EncodeOptions, Format, Picture};

use super::{Generators, PatchCritic, Scheme, TranslationObjective, TranslationTraining};
use crate::control::Control;
use crate::data::{Augment, Crops, Folder};
use crate::rng::{self, Rng};
use crate::tensor::ImageTensor;
use crate::train::{Critic, Objective};
use crate::{Device, tensor, weights};

/// Red for blue and blue for red.
pub(crate) fn swapped(picture: &Picture) -> Picture {
    let rgb = picture.rgb.chunks_exact(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    picture.with_rgb(rgb).unwrap()
}

/// A made landscape: a blue sky above warm ground, with shapes before it. Red and blue are anything but alike.
fn landscape(side: u32, seed: u64) -> Picture {
    let mut rng = rng::stream(seed, "landscape", 0);
    let mut near = |centre: f32, spread: f32| centre + spread * (rng.random::<f32>() - 0.5);
    let horizon = near(0.5, 0.4);
    let (sky, ground) =
        ([near(0.25, 0.2), near(0.5, 0.2), near(0.9, 0.2)], [near(0.7, 0.3), near(0.4, 0.3), near(0.1, 0.2)]);
    let shapes: Vec<[f32; 7]> = (0..6)
        .map(|_| {
            let place = [near(0.5, 1.0), near(0.6, 0.8), near(0.12, 0.14)];
            let colour =
                if place[1] > 0.55 { [near(0.8, 0.4), near(0.6, 0.4), near(0.15, 0.3)] } else { [near(0.9, 0.2); 3] };
            [place[0], place[1], place[2], colour[0], colour[1], colour[2], near(0.0, 3.0)]
        })
        .collect();
    let mut rgb = Vec::with_capacity((side * side * 3) as usize);
    for y in 0..side {
        for x in 0..side {
            let (u, v) = (x as f32 / side as f32, y as f32 / side as f32);
            let mut pixel = if v < horizon { sky } else { ground };
            for [cx, cy, r, red, green, blue, turn] in &shapes {
                let (dx, dy) = (u - cx, v - cy);
                let (along, across) = (dx * turn.cos() + dy * turn.sin(), dy * turn.cos() - dx * turn.sin());
                if along.abs() < *r && across.abs() < 0.5 * r {
                    pixel = [*red, *green, *blue];
                }
            }
            let shade = 0.85 + 0.15 * ((u * 9.0 + v * 5.0).sin());
            rgb.extend(pixel.map(|value| (value * shade).clamp(0.0, 1.0)));
        }
    }
    Picture::from_rgb(side, side, rgb).unwrap()
}

/// Made landscapes from seed `first` on.
pub(crate) fn landscapes(count: u64, first: u64) -> Vec<Picture> {
    (first..first + count).map(|seed| landscape(64, seed)).collect()
}

/// Photographs of dishes, warm in colour: those of `data/photos/food_based_cooking` in the folder that IMPASTO_SHARED names, `side`
/// px on their shorter side and in an order that mixes them. None where they are missing, which is said.
#[allow(clippy::print_stderr, reason = "what was skipped is said")]
pub(crate) fn dishes(side: u32) -> Option<Vec<Picture>> {
    let shared = std::env::var_os("IMPASTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let folder = shared.join("data/photos/food_based_cooking");
    let Ok(mut files) = crate::data::picture_files(&folder) else {
        eprintln!("skipped: there is no folder {}; set IMPASTO_SHARED", folder.display());
        return None;
    };
    files.sort();
    let open = |file: &std::path::PathBuf| {
        impasto_image::resize_to_short_side(&impasto_image::open(file, &Default::default()).unwrap(), side)
    };
    let mut pictures: Vec<Picture> = files.iter().map(open).collect();
    let mut rng = rng::stream(1, "photographs", 0);
    (1..pictures.len()).rev().for_each(|i| pictures.swap(i, rng.random_range(0..=i)));
    Some(pictures)
}

fn folder(root: &Path, name: &str, pictures: &[Picture], short_side: u32, crop: u32) -> Folder {
    let root = root.join(name);
    std::fs::create_dir(&root).unwrap();
    for (i, picture) in pictures.iter().enumerate() {
        let path = root.join(format!("{i:04}.png"));
        impasto_image::save(picture, &path, &EncodeOptions::new(Format::Png), true).unwrap();
    }
    Folder::load(&[root], short_side, crop, &Control::silent()).unwrap()
}

/// What comes of a trial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Mean absolute error of what was learnt.
    pub(crate) error: f32,
    /// That of doing nothing.
    pub(crate) untouched: f32,
    /// Mean distance between the mean colours of what was made and what should have been made.
    pub(crate) drift: f32,
}

/// Learns what `change` does to pictures from these and the same ones changed, drawn apart (unless pairs are learnt from), and
/// tries it on an eighth of them that was kept back. The environment variables IMPASTO_STEPS and IMPASTO_SEED change how long it
/// learns and what it draws.
pub(crate) fn learnt<S: Scheme>(
    mut settings: TranslationTraining<S>,
    pictures: Vec<Picture>,
    change: impl Fn(&Picture) -> Picture,
) -> Outcome {
    let told = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    settings.steps = told("IMPASTO_STEPS").unwrap_or(settings.steps);
    settings.seed = told("IMPASTO_SEED").unwrap_or(settings.seed);
    let every = settings.steps;
    watched(settings, pictures, change, every).pop().expect("a step")
}

/// [`learnt`], tried every so many steps.
#[allow(clippy::print_stderr, reason = "what was found is worth knowing")]
pub(crate) fn watched<S: Scheme>(
    settings: TranslationTraining<S>,
    pictures: Vec<Picture>,
    change: impl Fn(&Picture) -> Picture,
    every: u64,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let begun = std::time::Instant::now();
    trained(&settings, pictures, &change, every, |objective, held_out| {
        outcomes.push(tried(&settings, objective, held_out, &change));
    });
    eprintln!(
        "{:?}, pool {}, seed {}: {:?} in {:.0?}",
        settings.terms,
        settings.pool,
        settings.seed,
        outcomes.last(),
        begun.elapsed()
    );
    outcomes
}

/// How much more the discriminator thinks of real pictures than of those made 0, 1 and so on times `every` steps before, for
/// so many `ages`: means over the later half of a training, of pictures that it did not see.
pub(crate) fn remembered<S: Scheme>(
    settings: &TranslationTraining<S>,
    pictures: Vec<Picture>,
    change: impl Fn(&Picture) -> Picture,
    every: u64,
    ages: usize,
) -> Vec<f32> {
    let device = Device::flex();
    let mut made: Vec<ImageTensor> = Vec::new();
    let mut gaps = vec![Vec::new(); ages];
    trained(settings, pictures, &change, every, |objective, held_out| {
        let side = settings.short_side;
        let part = |picture: &Picture| impasto_image::crop(picture, 0, 0, side, side);
        let batch = |pictures: Vec<Picture>| {
            Tensor::cat(pictures.iter().map(|picture| tensor::from_picture(picture, &device)).collect(), 0) // [n, 3, h, w]
        };
        made.push(current(settings, objective).forward.forward(batch(held_out.iter().map(part).collect())));
        if made.len() as u64 > settings.steps / every / 2 {
            let critic = PatchCritic::new(settings, &objective.state(), &device).unwrap();
            let score = |images: ImageTensor| tensor::scalar(critic.score(images, None).mean());
            let real = score(batch(held_out.iter().map(|picture| part(&change(picture))).collect()));
            for (gaps, images) in gaps.iter_mut().zip(made.iter().rev()) {
                gaps.push(real - score(images.clone()));
            }
        }
    });
    gaps.iter().map(|gaps: &Vec<f32>| gaps.iter().sum::<f32>() / gaps.len() as f32).collect()
}

/// Trains on pictures and the same ones changed, but for an eighth of them, and shows that eighth to `visit` every so many steps.
fn trained<S: Scheme>(
    settings: &TranslationTraining<S>,
    mut pictures: Vec<Picture>,
    change: impl Fn(&Picture) -> Picture,
    every: u64,
    mut visit: impl FnMut(&TranslationObjective<S>, &[Picture]),
) {
    let held_out = pictures.split_off(pictures.len() - pictures.len() / 8);
    let root = tempfile::tempdir().unwrap();
    let (short, crop) = (settings.short_side, settings.crop);
    let changed: Vec<Picture> = pictures.iter().map(&change).collect();
    let folders = [
        folder(root.path(), "a", &pictures, short, crop as u32),
        folder(root.path(), "b", &changed, short, crop as u32),
    ];
    let augment = Augment { mirror: true, half_size: 0.0 };
    let mut streams = ["a", if S::PAIRED { "a" } else { "b" }].into_iter();
    let crops = folders.map(|folder| Crops::new(folder, crop, augment, settings.seed, streams.next().unwrap()));
    let device = Device::flex().autodiff();
    let mut objective = TranslationObjective::new(settings.clone(), crops, serde_json::Value::Null, &device).unwrap();
    for step in 0..settings.steps {
        objective.step(step).unwrap();
        if (step + 1).is_multiple_of(every) {
            visit(&objective, &held_out);
        }
    }
}

/// The averaged generators.
fn current<S: Scheme>(settings: &TranslationTraining<S>, objective: &TranslationObjective<S>) -> Generators {
    let (_, arrays) = objective.export().unwrap();
    let fresh = Generators::new(&settings.network, S::BOTH_WAYS, 0, &Device::flex());
    weights::apply(fresh, &arrays).unwrap()
}

/// How far what an objective has learnt is from what it should have.
fn tried<S: Scheme>(
    settings: &TranslationTraining<S>,
    objective: &TranslationObjective<S>,
    held_out: &[Picture],
    change: impl Fn(&Picture) -> Picture,
) -> Outcome {
    let generators = current(settings, objective);
    let mut outcome = Outcome { error: 0.0, untouched: 0.0, drift: 0.0 };
    let share = 1.0 / held_out.len() as f32;
    for picture in held_out {
        let side = picture.width.min(picture.height).min(settings.short_side) / 32 * 32;
        let part = impasto_image::crop(picture, 0, 0, side, side);
        let [x, wanted] = [&part, &change(&part)].map(|p| tensor::from_picture(p, &Device::flex()));
        let made = generators.forward.forward(x.clone());
        let difference = made - wanted.clone();
        outcome.error += share * tensor::scalar(difference.clone().abs().mean());
        outcome.untouched += share * tensor::scalar((x - wanted).abs().mean());
        outcome.drift += share * tensor::scalar(difference.mean_dims(&[2, 3]).abs().mean());
    }
    outcome
}

/// [`learnt`] of exchanging red and blue.
pub(crate) fn colour_swap<S: Scheme>(settings: TranslationTraining<S>, pictures: Vec<Picture>) -> Outcome {
    learnt(settings, pictures, swapped)
}

/// Squares of 4 x 4 pixels in their mean colour: other textures, the same colours.
pub(crate) fn mosaic(picture: &Picture) -> Picture {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut rgb = picture.rgb.clone();
    for (y, x) in (0..height).step_by(4).flat_map(|y| (0..width).step_by(4).map(move |x| (y, x))) {
        let places: Vec<usize> =
            (y..height.min(y + 4)).flat_map(|y| (x..width.min(x + 4)).map(move |x| (y * width + x) * 3)).collect();
        for c in 0..3 {
            let mean = places.iter().map(|at| picture.rgb[at + c]).sum::<f32>() / places.len() as f32;
            places.iter().for_each(|at| rgb[at + c] = mean);
        }
    }
    picture.with_rgb(rgb).unwrap()
}
