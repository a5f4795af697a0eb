//! Reports as JSON files.

use std::path::Path;

use serde_json::Value;

use super::{FORMAT, Report};
use crate::error::{EngineError, Result};

/// Largest report that is read, in bytes: a hundred thousand pairs take less.
const MAX_BYTES: u64 = 256 << 20;

pub(super) fn text(report: &Report) -> Result<String> {
    let text = serde_json::to_string_pretty(report);
    text.map(|text| text + "\n").map_err(|e| EngineError::Internal(format!("cannot write a report: {e}")))
}

/// Reads a report.
///
/// # Errors
/// [`EngineError::File`] when it is missing, no report, of a newer format, or when its protocol was changed by hand.
pub fn read(path: &Path) -> Result<Report> {
    let size = std::fs::metadata(path).map_err(|e| EngineError::io(path, &e))?.len();
    if size > MAX_BYTES {
        return Err(EngineError::file(path, "is too large for a report"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| EngineError::io(path, &e))?;
    parse(&text).map_err(|reason| EngineError::file(path, reason))
}

pub(super) fn parse(text: &str) -> Result<Report, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|_| "is not JSON; give the .json report that 'impasto eval ... -o report.json' writes".to_owned())?;
    match value.get("format").and_then(Value::as_u64) {
        Some(format) if format > u64::from(FORMAT) => {
            return Err(format!("was written by a newer impasto (report format {format}); update impasto to read it"));
        }
        Some(_) if value.get("protocol").is_some() => {}
        _ => return Err("is no report of impasto".to_owned()),
    }
    let report: Report = serde_json::from_value(value).map_err(|e| format!("its report is damaged ({e})"))?;
    if report.protocol.hash() != report.protocol_hash {
        return Err("its protocol does not have the hash it was written with: the file was changed".to_owned());
    }
    Ok(report)
}
