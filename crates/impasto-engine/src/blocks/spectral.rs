//! Spectral normalisation (Miyato et al. 2018).

use burn::tensor::{Tensor, TensorData};

use crate::rng;

/// Squarings of the weights' products: each doubles the steps of a power iteration, of which this makes 256.
const SQUARINGS: usize = 8;

/// The largest singular value of `weight` `[rows, columns]`, `[1]`. For gradients its singular vectors are constants.
///
/// Nothing is remembered from call to call, unlike in the usual power iteration of one step: that state would make a
/// discriminator's judgement depend on how often it was asked.
pub fn largest_singular_value(weight: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = weight.dims();
    // The products of the shorter side have the same singular values squared.
    let weight = if rows > columns { weight.transpose() } else { weight }; // [r, c], r <= c
    let r = rows.min(columns);
    let constant = weight.clone().detach();
    let (device, dtype) = (constant.device(), constant.dtype());
    let eye = Tensor::<2>::eye(r, &device).cast(dtype);
    // A trace of 1 keeps powers within the range of numbers; of weights that are all zero any direction is right.
    let unit = |g: Tensor<2>| {
        let trace = (g.clone() * eye.clone()).sum().clamp_min(f32::MIN_POSITIVE);
        g / trace.unsqueeze()
    };
    let mut powers = unit(constant.clone().matmul(constant.transpose())); // [r, r]
    for _ in 0..SQUARINGS {
        powers = unit(powers.clone().matmul(powers)); // [r, r]
    }
    let start = TensorData::new(rng::normal(&mut rng::stream(0, "spectral", 0), r), [r, 1]);
    let u = powers.matmul(Tensor::<2>::from_data(start, &device).cast(dtype)); // [r, 1]
    let u = u.clone() / u.square().sum().sqrt().clamp_min(f32::MIN_POSITIVE).unsqueeze(); // [r, 1]
    u.transpose().matmul(weight).square().sum().sqrt() // [1]
}

/// `weight` divided by its largest singular value.
pub(crate) fn normalised(weight: Tensor<2>) -> Tensor<2> {
    let largest = largest_singular_value(weight.clone()).clamp_min(1e-12);
    weight / largest.unsqueeze()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use faer::Mat;

    use super::*;
    use crate::tensor::values;

    #[test]
    fn the_largest_singular_value_becomes_one() {
        for [rows, columns] in [[1, 9], [7, 5], [16, 144], [64, 64]] {
            let draws = rng::normal(&mut rng::stream(1, "weights", 0), rows * columns);
            let weight = Tensor::<2>::from_data(TensorData::new(draws, [rows, columns]), &Device::flex());
            let result = values(normalised(weight));
            let matrix = Mat::from_fn(rows, columns, |i, j| f64::from(result[i * columns + j]));
            let largest = matrix.singular_values().unwrap()[0];
            assert!((largest - 1.0).abs() < 5e-3, "{rows}x{columns}: {largest}");
        }
        let nothing = values(normalised(Tensor::<2>::zeros([3, 4], &Device::flex())));
        assert!(nothing.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn its_gradient_is_the_outer_product_of_the_singular_vectors() {
        let device = Device::flex().autodiff();
        let draws = rng::normal(&mut rng::stream(2, "weights", 0), 12);
        let at = |values: Vec<f32>, device: &Device| Tensor::<2>::from_data(TensorData::new(values, [3, 4]), device);
        let weight = at(draws.clone(), &device).require_grad();
        let slope = values(weight.grad(&largest_singular_value(weight.clone()).backward()).unwrap());
        for (i, slope) in slope.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut draws = draws.clone();
                draws[i] += by;
                values(largest_singular_value(at(draws, &Device::flex())))[0]
            };
            let measured = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - measured).abs() < 5e-3, "{i}: {slope} {measured}");
        }
    }
}
