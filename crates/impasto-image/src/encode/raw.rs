//! The raw form: rows of samples as they are, behind a header.

use crate::canvas::{Header, Layout};
use crate::error::ImageError;
use crate::picture::{Metadata, Source};

use super::Carried;
use super::quantise::{Pixels, Store};

pub(super) fn encode(
    width: u32,
    height: u32,
    pixels: &Pixels,
    store: Store,
    grey: bool,
    carried: Carried,
) -> Result<Vec<u8>, ImageError> {
    let mut out = header(width, height, store, grey, carried)?;
    samples(pixels, store, &mut out);
    Ok(out)
}

/// Everything before the first pixel.
pub(super) fn header(
    width: u32,
    height: u32,
    store: Store,
    grey: bool,
    carried: Carried,
) -> Result<Vec<u8>, ImageError> {
    let layout = Layout { width, height, alpha: store.alpha, depth: store.depth };
    let metadata = Metadata { exif: carried.exif, xmp: carried.xmp };
    let source = Source { format: None, depth: store.depth, grey, metadata };
    Ok(Header::new(layout, &source)?.to_bytes(&source.metadata))
}

/// The bytes of some rows; a grey is three equal colours here.
pub(super) fn samples(pixels: &Pixels, store: Store, out: &mut Vec<u8>) {
    match pixels {
        Pixels::U8(v) => put(v, store, out, |v| [v]),
        Pixels::U16(v) => put(v, store, out, u16::to_le_bytes),
        Pixels::F32(v) => put(v, store, out, f32::to_le_bytes),
    }
}

fn put<T: Copy, const N: usize>(samples: &[T], store: Store, out: &mut Vec<u8>, bytes: impl Fn(T) -> [u8; N]) {
    if !store.grey {
        out.extend(samples.iter().flat_map(|&v| bytes(v)));
        return;
    }
    for pixel in samples.chunks_exact(1 + usize::from(store.alpha)) {
        let (grey, alpha) = pixel.split_at(1);
        for &value in grey.iter().cycle().take(3).chain(alpha) {
            out.extend(bytes(value));
        }
    }
}
