//! Reports as lines for a terminal: a line for each metric, a column for each row of the report, since there are more
//! metrics than a terminal is wide.

use super::{Better, Figure, Metric, Report, Tone, number};

/// The lines of a report: what was compared, figures with their 95 % intervals, findings, what was left out.
pub fn table(report: &Report) -> Vec<String> {
    let mut lines = vec![report.title.clone(), String::new()];
    lines.extend(figures(report));
    if report.rows.iter().any(|row| row.figures.values().any(|figure| figure.interval.is_some())) {
        lines.push(String::new());
        lines.push("In brackets: 95 % intervals by bootstrap. v lower is better, ^ higher is better.".to_owned());
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
    lines.push(format!("protocol {}", report.protocol_hash));
    lines
}

/// Notes of figures, each once with the metrics it concerns.
pub(super) fn care(report: &Report) -> Vec<String> {
    let mut notes: Vec<(String, Vec<&str>)> = Vec::new();
    for metric in &report.metrics {
        for row in &report.rows {
            let Some(note) = row.figures.get(&metric.name).and_then(|figure| figure.note.as_ref()) else { continue };
            match notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, names)) if names.contains(&metric.name.as_str()) => {}
                Some((_, names)) => names.push(&metric.name),
                None => notes.push((note.clone(), vec![&metric.name])),
            }
        }
    }
    notes.into_iter().map(|(note, names)| format!("{}: {note}", names.join(", "))).collect()
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
