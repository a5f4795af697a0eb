//! Training a generator: recipe, exact resume, what it made, refusals.

use crate::bench::{Bench, Ran};
use crate::train::{result, until_a_checkpoint};

const NETWORK: &str = "network={latent = 6, width = 4, most = 8, discriminator_width = 4, discriminator_most = 8}";

/// Pictures of two kinds.
fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 0..4 {
        bench.picture(&format!("pictures/light/{seed}.png"), 20, 16, seed);
        bench.picture(&format!("pictures/dark/{seed}.png"), 16, 18, 10 + seed);
    }
    bench
}

/// `train gan` with tiny settings into `runs`.
fn args<'a>(runs: &'a str, steps: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let data = ["train", "gan", "--data", "pictures", "--cfg", "dcgan", "--res", "16", "--no-cache"];
    let settings = ["--batch", "4", "--seed", "3", "--set", NETWORK, "--checkpoint-every", "5", "--log-every", "1"];
    [&data[..], &settings[..], &["--steps", steps, "--run-dir", runs], more].concat()
}

#[test]
fn a_killed_run_resumes_bit_for_bit_and_its_generator_makes_pictures() {
    let bench = bench();
    let classes = ["--classes", "from-folders"];
    bench.run(&args("whole", "40", &classes)).ok();
    let mut child = until_a_checkpoint(&bench, &args("killed", "40", &classes), "killed/0000-dcgan");
    child.kill().unwrap();
    child.wait().unwrap();
    Ran::from(bench.plain(&["train", "--resume", "killed/0000-dcgan"]).output().unwrap()).ok();
    let [whole, killed] = ["whole", "killed"].map(|runs| result(&bench.path(runs).join("0000-dcgan"), 40));
    assert!(whole == killed, "a resumed run differs");

    let sheet =
        impasto_image::open(&bench.path("whole/0000-dcgan/samples/step-00000040.png"), &Default::default()).unwrap();
    // A column for each of the two classes, eight rows, one pixel around each.
    assert_eq!((sheet.width, sheet.height), (2 * 17 + 1, 8 * 17 + 1));
    let generate = ["generate", "whole/0000-dcgan", "--class", "dark", "--seeds", "0-3", "--out-dir", "made"];
    bench.run(&generate).ok();
    let made = bench.open("made/0000-dcgan-seed0003.png");
    assert_eq!((made.width, made.height), (16, 16));
}

#[test]
fn learning_rates_that_are_far_too_high_are_noticed_and_lowered() {
    let bench = bench();
    let wild =
        ["--set", "rate=1.0", "--set", "discriminator_rate=1.0", "--watch-every", "10", "--checkpoint-every", "20"];
    let wild: Vec<&str> = args("wild", "60", &[])
        .into_iter()
        .filter(|arg| !["--checkpoint-every", "5"].contains(arg))
        .chain(wild)
        .collect();
    let ran = bench.run(&wild).ok();
    for part in ["training swings", "back to step 0 with a tenth of the learning rates"] {
        assert!(ran.stderr.contains(part), "no '{part}' in {ran:?}");
    }
    let log = std::fs::read_to_string(bench.path("wild/0000-dcgan/log.jsonl")).unwrap();
    assert!(log.contains("\"back_to\":0") && log.contains("\"step\":60"), "{log}");
}

/// Fifty times the usual rates, the usual networks, the tiles.
#[test]
#[ignore = "trains for a minute"]
fn a_planted_collapse_is_rolled_back() {
    let Some(shared) = crate::eval::shared() else { return };
    let tiles = shared.join("data/gan_small/rltiles32");
    let bench = Bench::new();
    let wild =
        ["--set", "rate=0.02", "--set", "discriminator_rate=0.02", "--watch-every", "50", "--checkpoint-every", "100"];
    let data = ["train", "gan", "--data", tiles.to_str().unwrap(), "--cfg", "dcgan", "--res", "32", "--no-cache"];
    let ran = bench.run(&[&data[..], &wild, &["--seed", "1", "--batch", "32", "--steps", "200"]].concat()).ok();
    assert!(ran.stderr.contains("training swings") && ran.stderr.contains("; back to step "), "{ran:?}");
    // What is trained then makes pictures that differ from each other.
    bench.run(&["generate", "runs/0000-dcgan", "--seeds", "0-1", "--out-dir", "made"]).ok();
    let made = ["made/0000-dcgan-seed0000.png", "made/0000-dcgan-seed0001.png"].map(|name| bench.open(name));
    assert_ne!(made[0], made[1]);
}

#[test]
fn what_is_not_given_is_chosen_and_said() {
    let bench = bench();
    let ran = bench
        .run(&["train", "gan", "--data", "pictures", "--no-cache", "--seed", "1", "--batch", "2", "--dry-run"])
        .ok();
    for part in ["fastgan, since it is made for few pictures", "16 px", "8 pictures are very few"] {
        assert!(ran.stderr.contains(part), "no '{part}' in {ran:?}");
    }
    for part in ["algorithm = \"fastgan\"", "loss = \"relativistic\"", "[training.vary]", "parameters", "images/s"] {
        assert!(ran.stdout.contains(part), "no '{part}' in {ran:?}");
    }
    assert!(!bench.path("runs").exists());
}

#[test]
fn what_is_not_refused_but_unwise_is_said() {
    let bench = bench();
    let train = |more: &[&str]| bench.run(&[&args("runs", "2", more)[..], &["--dry-run"]].concat()).ok().stderr;
    let warned = |text: &str| text.contains("--set penalty.kind=wgan --set penalty.weight=10");
    assert!(warned(&train(&["--set", "loss=wasserstein"])));
    assert!(!warned(&train(&["--set", "loss=wasserstein", "--set", "penalty.kind=wgan"])));
    assert!(!warned(&train(&["--set", "loss=hinge"])));
}

#[test]
fn refusals_say_what_to_do() {
    let bench = bench();
    bench.run(&["train", "gan", "--cfg", "dcgan"]).fails(2, &["--data"]);
    bench.run(&args("runs", "2", &["--set", "los=hinge"])).fails(2, &["'loss'"]);
    bench.run(&args("runs", "2", &["--set", "loss=hing"])).fails(2, &["hinge"]);
    bench.run(&args("runs", "2", &["--set", "beta1=1.5"])).fails(2, &["beta1", "1.5"]);
    bench.run(&["train", "gan", "--data", "pictures", "--cfg", "fusion"]).fails(2, &["fusion", "fastgan"]);
    bench.run(&["train", "gan", "--data", "nowhere", "--cfg", "dcgan", "--res", "16"]).fails(3, &["nowhere"]);
    // What no pictures could be trained with is refused before any is looked for.
    let train = |more: &[&str]| bench.run(&[&["train", "gan", "--data", "nowhere"], more].concat());
    for cfg in ["auto", "dcgan", "fastgan", "stylegan"] {
        train(&["--cfg", cfg, "--res", "100"]).fails(2, &["100x100", "the nearest is 96x96"]);
    }
    train(&["--res", "2000"]).fails(2, &["size is 2000"]);
    for (cfg, setting) in [("stylegan", "network.spread=true"), ("dcgan", "network.batch_norm=true")] {
        let asked = ["--cfg", cfg, "--set", "penalty.exact=true", "--set", setting];
        train(&asked).fails(2, &["penalty.exact needs a discriminator without", setting.split('=').next().unwrap()]);
    }
    train(&["--cfg", "fastgan", "--set", "penalty.exact=true"]).fails(3, &["nowhere"]);
    train(&["--set", "network.style_width=64"]).fails(3, &["nowhere"]);
    train(&["--set", "network.styl_width=64"]).fails(2, &["network.styl_width"]);
    assert!(!bench.path("runs").exists());
}
