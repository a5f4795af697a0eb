//! What tells a discriminator that pictures are all alike.

use burn::tensor::Tensor;

/// Pictures whose spread is measured together.
const GROUP: usize = 4;

/// `x` `[n, c, h, w]` and one more channel, `[n, c + 1, h, w]`: the mean over channels and positions of the standard
/// deviation over a group of pictures (Karras et al. 2018). Groups are of 4, or of fewer where 4 does not divide the batch;
/// a picture alone has none.
pub fn with_spread(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let group = (1..=GROUP).rev().find(|size| n.is_multiple_of(*size)).unwrap_or(1);
    let groups = x.clone().reshape([group, n / group, c * h * w]); // [group, n / group, chw]
    let mean = groups.clone().mean_dim(0); // [1, n / group, chw]
    let variance = (groups - mean).square().mean_dim(0); // [1, n / group, chw]
    // The rest keeps the root's slope finite where pictures are equal.
    let spread = (variance + 1e-8).sqrt().mean_dim(2); // [1, n / group, 1]
    let plane = spread.repeat_dim(0, group).reshape([n, 1, 1, 1]).repeat_dim(2, h).repeat_dim(3, w); // [n, 1, h, w]
    Tensor::cat(vec![x, plane], 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::rng;
    use crate::tensor::values;

    #[test]
    fn the_channel_is_the_deviation_over_the_group() {
        for (n, group) in [(1, 1), (2, 2), (3, 3), (5, 1), (8, 4)] {
            let draws = rng::normal(&mut rng::stream(1, "maps", 0), n * 12);
            let x = Tensor::<4>::from_data(TensorData::new(draws.clone(), [n, 3, 2, 2]), &Device::flex());
            let got = values(with_spread(x));
            for i in 0..n {
                // Pictures of a group are n / group apart.
                let others: Vec<usize> = (0..n).filter(|j| j % (n / group) == i % (n / group)).collect();
                let deviation = |at: usize| {
                    let values: Vec<f32> = others.iter().map(|j| draws[j * 12 + at]).collect();
                    let mean = values.iter().sum::<f32>() / group as f32;
                    (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / group as f32 + 1e-8).sqrt()
                };
                let expected = (0..12).map(deviation).sum::<f32>() / 12.0;
                let plane = &got[i * 16 + 12..(i + 1) * 16];
                assert!(plane.iter().all(|v| (v - expected).abs() < 1e-5), "{n}: {plane:?} {expected}");
            }
        }
    }
}
