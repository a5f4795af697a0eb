//! What the figures of a stylizer say, in words.

use crate::pipeline::eval::report::{Better, Finding, Metric, Report, Row, RowKind, Tone, number};

use super::{IDENTITY, STYLE_COPY};

/// Metrics of nearness to the content and to the style that rows are ranked by, the first that is there.
const CONTENT: [&str; 2] = ["lpips", "content-percept"];
const STYLE: [&str; 2] = ["gram-vgg", "gram-percept"];

/// Sentences on every candidate.
pub(super) fn findings(report: &Report) -> Vec<Finding> {
    let mut found = Vec::new();
    for row in report.rows_of(RowKind::Candidate) {
        beside_copies(report, row, &mut found);
        set_figures(report, row, &mut found);
    }
    if let Some(pair) = report.rows_of(RowKind::Candidate).next().filter(|row| row.count < 30) {
        let text = format!(
            "{} pairs are few: the intervals are wide, and those for other pictures are hardly more than a guess",
            pair.count
        );
        found.push(Finding::new(Tone::Note, text));
    }
    found
}

fn first<'a>(report: &'a Report, names: &[&str]) -> Option<&'a Metric> {
    names.iter().find_map(|name| report.metrics.iter().find(|metric| metric.name == *name))
}

/// Whether the candidate is anywhere that a copy is not: nearer to the style than the untouched content, and nearer to
/// the content than the painting itself.
fn beside_copies(report: &Report, row: &Row, found: &mut Vec<Finding>) {
    let (Some(content), Some(style)) = (first(report, &CONTENT), first(report, &STYLE)) else { return };
    let value = |row: &Row, metric: &Metric| row.figures.get(&metric.name).map(|figure| figure.value);
    for (copy, metric, what) in [
        (IDENTITY, style, "no nearer to the paintings than the untouched contents"),
        (STYLE_COPY, content, "no nearer to the contents than the paintings themselves"),
    ] {
        let Some(copy_row) = report.row(copy) else { continue };
        let (Some(own), Some(copied)) = (value(row, metric), value(copy_row, metric)) else { continue };
        let digits = metric.digits;
        let [own_text, copied_text] = [own, copied].map(|v| number(v, digits));
        let name = &metric.name;
        if own >= copied {
            let text =
                format!("{} ranks behind the {copy}: {what} ({name} {own_text} against {copied_text}).", row.label);
            found.push(Finding::new(Tone::Warning, text));
        } else if !surely_below(report, row, copy_row, metric) {
            let text = format!(
                "{} is not surely ahead of the {copy} by {name} ({own_text} against {copied_text}): the interval of the \
                 difference holds zero.",
                row.label
            );
            found.push(Finding::new(Tone::Note, text));
        } else {
            let share = 100.0 * (1.0 - own / copied);
            let text = match copy {
                IDENTITY => format!(
                    "{} takes away {share:.0} % of the contents' distance to the style ({name} {own_text}, the untouched \
                     contents {copied_text}).",
                    row.label
                ),
                _ => format!(
                    "{} keeps the content: {name} {own_text}, the paintings themselves {copied_text}.",
                    row.label
                ),
            };
            found.push(Finding::new(Tone::Good, text));
        }
    }
}

/// Whether the candidate is below a copy for other contents and styles, too.
fn surely_below(report: &Report, row: &Row, copy: &Row, metric: &Metric) -> bool {
    let values = |row: &Row| {
        let values = row.values.get(&metric.name)?.clone();
        crate::metrics::Pairs::new(values, report.places()).ok()
    };
    let difference = values(row).zip(values(copy)).and_then(|(own, copied)| own.minus(&copied).ok());
    let (rounds, seed) = (report.protocol.bootstrap_rounds, report.protocol.seed);
    difference.is_some_and(|difference| difference.over_pictures(rounds, seed).high < 0.0)
}

/// Figures of whole sets by which a copy wins cannot tell painting from copying.
fn set_figures(report: &Report, row: &Row, found: &mut Vec<Finding>) {
    for copy in [IDENTITY, STYLE_COPY] {
        let Some(copy_row) = report.row(copy) else { continue };
        let beaten: Vec<&str> = report
            .metrics
            .iter()
            .filter(|metric| metric.better == Better::Lower && metric.name.starts_with("artfid-"))
            .filter(|metric| {
                let value = |row: &Row| row.figures.get(&metric.name).map(|figure| figure.value);
                value(row).zip(value(copy_row)).is_some_and(|(own, copied)| own >= copied)
            })
            .map(|metric| metric.name.as_str())
            .collect();
        if !beaten.is_empty() {
            let text = format!("{} ranks behind the {copy} by {}.", row.label, beaten.join(" and "));
            found.push(Finding::new(Tone::Warning, text));
        }
    }
}
