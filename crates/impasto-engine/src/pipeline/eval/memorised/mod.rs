//! Whether a generator repeats its training pictures: for every sample the nearest of them, in the eyes of a detector of
//! copies and in those of perception networks, against how near training pictures are to each other and, where there are
//! some, how near samples are to pictures that were held out.

mod gap;
mod report;

pub use gap::Gap;

use std::path::PathBuf;

use impasto_image::{Limits, Picture, sheet};
use serde::Serialize;

use super::protocol::NetworkProtocol;
use super::{BOOTSTRAP_ROUNDS, Evaluator, NetworkKind, PictureSet, Unavailable, embed};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::metrics::copies::{self, CopyMatch, Limit, Sketch};
use crate::metrics::{Embeddings, Interval, mean_interval, nearest};

/// Longer side of a picture in the sheet of pairs, in pixels.
const CELL: (u32, u32) = (192, 192);

/// Pairs in one row of the sheet.
const PAIRS_PER_ROW: u32 = 3;

/// Pictures that are sketched at a time.
const BLOCK: usize = 64;

/// What is compared with what.
#[derive(Debug, Clone)]
pub struct MemorisedEvaluation {
    /// Folder of the pictures the generator was trained on.
    pub real: PathBuf,
    /// Folder of its samples.
    pub fake: PathBuf,
    /// Folder of pictures of the same kind that it was not trained on.
    pub held_out: Option<PathBuf>,
    /// Networks in whose eyes distances are taken, beside the detector of copies. Those that are missing are left out.
    pub networks: Vec<NetworkKind>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Memorised {
    /// The training pictures.
    pub real: PictureSet,
    /// The samples.
    pub fake: PictureSet,
    /// The pictures held out.
    pub held_out: Option<PictureSet>,
    /// The search for copies.
    pub copies: CopyView,
    /// Distances in the eyes of networks.
    pub views: Vec<EmbeddingView>,
    /// Networks left out, and what they need.
    pub missing: Vec<(NetworkKind, String)>,
    /// Every sample, the most suspicious first.
    pub samples: Vec<Sample>,
}

/// What the detector of copies says.
#[derive(Debug, Clone, Serialize)]
pub struct CopyView {
    /// Below which distance a picture is called a copy, and how far the training pictures are from each other.
    pub limit: Limit,
    /// Samples that are copies of a training picture.
    pub copies: usize,
    /// Their share, with its interval.
    pub share: Interval,
    /// Samples that are copies of a picture held out: what the same rule finds where nothing can have been learnt.
    pub copies_of_held_out: Option<usize>,
    /// Samples that are copies of another sample.
    pub duplicates_within_fake: usize,
    /// Training pictures that are copies of another one.
    pub duplicates_within_real: usize,
}

/// Distances in the eyes of one layer of a network.
#[derive(Debug, Clone, Serialize)]
pub struct EmbeddingView {
    /// The network and its layer.
    pub network: NetworkProtocol,
    /// Mean Euclidean distance from a sample to its nearest training picture.
    pub to_real: Interval,
    /// The same from a training picture to the nearest other one: the yardstick.
    pub within_real: Interval,
    /// The distance below which, by the training pictures, strangers are not expected; `None` for fewer than 20.
    pub floor: Option<f64>,
    /// Samples nearer than that.
    pub below_floor: usize,
    /// Samples against training and held-out pictures.
    pub gap: Option<Gap>,
}

/// One sample.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// The file.
    pub file: PathBuf,
    /// The training picture it looks most like a copy of.
    pub like: PathBuf,
    /// How, and how much; its index is that of `like` in the training pictures.
    pub found: CopyMatch,
    /// Whether that is a copy.
    pub copy: bool,
    /// The nearest training picture in the eyes of each view, with the distance.
    pub nearest: Vec<(PathBuf, f64)>,
}

/// The pictures of a job, and their sketches.
struct Sets {
    real: (PictureSet, Vec<Sketch>),
    fake: (PictureSet, Vec<Sketch>),
    held_out: Option<(PictureSet, Vec<Sketch>)>,
}

/// Searches all samples for copies and measures how near they are.
///
/// Memory is 12 kilobytes and the vectors of the networks for each picture; pictures are decoded a few at a time.
///
/// # Errors
/// [`EngineError::File`] when a folder is missing or holds no usable picture; [`EngineError::Caller`] for fewer than two
/// training pictures; [`EngineError::Cancelled`].
pub fn memorised(request: &MemorisedEvaluation, evaluator: &Evaluator<'_>) -> Result<Memorised> {
    let (cache, control, seed) = (evaluator.cache, evaluator.control, evaluator.seed);
    let read = |root: &PathBuf| -> Result<(PictureSet, Vec<Sketch>)> {
        let set = PictureSet::read(std::slice::from_ref(root), &evaluator.limits, cache, control)?.by_content();
        let sketches = sketches(&set, control)?;
        Ok((set, sketches))
    };
    let sets = Sets {
        real: read(&request.real)?,
        fake: read(&request.fake)?,
        held_out: request.held_out.as_ref().map(read).transpose()?,
    };
    if sets.real.0.len() < 2 {
        return Err(EngineError::Caller("memorisation is measured against at least two training pictures".into()));
    }
    let (found, copies) = search(&sets, seed, control)?;
    let (mut views, mut missing, mut nearest) = (Vec::new(), Vec::new(), Vec::new());
    for kind in &request.networks {
        let embedder = match evaluator.networks.embedder(*kind) {
            Ok(embedder) => embedder,
            Err(Unavailable::Missing(reason)) => {
                missing.push((*kind, reason));
                continue;
            }
            Err(Unavailable::Unusable(error)) => return Err(error),
        };
        let vectors = |set: &PictureSet| embed(set, embedder.as_ref(), cache, control);
        let (real, fake) = (vectors(&sets.real.0)?, vectors(&sets.fake.0)?);
        let held_out = sets.held_out.as_ref().map(|(set, _)| vectors(set)).transpose()?;
        let protocol = embedder.protocol();
        for (index, layer) in protocol.layers.iter().enumerate() {
            control.check()?;
            let held_out = held_out.as_ref().map(|layers| &layers[index]);
            let network = NetworkProtocol {
                name: protocol.name.clone(),
                sha256: protocol.weights_sha256.clone(),
                layer: layer.name.clone(),
                resizer: protocol.resizer.clone(),
            };
            let (view, neighbours) = view(network, &real[index], &fake[index], held_out, seed)?;
            views.push(view);
            nearest.push(neighbours);
        }
    }
    let path = |index: usize| sets.real.0.files()[index].path.clone();
    let sample = |(number, found): (usize, &CopyMatch)| Sample {
        file: sets.fake.0.files()[number].path.clone(),
        like: path(found.index),
        found: *found,
        copy: found.distance < copies.limit.distance,
        nearest: nearest.iter().map(|view: &Vec<(usize, f64)>| (path(view[number].0), view[number].1)).collect(),
    };
    let mut samples: Vec<Sample> = found.iter().enumerate().map(sample).collect();
    samples.sort_by(|a, b| a.found.distance.total_cmp(&b.found.distance));
    let held_out = sets.held_out.map(|(set, _)| set);
    Ok(Memorised { real: sets.real.0, fake: sets.fake.0, held_out, copies, views, missing, samples })
}

fn sketches(set: &PictureSet, control: &Control) -> Result<Vec<Sketch>> {
    let files: Vec<_> = set.files().iter().collect();
    let mut sketches = Vec::with_capacity(files.len());
    for some in files.chunks(BLOCK) {
        control.check()?;
        sketches.extend(set.each(some, |picture| Sketch::of(&picture))?);
    }
    Ok(sketches)
}

/// The search for copies, of every sample and within the sets.
fn search(sets: &Sets, seed: u64, control: &Control) -> Result<(Vec<CopyMatch>, CopyView)> {
    let (real, fake) = (&sets.real.1, &sets.fake.1);
    let distances = |found: Vec<CopyMatch>| found.into_iter().map(|f| f.distance).collect::<Vec<f64>>();
    let within = distances(copies::closest(real, real, true, control)?);
    let limit = copies::limit(&within);
    let below = |distances: &[f64]| distances.iter().filter(|&&d| d < limit.distance).count();
    let found = copies::closest(fake, real, false, control)?;
    let of_held_out = |(_, held_out): &(PictureSet, Vec<Sketch>)| -> Result<usize> {
        Ok(below(&distances(copies::closest(fake, held_out, false, control)?)))
    };
    let within_fake = if fake.len() > 1 { distances(copies::closest(fake, fake, true, control)?) } else { Vec::new() };
    let hits: Vec<f64> = found.iter().map(|f| f64::from(u8::from(f.distance < limit.distance))).collect();
    let view = CopyView {
        limit,
        copies: hits.iter().sum::<f64>() as usize,
        share: mean_interval(&hits, BOOTSTRAP_ROUNDS, seed),
        copies_of_held_out: sets.held_out.as_ref().map(of_held_out).transpose()?,
        duplicates_within_fake: below(&within_fake),
        duplicates_within_real: below(&within),
    };
    Ok((found, view))
}

/// The distances of one layer, and each sample's nearest training picture.
fn view(
    network: NetworkProtocol,
    real: &Embeddings,
    fake: &Embeddings,
    held_out: Option<&Embeddings>,
    seed: u64,
) -> Result<(EmbeddingView, Vec<(usize, f64)>)> {
    let first = |found: Vec<Vec<crate::metrics::Neighbour>>| -> Vec<(usize, f64)> {
        found.into_iter().map(|n| (n[0].index, n[0].distance)).collect()
    };
    let within = first(nearest(real, real, 1, true)?);
    let to_real = first(nearest(fake, real, 1, false)?);
    let distances = |found: &[(usize, f64)]| found.iter().map(|(_, d)| *d).collect::<Vec<f64>>();
    let (within, to) = (distances(&within), distances(&to_real));
    let floor = copies::floor(&within);
    let view = EmbeddingView {
        network,
        to_real: mean_interval(&to, BOOTSTRAP_ROUNDS, seed),
        within_real: mean_interval(&within, BOOTSTRAP_ROUNDS, seed),
        floor,
        below_floor: floor.map_or(0, |floor| to.iter().filter(|&&d| d < floor).count()),
        gap: held_out.map(|held_out| Gap::between(fake, real, held_out, BOOTSTRAP_ROUNDS, seed)).transpose()?,
    };
    Ok((view, to_real))
}

/// The `count` most suspicious samples, each beside the training picture it is most like, three pairs a row.
///
/// # Errors
/// [`EngineError::File`] or [`EngineError::Picture`] when a picture can no longer be read.
pub fn pairs_sheet(found: &Memorised, count: usize, limits: &Limits) -> Result<Picture> {
    let mut cells = Vec::with_capacity(2 * count);
    for path in found.samples.iter().take(count).flat_map(|sample| [&sample.file, &sample.like]) {
        let picture = impasto_image::open(path, limits).map_err(|e| EngineError::picture(path, e))?;
        cells.push(sheet::magnified(&picture, CELL));
    }
    let cells: Vec<&Picture> = cells.iter().collect();
    Ok(sheet::contact_sheet(&cells, 2 * PAIRS_PER_ROW, CELL, 4))
}

#[cfg(test)]
mod tests;
