//! What an algorithm brings.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Play, Round, TranslationTraining};
use crate::descriptor::Descriptor;
use crate::train::Metrics;

/// An algorithm that learns to translate pictures of kind a to kind b: the terms of its generators' loss with their
/// weights, and how they are computed. Networks, discriminators, optimisers and state are the same for all.
pub trait Scheme:
    Debug + Clone + PartialEq + Default + Send + Sync + Serialize + DeserializeOwned + schemars::JsonSchema + 'static
{
    /// What the algorithm is.
    const DESCRIPTOR: &'static Descriptor;

    /// Whether it learns the way back as well: two generators, two discriminators.
    const BOTH_WAYS: bool = false;

    /// Whether every picture of a belongs to one of b, and the discriminator is shown both.
    const PAIRED: bool = false;

    /// The settings it is usually trained with.
    fn usual() -> TranslationTraining<Self>;

    /// Whether patches of features are compared.
    fn compares_patches(&self) -> bool {
        false
    }

    /// Checks what no type rules out.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    fn validate(&self) -> Result<(), String>;

    /// What the generators lower in a round, and what they show the discriminators. Figures go to `metrics`.
    fn play(round: &Round<'_, Self>, metrics: &mut Metrics) -> Play;
}

/// Checks weights of losses by name.
///
/// # Errors
/// A line that names the first that is negative or not finite.
pub(crate) fn check_weights(weights: &[(&str, f32)]) -> Result<(), String> {
    match weights.iter().find(|(_, weight)| !(0.0..=1e6).contains(weight)) {
        Some((name, weight)) => Err(format!("{name} is {weight}; a weight is 0 or more")),
        None => Ok(()),
    }
}
