//! Lists, checks, completions.

use crate::bench::{Bench, Ran};

#[test]
fn models_are_listed_one_a_line() {
    let bench = Bench::new();
    let list = bench.run(&["models", "list"]).ok().stdout;
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.iter().any(|row| row[..2] == ["fusion", "stylizer"]), "{list}");
    assert!(rows.iter().any(|row| row[..2] == ["gatys", "stylizer"]), "{list}");
    assert!(rows.iter().any(|row| row[..2] == ["percept", "features"]), "{list}");
    for row in &rows {
        let shown = bench.run(&["models", "show", row[0]]).ok().stdout;
        assert!(!shown.is_empty(), "{row:?}");
    }
    bench.run(&["models", "show", "fusoin"]).fails(2, &["'fusion'"]);
    bench.run(&["models", "import", "fusion", "x", "-o", "y"]).fails(2, &["fusion"]);
    bench.run(&["models", "import", "microast", "x.safetensors", "-o", "y"]).fails(3, &["x.safetensors"]);
}

#[test]
fn the_doctor_finds_this_machine_well() {
    let report = Bench::new().run(&["doctor"]).ok().stdout;
    for part in ["impasto", "backends", "cpu", "auto", "recorrelation", "backward", "ok", "GFLOP/s"] {
        assert!(report.contains(part), "{report}");
    }
    assert!(!report.contains("WRONG"), "{report}");
}

#[test]
fn an_instruction_set_can_be_asked_for() {
    let bench = Bench::new();
    let with = |value: &str| {
        let mut command = bench.command(&["doctor"]);
        Ran::from(command.env("IMPASTO_ISA", value).output().unwrap())
    };
    let report = with("portable").ok().stdout;
    assert!(report.lines().any(|line| line.starts_with("kernels") && line.ends_with("portable")), "{report}");
    with("sse9").fails(1, &["IMPASTO_ISA=sse9", "portable"]);
}

#[test]
fn shells_and_manuals() {
    let bench = Bench::new();
    assert!(bench.run(&["completions", "bash"]).ok().stdout.contains("stylize"));
    assert!(bench.run(&["man"]).ok().stdout.contains(".TH impasto"));
    assert!(bench.run(&["man", "models", "import"]).ok().stdout.contains("impasto-models-import"));
    bench.run(&["man", "nothing"]).fails(2, &["nothing"]);
    assert_eq!(bench.run(&["stylise"]).code, 2);
}

#[test]
fn inspect_reads_pictures_and_weights() {
    let bench = Bench::new();
    bench.picture("a.png", 12, 9, 1);
    bench.model("m.safetensors", "fusion");
    let shown = bench.run(&["inspect", "a.png", "m.safetensors"]).ok().stdout;
    assert!(shown.contains("PNG, 12x9, colour, 8 bit") && shown.contains("algorithm   fusion"), "{shown}");
    bench.run(&["inspect", "nothing.png"]).fails(3, &["nothing.png"]);
}

#[test]
fn progress_can_be_json() {
    let bench = Bench::new();
    bench.picture("a.png", 12, 9, 1);
    bench.picture("s.png", 64, 64, 2);
    bench.model("m.safetensors", "fusion");
    let args = ["stylize", "a.png", "--style", "s.png", "--model", "m.safetensors", "--progress", "json", "-o"];
    for (output, code) in [("o.png", 0), ("o.png", 2)] {
        let ran = bench.run(&[&args[..], &[output]].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        for line in ran.stderr.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(event["event"].is_string(), "{line}");
        }
        assert!((code == 0) != ran.stderr.contains("\"event\":\"error\""), "{ran:?}");
    }
}
