//! Making pictures with the generator for tests.

use std::sync::{Arc, Mutex};

use impasto_image::adjust::Adjustments;
use impasto_image::{Limits, Picture, layout};

use super::testing::{job, studio};
use super::*;

const CLASSES: [&str; 3] = ["red", "green", "blue"];

fn paint(job: GenerationJob, seeds: &str, classes: &[&str]) -> Vec<Made> {
    let points = Point::list(Some(&seeds.parse().unwrap()), &[]);
    let mut made = Vec::new();
    let studio = studio(job, classes, false);
    studio
        .generate(&points, &Control::silent(), |index, one| {
            assert_eq!(index, made.len());
            made.push(one);
            Ok(())
        })
        .unwrap();
    made
}

fn pictures(job: GenerationJob, seeds: &str) -> Vec<Picture> {
    paint(job, seeds, &[]).into_iter().map(|made| made.picture).collect()
}

#[test]
fn pictures_depend_on_their_seed_and_not_on_their_neighbours() {
    let many = pictures(job(), "0-9");
    assert_eq!(many.len(), 10);
    for (index, picture) in many.iter().enumerate() {
        assert_eq!((picture.width, picture.height), (16, 16));
        assert_eq!(*picture, pictures(job(), &index.to_string())[0], "seed {index}");
        assert!(many[..index].iter().all(|other| other != picture), "seed {index} is like another");
    }
}

#[test]
fn pictures_do_not_depend_on_threads() {
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| pictures(job(), "0-4"))
    };
    assert_eq!(of(1), of(3));
}

#[test]
fn truncation_pulls_towards_the_middle_of_the_class() {
    let at = |trunc: f32, cutoff: Option<usize>| {
        let job = GenerationJob { trunc, trunc_cutoff: cutoff, noise: NoiseMode::None, ..job() };
        let studio = studio(job, &CLASSES, false);
        [0, 3, 1].map(|seed| studio.place(&Point::Seed(seed)).unwrap())
    };
    let [a, b, other] = at(0.0, None);
    assert_eq!(a.styles, b.styles, "seeds 0 and 3 are of one class");
    assert_ne!(a.styles, other.styles);
    let [full, ..] = at(1.0, None);
    let [half, ..] = at(0.5, None);
    for ((half, full), middle) in half.styles.iter().zip(&full.styles).zip(&a.styles) {
        assert!((half - (full + middle) / 2.0).abs() < 1e-6);
    }
    let [coarse, ..] = at(0.0, Some(1));
    assert_eq!((&coarse.styles[..6], &coarse.styles[6..]), (&a.styles[..6], &full.styles[6..]));
}

#[test]
fn classes_are_the_seeds_or_the_jobs() {
    let made = paint(job(), "0-5", &CLASSES);
    for (seed, one) in made.iter().enumerate() {
        assert_eq!(one.parameters.json["classes"], serde_json::json!({CLASSES[seed % 3]: 1.0}));
    }
    let blue = paint(GenerationJob { classes: vec!["blue".parse().unwrap()], ..job() }, "0,2", &CLASSES);
    assert_ne!(blue[0].picture, made[0].picture);
    assert_eq!(blue[1].picture, made[2].picture, "seed 2 is blue by itself");
}

#[test]
fn that_saved_codes_keep_their_classes_is_said() {
    let blue = studio(GenerationJob { classes: vec!["blue".parse().unwrap()], ..job() }, &CLASSES, false);
    let code = blue.code_of(4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blue.safetensors");
    std::fs::write(&path, code.encode(blue.form(), blue.model(), "a test").unwrap()).unwrap();
    let red = studio(GenerationJob { classes: vec![CLASSES[0].parse().unwrap()], ..job() }, &CLASSES, false);
    let notes = |points: &[Point]| {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let kept = notes.clone();
        let control = Control::new(move |event| {
            if let Event::Note { message } = event {
                kept.lock().unwrap().push(message);
            }
        });
        let mut classes = Vec::new();
        let each = |_: usize, made: Made| {
            classes.push(made.parameters.json["classes"].clone());
            Ok(())
        };
        red.generate(points, &control, each).unwrap();
        let notes = notes.lock().unwrap().join("; ");
        (classes, notes)
    };
    let (classes, said) = notes(&[Point::Seed(1), Point::Code(path)]);
    assert_eq!(classes, [serde_json::json!({CLASSES[0]: 1.0}), serde_json::json!({"blue": 1.0})]);
    assert!(said.contains("saved codes keep the classes"), "{said}");
    assert_eq!(notes(&[Point::Seed(1)]).1, "");
}

#[test]
fn noise_is_the_seeds_the_same_for_all_or_none() {
    let of = |noise: NoiseMode| pictures(GenerationJob { noise, trunc: 0.0, ..job() }, "0,5");
    let random = of(NoiseMode::Random);
    assert_ne!(random[0], random[1]);
    for mode in [NoiseMode::Const, NoiseMode::None] {
        let same = of(mode);
        assert_eq!(same[0], same[1], "{mode}");
    }
    assert_ne!(of(NoiseMode::Const)[0], of(NoiseMode::None)[0]);
}

#[test]
fn pictures_are_turned_repeated_and_adjusted() {
    let plain = pictures(job(), "4").remove(0);
    assert_eq!(pictures(GenerationJob { mirror: true, ..job() }, "4")[0], layout::mirror(&plain));
    let repeated = pictures(GenerationJob { repeat: 3, ..job() }, "4").remove(0);
    assert_eq!(repeated, layout::repeat(&plain, 3, 3).unwrap());
    let mut grey = job();
    grey.adjust.saturation = 0.0;
    assert!(pictures(grey, "4")[0].triples().iter().all(|[r, g, b]| (r - g).abs() < 1e-5 && (g - b).abs() < 1e-5));
}

/// What looks at neighbours sees those that a tile has among its copies.
#[test]
fn an_adjusted_tile_is_the_middle_of_its_preview() {
    for sharpen in [0.5, -0.5, -2.0] {
        let adjusted = |repeat: u32| {
            let mut job = GenerationJob { tile: true, repeat, ..job() };
            (job.adjust.sharpen, job.adjust.contrast) = (sharpen, 1.2);
            pictures(job, "4").remove(0)
        };
        let tile = adjusted(1);
        assert_eq!(impasto_image::crop(&adjusted(3), 16, 16, 16, 16).rgb, tile.rgb, "{sharpen}");
        // The same as a pattern that is adjusted as a whole.
        let mut pattern = pictures(GenerationJob { tile: true, repeat: 3, ..job() }, "4").remove(0);
        Adjustments { sharpen, contrast: 1.2, ..Adjustments::default() }.apply(&mut pattern).unwrap();
        assert_eq!(impasto_image::crop(&pattern, 16, 16, 16, 16).rgb, tile.rgb, "{sharpen}");
    }
}

#[test]
fn mixtures_take_layers_from_the_columns() {
    let studio = studio(job(), &CLASSES, false);
    let [row, column] = [Point::Seed(1), Point::Seed(7)];
    let mix = |layers: &str| {
        let (rows, columns) = (std::slice::from_ref(&row), std::slice::from_ref(&column));
        studio.mix(rows, columns, &layers.parse().unwrap(), &Limits::default(), &Control::silent())
    };
    let made = mix("1-").unwrap();
    assert_eq!((made.picture.width, made.picture.height), (38, 38));
    assert!(made.parameters.text.ends_with("impasto mix tiny --rows 1 --cols 7 --layers 1-"), "{:?}", made.parameters);
    let cell = |x: u32, y: u32| impasto_image::crop(&made.picture, 2 + 18 * x, 2 + 18 * y, 16, 16).rgb;
    let plain = |point: &Point| studio.paint(&[studio.place(point).unwrap()]).unwrap().remove(0).rgb;
    assert_eq!(cell(1, 0), plain(&column));
    assert_eq!(cell(0, 1), plain(&row));
    assert!(cell(1, 1) != plain(&row) && cell(1, 1) != plain(&column));
    assert!(mix("3-").unwrap_err().to_string().contains("layers 0 to 2"));
}

#[test]
fn parameters_repeat_the_picture_and_name_no_folders() {
    let mut job = job();
    job.model = "/home/me/tiny model.safetensors".parse().unwrap();
    (job.trunc, job.mirror, job.adjust.hue) = (0.7, true, 5.0);
    let made = paint(job, "12", &[]).remove(0).parameters;
    let command = "impasto generate 'tiny model.safetensors' --seeds 12 --trunc 0.7 --mirror --hue 5";
    assert_eq!(made.json["command"], command);
    assert_eq!((&made.json["seed"], &made.json["model"]["title"]), (&12.into(), &"Tiny".into()));
    assert!(!made.json.to_string().contains("home") && made.text.contains("0123456789ab"), "{made:?}");
}

#[test]
fn what_the_generator_has_not_is_refused() {
    let mut studio = studio(job(), &[], false);
    let mut refused = |job: GenerationJob| studio.change(job).unwrap_err().to_string();
    assert!(refused(GenerationJob { classes: vec!["red".parse().unwrap()], ..job() }).contains("no classes"));
    assert!(refused(GenerationJob { trunc_cutoff: Some(4), ..job() }).contains("3 layers"));
    assert!(refused(GenerationJob { trunc: 9.0, ..job() }).contains("-4 to 4"));
    assert!(refused(GenerationJob { repeat: 0, ..job() }).contains("1 to 64"));
    let step: Move = "nothing.safetensors:pca0=1".parse().unwrap();
    assert!(refused(GenerationJob { moves: vec![step], ..job() }).contains("nothing.safetensors"));
}

#[test]
fn some_layers_come_from_another_picture() {
    let with = |mix: &str| studio(GenerationJob { mix: Some(mix.parse().unwrap()), ..job() }, &[], false);
    let plain = studio(job(), &[], false);
    let mixed = with("8@2-").place(&Point::Seed(4)).unwrap();
    assert_eq!(mixed, plain.code_of(4).mixed(&plain.code_of(8), &[false, false, true]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    std::fs::write(&path, plain.code_of(8).encode(plain.form(), plain.model(), "a test").unwrap()).unwrap();
    let of_file = with(&format!("{}@2-", path.display()));
    assert_eq!(of_file.place(&Point::Seed(4)).unwrap(), mixed);
    // What a file decided is in the picture.
    let mut made = Vec::new();
    let keep = |_: usize, one: Made| {
        made.push(one);
        Ok(())
    };
    of_file.generate(&[Point::Seed(4)], &Control::silent(), keep).unwrap();
    let parameters = &made[0].parameters.json;
    assert_eq!(parameters["generation"]["mix"], "other.safetensors@2-");
    assert!(parameters["command"].as_str().unwrap().contains("--mix other.safetensors@2-"));
    assert!(parameters["code"].as_str().is_some_and(|code| code.len() > 100));
    let refused = |mix: &str| {
        let mixed = GenerationJob { mix: Some(mix.parse().unwrap()), ..job() };
        studio(job(), &[], false).change(mixed).unwrap_err().to_string()
    };
    assert!(refused("8@3-").contains("layers 0 to 2"));
    assert!(refused("nothing.safetensors@0").contains("nothing.safetensors"));
}
