//! Kernels against their composition from burn's own operations, values and gradients, over many geometries.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{
    Affine, ConvSpec, Layer, Norm, Packs, PadMode, Pool3, affine_sum, composed, conv2d, covariances, fused_conv2d,
    kernels, moments, pool3,
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
        // The filters are kept from the second comparison on.
        let layer = Layer { spec, packs: Some(Packs::default()) };
        for slope in [1.0, 0.0, 0.2] {
            let kernel = || {
                let (x, weight, bias) = arguments();
                kernels::conv2d(x, weight, bias, layer.clone(), slope)
            };
            let composed = || {
                let (x, weight, bias) = arguments();
                composed::conv2d(x, weight, bias, spec, slope)
            };
            let what = format!("{spec:?}, slope {slope}");
            compare(&what, &[x.clone(), weight.clone()], kernel, composed);
            compare(&what, std::slice::from_ref(&bias), kernel, composed);
        }
    }
}

/// Filters that are kept change no bit, are shared by copies of a layer and are not those of other weights.
#[test]
fn what_a_layer_keeps_does_not_change_its_results() {
    let device = Device::flex().autodiff();
    let spec = ConvSpec { padding: [1; 2], ..ConvSpec::default() };
    let x = random("x", [1, 24, 40, 40], &device).require_grad();
    let (first, second) = (random("w1", [24, 24, 3, 3], &device), random("w2", [24, 24, 3, 3], &device));
    let bias = random("b", [24], &device);
    let layer = Layer { spec, packs: Some(Packs::default()) };
    let bits = |weight: &Tensor<4>, layer: Layer| {
        let y = conv2d(x.clone(), weight.clone(), bias.clone(), layer, 0.2);
        let grads = y.clone().sum().backward();
        let both = [y.inner(), x.grad(&grads).unwrap()].map(values);
        both.map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
    };
    let [expected, other] = [&first, &second].map(|weight| bits(weight, spec.into()));
    assert!(expected != other);
    for round in 0..4 {
        assert!(bits(&first, layer.clone()) == expected, "{round}");
        assert!(bits(&second, layer.clone()) == other, "{round}");
    }
}

#[test]
fn adjoints_agree() {
    let device = Device::flex().autodiff();
    let zero = ConvSpec { pad_mode: PadMode::Zero, ..ConvSpec::default() };
    for (cin, cout, kernel, size, spec) in [
        (3, 5, 3, [9, 8], ConvSpec { padding: [1; 2], ..zero }),
        (3, 5, 3, [9, 8], ConvSpec { padding: [1; 2], stride: 2, ..zero }),
        (4, 6, 4, [8, 12], ConvSpec { padding: [1; 2], stride: 2, ..zero }),
        (6, 4, 3, [7, 9], ConvSpec { padding: [1; 2], groups: 2, ..zero }),
        (5, 7, 1, [6, 6], zero),
    ] {
        let weight = random("w", [cout, cin / spec.groups, kernel, kernel], &device);
        let results = |side: usize| (side + 2 * spec.padding[0] - kernel) / spec.stride + 1;
        let dy = random("dy", [2, cout, results(size[0]), results(size[1])], &device);
        let kernel = || kernels::conv2d_adjoint(dy.clone(), weight.clone(), size, spec.into());
        let composed = || composed::conv2d_adjoint(dy.clone(), weight.clone(), size, spec);
        compare(&format!("{spec:?}"), &[dy.clone(), weight.clone()], kernel, composed);
        // What makes it the adjoint: <conv(x), dy> = <x, adjoint(dy)>.
        let x = random("x", [2, cin, size[0], size[1]], &device);
        let y = composed::conv2d(x.clone(), weight.clone(), Tensor::zeros([cout], &device), spec, 1.0);
        let products = [(y * dy.clone()).sum(), (x * kernel()).sum()].map(|sum| values(sum.inner())[0]);
        assert!((products[0] - products[1]).abs() < 1e-3 * products[0].abs().max(1.0), "{products:?}");
    }
}

#[test]
fn normalisation_agrees() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 3, 7, 9], &device);
    let residual = random("residual", [2, 3, 7, 9], &device);
    let (gain, shift) = (random("gain", [2, 3], &device), random("shift", [2, 3], &device));
    for (slope, sum) in [(1.0, false), (0.0, false), (0.2, true), (1.0, true)] {
        let run = |f: fn(Tensor<4>, Norm, Option<Tensor<4>>) -> Tensor<4>| {
            let norm = Norm { gain: gain.clone(), shift: shift.clone(), eps: 1e-5, slope };
            f(x.clone(), norm, sum.then(|| residual.clone()))
        };
        let (kernel, composed) = (|| run(kernels::normalised), || run(composed::normalised));
        let what = format!("slope {slope}, sum {sum}");
        let maps = [x.clone(), residual.clone()];
        compare(&what, &maps[..1 + usize::from(sum)], kernel, composed);
        compare(&what, &[gain.clone(), shift.clone()], kernel, composed);
    }
}

/// The hand-written gradients along random directions against central differences.
#[test]
fn gradients_are_finite_differences() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 6, 8, 7], &device);
    let weights = |y: &Tensor<4>| random("functional", y.dims(), &device).detach();
    let norm = |slope: f32| {
        let [gain, shift] = ["gain", "shift"].map(|name| random::<2>(name, [2, 6], &device).detach());
        Norm { gain, shift, eps: 1e-5, slope }
    };
    // The rectifier's corners are few among many values, and a slope of three quarters keeps them small.
    type Function<'a> = &'a dyn Fn(Tensor<4>) -> Tensor<4>;
    let cases: [(&str, Function<'_>, f32); 7] = [
        ("normalised", &|x| kernels::normalised(x.clone(), norm(1.0), Some(x)), 1e-3),
        ("rectified", &|x| kernels::normalised(x.clone(), norm(0.75), Some(x)), 1e-2),
        ("gated", &kernels::gated, 1e-3),
        ("softmax", &kernels::channel_softmax, 1e-3),
        ("scaled", &|x| kernels::scaled(x.clone(), kernels::channel_moments(x, 1e-5)[1].clone()), 1e-3),
        ("pooled", &kernels::avg_pool2, 1e-3),
        ("products", &|x| kernels::mixed(x.clone(), kernels::products(x)), 1e-3),
    ];
    for (name, function, tolerance) in cases {
        let y = function(x.clone());
        let slope = x.grad(&(y.clone() * weights(&y)).sum().backward()).expect("x takes part");
        let direction = random("direction", x.dims(), &device).inner();
        // What a random direction gives, whatever this one happens to.
        let scale = values(slope.clone().square().sum().sqrt())[0];
        let predicted = values((slope * direction.clone()).sum())[0];
        let h = 3e-3;
        let at = |by: f32| {
            let y = function(Tensor::from_inner(x.clone().inner() + direction.clone() * by));
            let products = values((y.clone() * weights(&y)).inner()).into_iter().map(f64::from);
            products.sum::<f64>()
        };
        let measured = ((at(h) - at(-h)) / f64::from(2.0 * h)) as f32;
        assert!((predicted - measured).abs() < tolerance * scale, "{name}: {predicted} {measured}");
    }
}

/// A gradient that several operations want is not overwritten by the first.
#[test]
fn shared_gradients_are_kept() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 3, 8, 9], &device);
    let ones = Tensor::<2>::ones([2, 3], &device);
    let run = |norm: fn(Tensor<4>, Norm, Option<Tensor<4>>) -> Tensor<4>,
               leaky: fn(Tensor<4>, f32) -> Tensor<4>,
               pool: fn(Tensor<4>) -> Tensor<4>| {
        let form = Norm { gain: ones.clone(), shift: ones.clone() * 0.1, eps: 1e-5, slope: 0.0 };
        let y = norm(x.clone() * 2.0, form.clone(), Some(x.clone()));
        let z = norm(leaky(y.clone(), 0.3) + leaky(x.clone(), 0.5), form, Some(y.clone()));
        pool(z.clone() + y) + pool(z)
    };
    let (kernel, composed) = (
        || run(kernels::normalised, kernels::leaky_relu, kernels::avg_pool2),
        || run(composed::normalised, composed::leaky_relu, composed::avg_pool2),
    );
    compare("chain", std::slice::from_ref(&x), kernel, composed);
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
    compare("mean pooling", &inputs, || kernels::avg_pool2(x.clone()), || composed::avg_pool2(x.clone()));
}

#[test]
fn products_agree() {
    let device = Device::flex().autodiff();
    for c in [1, 6, 40] {
        let x = random("x", [2, c, 7, 9], &device);
        let (kernel, composed) = (|| kernels::products(x.clone()), || composed::products(x.clone()));
        compare("products", std::slice::from_ref(&x), kernel, composed);
        let matrices = random("matrices", [2, 5, c], &device);
        let (kernel, composed) =
            (|| kernels::mixed(x.clone(), matrices.clone()), || composed::mixed(x.clone(), matrices.clone()));
        compare("mixed", std::slice::from_ref(&x), kernel, composed);
        compare("mixed", std::slice::from_ref(&matrices), kernel, composed);
    }
}

#[test]
fn squared_differences_agree() {
    let device = Device::flex().autodiff();
    let (a, b) = (random("a", [2, 3, 70, 90], &device), random("b", [2, 3, 70, 90], &device));
    let (kernel, composed) = (
        || kernels::mean_squared_difference(a.clone(), b.clone()) * 3.0,
        || composed::mean_squared_difference(a.clone(), b.clone()) * 3.0,
    );
    compare("squared differences", &[a.clone(), b.clone()], kernel, composed);
}

#[test]
fn gates_agree() {
    let device = Device::flex().autodiff();
    let x = random("x", [2, 6, 7, 9], &device);
    let (kernel, composed) = (|| kernels::gated(x.clone()), || composed::gated(x.clone()));
    compare("gated", std::slice::from_ref(&x), kernel, composed);
    let (kernel, composed) = (|| kernels::channel_softmax(x.clone()), || composed::channel_softmax(x.clone()));
    compare("softmax", std::slice::from_ref(&x), kernel, composed);
    let factors = random("factors", [2, 6], &device);
    let (kernel, composed) =
        (|| kernels::scaled(x.clone(), factors.clone()), || composed::scaled(x.clone(), factors.clone()));
    compare("scaled", std::slice::from_ref(&x), kernel, composed);
    compare("scaled", std::slice::from_ref(&factors), kernel, composed);
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
        let got =
            fused_conv2d(x.clone(), first.clone(), weight.clone(), bias.clone(), other.clone(), spec.into(), slope);
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
