//! A folder of pictures, scaled to one short side and kept as 8 bit.

use std::path::{Path, PathBuf};

use impasto_image::{Format, Limits, Picture};
use rayon::prelude::*;

use crate::control::Control;
use crate::error::{EngineError, Result};

/// A file that is not used, and why.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The file.
    pub path: PathBuf,
    /// Why, one line.
    pub reason: String,
}

/// A decoded picture at training size.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Interleaved RGB.
    pub(super) rgb: Vec<u8>,
}

/// All usable pictures below a folder, in the order of their paths.
#[derive(Debug, Clone)]
pub struct Folder {
    pub(super) pictures: Vec<Stored>,
    paths: Vec<PathBuf>,
    rejected: Vec<Rejected>,
}

impl Folder {
    /// Reads every picture below `roots` (links are not followed), scaled so that the short side is `short_side`
    /// pixels (never enlarged). Files that cannot be read are kept apart with their reasons; other files are ignored.
    ///
    /// # Errors
    /// [`EngineError::File`] when a root is missing or holds no usable picture; [`EngineError::Cancelled`].
    pub fn load(roots: &[PathBuf], short_side: u32, min_side: u32, control: &Control) -> Result<Self> {
        let mut files = Vec::new();
        for root in roots {
            let found = picture_files(root)?;
            if found.is_empty() {
                return Err(EngineError::file(root, "holds no pictures (PNG, JPEG, WebP, TIFF, BMP or GIF)"));
            }
            files.extend(found);
        }
        files.sort();
        let read = |path: &PathBuf| -> Result<Result<Stored, String>> {
            control.check()?;
            Ok(store(path, short_side, min_side))
        };
        let outcomes = files.par_iter().map(read).collect::<Result<Vec<_>>>()?;
        let mut folder = Self { pictures: Vec::new(), paths: Vec::new(), rejected: Vec::new() };
        for (path, outcome) in files.into_iter().zip(outcomes) {
            match outcome {
                Ok(picture) => {
                    folder.pictures.push(picture);
                    folder.paths.push(path);
                }
                Err(reason) => folder.rejected.push(Rejected { path, reason }),
            }
        }
        if folder.pictures.is_empty() {
            let example = folder.rejected.first().map_or(String::new(), |r| format!(", such as {}", r.reason));
            return Err(EngineError::file(&roots[0], format!("no picture could be used{example}")));
        }
        Ok(folder)
    }

    /// Number of usable pictures, at least 1.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Never true: an empty folder is an error of [`Folder::load`].
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// The usable pictures' paths, in order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The files that are not used.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// Bytes of picture data kept in memory.
    pub fn bytes(&self) -> usize {
        self.pictures.iter().map(|p| p.rgb.len()).sum()
    }
}

/// The files below `root` that are named as pictures, in no order; links are not followed.
pub(crate) fn picture_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    walk(root, &mut files)?;
    Ok(files)
}

fn walk(root: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let kind = std::fs::symlink_metadata(root).map_err(|e| EngineError::io(root, &e))?;
    if kind.is_file() {
        let known = root.extension().and_then(|e| e.to_str()).is_some_and(|e| Format::from_extension(e).is_some());
        if known {
            files.push(root.to_owned());
        }
    } else if kind.is_dir() {
        for entry in std::fs::read_dir(root).map_err(|e| EngineError::io(root, &e))? {
            walk(&entry.map_err(|e| EngineError::io(root, &e))?.path(), files)?;
        }
    }
    Ok(())
}

fn store(path: &Path, short_side: u32, min_side: u32) -> Result<Stored, String> {
    let picture = impasto_image::open(path, &Limits::default()).map_err(|e| e.to_string())?;
    let short = picture.width.min(picture.height);
    if short < min_side {
        return Err(format!("its short side of {short} px is below the {min_side} px needed"));
    }
    let picture: Picture =
        if short > short_side { impasto_image::resize_to_short_side(&picture, short_side) } else { picture };
    let rgb = picture.rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    Ok(Stored { width: picture.width as usize, height: picture.height as usize, rgb })
}
