//! How whole pictures are read: flags of every command that reads a gallery, declared once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impasto_engine::data::gallery::{ClassSource, Fit, GallerySettings, default_cache};

/// How whole pictures are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading pictures")]
pub(crate) struct GalleryArgs {
    /// How pictures of other proportions are fitted: crop, pad or stretch.
    #[arg(long, value_name = "HOW", default_value = "crop")]
    fit: Fit,
    /// Enlarge small pictures by whole factors and without smoothing.
    #[arg(long)]
    pixel_art: bool,
    /// Colour behind transparent pixels and beside padded pictures, as RRGGBB.
    #[arg(long, value_name = "COLOUR", default_value = "ffffff", value_parser = colour)]
    background: [f32; 3],
    /// Where classes come from: none, auto (labels, where there are any), from-folders (the first folder below PATH) or
    /// from-labels. A check takes auto where this is not given, training none.
    #[arg(long, value_name = "SOURCE")]
    classes: Option<ClassSource>,
    /// Names of classes that are numbers in the data, in the order of the numbers.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    class_names: Vec<String>,
    /// Which pictures are left out because they are there more than once.
    #[arg(long, value_name = "WHICH", default_value = "exact")]
    duplicates: DuplicatesArg,
    /// Folder in which finished pictures are kept; impasto's own in the user's cache when absent.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,
    /// Keep nothing, and use nothing that was kept.
    #[arg(long)]
    no_cache: bool,
}

/// What is left out of pictures that are there more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DuplicatesArg {
    /// Those whose pixels are the same as an earlier one's.
    Exact,
    /// These, and all but the largest of those that differ in size, compression or brightness only.
    Near,
    /// None.
    Keep,
}

impl GalleryArgs {
    /// The option that leaves out the same pictures, where it is not the usual one.
    pub(crate) fn duplicates_option(&self) -> &'static str {
        match self.duplicates {
            DuplicatesArg::Exact => "",
            DuplicatesArg::Near => " --duplicates near",
            DuplicatesArg::Keep => " --duplicates keep",
        }
    }

    /// The settings, of the usual size and limits; `classes` come from there where it is not said.
    pub(crate) fn settings(&self, classes: ClassSource) -> GallerySettings {
        GallerySettings {
            fit: self.fit,
            background: self.background,
            pixel_art: self.pixel_art,
            classes: self.classes.unwrap_or(classes),
            class_names: self.class_names.clone(),
            keep_duplicates: self.duplicates == DuplicatesArg::Keep,
            drop_near_duplicates: self.duplicates == DuplicatesArg::Near,
            cache: if self.no_cache { None } else { self.cache.clone().or_else(default_cache) },
            ..GallerySettings::default()
        }
    }
}

/// `RRGGBB`, with or without `#`.
fn colour(text: &str) -> Result<[f32; 3], String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6 && digits.is_ascii());
    let number = number.ok_or_else(|| format!("'{text}' is no colour; give six hexadecimal digits, such as ffffff"))?;
    Ok([16, 8, 0].map(|shift| ((number >> shift) & 255) as f32 / 255.0))
}
