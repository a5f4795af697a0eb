//! Speed of the convolution kernels, layer by layer: forward, input gradient and weight gradient of what networks are
//! made of. `cargo bench -p impasto-kernels --features criterion`, with a filter such as `residual` or `weights` behind
//! `--`. An element is an operation, two for every multiplication of the plain method: Gelem/s are GFLOP/s.

#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use impasto_kernels::{Conv2d, Method, PadMode, channel_products, conv2d, conv2d_input_grad, conv2d_weight_grad};

/// Layers by name: channels in and out, kernel, side of the input, and what is unlike a plain convolution.
type Layer = (&'static str, [usize; 2], usize, usize, fn(Conv2d) -> Conv2d);

const LAYERS: [Layer; 13] = [
    ("johnson enter", [3, 32], 9, 256, |c| c),
    ("johnson down", [32, 64], 3, 256, |c| Conv2d { stride: [2, 2], ..c }),
    ("johnson residual", [128, 128], 3, 64, |c| c),
    ("johnson up", [64, 32], 3, 128, |c| Conv2d { upsample: 2, ..c }),
    ("johnson leave", [32, 3], 9, 256, |c| c),
    ("vgg16 level 2", [128, 128], 3, 128, zero),
    ("vgg16 level 4", [512, 512], 3, 32, zero),
    ("fusion refine", [32, 32], 3, 128, |c| c),
    ("fusion down", [16, 32], 3, 256, |c| Conv2d { stride: [2, 2], ..c }),
    ("fusion up", [32, 16], 3, 128, |c| Conv2d { upsample: 2, ..c }),
    ("fusion up, coarse", [96, 64], 3, 32, |c| Conv2d { upsample: 2, ..c }),
    ("microast depthwise", [32, 32], 3, 128, |c| Conv2d { groups: 32, ..c }),
    ("microast pointwise", [32, 32], 1, 128, |c| c),
];

fn zero(shape: Conv2d) -> Conv2d {
    Conv2d { pad_mode: PadMode::Zero, ..shape }
}

fn shape([channels_in, channels_out]: [usize; 2], kernel: usize, side: usize) -> Conv2d {
    Conv2d {
        batch: 1,
        channels_in,
        height: side,
        width: side,
        channels_out,
        kernel: [kernel, kernel],
        stride: [1, 1],
        padding: [kernel / 2, kernel / 2],
        pad_mode: PadMode::Reflect,
        groups: 1,
        upsample: 1,
        method: Method::Auto,
    }
}

fn convolutions(criterion: &mut Criterion) {
    let values = |count: usize| (0..count).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect::<Vec<f32>>();
    for (name, channels, kernel, side, change) in LAYERS {
        let shape = change(shape(channels, kernel, side));
        let (x, w, dy) = (values(shape.input_len()), values(shape.weight_len()), values(shape.output_len()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(2 * shape.macs()));
        let mut run = |part: &str, call: &mut dyn FnMut()| {
            group.bench_function(part, |bencher: &mut Bencher<'_>| bencher.iter(&mut *call));
        };
        run("forward", &mut || conv2d(&shape, &x, &w, None, &mut y).expect("the shapes fit"));
        run("input gradient", &mut || conv2d_input_grad(&shape, &dy, &w, &mut dx).expect("the shapes fit"));
        run("weight gradient", &mut || conv2d_weight_grad(&shape, &x, &dy, &mut dw).expect("the shapes fit"));
    }
}

/// Gram matrices and covariances; the operations of both halves count, though they are the same.
fn products(criterion: &mut Criterion) {
    for (channels, side) in [(16, 256), (64, 64), (512, 32)] {
        let size = [1, channels, side, side];
        let x: Vec<f32> = (0..channels * side * side).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect();
        let (mean, mut products) = (vec![0.1; channels], vec![0.0; channels * channels]);
        let mut group = criterion.benchmark_group(format!("products {channels}"));
        group.throughput(Throughput::Elements(2 * (channels * channels * side * side) as u64));
        group.bench_function("covariances", |bencher| {
            bencher.iter(|| channel_products(size, &x, Some(&mean), &mut products).expect("the lengths fit"));
        });
    }
}

criterion_group! {
    name = kernels;
    // A few milliseconds a call: so many samples say enough.
    config = Criterion::default().sample_size(20);
    targets = convolutions, products
}
criterion_main!(kernels);
