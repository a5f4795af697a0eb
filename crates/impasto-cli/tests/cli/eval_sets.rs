//! Judging sets of pictures: generators and frames.

use impasto_image::Picture;
use serde_json::Value;

use crate::bench::{Bench, Ran, noise, picture};
use crate::eval::{eval, json, row, shared};

/// Real pictures of two kinds, samples of both, samples of one kind only, and noise.
fn collections(bench: &Bench) {
    let kind = |seed: u32, dark: bool| {
        let mut picture = picture(64, 64, seed);
        if dark {
            picture.triples_mut().iter_mut().for_each(|[r, g, b]| (*r, *g, *b) = (*r * 0.3, *g * 0.1, *b * 0.3));
        }
        picture
    };
    for i in 0..12 {
        for (class, dark) in [("light", false), ("dark", true)] {
            bench.save(&format!("real/{class}/{i}.png"), &kind(100 + i, dark));
            bench.save(&format!("good/{class}/{i}.png"), &kind(200 + i, dark));
            bench.save(&format!("dropped/{class}{i}.png"), &kind(300 + i + 50 * u32::from(dark), false));
            let noise = noise(64 * 64 * 3, 400 + i + 50 * u32::from(dark)).collect();
            bench.save(&format!("noise/{class}{i}.png"), &Picture::from_rgb(64, 64, noise).unwrap());
        }
    }
}

#[test]
fn generators_are_judged_beside_real_halves() {
    let bench = Bench::new();
    collections(&bench);
    let args = ["generator", "--real", "real", "--fake", "good", "--fake", "dropped", "--fake", "noise"];
    let ran = eval(&bench, &[&args[..], &["-o", "g.json", "-o", "g.html"]].concat()).ok();
    let report = json(&bench, "g.json");
    for part in [
        "are not compared. Give --samples",
        "95 % intervals, of checkerboard, seam by bootstrap, of all others by jackk",
    ] {
        assert!(ran.stdout.contains(part), "no '{part}' in {}", ran.stdout);
    }
    let value = |label: &str, metric: &str| row(&report, label)["figures"][metric]["value"].as_f64().unwrap();
    for worse in ["dropped", "noise"] {
        assert!(value(worse, "kid-percept") > value("good", "kid-percept"), "{worse}: {}", ran.stdout);
        assert!(value(worse, "fd-percept") > value("good", "fd-percept"), "{worse}: {}", ran.stdout);
    }
    assert!(value("dropped", "recall-percept") < 0.7 * value("good", "recall-percept"), "{}", ran.stdout);
    assert!(value("dropped", "precision-percept") > 0.7, "{}", ran.stdout);
    assert_eq!(value("noise", "precision-percept"), 0.0, "{}", ran.stdout);
    for metric in ["density-percept", "swd-percept", "diversity-percept", "nearest-percept", "kid-percept"] {
        let figure = &row(&report, "good")["figures"][metric];
        assert!(figure["interval"].is_array() && figure["interval_by"] == "jackknife", "{metric}: {figure}");
    }
    // All of them: tenths that all say the same tell nothing of how sure that is.
    let recall = &row(&report, "good")["figures"]["recall-percept"];
    assert!(recall["value"] == 1.0 && recall.get("interval").is_none(), "{recall}");
    for part in ["noise ranks behind the real pictures", "good: light", "score-googlenet", "prefer", "kid"] {
        assert!(ran.stdout.contains(part), "no '{part}' in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("dropped modes"), "halves of 12 beside 24 samples: {}", ran.stdout);
    let equal = eval(&bench, &[&args[..], &["--samples", "12"]].concat()).ok();
    assert!(equal.stdout.contains("dropped modes") && !equal.stdout.contains("are not compared"), "{}", equal.stdout);
    assert!(report["rows"].as_array().unwrap().iter().any(|row| row["kind"] == "sanity"));
    let some = eval(&bench, &["generator", "--real", "real", "--fake", "good", "--samples", "10", "--json"]).ok();
    let some: Value = serde_json::from_str(&some.stdout).unwrap();
    assert_eq!((&row(&some, "good")["count"], &row(&some, "real beside real")["count"]), (&10.into(), &10.into()));
    let coverage = row(&some, "good")["figures"]["coverage-percept"]["note"].as_str().unwrap();
    assert!(coverage.starts_with("10 samples beside 24 real pictures"), "{coverage}");
    eval(&bench, &["generator", "--real", "real", "--fake", "good", "--samples", "99"]).fails(3, &["24", "99"]);
}

/// Whatever files are called, figures are the same: parts, folds and draws go by contents.
#[test]
fn names_of_files_change_no_figure() {
    let bench = Bench::new();
    for i in 0..24 {
        bench.save(&format!("real/{i:02}.png"), &picture(64, 64, 100 + i));
        bench.save(&format!("made/{i:02}.png"), &picture(64, 64, 200 + i));
        // The other way round, and under another name.
        std::fs::create_dir_all(bench.path("others")).unwrap();
        std::fs::create_dir_all(bench.path("again")).unwrap();
        std::fs::copy(bench.path(&format!("real/{i:02}.png")), bench.path(&format!("others/x{:02}.png", 40 - i)))
            .unwrap();
        std::fs::copy(bench.path(&format!("made/{i:02}.png")), bench.path(&format!("again/x{:02}.png", 40 - i)))
            .unwrap();
    }
    let shared = shared();
    let judged = |real: &str, fake: &str, more: &[&str]| -> Value {
        let mut command =
            bench.command(&[&["eval", "generator", "--real", real, "--fake", fake, "--json"], more].concat());
        command.env("XDG_CACHE_HOME", bench.path("cache"));
        // With the shared networks where they are: the score needs one of them.
        match &shared {
            Some(shared) => command.env("IMPASTO_SHARED", shared),
            None => command.env_remove("IMPASTO_SHARED"),
        };
        serde_json::from_str(&Ran::from(command.output().unwrap()).ok().stdout).unwrap()
    };
    for more in [&[][..], &["--samples", "20"]] {
        let (first, second) = (judged("real", "made", more), judged("others", "again", more));
        assert_eq!(row(&first, "made")["figures"], row(&second, "again")["figures"]);
        assert_eq!(row(&first, "made")["pictures_blake3"], row(&second, "again")["pictures_blake3"]);
        assert_eq!(row(&first, "real beside real")["figures"], row(&second, "real beside real")["figures"]);
        assert_eq!(first["protocol_hash"], second["protocol_hash"]);
    }
}

/// Whoever hands in the real pictures, or all but, is not told that they pass for real.
#[test]
fn copies_of_the_real_pictures_are_called_so() {
    let bench = Bench::new();
    for i in 0..48 {
        let own = picture(64, 64, 100 + i);
        bench.save(&format!("real/{i}.png"), &own);
        bench.save(&format!("fresh/{i}.png"), &picture(64, 64, 300 + i));
        if i < 24 {
            bench.save(&format!("copied/other-{i}.png"), &own);
            let mut near = own.clone();
            near.rgb.iter_mut().step_by(3).for_each(|v| *v = (*v + 0.004).clamp(0.0, 1.0));
            bench.save(&format!("near/{i}.png"), &near);
        }
    }
    std::fs::create_dir_all(bench.path("fresh24")).unwrap();
    for i in 0..24 {
        std::fs::copy(bench.path(&format!("fresh/{i}.png")), bench.path(&format!("fresh24/{i}.png"))).unwrap();
    }
    let args =
        ["generator", "--real", "real", "--fake", "copied", "--fake", "near", "--fake", "fresh24", "-o", "g.json"];
    let ran = eval(&bench, &args).ok();
    let report = json(&bench, "g.json");
    let value = |label: &str, metric: &str| row(&report, label)["figures"][metric]["value"].as_f64().unwrap();
    assert_eq!((value("copied", "identical"), value("near", "identical")), (100.0, 0.0));
    assert_eq!(value("real beside real", "identical"), 0.0);
    assert!(value("copied", "nearest-percept") < 1e-6 && value("near", "nearest-percept") < 0.5, "{}", ran.stdout);
    let sanity = value("real beside real", "nearest-percept");
    assert!((0.8..1.25).contains(&sanity), "{sanity}: {}", ran.stdout);
    for label in ["copied", "near"] {
        assert!(!ran.stdout.contains(&format!("+ {label}")), "{}", ran.stdout);
        let nearer = format!("! {label} is nearer to single real pictures");
        assert!(ran.stdout.contains(&nearer), "no '{nearer}' in {}", ran.stdout);
    }
    assert!(ran.stdout.contains("! copied: 100.0 % of the samples are files of the real pictures"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("! fresh24 is nearer to single"), "{}", ran.stdout);
}

#[test]
fn frames_are_judged_beside_their_source() {
    let bench = Bench::new();
    let still = picture(40, 30, 1);
    for i in 1..12u32 {
        let mut frame = still.clone();
        frame.rgb.iter_mut().for_each(|v| *v = (*v * 0.5 + 0.02 * i as f32).clamp(0.0, 1.0));
        bench.save(&format!("video/frame{i}.png"), &frame);
        let noise: Vec<f32> = noise(40 * 30 * 3, i).collect();
        frame.rgb.iter_mut().zip(noise).for_each(|(v, n)| *v = (*v + 0.1 * (n - 0.5)).clamp(0.0, 1.0));
        bench.save(&format!("painted/frame{i}.png"), &frame);
    }
    let ran = eval(&bench, &["frames", "painted", "--source", "video", "-o", "f.json", "-o", "f.html"]).ok();
    assert!(ran.stdout.contains("! painted flickers more than its source"), "{}", ran.stdout);
    let report = json(&bench, "f.json");
    let value = |label: &str| row(&report, label)["figures"]["flicker"]["value"].as_f64().unwrap();
    // In the order of their numbers the source changes steadily; frame1, frame10, frame11, frame2 would not.
    assert!(value("source video") < 0.05 && value("painted") > 0.3, "{} {}", value("source video"), value("painted"));
    let alone = eval(&bench, &["frames", "video"]).ok();
    assert!(alone.stdout.contains("give --source DIR"), "{}", alone.stdout);
    bench.picture("video/frame99.png", 41, 30, 9);
    eval(&bench, &["frames", "video"]).fails(2, &["frame99.png is 41x30"]);
    bench.picture("few/1.png", 40, 30, 9);
    eval(&bench, &["frames", "few"]).fails(3, &["at least three"]);
}

#[test]
fn real_pictures_are_brought_to_the_size_of_samples() {
    let bench = Bench::new();
    for i in 0..8 {
        let picture = picture(64, 64, i);
        bench.save(&format!("real/{i}.png"), &picture);
        bench.save(&format!("half/{i}.png"), &impasto_image::resize(&picture, 32, 32));
    }
    let args = ["generator", "--real", "real", "--fake", "half", "--json"];
    let judged = |more: &[&str]| -> Value {
        serde_json::from_str(&eval(&bench, &[&args[..], more].concat()).ok().stdout).unwrap()
    };
    let (own, same) = (judged(&[]), judged(&["--res", "32"]));
    let distance = |report: &Value| row(report, "half")["figures"]["fd-percept"]["value"].as_f64().unwrap();
    assert!(distance(&own) > 0.05 && distance(&same).abs() < 1e-3, "{} {}", distance(&own), distance(&same));
    let warned = |report: &Value| report["findings"].to_string().contains("--res 32");
    assert!(warned(&own) && !warned(&same));
    assert_ne!(own["protocol_hash"], same["protocol_hash"]);
    eval(&bench, &[&args[..], &["--res", "256"]].concat()).fails(2, &["too few", "256"]);
}
