//! `eval frames`: flicker of a folder of frames, beside that of the video that was painted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::judges::{self, opaque};
use super::protocol::{DataProtocol, Protocol, VERSION};
use super::report::{Better, Example, FORMAT, Figure, Finding, Report, Row, RowKind, Tone, number};
use super::spaces::defined;
use super::{Evaluator, PictureSet, folder_name, rejected, source};
use crate::control::Event;
use crate::error::{EngineError, Result};
use crate::metrics::Flicker;
use crate::tensor;

/// The metric.
const FLICKER: &str = "flicker";

/// Flicker beyond that of the source that is worth a warning: noise that is drawn anew for every frame has 0.5.
const MUCH_MORE: f64 = 0.05;

/// Frames in the page, of each folder.
const SHOWN: usize = 6;

/// What is to be judged.
#[derive(Debug, Clone)]
pub struct FramesEvaluation {
    /// Folder of frames in the order of their names; numbers in names count as numbers.
    pub frames: PathBuf,
    /// Folder of the frames that they were made from.
    pub source: Option<PathBuf>,
}

/// Runs the evaluation. No more than three frames are held.
///
/// # Errors
/// [`EngineError::File`] for folders without usable pictures; [`EngineError::Caller`] for fewer than three frames and frames
/// of different sizes; [`EngineError::Cancelled`].
pub fn evaluate_frames(request: &FramesEvaluation, evaluator: &Evaluator<'_>) -> Result<Report> {
    let frames = sequence(&request.frames, evaluator)?;
    let source_set = request.source.as_deref().map(|root| sequence(root, evaluator)).transpose()?;
    let label = folder_name(&request.frames);
    let mut rows =
        vec![Row { pictures_blake3: Some(frames.blake3()), ..Row::new(&label, RowKind::Candidate, frames.len()) }];
    let mut rejections = rejected(&label, &frames, &request.frames);
    let mut sources = vec![source("frames", &frames, &request.frames)];
    let mut data = BTreeMap::new();
    let mut examples = vec![example("Frames", &frames)];
    if let (Some(set), Some(root)) = (&source_set, &request.source) {
        rows.push(Row::new(format!("source {}", folder_name(root)), RowKind::Sanity, set.len()));
        rejections.extend(rejected("source", set, root));
        sources.push(source("source", set, root));
        data.insert("source".to_owned(), DataProtocol { count: set.len(), blake3: set.blake3() });
        examples.push(example("Source", set));
    }
    for (row, set) in rows.iter_mut().zip([&frames].into_iter().chain(&source_set)) {
        row.figures.insert(FLICKER.to_owned(), Figure::of(flicker(set, evaluator)?));
    }
    let (metric, metric_protocol) = defined(
        FLICKER.into(),
        "share of change that is taken back",
        (Better::Lower, 4),
        "share of the change between frames that is not steady, pixel by pixel, without following what moves: 0 \
         steady, 0.5 noise drawn anew for every frame, 1 changes that are taken back in the next",
        None,
        &[],
    );
    let mut rules = judges::rules();
    rules.retain(|name, _| name == "reading");
    rules.insert("frames".into(), "in the order of their names, numbers in them by their value".into());
    let protocol = Protocol {
        version: VERSION,
        job: "frames".into(),
        data,
        rules,
        metrics: BTreeMap::from([(metric.name.clone(), metric_protocol)]),
        bootstrap_rounds: 0,
        seed: evaluator.seed,
    };
    Ok(Report {
        format: FORMAT,
        impasto: env!("CARGO_PKG_VERSION").to_owned(),
        title: format!("{label}: {} frames", frames.len()),
        protocol_hash: protocol.hash(),
        protocol,
        device: evaluator.device.clone(),
        sources,
        findings: findings(&rows, &rejections),
        metrics: vec![metric],
        rows,
        missing: Vec::new(),
        rejected: rejections,
        pairs: Vec::new(),
        samples: Vec::new(),
        examples,
    })
}

/// The frames of a folder in their order, all of one size.
fn sequence(root: &Path, evaluator: &Evaluator<'_>) -> Result<PictureSet> {
    let set = PictureSet::read(&[root.to_owned()], &evaluator.limits, evaluator.cache, evaluator.control)?;
    let mut order: Vec<usize> = (0..set.len()).collect();
    order.sort_by_cached_key(|&index| natural(&set.files()[index].path.display().to_string()));
    let set = set.select(&order);
    let first = &set.files()[0];
    if let Some(other) = set.files().iter().find(|file| (file.width, file.height) != (first.width, first.height)) {
        let text = format!(
            "frames have one size, but {} is {}x{} and {} is {}x{}",
            first.path.display(),
            first.width,
            first.height,
            other.path.display(),
            other.width,
            other.height
        );
        return Err(EngineError::Caller(text));
    }
    if set.len() < 3 {
        return Err(EngineError::file(
            root,
            format!("holds {} usable frames; flicker needs at least three", set.len()),
        ));
    }
    Ok(set)
}

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u128),
    Text(String),
}

/// A name in parts that order as people count: `frame2` before `frame10`.
fn natural(name: &str) -> Vec<Part> {
    let characters: Vec<char> = name.chars().collect();
    let part = |run: &[char]| {
        let text: String = run.iter().collect();
        text.parse().map_or(Part::Text(text), Part::Number)
    };
    characters.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(part).collect()
}

fn flicker(set: &PictureSet, evaluator: &Evaluator<'_>) -> Result<f64> {
    let (stage, total) = (format!("comparing {} frames", set.len()), set.len() as u64);
    evaluator.control.emit(Event::Started { stage: stage.clone(), total });
    let begun = std::time::Instant::now();
    let mut flicker = Flicker::default();
    for index in 0..set.len() {
        evaluator.control.check()?;
        flicker.push(tensor::from_picture(&opaque(&set.open(index)?)?, evaluator.networks.device()))?; // [1, 3, h, w]
        evaluator.control.emit(Event::Progress { done: index as u64 + 1, total, message: String::new() });
    }
    evaluator.control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    flicker.share()
}

fn findings(rows: &[Row], rejections: &[super::report::Rejected]) -> Vec<Finding> {
    let value = |row: &Row| row.figures.get(FLICKER).map_or(f64::NAN, |figure| figure.value);
    let mut found = Vec::new();
    match rows {
        [own, source, ..] => {
            let beside = format!("{FLICKER} {}, the source {}", number(value(own), 4), number(value(source), 4));
            found.push(if value(own) > value(source) + MUCH_MORE {
                Finding::new(Tone::Warning, format!("{} flickers more than its source: {beside}.", own.label))
            } else {
                Finding::new(Tone::Good, format!("{} flickers about as little as its source: {beside}.", own.label))
            });
            if own.count != source.count {
                let text =
                    format!("There are {} frames and {} of the source: are they the same?", own.count, source.count);
                found.push(Finding::new(Tone::Warning, text));
            }
        }
        _ => {
            let text = "Fast movement of fine detail counts as flicker, too: give --source DIR with the frames that \
                        these were made from.";
            found.push(Finding::new(Tone::Note, text));
        }
    }
    if !rejections.is_empty() {
        let text =
            "Frames were left out; the frames on both sides of a gap are compared as if they followed each other.";
        found.push(Finding::new(Tone::Warning, text));
    }
    found
}

/// Frames that follow each other, from the middle.
fn example(title: &str, set: &PictureSet) -> Example {
    let first = set.len().saturating_sub(SHOWN) / 2;
    let some = set.files().iter().skip(first).take(SHOWN);
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Example { title: title.into(), pictures: some.map(|file| (name(&file.path), file.path.clone())).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_order_as_people_count() {
        let mut names = ["a/f10.png", "a/f9.png", "a/f09b.png", "a/g1.png", "a/f1.png"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a/f1.png", "a/f9.png", "a/f09b.png", "a/f10.png", "a/g1.png"]);
    }
}
