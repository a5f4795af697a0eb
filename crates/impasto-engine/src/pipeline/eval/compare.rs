//! Two reports side by side: only when they followed the same protocol.

use serde::Serialize;

use super::report::{Better, Figure, Metric, Report, Row, RowKind};
use crate::error::{EngineError, Result};
use crate::metrics::Pairs;

/// How the interval of a difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// From the differences pair by pair.
    Paired,
    /// From the two intervals, as if they were independent (Zou and Donner 2008).
    Intervals,
}

/// The interval of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Span {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was found.
    pub basis: Basis,
}

impl Span {
    /// Whether the difference is surely not zero.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// One metric of two rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The metric.
    pub metric: String,
    /// Digits behind the point.
    pub digits: usize,
    /// Value of the first.
    pub first: f64,
    /// Value of the second.
    pub second: f64,
    /// Second minus first.
    pub difference: f64,
    /// 95 % interval over the pictures or pairs at hand.
    pub interval: Option<Span>,
    /// 95 % interval for other contents and styles.
    pub wide: Option<Span>,
    /// In words: which is better, and how sure that is.
    pub verdict: String,
}

/// Two rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the first.
    pub first: String,
    /// Name of the second.
    pub second: String,
    /// What is compared: candidates, their parts, or sanity rows.
    pub kind: RowKind,
    /// Every metric that both have.
    pub differences: Vec<Difference>,
}

/// Compares two reports row by row: the candidates (the only one of each, else those of equal names) and the parts of equal
/// names of those.
///
/// # Errors
/// [`EngineError::File`] for `names.1`, with everything that differs, when the protocols are not the same;
/// [`EngineError::Caller`] when no rows belong together.
pub fn compare(
    first: &Report,
    second: &Report,
    names: (&std::path::Path, &std::path::Path),
) -> Result<Vec<Comparison>> {
    let differences = first.protocol.differences(&second.protocol);
    if !differences.is_empty() {
        let text = format!(
            "its protocol is not that of {}, so the figures cannot be compared: {}",
            names.0.display(),
            differences.join("; ")
        );
        return Err(EngineError::file(names.1, text));
    }
    let mut found = Vec::new();
    for (a, b) in partners(first, second) {
        let metrics = first.metrics.iter().filter_map(|metric| {
            let figures = (a.figures.get(&metric.name)?, b.figures.get(&metric.name)?);
            Some(difference(metric, figures, (a, b), first, second))
        });
        found.push(Comparison {
            first: a.label.clone(),
            second: b.label.clone(),
            kind: a.kind,
            differences: metrics.collect(),
        });
    }
    if found.is_empty() {
        let labels = |report: &Report| {
            report.rows_of(RowKind::Candidate).map(|row| format!("'{}'", row.label)).collect::<Vec<_>>().join(", ")
        };
        let text = format!(
            "no candidate has the same name in both reports: {} holds {}, {} holds {}",
            names.0.display(),
            labels(first),
            names.1.display(),
            labels(second)
        );
        return Err(EngineError::Caller(text));
    }
    Ok(found)
}

/// Rows that belong together.
fn partners<'a>(first: &'a Report, second: &'a Report) -> Vec<(&'a Row, &'a Row)> {
    let only = |report: &'a Report| -> Option<&'a Row> {
        let mut rows = report.rows_of(RowKind::Candidate);
        rows.next().filter(|_| rows.next().is_none())
    };
    let candidates: Vec<(&Row, &Row)> = match only(first).zip(only(second)) {
        Some(pair) => vec![pair],
        None => first
            .rows_of(RowKind::Candidate)
            .filter_map(|row| Some((row, second.rows_of(RowKind::Candidate).find(|other| other.label == row.label)?)))
            .collect(),
    };
    let mut pairs = Vec::new();
    for (a, b) in candidates {
        pairs.push((a, b));
        let part = |row: &'a Row, whole: &Row| row.label.strip_prefix(&whole.label)?.strip_prefix(": ");
        for row in first.rows_of(RowKind::Part) {
            let Some(name) = part(row, a) else { continue };
            pairs.extend(
                second.rows_of(RowKind::Part).find(|other| part(other, b) == Some(name)).map(|other| (row, other)),
            );
        }
    }
    pairs
}

fn difference(
    metric: &Metric,
    (a, b): (&Figure, &Figure),
    rows: (&Row, &Row),
    first: &Report,
    second: &Report,
) -> Difference {
    let (interval, wide) = match paired(&metric.name, rows, first, second) {
        Some((interval, wide)) => (Some(interval), Some(wide)),
        None => (independent(a, b, |f| f.interval), independent(a, b, |f| f.wide)),
    };
    let difference = if a.value == b.value { 0.0 } else { b.value - a.value };
    Difference {
        metric: metric.name.clone(),
        digits: metric.digits,
        first: a.value,
        second: b.value,
        difference,
        interval,
        wide,
        verdict: verdict(metric.better, difference, interval, wide),
    }
}

/// Intervals of the mean of differences, where both rows hold values of the same pairs.
fn paired(metric: &str, (a, b): (&Row, &Row), first: &Report, second: &Report) -> Option<(Span, Span)> {
    let (own, other) = (a.values.get(metric)?, b.values.get(metric)?);
    if first.pairs != second.pairs || own.len() != first.pairs.len() || other.len() != own.len() {
        return None;
    }
    let pairs = |values: &[f64]| Pairs::new(values.to_vec(), first.places()).ok();
    let difference = pairs(other)?.minus(&pairs(own)?).ok()?;
    let (rounds, seed) = (first.protocol.bootstrap_rounds, first.protocol.seed);
    let span =
        |interval: crate::metrics::Interval| Span { low: interval.low, high: interval.high, basis: Basis::Paired };
    Some((span(difference.over_pairs(rounds, seed)), span(difference.over_pictures(rounds, seed))))
}

/// The interval of a difference from those of its parts, each side's distance taken from the ends that matter.
fn independent(a: &Figure, b: &Figure, ends: impl Fn(&Figure) -> Option<[f64; 2]>) -> Option<Span> {
    let ([a_low, a_high], [b_low, b_high]) = (ends(a)?, ends(b)?);
    let difference = b.value - a.value;
    let low = difference - (b.value - b_low).hypot(a_high - a.value);
    let high = difference + (b_high - b.value).hypot(a.value - a_low);
    (low.is_finite() && high.is_finite()).then_some(Span { low, high, basis: Basis::Intervals })
}

fn verdict(better: Better, difference: f64, interval: Option<Span>, wide: Option<Span>) -> String {
    if difference == 0.0 {
        return "equal".to_owned();
    }
    let which = match (better, difference < 0.0) {
        (Better::Lower, true) | (Better::Higher, false) => "second is better",
        (Better::Lower, false) | (Better::Higher, true) => "first is better",
        (Better::Neither, true) => "second is lower",
        (Better::Neither, false) => "second is higher",
    };
    let sure = |span: Option<Span>| span.is_some_and(|span| span.excludes_zero());
    let how = match (interval.is_some(), sure(interval), wide.is_some(), sure(wide)) {
        (false, ..) => ", no interval says how surely",
        (true, false, ..) => ", not surely: the interval holds zero",
        (true, true, true, false) => " on these pictures, not surely on others",
        _ => "",
    };
    format!("{which}{how}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::report::tests::report;
    use super::*;

    fn names() -> (&'static Path, &'static Path) {
        (Path::new("a.json"), Path::new("b.json"))
    }

    #[test]
    fn other_protocols_are_refused_with_every_difference() {
        let (a, mut b) = (report([0.2, 0.4]), report([0.2, 0.4]));
        b.protocol.seed = 5;
        b.protocol.rules.insert("alpha".into(), "over black".into());
        let error = compare(&a, &b, names()).unwrap_err();
        assert_eq!(error.blame(), crate::Blame::Input);
        let text = error.to_string();
        for part in ["b.json", "a.json", "seed: 0 against 5", "rules alpha: 'over white' against 'over black'"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn differences_are_taken_pair_by_pair() {
        // Every pair is better by the same 0.1, far less than pairs differ among themselves.
        let (a, b) = (report([0.2, 0.8]), report([0.1, 0.7]));
        let found = compare(&a, &b, names()).unwrap();
        assert_eq!(found.len(), 1);
        let lpips = &found[0].differences[0];
        assert!((lpips.difference + 0.1).abs() < 1e-12);
        let span = lpips.interval.unwrap();
        assert!(span.basis == Basis::Paired && span.excludes_zero() && span.high < -0.099, "{span:?}");
        assert_eq!(lpips.verdict, "second is better");
        let same = compare(&a, &a, names()).unwrap();
        assert_eq!(same[0].differences[0].verdict, "equal");
    }

    #[test]
    fn sets_are_compared_by_their_intervals() {
        let strip = |mut report: Report| {
            report.rows[0].values.clear();
            report
        };
        let (a, b) = (strip(report([0.2, 0.4])), strip(report([0.25, 0.45])));
        let found = compare(&a, &b, names()).unwrap();
        let lpips = &found[0].differences[0];
        let span = lpips.interval.unwrap();
        assert_eq!(span.basis, Basis::Intervals);
        assert!(!span.excludes_zero() && lpips.verdict.contains("holds zero"), "{lpips:?}");
        assert!((span.high - span.low - 2.0 * 0.1f64.hypot(0.1)).abs() < 1e-12);
    }

    /// Classes belong together whatever the candidates' folders are called.
    #[test]
    fn parts_follow_their_candidates() {
        let (mut a, mut b) = (report([0.2, 0.4]), report([0.2, 0.4]));
        a.rows[0].label = "before".into();
        for (report, parts) in [(&mut a, ["dark", "light"]), (&mut b, ["light", "soft"])] {
            let whole = report.rows[0].clone();
            let part =
                |name: &str| Row { kind: RowKind::Part, label: format!("{}: {name}", whole.label), ..whole.clone() };
            report.rows.extend(parts.map(part));
        }
        let found = compare(&a, &b, names()).unwrap();
        let labels: Vec<_> = found.iter().map(|c| (c.first.as_str(), c.second.as_str())).collect();
        assert_eq!(labels, [("before", "fusion"), ("before: light", "fusion: light")]);
    }

    #[test]
    fn rows_that_do_not_belong_together() {
        let (mut a, mut b) = (report([0.2, 0.4]), report([0.2, 0.4]));
        a.rows[0].label = "one".into();
        assert_eq!(compare(&a, &b, names()).unwrap()[0].second, "fusion", "the only candidate of each");
        b.rows.push(Row { label: "more".into(), ..b.rows[0].clone() });
        let error = compare(&a, &b, names()).unwrap_err().to_string();
        assert!(error.contains("'one'") && error.contains("'fusion', 'more'"), "{error}");
    }
}
