//! What the figures of a generator say, in words.

use super::REAL_SPLIT;
use crate::metrics::KERNEL_DISTANCE_BELOW;
use crate::pipeline::eval::report::{Finding, Report, Row, RowKind, Tone, number};

/// Spaces by which rows are ranked, the first that is there.
const SPACES: [&str; 3] = ["inception-768", "inception-1280", "percept"];

/// Share of the real pictures' own figure below which precision or recall is worth a warning.
const MUCH_LESS: f64 = 0.6;

/// Sentences on every candidate.
pub(super) fn findings(report: &Report) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(split) = report.row(REAL_SPLIT) else { return found };
    for row in report.rows_of(RowKind::Candidate) {
        distance(row, split, &mut found);
        neighbours(row, split, &mut found);
        spread(row, split, &mut found);
    }
    let few = report.rows_of(RowKind::Candidate).map(|row| row.count).chain([split.count]).min().unwrap_or_default();
    if few < KERNEL_DISTANCE_BELOW {
        let text = format!(
            "The smallest set has {few} pictures. Below {KERNEL_DISTANCE_BELOW} read the kernel distance (kid): it does not \
             depend on the number of pictures, the Fréchet distance (fd) does."
        );
        found.push(Finding::new(Tone::Note, text));
    }
    found
}

/// Where the kernel distance lies beside that between real pictures.
fn distance(row: &Row, split: &Row, found: &mut Vec<Finding>) {
    let named = SPACES.iter().map(|space| format!("kid-{space}"));
    let mut known = named.filter_map(|name| Some((row.figures.get(&name)?, split.figures.get(&name)?, name)));
    let Some((own, real, name)) = known.next() else { return };
    let (Some([low, high]), Some([real_low, real_high])) = (own.interval, real.interval) else { return };
    let text = format!("{name} {} [{}, {}]", number(own.value, 3), number(low, 3), number(high, 3));
    let beside = format!("{} [{}, {}]", number(real.value, 3), number(real_low, 3), number(real_high, 3));
    let label = &row.label;
    found.push(if low > real_high {
        let text = format!("{label} ranks behind the real pictures themselves: {text}, their halves {beside}.");
        Finding::new(Tone::Warning, text)
    } else if high < real_low {
        let text = format!(
            "{label} is nearer to the real pictures than these are to each other ({text}, their halves {beside}): look for \
             copies with 'impasto eval memorised'."
        );
        Finding::new(Tone::Warning, text)
    } else {
        let text = format!(
            "{label} cannot be told from the real pictures by {text} at this number of pictures (their halves {beside}). \
             Copies of them cannot, either: see 'impasto eval memorised'."
        );
        Finding::new(Tone::Good, text)
    });
}

/// Missing modes and unreal samples.
fn neighbours(row: &Row, split: &Row, found: &mut Vec<Finding>) {
    for (metric, what) in [
        ("recall", "much of what is real is not made (dropped modes)"),
        ("precision", "many samples look like none of the real pictures"),
    ] {
        let mut known = SPACES
            .iter()
            .map(|space| format!("{metric}-{space}"))
            .filter_map(|name| Some((row.figures.get(&name)?.value, split.figures.get(&name)?.value, name)));
        let Some((own, real, name)) = known.next() else { continue };
        if own < MUCH_LESS * real {
            let text = format!(
                "{}: {what}: {name} {}, between halves of the real pictures {}.",
                row.label,
                number(own, 3),
                number(real, 3)
            );
            found.push(Finding::new(Tone::Warning, text));
        }
    }
}

/// Samples that repeat each other.
fn spread(row: &Row, split: &Row, found: &mut Vec<Finding>) {
    let mut known = SPACES
        .iter()
        .map(|space| format!("duplicates-{space}"))
        .filter_map(|name| Some((row.figures.get(&name)?.value, split.figures.get(&name)?.value, name)));
    let Some((own, real, name)) = known.next() else { return };
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
