//! The raw form.

use crate::canvas::Header;
use crate::error::ImageError;
use crate::format::Depth;
use crate::limits::Limits;
use crate::picture::Metadata;

use super::{Extras, Model, Raster, Samples};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<(Raster, Extras), ImageError> {
    let header = Header::read(bytes, bytes.len() as u64)?;
    let layout = header.layout;
    limits.check_size(layout.width, layout.height)?;
    let mut extras = extras(header.source(header.metadata(bytes)).metadata, limits);
    let data = usize::try_from(header.data).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let samples = match layout.depth {
        Depth::U8 => Samples::U8(data.to_vec()),
        Depth::U16 => Samples::U16(data.as_chunks::<2>().0.iter().map(|&b| u16::from_le_bytes(b)).collect()),
        Depth::F32 => Samples::F32(data.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()),
    };
    let model = if layout.alpha { Model::RgbAlpha } else { Model::Rgb };
    extras.origin = Some((header.depth, header.grey));
    Ok((Raster { width: layout.width, height: layout.height, model, samples, premultiplied: false }, extras))
}

/// What lies between header and pixels. The picture is upright whatever an orientation in it says.
pub(super) fn extras(found: Metadata, limits: &Limits) -> Extras {
    let mut extras = Extras::default();
    if let Some(exif) = found.exif {
        extras.take_exif(&exif, limits);
        extras.orientation = 1;
    }
    if let Some(xmp) = found.xmp {
        extras.take_xmp(&xmp, limits);
    }
    extras
}
