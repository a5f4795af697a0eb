//! A folder of pictures, scaled to one short side and kept as 8 bit.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use impasto_image::{Format, Limits, Picture};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use burn::tensor::Device;

use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::tensor::{self, ImageTensor};

/// A file that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What it was read from.
    roots: Vec<PathBuf>,
}

impl Folder {
    /// Reads every picture below `roots` (links are not followed), scaled so that the short side is `short_side`
    /// pixels (never enlarged). Files that cannot be read are kept apart with their reasons; other files are ignored.
    ///
    /// # Errors
    /// [`EngineError::File`] when a root is missing, or a folder that holds no usable picture: of several artists, none may
    /// vanish unsaid; [`EngineError::Cancelled`].
    pub fn load(roots: &[PathBuf], short_side: u32, min_side: u32, control: &Control) -> Result<Self> {
        let files = listed(roots)?;
        let read = |path: &PathBuf| -> Result<Result<Stored, String>> {
            control.check()?;
            Ok(store(path, short_side, min_side))
        };
        let outcomes = files.par_iter().map(read).collect::<Result<Vec<_>>>()?;
        let mut folder = Self { roots: roots.to_vec(), ..Self::empty() };
        for (path, outcome) in files.into_iter().zip(outcomes) {
            match outcome {
                Ok(picture) => folder.push(path, picture),
                Err(reason) => folder.reject(Rejected { path, reason }),
            }
        }
        let folders = roots.iter().filter(|root| root.is_dir());
        folders.map(std::slice::from_ref).try_for_each(|root| folder.not_empty(root))?;
        folder.not_empty(roots)?;
        Ok(folder)
    }

    /// Without pictures yet.
    pub(super) fn empty() -> Self {
        Self { pictures: Vec::new(), paths: Vec::new(), rejected: Vec::new(), roots: Vec::new() }
    }

    pub(super) fn push(&mut self, path: PathBuf, picture: Stored) {
        self.pictures.push(picture);
        self.paths.push(path);
    }

    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.rejected.push(rejected);
    }

    /// Refuses roots, at least one, below which there is no usable picture.
    pub(super) fn not_empty(&self, roots: &[PathBuf]) -> Result<()> {
        let below = |path: &Path| roots.iter().any(|root| path.starts_with(root));
        if self.paths.iter().any(|path| below(path)) {
            return Ok(());
        }
        let example = self.rejected.iter().find(|rejected| below(&rejected.path));
        let example = example.map_or(String::new(), |rejected| format!(", such as {}", rejected.reason));
        Err(EngineError::file(&roots[0], format!("no picture could be used{example}")))
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

    /// The pictures of each root that has any, as folders of their own, in the order in which the roots were given.
    pub fn by_root(self) -> Vec<Self> {
        let alone = |root: &PathBuf| Self { roots: vec![root.clone()], ..Self::empty() };
        let mut parts: Vec<Self> = self.roots.iter().map(alone).collect();
        for (path, picture) in self.paths.into_iter().zip(self.pictures) {
            if let Some(part) = parts.iter_mut().find(|part| path.starts_with(&part.roots[0])) {
                part.push(path, picture);
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// What the first root is called: the last component of its path, without an extension.
    pub fn name(&self) -> String {
        let stem = self.roots.first().and_then(|root| root.file_stem());
        stem.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A whole picture as `[1, 3, h, w]` in `[0, 1]`, its sides cut down to multiples of `multiple` around its middle.
    pub fn whole(&self, index: usize, multiple: usize, device: &Device) -> ImageTensor {
        let Stored { width, height, rgb } = &self.pictures[index];
        let [h, w] = [height, width].map(|side| side / multiple * multiple);
        let [top, left] = [(height - h) / 2, (width - w) / 2];
        let value =
            |channel: usize, y: usize, x: usize| f32::from(rgb[((top + y) * width + left + x) * 3 + channel]) / 255.0;
        let rows = (0..3).flat_map(|channel| (0..h).map(move |y| (channel, y)));
        let values = rows.flat_map(|(channel, y)| (0..w).map(move |x| value(channel, y, x))).collect();
        tensor::from_planar(values, 1, h, w, device)
    }

    /// Bytes of picture data kept in memory.
    pub fn bytes(&self) -> usize {
        self.pictures.iter().map(|p| p.rgb.len()).sum()
    }
}

/// The pictures below `roots`, sorted; each root must hold some.
pub(super) fn listed(roots: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for root in roots {
        let found = picture_files(root)?;
        if found.is_empty() {
            return Err(EngineError::file(root, "holds no pictures (PNG, JPEG, WebP, TIFF, BMP or GIF)"));
        }
        files.extend(found);
    }
    files.sort();
    Ok(files)
}

/// The files below `root` that are named as pictures, in no order; links are not followed.
pub(crate) fn picture_files(root: &Path) -> Result<Vec<PathBuf>> {
    files_below(root, &|path| path.extension().and_then(|e| e.to_str()).and_then(Format::from_extension).is_some())
}

/// The files below `root` that `wanted` takes, in no order; links are not followed.
pub(super) fn files_below(root: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    walk(root, wanted, &mut files)?;
    Ok(files)
}

/// Whether a name between a root and a file begins with a dot.
pub(crate) fn is_hidden(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
}

/// Pixels that are decoded at the same time, where one picture alone does not have more: 192 MB of samples.
const TOGETHER: u64 = 16 << 20;

/// Cuts a list of pictures, given by their numbers of pixels, into runs that may be decoded at the same time.
pub(crate) fn shares(pixels: &[u64]) -> Vec<Range<usize>> {
    let mut shares = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (index, &count) in pixels.iter().enumerate() {
        if index > start && sum + count > TOGETHER {
            shares.push(start..index);
            (start, sum) = (index, 0);
        }
        sum += count;
    }
    if start < pixels.len() {
        shares.push(start..pixels.len());
    }
    shares
}

/// Files below `root`. Links to files are files; links to folders are passed by, since they may lead round in circles.
fn walk(root: &Path, wanted: &dyn Fn(&Path) -> bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let kind = std::fs::symlink_metadata(root).map_err(|e| EngineError::io(root, &e))?;
    if kind.is_file() || (kind.is_symlink() && root.is_file()) {
        if wanted(root) {
            files.push(root.to_owned());
        }
    } else if kind.is_dir() {
        for entry in std::fs::read_dir(root).map_err(|e| EngineError::io(root, &e))? {
            walk(&entry.map_err(|e| EngineError::io(root, &e))?.path(), wanted, files)?;
        }
    }
    Ok(())
}

fn store(path: &Path, short_side: u32, min_side: u32) -> Result<Stored, String> {
    let picture = impasto_image::open(path, &Limits::default()).map_err(|e| e.to_string())?;
    fitted(&picture, short_side, min_side)
}

/// A picture at training size.
pub(super) fn fitted(picture: &Picture, short_side: u32, min_side: u32) -> Result<Stored, String> {
    let short = picture.width.min(picture.height);
    if short < min_side {
        return Err(format!("its short side of {short} px is below the {min_side} px needed"));
    }
    let picture = if short > short_side {
        Cow::Owned(impasto_image::resize_to_short_side(picture, short_side))
    } else {
        Cow::Borrowed(picture)
    };
    let rgb = picture.rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    Ok(Stored { width: picture.width as usize, height: picture.height as usize, rgb })
}
