//! The raw form by rows.

use std::path::Path;

use crate::canvas::{Canvas, Rect};
use crate::decode::raw::extras;
use crate::decode::{Model, Samples};
use crate::error::ImageError;
use crate::format::Format;
use crate::limits::Limits;

use super::{PART_BYTES, Rows, Stream};

pub(super) fn open(path: &Path, limits: &Limits) -> Result<Stream, ImageError> {
    let canvas = Canvas::open(path)?;
    let layout = canvas.layout();
    limits.check_size(layout.width, layout.height)?;
    let mut extras = extras(canvas.source().metadata.clone(), limits);
    extras.origin = Some((canvas.source().depth, canvas.source().grey));
    Ok(Stream {
        format: Format::Raw,
        width: layout.width,
        height: layout.height,
        model: if layout.alpha { Model::RgbAlpha } else { Model::Rgb },
        depth: layout.depth,
        premultiplied: false,
        extras,
        rows: Box::new(Straight { canvas, y: 0 }),
    })
}

struct Straight {
    canvas: Canvas,
    y: u32,
}

impl Rows for Straight {
    fn next(&mut self) -> Result<Option<Samples>, ImageError> {
        let layout = self.canvas.layout();
        let left = layout.height - self.y;
        if left == 0 {
            return Ok(None);
        }
        let row = layout.width as usize * layout.pixel_bytes();
        let height = ((PART_BYTES / row).max(1) as u64).min(u64::from(left)) as u32;
        let rect = Rect { x: 0, y: self.y, width: layout.width, height };
        self.y += height;
        self.canvas.samples(rect).map(Some)
    }
}
