//! Folders of paintings to vectors, and what distances between them say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use impasto_engine::Control;
use impasto_engine::features::Embedder;
use impasto_engine::metrics::{Embeddings, kernel_distance};
use impasto_engine::pipeline::eval::{Cache, EvalNetworks, NetworkKind, PictureSet, Unavailable, embed};
use impasto_engine::tensor::{ImageTensor, values};
use impasto_image::Limits;

use super::{cpu, crop, good, shared};

/// KID-768, times 1000, of the late paintings of van Gogh to other sets, as `data/README.md` has it: the set, the figure.
/// It does not say how pictures were resized, so that only its one decimal is to be met.
const SEPARATION: [(&str, f64); 3] = [("vangogh_1881_1886_dark", 1.4), ("hokusai_36views", 2.0), ("tarot_rws", 4.0)];
const ONE_DECIMAL: f64 = 0.15;

/// The same between the two halves of one set is 0 but for chance.
const CHANCE: f64 = 0.1;

const LATE: &str = "vangogh_1888_1890";

/// The networks that lie in the shared data.
fn networks() -> Option<EvalNetworks> {
    Some(good(EvalNetworks::open(Some(&shared("weights")?), &cpu())))
}

#[allow(clippy::print_stderr)]
fn embedder(networks: &EvalNetworks, kind: NetworkKind) -> Option<Box<dyn Embedder>> {
    match networks.embedder(kind) {
        Ok(embedder) => Some(embedder),
        Err(Unavailable::Missing(text)) => {
            eprintln!("skipped: {text}");
            None
        }
        Err(problem) => panic!("{problem}"),
    }
}

fn set(name: &str) -> Option<PictureSet> {
    let folder: PathBuf = shared(&format!("paintings/{name}"))?;
    Some(good(PictureSet::read(&[folder], &Limits::default(), None, &Control::silent())))
}

#[test]
#[ignore = "embeds 378 paintings, which takes a minute"]
#[allow(clippy::print_stdout)]
fn kernel_distance_separates_the_painting_sets() {
    let Some(networks) = networks() else { return };
    let Some(inception) = embedder(&networks, NetworkKind::Inception) else { return };
    let mut vectors = BTreeMap::new();
    for name in SEPARATION.map(|(name, _)| name).into_iter().chain([LATE]) {
        let Some(set) = set(name) else { return };
        assert!(set.rejected().is_empty(), "{:?}", set.rejected());
        vectors.insert(name, good(embed(&set, &*inception, None, &Control::silent())).swap_remove(0));
    }
    let late = &vectors[LATE];
    let half = |odd: usize| late.select(&(odd..late.len()).step_by(2).collect::<Vec<_>>());
    let distance = |a: &Embeddings, b: &Embeddings| 1000.0 * good(kernel_distance(a, b));
    let same = distance(&half(0), &half(1));
    println!("{LATE}, even against odd: {same:.3}");
    let found = SEPARATION.map(|(name, _)| distance(late, &vectors[name]));
    for ((name, expected), found) in SEPARATION.into_iter().zip(found) {
        println!("{LATE} against {name}: {found:.3}, expected {expected}");
    }
    assert!(same.abs() < CHANCE, "{same}");
    for ((name, expected), found) in SEPARATION.into_iter().zip(found) {
        assert!((found - expected).abs() < ONE_DECIMAL, "{name}: {found}, expected {expected}");
    }
}

/// A picture's vector has the same bits alone and among others.
#[test]
fn batches_do_not_matter() {
    let Some(networks) = networks() else { return };
    for kind in [NetworkKind::Inception, NetworkKind::GoogLeNet, NetworkKind::Percept] {
        let Some(network) = embedder(&networks, kind) else { continue };
        let side = network.protocol().side;
        let crops: Option<Vec<ImageTensor>> =
            [0, 60, 120].map(|x| crop("photos/kodak24/kodim05.png", x, x, side)).into_iter().collect();
        let Some(crops) = crops else { return };
        let together = good(network.embed(ImageTensor::cat(crops.clone(), 0)));
        let alone: Vec<_> = crops.into_iter().map(|crop| good(network.embed(crop))).collect();
        for (layer, (described, together)) in network.protocol().layers.iter().zip(together).enumerate() {
            assert_eq!(together.dims(), [3, described.width], "{kind:?} {}", described.name);
            let alone: Vec<f32> = alone.iter().flat_map(|layers| values(layers[layer].clone())).collect();
            assert!(values(together) == alone, "{kind:?} {}", described.name);
        }
    }
}

#[test]
#[ignore = "prints figures"]
#[allow(clippy::print_stdout)]
fn speed_of_networks() {
    let Some(networks) = networks() else { return };
    for kind in [NetworkKind::Inception, NetworkKind::GoogLeNet, NetworkKind::Percept] {
        let Some(network) = embedder(&networks, kind) else { continue };
        let side = network.protocol().side as usize;
        for count in [1, 8, 24] {
            let batch = ImageTensor::full([count, 3, side, side], 0.5, &cpu());
            let run = || {
                let begun = Instant::now();
                good(network.embed(batch.clone())).into_iter().for_each(|layer| drop(values(layer)));
                begun.elapsed().as_secs_f64()
            };
            let best = (0..3).map(|_| run()).fold(f64::INFINITY, f64::min);
            println!("{}, {count} at a time: {:.1} pictures a second", network.protocol().name, count as f64 / best);
        }
    }
}

#[test]
#[ignore = "prints figures, takes a minute"]
#[allow(clippy::print_stdout)]
fn speed_of_folders() {
    let (Some(networks), Some(folder)) = (networks(), shared(&format!("paintings/{LATE}"))) else { return };
    let Some(network) = embedder(&networks, NetworkKind::Inception) else { return };
    let kept = tempfile::tempdir().expect("a temporary folder can be made");
    let cache = good(Cache::open(kept.path()));
    for pass in ["first", "second"] {
        let begun = Instant::now();
        let control = Control::silent();
        let set = good(PictureSet::read(std::slice::from_ref(&folder), &Limits::default(), Some(&cache), &control));
        let read = begun.elapsed().as_secs_f64();
        good(embed(&set, &*network, Some(&cache), &control));
        let all = begun.elapsed().as_secs_f64();
        println!("{pass} run over {} files: {read:.2} s to check, {all:.2} s in all", set.len());
    }
}
