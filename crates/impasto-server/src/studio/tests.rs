use std::fmt::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Studio;

/// The sources that decide the build; the same list stands in `web/scripts/stamp.mjs`.
const SOURCES: [&str; 8] = [
    "src",
    "static",
    "scripts",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "vite.config.ts",
    "tsconfig.json",
];

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
    } else if let Ok(entries) = std::fs::read_dir(path) {
        entries.flatten().for_each(|entry| files(&entry.path(), found));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn the_built_page_is_that_of_the_sources() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let mut paths = Vec::new();
    SOURCES.iter().for_each(|source| files(&web.join(source), &mut paths));
    let name = |path: &PathBuf| path.strip_prefix(&web).unwrap().to_string_lossy().replace('\\', "/");
    let mut lines: Vec<(String, String)> =
        paths.iter().map(|path| (name(path), hex(&Sha256::digest(std::fs::read(path).unwrap())))).collect();
    lines.sort();
    let lines: String = lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    let stamp = Studio::get("sources.sha256").expect("the page was never built: see web/README.md");
    let stamp = String::from_utf8_lossy(&stamp.data).trim().to_owned();
    assert_eq!(hex(&Sha256::digest(lines)), stamp, "web/ changed: build the page again, see web/README.md");
}

#[test]
fn the_page_needs_nothing_that_its_policy_forbids() {
    let page = Studio::get("index.html").unwrap();
    let page = String::from_utf8_lossy(&page.data).to_lowercase();
    assert!(page.contains("<script"), "a page without scripts is no studio");
    for script in page.split("<script").skip(1) {
        assert!(script.split('>').next().unwrap().contains("src="), "an inline script");
    }
    for forbidden in ["<style", " style=", "http://", "https://", "javascript:", " onload=", " onclick="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}
