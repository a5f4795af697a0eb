//! What keeps optimised noise noise (Karras et al. 2020, appendix D).

use burn::tensor::Tensor;

use crate::blocks::avg_pool2;

/// Maps with a smaller side are not halved further.
const LEAST: usize = 8;

/// How much a map `[1, 1, h, w]` is like itself moved by one place, at all sizes: the sum of squared means of products
/// with its right and lower neighbours (the map goes on where it began), `[1]`. 0 for noise without end.
pub(super) fn likeness(map: Tensor<4>) -> Tensor<1> {
    let mut sum = neighbours(&map);
    let mut map = map;
    while map.dims()[2].min(map.dims()[3]) > LEAST {
        map = avg_pool2(map) * 2.0; // [1, 1, h / 2, w / 2], of the same deviation
        sum = sum + neighbours(&map);
    }
    sum
}

fn neighbours(map: &Tensor<4>) -> Tensor<1> {
    let along = |dim: usize| (map.clone() * rolled(map, dim)).mean().square();
    along(2) + along(3)
}

/// The map moved by one place along `dim`, its end in front.
fn rolled(map: &Tensor<4>, dim: usize) -> Tensor<4> {
    let length = map.dims()[dim];
    let (last, rest) = (map.clone().narrow(dim, length - 1, 1), map.clone().narrow(dim, 0, length - 1));
    Tensor::cat(vec![last, rest], dim)
}

/// The map with mean 0 and deviation 1.
pub(super) fn normalised(map: Tensor<4>) -> Tensor<4> {
    let centred = map.clone() - map.mean().reshape([1, 1, 1, 1]);
    let deviation = (centred.clone().square().mean() + 1e-12).sqrt();
    centred / deviation.reshape([1, 1, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{self, DeviceSpec};
    use crate::rng;
    use crate::tensor::{from_planes, scalar};

    #[test]
    fn smooth_maps_are_unlike_noise() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let noise = rng::normal(&mut rng::stream(1, "likeness", 0), 32 * 32);
        let smooth: Vec<f32> = (0..32 * 32).map(|i| ((i % 32) as f32 * 0.2).sin()).collect();
        let of = |values: &[f32]| scalar(likeness(normalised(from_planes(values.to_vec(), [1, 1, 32, 32], &device))));
        assert!(of(&noise) < 0.1 && of(&smooth) > 1.0, "{} {}", of(&noise), of(&smooth));
        let one = normalised(from_planes(smooth, [1, 1, 32, 32], &device));
        assert!(scalar(one.clone().mean()).abs() < 1e-5 && (scalar(one.square().mean()) - 1.0).abs() < 1e-4);
    }
}
