//! Looking at pictures before training on them.

use serde_json::Value;

use crate::bench::Bench;

/// Two class folders, a repeated picture, and a file that is no picture.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..3 {
        bench.picture(&format!("my pictures/cats/{seed}.png"), 40, 32, seed);
        bench.picture(&format!("my pictures/dogs/{seed}.png"), 50, 64, 10 + seed);
    }
    bench.picture("my pictures/dogs/again.bmp", 50, 64, 10);
    std::fs::write(bench.path("my pictures/broken.jpg"), "text").unwrap();
    bench
}

#[test]
fn a_folder_is_described() {
    let bench = bench();
    let shown = bench.run(&["dataset", "check", "my pictures", "--json", "survey.json"]).ok().stdout;
    for part in [
        "pictures     8 found, 6 used",
        "from         my pictures (folder): 8",
        "widths       40 to 50, middle 50 px",
        "classes      none; with --classes from-folders there would be 2",
        "duplicates   1 with the same pixels (left out), 0 nearly the same",
        "- not used: broken.jpg: not a supported picture",
        "- left out: dogs/again.bmp: the same pixels as dogs/0.png",
        "! 6 pictures are very few",
        "impasto train gan --data 'my pictures' --cfg fastgan --res 32",
        "written survey.json",
    ] {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    let survey: Value = serde_json::from_slice(&std::fs::read(bench.path("survey.json")).unwrap()).unwrap();
    assert_eq!((&survey["used"], &survey["recipe"]["architecture"]), (&6.into(), &"fastgan".into()));
    bench.run(&["dataset", "check", "my pictures", "--json", "survey.json"]).fails(2, &["survey.json", "--overwrite"]);
}

#[test]
fn copies_are_left_out_as_asked() {
    let bench = bench();
    let larger = impasto_image::resize(&bench.open("my pictures/cats/1.png"), 80, 64);
    bench.save("my pictures/cats/larger.png", &larger);
    let near = "cats/1.png: nearly the same as cats/larger.png";
    let groups = ["- same pixels: dogs/0.png, dogs/again.bmp", "- nearly the same: cats/1.png, cats/larger.png"];
    for (which, used, says, option) in [
        ("exact", "7 used", &["1 with the same pixels (left out), 1 nearly the same\n", groups[1]][..], ""),
        ("near", "6 used", &["1 nearly the same (left out)", near], " --duplicates near"),
        (
            "keep",
            "8 used",
            &["1 with the same pixels, 1 nearly the same\n", groups[0], groups[1]],
            " --duplicates keep",
        ),
    ] {
        let shown = bench.run(&["dataset", "check", "my pictures", "--duplicates", which]).ok().stdout;
        for part in says.iter().chain(&[used]) {
            assert!(shown.contains(part), "{which}: no '{part}' in {shown}");
        }
        let recommended = shown.lines().find(|line| line.starts_with("recommended")).unwrap();
        assert!(recommended.ends_with(&format!("--res 32{option}")), "{recommended}");
    }
    bench.run(&["dataset", "check", "my pictures", "--duplicates", "near", "--json", "near.json"]).ok();
    let survey: Value = serde_json::from_slice(&std::fs::read(bench.path("near.json")).unwrap()).unwrap();
    let left_out = &survey["duplicates"]["left_out"];
    assert_eq!(left_out[0], serde_json::json!({"name": "cats/1.png", "copy_of": "cats/larger.png", "near": true}));
    let train = ["train", "gan", "--data", "my pictures", "--no-cache", "--dry-run", "--batch", "2", "--seed", "1"];
    let ran = bench.run(&[&train[..], &["--cfg", "dcgan", "--res", "16", "--duplicates", "near"]].concat()).ok();
    assert!(
        ran.stderr.contains("2 are left out as copies of others, such as cats/1.png of cats/larger.png"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("drop_near_duplicates = true"), "{ran:?}");
}

#[test]
fn finished_pictures_are_kept_and_shown() {
    let bench = bench();
    let args = ["dataset", "check", "my pictures", "--res", "24x32", "--classes", "from-folders", "--cache", "kept"];
    let first = bench.run(&[&args[..], &["--sheet", "sheet.png"]].concat()).ok().stdout;
    assert!(first.contains("classes      2 from folders: cats 3, dogs 3"), "{first}");
    assert!(first.contains("--res 24x32 --classes from-folders"), "{first}");
    let kept: Vec<String> = bench.files().into_iter().filter(|name| name.starts_with("kept")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let sheet = impasto_image::open(&bench.path("sheet.png"), &impasto_image::Limits::default()).unwrap();
    // Six pictures of 32 x 24 beside each other, two pixels around each.
    assert_eq!((sheet.width, sheet.height), (6 * 34 + 2, 26 + 2));
    let again = bench.run(&args).ok().stdout;
    assert_eq!(first.replace("written sheet.png\n", ""), again);
    // Nothing is kept where that is not wanted; too large a size leaves nothing.
    std::fs::remove_dir_all(bench.path("kept")).unwrap();
    bench.run(&["dataset", "check", "my pictures", "--res", "128", "--no-cache"]).fails(3, &["my pictures", "too few"]);
    assert!(!bench.path("kept").exists());
}

#[test]
fn wrong_requests_are_refused() {
    let bench = bench();
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.run(&["dataset", "check", "missing"]).fails(3, &["missing"]);
    bench.run(&["dataset", "check", "empty"]).fails(3, &["empty", "holds no pictures"]);
    bench.run(&["dataset", "check", "my pictures", "--classes", "from-labels"]).fails(2, &["no picture has a label"]);
    for (option, value) in [("--res", "large"), ("--classes", "some"), ("--fit", "squeeze"), ("--background", "red")] {
        let ran = bench.run(&["dataset", "check", "my pictures", option, value]);
        assert!(ran.code == 2 && ran.stderr.contains(value), "{ran:?}");
    }
    bench.run(&["dataset", "check", "my pictures", "--res", "2", "--no-cache"]).fails(2, &["2x2 px is out of range"]);
}
