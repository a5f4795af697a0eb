//! Whose hand: `inspect --against`, its maps, and those of a discriminator.

use crate::bench::{Bench, picture};

/// Two folders of pictures, pale and strong, and one more strong one.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..6 {
        bench.picture(&format!("strong/{seed}.png"), 72, 70, seed);
        bench.save(&format!("pale/{seed}.png"), &pale(20 + seed));
    }
    bench.picture("new.png", 80, 64, 99);
    bench.percept("percept.safetensors");
    bench
}

fn pale(seed: u32) -> impasto_image::Picture {
    let mut pale = picture(72, 70, seed);
    pale.rgb.iter_mut().for_each(|v| *v = 0.6 + 0.1 * *v);
    pale
}

const AGAINST: [&str; 7] =
    ["--against", "strong", "--against", "pale", "--perception", "percept:percept.safetensors", "--no-cache"];

#[test]
fn a_hand_is_named_with_how_sure_that_is() {
    let bench = bench();
    std::fs::write(bench.path("pale/broken.png"), b"no picture").unwrap();
    let shown = bench.run(&[&["inspect", "new.png"], &AGAINST[..]].concat()).ok().stdout;
    for part in ["strong", "6 pictures", "left out: pale/broken.png", "told apart", "always the largest 50.0 %"] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    let after = shown.split("new.png:").nth(1).unwrap();
    assert!(after.trim_start().starts_with("strong"), "{shown}");
    assert!(after.contains("suppose that it is by one of these hands"), "{shown}");
    let one = [
        "inspect",
        "new.png",
        "--against",
        "pale",
        "--perception",
        "percept:percept.safetensors",
        "--cache-dir",
        "kept",
    ];
    let alone = bench.run(&one).ok().stdout;
    assert!(!alone.contains("probabilit") && bench.path("kept").is_dir(), "{alone}");
    let json = bench.run(&[&["inspect", "strong/3.png", "--json"], &AGAINST[..]].concat()).ok().stdout;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["attribution"]["left_out"], serde_json::json!(["strong/3.png"]), "{found}");
    assert_eq!(found["attribution"]["likenesses"][0]["corpus"], "strong");
    assert_eq!(found["attribution"]["reliability"]["accuracy"], 1.0, "{found}");
}

#[test]
fn maps_have_the_size_of_the_picture() {
    let bench = bench();
    let map = ["inspect", "new.png", "--saliency", "map.png"];
    bench.run(&[&map[..], &AGAINST[..]].concat()).ok();
    let found = bench.open("map.png");
    assert_eq!((found.width, found.height), (80, 64));
    let tinted = found.triples().iter().filter(|[r, _, b]| (r - b).abs() > 0.1).count();
    assert!(tinted > 200, "{tinted}");
    bench.run(&[&map[..], &AGAINST[..]].concat()).fails(2, &["map.png", "--overwrite"]);
    bench.run(&[&map[..], &["--overwrite", "--towards", "pale"], &AGAINST[..]].concat()).ok();
    assert_ne!(bench.open("map.png").rgb, found.rgb);
    bench.run(&[&map[..], &["--overwrite", "--towards", "nobody"], &AGAINST[..]].concat()).fails(2, &["strong, pale"]);
    bench.run(&["inspect", "new.png", "--saliency", "other.png"]).fails(2, &["--against"]);
    bench.run(&["inspect", "new.png", "--against", "nowhere", "--no-cache"]).fails(3, &["nowhere"]);
    let twice = ["inspect", "new.png", "--against", "strong", "--against", "./strong", "--no-cache"];
    bench.run(&twice).fails(2, &["given twice"]);
}

#[test]
fn a_discriminator_shows_what_it_reacts_to() {
    let bench = bench();
    let network = "network={widths = [4, 4, 6, 8], style_width = 8, attention_width = 4, blocks = 1, paint_kernel = 3}";
    let data = ["--content", "strong", "--styles", "pale", "--perception", "percept:percept.safetensors"];
    let settings = ["--batch", "2", "--crop", "64", "--steps", "2", "--set", network, "--set", "short_side=64"];
    bench.run(&[&["train", "fusion", "--run-dir", "runs"], &data[..], &settings[..]].concat()).ok();
    let map = ["inspect", "new.png", "--saliency", "map.png", "--discriminator"];
    bench.run(&[&map[..], &["runs/0000-fusion"]].concat()).ok();
    assert_eq!(bench.open("map.png").width, 80);
    bench.run(&[&map[..], &["strong", "--overwrite"]].concat()).fails(3, &["strong", "run folder"]);
}

/// The discriminators of generators, with the size and the classes of their runs.
#[test]
fn discriminators_of_generators_show_what_they_react_to() {
    let bench = Bench::new();
    for seed in 0..4 {
        bench.picture(&format!("pictures/light/{seed}.png"), 20, 16, seed);
        bench.save(&format!("pictures/dark/{seed}.png"), &pale(10 + seed));
    }
    bench.picture("new.png", 80, 64, 99);
    let network = "network={latent = 6, width = 4, most = 8, discriminator_width = 4, discriminator_most = 8}";
    let train = |runs: &str, more: &[&str]| {
        let data =
            ["train", "gan", "--data", "pictures", "--cfg", "dcgan", "--res", "16", "--no-cache", "--batch", "4"];
        let rest = ["--seed", "3", "--set", network, "--steps", "2", "--run-dir", runs];
        bench.run(&[&data[..], &rest, more].concat()).ok();
    };
    train("plain", &[]);
    train("classed", &["--classes", "from-folders"]);
    let map = |run: &str, file: &str, more: &[&str]| {
        let args = ["inspect", "new.png", "--saliency", file, "--discriminator", run];
        bench.run(&[&args[..], more].concat())
    };
    map("plain/0000-dcgan", "plain.png", &[]).ok();
    // The square middle of the picture, at its own size.
    assert_eq!((bench.open("plain.png").width, bench.open("plain.png").height), (64, 64));
    let chosen = map("classed/0000-dcgan", "chosen.png", &[]).ok();
    assert!(chosen.stderr.contains("judged as one of '"), "{chosen:?}");
    map("classed/0000-dcgan", "dark.png", &["--towards", "dark"]).ok();
    map("classed/0000-dcgan", "light.png", &["--towards", "light"]).ok();
    assert_ne!(bench.open("dark.png").rgb, bench.open("light.png").rgb);
    map("classed/0000-dcgan", "no.png", &["--towards", "drak"]).fails(2, &["'dark'"]);
    map("plain/0000-dcgan", "no.png", &["--towards", "dark"]).fails(2, &["no class 'dark'"]);
}
