//! Artists: learned from folders of works, painted with, mixed by weight, layer and region.

use impasto_engine::weights::Precision;
use impasto_image::Picture;

use crate::bench::{Bench, picture, quantised};

const NETWORK: &str =
    "network={widths = [4, 4, 6, 8], style_width = 8, attention_width = 4, blocks = 1, paint_kernel = 3}";

/// A folder with pictures, and what `train artist` takes of them; `red` and `blue` are artists.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..3 {
        bench.picture(&format!("photos/{seed}.png"), 80, 72, seed);
        for (artist, colour) in [("red", [1.0, 0.3, 0.3]), ("Blue one", [0.2, 0.3, 1.0])] {
            let mut work = picture(72, 90, 10 + seed);
            work.triples_mut().iter_mut().for_each(|p| *p = std::array::from_fn(|i| p[i] * colour[i]));
            bench.save(&format!("{artist}/{seed}.png"), &work);
        }
    }
    bench.percept("percept.safetensors");
    bench
}

fn train<'a>(runs: &'a str, folders: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "artist", "--photos", "photos", "--perception", "percept:percept.safetensors"];
    folders.iter().for_each(|folder| args.extend(["--paintings", folder]));
    args.extend(["--batch", "2", "--crop", "64", "--seed", "3", "--set", NETWORK, "--set", "short_side=64"]);
    args.extend(["--set", "bank=2", "--log-every", "1", "--steps", "3", "--run-dir", runs]);
    args
}

/// A model that knows `red` and `blue-one`.
fn model(bench: &Bench) -> &'static str {
    bench.run(&train("runs", &["red", "Blue one"])).ok();
    "runs/0000-artist/weights.safetensors"
}

fn mean(picture: &Picture, from: usize, to: usize, channel: usize) -> f32 {
    let width = picture.width as usize;
    let inside = picture.triples().iter().enumerate().filter(|(i, _)| (from..to).contains(&(i % width)));
    let values: Vec<f32> = inside.map(|(_, p)| p[channel]).collect();
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn artists_paint_and_are_mixed() {
    let bench = bench();
    let model = model(&bench);
    let photo = bench.picture("photo.png", 70, 52, 40);
    let paint = |name: &str, more: &[&str]| {
        let args = ["stylize", "photo.png", "--model", model, "--seed", "1", "--overwrite", "-o", name];
        bench.run(&[&args[..], more].concat()).ok();
        bench.open(name)
    };
    let red = paint("red.png", &["--artist", "red"]);
    let blue = paint("blue.png", &["--artist", "blue-one"]);
    assert!(mean(&red, 0, 70, 0) > mean(&blue, 0, 70, 0) + 0.1, "their colours are theirs");
    assert!(mean(&blue, 0, 70, 2) > mean(&red, 0, 70, 2) + 0.1);
    let both = paint("both.png", &["--artist", "red:0.6", "--artist", "blue-one:0.4"]);
    assert!(mean(&both, 0, 70, 0) < mean(&red, 0, 70, 0) && mean(&both, 0, 70, 0) > mean(&blue, 0, 70, 0));
    // An artist and a painting; a painting alone, by the artists' network.
    paint("other.png", &["--artist", "red:1", "--style", "Blue one/0.png:1"]);
    paint("alone.png", &["--style", "Blue one/0.png", "--method", "artist"]);
    assert_eq!(quantised(&paint("none.png", &["--artist", "red", "--strength", "0"])), quantised(&photo));

    // Layers: strokes and colours of one over the composition of the other, or of the photograph.
    let fine = paint("fine.png", &["--artist", "red@fine", "--artist", "blue-one@coarse+middle"]);
    assert!((mean(&fine, 0, 70, 0) - mean(&red, 0, 70, 0)).abs() < 0.1, "colours are the finest");
    assert_ne!(quantised(&fine), quantised(&red));
    let composed = paint("composed.png", &["--artist", "red@coarse"]);
    assert!((mean(&composed, 0, 70, 0) - mean(&photo, 0, 70, 0)).abs() < 0.1, "colours stay the photograph's");

    // Regions: the right half by another artist. What was done is said, and does the same again.
    let mut mask = picture(70, 52, 3);
    mask.triples_mut().iter_mut().enumerate().for_each(|(i, p)| *p = [f32::from(u8::from(i % 70 >= 35)); 3]);
    bench.save("mask.png", &mask);
    let halves = paint("halves.png", &["--artist", "red", "--region", "mask.png=artist:blue-one"]);
    assert!((0..52 * 70).all(|i| i % 70 >= 35 || halves.triples()[i] == red.triples()[i]));
    assert!((0..52 * 70).all(|i| i % 70 < 35 || halves.triples()[i] == blue.triples()[i]));
    let json: serde_json::Value =
        serde_json::from_str(&bench.run(&["inspect", "halves.png", "--json"]).ok().stdout).unwrap();
    assert_eq!(json["job"]["regions"][0]["mask"], "mask.png");
    let command = json["command"].as_str().unwrap();
    assert!(command.contains("--region mask.png=artist:blue-one"), "{command}");

    // In tiles as at once, but for roundings.
    let tiles = paint("tiles.png", &["--artist", "red:0.7", "--artist", "blue-one@fine:0.3", "--tile", "64"]);
    let whole = paint("whole.png", &["--artist", "red:0.7", "--artist", "blue-one@fine:0.3"]);
    let apart = tiles.rgb.iter().zip(&whole.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= 2.0 / 255.0, "{apart}");

    let refused = |more: &[&str], words: &[&str]| {
        let args = ["stylize", "photo.png", "--model", model, "-o", "x.png"];
        bench.run(&[&args[..], more].concat()).fails(2, words);
    };
    refused(&["--artist", "rad"], &["there is no artist 'rad'", "did you mean 'red'"]);
    refused(&["--artist", "red@thick"], &["there is no layer 'thick'"]);
    refused(&["--artist", "red", "--region", "mask.png"], &["MASK=STYLE"]);
    refused(&["--artist", "red", "--region", "mask.png=artist:blue-one", "--tile", "64"], &["paints no tiles"]);
    refused(&["--artist", "red", "--feather", "3"], &["--feather softens masks"]);
    let args = ["stylize", "photo.png", "--style", "artist:red", "--method", "gatys", "-o", "x.png"];
    bench.run(&args).fails(2, &["gatys knows no artists"]);
}

#[test]
fn paths_and_triangles_between_styles() {
    let bench = bench();
    let model = model(&bench);
    bench.picture("photo.png", 70, 52, 40);
    let base = ["mix", "styles", "photo.png", "--model", model, "--seed", "1", "--size", "64"];
    let mix = |more: &[&str]| bench.run(&[&base[..], more].concat()).ok();
    let ran = mix(&["--artist", "red", "--artist", "blue-one", "--steps", "3", "--out-dir", "path"]);
    assert!(ran.stderr.contains("path length") && ran.stderr.contains("2 steps"), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 3);
    let reds: Vec<f32> = ran.stdout.lines().map(|path| mean(&bench.open(path), 0, 64, 0)).collect();
    assert!(reds[0] > reds[1] && reds[1] > reds[2], "{reds:?}");
    mix(&[
        "--artist",
        "red",
        "--artist",
        "blue-one",
        "--style",
        "photos/0.png",
        "--steps",
        "3",
        "--grid",
        "-o",
        "t.png",
    ]);
    let triangle = bench.open("t.png");
    assert_eq!((triangle.width, triangle.height), (3 * (64 + 4) + 4, 3 * (48 + 4) + 4));
    // Without a picture a scene is painted.
    let args = ["mix", "styles", "--model", model, "--artist", "red", "--artist", "blue-one", "--steps", "2", "--grid"];
    bench.run(&[&args[..], &["--size", "64", "-o", "scene.png"]].concat()).ok();
    bench.run(&[&args[..], &["-o", "scene.png"]].concat()).fails(2, &["scene.png", "exists"]);
    bench.run(&[&base[..], &["--artist", "red", "-o", "x.png"]].concat()).fails(2, &["at least two styles"]);
}

#[test]
fn artists_can_be_kept_apart() {
    let bench = bench();
    let with = |runs, folders: &[&'static str]| {
        bench.run(&[&train(runs, folders)[..], &["--set", "classification_weight=2"]].concat()).ok()
    };
    let ran = with("apart", &["red", "Blue one"]);
    let values: Vec<f32> = ran.stderr.split("classification ").skip(1).map(|rest| rest[..6].parse().unwrap()).collect();
    // Only paintings of one kind are judged; both artists' come up.
    assert!(!values.is_empty() && values.iter().all(|value| (0.0..5.0).contains(value)), "{ran:?}");
    let ran = with("alone", &["red"]);
    assert!(ran.stderr.contains("classification_weight compares artists"), "{ran:?}");
}

/// Whoever is learnt beside others leaves them as they were.
#[test]
fn hands_alone_can_be_learnt() {
    let bench = bench();
    let arrays = |run: &str| {
        let file = bench.path(&format!("{run}/0000-artist/weights.safetensors"));
        impasto_engine::weights::load(&file).unwrap().1
    };
    bench.run(&train("both", &["red", "Blue one"])).ok();
    let begun = "both/0000-artist/weights.safetensors";
    let more = ["--init", begun, "--set", "hands_only=true", "--set", "rate=0.01"];
    bench.run(&[&train("hands", &["red"])[..], &more].concat()).ok();
    let (before, after) = (arrays("both"), arrays("hands"));
    let network = |arrays: &impasto_engine::weights::Arrays| -> Vec<(String, Vec<f32>)> {
        let own = arrays.iter().filter(|(name, _)| !name.starts_with("artists."));
        own.map(|(name, array)| (name.clone(), array.values.clone())).collect()
    };
    assert!(network(&before) == network(&after), "the network changed");
    assert_ne!(before["artists.red.0.hand"].values, after["artists.red.0.hand"].values);
}

/// What an artist leaves out of contents is learnt with, kept beside the hand, and left out in tiles as at once.
#[test]
fn faint_forms_can_be_left_out() {
    let bench = bench();
    let learn = |runs, simplify: &str| bench.run(&[&train(runs, &["red"])[..], &["--set", simplify]].concat());
    learn("plain", "simplify=0.1").ok();
    learn("none", "simplify=0.5").fails(2, &["simplify.deviation is 0.5, not a number from 0 to 0.25"]);
    bench.picture("photo.png", 300, 200, 40);
    let paint = |name: &str, more: &[&str]| {
        let args = ["stylize", "photo.png", "--artist", "red", "--seed", "1", "-o", name];
        bench.run(&[&args[..], more].concat()).ok();
        bench.open(name)
    };
    let apart = |a: &Picture, b: &Picture| a.rgb.iter().zip(&b.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let model = "plain/0000-artist/weights.safetensors";
    let whole = paint("whole.png", &["--model", model]);
    let tiles = paint("tiles.png", &["--model", model, "--tile", "64"]);
    assert!(apart(&whole, &tiles) <= 2.0 / 255.0, "{}", apart(&whole, &tiles));
    let (header, mut arrays) = impasto_engine::weights::load(&bench.path(model)).unwrap();
    let kept = arrays.remove("artists.red.simplify.deviation").unwrap().values[0];
    assert!((kept - 0.1).abs() < 1e-4, "{kept}");
    impasto_engine::weights::save(&bench.path("all.safetensors"), &header, &arrays, Precision::F32).unwrap();
    let all = paint("all.png", &["--model", "all.safetensors"]);
    assert!(apart(&whole, &all) > 8.0 / 255.0, "nothing was left out");
    // With less strength less is left out, and with none nothing.
    let weak = paint("weak.png", &["--model", model, "--strength", "0.3"]);
    let tiles = paint("weak-tiles.png", &["--model", model, "--strength", "0.3", "--tile", "64"]);
    assert!(apart(&weak, &tiles) <= 2.0 / 255.0, "{}", apart(&weak, &tiles));
    assert_eq!(
        quantised(&paint("zero.png", &["--model", model, "--strength", "0"])),
        quantised(&bench.open("photo.png"))
    );
}

#[test]
fn artists_that_cannot_be_learned_well_are_spoken_of() {
    let bench = bench();
    // One work each; a photograph among paintings.
    bench.save("one/a.png", &picture(72, 80, 30));
    bench.save("two/b.png", &picture(72, 80, 31));
    let ran = bench.run(&train("single", &["one", "two"])).ok();
    assert!(ran.stderr.contains("one: one work is a style, not a hand"), "{ran:?}");
    let model = "single/0000-artist/weights.safetensors";
    bench.picture("photo.png", 40, 40, 40);
    bench.run(&["stylize", "photo.png", "--model", model, "--artist", "two", "-o", "o.png"]).ok();

    bench.save("else/red/c.png", &picture(72, 80, 32));
    bench.run(&train("same", &["red", "else/red"])).fails(2, &["two folders of paintings are called 'red'"]);
    bench.run(&train("none", &["nowhere"])).fails(3, &["nowhere"]);
    // An artist of whom nothing can be used is not left out unsaid.
    bench.picture("miniatures/a.png", 40, 40, 33);
    bench.run(&train("none", &["red", "miniatures"])).fails(3, &["miniatures", "no picture could be used", "40 px"]);
    assert!(!bench.path("none").exists());
}

#[test]
fn presets_are_settings_that_belong_together() {
    let bench = bench();
    let config = |more: &[&str]| {
        let args = ["train", "artist", "--photos", "photos", "--paintings", "red", "--dry-run", "--seed", "1"];
        let small =
            ["--perception", "percept:percept.safetensors", "--set", NETWORK, "--crop", "64", "--set", "short_side=64"];
        bench.run(&[&args[..], &small[..], more].concat()).ok().stdout
    };
    assert!(config(&["--preset", "quick"]).contains("steps = 600"));
    assert!(config(&["--preset", "quick", "--steps", "5"]).contains("steps = 5"));
    assert!(config(&[]).contains("steps = 5000"));
    let judged = config(&["--judge", "percept:percept.safetensors", "--judge", "percept-wide:percept.safetensors"]);
    assert_eq!(judged.matches("[[judges]]").count(), 2, "{judged}");
    let args = ["train", "artist", "--photos", "photos", "--paintings", "red", "--preset", "slow"];
    bench.run(&args).fails(2, &["invalid value 'slow' for '--preset"]);
}

#[test]
fn bundled_artists_are_listed_and_paint() {
    let bench = Bench::new();
    bench.picture("photo.png", 70, 52, 40);
    let listed = bench.run(&["models", "list"]).ok().stdout;
    let names: Vec<&str> = listed
        .lines()
        .filter(|line| line.split_whitespace().nth(1) == Some("artist"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["hokusai", "monet", "tarot", "van-gogh", "van-gogh-early"]);
    let painted = |name: &str| {
        let out = format!("{name}.png");
        bench.run(&["stylize", "photo.png", "--artist", name, "--seed", "1", "-o", &out]).ok();
        quantised(&bench.open(&out))
    };
    let all: Vec<_> = names.iter().map(|name| painted(name)).collect();
    assert!((0..all.len()).all(|i| all[..i].iter().all(|other| *other != all[i])));
    // Bundled styles mix with them: both see styles in the same way.
    let both =
        ["stylize", "photo.png", "--artist", "monet:0.5", "--style", "great-wave:0.5", "--seed", "1", "-o", "both.png"];
    bench.run(&both).ok();
    let both = quantised(&bench.open("both.png"));
    assert!(all.iter().all(|alone| *alone != both));
    // As people write them.
    bench.run(&["stylize", "photo.png", "--artist", "vangogh", "--seed", "1", "-o", "again.png"]).ok();
    assert_eq!(quantised(&bench.open("again.png")), all[3]);
    let ran = bench.run(&["stylize", "photo.png", "--artist", "manet", "-o", "x.png"]);
    ran.fails(2, &["there is no artist 'manet'", "'monet'"]);
}
