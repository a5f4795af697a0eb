//! Every picture against every other one, at 12 x 12.

use rayon::prelude::*;

use super::sketch::{Sketch, dot, mirrored, unit};
use crate::control::Control;
use crate::error::Result;

/// Side of a thumbnail.
const SIDE: usize = 12;

/// Thumbnails with less contrast (deviation 0.4 of 255 levels) have no shape.
const FLAT: f32 = 0.0016 * 20.8; // times the root of the number of values

/// Cut off at both sides together: the crops that are tried in the middle and in the corners.
const CUTS: [f32; 2] = [0.05, 0.1];

/// Pictures whose crops are held at a time.
const BLOCK: usize = 32;

/// A picture that may be what another one was copied from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) index: usize,
    pub(super) similarity: f32,
    pub(super) mirrored: bool,
    pub(super) region: [f32; 4],
}

/// The `count` pictures of `base` (fewer where there are not as many) most similar to each query, best first, each with
/// the crop and the side at which it is.
pub(super) fn candidates(
    queries: &[Sketch],
    base: &[Sketch],
    count: usize,
    skip_same_index: bool,
    control: &Control,
) -> Result<Vec<Vec<Candidate>>> {
    let whole = |sketch: &Sketch| {
        let values = sketch.planes().sample([0.0, 0.0, 1.0, 1.0], SIDE);
        [shape(values.clone()), shape(mirrored(&values, SIDE))]
    };
    let queries: Vec<[Vec<f32>; 2]> = queries.par_iter().map(whole).collect();
    let mut best: Vec<Vec<Candidate>> = vec![Vec::with_capacity(count + 1); queries.len()];
    for (block, first) in base.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        control.check()?;
        let views: Vec<Vec<([f32; 4], Vec<f32>)>> = block.par_iter().map(views).collect();
        best.par_iter_mut().zip(&queries).enumerate().for_each(|(number, (best, query))| {
            for (index, views) in (first..).zip(&views) {
                if skip_same_index && index == number {
                    continue;
                }
                let mut top = Candidate { index, similarity: -2.0, mirrored: false, region: [0.0; 4] };
                for (region, view) in views {
                    for (mirrored, query) in [false, true].into_iter().zip(query) {
                        let similarity = dot(query, view);
                        if similarity > top.similarity {
                            top = Candidate { index, similarity, mirrored, region: *region };
                        }
                    }
                }
                let at = best.partition_point(|other| other.similarity >= top.similarity);
                best.insert(at, top);
                best.truncate(count);
            }
        });
    }
    Ok(best)
}

/// The crops of a picture, each as a thumbnail.
fn views(sketch: &Sketch) -> Vec<([f32; 4], Vec<f32>)> {
    let planes = sketch.planes();
    let crops = sketch.frames().into_iter().flat_map(crops);
    crops.map(|region| (region, shape(planes.sample(region, SIDE)))).collect()
}

/// A frame, and it cut in the middle and in the corners.
fn crops([left, top, right, bottom]: [f32; 4]) -> Vec<[f32; 4]> {
    let (width, height) = (right - left, bottom - top);
    let mut crops = vec![[left, top, right, bottom]];
    for cut in CUTS {
        for (x, y) in [(0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (x, y) = (left + x * cut * width, top + y * cut * height);
            crops.push([x, y, x + (1.0 - cut) * width, y + (1.0 - cut) * height]);
        }
    }
    crops
}

/// Planes without their means, of length 1.
fn shape(mut values: Vec<f32>) -> Vec<f32> {
    for plane in values.chunks_exact_mut(SIDE * SIDE) {
        let mean = plane.iter().sum::<f32>() / (SIDE * SIDE) as f32;
        plane.iter_mut().for_each(|v| *v -= mean);
    }
    unit(values, FLAT)
}
