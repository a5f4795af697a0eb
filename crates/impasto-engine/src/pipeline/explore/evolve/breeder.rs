//! How children come about: of one parent or two, changed a little, and not too near to others.

use super::EvolveJob;
use crate::error::{EngineError, Result};
use crate::pipeline::generate::{Code, CodeNoise, Studio};
use crate::rng::{self, Rng};

/// Candidates that are drawn for a place before the one furthest from the others is taken.
pub(super) const DRAWS: u64 = 16;

/// By how much each new candidate is changed more than the one before.
const BOLDER: f32 = 1.1;

/// Styles from which the deviation of each of their numbers is taken.
const SCALE_SAMPLES: u64 = 128;

/// Makes children.
#[derive(Debug)]
pub(super) struct Breeder<'a> {
    studio: &'a Studio,
    settings: EvolveJob,
    /// The deviation of each number of the styles, `[layers, width]`.
    deviations: Vec<f32>,
}

/// What a child has of its parents.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inherited {
    /// Which of the parents each layer's style is of; empty where numbers of the one style are drawn from both, or there is
    /// one parent.
    pub(super) layers: Vec<usize>,
    /// How far it is changed, from 0 to 1.
    pub(super) mutation: f32,
}

impl<'a> Breeder<'a> {
    pub(super) fn new(studio: &'a Studio, settings: EvolveJob) -> Result<Self> {
        let seeds: Vec<u64> = (0..SCALE_SAMPLES).collect();
        let apart = studio.each(&seeds, |&index| {
            let classes = studio.classes_of(index);
            let latent = studio.draw(&mut rng::stream(settings.seed, "scale", index));
            let (styles, middle) = (studio.styles_of(latent, &classes), studio.centre_of(&classes));
            Ok(styles.iter().zip(&middle).map(|(style, middle)| (style - middle).powi(2)).collect::<Vec<f32>>())
        })?;
        let length = studio.form().layers * studio.form().width;
        let mean = |i: usize| apart.iter().map(|row| row[i]).sum::<f32>() / SCALE_SAMPLES as f32;
        let deviations = (0..length).map(|i| mean(i).sqrt().max(1e-6)).collect();
        Ok(Self { studio, settings, deviations })
    }

    /// The first candidate that is far enough from all that are `near`, or else the one furthest from them.
    pub(super) fn furthest<'c, T>(
        &self,
        candidates: Vec<T>,
        code: impl Fn(&T) -> Code,
        near: impl Iterator<Item = &'c Code> + Clone,
    ) -> Result<(T, Code)> {
        let mut best: Option<(f32, T, Code)> = None;
        for candidate in candidates {
            let code = code(&candidate);
            let gap = near.clone().map(|other| self.distance(&code, other)).fold(f32::INFINITY, f32::min);
            if best.as_ref().is_none_or(|(known, ..)| gap > *known) {
                best = Some((gap, candidate, code));
            }
            if gap >= self.settings.diversity {
                break;
            }
        }
        let none = || EngineError::Internal("no candidates were drawn".into());
        best.map(|(_, candidate, code)| (candidate, code)).ok_or_else(none)
    }

    /// How far two codes are apart: the root of the mean square of their numbers' differences in deviations.
    pub(super) fn distance(&self, a: &Code, b: &Code) -> f32 {
        let differences = a.styles.iter().zip(&b.styles).zip(&self.deviations);
        let sum: f32 = differences.map(|((a, b), deviation)| ((a - b) / deviation).powi(2)).sum();
        (sum / self.deviations.len() as f32).sqrt()
    }

    /// What candidate `draw` for child `id` has of its parent or its two parents.
    pub(super) fn inherited(&self, id: usize, two: bool, draw: u64) -> Inherited {
        let mut rng = rng::stream(self.settings.seed, "crossover", id as u64 * DRAWS + draw);
        let count = self.studio.form().layers;
        let layers = if two && count > 1 {
            // Coarse layers of one, fine ones of the other, with the cut anywhere between.
            let (cut, swapped) = (rng.random_range(1..count), usize::from(rng.random_bool(0.5)));
            (0..count).map(|layer| if layer < cut { swapped } else { 1 - swapped }).collect()
        } else {
            Vec::new()
        };
        Inherited { layers, mutation: (self.settings.mutation * BOLDER.powi(draw as i32)).min(1.0) }
    }

    /// The child `id`, as candidate `draw`. It is changed towards a stranger, who is where `seen` puts it.
    pub(super) fn child(
        &self,
        id: usize,
        draw: u64,
        first: &Code,
        second: Option<&Code>,
        inherited: &Inherited,
        seen: impl Fn(Code) -> Code,
    ) -> Code {
        let (step, seed) = (id as u64 * DRAWS + draw, self.settings.seed);
        let Inherited { layers, mutation } = inherited;
        let mut child = match second {
            Some(second) if layers.len() == self.studio.form().layers => {
                let of_second: Vec<bool> = layers.iter().map(|&of| of == 1).collect();
                first.mixed(second, &of_second)
            }
            Some(second) => {
                // One style for all layers: each of its numbers is of one parent.
                let mut rng = rng::stream(seed, "numbers", step);
                let mut child = first.clone();
                for (style, other) in child.styles.iter_mut().zip(&second.styles) {
                    if rng.random_bool(0.5) {
                        *style = *other;
                    }
                }
                child
            }
            None => first.clone(),
        };
        // Changed towards the styles of some latent, so that all its numbers go together as they usually do.
        let latent = self.studio.draw(&mut rng::stream(seed, "mutation", step));
        let styles = self.studio.styles_of(latent, &child.classes);
        let stranger = seen(Code { styles, classes: child.classes.clone(), noise: CodeNoise::Off });
        let keep = (1.0 - mutation * mutation).max(0.0).sqrt();
        let middle = self.studio.centre_of(&child.classes);
        for ((style, middle), stranger) in child.styles.iter_mut().zip(middle).zip(stranger.styles) {
            *style = middle + keep * (*style - middle) + mutation * (stranger - middle);
        }
        child
    }
}
