//! `impasto train translate`: translation between two kinds of pictures, by one of several methods.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::train::{TrainRequest, TranslationChoice};
use impasto_engine::registry::{Setting, TRANSLATION_METHODS, find};

use crate::failure::Failure;

/// The subcommand.
pub(super) const NAME: &str = "translate";

/// What it does.
pub(super) const ABOUT: &str =
    "A translator: turns pictures of one kind into another, such as photographs into woodcuts";

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct TranslateRun {
    /// How: cut, fastcut or cyclegan (unpaired), single (one picture each) or pix2pix (paired).
    #[arg(long, value_name = "METHOD", default_value = TRANSLATION_METHODS[0].name)]
    method: String,
    /// Pictures that are to be translated: folders, searched to any depth, or files.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    a: Vec<PathBuf>,
    /// Pictures like those that translations shall be; for pix2pix the translations of those of --a, by the same names.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    b: Vec<PathBuf>,
    /// For pix2pix, in place of both: pictures that hold a (left) and b (right) side by side.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pairs: Vec<PathBuf>,
    /// Side of the square crops in pixels.
    #[arg(long, value_name = "PX")]
    pub(super) crop: Option<usize>,
}

impl TranslateRun {
    /// The run; `given` settings go before those of the method, and `assigned` ones before these.
    pub(super) fn request(&self, given: toml::Table, assigned: Vec<String>) -> Result<TrainRequest, Failure> {
        let sources = [("a", &self.a), ("b", &self.b), ("pairs", &self.pairs)];
        let sources = sources.into_iter().filter(|(_, paths)| !paths.is_empty());
        let choice = TranslationChoice {
            method: self.method.clone(),
            sources: sources.map(|(role, paths)| (role.to_owned(), paths.clone())).collect(),
            given,
            assigned,
        };
        Ok(choice.request()?)
    }
}

/// The methods, and the settings of their algorithms: what they share once, their own terms each.
pub(super) fn settings_help() -> String {
    let mut text = String::from("Methods:\n");
    let mut shared: Vec<Setting> = Vec::new();
    let mut own = String::new();
    let mut known = Vec::new();
    for method in TRANSLATION_METHODS {
        let settings = method.settings.replace('\n', ", ");
        let differs =
            if settings.is_empty() { String::new() } else { format!(" ({} with {settings})", method.algorithm) };
        text.push_str(&format!("  {}: {}{differs}\n", method.name, method.about));
        let Some(trainer) = find(method.algorithm).ok().and_then(|entry| entry.trainer.as_ref()) else { continue };
        if known.contains(&method.algorithm) {
            continue;
        }
        known.push(method.algorithm);
        let (terms, common): (Vec<_>, Vec<_>) =
            trainer.settings.list().into_iter().partition(|setting| setting.name.starts_with("terms."));
        if shared.is_empty() {
            shared = common;
        } else {
            // What is usual differs a little.
            let same = |other: &Setting| shared.iter().any(|setting| setting == other);
            let differs: Vec<String> = common
                .iter()
                .filter(|setting| !same(setting))
                .map(|setting| format!("{} = {}", setting.name, setting.default))
                .collect();
            if !differs.is_empty() {
                own.push_str(&format!("\nUsual settings of {}: {}\n", method.algorithm, differs.join(", ")));
            }
        }
        own.push_str(&format!("\nTerms of {}:\n", method.algorithm));
        for setting in terms {
            own.push_str(&format!("  {} = {}\n      {}\n", setting.name, setting.default, setting.about));
        }
    }
    text + "\n" + &super::settings_help(&shared) + &own
}
