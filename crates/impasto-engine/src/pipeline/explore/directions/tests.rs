//! Directions of the generator for tests, whose styles vary most along their first numbers.

use super::*;
use crate::pipeline::generate::testing::{job, studio};

fn asked(methods: &[Method], layers: &str) -> DirectionsJob {
    DirectionsJob { methods: methods.to_vec(), count: 3, samples: 400, layers: layers.parse().unwrap(), seed: 4 }
}

fn largest(direction: &Direction) -> usize {
    let styles = direction.styles.iter().enumerate();
    styles.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map(|(index, _)| index).unwrap()
}

#[test]
fn each_method_finds_what_it_looks_for() {
    let studio = studio(job(), &["a", "b"], false);
    let found = find(&studio, &asked(&Method::ANY, "all"), &Control::silent()).unwrap();
    assert_eq!(found.all.len(), 9);
    assert!(found.all.windows(2).all(|pair| pair[0].effect >= pair[1].effect));
    assert!(found.all.iter().all(|direction| direction.effect > 0.0));
    // Styles vary with deviations of 2, 1 and 0.67 along the first three numbers, in all layers alike.
    for (name, number, deviation) in [("pca0", 0, 2.0), ("pca1", 1, 1.0), ("pca2", 2, 2.0 / 3.0), ("closed0", 1, 1.0)] {
        let direction = found.named(name).unwrap();
        assert_eq!(largest(direction) % 6, number, "{name}");
        assert!((direction.styles[number].abs() - deviation).abs() < 0.15, "{name}: {:?}", direction.styles);
        assert_eq!(direction.styles[..6], direction.styles[12..], "{name}");
    }
    assert!(found.named("pca7").unwrap_err().to_string().contains("'pca"));
    assert_eq!(found, find(&studio, &asked(&Method::ANY, "all"), &Control::silent()).unwrap());
}

#[test]
fn only_the_chosen_layers_are_moved() {
    let studio = studio(job(), &[], false);
    let found = find(&studio, &asked(&[Method::Pca], "1-"), &Control::silent()).unwrap();
    for direction in &found.all {
        assert!(direction.styles[..6].iter().all(|value| *value == 0.0));
        assert!(direction.styles[6..].iter().any(|value| *value != 0.0));
    }
    assert!(find(&studio, &asked(&[Method::Pca], "3-"), &Control::silent()).is_err());
    assert!(find(&studio, &asked(&[], "all"), &Control::silent()).is_err());
}

#[test]
fn files_of_directions_move_pictures() {
    let mut studio = studio(job(), &[], false);
    let found = find(&studio, &asked(&[Method::Pca], "all"), &Control::silent()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tiny-directions.safetensors");
    std::fs::write(&file, found.encode(studio.form()).unwrap()).unwrap();
    assert_eq!(Directions::load(&file, studio.form(), studio.model()).unwrap(), found);

    let plain = studio.place(&Point::Seed(3)).unwrap();
    let mut moved = job();
    moved.moves = vec![format!("{}:pca1=2.5", file.display()).parse().unwrap()];
    studio.change(moved).unwrap();
    let mut expected = plain.clone();
    expected.step(&found.named("pca1").unwrap().styles, 2.5);
    assert_eq!(studio.place(&Point::Seed(3)).unwrap(), expected);
    let parameters = studio.sheet_parameters(&[Point::Seed(3)], Grid::square(1)).unwrap();
    assert!(parameters.text.contains("--move tiny-directions.safetensors:pca1=2.5"), "{}", parameters.text);

    let mut other = studio.model().clone();
    other.blake3 = "another".into();
    let refused = Directions::load(&file, studio.form(), &other).unwrap_err().to_string();
    assert!(refused.contains("another generator"), "{refused}");
}

#[test]
fn strips_have_the_seeds_own_picture_in_the_middle() {
    let studio = studio(job(), &[], false);
    let found = find(&studio, &asked(&[Method::Closed], "all"), &Control::silent()).unwrap();
    let shown = Strips { seeds: vec![1, 2], amounts: vec![-2.0, 0.0, 2.0] };
    let made = strips(&studio, &found.all[0], &shown, &Control::silent()).unwrap();
    assert_eq!((made.picture.width, made.picture.height), (3 * 18 + 2, 2 * 18 + 2));
    let middle = impasto_image::crop(&made.picture, 20, 20, 16, 16).rgb;
    assert_eq!(middle, studio.paint(&[studio.place(&Point::Seed(2)).unwrap()]).unwrap()[0].rgb);
}
