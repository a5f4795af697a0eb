//! A run's page, `index.html` in its folder: curves, what happened, and the grids of samples. It needs no network and no
//! program but a browser.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use serde::Deserialize;

use super::RunDir;
use crate::error::{EngineError, Result};
use crate::markup::escape;
use crate::weights::write_atomic;

/// Most points of a curve; more lines of the log are averaged.
const POINTS: usize = 300;

/// Width and height of a curve.
const PLOT: (f64, f64) = (320.0, 90.0);

/// Grids of samples that are shown small, spread over the run, beside the last one.
const GRIDS: usize = 8;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;\
    color-scheme:light dark;color:light-dark(#222,#ddd);background:light-dark(#fff,#161616)}\
    h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}.curves,.grids{display:grid;gap:1rem;\
    grid-template-columns:repeat(auto-fill,minmax(20rem,1fr))}figure{margin:0}figcaption{font-size:.85rem;opacity:.8}\
    svg{width:100%;height:auto;background:light-dark(#f4f4f2,#222)}polyline{fill:none;stroke:light-dark(#2a6f97,#7cc4ec);\
    stroke-width:1.2}line{stroke:#c1440e;stroke-dasharray:3 3}img{max-width:100%;image-rendering:pixelated}\
    .last img{min-width:min(100%,40rem)}li{margin:.2rem 0}";

/// A line of the log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    step: u64,
    samples_per_second: Option<f64>,
    metrics: BTreeMap<String, Option<f64>>,
    worry: Option<String>,
    trouble: Option<String>,
    back_to: u64,
    changed: String,
}

/// Writes the page of a run as it is now; `of` are its steps in all.
///
/// # Errors
/// [`EngineError::Environment`] when it cannot be written.
pub(super) fn write(dir: &RunDir, of: u64) -> Result<()> {
    let log = match fs::read_to_string(dir.log()) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(EngineError::io(dir.log(), &e)),
    };
    // A line that was cut off by a power cut says nothing.
    let lines: Vec<Line> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut grids: Vec<String> = fs::read_dir(dir.root().join("samples"))
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    grids.retain(|name| name.ends_with(".png"));
    grids.sort();
    let name = dir.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    write_atomic(&dir.root().join("index.html"), page(&name, of, &lines, &grids).as_bytes())
}

fn page(name: &str, of: u64, lines: &[Line], grids: &[String]) -> String {
    let step = lines.last().map_or(0, |line| line.step);
    let speed = lines.iter().rev().find_map(|line| line.samples_per_second).unwrap_or_default();
    let name = escape(name);
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{name}</title><style>{STYLE}</style><h1>{name}</h1>\
         <p>Step {step} of {of}, {speed:.1} images a second. Load again to see it go on.</p>"
    );
    if let Some((last, before)) = grids.split_last() {
        let _ = write!(out, "<h2>Samples</h2><div class=last>{}</div><div class=grids>", grid(last));
        let shown = before.len().min(GRIDS);
        for index in 0..shown {
            out.push_str(&grid(&before[index * before.len() / shown]));
        }
        out.push_str("</div>");
    }
    let happened: Vec<String> = lines.iter().filter_map(event).collect();
    if !happened.is_empty() {
        let _ = write!(out, "<h2>What happened</h2><ul>{}</ul>", happened.concat());
    }
    out.push_str("<h2>Figures</h2><div class=curves>");
    let backs: Vec<u64> = lines.iter().filter(|line| line.trouble.is_some()).map(|line| line.step).collect();
    for (name, points) in series(lines) {
        out.push_str(&curve(name, &points, &backs));
    }
    out.push_str("</div></html>\n");
    out
}

fn grid(file: &str) -> String {
    let file = escape(file);
    format!("<figure><img src='samples/{file}' alt='{file}'><figcaption>{file}</figcaption></figure>")
}

/// What a line tells that is no figure.
fn event(line: &Line) -> Option<String> {
    match (&line.worry, &line.trouble) {
        (Some(worry), _) => Some(format!("<li>Step {}: {}</li>", line.step, escape(worry))),
        (None, Some(trouble)) => Some(format!(
            "<li>Step {}: {}; back to step {} with {}</li>",
            line.step,
            escape(trouble),
            line.back_to,
            escape(&line.changed)
        )),
        (None, None) => None,
    }
}

/// The points of every figure, in the order of the log: what was undone by going back is shown too.
fn series(lines: &[Line]) -> BTreeMap<&str, Vec<(f64, f64)>> {
    let mut all: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        for (name, value) in &line.metrics {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                all.entry(name).or_default().push((line.step as f64, value));
            }
        }
    }
    for points in all.values_mut() {
        let together = points.len().div_ceil(POINTS).max(1);
        let mean = |part: &[(f64, f64)]| {
            let count = part.len() as f64;
            (part.iter().map(|p| p.0).sum::<f64>() / count, part.iter().map(|p| p.1).sum::<f64>() / count)
        };
        *points = points.chunks(together).map(mean).collect();
    }
    all
}

/// A curve, with a line wherever training went back.
fn curve(name: &str, points: &[(f64, f64)], backs: &[u64]) -> String {
    let (width, height) = PLOT;
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (first, last) = range(&mut points.iter().map(|p| p.0));
    let (low, high) = range(&mut points.iter().map(|p| p.1));
    let along = |step: f64| (step - first) / (last - first).max(1e-9) * (width - 8.0) + 4.0;
    let up = |value: f64| height - 4.0 - (value - low) / (high - low).max(1e-12) * (height - 8.0);
    let path: Vec<String> =
        points.iter().map(|&(step, value)| format!("{:.1},{:.1}", along(step), up(value))).collect();
    let back = |&step: &u64| {
        let x = along(step as f64);
        format!("<line x1='{x:.1}' x2='{x:.1}' y1='0' y2='{height}'/>")
    };
    let backs: String = backs.iter().map(back).collect();
    let now = points.last().map_or(f64::NAN, |p| p.1);
    format!(
        "<figure><svg viewBox='0 0 {width} {height}'>{backs}<polyline points='{}'/></svg>\
         <figcaption>{}: {now:.4}, from {low:.4} to {high:.4}</figcaption></figure>",
        path.join(" "),
        escape(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_what_the_log_tells() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "a<b").unwrap();
        write(&dir, 1000).unwrap();
        let read = || fs::read_to_string(dir.root().join("index.html")).unwrap();
        assert!(read().contains("Step 0 of 1000") && !read().contains("<polyline"), "{}", read());

        let mut log = String::new();
        for step in 1..=900 {
            let value = if step == 7 { "null".to_owned() } else { format!("{}", step as f64 / 100.0) };
            log.push_str(&format!("{{\"step\":{step},\"samples_per_second\":4.5,\"metrics\":{{\"loss\":{value}}}}}\n"));
        }
        log.push_str("{\"step\":900,\"worry\":\"dull & grey\"}\n");
        log.push_str("{\"step\":900,\"trouble\":\"alike\",\"back_to\":800,\"changed\":\"half the rate\"}\n{\"step\":9");
        fs::write(dir.log(), log).unwrap();
        for step in 0..20 {
            fs::write(dir.sample(step), b"").unwrap();
        }
        write(&dir, 1000).unwrap();
        let page = read();
        for part in [
            "<title>0000-a&lt;b</title>",
            "Step 900 of 1000, 4.5 images a second",
            "Step 900: dull &amp; grey",
            "Step 900: alike; back to step 800 with half the rate",
            "<line x1=",
            "loss: ",
            "samples/step-00000019.png",
        ] {
            assert!(page.contains(part), "no '{part}' in {page}");
        }
        assert_eq!(page.matches("<img").count(), 1 + GRIDS);
        let points = page.split("points='").nth(1).unwrap().split('\'').next().unwrap();
        assert!((2..=POINTS).contains(&points.split(' ').count()), "{points}");
    }

    #[test]
    fn a_flat_curve_and_a_single_point_are_drawn() {
        for points in [vec![(1.0, 2.0)], vec![(1.0, 2.0), (5.0, 2.0)]] {
            let drawn = curve("flat", &points, &[]);
            assert!(!drawn.contains("NaN") && drawn.contains("flat: 2.0000"), "{drawn}");
        }
    }
}
