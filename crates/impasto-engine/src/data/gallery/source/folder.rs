//! A folder of pictures, to any depth.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::labels::{self, Labels};
use super::{Content, EXPECTED, Item, Source, container, member};
use crate::data::folder::{files_below, is_hidden, picture_files};
use crate::error::{EngineError, Result};

/// The pictures of a folder; where it holds none, its archives and IDX files.
pub(super) fn find(root: &Path) -> Result<Vec<Source>> {
    let visible = |files: Vec<PathBuf>| {
        let mut files: Vec<PathBuf> = files.into_iter().filter(|path| !is_hidden(root, path)).collect();
        files.sort();
        files
    };
    let pictures = visible(picture_files(root)?);
    if !pictures.is_empty() {
        return Ok(vec![Source { path: root.to_owned(), kind: super::Kind::Folder(pictures) }]);
    }
    let mut sources = Vec::new();
    for path in visible(files_below(root, &|_| true)?) {
        if let Some(kind) = container(&path)? {
            sources.push(Source { path, kind });
        }
    }
    if sources.is_empty() { Err(EngineError::file(root, EXPECTED)) } else { Ok(sources) }
}

/// The file of labels that lies in a folder.
pub(super) fn labels_file(root: &Path) -> Option<PathBuf> {
    labels::FILES.iter().map(|name| root.join(name)).find(|path| path.is_file())
}

pub(super) fn each(
    root: &Path,
    files: &[PathBuf],
    labels: bool,
    take: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<Option<Labels>> {
    let labels = match labels_file(root).filter(|_| labels) {
        Some(path) => read_labels(&path)?,
        None => None,
    };
    for path in files {
        // A file that is gone is refused when it is opened.
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        take(Item { name: name(root, path), bytes, content: Content::File(path.clone()) })?;
    }
    Ok(labels)
}

fn read_labels(path: &Path) -> Result<Option<Labels>> {
    let file = File::open(path).map_err(|e| EngineError::io(path, &e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parsed = member(file, labels::MAX_BYTES).and_then(|bytes| labels::parse(&name, &bytes));
    parsed.map_err(|reason| EngineError::file(path, reason))
}

/// The path below `root`, with `/` between its parts; the file's name where it is the root itself.
fn name(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let below = if below.as_os_str().is_empty() { Path::new(path.file_name().unwrap_or_default()) } else { below };
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
