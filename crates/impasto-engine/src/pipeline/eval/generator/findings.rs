//! What the figures of a generator say, in words.

use super::REAL_SPLIT;
use super::figures::IDENTICAL;
use crate::metrics::KERNEL_DISTANCE_BELOW;
use crate::pipeline::eval::report::{Figure, Finding, Report, Row, RowKind, Tone, number};

/// Spaces by which rows are ranked, the first that is there.
const SPACES: [&str; 3] = ["inception-768", "inception-1280", "percept"];

/// Share of the real pictures' own figure below which precision or recall is worth a warning.
const MUCH_LESS: f64 = 0.6;

/// Share of the real pictures' own nearness below which samples are too near where no interval says so.
const TOO_NEAR: f64 = 0.8;

/// Sentences on every candidate.
pub(super) fn findings(report: &Report) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(split) = report.row(REAL_SPLIT) else { return found };
    for row in report.rows_of(RowKind::Candidate) {
        let copied = copies(row, split, &mut found);
        distance(row, split, copied, &mut found);
        if row.count == split.count {
            neighbours(row, split, &mut found);
            spread(row, split, &mut found);
        } else {
            let text = format!(
                "{} has {} samples and the row '{REAL_SPLIT}' {}: precision, recall and duplicates depend on the \
                 number and are not compared. Give --samples N with at most half as many as there are real pictures.",
                row.label, row.count, split.count
            );
            found.push(Finding::new(Tone::Note, text));
        }
    }
    let few = report.rows_of(RowKind::Candidate).map(|row| row.count).chain([split.count]).min().unwrap_or_default();
    if few < KERNEL_DISTANCE_BELOW {
        let text = format!(
            "The smallest set has {few} pictures. Below {KERNEL_DISTANCE_BELOW} read the kernel distance (kid): it \
             does not depend on the number of pictures, the Fréchet distance (fd) does."
        );
        found.push(Finding::new(Tone::Note, text));
    }
    found
}

/// A figure of both rows in the first space that has it, with its name.
fn beside<'a>(metric: &str, row: &'a Row, split: &'a Row) -> Option<(&'a Figure, &'a Figure, String)> {
    let mut names = SPACES.iter().map(|space| format!("{metric}-{space}"));
    names.find_map(|name| Some((row.figures.get(&name)?, split.figures.get(&name)?, name)))
}

/// A figure with its interval.
fn told(figure: &Figure, digits: usize) -> String {
    let value = number(figure.value, digits);
    match figure.interval {
        Some([low, high]) => format!("{value} [{}, {}]", number(low, digits), number(high, digits)),
        None => value,
    }
}

/// Whether samples are files of the real pictures, or nearer to them than these are to each other; that is said.
fn copies(row: &Row, split: &Row, found: &mut Vec<Finding>) -> bool {
    let before = found.len();
    let identical = |row: &Row| row.figures.get(IDENTICAL).map_or(0.0, |figure| figure.value);
    if identical(row) > identical(split) {
        let text = format!(
            "{}: {} % of the samples are files of the real pictures, byte for byte. Figures of distance only say how \
             well they were copied.",
            row.label,
            number(identical(row), 1)
        );
        found.push(Finding::new(Tone::Warning, text));
    }
    if let Some((own, real, name)) = beside("nearest", row, split) {
        let nearer = match (own.interval, real.interval) {
            (Some([_, high]), Some([low, _])) => high < low,
            _ => own.value < TOO_NEAR * real.value,
        };
        if nearer {
            let text = format!(
                "{} is nearer to single real pictures than these are to each other ({name} {}, other real pictures \
                 {}): copies, or samples of little variety. 'impasto eval memorised' tells which.",
                row.label,
                told(own, 3),
                told(real, 3)
            );
            found.push(Finding::new(Tone::Warning, text));
        }
    }
    found.len() > before
}

/// Where the kernel distance lies beside that between real pictures; nothing good is said of copies.
fn distance(row: &Row, split: &Row, copied: bool, found: &mut Vec<Finding>) {
    let Some((own, real, name)) = beside("kid", row, split) else { return };
    let (Some([low, high]), Some([real_low, real_high])) = (own.interval, real.interval) else { return };
    let (text, other) = (format!("{name} {}", told(own, 3)), told(real, 3));
    let label = &row.label;
    if low > real_high {
        let text = format!("{label} ranks behind the real pictures themselves: {text}, real beside real {other}.");
        found.push(Finding::new(Tone::Warning, text));
    } else if high < real_low {
        let text = format!(
            "{label} is nearer to the real pictures than these are to each other ({text}, real beside real {other}): \
             look for copies with 'impasto eval memorised'."
        );
        found.push(Finding::new(Tone::Warning, text));
    } else if !copied {
        let text = format!(
            "{label} cannot be told from the real pictures by {text} at this number of pictures (real beside real \
             {other}), and is no nearer to single ones than these are to each other."
        );
        found.push(Finding::new(Tone::Good, text));
    }
}

/// Missing modes and unreal samples.
fn neighbours(row: &Row, split: &Row, found: &mut Vec<Finding>) {
    for (metric, what) in [
        ("recall", "much of what is real is not made (dropped modes)"),
        ("precision", "many samples look like none of the real pictures"),
    ] {
        let Some((own, real, name)) = beside(metric, row, split) else { continue };
        let (own, real) = (own.value, real.value);
        if own < MUCH_LESS * real {
            let text =
                format!("{}: {what}: {name} {}, real beside real {}.", row.label, number(own, 3), number(real, 3));
            found.push(Finding::new(Tone::Warning, text));
        }
    }
}

/// Samples that repeat each other.
fn spread(row: &Row, split: &Row, found: &mut Vec<Finding>) {
    let Some((own, real, name)) = beside("duplicates", row, split) else { return };
    let (own, real) = (own.value, real.value);
    if own > real + 1.0 {
        let text = format!(
            "{}: {} % of the samples have a near copy among the samples ({name}; {} % of the real pictures do).",
            row.label,
            number(own, 1),
            number(real, 1)
        );
        found.push(Finding::new(Tone::Warning, text));
    }
}
