//! Zip files of pictures, with the `dataset.json` of StyleGAN or any other file of labels, or without.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ::zip::ZipArchive;
use impasto_image::Limits;

use super::labels::{self, Labels};
use super::{Account, Content, Item, MAX_MEMBERS, content, is_picture_name, member};
use crate::error::{EngineError, Result};

type Archive = ZipArchive<BufReader<File>>;

/// Number of pictures.
pub(super) fn count(path: &Path) -> Option<u64> {
    let archive = open(path).ok()?;
    let count = archive.file_names().filter(|name| name.as_ref().is_ok_and(|name| is_picture_name(name))).count();
    Some(count as u64)
}

fn open(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(|e| EngineError::io(path, &e))?;
    let archive = ZipArchive::new(BufReader::new(file))
        .map_err(|e| EngineError::file(path, format!("cannot be read as a zip file: {e}")))?;
    if archive.len() > MAX_MEMBERS {
        let text = format!("{}: holds {} members, more than {MAX_MEMBERS}; divide it", path.display(), archive.len());
        return Err(EngineError::Limit(text));
    }
    Ok(archive)
}

pub(super) fn each(
    path: &Path,
    labels: bool,
    limits: &Limits,
    take: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<Option<Labels>> {
    let mut archive = open(path)?;
    let labels = if labels { read_labels(path, &mut archive)? } else { None };
    let mut account = Account::default();
    for index in 0..archive.len() {
        let Some(Ok(name)) = archive.name_for_index(index).map(|name| name.map(std::borrow::Cow::into_owned)) else {
            continue;
        };
        if !is_picture_name(&name) {
            continue;
        }
        let (bytes, content) = match archive.by_index(index) {
            Ok(entry) if entry.is_dir() => continue,
            Ok(entry) if !entry.is_file() => (0, Content::Refused("it is a link".to_owned())),
            Ok(entry) => content(entry, limits),
            Err(error) => (0, Content::Refused(error.to_string())),
        };
        account.add(path, bytes)?;
        take(Item { name, bytes, content })?;
    }
    Ok(labels)
}

fn read_labels(path: &Path, archive: &mut Archive) -> Result<Option<Labels>> {
    let Some(name) = labels::FILES.iter().find(|name| archive.index_for_name(name).is_some()) else {
        return Ok(None);
    };
    let entry = archive.by_name(name).map_err(|e| EngineError::file(path, format!("its {name}: {e}")))?;
    let parsed = member(entry, labels::MAX_BYTES).and_then(|bytes| labels::parse(name, &bytes));
    parsed.map_err(|reason| EngineError::file(path, format!("its labels cannot be read: {reason}")))
}
