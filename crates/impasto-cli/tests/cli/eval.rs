//! Judging: pairs, stylizers, comparisons.

use std::path::{Path, PathBuf};

use impasto_image::Picture;
use serde_json::Value;

use crate::bench::{Bench, Ran, picture};

/// `eval` with networks from nowhere but the program itself, and with a cache of its own.
pub(crate) fn eval(bench: &Bench, args: &[&str]) -> Ran {
    let mut command = bench.command(&[&["eval"], args].concat());
    command.env_remove("IMPASTO_SHARED").env("XDG_CACHE_HOME", bench.path("cache")).env("HOME", bench.path("home"));
    Ran::from(command.output().unwrap())
}

/// The folder of shared data; `None`, said aloud, when it is absent.
#[allow(clippy::print_stderr)]
pub(crate) fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("IMPASTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let data = root.join("data");
    if data.is_dir() {
        return root.canonicalize().ok();
    }
    eprintln!("skipped: there is no {}; set IMPASTO_SHARED", data.display());
    None
}

/// The line of a metric.
#[track_caller]
fn line<'a>(ran: &'a Ran, name: &str) -> &'a str {
    let found = ran.stdout.lines().find(|line| line.split(' ').next() == Some(name));
    found.unwrap_or_else(|| panic!("no line of {name} in {ran:?}"))
}

/// Between two pictures of one size.
fn mix(a: &Picture, b: &Picture, share: f32) -> Picture {
    let rgb = a.rgb.iter().zip(&b.rgb).map(|(a, b)| a + share * (b - a)).collect();
    Picture::from_rgb(a.width, a.height, rgb).unwrap()
}

pub(crate) fn json(bench: &Bench, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(bench.path(name)).unwrap()).unwrap()
}

pub(crate) fn row<'a>(report: &'a Value, label: &str) -> &'a Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["label"] == label).unwrap_or_else(|| panic!("no row {label} in {report}"))
}

#[test]
fn pairs_have_a_line_for_each_metric() {
    let bench = Bench::new();
    bench.picture("a.png", 72, 64, 1);
    bench.picture("b.png", 72, 64, 2);
    bench.picture("other.png", 80, 64, 3);
    let same = eval(&bench, &["pair", "a.png", "a.png"]).ok();
    assert_eq!(line(&same, "psnr"), "psnr inf");
    assert_eq!(line(&same, "ssim"), "ssim 1.0000");
    assert_eq!(line(&same, "gram-percept"), "gram-percept 0.0000");
    assert_eq!(line(&same, "histogram"), "histogram 0.0000");
    for absent in ["lpips", "gram-vgg"] {
        let text = line(&same, absent);
        assert!(text.contains("left out") && text.contains("IMPASTO_SHARED"), "{text}");
    }
    assert!(line(&same, "ms-ssim").contains("161"), "{same:?}");
    let differ = eval(&bench, &["pair", "a.png", "b.png", "--json"]).ok();
    let found: Value = serde_json::from_str(&differ.stdout).unwrap();
    let ssim = found["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == "ssim").unwrap();
    assert!(ssim["value"].as_f64().unwrap() < 0.9, "{ssim}");
    assert_eq!(found["protocol"]["job"], "pair");
    assert_eq!(found["protocol"]["metrics"]["gram-percept"]["network"]["layer"], "five levels", "{found}");
    assert!(found["protocol"]["metrics"].get("lpips").is_none(), "what is left out has no protocol: {found}");
    let equal = eval(&bench, &["pair", "a.png", "a.png", "--json", "--tile", "16"]).ok();
    let equal: Value = serde_json::from_str(&equal.stdout).unwrap();
    let value = |name: &str| {
        let figures = equal["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}"))["value"].clone()
    };
    assert_eq!(value("psnr"), "inf");
    assert!(value("seam").as_f64().unwrap() > 0.0);
    assert_eq!(equal["protocol"]["metrics"]["seam"]["settings"]["tile"], 16);
    assert_ne!(equal["protocol_hash"], found["protocol_hash"]);
    assert!(line(&eval(&bench, &["pair", "a.png", "b.png", "--tile", "80"]).ok(), "seam").contains("left out"));
    eval(&bench, &["pair", "a.png", "other.png"]).fails(2, &["a.png is 72x64", "other.png is 80x64", "--resize"]);
    eval(&bench, &["pair", "a.png", "other.png", "--resize"]).ok();
    std::fs::write(bench.path("text.png"), "no picture").unwrap();
    eval(&bench, &["pair", "a.png", "text.png"]).fails(3, &["text.png"]);
    eval(&bench, &["pair", "a.png", "b.png", "--networks", "nowhere"]).fails(3, &["nowhere"]);
}

#[test]
fn lpips_is_that_of_its_authors() {
    let Some(shared) = shared() else { return };
    let bench = Bench::new();
    let examples = shared.join("data/weights/metrics/lpips_example");
    for (other, value) in [("ex_p0.png", 0.7110), ("ex_p1.png", 0.1479)] {
        let paths = ["ex_ref.png", other].map(|name| examples.join(name).to_string_lossy().into_owned());
        let mut command = bench.command(&["eval", "pair", &paths[0], &paths[1]]);
        let ran = Ran::from(command.env("IMPASTO_SHARED", &shared).output().unwrap()).ok();
        let text = line(&ran, "lpips");
        let found: f64 = text.trim_start_matches("lpips ").parse().unwrap();
        assert!((found - value).abs() < 1e-3, "{text}");
    }
}

/// Two contents, two styles, and outputs halfway between, in the folders `contents`, `styles` and `painted`.
fn gallery(bench: &Bench) {
    let contents = [("sea", picture(96, 72, 1)), ("wood", picture(96, 72, 2))];
    // Dark and of one colour, so that half of a style is half of the way to it.
    let tinted = |seed: u32, tint: [f32; 3]| {
        let mut picture = picture(96, 72, seed);
        picture.triples_mut().iter_mut().for_each(|pixel| pixel.iter_mut().zip(tint).for_each(|(v, t)| *v *= t));
        picture
    };
    let styles = [("wave", tinted(30, [0.05, 0.1, 0.3])), ("night", tinted(40, [0.25, 0.05, 0.05]))];
    for (name, content) in &contents {
        bench.save(&format!("contents/{name}.png"), content);
        for (style, painting) in &styles {
            bench.save(&format!("painted/{name}-{style}.png"), &mix(content, painting, 0.5));
            bench.save(&format!("lazy/{name}-{style}.png"), content);
        }
    }
    for (name, painting) in &styles {
        bench.save(&format!("styles/{name}.png"), painting);
    }
}

const STYLE: [&str; 5] = ["style", "--contents", "contents", "--styles", "styles"];

#[test]
fn stylizers_are_judged_beside_copies() {
    let bench = Bench::new();
    gallery(&bench);
    std::fs::write(bench.path("painted/sea-broken.png"), "no picture").unwrap();
    bench.picture("painted/sheet.png", 80, 80, 5);
    let outputs = ["--outputs", "painted", "--outputs", "lazy", "-o", "report.json", "-o", "report.html"];
    let ran = eval(&bench, &[&STYLE[..], &outputs].concat()).ok();
    for part in ["identity copy", "style copy", "gram-percept v", "lazy ranks behind the identity copy", "protocol "] {
        assert!(ran.stdout.contains(part), "no '{part}' in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("painted ranks behind the"), "{}", ran.stdout);
    let report = json(&bench, "report.json");
    let value = |label: &str, metric: &str| row(&report, label)["figures"][metric]["value"].clone();
    assert_eq!(value("identity copy", "psnr"), "inf");
    assert_eq!(value("identity copy", "gram-percept"), value("lazy", "gram-percept"));
    let number = |label: &str, metric: &str| value(label, metric).as_f64().unwrap();
    assert!(number("style copy", "gram-percept") < number("painted", "gram-percept"));
    assert!(number("painted", "gram-percept") < number("identity copy", "gram-percept"));
    assert!(number("painted", "content-percept") < number("style copy", "content-percept"));
    let rejected = report["rejected"].to_string();
    assert!(rejected.contains("sea-broken.png") && rejected.contains("sheet.png"), "{rejected}");
    let missing = report["missing"].to_string();
    assert!(missing.contains("\"lpips\"") && missing.contains("fd-inception-768"), "{missing}");
    let page = std::fs::read_to_string(bench.path("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("data:image/jpeg;base64,") && page.contains("identity copy"));
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn a_second_run_measures_nothing_and_says_the_same() {
    let bench = Bench::new();
    gallery(&bench);
    let run = |more: &[&str]| {
        eval(&bench, &[&STYLE[..], &["--outputs", "painted", "--progress", "json"], more].concat()).ok()
    };
    let first = run(&["-o", "first.json"]);
    let second = run(&["-o", "second.json"]);
    assert!(first.stderr.contains("measuring 4 pairs"), "{first:?}");
    assert!(second.stderr.contains("measuring 0 pairs"), "{second:?}");
    assert!(!second.stderr.contains("embedding"), "{second:?}");
    let read = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(read("first.json"), read("second.json"));
    let without = run(&["-o", "third.json", "--no-cache"]);
    assert!(without.stderr.contains("measuring 4 pairs"), "{without:?}");
    assert_eq!(read("first.json"), read("third.json"));
}

#[test]
fn reports_of_one_protocol_are_compared_and_others_refused() {
    let bench = Bench::new();
    gallery(&bench);
    let run = |outputs: &str, more: &[&str]| {
        eval(&bench, &[&STYLE[..], &["--outputs", outputs], more].concat()).ok();
    };
    run("painted", &["-o", "a.json"]);
    run("lazy", &["-o", "b.json"]);
    run("lazy", &["-o", "seed.json", "--seed", "5"]);
    let ran = eval(&bench, &["compare", "a.json", "b.json"]).ok();
    assert!(ran.stdout.contains("first: painted   second: lazy"), "{}", ran.stdout);
    let gram = line(&ran, "gram-percept");
    assert!(gram.contains("first is better"), "{gram}");
    assert!(line(&ran, "psnr").contains("second is better"), "{}", ran.stdout);
    eval(&bench, &["compare", "a.json", "seed.json"]).fails(3, &["seed.json", "protocol", "seed: 0 against 5"]);
    std::fs::remove_file(bench.path("contents/wood.png")).unwrap();
    run("lazy", &["-o", "fewer.json"]);
    eval(&bench, &["compare", "a.json", "fewer.json"]).fails(3, &["data contents count: 2 against 1"]);
    std::fs::write(bench.path("c.json"), "{}").unwrap();
    eval(&bench, &["compare", "a.json", "c.json"]).fails(3, &["c.json", "no report"]);
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let bench = Bench::new();
    gallery(&bench);
    std::fs::create_dir(bench.path("empty")).unwrap();
    let style = |contents: &str, outputs: &str, more: &[&str]| {
        let args = ["style", "--contents", contents, "--styles", "styles", "--outputs", outputs];
        eval(&bench, &[&args[..], more].concat())
    };
    style("empty", "painted", &[]).fails(3, &["empty", "no pictures"]);
    style("gone", "painted", &[]).fails(3, &["gone"]);
    style("contents", "contents", &[]).fails(3, &["sea-night.png"]);
    style("contents", "painted", &["-o", "report.pdf"]).fails(2, &[".html"]);
    style("contents", "painted", &["-o", "contents/sea.png.json", "-o", "no/r.json"]).fails(1, &["does not exist"]);
    assert_eq!(eval(&bench, &STYLE).code, 2);
    eval(&bench, &[&STYLE[..], &["--model", "fusoin", "--out-dir", "made"]].concat()).fails(2, &["'fusion'"]);
    let real = ["generator", "--real", "contents", "--fake"];
    eval(&bench, &[&real[..], &["styles"]].concat()).fails(2, &["at least four"]);
    eval(&bench, &[&real[..], &["empty"]].concat()).fails(2, &["at least four"]);
}

#[test]
fn models_paint_first_and_go_on_where_they_were() {
    let bench = Bench::new();
    gallery(&bench);
    bench.model("tiny.safetensors", "fusion");
    let run = |more: &[&str]| {
        let args = ["--model", "tiny.safetensors", "--out-dir", "made"];
        eval(&bench, &[&STYLE[..], &args, more].concat())
    };
    let first = run(&["-o", "a.json"]).ok();
    assert!(!first.stderr.contains("were there already"), "{first:?}");
    let made = bench.open("made/sea-wave.png");
    std::fs::remove_file(bench.path("made/wood-night.png")).unwrap();
    let second = run(&["-o", "b.json"]).ok();
    assert!(second.stderr.contains("3 of 4 pictures were there already"), "{second:?}");
    assert_eq!(json(&bench, "a.json"), json(&bench, "b.json"));
    run(&["--size", "90"]).fails(2, &["was made otherwise (job differ)", "--out-dir"]);
    assert_eq!(bench.open("made/sea-wave.png"), made, "nothing was painted over");
    run(&["--size", "90", "--overwrite"]).ok();
    assert_eq!(bench.open("made/sea-wave.png").width, 90);
}

/// Without a folder the painted pictures go away; what made them and what they were stays in the report.
#[test]
fn what_a_model_painted_is_said() {
    let bench = Bench::new();
    gallery(&bench);
    bench.model("tiny.safetensors", "fusion");
    let run = |more: &[&str]| -> Value {
        let ran = eval(&bench, &[&STYLE[..], &["--model", "tiny.safetensors", "--json"], more].concat()).ok();
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let candidate = |report: &Value| report["rows"].as_array().unwrap()[0].clone();
    let first = candidate(&run(&[]));
    let made = &first["made_by"];
    assert_eq!((&made["model"], &made["settings"]["strength"]), (&"fusion".into(), &1.0.into()), "{made}");
    assert_eq!(made["weights_blake3"].as_str().unwrap().len(), 64);
    assert_eq!(first["pictures_blake3"].as_str().unwrap().len(), 64);
    let smaller = candidate(&run(&["--size", "90"]));
    assert_eq!(smaller["made_by"]["settings"]["size"], 90);
    assert_ne!(smaller["pictures_blake3"], first["pictures_blake3"]);
    assert_eq!(smaller["made_by"]["weights_blake3"], first["made_by"]["weights_blake3"]);
}

/// Another candidate costs its own outputs only, and the least side decides what can be measured.
#[test]
fn another_candidate_is_all_that_is_measured_and_seams_are_found() {
    let bench = Bench::new();
    for (name, seed) in [("sea", 1), ("wood", 2)] {
        bench.save(&format!("contents/{name}.png"), &picture(200, 170, seed));
    }
    bench.save("styles/wave.png", &picture(200, 170, 30));
    for name in ["sea", "wood"] {
        let whole = bench.open(&format!("contents/{name}.png"));
        bench.save(&format!("whole/{name}-wave.png"), &whole);
        let mut tiled = whole.clone();
        for (i, pixel) in tiled.triples_mut().iter_mut().enumerate() {
            let (x, y) = (i % 200, i / 200);
            if (x / 50 + y / 50) % 2 == 1 {
                pixel.iter_mut().for_each(|v| *v = (*v + 0.3).min(1.0));
            }
        }
        bench.save(&format!("tiled/{name}-wave.png"), &tiled);
    }
    let run = |more: &[&str]| {
        let args = ["--tile", "50", "-o", "s.json", "--overwrite", "--progress", "json"];
        eval(&bench, &[&STYLE[..], &args, more].concat()).ok()
    };
    assert!(run(&["--outputs", "whole"]).stderr.contains("measuring 2 pairs"));
    let both = run(&["--outputs", "whole", "--outputs", "tiled"]);
    assert!(both.stderr.contains("measuring 2 pairs"), "{both:?}");
    assert!(run(&["--outputs", "tiled", "--outputs", "whole"]).stderr.contains("measuring 0 pairs"));
    let report = json(&bench, "s.json");
    let value = |label: &str, metric: &str| row(&report, label)["figures"][metric]["value"].as_f64().unwrap();
    assert!(value("tiled", "seam") > 1.3 * value("whole", "seam"), "{}", both.stdout);
    assert_eq!(value("whole", "seam"), value("identity copy", "seam"));
    assert_eq!(value("whole", "ms-ssim"), 1.0);
    let artfid = &row(&report, "tiled")["figures"];
    assert!(artfid.get("artfid-percept").is_none_or(|figure| figure["interval_by"] == "combined"), "{artfid}");
    gallery(&bench);
    for name in ["sea", "wood"] {
        std::fs::remove_file(bench.path(&format!("contents/{name}.png"))).unwrap();
        bench.save(&format!("contents/{name}.png"), &picture(96, 72, 1));
    }
    let small = eval(&bench, &[&STYLE[..], &["--outputs", "painted"]].concat()).ok();
    assert!(small.stdout.contains("left out: ms-ssim: needs sides of at least 161 px"), "{}", small.stdout);
}

#[test]
fn tables_pair_outputs_of_any_name() {
    let bench = Bench::new();
    gallery(&bench);
    std::fs::rename(bench.path("painted/sea-wave.png"), bench.path("painted/1.png")).unwrap();
    std::fs::write(bench.path("pairs.csv"), "output,content,style\n1.png,sea.png,wave.png\n").unwrap();
    let args = ["--outputs", "painted", "--pairs", "pairs.csv", "--json"];
    let ran = eval(&bench, &[&STYLE[..], &args].concat()).ok();
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["pairs"].as_array().unwrap().len(), 1);
    assert_eq!(report["pairs"][0]["style"], "wave");
}
