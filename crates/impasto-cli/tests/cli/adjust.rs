//! Adjusting.

use impasto_image::Depth;

use crate::bench::{Bench, picture};

#[test]
fn neutral_adjustments_keep_every_pixel() {
    let bench = Bench::new();
    let mut deep = picture(31, 17, 1);
    deep.source.depth = Depth::U16;
    bench.save("a.png", &deep);
    let before = bench.open("a.png");
    bench.run(&["adjust", "a.png", "--brightness", "0", "-o", "a.png", "--overwrite"]).ok();
    let after = bench.open("a.png");
    assert_eq!((after.rgb, after.source.depth), (before.rgb, before.source.depth));
}

#[test]
fn adjustments_change_what_they_say() {
    let bench = Bench::new();
    bench.picture("a.png", 20, 20, 1);
    let mean = |name: &str| bench.open(name).rgb.iter().sum::<f32>();
    let args =
        ["--brightness", "-0.1", "--contrast", "1.1", "--saturation", "0.9", "--hue", "5", "--temperature", "0.05"];
    let ran = bench.run(&[&["adjust", "a.png", "--sharpen", "0.3"], &args[..]].concat()).ok();
    assert_eq!(ran.stdout, "a-adjusted.png\n");
    assert!(mean("a-adjusted.png") < mean("a.png"));
    let json = bench.run(&["inspect", "a-adjusted.png", "--json"]).ok().stdout;
    assert!(json.contains("--brightness -0.1") && json.contains("--sharpen 0.3"), "{json}");

    // What made the first picture stays known after a second step.
    bench.run(&["adjust", "a-adjusted.png", "--gamma", "1.5", "-o", "b.jpg", "--quality", "80"]).ok();
    let json: serde_json::Value =
        serde_json::from_str(&bench.run(&["inspect", "b.jpg", "--json"]).ok().stdout).unwrap();
    assert!(json["made_from"]["command"].as_str().unwrap().contains("--brightness -0.1"), "{json}");
    for (option, value) in [("gamma", "0"), ("sharpen", "-6"), ("grain", "-1"), ("contrast", "-1")] {
        let flag = format!("--{option}");
        bench.run(&["adjust", "a.png", &flag, value, "-o", "c.png"]).fails(2, &[option, value, "it must be from"]);
    }
    bench.run(&["adjust", "none.png", "-o", "c.png"]).fails(3, &["none.png"]);
    assert!(!bench.path("c.png").exists());
}

/// A picture that may not be held in memory is worked on by rows, with the same result.
#[test]
fn by_rows_is_the_same() {
    let bench = Bench::new();
    let mut deep = picture(97, 61, 3);
    deep.source.depth = Depth::U16;
    deep.alpha = Some((0..97 * 61).map(|i| (i % 7) as f32 / 6.0).collect());
    bench.save("a.png", &deep);
    bench.picture("b.tif", 64, 48, 2);
    for (input, output, sharpen) in
        [("a.png", "png", "0.7"), ("a.png", "tif", "-3"), ("b.tif", "png", "-0.4"), ("b.tif", "impraw", "2")]
    {
        let grain = ["--grain", "0.1", "--grain-seed", "4000000000"];
        let adjust = [&["--contrast", "1.3", "--saturation", "0.8", "--sharpen", sharpen][..], &grain[..]].concat();
        let (whole, rows) = (format!("whole.{output}"), format!("rows.{output}"));
        let run = |name: &str, more: &[&str]| {
            let args = [&["adjust", input, "--overwrite", "-o", name], &adjust[..], more].concat();
            bench.run(&args).ok();
            bench.run(&["inspect", "--json", name]).ok().stdout
        };
        let (first, second) = (run(&whole, &[]), run(&rows, &["--max-memory", "1K"]));
        assert_eq!(first, second, "{input} to {output}");
        assert_eq!(bench.open(&whole), bench.open(&rows), "{input} to {output}");
    }
    assert_eq!(bench.files().iter().filter(|name| name.starts_with('.')).count(), 0);

    bench.picture("c.jpg", 64, 48, 2);
    bench.run(&["adjust", "c.jpg", "--max-memory", "1K", "-o", "d.png"]).fails(4, &["c.jpg", "PNG, TIFF or .impraw"]);
    bench.run(&["adjust", "b.tif", "--max-memory", "1K", "-o", "d.jpg"]).fails(2, &["use PNG, TIFF or .impraw"]);
    bench.run(&["adjust", "b.tif", "--max-memory", "1K", "-o", "-"]).fails(4, &["-o FILE"]);
    assert!(!bench.path("d.png").exists() && !bench.path("d.jpg").exists());
}
