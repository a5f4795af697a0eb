//! Distances between distributions of pictures, from feature vectors of samples of both.

mod frechet;
mod kernel;
mod neighbourhoods;
mod sample;
mod score;

pub use frechet::{frechet_distance, frechet_distance_interval};
pub use kernel::{kernel_distance, kernel_distance_interval, kernel_distance_subsets};
pub use neighbourhoods::{Neighbourhoods, neighbourhoods};
pub use sample::{KERNEL_DISTANCE_BELOW, sample_note};
pub use score::{inception_score, inception_score_interval};

/// The vectors of golden values, 60 and 50 of 8 numbers: `((31 r^2 + 17 c^2 + 7 r c + 3 r) mod 97) / 64`, and with 29, 23
/// and 89, plus 1/4. Exact in f32.
#[cfg(test)]
fn golden() -> (super::Embeddings, super::Embeddings) {
    let value = |r: usize, c: usize, by: [usize; 3]| {
        ((r * r * by[0] + c * c * by[1] + r * c * 7 + r * 3) % by[2]) as f32 / 64.0
    };
    (
        super::testing::vectors(60, 8, |r, c| value(r, c, [31, 17, 97])),
        super::testing::vectors(50, 8, |r, c| value(r, c, [29, 23, 89]) + 0.25),
    )
}
