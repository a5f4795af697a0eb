//! Pictures near one.

use serde_json::json;

use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::pipeline::generate::{Code, Line, Made, Point, Studio};
use crate::rng;

/// What variations are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VaryJob {
    /// The seed that is varied.
    pub seed: u64,
    /// How far from it, from 0 (the same) to 1 (any other).
    pub amount: f32,
    /// Number of variations.
    pub count: usize,
}

/// A variation: the picture and where it lies.
#[derive(Debug, Clone)]
pub struct Variation {
    /// The picture.
    pub made: Made,
    /// Where it lies, truncated and moved as the job says.
    pub code: Code,
}

/// Variations of a seed's picture: its latent `z` becomes `sqrt(1 - a^2) z + a n` with other noise `n` for each, which is
/// a latent as likely as any; the class, the structured codes and the noise of the layers stay.
///
/// # Errors
/// [`EngineError::Caller`] for values out of range; those of [`Studio::paint`]; [`EngineError::Cancelled`].
pub fn vary(studio: &Studio, job: &VaryJob, control: &Control) -> Result<Vec<Variation>> {
    if !(0.0..=1.0).contains(&job.amount) {
        return Err(EngineError::Caller(format!("amount is {}, not from 0 to 1", job.amount)));
    }
    if !(1..=10_000).contains(&job.count) {
        return Err(EngineError::Caller(format!("{} variations; ask for 1 to 10000", job.count)));
    }
    let (form, base) = (studio.form(), studio.code_of(job.seed));
    let latent = studio.latent_of(job.seed);
    let code = |index: usize| {
        let latent = jittered(form, &latent, job.amount, &mut rng::stream(job.seed, "vary", index as u64));
        let styles = studio.styles_of(latent, &base.classes);
        studio.placed(Code { styles, ..base.clone() })
    };
    let codes: Vec<Code> = (0..job.count).map(code).collect();
    let pictures = studio.painted("variations", &codes, control)?;
    let made = |(index, (code, picture)): (usize, (Code, _))| -> Result<Variation> {
        let line = Line::new("explore vary", studio.job()).option("seed", job.seed).option("amount", job.amount);
        let carried = studio.carried(&code)?;
        let facts = json!({"seed": job.seed, "amount": job.amount, "variation": index, "code": carried});
        let parameters = studio.parameters(line.option("count", job.count).job(studio.job()), facts);
        Ok(Variation { made: Made { picture, parameters }, code })
    };
    codes.into_iter().zip(pictures).enumerate().map(made).collect()
}

/// A latent near another: its normal part turned by some noise, its codes kept.
pub(super) fn jittered(form: &Form, latent: &[f32], amount: f32, rng: &mut rng::ChaCha8Rng) -> Vec<f32> {
    let normal = form.latent - form.codes.len();
    let noise = rng::normal(rng, normal);
    let keep = (1.0 - amount * amount).max(0.0).sqrt();
    let mut near = latent.to_vec();
    near.iter_mut().zip(noise).for_each(|(value, noise)| *value = keep * *value + amount * noise);
    near
}

impl Variation {
    /// The label of a variation's file.
    pub fn label(point: &Point, index: usize) -> String {
        format!("{}-vary{index:02}", point.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generate::testing::{job, studio};

    #[test]
    fn variations_are_near_and_repeat() {
        let studio = studio(job(), &["a", "b"], false);
        let distance = |amount: f32| -> f32 {
            let found = vary(&studio, &VaryJob { seed: 7, amount, count: 3 }, &Control::silent()).unwrap();
            assert_eq!(found.len(), 3);
            let base = studio.code_of(7);
            let apart = |v: &Variation| v.code.styles.iter().zip(&base.styles).map(|(a, b)| (a - b).abs()).sum::<f32>();
            assert!(found.iter().all(|variation| variation.code.classes == base.classes));
            found.iter().map(apart).sum()
        };
        assert_eq!(distance(0.0), 0.0);
        assert!(distance(0.1) < distance(0.5) && distance(0.5) < distance(1.0));
        assert_eq!(distance(0.3), distance(0.3));
        assert!(vary(&studio, &VaryJob { seed: 7, amount: 1.5, count: 3 }, &Control::silent()).is_err());
    }
}
