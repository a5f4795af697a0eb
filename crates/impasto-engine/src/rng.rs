//! Random numbers keyed by (seed, stream, step): no global state, so that a run can be resumed bit for bit and one
//! stream's draws never shift another's.

pub use rand::Rng;
use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng;

/// A generator for one purpose (`stream`) at one `step` of a job with `seed`.
///
/// The same triple gives the same numbers on every platform; different triples give independent ones (the key is a
/// BLAKE3 hash of the triple, the generator ChaCha8).
pub fn stream(seed: u64, stream: &str, step: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&step.to_le_bytes());
    hasher.update(stream.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// `count` draws from the standard normal distribution.
pub fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    use rand_distr::{Distribution, StandardNormal};
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

/// `count` draws of 1 or -1, alike often.
pub fn signs(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    let mut bits = 0;
    let sign = |i: usize| {
        bits = if i.is_multiple_of(64) { rng.random::<u64>() } else { bits >> 1 };
        if bits & 1 == 1 { 1.0 } else { -1.0 }
    };
    (0..count).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, name, step| normal(&mut stream(seed, name, step), 4);
        assert_eq!(draw(1, "a", 2), draw(1, "a", 2));
        for other in [draw(2, "a", 2), draw(1, "b", 2), draw(1, "a", 3)] {
            assert_ne!(draw(1, "a", 2), other);
        }
    }
}
