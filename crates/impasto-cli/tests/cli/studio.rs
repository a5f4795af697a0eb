//! What is explored and learnt through the server: generators, collections, runs, models.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::serve::{Studio, text};

/// The id of a job's first result.
fn first(job: &Value) -> String {
    assert_eq!(job["state"], "done", "{job}");
    text(&job["results"][0]["id"])
}

fn done(studio: &Studio, request: &Value) -> Value {
    studio.over(&studio.submit(request))
}

#[test]
fn generators_are_explored_from_picture_to_picture() {
    let bench = Bench::new();
    let studio = Studio::start(&bench, &[]);
    let model = "icons";
    let seed = done(&studio, &json!({"kind": "generate", "model": model, "seeds": [3]}));
    let one = first(&seed);
    let content = |id: &str| studio.get(&format!("/v1/files/{id}/content")).1;

    // A picture made from where another lies is the same picture.
    let again = done(&studio, &json!({"kind": "generate", "model": model, "codes": [one]}));
    assert_eq!(again["results"][0]["code"], true);
    let pixels = |bytes: Vec<u8>| impasto_image::decode(&bytes, &impasto_image::Limits::default()).unwrap().rgb;
    assert_eq!(pixels(content(&first(&again))), pixels(content(&one)));

    // Children: all, and one of them again by its own request; mixing; a walk.
    let brood = done(&studio, &json!({"kind": "evolve", "model": model, "seeds": [8], "codes": [one], "children": 4}));
    assert_eq!(brood["results"].as_array().unwrap().len(), 4);
    let child = &brood["results"][2];
    assert_eq!((&child["request"]["child"], &child["request"]["codes"][0]), (&json!(2), &json!(one)));
    let same = done(&studio, &child["request"]);
    assert_eq!(content(&first(&same)), content(&text(&child["id"])));
    let mix = json!({"kind": "generate", "model": model, "seeds": [5], "mix": {"code": one, "layers": [1]}});
    assert_ne!(pixels(content(&first(&done(&studio, &mix)))), pixels(content(&one)));
    let walk = done(&studio, &json!({"kind": "walk", "model": model, "seeds": [1], "codes": [one], "steps": 3}));
    assert_eq!(walk["results"][0]["media_type"], "image/gif");
    assert!(content(&first(&walk)).starts_with(b"GIF89a"));
    let single = json!({"kind": "generate", "model": "tiles", "seeds": [5], "mix": {"seed": 1, "layers": [0]}});
    assert_eq!(done(&studio, &single)["problem"]["status"], 422, "one layer has nothing to mix");

    // Directions are found, named and gone along.
    let names = |studio: &Studio| -> Vec<String> {
        let all = studio.json(&format!("/v1/models/{model}/directions"));
        all["directions"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect()
    };
    assert_eq!(names(&studio), Vec::<String>::new());
    let search = json!({"kind": "directions", "model": model, "count": 2});
    assert_eq!(done(&studio, &search)["state"], "done");
    let found = names(&studio);
    assert_eq!(found.len(), 2);
    let path = format!("/v1/models/{model}/directions/{}", found[0]);
    assert_eq!(studio.patch(&path, &json!({"name": found[1]})).0, 409);
    assert_eq!(studio.patch(&path, &json!({"name": "mood"})).0, 200);
    assert_eq!(names(&studio)[0], "mood");
    let moved =
        json!({"kind": "generate", "model": model, "codes": [one], "moves": [{"direction": "mood", "amount": 2}]});
    let moved = first(&done(&studio, &moved));
    assert_ne!(pixels(content(&moved)), pixels(content(&one)));

    // An own picture is looked for; the code goes to the command line, and comes back with the picture.
    bench.picture("scene.png", 40, 30, 5);
    let photo = text(&studio.upload(&bench.path("scene.png"), "content").1["id"]);
    let found =
        done(&studio, &json!({"kind": "project", "model": model, "content": photo, "steps": 8, "noise": false}));
    let found = first(&found);
    std::fs::write(bench.path("code.safetensors"), studio.get(&format!("/v1/files/{found}/code")).1).unwrap();
    bench.run(&["generate", model, "--style-code", "code.safetensors", "-o", "made.png"]).ok();
    // But for rounding: what is looked for with gradients goes through the network without its fused operations.
    let (made, sought) = (pixels(std::fs::read(bench.path("made.png")).unwrap()), pixels(content(&found)));
    let most = made.iter().zip(&sought).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(made.len() == sought.len() && most < 1.5 / 255.0, "{most}");
    let elsewhere = Bench::new();
    let other = Studio::start(&elsewhere, &[]);
    std::fs::write(bench.path("moved.png"), content(&moved)).unwrap();
    let (status, back) = other.upload(&bench.path("moved.png"), "content");
    assert_eq!((status, &back["code"], &back["request"]["codes"][0]), (201, &json!(true), &back["id"]));
    let again = first(&done(&other, &back["request"]));
    let elsewhere = pixels(other.get(&format!("/v1/files/{again}/content")).1);
    assert_eq!(elsewhere, pixels(content(&moved)), "a picture alone says where it lies");
}

/// Asks for a run until something holds of it.
fn until(studio: &Studio, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let run = studio.json(&format!("/v1/runs/{id}"));
        if holds(&run) {
            return run;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{run}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_run_gives_way_is_paused_killed_rolled_back_and_kept() {
    let bench = Bench::new();
    bench.run(&["generate", "tiles", "--seeds", "0-11", "--out-dir", "tiles"]).ok();
    let mut studio = Studio::start(&bench, &[]);
    let uploaded = |file: std::fs::DirEntry| text(&studio.upload(&file.path(), "data").1["id"]);
    let ids: Vec<String> = std::fs::read_dir(bench.path("tiles")).unwrap().flatten().map(uploaded).collect();
    let (status, made) = studio.post("/v1/collections", &json!({"name": "Tiles & more"}));
    assert_eq!(status, 201);
    let collection = text(&serde_json::from_slice::<Value>(&made).unwrap()["id"]);
    assert_eq!(studio.post(&format!("/v1/collections/{collection}/files"), &json!({"add": ids})).0, 200);
    let report = studio.json(&format!("/v1/collections/{collection}/report"));
    assert_eq!((&report["usable"], &report["sides"]["median"]), (&json!(12), &json!(32.0)));
    assert_eq!(report["recipe"]["size"], json!([32, 32]));

    let train = json!({"kind": "train", "what": "gan", "sources": {"data": [collection]}, "size": [16, 16],
        "architecture": "dcgan", "preview_every": 10, "checkpoint_every": 20, "settings": {"steps": 100_000, "batch": 4, "network.width": 8}});
    let id = studio.submit(&train);
    let path = format!("/v1/runs/{id}");
    until(&studio, &id, |run| run["state"] == "training" && run["step"].as_u64() > Some(10));
    // Others are served between its steps.
    let other = done(&studio, &json!({"kind": "generate", "model": "icons", "seeds": [1]}));
    assert_eq!(other["state"], "done");
    assert_eq!(studio.json(&path)["state"], "training");
    assert_eq!(studio.post(&format!("{path}/rollback"), &json!({"step": 0})).0, 409, "it trains");
    assert_eq!(studio.delete(&path), 409);

    // A kill costs what came after the last checkpoint, and no more.
    let before = until(&studio, &id, |run| run["checkpoints"].as_array().unwrap().len() > 1);
    studio.kill();
    studio = Studio::start(&bench, &[]);
    let reached = before["checkpoints"].as_array().unwrap().last().unwrap().as_u64().unwrap();
    until(&studio, &id, |run| run["state"] == "training" && run["step"].as_u64() > Some(reached + 10));
    assert_eq!(studio.post(&format!("{path}/pause"), &json!({})).0, 202);
    let paused = until(&studio, &id, |run| {
        run["state"] == "paused" && run["checkpoints"].as_array().unwrap().last().unwrap().as_u64() > Some(reached + 10)
    });
    assert!(
        paused["figures"]["generator"].is_number() && !paused["samples"].as_array().unwrap().is_empty(),
        "{paused}"
    );
    assert!(
        paused["config"].to_string().contains("Tiles _ more") && !paused.to_string().contains("/data/"),
        "{paused}"
    );
    let log = studio.json(&format!("{path}/log"));
    let count = log["last"].as_u64().unwrap();
    assert_eq!(studio.json(&format!("{path}/log?after={count}"))["lines"], json!([]));
    let grid = studio.get(&format!("{path}/samples/{}", paused["samples"][0])).1;
    assert!(grid.starts_with(b"\x89PNG"));
    assert_eq!(studio.get(&format!("{path}/samples/7")).0, 404);

    // What it learnt is kept, used, and outlives what becomes of the run.
    let wait = Instant::now();
    while studio.post(&format!("{path}/keep"), &json!({"name": "my-tiles"})).0 != 201 {
        assert!(wait.elapsed() < Duration::from_secs(30), "its weights are not written");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(studio.post(&format!("{path}/keep"), &json!({"name": "my-tiles"})).0, 409);
    assert_eq!(studio.post(&format!("{path}/keep"), &json!({"name": "../x"})).0, 422);
    let card = String::from_utf8(studio.get("/v1/models/my-tiles/card").1).unwrap();
    assert!(card.contains("12 pictures (Tiles _ more)") && card.contains("my-tiles.safetensors"), "{card}");
    assert_eq!(studio.json("/v1/models")["generators"][0]["name"], "my-tiles");
    assert_eq!(done(&studio, &json!({"kind": "generate", "model": "my-tiles", "seeds": [1]}))["state"], "done");
    let (status, body) = studio.post(&format!("{path}/rollback"), &json!({"step": 3}));
    assert_eq!(status, 422, "{}", String::from_utf8_lossy(&body));
    let back = paused["checkpoints"][0].as_u64().unwrap();
    assert_eq!(studio.post(&format!("{path}/rollback"), &json!({"step": back})).0, 200);
    let rolled = studio.json(&path);
    assert_eq!((&rolled["step"], &rolled["kept"]), (&json!(back), &json!(["my-tiles"])));
    assert_eq!(studio.post(&format!("{path}/resume"), &json!({})).0, 202);
    until(&studio, &id, |run| run["state"] == "training" && run["step"].as_u64() > Some(back));
    assert_eq!(studio.delete(&format!("/v1/jobs/{id}")), 202, "cancelling its job pauses it");
    assert_eq!(studio.delete(&format!("/v1/jobs/{id}")), 409, "what it learnt is not forgotten with a job");
    let wait = Instant::now();
    while studio.delete(&path) != 204 {
        assert!(wait.elapsed() < Duration::from_secs(30), "it does not come to rest");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(studio.get(&path).0, 404);
    assert!(!bench.path("data/runs").join(&id).exists());
    assert_eq!(done(&studio, &json!({"kind": "generate", "model": "my-tiles", "seeds": [2]}))["state"], "done");
    assert_eq!(studio.delete("/v1/models/my-tiles"), 204);
    assert_eq!(
        studio.post("/v1/jobs", &json!({"request": {"kind": "generate", "model": "my-tiles", "seeds": [1]}})).0,
        422
    );
}
