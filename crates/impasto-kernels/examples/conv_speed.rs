//! Prints the effective speed of the convolutions, in GFLOP/s (two operations for each multiplication of the plain
//! method), for the shapes of the networks in use: `cargo run --release --example conv_speed [filter] [auto|direct|two|four]
//! [forward]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use impasto_kernels::{Conv2d, Method, PadMode, conv2d, conv2d_input_grad, conv2d_weight_grad};

/// Time spent on each number, in seconds.
const BUDGET: f64 = 0.25;

/// The least time of one call, in seconds.
fn least(mut call: impl FnMut()) -> f64 {
    call();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < BUDGET {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// A square convolution that keeps the size, at batch 4.
fn square(channels_in: usize, channels_out: usize, kernel: usize, size: usize) -> Conv2d {
    Conv2d {
        batch: 4,
        channels_in,
        height: size,
        width: size,
        channels_out,
        kernel: [kernel, kernel],
        stride: [1, 1],
        padding: [kernel / 2, kernel / 2],
        pad_mode: PadMode::Zero,
        groups: 1,
        upsample: 1,
        method: Method::Auto,
    }
}

fn name(shape: &Conv2d) -> String {
    let extra = match (shape.stride[0], shape.upsample, shape.groups, shape.pad_mode) {
        (1, 1, 1, PadMode::Zero) => "",
        (1, 1, 1, PadMode::Reflect) => " reflect",
        (1, 2, 1, PadMode::Zero) => " upsample",
        (1, 2, 1, PadMode::Reflect) => " upsample reflect",
        (_, 1, 1, _) => " stride 2",
        _ => " depthwise",
    };
    let [kernel, _] = shape.kernel;
    format!("{}x {}->{} {kernel}x{kernel} @{}{extra}", shape.batch, shape.channels_in, shape.channels_out, shape.height)
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let method = match std::env::args().nth(2).as_deref() {
        Some("direct") => Method::Direct,
        Some("two") => Method::WinogradTwo,
        Some("four") => Method::WinogradFour,
        _ => Method::Auto,
    };
    let reflect = |shape| Conv2d { pad_mode: PadMode::Reflect, ..shape };
    let stride = |shape| Conv2d { stride: [2, 2], ..shape };
    let upsample = |shape| Conv2d { upsample: 2, ..shape };
    let depthwise = |channels, size| Conv2d { groups: channels, ..square(channels, channels, 3, size) };
    let shapes = [
        reflect(square(3, 16, 9, 160)),
        square(3, 16, 3, 160),
        stride(square(16, 32, 3, 160)),
        stride(square(32, 64, 3, 80)),
        square(64, 64, 3, 40),
        reflect(square(64, 64, 3, 40)),
        square(64, 64, 3, 64),
        square(64, 64, 3, 128),
        upsample(square(64, 32, 3, 40)),
        upsample(reflect(square(64, 32, 3, 40))),
        upsample(square(32, 16, 3, 80)),
        reflect(square(16, 3, 9, 160)),
        square(16, 16, 3, 160),
        square(32, 32, 3, 80),
        square(128, 128, 3, 20),
        square(128, 128, 3, 10),
        square(64, 256, 1, 40),
        square(256, 64, 1, 40),
        square(128, 512, 1, 20),
        depthwise(64, 40),
        depthwise(32, 160),
    ];
    let one = |shape| Conv2d { batch: 1, ..shape };
    let fusion = [
        one(reflect(square(3, 16, 3, 512))),
        one(stride(reflect(square(16, 32, 3, 512)))),
        one(stride(reflect(square(32, 64, 3, 256)))),
        one(stride(reflect(square(64, 96, 3, 128)))),
        one(reflect(square(96, 96, 3, 64))),
        one(upsample(reflect(square(96, 64, 3, 64)))),
        one(square(64, 64, 1, 128)),
        one(reflect(square(64, 64, 3, 128))),
        one(upsample(reflect(square(64, 32, 3, 128)))),
        one(square(32, 32, 1, 256)),
        one(reflect(square(32, 32, 3, 256))),
        one(upsample(reflect(square(32, 16, 3, 256)))),
        one(square(16, 16, 1, 512)),
        one(reflect(square(16, 3, 5, 512))),
        one(square(3, 3, 1, 512)),
    ];
    let microast = [
        one(reflect(square(3, 16, 9, 512))),
        one(stride(reflect(depthwise(16, 512)))),
        one(square(16, 32, 1, 256)),
        one(stride(reflect(depthwise(32, 256)))),
        one(square(32, 64, 1, 128)),
        Conv2d { groups: 32, ..one(reflect(square(64, 32, 3, 256))) },
        Conv2d { groups: 16, ..one(reflect(square(32, 16, 3, 512))) },
        one(reflect(square(16, 3, 9, 512))),
    ];
    let johnson = [
        one(reflect(square(3, 32, 9, 512))),
        one(stride(square(32, 64, 3, 512))),
        one(stride(square(64, 128, 3, 256))),
        one(reflect(square(128, 128, 3, 128))),
        one(upsample(reflect(square(128, 64, 3, 128)))),
        one(upsample(reflect(square(64, 32, 3, 256)))),
        one(reflect(square(32, 3, 9, 512))),
        one(square(64, 64, 3, 256)),
        one(square(256, 256, 3, 64)),
        one(square(512, 512, 3, 32)),
    ];
    println!(
        "{:<35} {:>9} {:>9} {:>9}   GFLOP/s, batch 4, {} threads",
        "",
        "forward",
        "input",
        "weights",
        rayon::current_num_threads()
    );
    for shape in shapes.into_iter().chain(fusion).chain(microast).chain(johnson) {
        let shape = Conv2d { method, ..shape };
        let label = name(&shape);
        if !label.contains(&filter) {
            continue;
        }
        let values = |len: usize| (0..len).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect::<Vec<f32>>();
        let (x, w, dy) = (values(shape.input_len()), values(shape.weight_len()), values(shape.output_len()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let forward = least(|| conv2d(&shape, &x, &w, None, &mut y).unwrap_or_default());
        if std::env::args().nth(3).is_some() {
            println!("{label:<35} {:>9.0}   {:.2} ms", 2e-9 * shape.macs() as f64 / forward, forward * 1e3);
            continue;
        }
        let times = [
            forward,
            least(|| conv2d_input_grad(&shape, &dy, &w, &mut dx).unwrap_or_default()),
            least(|| conv2d_weight_grad(&shape, &x, &dy, &mut dw).unwrap_or_default()),
        ];
        let speed = times.map(|time| 2e-9 * shape.macs() as f64 / time);
        println!(
            "{label:<35} {:>9.0} {:>9.0} {:>9.0}   {:.2} {:.2} {:.2} ms",
            speed[0],
            speed[1],
            speed[2],
            times[0] * 1e3,
            times[1] * 1e3,
            times[2] * 1e3
        );
    }
}
