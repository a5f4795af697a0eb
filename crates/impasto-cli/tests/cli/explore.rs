//! Exploring generators.

use impasto_image::Limits;

use crate::bench::{Bench, Ran};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.generator("g.safetensors", &["red", "green"]);
    bench
}

/// `explore` with networks from nowhere but the program itself.
fn explore(bench: &Bench, args: &[&str]) -> Ran {
    let mut command = bench.command(&[&["explore"], args].concat());
    Ran::from(command.env_remove("IMPASTO_SHARED").output().unwrap())
}

fn bytes(bench: &Bench, name: &str) -> Vec<u8> {
    std::fs::read(bench.path(name)).unwrap()
}

#[test]
fn walks_are_animations_or_frames() {
    let bench = bench();
    let walk = ["walk", "g.safetensors", "--seeds", "1,5,9", "--steps", "3"];
    explore(&bench, &[&walk[..], &["--loop", "-o", "walk.gif"]].concat()).ok();
    let first = impasto_image::decode(&bytes(&bench, "walk.gif"), &Limits::default()).unwrap();
    assert_eq!((first.width, first.height), (16, 16));
    explore(&bench, &[&walk[..], &["--frames", "f", "--space", "latent"]].concat()).ok();
    let frames: Vec<String> = bench.files().into_iter().filter(|name| name.starts_with("f/")).collect();
    assert_eq!((frames.len(), frames[6].as_str()), (7, "f/frame-6.png"));
    bench.run(&["generate", "g.safetensors", "--seeds", "1"]).ok();
    assert_eq!(bench.open("f/frame-0.png").rgb, bench.open("g-seed0001.png").rgb);
    explore(&bench, &[&walk[..], &["-o", "walk.gif"]].concat()).fails(2, &["already exists"]);
    explore(&bench, &[&walk[..], &["-o", "walk.mp4"]].concat()).fails(2, &[".gif"]);
    explore(&bench, &["walk", "g.safetensors", "--seeds", "1"]).fails(2, &["at least two"]);
}

#[test]
fn variations_are_kept_as_codes() {
    let bench = bench();
    let vary = ["vary", "g.safetensors", "--seed", "7", "--amount", "0.4", "--count", "3"];
    explore(&bench, &[&vary[..], &["--out-dir", "v", "--codes", "--grid"]].concat()).ok();
    let names: Vec<String> = bench.files().into_iter().filter(|name| name.starts_with("v/")).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    let code = "v/g-seed0007-vary01.safetensors";
    bench.run(&["generate", "g.safetensors", "--style-code", code, "-o", "again.png"]).ok();
    assert_eq!(bench.open("again.png").rgb, bench.open("v/g-seed0007-vary01.png").rgb);
    let shown = bench.run(&["inspect", code]).ok().stdout;
    assert!(shown.contains("variation 1 of seed 7"), "{shown}");
    bench.generator("other.safetensors", &[]);
    bench.run(&["generate", "other.safetensors", "--style-code", code]).fails(3, &["another generator"]);
    for amount in ["2", "-1"] {
        let asked = ["vary", "g.safetensors", "--seed", "7", "--amount", amount];
        explore(&bench, &asked).fails(2, &["amount", amount, "from 0 to 1"]);
    }
}

#[test]
fn directions_are_named_saved_and_used() {
    let bench = bench();
    let find =
        ["directions", "g.safetensors", "--method", "closed,ica", "--count", "2", "--samples", "64", "--show", "0,1"];
    let found = explore(&bench, &[&find[..], &["--amounts", "-2,0,2", "--out-dir", "strips"]].concat()).ok();
    for name in ["closed0", "closed1", "ica0", "ica1"] {
        assert!(found.stdout.lines().any(|line| line.starts_with(name) && line.contains("effect")), "{found:?}");
        let strip = bench.open(&format!("strips/g-{name}.png"));
        assert_eq!((strip.width, strip.height), (3 * 18 + 2, 2 * 18 + 2));
    }
    let file = "g-directions.safetensors";
    assert!(bench.run(&["inspect", file]).ok().stdout.contains("closed0"));
    let first = bytes(&bench, file);
    explore(&bench, &[&find[..], &["--no-strips", "-o", "again.safetensors"]].concat()).ok();
    assert_eq!(first, bytes(&bench, "again.safetensors"));

    let make = |output: &str, step: &str| {
        bench.run(&["generate", "g.safetensors", "--seeds", "1", "-o", output, "--move", step]).ok();
        bench.open(output).rgb
    };
    let moved = make("moved.png", "g-directions.safetensors:closed0=2");
    let strip = impasto_image::crop(&bench.open("strips/g-closed0.png"), 2 + 2 * 18, 2 + 18, 16, 16).rgb;
    assert_eq!(moved, strip);
    assert_ne!(moved, make("still.png", "g-directions.safetensors:closed0=0"));
    bench
        .run(&["generate", "g.safetensors", "--move", "g-directions.safetensors:closed9=1"])
        .fails(2, &["closed9", "'closed"]);
}

#[test]
fn photographs_are_looked_for() {
    let bench = bench();
    bench.picture("photo.png", 50, 40, 1);
    let args = ["project", "g.safetensors", "photo.png", "--steps", "12", "--starts", "2", "--preview", "now.png"];
    let ran = explore(&bench, &[&args[..], &["--out-dir", "p"]].concat()).ok();
    assert!(ran.stderr.contains("percept") && ran.stdout.contains("distance"), "{ran:?}");
    for name in ["p/photo-g.png", "p/photo-g-comparison.png", "p/photo-g.safetensors"] {
        assert!(bench.path(name).is_file(), "{name}");
    }
    bench.run(&["generate", "g.safetensors", "--style-code", "p/photo-g.safetensors", "-o", "a.png"]).ok();
    assert_eq!(bench.open("a.png").rgb, bench.open("p/photo-g.png").rgb);
    explore(
        &bench,
        &["walk", "g.safetensors", "--seeds", "1", "--style-code", "p/photo-g.safetensors", "--steps", "2"],
    )
    .ok();
    assert!(bench.path("g-walk.gif").is_file());
    explore(&bench, &[&args[..], &["--networks", "absent"]].concat()).fails(3, &["absent"]);
}

#[test]
fn evolution_goes_on_from_its_folder() {
    let bench = bench();
    let evolve = |args: &[&str]| explore(&bench, &[&["evolve", "g.safetensors", "--session", "s"], args].concat());
    evolve(&["--next"]).fails(2, &["no session yet"]);
    evolve(&["--seed", "3", "--size", "4", "--trunc", "0.9"]).ok();
    evolve(&["--next"]).fails(2, &["--favourites"]);
    evolve(&["--favourites", "9"]).fails(2, &["0 to 3"]);
    assert!(evolve(&["--favourites", "1,2"]).ok().stdout.contains("favourites 1,2"));
    assert!(evolve(&["--next"]).ok().stdout.contains("generation-001.png"));
    evolve(&["--size", "9"]).fails(2, &["other settings"]);
    evolve(&["--save", "5"]).ok();
    bench.run(&["generate", "g.safetensors", "--style-code", "s/individual-0005.safetensors", "-o", "a.png"]).ok();
    assert_eq!(bench.open("a.png").rgb, bench.open("s/individual-0005.png").rgb);
    assert_eq!(bench.files().iter().filter(|name| name.starts_with("s/")).count(), 5);
}

#[test]
fn evolution_has_a_folder_of_its_own_where_none_is_named() {
    let bench = bench();
    let evolve = |args: &[&str]| explore(&bench, &[&["evolve", "g.safetensors"], args].concat());
    evolve(&["--next"]).fails(2, &["g-evolution", "no session yet"]);
    assert!(evolve(&["--seed", "3", "--size", "2"]).ok().stdout.contains("g-evolution/generation-000.png"));
    evolve(&["--favourites", "1", "--next"]).ok();
    assert!(bench.path("g-evolution/generation-001.png").is_file());
}

#[test]
fn structured_codes_stay_on_every_way_and_are_directions() {
    let bench = Bench::new();
    bench.coded_generator("c.safetensors");
    let code = ["--code", "0=2", "--code", "c0=1"];
    let run = |args: &[&str]| explore(&bench, &[args, &code[..]].concat()).ok();
    run(&["vary", "c.safetensors", "--seed", "7", "--amount", "0", "--count", "1", "-o", "v.png"]);
    bench.run(&[&["generate", "c.safetensors", "--seeds", "7", "-o", "g.png"], &code[..]].concat()).ok();
    assert_eq!(bench.open("v.png").rgb, bench.open("g.png").rgb);
    run(&["walk", "c.safetensors", "--seeds", "7,8", "--steps", "2", "--frames", "f", "--space", "latent"]);
    assert_eq!(bench.open("f/frame-0.png").rgb, bench.open("g.png").rgb);
    run(&["evolve", "c.safetensors", "--seed", "1", "--size", "2"]);
    explore(&bench, &["evolve", "c.safetensors", "--code", "0=1"]).fails(2, &["other settings"]);

    let found = explore(&bench, &["directions", "c.safetensors", "--method", "code", "--no-strips"]).ok().stdout;
    for name in ["code-0-0", "code-0-1", "code-0-2", "code-c0"] {
        assert!(found.lines().any(|line| line.starts_with(name)), "{found}");
    }
    bench.run(&["generate", "c.safetensors", "--seeds", "1", "--move", "c-directions.safetensors:code-c0=-2"]).ok();
    bench.generator("g.safetensors", &[]);
    explore(&bench, &["directions", "g.safetensors", "--method", "code"]).fails(2, &["no structured codes"]);
}
