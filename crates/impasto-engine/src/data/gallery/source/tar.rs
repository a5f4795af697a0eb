//! Tar files: those of WebDataset, in which `key.cls` (a whole number) or `key.json` (with `label` or `class`) lies beside
//! `key.png`, and plain ones.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use ::tar::{Archive, Entry};
use impasto_image::Limits;

use super::labels::{self, Labels};
use super::{Account, Content, Item, content, extension, is_picture_name, unzipped};
use crate::error::{EngineError, Result};

/// Bytes that the headers before a member may take; long names are read into memory.
const MAX_HEADERS: u64 = 1 << 20;
/// Bytes of a member with the label of one picture.
const MAX_LABEL: u64 = 1 << 20;

/// Refuses to read more than is allowed at present.
struct Metered<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a header is larger than 1 MiB"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.reader.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

pub(super) fn each(
    path: &Path,
    labels: bool,
    limits: &Limits,
    take: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<Option<Labels>> {
    let left = Rc::new(Cell::new(MAX_HEADERS));
    let mut archive = Archive::new(Metered { reader: unzipped(path)?, left: Rc::clone(&left) });
    let mut found = Found::default();
    let mut account = Account::default();
    let mut last = "its beginning".to_owned();
    let broken = |last: &str, error: &io::Error| {
        let reason = format!("the tar file is damaged or cut short behind {last}: {error}");
        Item { name: "(the rest)".to_owned(), bytes: 0, content: Content::Refused(reason) }
    };
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return take(broken(&last, &error)).map(|()| None),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                take(broken(&last, &error))?;
                break;
            }
        };
        // The next header comes behind what is left of this member, which is read or passed over.
        let stored = entry.header().entry_size().unwrap_or(0).max(if is_file(&entry) { entry.size() } else { 0 });
        left.set(stored.saturating_add(MAX_HEADERS));
        account.add(path, stored)?;
        if !is_file(&entry) {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        if is_picture_name(&name) {
            let size = entry.size();
            let (bytes, content) = content(&mut entry, limits);
            let cut = matches!(&content, Content::Bytes(found) if (found.len() as u64) < size);
            let content = if cut { Content::Refused("the tar file is cut short here".to_owned()) } else { content };
            found.pictures.push(name.clone());
            take(Item { name: name.clone(), bytes, content })?;
        } else if labels {
            found.read(path, &name, &mut entry)?;
        }
        last = name;
    }
    Ok(if labels { found.finish() } else { None })
}

fn is_file<R: Read>(entry: &Entry<'_, R>) -> bool {
    entry.header().entry_type().is_file()
}

/// What was found of labels so far.
#[derive(Default)]
struct Found {
    /// Labels by names of members without their extensions.
    labels: HashMap<String, String>,
    /// Names of pictures.
    pictures: Vec<String>,
    /// A file of labels for all pictures.
    table: Option<Labels>,
}

impl Found {
    /// Reads a member that may hold labels. One that is damaged leaves its picture without.
    fn read(&mut self, path: &Path, name: &str, member: impl Read) -> Result<()> {
        if labels::FILES.contains(&name) {
            let parsed = super::member(member, labels::MAX_BYTES).and_then(|bytes| labels::parse(name, &bytes));
            self.table = parsed.map_err(|reason| EngineError::file(path, format!("its {name}: {reason}")))?;
            return Ok(());
        }
        let read = |member| super::member(member, MAX_LABEL).ok();
        let label = match extension(name) {
            Some("cls") => read(member).and_then(|bytes| String::from_utf8(bytes).ok()),
            Some("json") => read(member)
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .and_then(|value| labels::class_of(&value)),
            _ => None,
        };
        if let Some(label) = label {
            self.labels.insert(stem(name).to_owned(), label);
        }
        Ok(())
    }

    /// The label of every picture that has one.
    fn finish(self) -> Option<Labels> {
        let mut found = Labels::default();
        for name in &self.pictures {
            if let Some(label) = self.labels.get(stem(name)) {
                found.insert(name, label.clone());
            }
        }
        if found.is_empty() { self.table } else { Some(found) }
    }
}

/// A name without its extension.
fn stem(name: &str) -> &str {
    extension(name).map_or(name, |extension| &name[..name.len() - extension.len() - 1])
}
