//! `impasto eval memorised`.

use impasto_image::{Picture, resize};

use crate::bench::{Bench, noise};

/// Soft patches of colour, other ones for every seed: pictures that nobody takes for each other.
fn patches(seed: u32) -> Picture {
    let values = noise(3 * 6 * 5, seed).collect();
    resize(&Picture::from_rgb(6, 5, values).unwrap(), 90, 75)
}

#[test]
fn a_copy_among_the_samples_is_shown() {
    let bench = Bench::new();
    for seed in 0..4 {
        bench.save(&format!("real/{seed}.png"), &patches(seed));
    }
    let copy = bench.open("real/2.png");
    bench.save("fake/sample.jpg", &copy);
    bench.save("fake/new.png", &patches(50));
    std::fs::write(bench.path("fake/broken.png"), b"no picture").unwrap();
    let args = ["eval", "memorised", "--real", "real", "--fake", "fake", "--held-out", "real", "--no-cache"];
    let more =
        ["--network", "percept", "-o", "found.json", "-o", "found.html", "--sheet", "pairs.png", "--csv", "all.csv"];
    let ran = bench.run(&[&args[..], &more[..]].concat()).ok();
    assert!(ran.stdout.contains("1 of 2 samples copy") && ran.stdout.contains("broken.png"), "{ran:?}");
    assert!(ran.stderr.contains("fake/sample.jpg copies real/2.png"), "{ran:?}");
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(bench.path("found.json")).unwrap()).unwrap();
    assert_eq!(found["rows"][0]["figures"]["copies"]["value"], 50.0, "{found}");
    let samples = found["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2, "every sample is told: {found}");
    assert_eq!((&samples[0]["file"], &samples[0]["nearest"]), (&"sample.jpg".into(), &"2.png".into()));
    assert_eq!((&samples[0]["copy"], &samples[1]["copy"]), (&true.into(), &false.into()));
    let seen = samples[0]["networks"].as_object().unwrap();
    assert!(seen.values().all(|near| near["file"] == "2.png") && !seen.is_empty(), "{seen:?}");
    let table = std::fs::read_to_string(bench.path("all.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("file,nearest,distance,copy,mirrored,left,"), "{table}");
    assert!(lines[1].starts_with("sample.jpg,2.png,") && lines[0].contains("nearest-percept"), "{table}");
    assert_eq!(found["rows"][0]["pictures_blake3"].as_str().unwrap().len(), 64);
    assert!(std::fs::read_to_string(bench.path("found.html")).unwrap().contains("a copy: distance"));
    assert!(bench.open("pairs.png").width > 192);
    bench.run(&[&args[..], &more[..]].concat()).fails(2, &["--overwrite"]);
    let twice = ["-o", "one.json", "--csv", "one.json", "--overwrite"];
    bench.run(&[&args[..], &twice[..]].concat()).fails(2, &["two results", "one.json"]);
    bench.run(&["eval", "memorised", "--real", "real", "--fake", "none", "--no-cache"]).fails(3, &["none"]);
}
