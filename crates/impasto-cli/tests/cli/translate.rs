//! Translation: training by every method, exact resume, what was learnt applied to pictures, refusals.

use impasto_image::{EncodeOptions, Limits, Picture};

use crate::bench::{Bench, Ran, picture, quantised};
use crate::train::{result, until_a_checkpoint};

const NETWORK: &str = "network={width = 4, blocks = 1, halvings = 2}";

/// Pictures of two kinds, apart, in pairs and side by side.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..3 {
        let a = bench.picture(&format!("a/{seed}.png"), 40, 36, seed);
        let b = bench.picture(&format!("b/{seed}.png"), 40, 36, 10 + seed);
        let row = |p: &Picture, y: usize| p.rgb[y * 120..(y + 1) * 120].to_vec();
        let both = (0..36).flat_map(|y| [row(&a, y), row(&b, y)].concat()).collect();
        bench.save(&format!("both/{seed}.png"), &Picture::from_rgb(80, 36, both).unwrap());
    }
    bench
}

/// `train translate` with tiny settings into `runs`.
fn args<'a>(method: &'a str, runs: &'a str, steps: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let settings = ["--batch", "2", "--crop", "32", "--seed", "3", "--set", NETWORK, "--set", "discriminator.width=4"];
    let times = ["--checkpoint-every", "5", "--log-every", "1", "--steps", steps, "--run-dir", runs];
    [&["train", "translate", "--method", method], &settings[..], &times[..], more].concat()
}

const APART: [&str; 4] = ["--a", "a", "--b", "b"];

#[test]
fn every_method_trains_and_what_it_learnt_translates() {
    let bench = bench();
    let photo = bench.picture("in/photo.png", 33, 50, 5);
    bench.picture("in/deep/other.png", 64, 20, 6);
    for (method, algorithm, data) in [
        ("cut", "cut", &APART[..]),
        ("fastcut", "cut", &APART),
        ("single", "cut", &["--a", "a/0.png", "--b", "b/0.png"]),
        ("cyclegan", "cyclegan", &APART),
        ("pix2pix", "pix2pix", &APART),
        ("pix2pix", "pix2pix", &["--pairs", "both"]),
    ] {
        let ran = bench.run(&args(method, method, "3", data)).ok();
        let run = ran.stdout.trim().strip_suffix("/weights.safetensors").unwrap().to_owned();
        assert!(run.starts_with(&format!("{method}/")) && run.ends_with(algorithm), "{ran:?}");
        let readme = std::fs::read_to_string(bench.path(&run).join("README.md")).unwrap();
        assert!(readme.contains("impasto translate"), "{readme}");
        let out = format!("out-{}", run.replace('/', "-"));
        bench.run(&["translate", &run, "in/", "--out-dir", &out]).ok();
        let label = run.rsplit('/').next().unwrap();
        let translated = bench.open(&format!("{out}/photo-{label}.png"));
        assert_eq!((translated.width, translated.height), (33, 50));
        assert_ne!(quantised(&translated), quantised(&photo));
        assert!(bench.path(&format!("{out}/other-{label}.png")).is_file());
    }
    let config = std::fs::read_to_string(bench.path("fastcut/0000-cut/config.toml")).unwrap();
    for part in ["nce = 10.0", "nce_identity = false", "flip = true"] {
        assert!(config.contains(part), "no '{part}' in {config}");
    }
    // What the folders hold and what is side by side is the same.
    let weights =
        ["0000", "0001"].map(|n| std::fs::read(bench.path(&format!("pix2pix/{n}-pix2pix/weights.safetensors"))));
    let tensors = weights.map(|bytes| {
        let bytes = bytes.unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    });
    assert!(tensors[0] == tensors[1]);
}

#[test]
fn a_killed_run_resumes_bit_for_bit() {
    let bench = bench();
    let more = [&APART[..], &["--set", "pool=3"]].concat();
    bench.run(&args("cyclegan", "whole", "20", &more)).ok();
    let mut child = until_a_checkpoint(&bench, &args("cyclegan", "killed", "20", &more), "killed/0000-cyclegan");
    child.kill().unwrap();
    child.wait().unwrap();
    Ran::from(bench.plain(&["train", "--resume", "killed/0000-cyclegan"]).output().unwrap()).ok();
    let [whole, killed] = ["whole", "killed"].map(|runs| result(&bench.path(runs).join("0000-cyclegan"), 20));
    assert!(whole == killed, "a resumed run differs");
    let sheet =
        impasto_image::open(&bench.path("whole/0000-cyclegan/samples/step-00000020.png"), &Limits::default()).unwrap();
    // Five rows of a picture of each kind with its translation.
    assert_eq!((sheet.width, sheet.height), (4 * 36 + 4, 5 * 36 + 4));
}

#[test]
fn translations_are_painted_like_everything_else() {
    let bench = bench();
    bench.model("model.safetensors", "cyclegan");
    let mut photo = picture(50, 40, 1);
    photo.alpha = Some((0..2000).map(|i| (i % 50) as f32 / 49.0).collect());
    bench.save("photo.png", &photo);
    let photo = bench.open("photo.png");
    let run = |more: &[&str]| {
        bench
            .run(&[&["translate", "model.safetensors", "photo.png", "-o", "out.png", "--overwrite"], more].concat())
            .ok();
        bench.open("out.png")
    };
    let whole = run(&[]);
    assert_eq!((whole.width, whole.height, &whole.alpha), (50, 40, &photo.alpha));
    assert_eq!(quantised(&run(&["--strength", "0"])), quantised(&photo));
    let distance = |p: &Picture| p.rgb.iter().zip(&photo.rgb).map(|(a, b)| (a - b).abs()).sum::<f32>();
    assert!(distance(&run(&["--strength", "0.3"])) < 0.5 * distance(&whole));
    let back = run(&["--direction", "b-to-a"]);
    assert_ne!(quantised(&back), quantised(&whole));
    assert_eq!(run(&["--size", "25"]).height, 20);
    let dark = Picture::filled(50, 40, [0.0; 3]).unwrap();
    bench.save("mask.png", &dark);
    assert_eq!(quantised(&run(&["--mask", "mask.png"])), quantised(&photo));
    run(&["--preserve-color", "luma", "--hue", "10", "--depth", "16", "--direction", "b-to-a"]);
    let said = bench.run(&["inspect", "out.png"]).ok().stdout;
    for part in ["impasto translate model.safetensors photo.png", "--direction b-to-a", "--hue 10"] {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
    assert!(!said.contains("--method") && !said.contains("--style"), "{said}");
    // A whole picture as JPEG, from standard input.
    let jpeg = impasto_image::encode(&picture(64, 64, 2), &EncodeOptions::new(impasto_image::Format::Jpeg)).unwrap();
    std::fs::write(bench.path("in.jpg"), jpeg).unwrap();
    bench.run(&["translate", "model.safetensors", "in.jpg", "--dry-run"]).ok();
}

#[test]
fn refusals_say_what_to_do() {
    let bench = bench();
    let train = |method: &str, more: &[&str]| bench.run(&args(method, "runs", "2", more));
    train("cut", &["--a", "a"]).fails(2, &["--b", "translations"]);
    train("cat", &APART).fails(2, &["'cut'"]);
    train("cut", &["--pairs", "both"]).fails(2, &["--method pix2pix"]);
    train("pix2pix", &["--pairs", "both", "--a", "a"]).fails(2, &["--pairs or --a"]);
    train("pix2pix", &["--a", "a"]).fails(2, &["--b"]);
    train("cut", &["--a", "a", "--b", "nowhere"]).fails(3, &["nowhere"]);
    train("cut", &[&APART[..], &["--set", "terms.ncee=1"]].concat()).fails(2, &["'terms.nce'"]);
    train("cut", &[&APART[..], &["--set", "terms.nce=-1"]].concat()).fails(2, &["nce is -1"]);
    train("cut", &[&APART[..], &["--set", "network.halvings=9"]].concat()).fails(2, &["halvings is 9"]);
    train("cut", &[&APART[..], &["--set", "discriminator.scales=3"]].concat()).fails(2, &["leave it no patch"]);
    bench.picture("c/0.png", 40, 36, 1);
    bench.picture("c/7.png", 40, 36, 1);
    train("pix2pix", &["--a", "a", "--b", "c"]).fails(3, &["1.png", "no partner", "a holds 3 pictures, b 2"]);
    bench.picture("small/0.png", 20, 20, 1);
    train("cut", &["--a", "a", "--b", "small"]).fails(3, &["small", "20 px", "32 px"]);
    // No subcommands of their own.
    assert_ne!(bench.run(&["train", "cut", "--a", "a", "--b", "b"]).code, 0);
    assert!(!bench.path("runs").exists());

    bench.picture("photo.png", 40, 40, 1);
    let translate = |model: &str, more: &[&str]| bench.run(&[&["translate", model, "photo.png"], more].concat());
    bench.model("cut.safetensors", "cut");
    bench.model("fusion.safetensors", "fusion");
    bench.generator("made.safetensors", &[]);
    translate("fusion.safetensors", &[]).fails(3, &["'fusion'", "impasto stylize --model"]);
    translate("made.safetensors", &[]).fails(3, &["'dcgan'", "impasto generate"]);
    translate("nothing.safetensors", &[]).fails(3, &["nothing.safetensors"]);
    translate("a", &[]).fails(3, &["no weights in this folder"]);
    translate("photo.png", &[]).fails(3, &["photo.png", "safetensors"]);
    translate("cut.safetensors", &["--direction", "b-to-a"]).fails(3, &["from a to b only"]);
    bench.model("pix2pix.safetensors", "pix2pix");
    translate("pix2pix.safetensors", &["--tile", "64"]).fails(2, &["paints no tiles"]);
    let stylize = ["stylize", "photo.png", "--style", "a/0.png", "--method", "cut", "--model", "cut.safetensors"];
    bench.run(&stylize).fails(2, &["cut takes no style", "impasto translate"]);
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.run(&["translate", "cut.safetensors", "empty"]).fails(3, &["empty", "holds no pictures"]);
}
