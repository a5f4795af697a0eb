//! `impasto eval memorised`.

use crate::bench::Bench;

#[test]
fn a_copy_among_the_samples_is_shown() {
    let bench = Bench::new();
    for seed in 0..4 {
        bench.picture(&format!("real/{seed}.png"), 90, 70, seed);
    }
    let copy = bench.open("real/2.png");
    bench.save("fake/sample.jpg", &copy);
    bench.picture("fake/new.png", 80, 80, 50);
    std::fs::write(bench.path("fake/broken.png"), b"no picture").unwrap();
    let args = ["eval", "memorised", "--real", "real", "--fake", "fake", "--held-out", "real", "--no-cache"];
    let more = ["--network", "percept", "--json", "found.json", "--sheet", "pairs.png"];
    let shown = bench.run(&[&args[..], &more[..]].concat()).ok().stdout;
    for part in ["4 pictures", "left out: fake/broken.png", "1 of 2 samples are copies", "COPY", "like real/2.png"] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(bench.path("found.json")).unwrap()).unwrap();
    assert_eq!(found["copies"]["copies"], 1, "{found}");
    assert_eq!(found["samples"][0]["like"], "real/2.png");
    assert!(bench.open("pairs.png").width > 192);
    bench.run(&[&args[..], &more[..]].concat()).fails(2, &["--overwrite"]);
    bench.run(&["eval", "memorised", "--real", "real", "--fake", "none", "--no-cache"]).fails(3, &["none"]);
}
