//! Into a canvas.

use std::path::Path;

use crate::decode::{ToSrgb, contained, place as placed, rows, turn};
use crate::encode::Pending;
use crate::error::ImageError;
use crate::format::Depth;
use crate::limits::Limits;
use crate::picture::{Metadata, Picture, Source};

use super::bleed::bleed;
use super::progress::Counter;
use super::{Canvas, Layout, Place, Progress};

/// Reads a picture file into a new canvas by rows; the same picture that [`open`](crate::open) gives, to the bit.
///
/// PNG (interlaced ones too), TIFF and BigTIFF (strips and tiles) and the raw form can be read so. The canvas stores
/// samples as finely as the decoder knows them: as u8 or u16 where the file does, its colours are sRGB already and nothing
/// is hidden under transparent pixels, else as 32-bit float. Memory holds some rows, or one row of the file's tiles.
///
/// `limits` hold as they do for [`open`](crate::open): a caller that expects large pictures says how large. A
/// canvas of [`Place::File`] takes its name when it is complete. Where more room is needed on the way (interlaced and
/// transparent pictures), it is taken in the same folder.
///
/// # Errors
/// As [`open`](crate::open) and [`Canvas::create`]; [`ImageError::NotByRows`] for other formats;
/// [`ImageError::Interrupted`].
pub fn import(
    input: &Path,
    place: Place<'_>,
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Canvas, ImageError> {
    let scratch = match place {
        Place::Scratch(folder) => folder,
        Place::File(path) => path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")),
    };
    let (file, format) = rows::find(input, limits)?;
    let (mut target, clear) = contained(format, || {
        let stream = rows::open(file, format, input, limits, scratch)?;
        read(stream, place, progress)
    })?;
    if clear {
        // Filled colours lie between the steps of 8 and 16 bits.
        if target.canvas.layout().depth != Depth::F32 {
            target = finer(&target.canvas, place, progress)?;
        }
        let canvas = &target.canvas;
        bleed(canvas, scratch, &mut Counter::new("filling", 2 * u64::from(canvas.layout().height), progress))?;
    }
    target.finish()
}

/// A canvas that does not have its name yet.
struct Target {
    canvas: Canvas,
    pending: Option<Pending>,
}

impl Target {
    fn new(place: Place<'_>, layout: Layout, source: &Source) -> Result<Self, ImageError> {
        Ok(match place {
            Place::Scratch(_) => Self { canvas: Canvas::create(place, layout, source)?, pending: None },
            Place::File(path) => {
                let pending = Pending::new(path, false)?;
                Self { canvas: Canvas::within(pending.handle()?, path, layout, source)?, pending: Some(pending) }
            }
        })
    }

    fn finish(self) -> Result<Canvas, ImageError> {
        if let Some(pending) = self.pending {
            pending.finish()?;
        }
        Ok(self.canvas)
    }
}

/// Reads all rows; the answer says as well whether there are both visible and fully transparent pixels.
fn read(mut stream: rows::Stream, place: Place<'_>, progress: &mut Progress<'_>) -> Result<(Target, bool), ImageError> {
    let (width, height, model) = (stream.width, stream.height, stream.model);
    let mut extras = std::mem::take(&mut stream.extras);
    let mut converter = ToSrgb::new(model, stream.premultiplied, width, &mut extras);
    let (depth, grey) = extras.origin.unwrap_or((stream.depth, model.is_grey()));
    let metadata = Metadata { exif: extras.exif.take(), xmp: extras.xmp.take() };
    let source = Source { format: Some(stream.format), depth, grey, metadata };
    let depth = if converter.is_exact() { stream.depth } else { Depth::F32 };
    let stored = Layout { width, height, alpha: model.has_alpha(), depth };
    let turned = extras.orientation >= 5;
    let layout = if turned { Layout { width: height, height: width, ..stored } } else { stored };
    let mut target = Target::new(place, layout, &source)?;
    let mut counter = Counter::new("reading", u64::from(height), progress);
    let (mut y, mut clear, mut seen) = (0, false, false);
    while let Some(samples) = stream.rows.next()? {
        let found = samples.len() / (width as usize * model.channels());
        let found = u32::try_from(found).ok().filter(|&found| 0 < found && found <= height - y);
        let found = found.ok_or_else(|| ImageError::corrupt(stream.format, "there are more rows than announced"))?;
        for first in (0..found).step_by(stored.band_rows() as usize) {
            let rows = stored.band_rows().min(found - first);
            let (rgb, alpha) = converter.rows(&samples, first, rows);
            let mut band = Picture::from_rgb(width, rows, rgb)?;
            if let Some(alpha) = &alpha {
                clear |= alpha.iter().any(|&a| a <= 0.0);
                seen |= alpha.iter().any(|&a| a > 0.0);
            }
            band.alpha = alpha;
            turn(&mut band, extras.orientation);
            let (left, top) = placed(extras.orientation, height, y, rows);
            target.canvas.draw(left, top, &band)?;
            y += rows;
            counter.add(rows)?;
        }
    }
    if y < height {
        return Err(ImageError::corrupt(stream.format, "rows are missing"));
    }
    converter.note(&mut extras.notes);
    target.canvas.notes = extras.notes;
    Ok((target, clear && seen))
}

/// The same canvas in 32-bit float.
fn finer(canvas: &Canvas, place: Place<'_>, progress: &mut Progress<'_>) -> Result<Target, ImageError> {
    let layout = Layout { depth: Depth::F32, ..canvas.layout() };
    let mut target = Target::new(place, layout, canvas.source())?;
    target.canvas.notes = canvas.notes.clone();
    let mut y = 0;
    Counter::new("copying", u64::from(layout.height), progress).each_band(canvas, |band| {
        target.canvas.draw(0, y, band)?;
        y += band.height;
        Ok(())
    })?;
    Ok(target)
}
