//! Routes that clients of other programs call.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bench::{Bench, skipped};
use crate::serve::Studio;

#[test]
fn clients_of_the_web_ui_paint() {
    let bench = Bench::new();
    bench.picture("photo.png", 90, 60, 1);
    bench.picture("mask.png", 90, 60, 2);
    let studio = Studio::start(&bench, &[]);
    let coded = |name: &str| STANDARD.encode(std::fs::read(bench.path(name)).unwrap());
    let mut ask = json!({"init_images": [format!("data:image/png;base64,{}", coded("photo.png"))], "prompt": "great-wave",
        "denoising_strength": 0.7, "seed": 5, "mask": coded("mask.png"), "mask_blur": 2, "sampler_name": "Euler a", "steps": 20});
    let (status, answer) = studio.post("/sdapi/v1/img2img", &ask);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let info: Value = serde_json::from_str(answer["info"].as_str().unwrap()).unwrap();
    assert_eq!((&info["seed"], &info["request"]["strength"]), (&json!(5), &json!(0.7)));
    let image = answer["images"][0].as_str().unwrap();
    let (status, read) = studio.post("/sdapi/v1/png-info", &json!({"image": image}));
    let read: Value = serde_json::from_slice(&read).unwrap();
    assert_eq!(status, 200, "{read}");
    assert!(read["info"].as_str().unwrap().starts_with("impasto stylize"), "{read}");
    assert_eq!(read["parameters"]["job"]["seed"], 5);
    assert_eq!(studio.json("/sdapi/v1/progress")["progress"], 0.0);
    for (field, value) in
        [("prompt", json!("a cat")), ("init_images", json!([])), ("init_images", json!(["?"])), ("n_iter", json!(4))]
    {
        let before = std::mem::replace(&mut ask[field], value);
        assert_eq!(studio.post("/sdapi/v1/img2img", &ask).0, 422, "{field}");
        ask[field] = before;
    }
    let (status, _) = studio.post("/sdapi/v1/png-info", &json!({"image": STANDARD.encode(b"no picture")}));
    assert_eq!(status, 415);
}

#[test]
fn the_client_of_openai_paints_and_generates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python =
        std::env::var_os("IMPASTO_CLIENTS").map_or_else(|| root.join("target/client-venv/bin/python"), Into::into);
    let installed = Command::new(&python).args(["-c", "import openai"]).output().is_ok_and(|ran| ran.status.success());
    if !installed {
        skipped(&format!("{} has no package openai (see CONTRIBUTING.md)", python.display()));
        return;
    }
    let bench = Bench::new();
    bench.picture("photo.png", 90, 60, 1);
    let studio = Studio::start(&bench, &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/clients/openai_client.py");
    let ran = Command::new(python).arg(script).arg(&studio.base).arg(bench.path("photo.png")).output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.trim() == "OK", "{said}\n{complained}");
}
