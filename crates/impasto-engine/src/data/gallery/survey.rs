//! What a set of pictures is like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::recipe::Recipe;
use crate::data::Rejected;

/// What a set of pictures is like, and what follows for training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Where pictures were looked for, as they were named.
    pub sources: Vec<SourceSummary>,
    /// Pictures that were found.
    pub found: usize,
    /// Pictures that are used.
    pub used: usize,
    /// Bytes of the files of pictures that could be read.
    pub bytes: u64,
    /// Widths in pixels, upright, before anything is done to them; of pictures that could be read.
    pub width: Spread,
    /// Heights.
    pub height: Spread,
    /// The shorter of both.
    pub short_side: Spread,
    /// Width by height.
    pub aspect: Spread,
    /// How many pictures share the most common proportions, within a tenth.
    pub same_aspect: usize,
    /// Pictures by file format; "raw values" are those of IDX files.
    pub formats: BTreeMap<String, usize>,
    /// Pictures stored without colour.
    pub grey: usize,
    /// Pictures with pixels that are not opaque.
    pub transparent: usize,
    /// Pictures with more than 8 bit a sample.
    pub deep: usize,
    /// Share of what tells left from right that the pictures have in common, 0 to 1.
    pub facing: f64,
    /// Where classes came from; `None` without.
    pub classes_from: Option<String>,
    /// Classes with their numbers of used pictures, in the order of labels.
    pub classes: Vec<ClassCount>,
    /// First folders below the ones given, with their numbers of pictures: what classes from folders would be.
    pub folders: BTreeMap<String, usize>,
    /// Pictures that are there more than once.
    pub duplicates: Duplicates,
    /// What is not used, and why; names are relative to where pictures were looked for.
    pub rejected: Vec<Rejected>,
    /// What is recommended.
    pub recipe: Recipe,
    /// What should be worried about, a line each.
    pub warnings: Vec<String>,
}

/// One place with pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSummary {
    /// Its name without folders.
    pub name: String,
    /// Folder, zip file, tar file, IDX file or picture.
    pub kind: String,
    /// Pictures that were found there.
    pub pictures: usize,
}

/// The number of pictures of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Its pictures.
    pub pictures: usize,
}

/// Pictures that are there more than once, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Groups whose pixels are the same.
    pub exact: Vec<Vec<String>>,
    /// Groups that differ in size, compression or brightness only.
    pub near: Vec<Vec<String>>,
    /// Those of both that are left out.
    pub left_out: Vec<LeftOut>,
}

/// A picture that is left out, since it is there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// The picture that stands for it: the first with the same pixels, the largest of those that are nearly the same.
    pub copy_of: String,
    /// Whether it is only nearly the same.
    pub near: bool,
}

impl Duplicates {
    /// Pictures that could be done without: all but one of each group.
    pub fn superfluous(&self) -> [usize; 2] {
        [&self.exact, &self.near].map(|groups| groups.iter().map(|group| group.len() - 1).sum())
    }

    /// Whether pictures of either kind are left out: with the same pixels, and nearly the same.
    pub fn are_left_out(&self) -> [bool; 2] {
        [false, true].map(|near| self.left_out.iter().any(|one| one.near == near))
    }
}

/// The smallest, the middle and the largest of some numbers; zeros of none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle, the lower of two.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these numbers.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        match values.as_slice() {
            [] => Self::default(),
            [min, .., max] => Self { min: *min, median: values[(values.len() - 1) / 2], max: *max },
            [one] => Self { min: *one, median: *one, max: *one },
        }
    }
}

impl Survey {
    /// How many times more pictures the largest class has than the smallest; `None` with fewer than two classes.
    pub fn imbalance(&self) -> Option<f64> {
        let counts = || self.classes.iter().map(|class| class.pictures);
        let (least, most) = (counts().min()?, counts().max()?);
        (self.classes.len() > 1).then(|| most as f64 / least.max(1) as f64)
    }
}
