//! Plots as SVG that takes its colours from the page's style sheet, so that they follow light and dark.

use std::fmt::Write;

use super::number;
use crate::markup::escape;

/// Series colours that the style sheet has: classes `s0`, `s1`, ...
const COLOURS: usize = 6;

/// The class of the `index`th candidate, or of a sanity row (`None`).
pub(super) fn class(index: Option<usize>) -> String {
    index.map_or_else(|| "sanity".to_owned(), |index| format!("s{}", index % COLOURS))
}

/// One row of a [`ladder`].
#[derive(Debug, Clone)]
pub(super) struct Rung<'a> {
    pub(super) label: &'a str,
    pub(super) class: String,
    pub(super) value: f64,
    pub(super) interval: Option<[f64; 2]>,
    /// The values behind a mean.
    pub(super) values: &'a [f64],
}

/// Points of one row of a [`scatter`].
#[derive(Debug, Clone)]
pub(super) struct Cloud<'a> {
    pub(super) label: &'a str,
    pub(super) class: String,
    pub(super) points: Vec<(f64, f64)>,
    /// The mean and its intervals, along x and y.
    pub(super) mean: (f64, f64),
    pub(super) intervals: (Option<[f64; 2]>, Option<[f64; 2]>),
}

/// Round numbers within a range, about `count` of them.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&s| s >= rough).unwrap_or(power);
    let first = (low / step).ceil() as i64;
    (first..).map(|i| i as f64 * step).take_while(|&v| v <= high + step * 1e-9).take(50).collect()
}

/// Digits behind the point that tell neighbouring ticks apart, or a lone one from its neighbours.
fn tick_digits(ticks: &[f64]) -> usize {
    let Some(step) = ticks.windows(2).map(|pair| pair[1] - pair[0]).next() else {
        // What a lone tick needs: steps are round numbers, and so are their multiples.
        let exact = |digits: &usize| ticks.iter().all(|v| (number(*v, *digits).parse::<f64>().ok()) == Some(*v));
        return (0..=8).find(exact).unwrap_or(3);
    };
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 8.0) as usize
}

/// The range of finite values with some room; around a lone value, a range that holds it.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    let room = if high > low { (high - low) * 0.06 } else { low.abs().max(1e-6) * 0.1 };
    Some((low - room, high + room))
}

/// The value below which a share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    sorted[low] + part * (sorted[(low + 1).min(sorted.len() - 1)] - sorted[low])
}

/// A row for each of `rungs`: the value as a dot with its interval, over a bar from the 5th to the 95th percentile and a
/// wider one between the quartiles where there are values. `None` when no value is finite.
pub(super) fn ladder(rungs: &[Rung<'_>], digits: usize) -> Option<String> {
    const WIDTH: f64 = 340.0;
    const ROW: f64 = 34.0;
    let (left, right, top) = (8.0, WIDTH - 8.0, 4.0);
    let boxes: Vec<Option<[f64; 4]>> = rungs.iter().map(|rung| spread(rung.values)).collect();
    let known = rungs.iter().flat_map(|rung| [rung.value].into_iter().chain(rung.interval.into_iter().flatten()));
    let (low, high) = range(known.chain(boxes.iter().flatten().flatten().copied()))?;
    let x = |v: f64| left + (v - low) / (high - low) * (right - left);
    let height = top + ROW * rungs.len() as f64;
    let mut svg = open(WIDTH, height + 20.0);
    axis_x(&mut svg, &ticks(low, high, 4), x, (0.0, WIDTH), (top, height));
    for (i, rung) in rungs.iter().enumerate() {
        let (text, y) = (top + ROW * i as f64 + 11.0, top + ROW * i as f64 + 22.0);
        let _ = write!(svg, r#"<g class="{}">"#, rung.class);
        let label = escape(&shorten(rung.label, 34));
        let _ = write!(svg, r#"<text class="name" x="{left}" y="{text:.1}">{label}</text>"#);
        let value = number(rung.value, digits);
        let _ = write!(svg, r#"<text class="value" x="{right}" y="{text:.1}" text-anchor="end">{value}</text>"#);
        if let Some([p5, q1, q3, p95]) = boxes[i] {
            bar(&mut svg, "tail", x(p5), x(p95), y, 4.0);
            bar(&mut svg, "box", x(q1), x(q3), y, 10.0);
        }
        if let Some([low, high]) = rung.interval.filter(|ends| ends.iter().all(|v| v.is_finite())) {
            line(&mut svg, "interval", (x(low), y), (x(high), y));
        }
        if rung.value.is_finite() {
            dot(&mut svg, "dot", (x(rung.value), y), 4.0);
        }
        svg.push_str("</g>");
    }
    Some(close(svg))
}

/// Percentiles 5, 25, 75 and 95 of what is finite.
fn spread(values: &[f64]) -> Option<[f64; 4]> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    (sorted.len() > 1).then(|| [0.05, 0.25, 0.75, 0.95].map(|share| quantile(&sorted, share)))
}

/// Clouds of points with their means and a cross of intervals. `None` when nothing is finite.
pub(super) fn scatter(clouds: &[Cloud<'_>], x_title: &str, y_title: &str) -> Option<String> {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 400.0;
    /// More points than this say no more and make the page heavy.
    const POINTS: usize = 1000;
    let (left, right, top, bottom) = (52.0, WIDTH - 12.0, 12.0, HEIGHT - 46.0);
    let all = || clouds.iter().flat_map(|cloud| cloud.points.iter().copied().chain([cloud.mean]));
    let (x_low, x_high) = range(all().map(|p| p.0))?;
    let (y_low, y_high) = range(all().map(|p| p.1))?;
    let x = |v: f64| left + (v - x_low) / (x_high - x_low) * (right - left);
    let y = |v: f64| bottom - (v - y_low) / (y_high - y_low) * (bottom - top);
    let mut svg = open(WIDTH, HEIGHT);
    axis_x(&mut svg, &ticks(x_low, x_high, 7), x, (0.0, WIDTH), (top, bottom));
    let y_ticks = ticks(y_low, y_high, 6);
    for &tick in &y_ticks {
        line(&mut svg, "grid", (left, y(tick)), (right, y(tick)));
        let text = number(tick, tick_digits(&y_ticks));
        let at = y(tick) + 4.0;
        let _ = write!(svg, r#"<text class="tick" x="{:.1}" y="{at:.1}" text-anchor="end">{text}</text>"#, left - 6.0);
    }
    let (middle, low) = ((left + right) / 2.0, HEIGHT - 8.0);
    let _ = write!(svg, r#"<text class="axis" x="{middle}" y="{low}" text-anchor="middle">{}</text>"#, escape(x_title));
    let middle = (top + bottom) / 2.0;
    let turned = escape(y_title);
    let _ = write!(
        svg,
        r#"<text class="axis" transform="rotate(-90 14 {middle})" x="14" y="{middle}" text-anchor="middle">{turned}</text>"#
    );
    for cloud in clouds {
        let _ = write!(svg, r#"<g class="{}">"#, cloud.class);
        let step = cloud.points.len().div_ceil(POINTS).max(1);
        for point in cloud.points.iter().step_by(step).filter(|p| p.0.is_finite() && p.1.is_finite()) {
            dot(&mut svg, "point", (x(point.0), y(point.1)), 2.5);
        }
        svg.push_str("</g>");
    }
    // Means above all points.
    for cloud in clouds.iter().filter(|cloud| cloud.mean.0.is_finite() && cloud.mean.1.is_finite()) {
        let (mx, my) = (x(cloud.mean.0), y(cloud.mean.1));
        let _ = write!(svg, r#"<g class="{}">"#, cloud.class);
        if let Some([low, high]) = cloud.intervals.0 {
            line(&mut svg, "interval", (x(low), my), (x(high), my));
        }
        if let Some([low, high]) = cloud.intervals.1 {
            line(&mut svg, "interval", (mx, y(low)), (mx, y(high)));
        }
        dot(&mut svg, "dot", (mx, my), 5.0);
        let end = mx > (left + right) / 2.0;
        let (at, anchor) = if end { (mx - 9.0, "end") } else { (mx + 9.0, "start") };
        let label = escape(&shorten(cloud.label, 40));
        let above = if my < top + 20.0 { my + 18.0 } else { my - 8.0 };
        let _ =
            write!(svg, r#"<text class="mean" x="{at:.1}" y="{above:.1}" text-anchor="{anchor}">{label}</text></g>"#);
    }
    Some(close(svg))
}

fn open(width: f64, height: f64) -> String {
    format!(r#"<svg viewBox="0 0 {width} {height}" role="img" preserveAspectRatio="xMinYMin meet">"#)
}

fn close(svg: String) -> String {
    svg + "</svg>"
}

fn axis_x(
    svg: &mut String,
    ticks: &[f64],
    x: impl Fn(f64) -> f64,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    for &tick in ticks {
        line(svg, "grid", (x(tick), top), (x(tick), bottom));
        let (at, text) = (bottom + 14.0, number(tick, tick_digits(ticks)));
        let place = x(tick);
        // About half a label's width: what stands at an edge would be cut off.
        let half = 3.4 * text.chars().count() as f64;
        let anchor = match place {
            place if place - half < left => "start",
            place if place + half > right => "end",
            _ => "middle",
        };
        let _ = write!(svg, r#"<text class="tick" x="{place:.1}" y="{at:.1}" text-anchor="{anchor}">{text}</text>"#);
    }
}

fn line(svg: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = write!(svg, r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
}

fn bar(svg: &mut String, class: &str, low: f64, high: f64, y: f64, height: f64) {
    let (width, y) = ((high - low).max(1.0), y - height / 2.0);
    let _ =
        write!(svg, r#"<rect class="{class}" x="{low:.1}" y="{y:.1}" width="{width:.1}" height="{height}" rx="2"/>"#);
}

fn dot(svg: &mut String, class: &str, (x, y): (f64, f64), radius: f64) {
    let _ = write!(svg, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#);
}

/// A label with its end cut off where it is too long.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_say_what_they_stand_for() {
        for (ticks, digits) in
            [(&[0.5][..], 1), (&[0.25], 2), (&[3.0], 0), (&[0.0, 0.05], 2), (&[1.0, 3.0], 0), (&[], 0)]
        {
            assert_eq!(tick_digits(ticks), digits, "{ticks:?}");
        }
    }

    #[test]
    fn labels_at_the_edges_stay_within() {
        let mut svg = String::new();
        axis_x(&mut svg, &[0.125, 0.5, 1.0], |v| 340.0 * v * v, (0.0, 340.0), (4.0, 30.0));
        let anchors: Vec<&str> =
            svg.split("text-anchor=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        assert_eq!(anchors, ["start", "middle", "end"]);
    }
}
