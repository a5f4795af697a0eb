//! Pictures from generators.

use impasto_image::{Limits, Picture};
use serde_json::Value;

use crate::bench::{Bench, Ran, golden};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.generator("g.safetensors", &["red", "green"]);
    bench
}

fn json(bench: &Bench, name: &str) -> Value {
    serde_json::from_str(&bench.run(&["inspect", name, "--json"]).ok().stdout).unwrap()
}

#[test]
fn seeds_give_files_and_always_the_same() {
    let bench = bench();
    let make = |folder: &str| {
        let ran = bench.run(&["generate", "g.safetensors", "--seeds", "0-15", "--out-dir", folder]).ok();
        assert_eq!(ran.stdout.lines().count(), 16);
    };
    make("a");
    make("b");
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for seed in 0..16 {
        let read = |folder: &str| std::fs::read(bench.path(&format!("{folder}/g-seed{seed:04}.png"))).unwrap();
        let bytes = read("a");
        assert_eq!(bytes, read("b"), "seed {seed}");
        let picture = impasto_image::decode(&bytes, &Limits::default()).unwrap();
        assert_eq!((picture.width, picture.height), (16, 16));
        assert!(seen.iter().all(|other| *other != bytes), "seed {seed} is like another");
        seen.push(bytes);
    }
    assert_eq!(bench.files().len(), 33);
    let again = ["generate", "g.safetensors", "--seeds", "3", "--out-dir", "a"];
    bench.run(&again).fails(2, &["g-seed0003.png already exists", "--overwrite"]);
    bench.run(&[&again[..], &["--overwrite"]].concat()).ok();
    // Whatever the number of threads.
    for threads in ["1", "3"] {
        let mut command = bench.command(&["generate", "g.safetensors", "--seeds", "0-15", "--out-dir", threads]);
        Ran::from(command.env("RAYON_NUM_THREADS", threads).output().unwrap()).ok();
        assert_eq!(std::fs::read(bench.path(&format!("{threads}/g-seed0009.png"))).unwrap(), seen[9]);
    }
}

/// The golden sheets were looked at.
#[test]
fn bundled_generators_are_listed_and_paint_the_golden_sheets() {
    let bench = Bench::new();
    let listed = bench.run(&["models", "list"]).ok().stdout;
    let kind = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    let generators: Vec<String> =
        listed.lines().map(kind).filter(|words| words[1] == "generator").map(|words| words[0].clone()).collect();
    assert!(generators.contains(&"garments".to_owned()), "{listed}");
    for name in &generators {
        let sheet = format!("{name}.png");
        let ran = bench.run(&["generate", name, "--seeds", "0-15", "--out-dir", name]).ok();
        assert_eq!(ran.stdout.lines().count(), 16, "{ran:?}");
        bench.run(&["generate", name, "--seeds", "0-15", "--grid", "-o", &sheet]).ok();
        golden(&bench.open(&sheet), &format!("generator-{name}"));
    }
}

#[test]
fn pictures_say_how_they_were_made() {
    let bench = bench();
    let args = ["--trunc", "0.7", "--class", "red:3", "--class", "1", "--noise", "const", "--mirror", "--hue", "40"];
    bench.run(&[&["generate", "g.safetensors", "--seeds", "12", "-o", "a.png"], &args[..]].concat()).ok();
    let made = json(&bench, "a.png");
    assert_eq!((&made["seed"], &made["classes"]["red"]), (&12.into(), &0.75.into()));
    assert_eq!(made["model"]["algorithm"], "dcgan");
    assert!(!made.to_string().contains(&*bench.path("").to_string_lossy()), "a path of this machine is in the file");
    let command = made["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    bench.run(&[&words[..], &["-o", "b.png"]].concat()).ok();
    let read = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(read("a.png"), read("b.png"));
    bench.run(&["generate", "g.safetensors", "--seeds", "12", "-o", "plain.png", "--no-metadata"]).ok();
    assert_eq!(json(&bench, "plain.png"), Value::Null);
    // Without seeds, the seed of every command.
    bench.run(&["generate", "g.safetensors", "--seed", "12", "--no-metadata"]).ok();
    assert_eq!(read("g-seed0012.png"), read("plain.png"));
    bench.run(&["generate", "g.safetensors", "--seeds", "5,6", "--name", "{model}_{seed}.jpg"]).ok();
    assert!(bench.path("g_seed0005.jpg").is_file() && bench.path("g_seed0006.jpg").is_file());
}

#[test]
fn sheets_and_patterns() {
    let bench = bench();
    let size = |picture: Picture| (picture.width, picture.height);
    bench.run(&["generate", "g.safetensors", "--seeds", "0-4", "--grid"]).ok();
    assert_eq!(bench.files(), ["g-grid.png", "g.safetensors"], "only the sheet");
    assert_eq!(size(bench.open("g-grid.png")), (3 * 18 + 2, 2 * 18 + 2));
    bench.run(&["generate", "g.safetensors", "--seeds", "0-4", "--grid", "5x1", "--out-dir", "d"]).ok();
    assert_eq!(size(bench.open("d/g-grid.png")), (5 * 18 + 2, 20));
    assert!(bench.path("d/g-seed0004.png").is_file());
    bench.run(&["generate", "g.safetensors", "--seeds", "0-4", "--grid", "2x2"]).fails(2, &["5 pictures"]);

    bench.run(&["generate", "g.safetensors", "--seeds", "3", "--tile", "-o", "t.png"]).ok();
    bench.run(&["generate", "g.safetensors", "--seeds", "3", "--tile", "--tile-preview", "2", "-o", "p.png"]).ok();
    let (tile, preview) = (bench.open("t.png"), bench.open("p.png"));
    assert_eq!(size(preview.clone()), (32, 32));
    assert_eq!(impasto_image::crop(&preview, 16, 16, 16, 16).rgb, tile.rgb);
    // What sharpening looks at beyond a tile's border is its other side.
    let sharpened = ["generate", "g.safetensors", "--seeds", "3", "--tile", "--sharpen", "0.5", "-o"];
    bench.run(&[&sharpened[..], &["ts.png"]].concat()).ok();
    bench.run(&[&sharpened[..], &["ps.png", "--tile-preview", "3"]].concat()).ok();
    assert_eq!(impasto_image::crop(&bench.open("ps.png"), 16, 16, 16, 16).rgb, bench.open("ts.png").rgb);
    bench.run(&["generate", "g.safetensors", "--seeds", "3", "-o", "n.png"]).ok();
    assert_ne!(bench.open("n.png").rgb, tile.rgb);
}

#[test]
fn wrong_usage_says_what_to_do() {
    let bench = bench();
    bench.generator("plain.safetensors", &[]);
    bench.model("f.safetensors", "fusion");
    for (args, code, parts) in [
        (&["generate", "nothing"][..], 2, &["no generator 'nothing'", "models list"][..]),
        (&["generate", "nothing.safetensors"], 3, &["nothing.safetensors"]),
        (&["generate", "f.safetensors"], 3, &["'fusion', which is no generator"]),
        (&["generate", "g.safetensors", "--class", "gren"], 2, &["'green'"]),
        (&["generate", "plain.safetensors", "--class", "red"], 2, &["no classes"]),
        (&["generate", "g.safetensors", "--seeds", "0,1", "-o", "x.png"], 2, &["2 results"]),
        (&["generate", "g.safetensors", "--trunc", "9"], 2, &["trunc"]),
        (&["mix", "g.safetensors", "--rows", "1", "--cols", "2", "--layers", "0"], 2, &["one style", "explore walk"]),
    ] {
        bench.run(args).fails(code, parts);
    }
    assert_eq!(bench.run(&["generate", "g.safetensors", "--seeds", "4-1"]).code, 2);
    assert_eq!(bench.files(), ["f.safetensors", "g.safetensors", "plain.safetensors"], "nothing was written");
}

#[test]
fn structured_codes_are_set_and_said() {
    let bench = Bench::new();
    bench.coded_generator("c.safetensors");
    bench.generator("plain.safetensors", &[]);
    let make = |output: &str, codes: &[&str]| {
        bench.run(&[&["generate", "c.safetensors", "--seeds", "3", "-o", output], codes].concat()).ok();
        bench.open(output).rgb
    };
    let pictures = [
        make("0.png", &["--code", "0=0"]),
        make("1.png", &["--code", "0=1"]),
        make("c.png", &["--code", "0=1", "--code", "c0=-1.5"]),
    ];
    assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2]);
    let made = json(&bench, "c.png");
    assert_eq!(made["generation"]["codes"], serde_json::json!(["0=1", "c0=-1.5"]));
    let command = made["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    bench.run(&[&words[..], &["-o", "again.png"]].concat()).ok();
    assert_eq!(bench.open("again.png").rgb, pictures[2]);
    for (code, part) in [("0=3", "0 to 2"), ("1=0", "0 (3 categories) and c0"), ("c0=9", "from -4 to 4"), ("0", "0=2")]
    {
        let ran = bench.run(&["generate", "c.safetensors", "--seeds", "3", "--code", code]);
        assert!(ran.code == 2 && ran.stderr.contains(part), "{ran:?}");
    }
    bench.run(&["generate", "plain.safetensors", "--seeds", "3", "--code", "0=1"]).fails(2, &["no structured codes"]);
}

#[test]
fn a_generators_picture_can_be_a_style() {
    let bench = bench();
    bench.model("model.safetensors", "fusion");
    bench.picture("photo.png", 70, 50, 1);
    let paint = |style: &str, output: &str| {
        let args =
            ["stylize", "photo.png", "--model", "model.safetensors", "--seed", "7", "--style", style, "-o", output];
        bench.run(&args).ok()
    };
    bench.run(&["generate", "g.safetensors", "--seeds", "12", "--class", "green", "--depth", "16", "-o", "s.png"]).ok();
    paint("gen:g.safetensors:seed=12,class=green", "a.png");
    paint("s.png", "b.png");
    let (a, b) = (bench.open("a.png"), bench.open("b.png"));
    let apart = a.rgb.iter().zip(&b.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 0.02, "painted with the picture in a file: {apart}");
    let made = json(&bench, "a.png");
    assert_eq!(made["styles"][0]["name"], "gen:g.safetensors:seed=12,class=green");
    paint("gen:g.safetensors:seed=13,class=green", "c.png");
    assert_ne!(bench.open("c.png").rgb, a.rgb);
    // Without a seed one is drawn, by the command's, and said in the file.
    paint("gen:g.safetensors:class=green", "d.png");
    let name = json(&bench, "d.png")["styles"][0]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("gen:g.safetensors:seed=") && name.ends_with(",class=green"), "{name}");
    paint(&name, "e.png");
    assert_eq!(bench.open("e.png").rgb, bench.open("d.png").rgb);

    // A style file that is made of it paints nearly the same: its numbers have 16 bits.
    for (from, title, picture) in [
        ("gen:g.safetensors:seed=12,class=green", "mine", "a.png"),
        ("gen:g.safetensors:class=green", "drawn", "d.png"),
    ] {
        let made =
            bench.run(&["styles", "make", title, "--from", from, "--model", "model.safetensors", "--seed", "7"]).ok();
        let source = json(&bench, picture)["styles"][0]["name"].as_str().unwrap().to_owned();
        assert!(made.stderr.contains(&source) || title == "mine", "a seed that is drawn is said: {made:?}");
        let file = format!("{title}.safetensors");
        assert!(bench.run(&["inspect", &file]).ok().stdout.contains(&source));
        paint(&file, "code.png");
        let (code, picture) = (bench.open("code.png"), bench.open(picture));
        let apart = code.rgb.iter().zip(&picture.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.05, "{title}: {apart}");
        std::fs::remove_file(bench.path("code.png")).unwrap();
    }
    for from in ["mine.safetensors", "great-wave", "gen:g.safetensors:seed=1:0.5"] {
        let ran = bench.run(&["styles", "make", "other", "--from", from, "--model", "model.safetensors"]);
        assert!(ran.code == 2 && ran.stderr.contains("--from"), "{from}: {ran:?}");
    }
    assert!(!bench.path("other.safetensors").exists());
}

#[test]
fn a_generator_is_judged_by_its_samples() {
    let bench = bench();
    for class in ["red", "green"] {
        (0..4).for_each(|seed| {
            bench.picture(&format!("real/{class}/{seed}.png"), 40, 40, seed);
        });
    }
    let judge = |args: &[&str]| {
        let all =
            [&["eval", "generator", "--real", "real", "--no-cache", "--json", "--networks", "real"], args].concat();
        Ran::from(bench.command(&all).env_remove("IMPASTO_SHARED").output().unwrap())
    };
    let ran = judge(&["--model", "g.safetensors", "--samples", "8", "--classes", "--keep", "made"]).ok();
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let labels: Vec<&str> = rows.iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert_eq!(labels[..3], ["g", "g: green", "g: red"], "{labels:?}");
    assert!(rows[0]["figures"]["ppl-percept"]["value"].as_f64().unwrap() > 0.0);
    assert!(rows[0]["figures"]["diversity-percept"]["value"].as_f64().unwrap() > 0.0);
    assert!(bench.path("made/g/green/seed000007.png").is_file());
    assert_eq!(judge(&["--model", "g.safetensors"]).code, 2, "how many samples?");
}
