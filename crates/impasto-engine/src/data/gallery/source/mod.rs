//! Where pictures come from: folders, archives, IDX files, told apart by what they hold, not by their names.
//!
//! Archives are hostile input: they are streamed and never unpacked, names of members are labels and never paths, and the
//! number of members and the bytes of each and of all are bounded.

mod folder;
mod idx;
mod labels;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use impasto_image::{Format, Limits};

use crate::error::{EngineError, Result};

pub(super) use labels::Labels;

/// Most members of an archive.
const MAX_MEMBERS: usize = 2_000_000;
/// Most bytes that an archive may unfold into.
const MAX_UNFOLDED: u64 = 256 << 30;
/// What a folder or file that holds no pictures should have held.
const EXPECTED: &str = "holds no pictures: give a folder of PNG, JPEG, WebP, TIFF, BMP or GIF files, a zip or tar file of \
                        such, or an IDX file of images";

/// A picture as a source gives it.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name within the source, with `/` between its parts.
    pub(super) name: String,
    /// Bytes of its file.
    pub(super) bytes: u64,
    /// Where its pixels are.
    pub(super) content: Content,
}

/// Where the pixels of a picture are.
#[derive(Debug)]
pub(super) enum Content {
    /// In a picture file.
    File(PathBuf),
    /// In the bytes of one.
    Bytes(Vec<u8>),
    /// Here: grey values, row by row.
    Grey {
        /// Width and height.
        size: [u32; 2],
        /// One byte each.
        values: Vec<u8>,
    },
    /// Nowhere, for this reason.
    Refused(String),
}

/// One place with pictures.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// These picture files.
    Folder(Vec<PathBuf>),
    Zip,
    Tar,
    Idx,
}

impl Source {
    /// The places with pictures at `path`: one for a folder of pictures or a file, several for a folder of archives.
    ///
    /// # Errors
    /// [`EngineError::File`] when it is missing or holds no pictures.
    pub(super) fn find(path: &Path) -> Result<Vec<Self>> {
        let metadata = std::fs::metadata(path).map_err(|e| EngineError::io(path, &e))?;
        // What is named is followed where it is a link, and called by its name where it is named `.`.
        let resolved = path.is_symlink() || path.file_name().is_none();
        let real = if resolved { path.canonicalize().map_err(|e| EngineError::io(path, &e))? } else { path.to_owned() };
        let path = real.as_path();
        if metadata.is_dir() {
            return folder::find(path);
        }
        let kind = match container(path)? {
            Some(kind) => kind,
            None if extension(&path.to_string_lossy()).and_then(Format::from_extension).is_some() => {
                Kind::Folder(vec![path.to_owned()])
            }
            None => return Err(EngineError::file(path, EXPECTED)),
        };
        Ok(vec![Self { path: path.to_owned(), kind }])
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is one picture.
    pub(super) fn is_picture(&self) -> bool {
        matches!(&self.kind, Kind::Folder(files) if files.as_slice() == [self.path.as_path()])
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Folder(_) if self.is_picture() => "picture",
            Kind::Folder(_) => "folder",
            Kind::Zip => "zip file",
            Kind::Tar => "tar file",
            Kind::Idx => "IDX file",
        }
    }

    /// How many pictures it holds, where that can be said before all are read.
    pub(super) fn count(&self) -> Option<u64> {
        match &self.kind {
            Kind::Folder(files) => Some(files.len() as u64),
            Kind::Zip => zip::count(&self.path),
            Kind::Tar => None,
            Kind::Idx => idx::count(&self.path),
        }
    }

    /// Every file whose bytes decide what [`Source::each`] gives.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Folder(files) => files.iter().cloned().chain(folder::labels_file(&self.path)).collect(),
            Kind::Zip | Kind::Tar => vec![self.path.clone()],
            Kind::Idx => std::iter::once(self.path.clone()).chain(idx::labels_file(&self.path)).collect(),
        }
    }

    /// Gives every picture to `take`, in an order that is the same always, and returns the labels that lie apart from
    /// the pictures; `None` without, or unless they are wanted.
    ///
    /// # Errors
    /// [`EngineError::File`] when it is damaged from the beginning, or its labels are; [`EngineError::Limit`] when it is
    /// too large; those of `take`.
    pub(super) fn each(
        &self,
        labels: bool,
        limits: &Limits,
        take: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Option<Labels>> {
        match &self.kind {
            Kind::Folder(files) => folder::each(&self.path, files, labels, take),
            Kind::Zip => zip::each(&self.path, labels, limits, take),
            Kind::Tar => tar::each(&self.path, labels, limits, take),
            Kind::Idx => idx::each(&self.path, labels, limits, take),
        }
    }
}

/// What kind of container a file is, by its first bytes; `None` when it is none.
fn container(path: &Path) -> Result<Option<Kind>> {
    let mut start = Vec::new();
    // What is damaged already here is no container.
    let _ = unzipped(path)?.take(512).read_to_end(&mut start);
    Ok(if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some(Kind::Zip)
    } else if start.starts_with(&idx::IMAGES) {
        Some(Kind::Idx)
    } else {
        (start.get(257..262) == Some(b"ustar")).then_some(Kind::Tar)
    })
}

/// A file's bytes, unzipped where they were zipped by gzip.
fn unzipped(path: &Path) -> Result<Box<dyn Read>> {
    let file = File::open(path).map_err(|e| EngineError::io(path, &e))?;
    let mut file = BufReader::with_capacity(256 << 10, file);
    let start = file.fill_buf().map_err(|e| EngineError::io(path, &e))?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Whether a name in an archive is that of a picture which is not hidden.
fn is_picture_name(name: &str) -> bool {
    let visible = !name.split('/').any(|part| part.starts_with('.') && part != "." && part != "..");
    visible && !name.starts_with("__MACOSX/") && extension(name).is_some_and(|e| Format::from_extension(e).is_some())
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.rsplit_once('.').map(|(_, extension)| extension)
}

/// A member's bytes, or why they are not taken.
fn member(mut reader: impl Read, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than the limit of {limit} bytes"));
    }
    Ok(bytes)
}

/// As [`member`], as a picture's content.
fn content(reader: impl Read, limits: &Limits) -> (u64, Content) {
    match member(reader, limits.max_file_bytes) {
        Ok(bytes) => (bytes.len() as u64, Content::Bytes(bytes)),
        Err(reason) => (0, Content::Refused(reason)),
    }
}

/// Counts what an archive unfolds into.
#[derive(Debug, Default)]
struct Account {
    members: usize,
    bytes: u64,
}

impl Account {
    /// Counts a member of so many bytes.
    fn add(&mut self, path: &Path, bytes: u64) -> Result<()> {
        self.members += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.members > MAX_MEMBERS {
            let text = format!("{}: holds more than {MAX_MEMBERS} members; divide it", path.display());
            return Err(EngineError::Limit(text));
        }
        if self.bytes > MAX_UNFOLDED {
            let text = format!("{}: unfolds into more than {} GiB; divide it", path.display(), MAX_UNFOLDED >> 30);
            return Err(EngineError::Limit(text));
        }
        Ok(())
    }
}
