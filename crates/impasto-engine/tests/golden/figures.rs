//! Figures for cards and docs, printed on demand:
//! `cargo test --release -p impasto-engine --test golden figures -- --ignored --nocapture`.
//!
//! All pictures here are held back from training.

use std::path::PathBuf;

use impasto_engine::algorithms::microast::{MicroAst, import};
use impasto_engine::features::{Features, Percept, PerceptWidth, PocketVgg, VggWidth};
use impasto_engine::metrics::{self, StyleDistance};
use impasto_engine::rng::{self, Rng};
use impasto_engine::tensor::{self, ImageTensor};
use impasto_engine::{Control, Style, StyleRequest, Stylizer};
use impasto_image::{Limits, Picture};

use super::{cpu, good, shared};

const POCKET_VGG: &str = "weights/features/vgg19_pocket16x_relu1_1-5_1_f32.safetensors";

/// The pictures of some folders of the shared data, in the order of their paths.
fn pictures(folders: &[&str]) -> Option<Vec<Picture>> {
    let mut files = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(shared(folder)?).expect("a shared folder can be listed");
        let known = |path: &PathBuf| path.extension().is_some_and(|e| e == "jpg" || e == "png");
        files.extend(entries.map(|entry| entry.expect("a shared entry can be read").path()).filter(known));
    }
    files.sort();
    let open = |file: &PathBuf| {
        let picture = impasto_image::open(file, &Limits::default()).expect("a shared picture decodes");
        impasto_image::resize_to_short_side(&picture, picture.width.min(picture.height).min(512))
    };
    Some(files.iter().map(open).collect())
}

fn held_back() -> Option<(Vec<Picture>, Vec<Picture>)> {
    Some((pictures(&["photos/kodak24"])?, pictures(&["paintings/classics", "paintings/met_cc0"])?))
}

/// A random square crop of a random picture.
fn draw(pictures: &[Picture], side: u32, rng: &mut impl Rng) -> ImageTensor {
    let picture = &pictures[rng.random_range(0..pictures.len())];
    let (x, y) = (rng.random_range(0..=picture.width - side), rng.random_range(0..=picture.height - side));
    tensor::from_picture(&impasto_image::crop(picture, x, y, side, side), &cpu())
}

/// What the card of `percept` says. `PERCEPT` names a weights file other than the shipped one.
#[test]
#[ignore = "prints figures, takes a minute"]
#[allow(clippy::print_stdout)]
fn percept_against_its_teacher() {
    let (Some((photos, paintings)), Some(file)) = (held_back(), shared(POCKET_VGG)) else { return };
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/percept.safetensors");
    let weights = std::env::var_os("PERCEPT").map_or(shipped, PathBuf::from);
    let teacher = good(PocketVgg::load(&file, VggWidth::Wide, &cpu()));
    let narrow_teacher = good(PocketVgg::load(&file, VggWidth::Narrow, &cpu()));
    let taps = good(Percept::load(&weights, PerceptWidth::Taps, &cpu()));
    let wide = good(Percept::load(&weights, PerceptWidth::Wide, &cpu()));
    let others: [(&str, &dyn Features); 3] =
        [("percept taps", &taps), ("percept wide", &wide), ("distilled VGG narrow", &narrow_teacher)];

    let mut rng = rng::stream(1, "pairs", 0);
    let mut by_teacher: Vec<Vec<f64>> = vec![Vec::new(); 6];
    let mut by_others: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); 6]; others.len()];
    for _ in 0..200 {
        let (photo, painting) = (draw(&photos, 128, &mut rng), draw(&paintings, 128, &mut rng));
        let distances = |network: &dyn Features| -> Vec<f64> {
            let (a, b) = (network.extract(photo.clone()), network.extract(painting.clone()));
            let distance = |from: usize, to: usize| {
                f64::from(good(metrics::style_gram_distance(&a[from..to], &b[from..to], StyleDistance::Norm)))
            };
            (0..5).map(|level| distance(level, level + 1)).chain([distance(0, 5)]).collect()
        };
        let push = |series: &mut Vec<Vec<f64>>, values: Vec<f64>| {
            series.iter_mut().zip(values).for_each(|(series, value)| series.push(value));
        };
        push(&mut by_teacher, distances(&teacher));
        for (series, (_, network)) in by_others.iter_mut().zip(others) {
            push(series, distances(network));
        }
    }
    for (series, (name, _)) in by_others.iter().zip(others) {
        let correlations: Vec<String> = series
            .iter()
            .zip(&by_teacher)
            .map(|(a, b)| format!("{:.3}", good(metrics::rank_correlation(a, b))))
            .collect();
        println!("{name}: rank correlation of Gram distances, levels 1 to 5 and mean: {}", correlations.join(" "));
    }
    let crops = (0..20).flat_map(|_| [draw(&photos, 128, &mut rng), draw(&paintings, 128, &mut rng)]).collect();
    let images = ImageTensor::cat(crops, 0); // [40, 3, 128, 128]
    let maps = wide.extract(images.clone()).into_iter().zip(teacher.extract(images));
    let errors: Vec<f32> = maps.map(|(guess, target)| good(metrics::feature_error(guess, target))).collect();
    println!("percept wide: share of the teacher's variance missed, levels 1 to 5: {errors:.3?}");
}

/// What [`metrics::style_gram_distance`] gives for known pictures.
#[test]
#[ignore = "prints figures, takes minutes"]
#[allow(clippy::print_stdout)]
fn style_distance_of_untouched_photographs_and_of_microast() {
    let (Some((photos, paintings)), Some(file)) = (held_back(), shared(POCKET_VGG)) else { return };
    let Some(peer) = shared("weights/style/microast_f32.safetensors") else { return };
    let (header, weights) = good(import(&peer, &cpu()));
    let config = serde_json::from_value(header.config).expect("import writes the network's own configuration");
    let peer = MicroAst::new(config, Some(&weights), 0, &cpu()).expect("import checks every shape");
    let vgg = good(PocketVgg::load(&file, VggWidth::Wide, &cpu()));
    let (mut sums, mut count) = ([[0.0; 2]; 2], 0.0);
    for style in &paintings {
        let style = tensor::from_picture(style, &cpu());
        let target = vgg.extract(style.clone());
        for photo in photos.iter().step_by(6) {
            let content = tensor::from_picture(photo, &cpu());
            let styles = vec![(Style::Picture(style.clone()), 1.0)];
            let request = StyleRequest { content: content.clone(), styles, strength: 1.0, seed: 0, preview: None };
            let painted = good(peer.stylize(request, &Control::silent())).clamp(0.0, 1.0);
            for (sums, image) in sums.iter_mut().zip([content, painted]) {
                let maps = vgg.extract(image);
                for (sum, form) in sums.iter_mut().zip([StyleDistance::Norm, StyleDistance::Squared]) {
                    *sum += good(metrics::style_gram_distance(&maps, &target, form));
                }
            }
            count += 1.0;
        }
    }
    for (name, sums) in ["untouched", "microast"].into_iter().zip(sums) {
        println!("{name}: norm {:.1}, squared {:.1}", sums[0] / count, sums[1] / count);
    }
}
