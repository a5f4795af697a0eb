//! Training: exact resume after any end, dry run, refusals.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, Ran};

const NETWORK: &str =
    "network={widths = [4, 4, 6, 8], style_width = 8, attention_width = 4, blocks = 1, paint_kernel = 3}";

/// A folder with pictures and a tiny perception network.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..3 {
        bench.picture(&format!("photos/{seed}.png"), 80, 72, seed);
        bench.picture(&format!("paintings/{seed}.png"), 72, 90, 10 + seed);
    }
    bench.percept("percept.safetensors");
    bench
}

/// `train fusion` with tiny settings into `runs`.
fn args<'a>(runs: &'a str, steps: &'a str) -> Vec<&'a str> {
    let data = ["--content", "photos", "--styles", "paintings", "--perception", "percept:percept.safetensors"];
    let settings = ["--batch", "2", "--crop", "64", "--seed", "3", "--set", NETWORK, "--set", "short_side=64"];
    let more = ["--set", "adversarial_from=2", "--checkpoint-every", "5", "--log-every", "1", "--steps", steps];
    [&["train", "fusion"], &data[..], &settings[..], &more[..], &["--run-dir", runs]].concat()
}

/// The weights and the last state of a run.
pub(crate) fn result(run: &Path, steps: u64) -> (Vec<u8>, Vec<u8>) {
    let state = run.join(format!("checkpoints/step-{steps:08}/state.safetensors"));
    (std::fs::read(run.join("weights.safetensors")).unwrap(), std::fs::read(state).unwrap())
}

/// Starts the training in `run` and waits until it has a checkpoint beyond the first.
pub(crate) fn until_a_checkpoint(bench: &Bench, args: &[&str], run: &str) -> Child {
    let mut child = bench.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let latest = bench.path(run).join("checkpoints/latest");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::read_to_string(&latest).map_or(true, |name| name == "step-00000000") {
        assert!(Instant::now() < deadline, "no checkpoint");
        assert!(child.try_wait().unwrap().is_none(), "ended before a checkpoint: {:?}", child.wait_with_output());
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_killed_run_resumes_bit_for_bit() {
    let bench = bench();
    bench.run(&args("whole", "30")).ok();
    let mut child = until_a_checkpoint(&bench, &args("killed", "30"), "killed/0000-fusion");
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = bench.run(&["train", "--resume", "killed/0000-fusion"]);
    // '--device' is the run's own and may not be given.
    ran.fails(2, &["--device"]);
    let resume = |run: &str| Ran::from(bench.plain(&["train", "--resume", run]).output().unwrap());
    resume("killed/0000-fusion").ok();
    let whole = result(&bench.path("whole/0000-fusion"), 30);
    assert!(result(&bench.path("killed/0000-fusion"), 30) == whole);
    // Resuming a run that is done changes nothing.
    resume("killed/0000-fusion").ok();
    assert!(result(&bench.path("killed/0000-fusion"), 30) == whole);
    for name in ["config.toml", "log.jsonl", "README.md", "samples/step-00000030.png"] {
        assert!(bench.path("whole/0000-fusion").join(name).is_file(), "{name}");
    }

    // The weights paint, and other pictures are noticed.
    bench.picture("photo.png", 30, 20, 50);
    let model = "whole/0000-fusion/weights.safetensors";
    bench.run(&["stylize", "photo.png", "--style", "paintings/0.png", "--model", model, "-o", "o.png"]).ok();
    let json = bench.run(&["inspect", model, "--json"]).ok().stdout;
    assert!(json.contains("\"folders\":[\"photos\"]") && !json.contains(&*bench.path("").to_string_lossy()), "{json}");
    bench.picture("photos/1.png", 80, 72, 99);
    resume("killed/0000-fusion").fails(3, &["not those the run was begun with", "--accept-changed-data"]);
}

/// The tensors of a safetensors file of 16 bit, without its header. A step of no length makes 0 of -0, which some processors'
/// roundings leave in weights and others' do not: both are 0 here.
fn tensors(file: &Path) -> Vec<u16> {
    let bytes = std::fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let values = bytes[8 + usize::try_from(header).unwrap()..].as_chunks::<2>().0;
    values.iter().map(|value| u16::from_le_bytes(*value)).map(|value| if value == 0x8000 { 0 } else { value }).collect()
}

#[test]
fn a_run_begins_from_the_weights_of_another_and_remembers_it() {
    let bench = bench();
    bench.run(&args("first", "6")).ok();
    let weights = "first/0000-fusion/weights.safetensors";
    let second = |runs: &str, more: &[&str]| bench.run(&[&args(runs, "1")[..], &["--init", weights], more].concat());
    second("still", &["--set", "rate=0.0"]).ok();
    let still = "still/0000-fusion/weights.safetensors";
    assert!(tensors(&bench.path(still)) == tensors(&bench.path(weights)));
    second("moved", &[]).ok();
    assert!(tensors(&bench.path("moved/0000-fusion/weights.safetensors")) != tensors(&bench.path(weights)));
    let json = bench.run(&["inspect", still, "--json"]).ok().stdout;
    assert!(json.contains("began_from") && json.matches("\"folders\":[\"photos\"]").count() == 2, "{json}");

    second("other", &["--set", "network={widths = [4, 4, 6, 6]}"]).fails(3, &[weights, "shape"]);
    let percept = [&args("other", "1")[..], &["--init", "percept.safetensors"]].concat();
    bench.run(&percept).fails(3, &["percept.safetensors", "not of 'fusion'"]);
    assert!(!bench.path("other").exists());
}

#[test]
fn a_run_keeps_its_encoder_and_so_the_codes_of_styles() {
    let bench = bench();
    bench.run(&args("first", "4")).ok();
    let weights = "first/0000-fusion/weights.safetensors";
    let with = |runs: &str, more: &[&str]| bench.run(&[&args(runs, "4")[..], more].concat());
    with("kept", &["--init", weights, "--set", "keep_encoder=true"]).ok();
    with("trained", &["--init", weights]).ok();
    let unequal = |runs: &str| -> Vec<String> {
        let files = [weights.to_owned(), format!("{runs}/0000-fusion/weights.safetensors")];
        let [before, after] = files.map(|file| impasto_engine::weights::load(&bench.path(&file)).unwrap().1);
        before.into_iter().filter(|(name, array)| after[name] != *array).map(|(name, _)| name).collect()
    };
    let of_encoder = |name: &String| name.starts_with("encode");
    assert_eq!(unequal("trained").iter().filter(|name| of_encoder(name)).count(), 8);
    let kept = unequal("kept");
    assert!(kept.len() > 20 && !kept.iter().any(of_encoder), "{kept:?}");
    let ran = with("drawn", &["--set", "keep_encoder=true"]).ok();
    assert!(ran.stderr.contains("--init FILE"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_cleanly_and_resumes_bit_for_bit() {
    let bench = bench();
    bench.run(&args("whole", "60")).ok();
    let child = until_a_checkpoint(&bench, &args("cut", "60"), "cut/0000-fusion");
    let second = Ran::from(bench.plain(&["train", "--resume", "cut/0000-fusion"]).output().unwrap());
    assert!(second.code == 0 || second.stderr.contains("another process trains"), "{second:?}");
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(ran.code == 130 || ran.code == 0, "{ran:?}");
    if ran.code == 130 {
        assert!(ran.stderr.contains("impasto train --resume"), "{ran:?}");
    }
    Ran::from(bench.plain(&["train", "--resume", "cut/0000-fusion"]).output().unwrap()).ok();
    assert!(result(&bench.path("cut/0000-fusion"), 60) == result(&bench.path("whole/0000-fusion"), 60));
}

#[test]
fn a_dry_run_says_what_it_would_take_and_writes_nothing() {
    let bench = bench();
    let before = bench.files();
    let ran = bench.run(&[&args("runs", "1000")[..], &["--dry-run"]].concat()).ok();
    for part in ["[training]", "steps = 1000", "parameters", "kMAC per pixel", "memory", "images/s", "time"] {
        assert!(ran.stdout.contains(part), "no '{part}' in {ran:?}");
    }
    assert_eq!(bench.files(), before);
}

#[test]
fn percept_is_trained_the_same_way() {
    let bench = bench();
    let network = "network={widths = [2, 2, 2, 2, 2], convolutions = [1, 1, 1, 1, 1], outputs = [4, 4, 4, 4, 4]}";
    let data = ["--data", "photos", "paintings", "--teacher", "percept-wide:percept.safetensors"];
    let settings = ["--batch", "2", "--crop", "32", "--steps", "3", "--set", "short_side=64", "--set", network];
    let ran = bench.run(&[&["train", "percept"], &data[..], &settings[..], &["--seed", "1"]].concat()).ok();
    assert_eq!(ran.stdout, "runs/0000-percept/weights.safetensors\n");
    assert!(bench.run(&["inspect", ran.stdout.trim()]).ok().stdout.contains("algorithm   percept"));
}

#[test]
fn requests_that_make_no_sense() {
    let bench = bench();
    let base = args("runs", "5");
    let with = |more: &[&str]| bench.run(&[&base[..], more].concat());
    with(&["--set", "bacth=3"]).fails(2, &["'batch'"]);
    with(&["--set", "batch"]).fails(2, &["KEY=VALUE"]);
    with(&["--set", "rate=fast"]).fails(2, &["rate"]);
    with(&["--set", "crop=65"]).fails(2, &["crop is 65"]);
    with(&["--minutes", "-3"]).fails(2, &["--minutes"]);
    with(&["--config", "none.toml"]).fails(3, &["none.toml"]);
    bench.run(&["train", "fusion", "--content", "photos"]).fails(2, &["--styles"]);
    bench.run(&["train", "fusion", "--content", "nowhere", "--styles", "paintings"]).fails(3, &["nowhere"]);
    let empty = bench.path("empty");
    std::fs::create_dir(&empty).unwrap();
    bench.run(&["train", "fusion", "--content", "empty", "--styles", "paintings"]).fails(3, &["empty"]);
    std::fs::remove_dir(&empty).unwrap();
    assert!(!bench.path("runs").exists());
    let ran = Ran::from(bench.plain(&["train", "--resume", "paintings"]).output().unwrap());
    ran.fails(3, &["not a run folder"]);
}
