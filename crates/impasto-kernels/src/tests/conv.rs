//! Convolution and its gradients.

use super::{Random, assert_close, base, dot, reference};
use crate::dispatch::Isa;
use crate::forward::conv2d_on;
use crate::input_grad::conv2d_input_grad_on;
use crate::weight_grad::conv2d_weight_grad_on;
use crate::{Conv2d, PadMode, conv2d, conv2d_bias_grad, conv2d_input_grad, conv2d_weight_grad};

const LIMIT: f64 = 1e-6;

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
    assert_close(&what("forward"), &y, &reference::forward(shape, &x, &w, bias), LIMIT);

    let mut dx = vec![f32::NAN; shape.input_len()];
    conv2d_input_grad_on(isa, shape, &dy, &w, &mut dx).unwrap();
    assert_close(&what("input gradient"), &dx, &reference::input_grad(shape, &dy, &w), LIMIT);

    let mut dw = vec![f32::NAN; shape.weight_len()];
    conv2d_weight_grad_on(isa, shape, &x, &dy, &mut dw).unwrap();
    assert_close(&what("weight gradient"), &dw, &reference::weight_grad(shape, &x, &dy), LIMIT);

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
