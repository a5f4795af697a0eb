//! Reports as one HTML page: style sheet, plots and pictures within it, no scripts, nothing fetched.

mod pictures;

use std::fmt::Write;

use impasto_image::Limits;

use self::pictures::figure;
use super::svg::{self, Cloud, Rung};
use super::table::{care, intervals};
use super::{Better, Figure, Metric, Report, Row, RowKind, Tone, number};
use crate::markup::escape;
use crate::pipeline::eval::protocol::MetricProtocol;

/// Nothing but what is in the page may be shown.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// The page. Pictures that can no longer be read are shown as their names; `limits` bounds what is decoded.
pub(super) fn page(report: &Report, limits: &Limits) -> String {
    let mut out = String::new();
    let title = escape(&report.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>\n{}</style></head>\n<body>\n",
        include_str!("page.css")
    );
    header(&mut out, report);
    findings(&mut out, report);
    figures(&mut out, report);
    plots(&mut out, report);
    examples(&mut out, report, limits);
    judged(&mut out, report);
    left_out(&mut out, report);
    protocol(&mut out, report);
    out.push_str("</body></html>\n");
    out
}

fn header(out: &mut String, report: &Report) {
    let job = escape(&report.protocol.job);
    let _ = write!(out, "<header><p class=\"brand\">impasto eval {job}</p>\n<h1>{}</h1>\n", escape(&report.title));
    out.push_str("<ul class=\"sources\">");
    for source in &report.sources {
        let more = if source.rejected > 0 { format!(", {} left out", source.rejected) } else { String::new() };
        let (role, name) = (escape(&source.role), escape(&source.name));
        let _ = write!(out, "<li><b>{role}</b> {name} <span>{}{more}</span></li>", source.used);
    }
    out.push_str("</ul></header>\n");
}

fn findings(out: &mut String, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("<section><h2>In words</h2><ul class=\"findings\">");
    for finding in &report.findings {
        let class = match finding.tone {
            Tone::Good => "good",
            Tone::Note => "note",
            Tone::Warning => "warning",
        };
        let _ = write!(out, "<li class=\"{class}\">{}</li>", escape(&finding.text));
    }
    out.push_str("</ul></section>\n");
}

/// The number of a row among the candidates; `None` for sanity rows.
fn places(report: &Report) -> Vec<Option<usize>> {
    let mut next = 0;
    let mut place = |row: &Row| {
        (row.kind != RowKind::Sanity).then(|| {
            next += 1;
            next - 1
        })
    };
    report.rows.iter().map(&mut place).collect()
}

fn figures(out: &mut String, report: &Report) {
    out.push_str("<section><h2>Figures</h2><div class=\"scroll\"><table><thead><tr><th></th>");
    for (row, place) in report.rows.iter().zip(places(report)) {
        let (class, label) = (svg::class(place), escape(&row.label));
        let _ = write!(out, "<th class=\"{class}\"><i></i>{label}<small>{}</small></th>", row.count);
    }
    out.push_str("</tr></thead><tbody>\n");
    for metric in &report.metrics {
        let arrow = match metric.better {
            Better::Lower => "<abbr title=\"lower is better\">&#8595;</abbr>",
            Better::Higher => "<abbr title=\"higher is better\">&#8593;</abbr>",
            Better::Neither => "",
        };
        let (name, about) = (escape(&metric.name), escape(&metric.about));
        let _ = write!(out, "<tr><th>{name} {arrow}<small>{about}</small></th>");
        for row in &report.rows {
            let class = if row.kind == RowKind::Sanity { " class=\"sanity\"" } else { "" };
            let text = row.figures.get(&metric.name).map_or_else(|| "&#8211;".to_owned(), |f| cell(f, metric));
            let _ = write!(out, "<td{class}>{text}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n<p class=\"key\">");
    if let Some(words) = intervals(report) {
        let _ = write!(out, "Small figures are {}", escape(&words));
    }
    if report.rows.iter().any(|row| row.figures.values().any(|figure| figure.wide.is_some())) {
        out.push_str(
            ": the upper over these pairs, the lower by bootstrap over contents and styles, for others than these",
        );
    }
    out.push_str("</p>");
    let notes = care(report);
    if !notes.is_empty() {
        out.push_str("<ul class=\"care\">");
        for note in notes {
            let _ = write!(out, "<li>{}</li>", escape(&note));
        }
        out.push_str("</ul>");
    }
    out.push_str("</section>\n");
}

fn cell(figure: &Figure, metric: &Metric) -> String {
    let mut text = number(figure.value, metric.digits);
    if let Some(note) = &figure.note {
        let _ = write!(text, "<abbr class=\"star\" title=\"{}\">*</abbr>", escape(note));
    }
    for ends in [figure.interval, figure.wide].into_iter().flatten().filter(|ends| ends[0] != ends[1]) {
        let [low, high] = ends.map(|v| number(v, metric.digits));
        let _ = writeln!(text, "<small>{low} &#8230; {high}</small>");
    }
    text
}

fn plots(out: &mut String, report: &Report) {
    let places = places(report);
    let mut drawn = String::new();
    if let Some(plot) = trade_off(report, &places) {
        drawn.push_str(&plot);
    }
    drawn.push_str("<div class=\"ladders\">");
    for metric in &report.metrics {
        let rungs: Vec<Rung<'_>> = report
            .rows
            .iter()
            .zip(&places)
            .filter_map(|(row, &place)| {
                let figure = row.figures.get(&metric.name)?;
                let values = row.values.get(&metric.name).map_or(&[][..], Vec::as_slice);
                let (label, class) = (row.label.as_str(), svg::class(place));
                Some(Rung { label, class, value: figure.value, interval: figure.interval, values })
            })
            .collect();
        if let Some(plot) = svg::ladder(&rungs, metric.digits) {
            let (name, about) = (escape(&metric.name), escape(&metric.about));
            let _ =
                writeln!(drawn, "<figure class=\"plot\"><figcaption><b>{name}</b> {about}</figcaption>{plot}</figure>");
        }
    }
    drawn.push_str("</div>");
    let _ = write!(out, "<section><h2>Plots</h2>{drawn}");
    out.push_str(
        "<p class=\"key\">Dots are the figures, dark lines their intervals. Where a figure is a mean, the bars show ",
    );
    out.push_str("the values behind it: the middle half, and from the 5th to the 95th percentile.</p></section>\n");
}

/// Nearness to the content against nearness to the style, where the report has both.
fn trade_off(report: &Report, places: &[Option<usize>]) -> Option<String> {
    let first =
        |names: &[&'static str]| names.iter().copied().find(|name| report.metrics.iter().any(|m| m.name == *name));
    let x = first(&["lpips", "content-percept"])?;
    let y = first(&["gram-vgg", "gram-percept"])?;
    let mut clouds = Vec::new();
    for (row, &place) in report.rows.iter().zip(places) {
        let (Some(fx), Some(fy)) = (row.figures.get(x), row.figures.get(y)) else { continue };
        let points = match (row.values.get(x), row.values.get(y)) {
            (Some(xs), Some(ys)) => xs.iter().copied().zip(ys.iter().copied()).collect(),
            _ => Vec::new(),
        };
        clouds.push(Cloud {
            label: &row.label,
            class: svg::class(place),
            points,
            mean: (fx.value, fy.value),
            intervals: (fx.wide.or(fx.interval), fy.wide.or(fy.interval)),
        });
    }
    // Behind the candidates.
    clouds.sort_by_key(|cloud| cloud.class != "sanity");
    let plot =
        svg::scatter(&clouds, &format!("{x}: farther from the content"), &format!("{y}: farther from the style"))?;
    Some(format!(
        "<figure class=\"plot wide\"><figcaption><b>Content against style</b> a point for each pair, nearer to the \
         corner is better; crosses are means with their intervals</figcaption>{plot}</figure>"
    ))
}

fn examples(out: &mut String, report: &Report, limits: &Limits) {
    if report.examples.is_empty() {
        return;
    }
    out.push_str("<section><h2>Pictures</h2>");
    for example in &report.examples {
        let _ = write!(out, "<h3>{}</h3><div class=\"pictures\">", escape(&example.title));
        for (caption, path) in &example.pictures {
            out.push_str(&figure(caption, path, limits));
        }
        out.push_str("</div>\n");
    }
    out.push_str("</section>\n");
}

/// Which pictures were judged, and what made them.
fn judged(out: &mut String, report: &Report) {
    let known: Vec<(&Row, &String)> =
        report.rows.iter().filter_map(|row| Some((row, row.pictures_blake3.as_ref()?))).collect();
    if known.is_empty() {
        return;
    }
    out.push_str("<section><h2>What was judged</h2><dl class=\"facts\">");
    for (row, hash) in known {
        let _ = write!(
            out,
            "<dt>{}</dt><dd>{} pictures, BLAKE3 <code>{}</code>",
            escape(&row.label),
            row.count,
            escape(hash)
        );
        if let Some(made) = &row.made_by {
            let _ = write!(out, "<small>made by {}</small>", escape(&made.line()));
        }
        out.push_str("</dd>");
    }
    out.push_str("</dl></section>\n");
}

fn left_out(out: &mut String, report: &Report) {
    if report.missing.is_empty() && report.rejected.is_empty() {
        return;
    }
    out.push_str("<section><h2>Left out</h2><ul class=\"care\">");
    for missing in &report.missing {
        let names = escape(&missing.metrics.join(", "));
        let _ = write!(out, "<li><b>{names}</b> {}</li>", escape(&missing.reason));
    }
    for rejected in &report.rejected {
        let _ = write!(out, "<li><b>{}</b> {}</li>", escape(&rejected.file), escape(&rejected.reason));
    }
    out.push_str("</ul></section>\n");
}

fn protocol(out: &mut String, report: &Report) {
    let p = &report.protocol;
    let _ = write!(
        out,
        "<section><h2>Protocol</h2><p>Figures of two reports can be compared when their protocols are the same: \
         <code>impasto eval compare</code> refuses otherwise.</p><dl class=\"facts\"><dt>hash</dt><dd><code>{}</code></dd>",
        escape(&report.protocol_hash)
    );
    let mut fact = |name: &str, value: &str| {
        let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    };
    fact("made by", &format!("impasto {}, evaluator {}, on {}", report.impasto, p.version, report.device));
    for (role, data) in &p.data {
        fact(role, &format!("{} pictures, BLAKE3 {}", data.count, data.blake3));
    }
    for (name, rule) in &p.rules {
        fact(name, rule);
    }
    fact("intervals", &format!("95 %; bootstraps of {} resamples", p.bootstrap_rounds));
    fact("seed", &p.seed.to_string());
    out.push_str("</dl><details open><summary>Metrics</summary><dl class=\"facts\">");
    for (name, metric) in &p.metrics {
        let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), metric_facts(metric));
    }
    out.push_str("</dl></details></section>\n");
}

fn metric_facts(metric: &MetricProtocol) -> String {
    let mut text = escape(&metric.definition);
    if let Some(network) = &metric.network {
        let mut parts = vec![format!("{}, {}", network.name, network.layer)];
        if !network.resizer.is_empty() {
            parts.push(network.resizer.clone());
        }
        let _ = write!(
            text,
            "<small>{}, SHA-256 <code>{}</code></small>",
            escape(&parts.join(", ")),
            escape(&network.sha256)
        );
    }
    if !metric.settings.is_empty() {
        let settings: Vec<String> = metric.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let _ = write!(text, "<small>{}</small>", escape(&settings.join(", ")));
    }
    text
}
