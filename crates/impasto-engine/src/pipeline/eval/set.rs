//! Folders of pictures to be measured.

use std::path::{Path, PathBuf};

use impasto_image::{Limits, Picture};
use rayon::prelude::*;

use super::cache::{Cache, Topic};
use crate::control::{Control, Event};
use crate::data::gallery::GallerySettings;
use crate::data::{Rejected, is_hidden, picture_files, shares};
use crate::error::{EngineError, Result};
use crate::pipeline::files;

/// Files after which progress is told.
const STEP: usize = 64;

/// A picture that can be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The file.
    pub path: PathBuf,
    /// BLAKE3 of its bytes.
    pub blake3: blake3::Hash,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
}

/// The usable pictures below some folders, in the order of their paths, and what could not be used.
#[derive(Debug, Clone)]
pub struct PictureSet {
    files: Vec<PictureFile>,
    rejected: Vec<Rejected>,
    limits: Limits,
    /// Rows and columns that pictures are brought to before anything else.
    frame: Option<[usize; 2]>,
}

impl PictureSet {
    /// Finds every picture file below `roots` (links and hidden files are not followed, files that are not named as
    /// pictures are ignored), hashes it and decodes it once to see that it can be. Those that cannot are left out with
    /// their reasons, so that everything after works with one list. Nothing is kept of the pictures but their sizes;
    /// those whose content was decoded before are found in the cache and not decoded again.
    ///
    /// # Errors
    /// [`EngineError::File`] when a root is missing, or holds no picture at all or none that can be used;
    /// [`EngineError::Cancelled`].
    pub fn read(roots: &[PathBuf], limits: &Limits, cache: Option<&Cache>, control: &Control) -> Result<Self> {
        let mut paths = Vec::new();
        for root in roots {
            let found = picture_files(root)?.into_iter().filter(|path| !is_hidden(root, path));
            let before = paths.len();
            paths.extend(found);
            if paths.len() == before {
                return Err(EngineError::file(root, "holds no pictures (PNG, JPEG, WebP, TIFF, BMP or GIF)"));
            }
        }
        paths.sort();
        paths.dedup();
        let topic = Topic::new("size", &(limits, env!("CARGO_PKG_VERSION")))?;
        let stage = format!("checking {} pictures", paths.len());
        control.emit(Event::Started { stage: stage.clone(), total: paths.len() as u64 });
        let begun = std::time::Instant::now();
        let mut checked = Vec::with_capacity(paths.len());
        for some in paths.chunks(STEP) {
            checked.extend(check_all(some, limits, cache, &topic, control)?);
            let (done, total) = (checked.len() as u64, paths.len() as u64);
            control.emit(Event::Progress { done, total, message: String::new() });
        }
        control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
        let mut set = Self { files: Vec::new(), rejected: Vec::new(), limits: *limits, frame: None };
        for (path, outcome) in paths.into_iter().zip(checked) {
            match outcome {
                Ok(Checked { blake3, width, height }) => {
                    set.files.push(PictureFile { path, blake3, width, height });
                }
                Err(reason) => set.rejected.push(Rejected { path, reason }),
            }
        }
        if set.files.is_empty() {
            let example = set.rejected.first().map_or(String::new(), |r| format!(", such as {}", r.reason));
            let text = format!("none of its {} pictures could be used{example}", set.rejected.len());
            return Err(EngineError::file(roots.first().map_or(Path::new(""), PathBuf::as_path), text));
        }
        Ok(set)
    }

    /// The usable pictures, at least one.
    pub fn files(&self) -> &[PictureFile] {
        &self.files
    }

    /// Number of usable pictures, at least 1.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Never true: an empty set is an error of [`PictureSet::read`].
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files that are not used, and why.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// One hash of the contents of all usable pictures in their order, in hexadecimal; names do not count.
    pub fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        self.files.iter().for_each(|file| {
            hasher.update(file.blake3.as_bytes());
        });
        hasher.finalize().to_hex().to_string()
    }

    /// The set with only the pictures at these places, in this order, such as those that have a partner in another set;
    /// what was rejected stays.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let files = indices.iter().map(|&index| self.files[index].clone()).collect();
        Self { files, rejected: self.rejected.clone(), ..*self }
    }

    /// The set in the order of the pictures' contents, so that nothing that is drawn from it depends on what files are called.
    #[must_use]
    pub fn by_content(mut self) -> Self {
        self.files.sort_by(|a, b| a.blake3.as_bytes().cmp(b.blake3.as_bytes()).then_with(|| a.path.cmp(&b.path)));
        self
    }

    /// The set with every picture as a training at this size (rows, columns) sees it: its middle cut out and scaled, over
    /// white, in 8 bit. Pictures that are too small for it are rejected.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when all of them are.
    pub fn framed(mut self, size: [usize; 2]) -> Result<Self> {
        let settings = GallerySettings { size, ..GallerySettings::default() };
        for file in std::mem::take(&mut self.files) {
            match settings.check((file.width, file.height)) {
                Ok(()) => self.files.push(file),
                Err(reason) => self.rejected.push(Rejected { path: file.path, reason }),
            }
        }
        self.frame = Some(size);
        match self.rejected.last() {
            Some(Rejected { reason, .. }) if self.files.is_empty() => {
                Err(EngineError::Caller(format!("no picture is large enough; of one, {reason}")))
            }
            _ => Ok(self),
        }
    }

    /// Rows and columns that pictures are brought to; `None` where they keep their own.
    pub fn frame(&self) -> Option<[usize; 2]> {
        self.frame
    }

    /// The shortest side of any picture, in pixels.
    pub fn least_side(&self) -> usize {
        let own = self.files.iter().map(|file| file.width.min(file.height)).min().unwrap_or_default() as usize;
        self.frame.map_or(own, |[rows, columns]| rows.min(columns))
    }

    /// The middle one of the pictures' shorter sides, in pixels.
    pub fn short_side(&self) -> usize {
        let mut sides: Vec<u32> = self.files.iter().map(|file| file.width.min(file.height)).collect();
        sides.sort_unstable();
        let own = sides.get(sides.len() / 2).map_or(0, |&side| side as usize);
        self.frame.map_or(own, |[rows, columns]| rows.min(columns))
    }

    /// Decodes one of the usable pictures: upright, in sRGB, with its alpha.
    ///
    /// # Errors
    /// [`EngineError::File`] when it has changed since it was checked or is gone.
    pub fn open(&self, index: usize) -> Result<Picture> {
        self.decoded(&self.files[index])
    }

    fn decoded(&self, file: &PictureFile) -> Result<Picture> {
        let picture = open(file, &self.limits)?;
        let Some(size) = self.frame else { return Ok(picture) };
        let settings = GallerySettings { size, ..GallerySettings::default() };
        settings.frame(&picture).map_err(|reason| EngineError::file(&file.path, reason))
    }

    /// Decodes some of the usable pictures in parallel, a few at a time where they are large, and makes something of
    /// each; results are in the order of `files`.
    pub(super) fn each<T: Send>(&self, files: &[&PictureFile], make: impl Fn(Picture) -> T + Sync) -> Result<Vec<T>> {
        let pixels: Vec<u64> = files.iter().map(|file| u64::from(file.width) * u64::from(file.height)).collect();
        let mut made = Vec::with_capacity(files.len());
        for range in shares(&pixels) {
            let some = files[range].par_iter().map(|file| self.decoded(file).map(&make));
            made.extend(some.collect::<Result<Vec<_>>>()?);
        }
        Ok(made)
    }
}

struct Checked {
    blake3: blake3::Hash,
    width: u32,
    height: u32,
}

/// A file that could be read.
struct Hashed {
    blake3: blake3::Hash,
    /// Width and height, where the cache says that its content can be decoded.
    size: Option<[u32; 2]>,
}

/// Checks files in parallel: each is usable, or not for a reason.
fn check_all(
    paths: &[PathBuf],
    limits: &Limits,
    cache: Option<&Cache>,
    topic: &Topic,
    control: &Control,
) -> Result<Vec<Result<Checked, String>>> {
    let look = |path: &PathBuf| -> Result<Result<Hashed, String>> {
        control.check()?;
        Ok(files::read(path, limits).map_err(reason).map(|bytes| {
            let hash = blake3::hash(&bytes);
            let size = cache.and_then(|cache| cache.get(topic, &hash)).and_then(|values| match values[..] {
                [width, height] => Some([width as u32, height as u32]),
                _ => None,
            });
            Hashed { blake3: hash, size }
        }))
    };
    let looked = paths.par_iter().map(look).collect::<Result<Vec<_>>>()?;
    let pixels = |(path, look): (&PathBuf, &Result<Hashed, String>)| match look {
        Ok(Hashed { size: None, .. }) => {
            impasto_image::canvas::size(path, limits).map_or(0, |(_, w, h)| u64::from(w) * u64::from(h))
        }
        _ => 0,
    };
    let pixels: Vec<u64> = paths.iter().zip(&looked).map(pixels).collect();
    let check = |(path, look): (&PathBuf, Result<Hashed, String>)| {
        control.check()?;
        let checked = look.and_then(|Hashed { blake3, size }| match size {
            Some([width, height]) => Ok(Checked { blake3, width, height }),
            None => {
                let file = PictureFile { path: path.clone(), blake3, width: 0, height: 0 };
                open(&file, limits).map_err(reason).map(|p| Checked { blake3, width: p.width, height: p.height })
            }
        });
        Ok(checked)
    };
    let mut looked = looked.into_iter();
    let mut checked = Vec::with_capacity(paths.len());
    for range in shares(&pixels) {
        let some: Vec<_> = paths[range.clone()].iter().zip(looked.by_ref().take(range.len())).collect();
        checked.extend(some.into_par_iter().map(check).collect::<Result<Vec<_>>>()?);
    }
    if let Some(cache) = cache {
        // Sides within the limits are exact as f32.
        let keep = |one: &Checked| cache.put(topic, &one.blake3, &[one.width as f32, one.height as f32]);
        if let Err(problem) = checked.iter().flatten().try_for_each(keep) {
            control.warn(format!("{problem}; the pictures will be checked again next time"));
        }
    }
    Ok(checked)
}

/// Reads a file again, which must not have changed.
fn open(file: &PictureFile, limits: &Limits) -> Result<Picture> {
    let bytes = files::read(&file.path, limits)?;
    if blake3::hash(&bytes) != file.blake3 {
        return Err(EngineError::file(&file.path, "changed while it was being evaluated; run again"));
    }
    impasto_image::decode(&bytes, limits).map_err(|e| EngineError::picture(&file.path, e))
}

/// Why a file is not used, without its path.
pub(super) fn reason(error: EngineError) -> String {
    match error {
        EngineError::Picture { source, .. } => source.to_string(),
        EngineError::File { reason, .. } => reason,
        other => other.to_string(),
    }
}
