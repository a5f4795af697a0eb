use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use impasto_engine::device::{self, DeviceSpec};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::config::{Config, Quotas};

/// A server without a network.
struct Server {
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 7878),
            data_dir: folder.path().to_owned(),
            token: None,
            hosts: vec!["studio.example".into()],
            device: device::open(DeviceSpec::Cpu).unwrap(),
            limits: impasto_image::Limits::default(),
            quotas: Quotas::default(),
            decoder: vec!["false".into()],
        };
        change(&mut config);
        Self { app: Arc::new(App::open(config).unwrap()), _folder: folder }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> (StatusCode, Value, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "127.0.0.1:7878");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router(Arc::clone(&self.app)).oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let policy = response.headers().get("content-security-policy").is_some();
        assert!(policy && response.headers()["x-content-type-options"] == "nosniff", "{path}");
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let kind = kind.unwrap_or_default();
        if kind == "text/event-stream" {
            return (status, Value::Null, kind);
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        if status.is_client_error() || status.is_server_error() {
            // Clients of compatible routes know errors in another form.
            let known = kind == "application/problem+json" || status == 503 || path.starts_with("/v1/images/");
            assert!(known, "{path}: {status} {kind}");
        }
        (status, serde_json::from_slice(&bytes).unwrap_or_default(), kind)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, value, _) = self.ask(Method::GET, path, &[], Body::empty()).await;
        (status, value)
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let headers = [("content-type", "application/json")];
        let (status, value, _) = self.ask(method, path, &headers, Body::from(body.to_string())).await;
        (status, value)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.desk.stop();
    }
}

/// Every path of the document with its methods, ids filled in.
fn routes() -> Vec<(String, Vec<String>)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let filled = |path: &str| {
        let named = path.replace("{id}", "f_none").replace("{name}", "none");
        named.replace("{direction}", "none").replace("{step}", "1")
    };
    paths
        .iter()
        .map(|(path, operations)| (filled(path), operations.as_object().unwrap().keys().cloned().collect()))
        .collect()
}

#[tokio::test]
async fn every_route_and_method_keeps_strangers_out() {
    let server = Server::new(|_| {});
    let methods = ["get", "post", "put", "patch", "delete", "options", "head", "trace"];
    for (path, known) in routes() {
        for method in methods {
            let method_of = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for (headers, expected) in [
                (vec![("host", "evil.example")], Some("forbidden-host")),
                (vec![("host", "127.0.0.1.evil.example:7878")], Some("forbidden-host")),
                (vec![("host", "")], Some("forbidden-host")),
                (vec![("origin", "http://evil.example")], Some("forbidden-origin")),
                (vec![("origin", "null")], Some("forbidden-origin")),
                (vec![("origin", "http://127.0.0.1:1")], Some("forbidden-origin")),
                (vec![("origin", "http://127.0.0.1:7878.evil.example")], Some("forbidden-origin")),
                (vec![("sec-fetch-site", "cross-site")], Some("forbidden-origin")),
                (vec![("sec-fetch-site", "same-site")], Some("forbidden-origin")),
                (vec![("origin", "http://127.0.0.1:7878"), ("sec-fetch-site", "same-origin")], None),
                (vec![("host", "localhost:7878"), ("origin", "http://localhost:7878")], None),
                (vec![("host", "[::1]:7878")], None),
                (vec![("host", "studio.example"), ("origin", "https://studio.example")], None),
            ] {
                let (status, problem, _) = server.ask(method_of.clone(), &path, &headers, Body::empty()).await;
                let told = problem["type"].as_str().unwrap_or_default();
                match expected {
                    Some(kind) => {
                        assert_eq!(status, 403, "{method} {path} {headers:?}");
                        assert!(method == "head" || told.ends_with(kind), "{method} {path} {headers:?}: {problem}");
                    }
                    None => {
                        assert_ne!(status, 403, "{method} {path} {headers:?}");
                        let answered = known.iter().any(|known| known == method)
                            || (method == "head" && known.iter().any(|known| known == "get"));
                        assert_eq!(status != 405, answered, "{method} {path}: {status}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_asked_for_everywhere_but_at_the_door() {
    let server = Server::new(|config| config.token = Some("a token of some length".into()));
    let door = ["/healthz", "/readyz", "/v1/session"];
    for (path, methods) in routes() {
        for method in methods {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("cookie", "impasto_session=wrong")]] {
                let (status, ..) = server.ask(method.clone(), &path, headers, Body::empty()).await;
                assert_eq!(status == 401, !door.contains(&path.as_str()), "{method} {path} {headers:?}: {status}");
            }
            let bearer = [("authorization", "Bearer a token of some length")];
            let (status, ..) = server.ask(method.clone(), &path, &bearer, Body::empty()).await;
            assert_ne!(status, 401, "{method} {path}");
        }
    }
    let ask = |token: &str| Body::from(json!({"token": token}).to_string());
    let json = [("content-type", "application/json")];
    let (status, ..) = server.ask(Method::POST, "/v1/session", &json, ask("wrong")).await;
    assert_eq!(status, 401);
    let request = Request::post("/v1/session").header("host", "localhost").header("content-type", "application/json");
    let request = request.body(ask("a token of some length")).unwrap();
    let response = router(Arc::clone(&server.app)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 204);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("a token"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    let (status, ..) = server.ask(Method::GET, "/v1/status", &[("cookie", session)], Body::empty()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_is_not_there_or_not_right_is_said() {
    let server = Server::new(|_| {});
    let long = "x".repeat(300 << 10);
    let json = [("content-type", "application/json")];
    for (method, path, headers, body, status, kind) in [
        ("GET", "/nothing", &json[..], "", 404, "not-found"),
        ("GET", "/../../etc/passwd", &json, "", 404, "not-found"),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", &json, "", 404, "not-found"),
        ("GET", "/_app/../Cargo.toml", &json, "", 404, "not-found"),
        ("GET", "/v1/files/..%2f..%2fetc%2fpasswd", &json, "", 404, "not-found"),
        ("GET", "/v1/files/f_none/content", &json, "", 404, "not-found"),
        ("GET", "/v1/files?limit=0", &json, "", 422, "validation"),
        ("GET", "/v1/files?role=boss", &json, "", 422, "validation"),
        ("GET", "/v1/files?colour=red", &json, "", 422, "validation"),
        ("GET", "/v1/jobs?state=bored", &json, "", 422, "validation"),
        ("GET", "/v1/styles/none/thumb", &json, "", 404, "not-found"),
        ("POST", "/v1/jobs", &[], "{}", 415, "unsupported-media"),
        ("POST", "/v1/jobs", &[("content-type", "text/plain")], "{}", 415, "unsupported-media"),
        ("POST", "/v1/jobs", &json, "{", 400, "bad-request"),
        ("POST", "/v1/jobs", &json, "{}", 422, "validation"),
        ("POST", "/v1/jobs", &json, &long, 413, "too-large"),
        (
            "POST",
            "/v1/preview",
            &json,
            r#"{"request":{"kind":"generate","model":"icons","seeds":[1]},"side":9}"#,
            422,
            "validation",
        ),
        ("DELETE", "/v1/jobs/j_none", &json, "", 404, "not-found"),
        ("POST", "/v1/jobs/j_none/retry", &json, "", 404, "not-found"),
        ("POST", "/v1/files?role=result", &[], "x", 422, "validation"),
        ("POST", "/v1/files", &[], "", 422, "bad-picture"),
        ("DELETE", "/v1/presets/none", &json, "", 404, "not-found"),
        ("PUT", "/v1/healthz", &json, "", 405, "method-not-allowed"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (found, problem, _) = server.ask(method.clone(), path, headers, Body::from(body.to_owned())).await;
        assert_eq!(found, status, "{method} {path}: {problem}");
        assert!(problem["type"].as_str().unwrap_or_default().ends_with(kind), "{method} {path}: {problem}");
        assert!(!problem.to_string().contains("/tmp"), "{problem}");
    }
}

#[tokio::test]
async fn presets_keep_settings_and_no_pictures() {
    let server = Server::new(|_| {});
    let request = json!({"kind": "stylize", "content": "f_1", "mask": "f_2", "styles": [{"name": "the-scream"}], "strength": 0.5});
    let (status, kept) = server.send(Method::PUT, "/v1/presets/Nacht%20%2F%20Tag", json!({"request": request})).await;
    assert_eq!((status.as_u16(), kept["name"].as_str()), (200, Some("Nacht / Tag")));
    let (_, listed) = server.get("/v1/presets").await;
    assert_eq!(listed["presets"][0]["request"]["strength"], 0.5);
    assert!(
        listed["presets"][0]["request"]["content"].is_null() && listed["presets"][0]["request"].get("mask").is_none()
    );
    for wrong in [
        json!({"kind": "generate", "model": "icons", "seeds": [1], "trunc": -5}),
        json!({"kind": "stylize", "styles": [{"name": "nothing"}]}),
        json!({"kind": "adjust", "adjust": {"contrast": 9}}),
    ] {
        let (status, problem) = server.send(Method::PUT, "/v1/presets/wrong", json!({"request": wrong})).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
    }
    let (status, _) = server.send(Method::DELETE, "/v1/presets/Nacht%20%2F%20Tag", Value::Null).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn generated_pictures_come_out_of_the_queue() {
    // Without a decoding process no result can be looked at: the job fails and says so, and the server goes on.
    let server = Server::new(|_| {});
    let body = json!({"request": {"kind": "generate", "model": "icons", "seeds": [1]}});
    let (status, job) = server.send(Method::POST, "/v1/jobs", body).await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let mut state = Value::Null;
    for _ in 0..600 {
        state = server.get(&path).await.1;
        if !matches!(state["state"].as_str(), Some("queued" | "running")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(state["state"], "failed", "{state}");
    assert!(state["problem"]["detail"].as_str().unwrap().contains("decoded"), "{state}");
    assert_eq!(std::fs::read_dir(server.app.store.incoming()).unwrap().count(), 0, "nothing is left behind");
    let preview = json!({"request": {"kind": "generate", "model": "icons", "seeds": [1]}, "side": 64});
    let headers = [("content-type", "application/json")];
    let (status, _, kind) = server.ask(Method::POST, "/v1/preview", &headers, Body::from(preview.to_string())).await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "image/jpeg"));
}

#[tokio::test]
async fn lists_say_what_there_is() {
    let server = Server::new(|_| {});
    let (_, styles) = server.get("/v1/styles").await;
    assert!(styles["styles"].as_array().unwrap().iter().any(|style| style["name"] == "great-wave"));
    let (_, artists) = server.get("/v1/artists").await;
    assert!(artists["artists"].as_array().unwrap().iter().any(|artist| artist["name"] == "monet"));
    let (_, models) = server.get("/v1/models").await;
    let garments = models["generators"].as_array().unwrap().iter().find(|model| model["name"] == "garments").unwrap();
    assert_eq!((garments["width"].as_u64(), garments["classes"].as_array().unwrap().len()), (Some(28), 10));
    let (_, methods) = server.get("/v1/methods").await;
    let gatys = methods["methods"].as_array().unwrap().iter().find(|method| method["name"] == "gatys").unwrap();
    assert!(gatys["settings"]["properties"]["steps"]["description"].is_string());
    let (_, schema) = server.get("/v1/adjustments").await;
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert_eq!((schema["x-order"].as_array().unwrap().len(), &schema["x-order"][0]), (9, &json!("temperature")));
    let contrast = &schema["properties"]["contrast"];
    assert_eq!((contrast["minimum"].as_f64(), contrast["default"].as_f64()), (Some(0.0), Some(1.0)));
    let (_, status) = server.get("/v1/status").await;
    assert_eq!(status["device"], "cpu");
    let (status, ready) = server.get("/readyz").await;
    assert_eq!((status.as_u16(), ready["status"].as_str()), (200, Some("ready")));
}

#[test]
fn the_document_describes_what_can_be_asked() {
    let document = document();
    let kinds = document["components"]["schemas"]["Request"]["oneOf"].as_array().unwrap();
    let named = |kind: &Value| kind["properties"]["kind"]["enum"][0].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        kinds.iter().map(named).collect::<Vec<_>>(),
        ["stylize", "adjust", "translate", "generate", "evolve", "walk", "project", "directions", "train"]
    );
    for kind in kinds {
        assert!(kind["required"].as_array().unwrap().contains(&"kind".into()), "{kind}");
        assert!(kind["properties"].as_object().unwrap().len() > 3, "{kind}");
    }
    assert!(!document.to_string().contains(":null"), "nothing is null in a document but what was not there");
    let refused = &document["paths"]["/v1/jobs"]["post"]["responses"]["422"]["content"];
    assert!(refused.get("application/problem+json").is_some() && refused.get("application/json").is_none());
}

#[test]
fn the_document_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("IMPASTO_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == text,
        "the API changed: look at it, then run this test with IMPASTO_UPDATE=1 and commit openapi.json"
    );
}
