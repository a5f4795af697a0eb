//! Losses of translation between two kinds of pictures.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Mean absolute difference of two pictures as of values in `[-1, 1]`: twice that of values in `[0, 1]`, so that the
/// weights of the papers (Isola et al. 2017; Zhu et al. 2017) hold as they stand there.
pub fn absolute_difference(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    (output - target).abs().mean() * 2.0
}

/// Every row of `[n, p, d]` divided by its Euclidean norm.
pub fn unit_rows(x: Tensor<3>) -> Tensor<3> {
    let norm = (x.clone().square().sum_dim(2) + 1e-14).sqrt(); // [n, p, 1]
    x / norm
}

/// Contrast between patches (PatchNCE, Park et al. 2020): the query of each place should be nearer to the key of its own
/// place than to those of the other places of the same picture. Queries and keys `[n, p, d]` have unit rows; cross-entropy
/// over their products divided by `temperature`. Keys are constants.
pub fn patch_contrast(queries: Tensor<3>, keys: Tensor<3>, temperature: f32) -> Tensor<1> {
    let [n, p, _] = queries.dims();
    let likeness = queries.matmul(keys.detach().swap_dims(1, 2)) / temperature; // [n, p, p]
    let own = Tensor::<2>::eye(p, &likeness.device()).reshape([1, p, p]);
    -(log_softmax(likeness, 2) * own).sum() / (n * p) as f32
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::rng;
    use crate::tensor::scalar;

    #[test]
    fn equal_patches_are_told_from_others() {
        let device = Device::flex();
        let draws = rng::normal(&mut rng::stream(1, "patches", 0), 2 * 16 * 32);
        let keys = unit_rows(Tensor::from_data(TensorData::new(draws, [2, 16, 32]), &device));
        let same = scalar(patch_contrast(keys.clone(), keys.clone(), 0.07));
        let shifted = scalar(patch_contrast(keys.clone().roll(&[1], &[1]), keys.clone(), 0.07));
        let alike = scalar(patch_contrast(Tensor::ones_like(&keys) / 32.0f32.sqrt(), Tensor::ones_like(&keys), 0.07));
        assert!(same < 0.01 && shifted > 5.0, "{same} {shifted}");
        // Where all patches are one, each is one of sixteen.
        assert!((alike - 16.0f32.ln()).abs() < 1e-4, "{alike}");
    }
}
