//! Bad input: one clear line, the right exit code, nothing half-written.

use impasto_engine::styles;
use impasto_engine::weights::{self, Precision};

use crate::bench::Bench;

/// A folder with a content, a style and tiny weights.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.picture("photo.png", 48, 40, 1);
    bench.picture("style.png", 64, 64, 2);
    bench.model("model.safetensors", "fusion");
    bench
}

/// Runs `stylize CONTENT --style STYLE` with `more` and asserts that it fails and writes nothing.
#[track_caller]
fn refused(bench: &Bench, content: &str, style: &str, more: &[&str], code: i32, parts: &[&str]) {
    let before = bench.files();
    let base = ["stylize", content, "--style", style, "--model", "model.safetensors", "-o", "out.png", "--quiet"];
    let ran = bench.run(&[&base, more].concat()).fails(code, parts);
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert_eq!(bench.files(), before, "{ran:?}");
}

#[test]
fn contents_that_are_no_pictures() {
    let bench = bench();
    std::fs::write(bench.path("text.jpg"), "this is no picture").unwrap();
    let png = std::fs::read(bench.path("photo.png")).unwrap();
    std::fs::write(bench.path("cut.png"), &png[..png.len() / 2]).unwrap();
    std::fs::create_dir(bench.path("folder.png")).unwrap();
    refused(&bench, "missing.png", "style.png", &[], 3, &["missing.png", "does not exist"]);
    refused(&bench, "text.jpg", "style.png", &[], 3, &["text.jpg", "not a supported picture"]);
    refused(&bench, "cut.png", "style.png", &[], 3, &["cut.png", "damaged"]);
    refused(&bench, "folder.png", "style.png", &[], 3, &["folder.png", "is a folder"]);
    refused(&bench, "photo.png", "missing.jpg", &[], 3, &["missing.jpg", "does not exist"]);
    refused(&bench, "photo.png", "text.jpg", &[], 3, &["text.jpg", "not a supported picture"]);
    refused(&bench, "photo.png", "style.png", &["--mask", "no.png"], 3, &["no.png", "does not exist"]);
}

#[cfg(unix)]
#[test]
fn unreadable_contents() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench();
    let path = bench.path("photo.png");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_err() {
        // The superuser reads everything.
        refused(&bench, "photo.png", "style.png", &[], 3, &["photo.png", "may not be read"]);
    }
}

#[test]
fn contents_over_a_limit() {
    let bench = bench();
    bench.picture("large.png", 1100, 1000, 3);
    refused(&bench, "large.png", "style.png", &["--max-megapixels", "1"], 4, &["large.png", "over the limit"]);
    refused(&bench, "large.png", "style.png", &["--max-memory", "20M"], 4, &["1100x1000", "in tiles", "--max-memory"]);
    let small = ["--max-memory", "200M", "--size", "128", "--model", "model.safetensors", "-o", "ok.png"];
    bench.run(&[&["stylize", "large.png", "--style", "style.png"], &small[..]].concat()).ok();
}

#[test]
fn tiles_that_cannot_be() {
    let bench = bench();
    bench.run(&["stylize", "photo.png", "--style", "style.png", "--tile", "8"]).fails(2, &["--tile", "64..=8192"]);
    refused(
        &bench,
        "photo.png",
        "style.png",
        &["--tile", "64", "--method", "refine"],
        2,
        &["paints no tiles", "--size"],
    );
    let png = std::fs::read(bench.path("photo.png")).unwrap();
    std::fs::write(bench.path("cut.png"), &png[..png.len() / 2]).unwrap();
    refused(&bench, "cut.png", "style.png", &["--tile", "64"], 3, &["cut.png", "damaged"]);
    let nowhere = ["--tile", "64", "--work-dir", "photo.png"];
    refused(&bench, "photo.png", "style.png", &nowhere, 1, &["cannot work in", "photo.png"]);
}

#[test]
fn styles_that_cannot_be() {
    let bench = bench();
    refused(&bench, "photo.png", "style.png:0", &[], 2, &["sum to zero"]);
    refused(&bench, "photo.png", "style.png:0", &["--style", "photo.png:0"], 2, &["sum to zero"]);
    refused(&bench, "photo.png", "no-such-style", &[], 2, &["no style 'no-such-style'"]);
    refused(&bench, "photo.png", "model.safetensors", &[], 3, &["model.safetensors", "not a style code"]);
    if let Some(name) = styles::names().next() {
        let typo = format!("{}x{}", &name[..2], &name[2..]);
        refused(&bench, "photo.png", &typo, &[], 2, &["did you mean", name]);
    }
}

#[test]
fn weights_that_do_not_fit() {
    let bench = bench();
    let (header, arrays) = bench.model("good.safetensors", "fusion");
    let damaged = |name: &str, change: &dyn Fn(&mut weights::Arrays)| {
        let mut arrays = arrays.clone();
        change(&mut arrays);
        weights::save(&bench.path(name), &header, &arrays, Precision::F32).unwrap();
    };
    damaged("nan.safetensors", &|arrays| arrays.values_mut().next().unwrap().values[0] = f32::NAN);
    damaged("shape.safetensors", &|arrays| {
        let array = arrays.values_mut().find(|array| array.shape.len() == 4).unwrap();
        array.shape.reverse();
    });
    damaged("short.safetensors", &|arrays| drop(arrays.pop_first()));
    std::fs::write(bench.path("text.safetensors"), "no weights").unwrap();
    let bytes = std::fs::read(bench.path("good.safetensors")).unwrap();
    std::fs::write(bench.path("cut.safetensors"), &bytes[..bytes.len() - 9]).unwrap();
    bench.model("other.safetensors", "microast");
    let cases = [
        ("nan.safetensors", "not finite"),
        ("shape.safetensors", "has shape"),
        ("short.safetensors", "is missing"),
        ("text.safetensors", "not a safetensors file"),
        ("cut.safetensors", "safetensors"),
        ("other.safetensors", "holds weights of 'microast'"),
        ("none.safetensors", "No such file"),
    ];
    for (file, part) in cases {
        let before = bench.files();
        let args = ["stylize", "photo.png", "--style", "style.png", "--model", file, "-o", "out.png", "-q"];
        bench.run(&args).fails(3, &[file, part]);
        assert_eq!(bench.files(), before);
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let bench = bench();
    let stylize = |output: &str| {
        let args = ["stylize", "photo.png", "--style", "style.png", "--model", "model.safetensors", "-q", "-o", output];
        bench.run(&args)
    };
    let before = bench.files();
    stylize("no/such/folder/out.png").fails(1, &["does not exist"]);
    stylize("out.gif").fails(2, &["not written"]);
    stylize("out.xyz").fails(2, &["out.xyz"]);
    stylize("style.png").fails(2, &["style.png", "--overwrite"]);
    if cfg!(target_os = "linux") {
        // Read-only even for the superuser.
        stylize("/proc/out.png").fails(1, &["cannot write into /proc"]);
    }
    assert_eq!(bench.files(), before);
}

#[test]
fn values_out_of_range() {
    let bench = bench();
    let cases: [(&[&str], &str); 8] = [
        (&["--strength", "1.5"], "strength"),
        (&["--strength", "NaN"], "strength"),
        (&["--size", "3"], "size"),
        (&["--contrast", "9"], "contrast"),
        (&["--method", "gaty"], "'gatys'"),
        (&["--steps", "5"], "steps"),
        (&["--mask", "photo.png", "--feather", "NaN"], "feather"),
        (&["--method", "gatys", "--perception", "percept:x"], "--model"),
    ];
    for (more, part) in cases {
        refused(&bench, "photo.png", "style.png", more, 2, &[part]);
    }
    let absent = ["stylize", "photo.png", "--style", "style.png", "-o", "out.png", "--device", "cuda:77"];
    crate::bench::Ran::from(bench.plain(&absent).output().unwrap()).fails(1, &["cuda"]);
}

#[test]
fn many_files_go_on_after_a_bad_one() {
    let bench = bench();
    std::fs::write(bench.path("bad.jpg"), "no picture").unwrap();
    bench.picture("other.png", 30, 20, 5);
    let contents = ["photo.png", "bad.jpg", "gone.png", "other.png"];
    let more = ["--style", "style.png", "--model", "model.safetensors", "--out-dir", "painted"];
    let ran = bench.run(&[&["stylize"], &contents[..], &more[..]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 3, "{ran:?}");
    assert!(errors[0].contains("bad.jpg") && errors[1].contains("gone.png") && errors[2].contains("2 of 4"), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
    assert_eq!((bench.open("painted/photo-style.png").width, bench.open("painted/other-style.png").width), (48, 30));
}
