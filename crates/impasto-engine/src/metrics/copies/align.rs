//! The few nearest, aligned and compared by their details.

use super::CopyMatch;
use super::coarse::Candidate;
use super::sketch::{Sketch, dot, mirrored, unit};

/// Side at which details are compared.
const SIDE: usize = 32;

/// Reach of the local mean that is taken away.
const REACH: usize = 2;

/// Details with a smaller deviation (0.2 of 255 levels) are what compression leaves of nothing.
const FLAT: f32 = 0.0008 * 55.4; // times the root of the number of values

/// How far a crop's sides are moved at a time, as shares of the picture's.
const STEPS: [f32; 3] = [0.02, 0.01, 0.005];

/// Rounds of moves with each step.
const ROUNDS: usize = 2;

/// How far beyond the border a crop may reach: roundings of sizes.
const BEYOND: f32 = 0.03;

/// Moves to the right and down, and wider and higher, each the other way too.
const MOVES: [[f32; 4]; 4] = [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]];

/// The candidate that agrees best with `query` once its crop is moved to where it agrees best.
pub(super) fn best(query: &Sketch, base: &[Sketch], candidates: &[Candidate]) -> CopyMatch {
    let own = details(query.planes().sample([0.0, 0.0, 1.0, 1.0], SIDE));
    let turned = mirrored(&own, SIDE);
    let matches = candidates.iter().map(|candidate| {
        let query = if candidate.mirrored { &turned } else { &own };
        aligned(query, &base[candidate.index], candidate)
    });
    let worst = CopyMatch { index: 0, distance: f64::INFINITY, mirrored: false, region: [0.0; 4] };
    matches.fold(worst, |best, next| if next.distance < best.distance { next } else { best })
}

fn aligned(query: &[f32], base: &Sketch, candidate: &Candidate) -> CopyMatch {
    let planes = base.planes();
    let similarity = |region: [f32; 4]| dot(query, &details(planes.sample(region, SIDE)));
    let (mut region, mut best) = (candidate.region, similarity(candidate.region));
    for step in STEPS {
        for _ in 0..ROUNDS {
            let before = best;
            for (direction, sign) in MOVES.iter().flat_map(|m| [(m, step), (m, -step)]) {
                let mut moved = region;
                moved.iter_mut().zip(direction).for_each(|(side, direction)| *side += sign * direction);
                if moved.iter().any(|side| !(-BEYOND..=1.0 + BEYOND).contains(side)) {
                    continue;
                }
                let next = similarity(moved);
                if next > best {
                    (region, best) = (moved, next);
                }
            }
            if best <= before {
                break;
            }
        }
    }
    let distance = (1.0 - f64::from(best)).max(0.0);
    CopyMatch { index: candidate.index, distance, mirrored: candidate.mirrored, region }
}

/// Planes without their local mean, of length 1.
fn details(values: Vec<f32>) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for plane in values.chunks_exact(SIDE * SIDE) {
        let mut across = vec![0.0; SIDE * SIDE];
        for (row, to) in plane.chunks_exact(SIDE).zip(across.chunks_exact_mut(SIDE)) {
            for (x, value) in to.iter_mut().enumerate() {
                *value = local(x, |x| row[x]);
            }
        }
        for y in 0..SIDE {
            for x in 0..SIDE {
                out.push(plane[y * SIDE + x] - local(y, |y| across[y * SIDE + x]));
            }
        }
    }
    unit(out, FLAT)
}

/// The mean around `at`, the border's value beyond it.
fn local(at: usize, value: impl Fn(usize) -> f32) -> f32 {
    let sum: f32 = (0..=2 * REACH).map(|i| value((at + i).saturating_sub(REACH).min(SIDE - 1))).sum();
    sum / (2 * REACH + 1) as f32
}
