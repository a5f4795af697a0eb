//! `impasto eval compare`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::eval::compare::{Comparison, Difference, compare};
use impasto_engine::pipeline::eval::report;

use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Options of `impasto eval compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A report in JSON.
    first: PathBuf,
    /// Another report of the same protocol.
    second: PathBuf,
    /// Print JSON in place of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &CompareArgs, reporter: &Reporter) -> Result<(), Failure> {
    let (first, second) = (report::read(&args.first)?, report::read(&args.second)?);
    let found = compare(&first, &second, (&args.first, &args.second))?;
    if args.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|e| Failure { code: FAILED, message: format!("cannot print JSON: {e}") })?;
        reporter.result(&text);
        return Ok(());
    }
    for (index, comparison) in found.iter().enumerate() {
        if index > 0 {
            reporter.result("");
        }
        lines(comparison).iter().for_each(|line| reporter.result(line));
    }
    reporter.result("");
    reporter.result("In brackets: 95 % intervals of the difference on these pictures. Protocols are the same:");
    reporter.result(&first.protocol_hash);
    Ok(())
}

fn lines(comparison: &Comparison) -> Vec<String> {
    let head = ["metric", "first", "second", "second - first", ""].map(str::to_owned);
    let mut cells = vec![head.to_vec()];
    cells.extend(comparison.differences.iter().map(cell));
    let columns = cells[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|c| cells.iter().map(|line| line[c].chars().count()).max().unwrap_or_default()).collect();
    let mut lines = vec![format!("first: {}   second: {}", comparison.first, comparison.second)];
    lines.extend(cells.iter().map(|line| {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join("   ").trim_end().to_owned()
    }));
    lines
}

fn cell(difference: &Difference) -> Vec<String> {
    let digits = difference.digits;
    let change = match difference.interval {
        Some(span) => format!("{:+.digits$} [{:+.digits$}, {:+.digits$}]", difference.difference, span.low, span.high),
        None => format!("{:+.digits$}", difference.difference),
    };
    vec![
        difference.metric.clone(),
        format!("{:.digits$}", difference.first),
        format!("{:.digits$}", difference.second),
        change,
        difference.verdict.clone(),
    ]
}
