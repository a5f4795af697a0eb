//! Folders of pictures to vectors.

use std::collections::{HashMap, HashSet};

use burn::tensor::Device;
use impasto_image::alpha;

use super::cache::{Cache, Topic};
use super::set::{PictureFile, PictureSet};
use crate::control::{Control, Event};
use crate::device;
use crate::error::{EngineError, Result};
use crate::features::Embedder;
use crate::metrics::Embeddings;
use crate::tensor;

/// Pictures in one pass of the network.
const BATCH: usize = 8;

/// What is behind transparent pictures.
const WHITE: [f32; 3] = [1.0; 3];

/// The vectors of all pictures of a set, one [`Embeddings`] for each layer of the embedder's protocol, rows in the order
/// of [`PictureSet::files`].
///
/// What the cache holds is neither decoded nor computed again; of equal files one is computed. While the network works
/// on a few pictures the next are decoded; no more are held. What was computed before a cancellation stays in the cache.
///
/// # Errors
/// [`EngineError::File`] when a picture has changed or gone since the set was read, [`EngineError::Cancelled`],
/// [`EngineError::Internal`] when the network gives values that are not finite.
pub fn embed(
    set: &PictureSet,
    embedder: &dyn Embedder,
    cache: Option<&Cache>,
    control: &Control,
) -> Result<Vec<Embeddings>> {
    let protocol = embedder.protocol();
    // Devices differ in the last bits, and what was made on one must not pass for what another makes.
    let topic = Topic::new("embedding", &(protocol, place(embedder.device()), set.frame()))?;
    let mut rows: HashMap<blake3::Hash, Vec<f32>> = HashMap::with_capacity(set.len());
    let mut seen = HashSet::with_capacity(set.len());
    let mut missing = Vec::new();
    for file in set.files().iter().filter(|file| seen.insert(file.blake3)) {
        let kept = cache.and_then(|cache| cache.get(&topic, &file.blake3));
        match kept.filter(|row| row.len() == protocol.width()) {
            Some(row) => {
                rows.insert(file.blake3, row);
            }
            None => missing.push(file),
        }
    }
    if !missing.is_empty() {
        let stage = format!("embedding {} pictures with {}", missing.len(), protocol.name);
        let total = missing.len() as u64;
        control.emit(Event::Started { stage: stage.clone(), total });
        let begun = std::time::Instant::now();
        let mut done = 0;
        let mut keep = cache;
        compute(set, &missing, embedder, control, |file, row| {
            if let Some(Err(problem)) = keep.map(|cache| cache.put(&topic, &file.blake3, &row)) {
                control.warn(format!("{problem}; features of this run are not kept"));
                keep = None;
            }
            rows.insert(file.blake3, row);
            done += 1;
            control.emit(Event::Progress { done, total, message: String::new() });
        })?;
        control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    }
    let mut start = 0;
    let layer = |layer: &crate::features::Layer| {
        let part = start..start + layer.width;
        start += layer.width;
        let values = set.files().iter().flat_map(|file| &rows[&file.blake3][part.clone()]).copied().collect();
        Embeddings::new(values, layer.width)
    };
    protocol.layers.iter().map(layer).collect()
}

/// A device's name in the topics of what was computed on it.
pub(super) fn place(device: &Device) -> String {
    if device::has_kernels(device) { "cpu".into() } else { format!("{device:?}") }
}

/// Decodes and embeds `files`, and gives the vector of each, all layers one after the other, to `keep`.
fn compute<'a>(
    set: &PictureSet,
    files: &[&'a PictureFile],
    embedder: &dyn Embedder,
    control: &Control,
    mut keep: impl FnMut(&'a PictureFile, Vec<f32>),
) -> Result<()> {
    let side = embedder.protocol().side;
    let prepare = |batch: &[&PictureFile]| -> Result<Vec<f32>> {
        control.check()?;
        let planes = set.each(batch, |picture| {
            let pixels = alpha::over(&picture, WHITE);
            let resized = impasto_image::resize_bicubic(&pixels, (picture.width, picture.height), (side, side));
            resized.map(|pixels| planar(&pixels)).map_err(|e| EngineError::Internal(e.to_string()))
        })?;
        Ok(planes.into_iter().collect::<Result<Vec<_>>>()?.concat())
    };
    let mut batches = files.chunks(BATCH);
    let mut present = batches.next();
    let mut pixels = present.map(prepare).transpose()?;
    while let (Some(batch), Some(ready)) = (present, pixels) {
        present = batches.next();
        let (vectors, prepared) =
            rayon::join(|| run(embedder, ready, batch.len()), || present.map(prepare).transpose());
        for (&file, row) in batch.iter().zip(vectors?) {
            keep(file, row);
        }
        pixels = prepared?;
    }
    Ok(())
}

/// A batch of planar pictures to their vectors, all layers one after the other.
fn run(embedder: &dyn Embedder, pixels: Vec<f32>, count: usize) -> Result<Vec<Vec<f32>>> {
    let protocol = embedder.protocol();
    let side = protocol.side as usize;
    let pictures = tensor::from_planar(pixels, count, side, side, embedder.device());
    let mut rows = vec![Vec::with_capacity(protocol.width()); count];
    for layer in embedder.embed(pictures)? {
        let width = layer.dims()[1];
        for (row, values) in rows.iter_mut().zip(tensor::values(layer).chunks_exact(width)) {
            row.extend_from_slice(values);
        }
    }
    if rows.iter().flatten().any(|value| !value.is_finite()) {
        return Err(EngineError::Internal(format!("{} gave values that are not finite", protocol.name)));
    }
    Ok(rows)
}

/// Interleaved RGB to planes.
fn planar(pixels: &[f32]) -> Vec<f32> {
    (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect()
}
