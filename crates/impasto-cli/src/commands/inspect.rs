//! `impasto inspect`.

use std::path::{Path, PathBuf};

use clap::Args;
use impasto_engine::models::hash_file;
use impasto_engine::pipeline::Opened;
use impasto_engine::pipeline::generate::{Directions, header_of};
use impasto_engine::styles::StyleCode;
use impasto_engine::weights::{self, Arrays, Header};
use impasto_engine::{Control, EngineError};
use impasto_image::Limits;

use super::attribution::{self, AttributionArgs};
use super::pictures::{LimitArgs, input};
use crate::args::Global;
use crate::failure::{FAILED, Failure};
use crate::output::{self, Reporter};

/// Options of `impasto inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Pictures, weights and style files; - reads a picture from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print only the JSON that impasto wrote into the file, one line each; with --against what was found, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    attribution: AttributionArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(crate) fn run(args: InspectArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (limits, control) = (args.limits.limits(), reporter.control());
    if args.attribution.is_asked_for() {
        return attribution::run(&args.files, &args.attribution, args.json, &limits, global, &control, reporter);
    }
    let mut last = None;
    for file in &args.files {
        if args.files.len() > 1 && !args.json {
            reporter.result(&format!("{}:", file.display()));
        }
        if let Err(failure) = one(file, args.json, &limits, &control, reporter) {
            if args.files.len() == 1 {
                return Err(failure);
            }
            reporter.failure(&failure);
            last = Some(failure.code);
        }
    }
    match last {
        Some(code) => Err(Failure { code, message: "not every file could be read".to_owned() }),
        None => Ok(()),
    }
}

fn one(file: &Path, json: bool, limits: &Limits, control: &Control, reporter: &Reporter) -> Result<(), Failure> {
    if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors")) {
        return safetensors(file, json, reporter);
    }
    let opened = input(file, limits)?.open(limits, control)?;
    if json {
        let value = opened.origin.parameters.map_or(serde_json::Value::Null, |p| p.json);
        reporter.result(&value.to_string());
        return Ok(());
    }
    picture(&opened, reporter)
}

fn row(reporter: &Reporter, name: &str, value: impl AsRef<str>) {
    reporter.result(&format!("{name:<12}{}", value.as_ref()));
}

fn pretty(value: &serde_json::Value, reporter: &Reporter) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Failure { code: FAILED, message: format!("cannot print JSON: {e}") })?;
    reporter.result(&text);
    Ok(())
}

fn picture(opened: &Opened, reporter: &Reporter) -> Result<(), Failure> {
    let picture = &opened.picture;
    let source = &picture.source;
    let format = source.format.map_or("unknown".to_owned(), |format| format.to_string());
    let depth = match source.depth {
        impasto_image::Depth::U8 => "8 bit",
        impasto_image::Depth::U16 => "16 bit",
        impasto_image::Depth::F32 => "32 bit float",
    };
    let channels = match (source.grey, picture.alpha.is_some()) {
        (true, true) => "grey with alpha",
        (true, false) => "grey",
        (false, true) => "colour with alpha",
        (false, false) => "colour",
    };
    row(reporter, "picture", format!("{format}, {}x{}, {channels}, {depth}", picture.width, picture.height));
    row(reporter, "blake3", &opened.origin.blake3);
    let held = [("EXIF", &source.metadata.exif), ("XMP", &source.metadata.xmp)];
    for (name, block) in held {
        if let Some(block) = block {
            row(reporter, name, output::bytes(block.len() as u64));
        }
    }
    match &opened.origin.parameters {
        Some(parameters) => {
            row(reporter, "parameters", &parameters.text);
            pretty(&parameters.json, reporter)
        }
        None => {
            row(reporter, "parameters", "none of impasto's");
            Ok(())
        }
    }
}

fn safetensors(file: &Path, json: bool, reporter: &Reporter) -> Result<(), Failure> {
    let (arrays, metadata) = weights::read_arrays(file)?;
    if json {
        let keys = ["impasto", "impasto_style", "impasto_code", "impasto_directions"];
        let own = keys.into_iter().find_map(|key| metadata.get(key));
        reporter.result(own.map_or("null", String::as_str));
        return Ok(());
    }
    row(reporter, "blake3", hash_file(file)?);
    if metadata.contains_key("impasto_style") {
        style(&StyleCode::load(file)?, reporter);
        return Ok(());
    }
    if metadata.contains_key("impasto") {
        let (own, arrays) = weights::load(file)?;
        return header(&own, &arrays, reporter);
    }
    let refused = |reason: String| EngineError::file(file, reason);
    if metadata.contains_key("impasto_code") {
        let code = header_of(&metadata).map_err(refused)?;
        row(reporter, "code", &code.about);
        row(reporter, "generator", &code.title);
        row(reporter, "weights", &code.model);
        return tensors(&arrays, reporter);
    }
    if metadata.contains_key("impasto_directions") {
        let found = Directions::header_of(&metadata).map_err(refused)?;
        row(reporter, "directions", &found.about);
        row(reporter, "generator", &found.title);
        row(reporter, "weights", &found.model);
        for (name, effect, share) in &found.directions {
            row(reporter, name, format!("effect {effect:.4}, explains {:.1} %", 100.0 * share));
        }
        return Ok(());
    }
    row(reporter, "weights", "foreign: without a header of impasto's");
    for (key, value) in &metadata {
        row(reporter, key, value.chars().take(500).collect::<String>());
    }
    tensors(&arrays, reporter)
}

/// What a style file says about itself.
pub(super) fn style(code: &StyleCode, reporter: &Reporter) {
    let h = &code.header;
    let rows = [
        ("style", &h.title),
        ("artist", &h.artist),
        ("year", &h.year),
        ("source", &h.source),
        ("licence", &h.licence),
        ("algorithm", &h.algorithm),
        ("weights", &h.weights),
    ];
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        row(reporter, name, value);
    }
}

/// What a weights file says about itself.
pub(super) fn header(header: &Header, arrays: &Arrays, reporter: &Reporter) -> Result<(), Failure> {
    row(reporter, "weights", &header.title);
    row(reporter, "algorithm", &header.algorithm);
    row(reporter, "licence", &header.licence);
    tensors(arrays, reporter)?;
    reporter.result("config:");
    pretty(&header.config, reporter)?;
    reporter.result("training:");
    pretty(&header.training, reporter)
}

fn tensors(arrays: &Arrays, reporter: &Reporter) -> Result<(), Failure> {
    let count: usize = arrays.values().map(|array| array.values.len()).sum();
    row(reporter, "tensors", format!("{}, {:.3} M values", arrays.len(), count as f64 / 1e6));
    let broken = arrays.iter().find(|(_, array)| array.values.iter().any(|v| !v.is_finite()));
    match broken {
        Some((name, _)) => {
            let reason = format!("tensor '{name}' holds values that are not finite");
            Err(EngineError::file("weights", reason).into())
        }
        None => Ok(()),
    }
}
