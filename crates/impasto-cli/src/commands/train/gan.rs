//! `impasto train gan`: a generator on whole pictures. Which architecture, at which size and with which settings is
//! chosen by the number and size of the pictures where it is not given.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::Control;
use impasto_engine::data::gallery::ClassSource;
use impasto_engine::pipeline::train::{GanChoice, TrainRequest};
use impasto_engine::registry::{Setting, Takes};

use crate::commands::gallery::GalleryArgs;
use crate::commands::pictures::parse_size;
use crate::failure::Failure;

/// The subcommand.
pub(super) const NAME: &str = "gan";

/// What it does.
pub(super) const ABOUT: &str = "A generator: makes new pictures like those it was trained on";

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct GanRun {
    /// Folders, archives (zip, WebDataset tar) or IDX files of pictures.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    data: Vec<PathBuf>,
    /// The architecture: auto (by the number of pictures), dcgan, fastgan or stylegan.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    cfg: String,
    /// Size of pictures in pixels, a number or ROWSxCOLUMNS; chosen by the pictures where not given.
    #[arg(long, value_name = "PX", value_parser = parse_size)]
    res: Option<[usize; 2]>,
    #[command(flatten)]
    gallery: GalleryArgs,
}

impl GanRun {
    /// The run with the architecture and size that were chosen; `given` settings go before those of the recipe, and
    /// `assigned` ones before these.
    pub(super) fn request(
        &self,
        given: toml::Table,
        assigned: Vec<String>,
        control: &Control,
    ) -> Result<TrainRequest, Failure> {
        if self.data.is_empty() {
            return Err(Failure::usage("training a generator needs --data with pictures of one kind"));
        }
        let choice = GanChoice {
            data: self.data.clone(),
            architecture: (self.cfg != "auto").then(|| self.cfg.clone()),
            size: self.res,
            gallery: self.gallery.settings(ClassSource::None),
            given,
            assigned,
        };
        Ok(choice.request(control)?)
    }
}

/// The settings of all architectures: what they share once, their dimensions each.
pub(super) fn settings_help() -> String {
    let mut shared: Vec<Setting> = Vec::new();
    let mut own = String::new();
    for (entry, trainer) in super::trainable(Takes::Gallery) {
        let (dimensions, common): (Vec<_>, Vec<_>) =
            trainer.settings.list().into_iter().partition(|setting| setting.name.starts_with("network."));
        shared = common;
        own.push_str(&format!("\nDimensions of {}:\n", entry.descriptor.name));
        for setting in dimensions {
            own.push_str(&format!("  {} = {}\n      {}\n", setting.name, setting.default, setting.about));
        }
    }
    super::settings_help(&shared) + &own
}
