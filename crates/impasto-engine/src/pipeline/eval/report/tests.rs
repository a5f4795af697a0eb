use super::super::protocol::tests::protocol;
use super::*;

/// A report of two pairs with one candidate and one sanity row.
pub(in crate::pipeline::eval) fn report(values: [f64; 2]) -> Report {
    let protocol = protocol();
    let row = |label: &str, kind, values: [f64; 2]| {
        let figure = Figure {
            value: (values[0] + values[1]) / 2.0,
            interval: Some(values),
            interval_by: Some(IntervalKind::Bootstrap),
            wide: Some(values),
            note: values[0].is_infinite().then(|| "equal pictures".to_owned()),
        };
        Row {
            figures: BTreeMap::from([("lpips".to_owned(), figure)]),
            values: BTreeMap::from([("lpips".to_owned(), values.to_vec())]),
            ..Row::new(label, kind, 2)
        }
    };
    let pair = |content: &str| PairName { content: content.to_owned(), style: "wave".to_owned() };
    Report {
        format: FORMAT,
        impasto: "0.0.0".to_owned(),
        title: "Two pairs".to_owned(),
        protocol_hash: protocol.hash(),
        protocol,
        device: "cpu".to_owned(),
        sources: vec![Source { role: "contents".into(), name: "photos".into(), used: 2, rejected: 0 }],
        metrics: vec![Metric {
            name: "lpips".to_owned(),
            about: "distance to the content".to_owned(),
            better: Better::Lower,
            digits: 4,
        }],
        rows: vec![
            row("fusion", RowKind::Candidate, values),
            row("identity copy", RowKind::Sanity, [f64::INFINITY, f64::INFINITY]),
        ],
        findings: vec![Finding::new(Tone::Good, "well <done>")],
        missing: vec![Missing { metrics: vec!["fd".into()], reason: "no network".into() }],
        rejected: vec![Rejected { file: "<img src=x onerror=alert(1)>.png".into(), reason: "damaged".into() }],
        pairs: vec![pair("a"), pair("b")],
        samples: Vec::new(),
        examples: Vec::new(),
    }
}

#[test]
fn json_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let report = report([0.25, 0.5]);
    report.write(&path, false, &Limits::default()).unwrap();
    assert_eq!(read(&path).unwrap(), report);
    let again = report.write(&path, false, &Limits::default()).unwrap_err().to_string();
    assert!(again.contains("--overwrite"), "{again}");
}

#[test]
fn what_was_judged_is_kept_and_reports_without_it_are_read() {
    let mut report = report([0.25, 0.5]);
    let old = report.json().unwrap().replace("\"format\": 2", "\"format\": 1");
    let old: String = old.lines().filter(|line| !line.contains("interval_by")).collect();
    let read_back: Report = json::parse(&old).unwrap();
    assert_eq!((read_back.format, read_back.rows[0].figures["lpips"].interval_by), (1, None));
    report.rows[0].pictures_blake3 = Some("c0ffee".repeat(8));
    report.rows[0].made_by = Some(MadeBy {
        model: "<fusion>".into(),
        weights_blake3: Some("ab".repeat(32)),
        settings: BTreeMap::from([("seeds".to_owned(), "0-9".into()), ("truncation".to_owned(), 0.5.into())]),
    });
    assert_eq!(json::parse(&report.json().unwrap()).unwrap(), report);
    assert_eq!(report.protocol.hash(), report.protocol_hash, "what was judged is no part of the protocol");
    let line = format!("made by <fusion>, weights {}, seeds 0-9, truncation 0.5", "ab".repeat(32));
    assert!(table(&report).iter().any(|found| found.starts_with("judged fusion: 2") && found.ends_with(&line)));
    let page = html::page(&report, &Limits::default());
    assert!(page.contains("c0ffee") && page.contains("made by &lt;fusion&gt;, weights abab"));
}

#[test]
fn intervals_are_called_what_they_are() {
    let mut report = report([0.25, 0.5]);
    assert_eq!(table::intervals(&report).unwrap(), "95 % intervals by bootstrap");
    for (name, kind) in [("fd", IntervalKind::Jackknife), ("kid", IntervalKind::Jackknife)] {
        report.metrics.push(Metric { name: name.into(), ..report.metrics[0].clone() });
        let figure = Figure { interval: Some([1.0, 2.0]), interval_by: Some(kind), ..Figure::of(1.5) };
        report.rows[0].figures.insert(name.into(), figure);
    }
    let words = "95 % intervals, of lpips by bootstrap, of all others by jackknife";
    assert_eq!(table::intervals(&report).unwrap(), words);
    assert!(table(&report).iter().any(|line| line.contains(words)));
    assert!(html::page(&report, &Limits::default()).contains(words));
}

#[test]
fn an_advice_is_given_once() {
    let mut report = report([0.25, 0.5]);
    for (name, facts) in [("fd-a", ["5 pictures", "6 pictures"]), ("fd-b", ["7 pictures", "8 pictures"])] {
        report.metrics.push(Metric { name: name.into(), ..report.metrics[0].clone() });
        for (row, fact) in report.rows.iter_mut().zip(facts) {
            let figure = Figure { note: Some(format!("{fact}: too high")), ..Figure::of(1.0) };
            row.figures.insert(name.into(), figure);
        }
    }
    let notes = table::care(&report);
    assert!(
        notes.contains(&"fd-a, fd-b: too high (5 pictures; 6 pictures; 7 pictures, and 1 more like it)".to_owned()),
        "{notes:?}"
    );
}

#[test]
fn files_that_are_no_reports_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = report([0.25, 0.5]).json().unwrap();
    let cases = [
        ("no JSON", "is not JSON"),
        ("{\"a\": 1}", "is no report"),
        (&good.replace("\"format\": 2", "\"format\": 99"), "newer impasto"),
        (&good.replace("over white", "over black"), "was changed"),
        (&good.replace("\"rows\"", "\"lines\""), "damaged"),
    ];
    for (text, part) in cases {
        let path = folder.path().join("r.json");
        std::fs::write(&path, text).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(read(&folder.path().join("none.json")).unwrap_err().to_string().contains("none.json"));
    assert!(check_target(&folder.path().join("r.txt"), false).unwrap_err().to_string().contains(".html"));
    assert!(check_target(&folder.path().join("no/r.html"), false).is_err());
}

#[test]
fn pages_escape_what_files_are_called() {
    let mut report = report([0.25, 0.5]);
    report.rows[0].label = "<script>alert('x')</script>".to_owned();
    report.title = "\u{202e}\"quoted\" & <b>bold</b>".to_owned();
    report.examples =
        vec![Example { title: "<i>".into(), pictures: vec![("<u>\"".into(), PathBuf::from("/no/such/<p>.png"))] }];
    let page = html::page(&report, &Limits::default());
    for bad in ["<script", "<img src=x", "<b>bold", "<i>", "<u>", "\u{202e}", "/no/such"] {
        assert!(!page.contains(bad) || (bad == "<i>" && !page.contains("<h3><i>")), "{bad}");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("default-src 'none'"));
    let unclosed = |tag: &str| page.matches(&format!("<{tag}")).count() - page.matches(&format!("</{tag}>")).count();
    for tag in ["section", "svg", "table", "ul", "dl", "figure>", "div"] {
        assert_eq!(unclosed(tag.trim_end_matches('>')), 0, "{tag}");
    }
}

#[test]
fn tables_have_a_line_for_each_metric() {
    let lines = table(&report([0.25, 0.5]));
    assert!(
        lines.iter().any(|line| line.starts_with("lpips v") && line.contains("0.3750 [0.2500, 0.5000]")),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line.contains("inf*")), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "- lpips: equal pictures"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("left out: fd: no network")), "{lines:#?}");
}

#[test]
fn numbers_read_well() {
    let cases = [
        (0.12341, 4, "0.1234"),
        (-0.00001, 2, "0.00"),
        (-1.5, 1, "-1.5"),
        (f64::INFINITY, 2, "inf"),
        (f64::NAN, 2, "-"),
    ];
    for (value, digits, text) in cases {
        assert_eq!(number(value, digits), text);
    }
}
