//! What is kept of a comparison: one JSON object a line, with what is needed to judge it later.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::Serialize;

/// When, from what and where figures were taken.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Circumstances {
    /// UTC, `2026-01-31T12:00:00Z`.
    date: String,
    /// The commit, with `-dirty` where tracked files differ from it.
    commit: Option<String>,
    /// The processor's name.
    cpu: Option<String>,
    /// Processors this program may use.
    cpus: usize,
    /// Processes that wanted a processor, mean over the last minute, at the beginning. Above the number of processors
    /// other programs disturbed the times.
    load_average: Option<f64>,
}

impl Circumstances {
    /// Of this moment.
    pub(crate) fn now() -> Self {
        Self {
            date: utc(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())),
            commit: commit(),
            cpu: cpu(),
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load_average: load_average(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let unknown = || "unknown".to_owned();
        let load = self.load_average.map_or_else(unknown, |load| format!("{load:.1}"));
        let (commit, cpu) = (self.commit.clone().unwrap_or_else(unknown), self.cpu.clone().unwrap_or_else(unknown));
        format!("{}, commit {commit}, {cpu} ({} processors, load average {load})", self.date, self.cpus)
    }
}

/// Adds a record to a file of JSON lines.
pub(crate) fn append(path: &Path, record: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(&line))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The load average of the last minute, where the system tells.
pub(crate) fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if clean { commit } else { format!("{commit}-dirty") })
}

/// Seconds since 1970 as a date and time of day. Days are counted from March, so that leap days come last
/// (Hinnant, "chrono-compatible low-level date algorithms").
fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_798_761_599), "2026-12-31T23:59:59Z");
    }
}
