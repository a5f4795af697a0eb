//! The raw form: rows of samples as they are, behind a header.

use std::io::Write;

use crate::canvas::{Header, Layout};
use crate::picture::{Metadata, Source};

use super::quantise::Pixels;
use super::{Failed, Job};

pub(super) fn write(job: Job<'_>, mut out: impl Write) -> Result<(), Failed> {
    let Job { width, height, store, carried, bands, .. } = job;
    let layout = Layout { width, height, alpha: store.alpha, depth: store.depth };
    let metadata = Metadata { exif: carried.exif.clone(), xmp: carried.xmp.clone() };
    let source = Source { format: None, depth: store.depth, grey: store.grey, metadata };
    out.write_all(&Header::new(layout, &source)?.to_bytes(&source.metadata))?;
    for (y, rows) in layout.bands() {
        let pixels = bands(y, rows)?;
        let pixels = if store.grey { pixels.coloured(store.alpha) } else { pixels };
        out.write_all(&match pixels {
            Pixels::U8(v) => v,
            Pixels::U16(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Pixels::F32(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })?;
    }
    Ok(())
}
