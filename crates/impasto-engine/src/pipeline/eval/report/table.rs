//! Reports as lines for a terminal: a line for each metric, a column for each row of the report, since there are more
//! metrics than a terminal is wide.

use std::collections::BTreeMap;

use super::{Better, Figure, IntervalKind, Metric, Report, Tone, number};

/// Facts that are told with an advice.
const FACTS: usize = 3;

/// The lines of a report: what was compared, figures with their 95 % intervals, findings, what was left out.
pub fn table(report: &Report) -> Vec<String> {
    let mut lines = vec![report.title.clone(), String::new()];
    lines.extend(figures(report));
    if let Some(words) = intervals(report) {
        lines.push(String::new());
        lines.push(format!("In brackets: {words}. v lower is better, ^ higher is better."));
    }
    let notes = care(report);
    if !notes.is_empty() || !report.findings.is_empty() {
        lines.push(String::new());
    }
    for finding in &report.findings {
        let mark = match finding.tone {
            Tone::Good => "+",
            Tone::Note => "-",
            Tone::Warning => "!",
        };
        lines.push(format!("{mark} {}", finding.text));
    }
    lines.extend(notes.into_iter().map(|note| format!("- {note}")));
    for missing in &report.missing {
        lines.push(format!("- left out: {}: {}", missing.metrics.join(", "), missing.reason));
    }
    for rejected in &report.rejected {
        lines.push(format!("- not used: {}: {}", rejected.file, rejected.reason));
    }
    lines.push(String::new());
    for row in &report.rows {
        let Some(hash) = &row.pictures_blake3 else { continue };
        let made = row.made_by.as_ref().map_or(String::new(), |made| format!(", made by {}", made.line()));
        lines.push(format!("judged {}: {} pictures, BLAKE3 {hash}{made}", row.label, row.count));
    }
    lines.push(format!("protocol {}", report.protocol_hash));
    lines
}

/// How the intervals were found; `None` without any. The kinds that fewer metrics have are named with their metrics.
pub(super) fn intervals(report: &Report) -> Option<String> {
    let mut kinds: BTreeMap<Option<IntervalKind>, Vec<&str>> = BTreeMap::new();
    for metric in &report.metrics {
        let mut figures = report.rows.iter().filter_map(|row| row.figures.get(&metric.name));
        if let Some(figure) = figures.find(|figure| figure.interval.is_some()) {
            kinds.entry(figure.interval_by).or_default().push(&metric.name);
        }
    }
    let by = |kind: Option<IntervalKind>| kind.map_or("a way that is not said", IntervalKind::name);
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, metrics)| metrics.len());
    let (most, _) = kinds.pop()?;
    if kinds.is_empty() {
        return Some(format!("95 % intervals by {}", by(most)));
    }
    let named: Vec<String> =
        kinds.into_iter().map(|(kind, metrics)| format!("of {} by {}", metrics.join(", "), by(kind))).collect();
    Some(format!("95 % intervals, {}, of all others by {}", named.join("; "), by(most)))
}

/// Notes of figures, each advice once with the metrics it concerns and the first facts that lead to it. A note is `fact:
/// advice`, or the advice alone.
pub(super) fn care(report: &Report) -> Vec<String> {
    struct Care<'a> {
        advice: &'a str,
        metrics: Vec<&'a str>,
        facts: Vec<&'a str>,
    }
    let mut all: Vec<Care<'_>> = Vec::new();
    for metric in &report.metrics {
        for row in &report.rows {
            let Some(note) = row.figures.get(&metric.name).and_then(|figure| figure.note.as_deref()) else { continue };
            let (fact, advice) = note.split_once(": ").map_or((None, note), |(fact, advice)| (Some(fact), advice));
            let at = all.iter().position(|care| care.advice == advice).unwrap_or_else(|| {
                all.push(Care { advice, metrics: Vec::new(), facts: Vec::new() });
                all.len() - 1
            });
            let care = &mut all[at];
            if !care.metrics.contains(&metric.name.as_str()) {
                care.metrics.push(&metric.name);
            }
            care.facts.extend(fact.filter(|fact| !care.facts.contains(fact)));
        }
    }
    let line = |care: &Care<'_>| {
        let more = care.facts.len().saturating_sub(FACTS);
        let more = if more > 0 { format!(", and {more} more like it") } else { String::new() };
        let facts = care.facts.iter().take(FACTS).copied().collect::<Vec<_>>().join("; ");
        let facts = if facts.is_empty() { facts } else { format!(" ({facts}{more})") };
        format!("{}: {}{facts}", care.metrics.join(", "), care.advice)
    };
    all.iter().map(line).collect()
}

fn figures(report: &Report) -> Vec<String> {
    let mut cells: Vec<Vec<String>> = Vec::new();
    let mut head = vec![String::new()];
    head.extend(report.rows.iter().map(|row| row.label.clone()));
    cells.push(head);
    for metric in &report.metrics {
        let arrow = match metric.better {
            Better::Lower => " v",
            Better::Higher => " ^",
            Better::Neither => "",
        };
        let mut line = vec![format!("{}{arrow}", metric.name)];
        line.extend(report.rows.iter().map(|row| row.figures.get(&metric.name).map_or_else(dash, |f| cell(f, metric))));
        cells.push(line);
    }
    let columns = report.rows.len() + 1;
    let widths: Vec<usize> = (0..columns)
        .map(|column| cells.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    let line = |line: Vec<String>| {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join("   ").trim_end().to_owned()
    };
    cells.into_iter().map(line).collect()
}

fn dash() -> String {
    "-".to_owned()
}

fn cell(figure: &Figure, metric: &Metric) -> String {
    let value = number(figure.value, metric.digits);
    let star = if figure.note.is_some() { "*" } else { "" };
    match figure.interval {
        Some([low, high]) if low.is_finite() && high.is_finite() && low != high => {
            format!("{value}{star} [{}, {}]", number(low, metric.digits), number(high, metric.digits))
        }
        _ => format!("{value}{star}"),
    }
}
