//! The server, as its clients meet it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, skipped};

/// A server at work.
pub(crate) struct Studio {
    child: Child,
    pub(crate) base: String,
}

impl Studio {
    pub(crate) fn start(bench: &Bench, args: &[&str]) -> Self {
        let mut command = bench.command(&[&["serve", "--port", "0", "--data-dir", "data"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.split(' ').next_back().unwrap().trim().to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, base: base.split('#').next().unwrap().trim_end_matches('/').to_owned() }
    }

    fn agent() -> ureq::Agent {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(120)));
        config.build().into()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let mut response = Self::agent().get(format!("{}{path}", self.base)).call().unwrap();
        (response.status().as_u16(), response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap())
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let request = Self::agent().post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let mut response = request.send(body.to_string()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_vec().unwrap())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let request = Self::agent().patch(format!("{}{path}", self.base)).header("content-type", "application/json");
        let mut response = request.send(body.to_string()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_vec().unwrap())
    }

    pub(crate) fn delete(&self, path: &str) -> u16 {
        Self::agent().delete(format!("{}{path}", self.base)).call().unwrap().status().as_u16()
    }

    pub(crate) fn upload(&self, file: &Path, role: &str) -> (u16, Value) {
        let bytes = std::fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let request = Self::agent().post(format!("{}/v1/files", self.base)).query("name", name).query("role", role);
        let mut response = request.send(&bytes[..]).unwrap();
        let body = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) fn submit(&self, request: &Value) -> String {
        let (status, body) = self.post("/v1/jobs", &json!({"request": request}));
        let job: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 202, "{job}");
        text(&job["id"])
    }

    /// Waits until a job is over.
    pub(crate) fn over(&self, job: &str) -> Value {
        self.until(job, |job| !["queued", "running"].contains(&text(&job["state"]).as_str()))
    }

    pub(crate) fn until(&self, job: &str, done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let found = self.json(&format!("/v1/jobs/{job}"));
            if done(&found) {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(300), "{found}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn stylize(content: &Value) -> Value {
    json!({"kind": "stylize", "content": content["id"], "styles": [{"name": "great-wave"}], "seed": 3})
}

/// Minutes of work.
fn long(content: &Value) -> Value {
    json!({"kind": "stylize", "content": content["id"], "styles": [{"file": content["id"]}], "method": "gatys",
        "settings": {"steps": 5000}})
}

#[test]
fn a_picture_is_uploaded_looked_at_painted_and_comes_back() {
    let bench = Bench::new();
    bench.picture("my photo.png", 150, 100, 1);
    bench.picture("style.png", 80, 60, 2);
    let studio = Studio::start(&bench, &[]);
    for path in ["/healthz", "/readyz", "/v1/status", "/v1/styles", "/metrics", "/"] {
        assert_eq!(studio.get(path).0, 200, "{path}");
    }
    assert!(studio.json("/openapi.json")["paths"].get("/v1/jobs").is_some());
    let (status, photo) = studio.upload(&bench.path("my photo.png"), "content");
    assert_eq!((status, text(&photo["name"]).as_str()), (201, "my photo.png"), "{photo}");
    assert_eq!(photo["width"], 150);
    let (status, again) = studio.upload(&bench.path("my photo.png"), "content");
    assert_eq!((status, &again["id"]), (200, &photo["id"]));
    let (status, preview) = studio.post("/v1/preview", &json!({"request": stylize(&photo), "side": 64}));
    assert_eq!((status, &preview[..2]), (200, &b"\xff\xd8"[..]));
    let (_, style) = studio.upload(&bench.path("style.png"), "style");

    let mut request = stylize(&photo);
    request["styles"] = json!([{"name": "great-wave"}, {"file": style["id"], "weight": 0.5}]);
    request["strength"] = json!(0.8);
    let job = studio.over(&studio.submit(&request));
    assert_eq!(text(&job["state"]), "done", "{job}");
    let result = &job["results"][0];
    let (_, painted) = studio.get(&format!("/v1/files/{}/content", text(&result["id"])));
    for form in ["view", "thumb"] {
        assert_eq!(studio.get(&format!("/v1/files/{}/{form}", text(&result["id"]))).0, 200);
    }

    // The same as the command line paints, to the byte.
    let args = ["stylize", "my photo.png", "--style", "great-wave", "--style", "style.png:0.5", "--strength", "0.8"];
    bench.run(&[&args[..], &["--seed", "3", "-o", "own.png"]].concat()).ok();
    assert!(painted == std::fs::read(bench.path("own.png")).unwrap(), "the command line paints another picture");

    // What is dropped back has every setting, known as a result or not.
    std::fs::write(bench.path("result.png"), &painted).unwrap();
    let (_, dropped) = studio.upload(&bench.path("result.png"), "content");
    assert_eq!(dropped["request"], job["request"]);
    let elsewhere = Bench::new();
    std::fs::copy(bench.path("style.png"), elsewhere.path("style.png")).unwrap();
    let stranger = Studio::start(&elsewhere, &[]);
    let (_, dropped) = stranger.upload(&bench.path("result.png"), "content");
    assert_eq!(
        (&dropped["request"]["strength"], &dropped["missing"]),
        (&json!(0.8), &json!(["style.png", "my photo.png"]))
    );
    let (_, style) = stranger.upload(&elsewhere.path("style.png"), "style");
    assert_eq!(stranger.delete(&format!("/v1/files/{}", text(&dropped["id"]))), 204);
    let (_, dropped) = stranger.upload(&bench.path("result.png"), "content");
    assert_eq!(
        (&dropped["request"]["styles"][1]["file"], &dropped["missing"]),
        (&style["id"], &json!(["my photo.png"]))
    );
}

#[test]
fn previews_overtake_and_cancel_is_answered() {
    let bench = Bench::new();
    bench.picture("photo.png", 200, 150, 1);
    let studio = Studio::start(&bench, &[]);
    let (_, photo) = studio.upload(&bench.path("photo.png"), "content");
    let long = long(&photo);
    let job = studio.submit(&long);
    let waiting = studio.submit(&stylize(&photo));
    let running = studio.until(&job, |job| job["progress"]["done"].as_u64().is_some_and(|done| done > 0));
    assert_eq!(running["progress"]["total"], 5000, "{running}");
    let (status, _) = studio.post("/v1/preview", &json!({"request": stylize(&photo), "side": 64}));
    assert_eq!(status, 200);
    assert_eq!(text(&studio.json(&format!("/v1/jobs/{job}"))["state"]), "running", "the preview did not wait for it");
    let mut events = ureq::get(format!("{}/v1/jobs/{job}/events", studio.base)).call().unwrap();
    let mut told = BufReader::new(events.body_mut().as_reader()).lines().map_while(Result::ok);
    assert!(told.any(|line| line == "event: progress"));
    assert_eq!(studio.delete(&format!("/v1/jobs/{job}")), 202);
    assert!(told.any(|line| line == "event: job") && told.any(|line| line.contains("cancelled")));
    // The thread is free for the next.
    assert_eq!(text(&studio.over(&waiting)["state"]), "done");
    let cancelled = studio.json(&format!("/v1/jobs/{job}"));
    assert_eq!((text(&cancelled["state"]).as_str(), cancelled["results"].as_array().unwrap().len()), ("cancelled", 0));
}

/// Kills the server again and again while it works on a queue; every job must come out once.
fn killed(times: usize, jobs: usize) {
    let bench = Bench::new();
    bench.picture("photo.png", 64, 48, 1);
    let mut studio = Studio::start(&bench, &["--max-queued", "100000"]);
    let (_, photo) = studio.upload(&bench.path("photo.png"), "content");
    let ids: Vec<String> = (0..jobs)
        .map(|seed| {
            let mut request = json!({"kind": "adjust", "content": photo["id"], "adjust": {"grain": 0.1}});
            request["adjust"]["grain_seed"] = json!(seed);
            studio.submit(&request)
        })
        .collect();
    for round in 0..times {
        // No two rounds last equally long; no clock is asked, so that a failure can be had again.
        std::thread::sleep(Duration::from_millis(40 + (round as u64 * 7919) % 230));
        studio.kill();
        studio = Studio::start(&bench, &["--max-queued", "100000"]);
    }
    for id in &ids {
        let job = studio.over(id);
        assert_eq!((text(&job["state"]).as_str(), job["results"].as_array().unwrap().len()), ("done", 1), "{job}");
    }
    let mut results = Vec::new();
    let mut before = String::new();
    loop {
        let page = studio.json(&format!("/v1/files?role=result&limit=200{before}"));
        results.extend(page["files"].as_array().unwrap().iter().map(|file| text(&file["id"])));
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(results.len(), jobs, "a job's result is there once");
    for id in &results {
        let bytes = studio.get(&format!("/v1/files/{id}/content")).1;
        impasto_image::decode(&bytes, &impasto_image::Limits::default()).unwrap();
    }
    let kept = std::fs::read_dir(bench.path("data/files")).unwrap().count();
    assert_eq!(kept, jobs + 1, "no folder is left without a file");
}

#[test]
fn a_killed_server_loses_nothing() {
    killed(4, 24);
}

#[test]
#[ignore = "minutes: a hundred kills of a server with five hundred jobs"]
fn a_server_killed_a_hundred_times_loses_nothing() {
    killed(100, 500);
}

#[test]
fn a_server_that_is_asked_to_stop_goes_on_later() {
    let bench = Bench::new();
    bench.picture("photo.png", 120, 90, 1);
    let mut studio = Studio::start(&bench, &[]);
    let (_, photo) = studio.upload(&bench.path("photo.png"), "content");
    let long = long(&photo);
    let job = studio.submit(&long);
    studio.until(&job, |job| text(&job["state"]) == "running");
    let refused = bench.run(&["serve", "--port", "0", "--data-dir", "data"]);
    assert!(refused.code == 1 && refused.stderr.contains("in use"), "{refused:?}");
    let killed = std::process::Command::new("kill").arg(studio.child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert!(studio.child.wait().unwrap().success());
    let studio = Studio::start(&bench, &[]);
    let again = studio.until(&job, |job| text(&job["state"]) == "running");
    assert_eq!(again["attempts"], 1, "a stop in order is no attempt");
    assert_eq!(studio.delete(&format!("/v1/jobs/{job}")), 202);
}

/// Hostile files of every kind, where they are at hand.
#[test]
fn hostile_files_are_refused_and_the_server_stays_ready() {
    let shared = std::env::var_os("IMPASTO_SHARED").map_or_else(|| "../../../shared".into(), PathBuf::from);
    let folder = shared.join("data/hostile");
    if !folder.is_dir() {
        skipped(&format!("no hostile files at {}", folder.display()));
        return;
    }
    let bench = Bench::new();
    let studio = Studio::start(&bench, &[]);
    let (mut refused, mut taken) = (0, 0);
    for kind in std::fs::read_dir(folder).unwrap().flatten() {
        let mut files: Vec<PathBuf> = walk(&kind.path());
        files.sort();
        for file in files {
            let (status, answer) = studio.upload(&file, "content");
            match status {
                200 | 201 => taken += 1,
                413 | 415 | 422 => refused += 1,
                _ => panic!("{}: {status} {answer}", file.display()),
            }
        }
    }
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\0\0\0".to_vec();
    bomb.extend([0; 4]);
    std::fs::write(bench.path("bomb.png"), bomb).unwrap();
    let (status, answer) = studio.upload(&bench.path("bomb.png"), "content");
    assert_eq!(status, 422, "{answer}");
    assert!(refused > 10 && taken > 10, "{refused} refused, {taken} taken");
    assert_eq!(studio.get("/readyz").0, 200);
    assert_eq!(
        std::fs::read_dir(bench.path("data/incoming")).unwrap().count(),
        0,
        "nothing is left of what was refused"
    );
}

fn walk(path: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().flat_map(|entry| walk(&entry.path())).collect(),
        Err(_) => vec![path.to_owned()],
    }
}

#[test]
fn other_addresses_ask_for_a_token() {
    let bench = Bench::new();
    let refused = bench.run(&["serve", "--port", "0", "--data-dir", "data", "--token", "short"]);
    refused.fails(2, &["16 characters"]);
    let studio = Studio::start(&bench, &["--token", "0123456789abcdef"]);
    assert_eq!(studio.get("/v1/status").0, 401);
    let with =
        ureq::get(format!("{}/v1/status", studio.base)).header("authorization", "Bearer 0123456789abcdef").call();
    assert_eq!(with.unwrap().status(), 200);
    // The page itself knows nothing, and is there to ask for the token.
    assert_eq!(studio.get("/").0, 200);
    let mut nothing = Vec::new();
    studio.get("/healthz").1.as_slice().read_to_end(&mut nothing).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&nothing).unwrap()["status"], "ok");
}

/// Every block of the page about the API, in its order, by the shell and curl.
#[test]
fn the_lines_of_the_api_page_work() {
    let installed = std::process::Command::new("curl").arg("--version").stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        skipped("curl is not installed");
        return;
    }
    let bench = Bench::new();
    bench.picture("photo.png", 90, 60, 1);
    let studio = Studio::start(&bench, &[]);
    let page = include_str!("../../../../docs/api.md");
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 6);
    // Answers of errors are failures here; one variable would be lost between shells, so it is one script.
    let script = format!("set -e\ncurl() {{ command curl --fail-with-body \"$@\"; }}\n{}", blocks.concat());
    let script = script.replace("http://localhost:7878", &studio.base);
    let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(bench.path("")).output().unwrap();
    assert!(ran.status.success(), "{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!((bench.open("painted.png").width, bench.open("painted.png").height), (90, 60));
    assert!(std::fs::read(bench.path("preview.jpg")).unwrap().starts_with(b"\xff\xd8"));
    let events = std::fs::read_to_string(bench.path("events.txt")).unwrap();
    assert!(events.contains("event: job") && events.contains("\"state\":\"done\""), "{events}");
}
