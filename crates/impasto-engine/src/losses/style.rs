//! Content and style losses over features `[n, c, h, w]`.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use crate::blocks::{channel_moments, instance_norm, mean_squared_difference, products};

/// Mean squared difference of two maps.
pub fn mean_squared_error(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    mean_squared_difference(output, target)
}

/// Mean squared difference of channel-normalised features: the same things in the same places, whatever their
/// contrast (Huang and Belongie 2017, with both sides normalised).
pub fn content(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    mean_squared_error(instance_norm(output), instance_norm(target))
}

/// Squared difference of two feature maps relative to the variance of `target` over positions, mean over the batch: 0 is
/// equal, 1 is as far as each channel's mean everywhere. Unlike [`content`] it keeps the contrast, and quiet channels
/// count as little as they are.
pub fn content_distance(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let [n, c, h, w] = target.dims();
    let per_sample = |x: Tensor<4>| x.square().reshape([n, c * h * w]).mean_dim(1); // [n, 1]
    let centred = target.clone() - target.clone().mean_dims(&[2, 3]); // [n, c, h, w]
    (per_sample(output - target) / (per_sample(centred) + 1e-8)).mean()
}

/// Gram matrix divided by the number of positions: `[n, c, h, w]` to `[n, c, c]` (Gatys et al. 2016).
pub fn gram(features: Tensor<4>) -> Tensor<3> {
    products(features)
}

/// Squared difference of two Gram matrices relative to the squared norm of `target`, mean over the batch. 0 is equal,
/// 1 is as far as no features at all.
pub fn gram_distance(output: Tensor<3>, target: Tensor<3>) -> Tensor<1> {
    let [n, c, _] = output.dims();
    let per_sample = |x: Tensor<3>| x.square().reshape([n, c * c]).sum_dim(1); // [n, 1]
    (per_sample(output - target.clone()) / (per_sample(target) + 1e-8)).mean()
}

/// Relative error of Gram matrices, `|output - target| / |target|` by Frobenius norm, mean over the batch. Unlike
/// [`gram_distance`] it grows linearly, so that one dark or flat style in a batch does not drown the others.
pub fn gram_error(output: Tensor<3>, target: Tensor<3>) -> Tensor<1> {
    let [n, c, _] = output.dims();
    relative_error(output.reshape([n, c * c]), target.reshape([n, c * c]))
}

/// Mean and covariance of the channels over positions: `[n, c, h, w]` to `[n, c]` and `[n, c, c]`. What [`gram`] holds,
/// taken apart: the features behind rectifiers are positive, so that most of a Gram matrix is the means' product, and a
/// distance between Gram matrices hardly sees how channels vary together, which is the texture.
pub fn mean_covariance(features: Tensor<4>) -> (Tensor<2>, Tensor<3>) {
    let [n, c, h, w] = features.dims();
    let mean = features.clone().reshape([n, c, h * w]).mean_dim(2); // [n, c, 1]
    let product = mean.clone().matmul(mean.clone().swap_dims(1, 2)); // [n, c, c]
    (mean.reshape([n, c]), gram(features) - product)
}

/// Squared difference of two sets of numbers `[n, d]` relative to the squared norm of `target`, mean over the batch: 0
/// is equal, 1 is as far as zeros.
pub fn relative_distance(output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let error = (output - target.clone()).square().sum_dim(1); // [n, 1]
    (error / (target.square().sum_dim(1) + 1e-8)).mean()
}

/// Squared difference of channel means and deviations relative to `target`'s, mean over the batch.
pub fn moment_distance(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let (mean, deviation) = channel_moments(output); // [n, c] each
    let (target_mean, target_deviation) = channel_moments(target);
    let relative = |a: Tensor<2>, b: Tensor<2>| {
        let error = (a - b.clone()).square().sum_dim(1); // [n, 1]
        (error / (b.square().sum_dim(1) + 1e-8)).mean()
    };
    relative(mean, target_mean) + relative(deviation, target_deviation)
}

/// Relative error of channel means plus that of channel deviations, mean over the batch.
pub fn moment_error(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let (mean, deviation) = channel_moments(output); // [n, c] each
    let (target_mean, target_deviation) = channel_moments(target);
    relative_error(mean, target_mean) + relative_error(deviation, target_deviation)
}

/// `|a - b| / |b|` of the rows of `[n, d]`, mean over the rows.
pub fn relative_error(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let norm = |x: Tensor<2>| (x.square().sum_dim(1) + 1e-8).sqrt(); // [n, 1]
    (norm(a - b.clone()) / norm(b)).mean()
}

/// Sliced Wasserstein distance between the distributions of feature vectors, relative to the deviation of each target
/// (Heitz et al. 2021). Both maps must have the same number of positions; `directions` is `[c, k]` with unit columns.
pub fn sliced_wasserstein(output: Tensor<4>, target: Tensor<4>, directions: Tensor<2>) -> Tensor<1> {
    let [n, c, h, w] = output.dims();
    let k = directions.dims()[1];
    // Every direction's values lie side by side: so they are sorted where they are, on all threads.
    let directions = directions.swap_dims(0, 1).reshape([1, k, c]);
    let project = |x: Tensor<4>| directions.clone().matmul(x.reshape([n, c, h * w])).sort(2); // [n, k, hw]
    let rows = |x: Tensor<3>| x.reshape([n, k * h * w]); // [n, k * hw]
    let target = project(target);
    let centred = target.clone() - target.clone().mean_dim(2); // [n, k, hw]
    let distance = (rows(project(output) - target).square().mean_dim(1) + 1e-8).sqrt(); // [n, 1]
    let deviation = (rows(centred).square().mean_dim(1) + 1e-8).sqrt(); // [n, 1]
    (distance / deviation).mean()
}

/// Differences of neighbouring pixels of `[n, c, h, w]`: downwards `[n, c, h - 1, w]` and to the right `[n, c, h, w - 1]`.
fn steps(image: Tensor<4>) -> [Tensor<4>; 2] {
    let [n, c, h, w] = image.dims();
    let row = |from: usize, to: usize| image.clone().slice([0..n, 0..c, from..to, 0..w]);
    let column = |from: usize, to: usize| image.clone().slice([0..n, 0..c, 0..h, from..to]);
    [row(1, h) - row(0, h - 1), column(1, w) - column(0, w - 1)]
}

/// Mean absolute difference of neighbouring pixels of `[n, c, h, w]` (anisotropic total variation).
pub fn total_variation(image: Tensor<4>) -> Tensor<1> {
    let [down, right] = steps(image);
    down.abs().mean() + right.abs().mean()
}

/// Mean squared difference of neighbouring pixels of `[n, c, h, w]` (total variation with exponent 2, Mahendran and
/// Vedaldi 2015): weighs fine grain more and edges less than [`total_variation`] of equal sum, and is smooth at 0.
pub fn squared_variation(image: Tensor<4>) -> Tensor<1> {
    let [down, right] = steps(image);
    down.square().mean() + right.square().mean()
}

/// Side in pixels of the places whose liveliness is told.
pub const PLACE: usize = 16;

/// Liveliness of a content's place from which on it gives reason for forms.
const LIVELY: f32 = 0.06;

/// Deviation of the values of every place of 16 x 16 px around its mean colour: `[n, c, h, w]`, sides of at least 16, to
/// `[n, 1, h / 16, w / 16]`; what is left over at the right and below is not looked at.
pub fn liveliness(image: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = image.dims();
    let [rows, columns] = [h / PLACE, w / PLACE];
    let places = image.narrow(2, 0, rows * PLACE).narrow(3, 0, columns * PLACE);
    let places = places.reshape([n * c * rows, PLACE, columns, PLACE]);
    let from_mean = places.clone() - places.mean_dims(&[1, 3]);
    let variance = from_mean.square().mean_dims(&[1, 3]).reshape([n, c, rows, columns]);
    (variance.mean_dim(1) + 1e-6).sqrt() // [n, 1, rows, columns]
}

/// How much livelier than `calm` a painting `[n, c, h, w]` is where its content, of the same shape, is plain: forms that nothing
/// in the content is the reason for. The mean over all places of 16 x 16 px.
pub fn unfounded_forms(painted: Tensor<4>, content: Tensor<4>, calm: f32) -> Tensor<1> {
    let plain = (-liveliness(content) / LIVELY + 1.0).clamp_min(0.0);
    ((liveliness(painted) - calm).clamp_min(0.0) * plain).mean()
}

/// Mean squared excess over `[0, 1]`: what clamping would cut off.
pub fn out_of_range(image: Tensor<4>) -> Tensor<1> {
    let above = (image.clone() - 1.0).clamp_min(0.0);
    let below = (-image).clamp_min(0.0);
    (above.square() + below.square()).mean()
}

/// Contrastive style signal: each output's statistics should be nearer to its own style's than to those of the other
/// styles in the batch. `output` and `target` are statistics `[n, d]`; cross-entropy over cosine similarities divided
/// by `temperature`. 0 for batches of one.
pub fn contrastive_style(output: Tensor<2>, target: Tensor<2>, temperature: f32) -> Tensor<1> {
    let [n, _] = output.dims();
    let device = output.device();
    if n < 2 {
        return Tensor::zeros([1], &device);
    }
    // Without the batch's mean style the vectors all point the same way.
    let centre = target.clone().mean_dim(0); // [1, d]
    let unit = |x: Tensor<2>| {
        let x = x - centre.clone(); // [n, d]
        let norm = (x.clone().square().sum_dim(1) + 1e-8).sqrt(); // [n, 1]
        x / norm
    };
    let similarity = unit(output).matmul(unit(target).transpose()) / temperature; // [n, n]
    let own = Tensor::<2>::eye(n, &device);
    -(log_softmax(similarity, 1) * own).sum() / n as f32
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::tensor::scalar;

    #[test]
    fn forms_are_unfounded_where_the_content_is_plain() {
        // Every other column lighter by 0.2 deviates by 0.1; 40 px hold two places and a rest in each direction.
        let picture = |lively: &dyn Fn(usize) -> bool| {
            let value = |i: usize| if lively(i % 40) { 0.3 + 0.2 * (i % 2) as f32 } else { 0.4 };
            Tensor::<4>::from_data(TensorData::new((0..40 * 40).map(value).collect(), [1, 1, 40, 40]), &Device::flex())
        };
        let (plain, lively) = (picture(&|_| false), picture(&|_| true));
        assert_eq!(liveliness(lively.clone()).dims(), [1, 1, 2, 2]);
        let forms = |painted: &Tensor<4>, content: &Tensor<4>, calm| {
            scalar(unfounded_forms(painted.clone(), content.clone(), calm))
        };
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 2e-3, "{found}, not {expected}");
        near(forms(&lively, &plain, 0.0), 0.1);
        near(forms(&lively, &plain, 0.04), 0.06);
        near(forms(&lively, &plain, 0.2), 0.0);
        near(forms(&plain, &lively, 0.0), 0.0);
        near(forms(&lively, &lively, 0.0), 0.0);
        near(forms(&lively, &picture(&|x| x < 16), 0.0), 0.05);
    }
}
