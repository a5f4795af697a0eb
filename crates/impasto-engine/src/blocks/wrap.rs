//! Maps that go on where they began.

use burn::tensor::Tensor;

/// `x` `[n, c, h, w]` with `margin` rows and columns of the opposite side before and behind: `[n, c, h + 2 * margin[0], w +
/// 2 * margin[1]]`. Margins are at most the sides.
pub fn continued(x: Tensor<4>, margin: [usize; 2]) -> Tensor<4> {
    margin.into_iter().enumerate().fold(x, |x, (axis, margin)| {
        if margin == 0 {
            return x;
        }
        let (dim, side) = (axis + 2, x.dims()[axis + 2]);
        let part = |from: usize| x.clone().narrow(dim, from, margin);
        Tensor::cat(vec![part(side - margin), x.clone(), part(0)], dim)
    })
}

/// What `f` makes of `x` `[n, c, h, w]` where `x` goes on for ever as copies of itself: `f` sees it continued by `margin`,
/// multiplies its sides by `scale`, and what it makes of the margin is cut off.
pub fn wrapped(x: Tensor<4>, margin: [usize; 2], scale: usize, f: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let y = f(continued(x, margin)); // [n, c', (h + 2m) * scale, (w + 2m) * scale]
    y.narrow(2, margin[0] * scale, h * scale).narrow(3, margin[1] * scale, w * scale) // [n, c', h * scale, w * scale]
}

/// `f(x)`, [`wrapped`] with a margin of one where `wrap` is set.
pub(crate) fn bordered(x: Tensor<4>, wrap: bool, scale: usize, f: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    if wrap { wrapped(x, [1; 2], scale, f) } else { f(x) }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::blocks::{ConvConfig, PadMode};
    use crate::rng;
    use crate::tensor::values;

    #[test]
    fn what_is_shifted_around_gives_what_is_shifted_around() {
        let device = Device::flex();
        let (h, w) = (5, 6);
        let draws = rng::normal(&mut rng::stream(1, "map", 0), 2 * 3 * h * w);
        let x = Tensor::<4>::from_data(TensorData::new(draws, [2, 3, h, w]), &device);
        // Around by two rows and one column, or by the same at a larger scale.
        let around = |x: Tensor<4>, scale: usize| x.roll(&[2 * scale as i64, scale as i64], &[2, 3]);
        for (kernel, mode) in [(3, PadMode::Zero), (3, PadMode::Reflect), (5, PadMode::Zero), (1, PadMode::Zero)] {
            for config in [ConvConfig::same(3, 4, kernel), ConvConfig::same(3, 4, kernel).upsampled()] {
                let conv = config.pad_mode(mode).init(1, "conv", &device);
                let run = |x: Tensor<4>| conv.forward_bordered(x, 0.2, true);
                let scale = config.spec.upsample;
                assert_eq!(run(x.clone()).dims(), [2, 4, h * scale, w * scale]);
                let (got, expected) = (values(run(around(x.clone(), 1))), values(around(run(x.clone()), scale)));
                let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-5, "{config:?}: {worst}");
            }
        }
    }
}
