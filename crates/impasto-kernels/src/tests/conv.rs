//! Convolution and its gradients.

use super::{Random, assert_close, base, dot, reference};
use crate::dispatch::Isa;
use crate::forward::{conv2d_fused_on, conv2d_on};
use crate::input_grad::conv2d_input_grad_on;
use crate::weight_grad::conv2d_weight_grad_on;
use crate::{
    Affine, Conv2d, Fused, Method, Packed, PadMode, Purpose, Weights, conv2d, conv2d_bias_grad, conv2d_fused,
    conv2d_input_grad, conv2d_weight_grad,
};
use crate::{affine_sum, channel_products, channel_products_grad, winograd};

/// Relative error of forward convolutions and gradients, by method.
fn limit(shape: &Conv2d) -> f64 {
    match shape.method {
        Method::Auto | Method::WinogradFour => 5e-6,
        // Parts of larger filters go by F(3, 3), those of stride 2 by F(4, 2).
        Method::WinogradTwo if winograd::in_parts(shape) || winograd::quartered(shape) => 5e-6,
        Method::WinogradTwo | Method::Direct => 1e-6,
    }
}

const METHODS: [Method; 4] = [Method::Auto, Method::WinogradFour, Method::WinogradTwo, Method::Direct];

fn random_shape(random: &mut Random) -> Conv2d {
    loop {
        let groups = [1, 1, 1, 2, 3, 5][random.range(0, 5)];
        let per_group = |random: &mut Random| {
            if groups > 1 { random.range(1, 4) } else { random.range(1, 20) }
        };
        let shape = Conv2d {
            batch: random.range(1, 3),
            channels_in: groups * per_group(random),
            height: random.range(1, 24),
            width: random.range(1, 40),
            channels_out: groups * per_group(random),
            kernel: [random.range(1, 9), random.range(1, 9)],
            stride: [random.range(1, 3), random.range(1, 3)],
            padding: [random.range(0, 5), random.range(0, 5)],
            pad_mode: if random.range(0, 1) == 0 { PadMode::Zero } else { PadMode::Reflect },
            groups,
            upsample: random.range(1, 2),
            method: METHODS[random.range(0, 3)],
        };
        if shape.validate().is_ok() && shape.macs() < 2_000_000 {
            return shape;
        }
    }
}

fn check(isa: Isa, shape: &Conv2d, random: &mut Random) {
    let what = |kernel: &str| format!("{kernel} on {isa:?}, {shape:?}");
    let x = random.values(shape.input_len());
    let w = random.values(shape.weight_len());
    let bias = random.values(shape.channels_out);
    let dy = random.values(shape.output_len());
    let bias = (random.range(0, 1) == 0).then_some(&bias[..]);

    let mut y = vec![f32::NAN; shape.output_len()];
    conv2d_on(isa, shape, &x, &w, bias, &mut y).unwrap();
    assert_close(&what("forward"), &y, &reference::forward(shape, &x, &w, bias), limit(shape));

    let mut dx = vec![f32::NAN; shape.input_len()];
    conv2d_input_grad_on(isa, shape, &dy, w[..].into(), &mut dx).unwrap();
    assert_close(&what("input gradient"), &dx, &reference::input_grad(shape, &dy, &w), limit(shape));

    let mut dw = vec![f32::NAN; shape.weight_len()];
    conv2d_weight_grad_on(isa, shape, &x, &dy, &mut dw).unwrap();
    assert_close(&what("weight gradient"), &dw, &reference::weight_grad(shape, &x, &dy), limit(shape));

    // <conv(x, w), dy> = <x, input_grad(dy, w)> = <w, weight_grad(x, dy)>.
    let mut linear = vec![0.0; shape.output_len()];
    conv2d_on(isa, shape, &x, &w, None, &mut linear).unwrap();
    let scale = (dot(&linear, &linear) * dot(&dy, &dy)).sqrt().max(1e-3);
    for adjoint in [dot(&x, &dx), dot(&w, &dw)] {
        let error = (dot(&linear, &dy) - adjoint).abs() / scale;
        assert!(error <= 1e-5, "{}: {error:e}", what("adjoint"));
    }
}

#[test]
fn random_shapes_match_the_reference() {
    for isa in Isa::available() {
        let mut random = Random::new(7);
        for _ in 0..150 {
            let shape = random_shape(&mut random);
            check(isa, &shape, &mut random);
        }
    }
}

#[test]
fn winograd_matches_the_reference() {
    for isa in Isa::available() {
        let mut random = Random::new(17);
        for index in 0..120 {
            let shape = loop {
                let shape = Conv2d {
                    batch: random.range(1, 5),
                    channels_in: random.range(1, 40),
                    height: random.range(1, 40),
                    width: random.range(1, 70),
                    channels_out: random.range(1, 40),
                    padding: [random.range(0, 2), random.range(0, 2)],
                    pad_mode: if random.range(0, 1) == 0 { PadMode::Zero } else { PadMode::Reflect },
                    upsample: random.range(1, 2),
                    method: METHODS[index % 3],
                    ..base()
                };
                if shape.validate().is_ok() && shape.macs() < 4_000_000 {
                    break shape;
                }
            };
            check(isa, &shape, &mut random);
        }
    }
}

#[test]
fn halving_by_four_by_four_matches_the_reference() {
    for isa in Isa::available() {
        let mut random = Random::new(43);
        let mut both = [0; 2];
        for index in 0..120 {
            let shape = loop {
                // Half of them as discriminators have them.
                let usual = index % 2 == 0;
                let shape = Conv2d {
                    batch: random.range(1, 6),
                    channels_in: random.range(1, 40),
                    height: random.range(1, 20) * 2 - usize::from(!usual && random.range(0, 1) == 0),
                    width: random.range(1, 40) * 2 - usize::from(!usual && random.range(0, 1) == 0),
                    channels_out: random.range(1, 40),
                    kernel: [4, 4],
                    stride: [2, 2],
                    padding: if usual { [1, 1] } else { [random.range(0, 3), random.range(0, 3)] },
                    pad_mode: if usual || random.range(0, 1) == 0 { PadMode::Zero } else { PadMode::Reflect },
                    method: METHODS[index % 3],
                    ..base()
                };
                if shape.validate().is_ok() && shape.macs() < 4_000_000 {
                    break shape;
                }
            };
            both[0] += usize::from(winograd::quartered(&shape));
            both[1] += usize::from(winograd::quadrupled(&shape));
            check(isa, &shape, &mut random);
        }
        assert!(both.iter().all(|&count| count >= 40), "{both:?}");
    }
}

/// `rectified(conv(affine(x)) + bias + residual)` by the reference and plain loops.
fn fused_reference(shape: &Conv2d, x: &[f32], w: &[f32], fused: &Fused<'_>) -> Vec<f64> {
    let rectified = |value: f64, slope: f32| if value < 0.0 { value * f64::from(slope) } else { value };
    let area = shape.height * shape.width;
    let affine = |(i, &x): (usize, &f32)| match &fused.input {
        Some(affine) => {
            let plane = i / area;
            let (mean, scale, shift) = (affine.mean[plane], affine.scale[plane], affine.shift[plane]);
            rectified((f64::from(x) - f64::from(mean)) * f64::from(scale) + f64::from(shift), affine.slope) as f32
        }
        None => x,
    };
    let x: Vec<f32> = x.iter().enumerate().map(affine).collect();
    let mut y = reference::forward(shape, &x, w, fused.bias);
    for (i, y) in y.iter_mut().enumerate() {
        *y = rectified(*y + fused.residual.map_or(0.0, |residual| f64::from(residual[i])), fused.slope);
    }
    y
}

#[test]
fn what_is_fused_matches_the_reference() {
    for isa in Isa::available() {
        let mut random = Random::new(23);
        for index in 0..120 {
            let mut shape = random_shape(&mut random);
            if index % 2 == 0 {
                shape = Conv2d { kernel: [3, 3], stride: [1, 1], padding: [1, 1], groups: 1, ..shape };
            }
            if shape.validate().is_err() {
                continue;
            }
            let planes = shape.batch * shape.channels_in;
            let (x, w) = (random.values(shape.input_len()), random.values(shape.weight_len()));
            let (bias, residual) = (random.values(shape.channels_out), random.values(shape.output_len()));
            let [mean, scale, shift] = [0; 3].map(|_| random.values(planes));
            let input = Affine { mean: &mean, scale: &scale, shift: &shift, slope: [0.0, 0.2, 1.0][index % 3] };
            let mut chosen = || random.range(0, 1) == 0;
            let fused = Fused {
                input: chosen().then_some(input),
                bias: chosen().then_some(&bias),
                residual: chosen().then_some(&residual),
                slope: [1.0, 0.0, 0.3][index / 3 % 3],
            };
            let mut y = vec![f32::NAN; shape.output_len()];
            conv2d_fused_on(isa, &shape, &x, w[..].into(), &fused, &mut y).unwrap();
            let expected = fused_reference(&shape, &x, &w, &fused);
            assert_close(&format!("{isa:?} {shape:?} {fused:?}"), &y, &expected, limit(&shape));
        }
    }
}

#[test]
fn filters_that_were_made_ready_give_the_same_bits() {
    for isa in Isa::available() {
        let mut random = Random::new(29);
        let mut kept = [0; 2];
        for index in 0..200 {
            let small = Conv2d { groups: 1, ..random_shape(&mut random) };
            let halving = Conv2d { kernel: [4, 4], stride: [2, 2], padding: [1, 1], pad_mode: PadMode::Zero, ..small };
            let plain = Conv2d { stride: [1, 1], ..small };
            let small = match index % 5 {
                0 | 1 => Conv2d { kernel: [3, 3], ..plain },
                2 => Conv2d { kernel: [5, 7], ..plain },
                3 => plain,
                _ => {
                    Conv2d { upsample: 1, height: small.height.next_multiple_of(2), width: 2 * small.width, ..halving }
                }
            };
            // Filters serve pictures of other sizes, too.
            let shape = Conv2d { height: 2 * small.height + 2, width: small.width + 6, ..small };
            if small.validate().is_err() || shape.validate().is_err() {
                continue;
            }
            let [x, w, dy] = [shape.input_len(), shape.weight_len(), shape.output_len()].map(|len| random.values(len));
            for (place, purpose) in [Purpose::Forward, Purpose::InputGrad].into_iter().enumerate() {
                let packed = Packed::new_on(isa, &small, purpose, &w).unwrap();
                kept[place] += usize::from(packed.as_ref().is_some_and(|packed| packed.suits(&shape, purpose)));
                // Filters for something else are not used.
                let weights = Weights { values: &w, packed: packed.as_ref() };
                let both = [Weights::from(&w[..]), weights].map(|w| {
                    let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
                    conv2d_fused_on(isa, &shape, &x, w, &Fused::default(), &mut y).unwrap();
                    conv2d_input_grad_on(isa, &shape, &dy, w, &mut dx).unwrap();
                    [y, dx].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
                });
                assert!(both[0] == both[1], "{isa:?} {purpose:?} {shape:?}");
            }
        }
        assert!(kept.iter().all(|&kept| kept > 20), "{kept:?}");
    }
}

#[test]
fn filters_of_a_wrong_length_are_not_made_ready() {
    let shape = Conv2d { method: Method::WinogradFour, ..base() };
    let w = vec![0.0; shape.weight_len()];
    assert!(Packed::new(&shape, Purpose::Forward, &w[1..]).is_err());
    assert!(Packed::new(&Conv2d { groups: 0, ..shape.clone() }, Purpose::Forward, &w).is_err());
    assert!(Packed::new(&Conv2d { method: Method::Direct, ..shape }, Purpose::Forward, &w).unwrap().is_none());
}

#[test]
fn wrong_extras_are_refused() {
    let shape = base();
    let (x, w) = (vec![0.0; shape.input_len()], vec![0.0; shape.weight_len()]);
    let mut y = vec![0.0; shape.output_len()];
    let short = [0.0; 2];
    let affine = Affine { mean: &short, scale: &short, shift: &short, slope: 1.0 };
    let wrong = [
        Fused { bias: Some(&short), ..Fused::default() },
        Fused { residual: Some(&short), ..Fused::default() },
        Fused { input: Some(affine), ..Fused::default() },
        Fused { slope: 1.5, ..Fused::default() },
        Fused { slope: f32::NAN, ..Fused::default() },
    ];
    for fused in wrong {
        assert!(conv2d_fused(&shape, &x, &w, &fused, &mut y).is_err(), "{fused:?}");
    }
}

#[test]
fn shapes_of_the_networks_match_the_reference() {
    let shapes = [
        Conv2d {
            channels_out: 16,
            kernel: [9, 9],
            padding: [4, 4],
            pad_mode: PadMode::Reflect,
            height: 37,
            width: 52,
            ..base()
        },
        Conv2d {
            channels_in: 16,
            channels_out: 3,
            kernel: [9, 9],
            padding: [4, 4],
            pad_mode: PadMode::Reflect,
            height: 21,
            width: 70,
            ..base()
        },
        Conv2d { channels_in: 16, channels_out: 32, stride: [2, 2], height: 40, width: 40, ..base() },
        Conv2d { channels_in: 64, channels_out: 64, height: 20, width: 20, pad_mode: PadMode::Reflect, ..base() },
        Conv2d { channels_in: 40, channels_out: 27, height: 20, width: 20, upsample: 2, batch: 2, ..base() },
        Conv2d {
            channels_in: 40,
            channels_out: 13,
            height: 13,
            width: 20,
            upsample: 2,
            pad_mode: PadMode::Reflect,
            ..base()
        },
        Conv2d { channels_in: 20, channels_out: 20, groups: 20, height: 40, width: 40, ..base() },
        Conv2d { channels_in: 64, channels_out: 256, kernel: [1, 1], padding: [0, 0], height: 16, width: 16, ..base() },
        Conv2d { channels_in: 3, channels_out: 8, height: 5, width: 700, ..base() },
        // Rows that are cut: with margins, stride, phases of the target.
        Conv2d {
            channels_in: 64,
            channels_out: 1,
            kernel: [9, 3],
            padding: [4, 1],
            pad_mode: PadMode::Reflect,
            height: 26,
            width: 231,
            method: Method::Direct,
            ..base()
        },
        Conv2d { channels_in: 64, channels_out: 2, height: 12, width: 463, stride: [2, 2], ..base() },
        Conv2d { channels_in: 160, channels_out: 1, height: 6, width: 230, upsample: 2, ..base() },
        // Filters in parts: a part that is not full, more rows than columns, several blocks.
        Conv2d { kernel: [7, 7], padding: [3, 3], channels_in: 9, height: 30, width: 100, batch: 2, ..base() },
        Conv2d { kernel: [9, 5], padding: [0, 1], channels_out: 19, height: 29, width: 31, batch: 3, ..base() },
        Conv2d { kernel: [5, 5], padding: [2, 2], channels_in: 40, height: 20, width: 160, ..base() },
        Conv2d {
            channels_in: 2,
            channels_out: 3,
            kernel: [2, 1],
            stride: [3, 4],
            padding: [2, 1],
            height: 50,
            width: 50,
            ..base()
        },
    ];
    for isa in Isa::available() {
        let mut random = Random::new(11);
        for shape in &shapes {
            check(isa, shape, &mut random);
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let shapes = [
        Conv2d {
            batch: 3,
            channels_in: 24,
            channels_out: 40,
            height: 40,
            width: 40,
            pad_mode: PadMode::Reflect,
            ..base()
        },
        Conv2d { batch: 1, channels_in: 35, channels_out: 70, height: 20, width: 20, stride: [2, 2], ..base() },
        Conv2d { batch: 2, channels_in: 16, channels_out: 16, height: 30, width: 30, upsample: 2, ..base() },
        Conv2d { batch: 2, channels_in: 64, channels_out: 64, height: 40, width: 40, groups: 64, ..base() },
        Conv2d { batch: 1, channels_in: 200, channels_out: 200, height: 6, width: 6, ..base() },
        Conv2d { kernel: [9, 9], padding: [4, 4], channels_out: 16, height: 60, width: 90, ..base() },
    ];
    let mut random = Random::new(3);
    for shape in &shapes {
        let x = random.values(shape.input_len());
        let w = random.values(shape.weight_len());
        let dy = random.values(shape.output_len());
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut y = vec![0.0; shape.output_len()];
                let mut dx = vec![0.0; shape.input_len()];
                let mut dw = vec![0.0; shape.weight_len()];
                let mut db = vec![0.0; shape.channels_out];
                conv2d(shape, &x, &w, None, &mut y).unwrap();
                conv2d_input_grad(shape, &dy, &w, &mut dx).unwrap();
                conv2d_weight_grad(shape, &x, &dy, &mut dw).unwrap();
                conv2d_bias_grad(shape, &dy, &mut db).unwrap();
                let all = [y, dx, dw, db].concat();
                all.iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
            })
        };
        let one = run(1);
        for threads in [2, 3, 7] {
            assert!(run(threads) == one, "{threads} threads, {shape:?}");
        }
    }
}

/// More strips than are transformed together.
#[test]
fn weight_gradients_of_large_batches() {
    let sizes = Conv2d { batch: 5, channels_in: 64, channels_out: 48, height: 62, width: 65, ..base() };
    let shape = Conv2d { pad_mode: PadMode::Reflect, method: Method::WinogradFour, ..sizes };
    let mut random = Random::new(15);
    let (x, dy) = (random.values(shape.input_len()), random.values(shape.output_len()));
    let (mut dw, mut direct) = (vec![f32::NAN; shape.weight_len()], vec![f32::NAN; shape.weight_len()]);
    conv2d_weight_grad(&shape, &x, &dy, &mut dw).unwrap();
    conv2d_weight_grad(&Conv2d { method: Method::Direct, ..shape }, &x, &dy, &mut direct).unwrap();
    let direct: Vec<f64> = direct.into_iter().map(f64::from).collect();
    assert_close("dw", &dw, &direct, limit(&shape));
}

#[test]
fn bias_gradient_sums_the_planes() {
    let shape = Conv2d { batch: 3, ..base() };
    let dy = Random::new(5).values(shape.output_len());
    let mut db = vec![f32::NAN; shape.channels_out];
    conv2d_bias_grad(&shape, &dy, &mut db).unwrap();
    let area = shape.output_len() / shape.batch / shape.channels_out;
    let mut expected = vec![0.0; shape.channels_out];
    for (plane, values) in dy.chunks(area).enumerate() {
        expected[plane % shape.channels_out] += values.iter().map(|&value| f64::from(value)).sum::<f64>();
    }
    assert_close("bias gradient", &db, &expected, 1e-6);
}

#[test]
fn products_of_channels_are_covariances() {
    let mut random = Random::new(31);
    for [batch, channels, height, width] in
        [[1, 1, 1, 1], [1, 3, 40, 50], [2, 17, 9, 13], [1, 40, 30, 33], [3, 16, 1, 7]]
    {
        let area = height * width;
        let mut x = random.values(batch * channels * area);
        // Means far larger than the deviations.
        x.iter_mut().enumerate().for_each(|(i, x)| *x = *x * 0.1 + (i / area % channels) as f32);
        let planes = x.chunks(area).map(|plane| plane.iter().map(|&v| f64::from(v)).sum::<f64>() / area as f64);
        let mean: Vec<f64> = planes.collect();
        let mut expected = Vec::new();
        for image in 0..batch {
            for i in 0..channels {
                for j in 0..channels {
                    let (i, j) = (image * channels + i, image * channels + j);
                    let value = |plane: usize, p: usize| f64::from(x[plane * area + p]) - mean[plane];
                    expected.push((0..area).map(|p| value(i, p) * value(j, p)).sum::<f64>() / area as f64);
                }
            }
        }
        let near: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
        let mut products = vec![f32::NAN; expected.len()];
        let size = [batch, channels, height, width];
        channel_products(size, &x, Some(&near), &mut products).unwrap();
        assert_close("products", &products, &expected, 1e-4);
        // What every value adds to a sum of the products without means, by the definition.
        let slopes = random.values(products.len());
        let mut expected = vec![0.0; x.len()];
        for (index, &slope) in slopes.iter().enumerate() {
            let (image, i, j) = (index / channels.pow(2), index / channels % channels, index % channels);
            let [i, j] = [i, j].map(|channel| (image * channels + channel) * area);
            for p in 0..area {
                expected[i + p] += f64::from(slope) * f64::from(x[j + p]) / area as f64;
                expected[j + p] += f64::from(slope) * f64::from(x[i + p]) / area as f64;
            }
        }
        let mut dx = vec![f32::NAN; x.len()];
        channel_products_grad(size, &x, &slopes, &mut dx).unwrap();
        assert_close("gradient of products", &dx, &expected, 2e-6);
        let mut plain = products.clone();
        channel_products(size, &x, None, &mut plain).unwrap();
        channel_products(size, &x, Some(&vec![0.0; near.len()]), &mut products).unwrap();
        assert_eq!(plain, products);
    }
}

#[test]
fn affine_sums_match_plain_loops() {
    let mut random = Random::new(37);
    let (planes, area) = (5, 5000);
    let [x, other] = [0; 2].map(|_| random.values(planes * area));
    let constants = [0; 6].map(|_| random.values(planes));
    let affine = |first: usize, slope| {
        let [mean, scale, shift] = [0, 1, 2].map(|i| &constants[first + i][..]);
        Affine { mean, scale, shift, slope }
    };
    let changed = |values: &[f32], affine: &Affine<'_>, i: usize| {
        let plane = i / area;
        let value = f64::from(values[i] - affine.mean[plane]) * f64::from(affine.scale[plane]);
        let value = value + f64::from(affine.shift[plane]);
        if value < 0.0 { value * f64::from(affine.slope) } else { value }
    };
    let (first, second) = (affine(0, 0.0), affine(3, 1.0));
    for (others, term) in [(None, 0), (Some((&other[..], None)), 1), (Some((&other[..], Some(second))), 2)] {
        let mut y = vec![f32::NAN; x.len()];
        affine_sum(&x, first, others, &mut y).unwrap();
        let added = |i: usize| match term {
            0 => 0.0,
            1 => f64::from(other[i]),
            _ => changed(&other, &second, i),
        };
        let expected: Vec<f64> = (0..x.len()).map(|i| changed(&x, &first, i) + added(i)).collect();
        assert_close(&format!("sum {term}"), &y, &expected, 1e-6);
    }
    assert!(affine_sum(&x, affine(0, 2.0), None, &mut other.clone()).is_err());
}
