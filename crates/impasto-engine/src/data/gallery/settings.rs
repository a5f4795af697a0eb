//! What pictures are read as.

use std::path::PathBuf;
use std::str::FromStr;

use impasto_image::{Limits, Picture, alpha};
use serde::{Deserialize, Serialize};

use super::frame::{self, framed};
use crate::error::{EngineError, Result};

/// How pictures are read for a [`Gallery`](super::Gallery).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GallerySettings {
    /// Rows and columns of every picture, each 4 to 4096.
    pub size: [usize; 2],
    /// How pictures of other proportions are fitted: crop, pad or stretch.
    pub fit: Fit,
    /// Colour behind transparent pixels and beside padded pictures: red, green, blue in [0, 1].
    pub background: [f32; 3],
    /// Enlarge small pictures by whole factors and without smoothing, as pixel art wants to be.
    pub pixel_art: bool,
    /// Where classes come from: none, auto, folders or labels.
    pub classes: ClassSource,
    /// Names of the classes that are numbers in the data, in the order of the numbers; empty to keep the numbers.
    pub class_names: Vec<String>,
    /// Keep pictures whose pixels are the same as those of an earlier one.
    pub keep_duplicates: bool,
    /// Leave out all but the largest of pictures that differ in size, compression or brightness only. Not written where
    /// they are not left out, so that runs of older versions, whose checkpoints do not know it, can be resumed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_near_duplicates: bool,
    /// Most bytes of pictures in memory.
    pub max_memory: u64,
    /// Limits on each picture.
    #[serde(skip)]
    pub limits: Limits,
    /// Folder in which finished galleries are kept; `None` keeps none.
    #[serde(skip)]
    pub cache: Option<PathBuf>,
}

impl GallerySettings {
    /// One picture as it would be in the gallery, in 8 bit like all of them.
    ///
    /// # Errors
    /// Why the picture is too small.
    pub fn frame(&self, picture: &Picture) -> Result<Picture, String> {
        let [rows, columns] = self.size.map(|side| side as u32);
        let picture = &Picture { rgb: alpha::over(picture, self.background), alpha: None, ..picture.clone() };
        let planes: Vec<f32> = framed(picture, self)?.into_iter().map(|byte| f32::from(byte) / 255.0).collect();
        Picture::from_planar(columns, rows, &planes).map_err(|e| e.to_string())
    }

    /// The part of a picture that [`GallerySettings::frame`] shows, at its own size; where it is padded, the frame itself.
    ///
    /// # Errors
    /// Why the picture is too small.
    pub fn part(&self, picture: &Picture) -> Result<Picture, String> {
        if self.fit == Fit::Pad {
            return self.frame(picture);
        }
        frame::part(picture, self)
    }

    /// Whether a picture of this width and height is large enough to be in the gallery.
    ///
    /// # Errors
    /// Why it is too small.
    pub fn check(&self, size: (u32, u32)) -> Result<(), String> {
        frame::check(size, self)
    }
}

/// How a picture of other proportions is fitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Its middle is cut out.
    #[default]
    Crop,
    /// It is set in the middle of the background.
    Pad,
    /// Its proportions are given up.
    Stretch,
}

/// Where classes come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassSource {
    /// There are none.
    #[default]
    None,
    /// From labels where the data has any; otherwise there are none.
    Auto,
    /// The first folder below the one that is given.
    Folders,
    /// Labels: `dataset.json`, `metadata.csv`, `metadata.jsonl`, `labels.csv` or `labels.jsonl` beside the pictures,
    /// `.cls` and `.json` members of a tar file, an IDX file of labels.
    Labels,
}

impl FromStr for Fit {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "crop" => Ok(Self::Crop),
            "pad" => Ok(Self::Pad),
            "stretch" => Ok(Self::Stretch),
            _ => Err(EngineError::Caller(format!("'{text}' is none of crop, pad and stretch"))),
        }
    }
}

impl FromStr for ClassSource {
    type Err = EngineError;

    /// Each by its name, `from-folders` and `from-labels` being the long names of two.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "auto" => Ok(Self::Auto),
            "folders" | "from-folders" => Ok(Self::Folders),
            "labels" | "from-labels" => Ok(Self::Labels),
            _ => {
                let text = format!("'{text}' is none of none, auto, from-folders and from-labels");
                Err(EngineError::Caller(text))
            }
        }
    }
}

impl Default for GallerySettings {
    fn default() -> Self {
        Self {
            size: [64, 64],
            fit: Fit::default(),
            background: [1.0; 3],
            pixel_art: false,
            classes: ClassSource::default(),
            class_names: Vec::new(),
            keep_duplicates: false,
            drop_near_duplicates: false,
            max_memory: 8 << 30,
            limits: Limits::default(),
            cache: None,
        }
    }
}

impl GallerySettings {
    /// Checks what no type rules out.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    pub fn validate(&self) -> Result<(), String> {
        let [rows, columns] = self.size;
        if self.size.iter().any(|side| !(4..=4096).contains(side)) {
            return Err(format!("a size of {rows}x{columns} px is out of range: sides are 4 to 4096"));
        }
        if self.keep_duplicates && self.drop_near_duplicates {
            return Err("pictures with the same pixels cannot be kept while those nearly the same are left out".into());
        }
        match self.background.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            Some(value) => Err(format!("background holds {value}, not in 0..=1")),
            None => Ok(()),
        }
    }
}
