//! Means over pairs, and figures made of others.

use serde_json::json;

use crate::error::Result;
use crate::metrics::Pairs;
use crate::pipeline::eval::report::{Better, Figure, IntervalKind, Row};
use crate::pipeline::eval::spaces::{self, Defined, defined};
use crate::pipeline::eval::{BOOTSTRAP_ROUNDS, NetworkKind};

/// A mean over pairs with both intervals.
pub(super) fn mean(values: &[f64], places: &[(usize, usize)], seed: u64) -> Result<Figure> {
    let pairs = Pairs::new(values.to_vec(), places.to_vec())?;
    let (narrow, wide) = (pairs.over_pairs(BOOTSTRAP_ROUNDS, seed), pairs.over_pictures(BOOTSTRAP_ROUNDS, seed));
    let note = narrow.value.is_infinite().then(|| "infinite where output and content are equal".to_owned());
    let ends = |interval: crate::metrics::Interval| Some([interval.low, interval.high]);
    let figure = Figure::with(narrow, 1.0, IntervalKind::Bootstrap);
    Ok(Figure { wide: ends(wide), note, ..figure })
}

pub(super) fn artfid_metric(space: &spaces::Space) -> Defined {
    defined(
        format!("artfid-{}", space.name),
        "both in one: (1 + FD)(1 + LPIPS)",
        (Better::Lower, 2),
        "(1 + FD)(1 + LPIPS), the form of ArtFID (Wright and Ommer 2022) with the networks named here in place of its own",
        Some(space.network.clone()),
        &[("fd", json!(format!("fd-{}", space.name))), ("lpips", json!("lpips"))],
    )
}

/// The metrics of sets that need a network.
pub(super) fn set_metric_names(kind: NetworkKind, lpips: bool) -> Vec<String> {
    let spaces: &[&str] = match kind {
        NetworkKind::Inception => &["inception-768", "inception-1280"],
        _ => &["percept"],
    };
    let forms: &[&str] = if lpips { &["fd", "kid", "artfid"] } else { &["fd", "kid"] };
    spaces.iter().flat_map(|space| forms.iter().map(move |form| format!("{form}-{space}"))).collect()
}

/// (1 + FD)(1 + LPIPS), from the figures of each row.
pub(super) fn artfid(metrics: &[Defined], rows: &mut [Row]) {
    for (metric, _) in metrics.iter().filter(|(metric, _)| metric.name.starts_with("artfid-")) {
        let fd = metric.name.replacen("artfid-", "fd-", 1);
        for row in rows.iter_mut() {
            let Some((fd, lpips)) = row.figures.get(&fd).zip(row.figures.get("lpips")) else { continue };
            let figure = Figure { note: fd.note.clone(), ..product(fd, lpips) };
            row.figures.insert(metric.name.clone(), figure);
        }
    }
}

/// (1 + a)(1 + b) with the interval that those of both leave, as if they were independent: each end's distance from the
/// figures' own ends.
fn product(a: &Figure, b: &Figure) -> Figure {
    let (one, other) = (1.0 + a.value, 1.0 + b.value);
    let value = one * other;
    let (Some([a_low, a_high]), Some([b_low, b_high])) = (a.interval, b.interval) else { return Figure::of(value) };
    let reach = |a_end: f64, b_end: f64| (other * (a_end - a.value)).hypot(one * (b_end - b.value));
    let interval = Some([value - reach(a_low, b_low), value + reach(a_high, b_high)]);
    Figure { interval, interval_by: Some(IntervalKind::Combined), ..Figure::of(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_products_come_from_both_parts() {
        let figure =
            |value: f64, reach: f64| Figure { interval: Some([value - reach, value + reach]), ..Figure::of(value) };
        let found = product(&figure(3.0, 0.3), &figure(0.5, 0.02));
        let reach = (1.5f64 * 0.3).hypot(4.0 * 0.02);
        let Some([low, high]) = found.interval else { panic!("no interval") };
        assert!(
            (found.value - 6.0).abs() < 1e-12
                && (high - 6.0 - reach).abs() < 1e-12
                && (6.0 - low - reach).abs() < 1e-12
        );
        assert_eq!(found.interval_by, Some(IntervalKind::Combined));
        assert_eq!(product(&Figure::of(1.0), &figure(1.0, 0.1)).interval, None);
    }
}
