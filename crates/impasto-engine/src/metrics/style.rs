//! How far a picture is from a painting's style.

use burn::tensor::Tensor;

use crate::error::{EngineError, Result};
use crate::losses;
use crate::tensor;

/// Which form of the Gram distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleDistance {
    /// `||G_o - G_s|| / ||G_s||`
    Norm,
    /// Its square.
    Squared,
}

/// Style distance between a picture's features and a painting's: the mean over the levels of
/// `100 * ||G_o - G_s|| / ||G_s||` (Frobenius norms) or of its square, with `G` the Gram matrix divided by the number of
/// positions. Levels are `[1, c, h, w]`; sizes may differ, channels may not.
///
/// # Errors
/// [`EngineError::Caller`] when there are no levels, or their counts, channels or batches differ.
pub fn style_gram_distance(output: &[Tensor<4>], style: &[Tensor<4>], form: StyleDistance) -> Result<f32> {
    check(output, style)?;
    let mut sum = 0.0;
    for (output, style) in output.iter().zip(style) {
        let squared = tensor::scalar(losses::gram_distance(losses::gram(output.clone()), losses::gram(style.clone())));
        sum += match form {
            StyleDistance::Norm => squared.sqrt(),
            StyleDistance::Squared => squared,
        };
    }
    Ok(100.0 * sum / output.len() as f32)
}

/// The mean over the levels of the relative squared difference of channel means plus that of channel deviations, times
/// 100. Levels as for [`style_gram_distance`].
///
/// # Errors
/// As for [`style_gram_distance`].
pub fn moment_distance(output: &[Tensor<4>], style: &[Tensor<4>]) -> Result<f32> {
    check(output, style)?;
    let level = |(output, style): (&Tensor<4>, &Tensor<4>)| {
        tensor::scalar(losses::moment_distance(output.clone(), style.clone()))
    };
    Ok(100.0 * output.iter().zip(style).map(level).sum::<f32>() / output.len() as f32)
}

fn check(output: &[Tensor<4>], style: &[Tensor<4>]) -> Result<()> {
    let fits = |(a, b): (&Tensor<4>, &Tensor<4>)| a.dims()[0] == 1 && a.dims()[..2] == b.dims()[..2];
    if output.is_empty() || output.len() != style.len() || !output.iter().zip(style).all(fits) {
        return Err(EngineError::Caller("style distances need the same levels of one picture and one painting".into()));
    }
    Ok(())
}
