//! Kernels against their composition from burn's own operations, values and gradients, over many geometries.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{
    Affine, ConvSpec, PadMode, Pool3, affine_sum, composed, covariances, fused_conv2d, kernels, moments, pool3,
};
use crate::rng;
use crate::tensor::values;

/// Relative L2 error above which two results count as different.
const TOLERANCE: f64 = 2e-5;

fn random<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let draws = rng::normal(&mut rng::stream(3, name, 0), shape.iter().product());
    Tensor::from_data(TensorData::new(draws, shape), device).require_grad()
}

fn close<const D: usize>(what: &str, got: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(got.dims(), expected.dims(), "{what}");
    let (got, expected) = (values(got), values(expected));
    let error: f64 = got.iter().zip(&expected).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let norm: f64 = expected.iter().map(|b| f64::from(*b).powi(2)).sum();
    assert!((error / norm.max(1e-12)).sqrt() < TOLERANCE, "{what}: {error} of {norm}");
}

/// Compares values and the gradients of `inputs` under a random linear functional of the output.
fn compare<const D: usize, const O: usize>(
    what: &str,
    inputs: &[Tensor<D>],
    kernel: impl Fn() -> Tensor<O>,
    composed: impl Fn() -> Tensor<O>,
) {
    let (got, expected) = (kernel(), composed());
    close(what, got.clone().inner(), expected.clone().inner());
    let weights = random("functional", got.dims(), &got.device()).detach();
    let (got, expected) = ((got * weights.clone()).sum().backward(), (expected * weights).sum().backward());
    for (i, input) in inputs.iter().enumerate() {
        let grad = |grads| input.grad(grads).expect("every input takes part");
        close(&format!("{what}, gradient {i}"), grad(&got), grad(&expected));
    }
}

#[test]
fn convolutions_agree() {
    let device = Device::flex().autodiff();
    let zero = PadMode::Zero;
    let plain = ConvSpec::default();
    // (channels in, out, kernel, height, width, geometry)
    let cases = [
        (3, 5, 3, 9, 11, ConvSpec { padding: [1; 2], ..plain }),
        (4, 6, 3, 8, 7, ConvSpec { padding: [1; 2], stride: 2, ..plain }),
        (4, 2, 3, 6, 5, ConvSpec { padding: [1; 2], upsample: 2, ..plain }),
        (3, 16, 9, 12, 13, ConvSpec { padding: [4; 2], ..plain }),
        (16, 3, 5, 9, 9, ConvSpec { padding: [2; 2], ..plain }),
        (6, 6, 3, 7, 9, ConvSpec { padding: [1; 2], groups: 6, ..plain }),
        (6, 4, 3, 7, 9, ConvSpec { padding: [1; 2], groups: 2, pad_mode: zero, ..plain }),
        (5, 7, 1, 6, 6, plain),
    ];
    let square = cases.map(|(cin, cout, kernel, h, w, spec)| (cin, cout, [kernel; 2], h, w, spec));
    let flat = [
        (6, 8, [1, 7], 9, 11, ConvSpec { padding: [0, 3], pad_mode: zero, ..plain }),
        (6, 8, [7, 1], 9, 11, ConvSpec { padding: [3, 0], ..plain }),
    ];
    for (cin, cout, [kh, kw], h, w, spec) in square.into_iter().chain(flat) {
        let x = random("x", [2, cin, h, w], &device);
        let weight = random("w", [cout, cin / spec.groups, kh, kw], &device);
        let bias = random("b", [cout], &device);
        let arguments = || (x.clone(), weight.clone(), bias.clone());
        for slope in [1.0, 0.0, 0.2] {
            let run = |f: fn(Tensor<4>, Tensor<4>, Tensor<1>, ConvSpec, f32) -> Tensor<4>| {
                let (x, weight, bias) = arguments();
                f(x, weight, bias, spec, slope)
            };
            let what = format!("{spec:?}, slope {slope}");
            compare(&what, &[x.clone(), weight.clone()], || run(kernels::conv2d), || run(composed::conv2d));
            compare(&what, std::slice::from_ref(&bias), || run(kernels::conv2d), || run(composed::conv2d));
        }
    }
}

#[test]
fn normalisation_agrees() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 3, 7, 9], &device);
    let (gain, shift) = (random("gain", [2, 3], &device), random("shift", [2, 3], &device));
    let run =
        |f: fn(Tensor<4>, Tensor<2>, Tensor<2>, f32) -> Tensor<4>| f(x.clone(), gain.clone(), shift.clone(), 1e-5);
    let (kernel, composed) = (|| run(kernels::modulated_norm), || run(composed::modulated_norm));
    compare("x", std::slice::from_ref(&x), kernel, composed);
    compare("gain and shift", &[gain.clone(), shift.clone()], kernel, composed);
}

#[test]
fn moments_rectifiers_and_pooling_agree() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 3, 7, 9], &device);
    let inputs = [x.clone()];
    for i in 0..2 {
        let part = |moments: [Tensor<2>; 3]| moments[i].clone();
        compare(
            "moments",
            &inputs,
            || part(kernels::channel_moments(x.clone(), 1e-5)),
            || part(composed::channel_moments(x.clone(), 1e-5)),
        );
    }
    let third = |moments: [Tensor<2>; 3]| moments[2].clone().inner();
    close("third", third(kernels::channel_moments(x.clone(), 1e-5)), third(composed::channel_moments(x.clone(), 1e-5)));
    for slope in [0.0, 0.2] {
        let (a, b) = (|| kernels::leaky_relu(x.clone(), slope), || composed::leaky_relu(x.clone(), slope));
        compare("rectifier", &inputs, a, b);
    }
    compare("pooling", &inputs, || kernels::max_pool2(x.clone()), || composed::max_pool2(x.clone()));
}

#[test]
fn enlarging_agrees() {
    let device = Device::flex().autodiff();
    for (h, w) in [(1, 1), (2, 5), (7, 4)] {
        let x = random("x", [2, 3, h, w], &device);
        let (kernel, composed) =
            (|| kernels::upsample_bilinear2(x.clone()), || composed::upsample_bilinear2(x.clone()));
        compare(&format!("{h}x{w}"), std::slice::from_ref(&x), kernel, composed);
    }
}

/// What is fused where no gradients are wanted, against its parts.
#[test]
fn fused_operations_agree() {
    let device = Device::flex().autodiff();
    let plain = |name: &str, shape: [usize; 4]| random(name, shape, &device).inner();
    let affine = |name: &str, slope: f32| {
        let [mean, scale, shift] =
            ["mean", "scale", "shift"].map(|part| random(&format!("{name} {part}"), [2, 24], &device).inner());
        Affine { mean, scale, shift, slope }
    };
    let x = plain("x", [2, 24, 17, 19]);
    let (weight, bias) = (plain("w", [24, 24, 3, 3]), random("b", [24], &device).inner());
    let residual = plain("residual", [2, 24, 17, 19]);
    let spec = ConvSpec { padding: [1; 2], ..ConvSpec::default() };
    for (with_affine, with_residual, slope) in [(true, true, 0.0), (true, false, 1.0), (false, true, 0.3)] {
        let first = with_affine.then(|| affine("first", 0.2));
        let other = with_residual.then(|| residual.clone());
        let got = fused_conv2d(x.clone(), first.clone(), weight.clone(), bias.clone(), other.clone(), spec, slope);
        let changed = first.map_or_else(|| x.clone(), |first| composed::affine_sum(x.clone(), first, None));
        let y = composed::conv2d(changed, weight.clone(), bias.clone(), spec, 1.0);
        let y = other.map_or_else(|| y.clone(), |other| y.clone() + other);
        close(&format!("{with_affine} {with_residual} {slope}"), got, composed::rectified(y, slope));
    }
    let second = || Some((residual.clone(), Some(affine("second", 1.0))));
    for (what, other) in [("alone", None), ("plain", Some((residual.clone(), None))), ("both", second())] {
        let first = affine("first", 0.0);
        close(what, affine_sum(x.clone(), first.clone(), other.clone()), composed::affine_sum(x.clone(), first, other));
    }
    let [mean, deviation] = moments(x.clone(), 1e-5);
    let [expected_mean, expected_deviation, _] = composed::channel_moments(x.clone(), 1e-5);
    close("mean", mean.clone(), expected_mean);
    close("deviation", deviation, expected_deviation);
    let centred = (x.clone() - mean.clone().reshape([2, 24, 1, 1])).reshape([2, 24, 17 * 19]);
    let expected = centred.clone().matmul(centred.swap_dims(1, 2)) / (17 * 19) as f32;
    close("covariances", covariances(x.clone(), mean.clone()), expected.clone());
    // In f64, which the kernels do not compute in, the same from burn's operations.
    let wide = covariances(x.cast(DType::F64), mean.cast(DType::F64));
    close("covariances in f64", wide.cast(DType::F32), expected);
}

#[test]
fn three_by_three_pooling_agrees() {
    let device = Device::flex();
    for (h, w) in [(7, 9), (8, 6)] {
        let x = Tensor::<4>::from_data(
            TensorData::new(rng::normal(&mut rng::stream(3, "pooled", 0), 2 * 3 * h * w), [2, 3, h, w]),
            &device,
        );
        for pool in [Pool3::MaxHalf, Pool3::MaxHalfBeyond, Pool3::MaxAround, Pool3::MeanAround] {
            close(&format!("{pool:?} {h}x{w}"), pool3(x.clone(), pool), composed::pool3(x.clone(), pool));
        }
    }
}
