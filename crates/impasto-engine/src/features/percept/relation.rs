//! How pictures relate to one another in style: what distillation should keep even where single activations differ.

use burn::tensor::Tensor;

use crate::losses;

/// How far the relations between the Gram matrices of a batch differ between two networks' features `[n, c, h, w]` and
/// `[n, c', h', w']`: the squared difference of their cosines plus that of their centred log norms, each relative to
/// the teacher's spread. With both equal, all relative Gram distances are. 0 for batches of one.
pub(super) fn relation(student: Tensor<4>, teacher: Tensor<4>) -> Tensor<1> {
    let device = student.device();
    if student.dims()[0] < 2 {
        return Tensor::zeros([1], &device);
    }
    let (cosine, norm) = kinship(student);
    let (teacher_cosine, teacher_norm) = kinship(teacher);
    let spread = (teacher_cosine.clone() - 1.0).square().mean() + 1e-5;
    let angles = (cosine - teacher_cosine).square().mean() / spread;
    let lengths = (norm - teacher_norm.clone()).square().mean() / (teacher_norm.square().mean() + 1e-3);
    angles + lengths
}

/// Cosines between the Gram matrices of a batch `[n, n]`, and the logarithms of their norms less the mean `[n, 1]`.
fn kinship(features: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
    let [n, c, _, _] = features.dims();
    let flat = losses::gram(features).reshape([n, c * c]); // [n, c * c]
    let norm = (flat.clone().square().sum_dim(1) + 1e-8).sqrt(); // [n, 1]
    let unit = flat / norm.clone(); // [n, c * c]
    let log = norm.log(); // [n, 1]
    (unit.clone().matmul(unit.transpose()), log.clone() - log.mean_dim(0))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::rng;
    use crate::tensor::scalar;

    #[test]
    fn scaled_and_turned_features_relate_alike() {
        let device = Device::flex();
        let draw = |name: &str, shape: [usize; 4]| {
            let values = rng::normal(&mut rng::stream(1, name, 0), shape.iter().product());
            Tensor::<4>::from_data(TensorData::new(values, shape), &device)
        };
        let x = draw("x", [3, 4, 6, 6]);
        // Reversed channels are a rotation; a common factor drops out of centred log norms.
        let turned = x.clone().flip([1]) * 3.0;
        assert!(scalar(relation(turned, x.clone())) < 1e-4);
        assert!(scalar(relation(draw("y", [3, 4, 6, 6]), x)) > 0.1);
    }
}
