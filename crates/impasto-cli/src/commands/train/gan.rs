//! `impasto train gan`: a generator on whole pictures. Which architecture, at which size and with which settings is
//! chosen by the number and size of the pictures where it is not given.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use impasto_engine::Control;
use impasto_engine::data::gallery::{ClassSource, Fit, GallerySettings};
use impasto_engine::pipeline::train::{GanChoice, TrainRequest};
use impasto_engine::registry::{Setting, Takes};

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
    /// Size of pictures in pixels, a number or HEIGHTxWIDTH; chosen by the pictures where not given.
    #[arg(long, value_name = "PX", value_parser = size)]
    res: Option<[usize; 2]>,
    /// Where classes come from.
    #[arg(long, value_name = "SOURCE", default_value = "none", value_parser = class_source())]
    classes: ClassSource,
    /// Names of classes that are numbers in the data, in the order of the numbers.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    class_names: Vec<String>,
    /// How pictures of another shape become of that size.
    #[arg(long, value_name = "HOW", default_value = "crop", value_parser = fit())]
    fit: Fit,
}

impl GanRun {
    /// The run with the architecture and size that were chosen; `given` settings go before those of the recipe.
    pub(super) fn request(&self, given: toml::Table, control: &Control) -> Result<TrainRequest, Failure> {
        if self.data.is_empty() {
            return Err(Failure::usage("training a generator needs --data with pictures of one kind"));
        }
        let choice = GanChoice {
            data: self.data.clone(),
            architecture: (self.cfg != "auto").then(|| self.cfg.clone()),
            size: self.res,
            gallery: GallerySettings {
                classes: self.classes,
                class_names: self.class_names.clone(),
                fit: self.fit,
                ..GallerySettings::default()
            },
            given,
        };
        Ok(choice.request(control)?)
    }
}

/// One of the names that the engine's settings use.
fn class_source() -> impl TypedValueParser<Value = ClassSource> {
    let names = ["none", "auto", "from-folders", "from-labels"];
    PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "auto" => ClassSource::Auto,
        "from-folders" => ClassSource::Folders,
        "from-labels" => ClassSource::Labels,
        _ => ClassSource::None,
    })
}

fn fit() -> impl TypedValueParser<Value = Fit> {
    PossibleValuesParser::new(["crop", "pad", "stretch"]).map(|name| match name.as_str() {
        "pad" => Fit::Pad,
        "stretch" => Fit::Stretch,
        _ => Fit::Crop,
    })
}

/// `128` or `96x128`, rows before columns.
fn size(text: &str) -> Result<[usize; 2], String> {
    let number = |part: &str| part.trim().parse::<usize>().map_err(|_| format!("'{part}' is not a number of pixels"));
    match text.split_once(['x', 'X']) {
        Some((rows, columns)) => Ok([number(rows)?, number(columns)?]),
        None => Ok([number(text)?; 2]),
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
