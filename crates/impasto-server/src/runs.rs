//! What a run's folder tells: how far it is, what it logged, what it showed, and what one can go back to.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use impasto_engine::models::artists_of;
use impasto_engine::registry;
use impasto_engine::train::{Checkpoint, RunDir};
use impasto_engine::weights::{self, Header, Precision};
use serde_json::{Map, Value, json};

use crate::problem::{Kind, Outcome, Problem};

/// Of a job's folder, where the pictures are that its run learns from.
pub(crate) const DATA: &str = "data";

/// Most lines of a log that are read.
const LINES: usize = 200_000;

/// A run's folder.
#[derive(Debug)]
pub(crate) struct RunFiles(RunDir);

impl RunFiles {
    /// The run below the folder of its job; `None` before it was begun.
    pub(crate) fn find(home: &Path) -> Option<Self> {
        let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
        let mut folders =
            entries.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(|name| name != DATA));
        folders.find_map(|path| RunDir::open(&path).ok()).map(Self)
    }

    /// Whether it can be resumed: its configuration is there.
    pub(crate) fn is_begun(&self) -> bool {
        self.0.root().join("config.toml").exists()
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.root()
    }

    /// Its configuration; pictures by the names of their folders, without where these are.
    pub(crate) fn config(&self) -> Option<Value> {
        let table: toml::Table = self.0.read_config().ok()?.parse().ok()?;
        let mut config = serde_json::to_value(table).ok()?;
        for (_, source) in config.get_mut("data").and_then(Value::as_object_mut)? {
            for path in source.get_mut("paths").and_then(Value::as_array_mut).into_iter().flatten() {
                let last = path.as_str().and_then(|path| path.rsplit(['/', '\\']).next().map(str::to_owned));
                *path = last.into();
            }
        }
        Some(config)
    }

    /// The steps of its sample grids.
    pub(crate) fn samples(&self) -> Vec<u64> {
        numbers(&self.0.root().join("samples"))
    }

    /// The grid of a step.
    pub(crate) fn sample(&self, step: u64) -> PathBuf {
        self.0.sample(step)
    }

    /// The steps that one can go back to, the latest last.
    pub(crate) fn checkpoints(&self) -> Vec<u64> {
        numbers(&self.0.checkpoints())
    }

    /// The lines of its log, in their order; one that was being written is left out.
    pub(crate) fn log(&self) -> Vec<Map<String, Value>> {
        let Ok(file) = std::fs::File::open(self.0.log()) else { return Vec::new() };
        let lines = BufReader::new(file).lines().map_while(Result::ok).take(LINES);
        lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }

    /// Gives up all that came after the checkpoint of `step`.
    pub(crate) fn roll_back(&self, step: u64) -> Outcome<()> {
        let folder = self.0.checkpoints();
        let known = self.checkpoints();
        if !known.contains(&step) {
            let text = format!("There is no checkpoint of step {step}; those of {known:?} are there.");
            return Err(Problem::validation(text));
        }
        let before = known.last().copied().unwrap_or(step);
        while self.checkpoints().last().is_some_and(|&last| last > step) {
            if !Checkpoint::step_back(&folder)? {
                return Err(Problem::internal("a checkpoint went away"));
            }
        }
        let line = json!({"step": before, "trouble": "rolled back by hand", "back_to": step, "changed": "nothing"});
        let failed = |e: std::io::Error| crate::store::refused(&e);
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(self.0.log()).map_err(failed)?;
        writeln!(log, "{line}").map_err(failed)?;
        // Grids of what is undone are not of this run any more.
        self.samples().into_iter().filter(|&at| at > step).for_each(|at| drop(std::fs::remove_file(self.sample(at))));
        Ok(())
    }

    /// Writes the run's weights under another title; their header, and the artists that they know.
    pub(crate) fn export(&self, title: &str, to: &Path) -> Outcome<(Header, Vec<String>)> {
        let weights = self.0.weights();
        if !weights.exists() {
            return Err(Problem::new(
                Kind::Conflict,
                "It has no weights yet; they are written when it pauses or ends.",
            ));
        }
        let (header, arrays) = weights::load(&weights)?;
        let header = Header { title: title.to_owned(), ..header };
        weights::save(to, &header, &arrays, Precision::F16)?;
        let artists = if header.algorithm == registry::ARTISTS { artists_of(Some(to))? } else { Vec::new() };
        Ok((header, artists))
    }
}

/// The steps in the names of a folder's entries, `step-NUMBER`, sorted, each once.
fn numbers(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let step = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let rest = name.strip_prefix("step-")?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let mut found: Vec<u64> = entries.filter_map(step).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A model's card: what it is, what it learnt from, and how.
pub(crate) fn card(name: &str, header: &Header, use_line: &str) -> String {
    let training = &header.training;
    let mut text = format!("# {}: model card\n\n", header.title.replace(['\n', '\r'], " "));
    text +=
        &format!("Algorithm: `{}`. Licence: {}.\n\n{use_line}\n\n## Learnt from\n\n", header.algorithm, header.licence);
    for (role, source) in training["data"].as_object().into_iter().flatten() {
        let folders: Vec<&str> = source["folders"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        text += &format!(
            "- {role}: {} pictures ({}), BLAKE3 of all {}\n",
            source["pictures"],
            folders.join(", "),
            short(source)
        );
    }
    text += &format!(
        "\nWhoever passes the model on answers for the rights in these pictures.\n\n## Settings\n\n```json\n{}\n```\n",
        serde_json::to_string_pretty(&training["settings"]).unwrap_or_default()
    );
    text += &format!(
        "\nTrained by impasto {} on {}; kept as `{name}`.\n",
        training["impasto"].as_str().unwrap_or("?"),
        training["device"].as_str().unwrap_or("?")
    );
    text
}

fn short(source: &Value) -> String {
    source["blake3"].as_str().unwrap_or_default().chars().take(16).collect()
}
