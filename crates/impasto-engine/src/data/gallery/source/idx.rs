//! IDX files, the form of MNIST and Fashion-MNIST: grey pictures of one size, and labels in a file beside them.

use std::io::Read;
use std::path::{Path, PathBuf};

use impasto_image::Limits;

use super::labels::Labels;
use super::{Content, Item, MAX_MEMBERS, unzipped};
use crate::error::{EngineError, Result};

/// The magic number of images: bytes in three dimensions.
pub(super) const IMAGES: [u8; 4] = [0, 0, 8, 3];
/// The magic number of labels: bytes in one dimension.
const LABELS: [u8; 4] = [0, 0, 8, 1];

/// Number of pictures the header speaks of.
pub(super) fn count(path: &Path) -> Option<u64> {
    let [count, _, _] = header(&mut unzipped(path).ok()?, IMAGES).ok()?;
    Some(count.into())
}

/// The dimensions of a file with this magic number.
fn header<const N: usize>(reader: &mut dyn Read, magic: [u8; 4]) -> Result<[u32; N], String> {
    let mut number = || -> Result<[u8; 4], String> {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).map_err(|e| format!("its header is cut short or damaged: {e}"))?;
        Ok(bytes)
    };
    let found = number()?;
    if found != magic {
        return Err(format!("begins with {found:?}, not with {magic:?}"));
    }
    let mut dimensions = [0; N];
    for dimension in &mut dimensions {
        *dimension = u32::from_be_bytes(number()?);
    }
    Ok(dimensions)
}

/// The file of labels that belongs to a file of images: `x-labels-idx1-ubyte` to `x-images-idx3-ubyte`, zipped or not.
pub(super) fn labels_file(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let own = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = own.strip_suffix(".gz").unwrap_or(&own);
    let candidates = [own.clone(), plain.to_owned(), format!("{plain}.gz")];
    candidates.iter().filter(|label| *label != name).map(|label| images.with_file_name(label)).find(|p| p.is_file())
}

pub(super) fn each(
    path: &Path,
    labels: bool,
    limits: &Limits,
    take: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<Option<Labels>> {
    let mut reader = unzipped(path)?;
    let [count, height, width] =
        header(&mut reader, IMAGES).map_err(|reason| EngineError::file(path, format!("is no IDX file: {reason}")))?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > limits.max_pixels || width.max(height) > limits.max_side {
        let reason = format!("its pictures are said to be of {width}x{height} px, which is nothing or over the limits");
        return Err(EngineError::file(path, reason));
    }
    if count as usize > MAX_MEMBERS {
        return Err(EngineError::file(path, format!("holds {count} pictures, more than {MAX_MEMBERS}; divide it")));
    }
    let labels = if labels { read_labels(path, count)? } else { None };
    let mut names = Labels::default();
    for index in 0..count as usize {
        let name = format!("{index:06}");
        let mut values = Vec::new();
        let read = reader.by_ref().take(pixels).read_to_end(&mut values);
        if read.is_err() || values.len() as u64 != pixels {
            let reason = format!(
                "the file is damaged or cut short here: {} of {count} pictures are missing",
                count as usize - index
            );
            take(Item { name, bytes: 0, content: Content::Refused(reason) })?;
            break;
        }
        if let Some(label) = labels.as_ref().and_then(|labels| labels.get(index)) {
            names.insert(&name, label.to_string());
        }
        take(Item { name, bytes: pixels, content: Content::Grey { size: [width, height], values } })?;
    }
    Ok(labels.map(|_| names))
}

/// The labels of `count` pictures; `None` where no file of labels lies beside.
fn read_labels(images: &Path, count: u32) -> Result<Option<Vec<u8>>> {
    let Some(path) = labels_file(images) else { return Ok(None) };
    let fail = |reason: String| EngineError::file(&path, reason);
    let mut reader = unzipped(&path)?;
    let [found] = header(&mut reader, LABELS).map_err(|reason| fail(format!("is no IDX file of labels: {reason}")))?;
    if found != count {
        return Err(fail(format!("holds {found} labels for {count} pictures: these are not the labels of that file")));
    }
    let mut labels = Vec::new();
    reader.take(count.into()).read_to_end(&mut labels).map_err(|e| fail(e.to_string()))?;
    if labels.len() != count as usize {
        return Err(fail(format!("is cut short: {} of {count} labels are there", labels.len())));
    }
    Ok(Some(labels))
}
