//! Projection onto the generator for tests.

use super::*;
use crate::pipeline::generate::testing::{job, studio};
use crate::pipeline::generate::{GenerationJob, NoiseMode};

fn quick() -> ProjectJob {
    ProjectJob { steps: 80, starts: 2, ..ProjectJob::default() }
}

#[test]
fn a_picture_of_the_generators_own_is_found_again() {
    let studio = studio(GenerationJob { noise: NoiseMode::None, ..job() }, &["a", "b"], true);
    let eye = Eye::percept(studio.device()).unwrap();
    let wanted = studio.paint(&[studio.code_of(1000)]).unwrap().remove(0);
    let find = |steps: usize| {
        let job = ProjectJob { steps, noise: false, ..quick() };
        project(&studio, &wanted, &job, &eye, None, &Control::silent()).unwrap()
    };
    let (short, long) = (find(4), find(120));
    assert!(long.distance < 0.5 * short.distance, "{} after {}", long.distance, short.distance);
    assert_eq!((long.steps, &long.target), (120, &wanted));
    assert_eq!(find(4).code, short.code);
}

#[test]
fn codes_with_their_noise_give_the_picture_again() {
    let studio = studio(job(), &["a", "b"], true);
    let eye = Eye::percept(studio.device()).unwrap();
    let photograph = Picture::filled(16, 16, [0.7, 0.4, 0.2]).unwrap();
    let job = ProjectJob { steps: 8, ..quick() };
    let found = project(&studio, &photograph, &job, &eye, None, &Control::silent()).unwrap();
    let CodeNoise::Maps(maps) = &found.code.noise else { panic!("no noise was found") };
    assert_eq!(maps.iter().map(|map| map.shape[2]).collect::<Vec<_>>(), [4, 8, 16]);
    // Also after it was kept in a file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.safetensors");
    std::fs::write(&file, found.code.encode(studio.form(), studio.model(), "a test").unwrap()).unwrap();
    let again = Code::load(&file, studio.form(), studio.model()).unwrap();
    assert_eq!(studio.paint(&[again]).unwrap()[0].rgb, found.picture.rgb);
}

#[test]
fn a_cancel_keeps_the_best() {
    let studio = studio(job(), &[], true);
    let eye = Eye::percept(studio.device()).unwrap();
    let photograph = Picture::filled(40, 30, [0.7, 0.4, 0.2]).unwrap();
    let control = Control::silent();
    let cancel = |_: usize, _: &Picture| control.cancel();
    let job = ProjectJob { steps: 400, starts: 1, noise: false, ..quick() };
    let found = project(&studio, &photograph, &job, &eye, Some(&cancel), &control).unwrap();
    assert_eq!(found.steps, SHOW_EVERY);
    assert_eq!((found.target.width, found.target.height, &found.code.noise), (16, 16, &CodeNoise::Off));
    assert!(project(&studio, &photograph, &ProjectJob { steps: 0, ..job }, &eye, None, &Control::silent()).is_err());
}

#[test]
fn photographs_are_cut_about_their_middle() {
    // A red frame left and right of a green square.
    let rgb = (0..8 * 4).flat_map(|i| if (2..6).contains(&(i % 8)) { [0.0, 1.0, 0.0] } else { [1.0, 0.0, 0.0] });
    let photograph = Picture::from_rgb(8, 4, rgb.collect()).unwrap();
    let cut = fitted(&photograph, [4, 4]);
    assert!(cut.triples().iter().all(|pixel| *pixel == [0.0, 1.0, 0.0]));
    let tall = fitted(&photograph, [8, 2]);
    assert_eq!((tall.width, tall.height), (2, 8));
}
