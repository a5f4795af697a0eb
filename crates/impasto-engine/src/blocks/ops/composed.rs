//! The same operations from burn's own, for devices without impasto's kernels.

use burn::tensor::ops::{
    AvgPoolOptions, ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions,
};
use burn::tensor::{Int, Tensor, activation, module};

use super::{Affine, ConvSpec, Norm, PadMode, Pool3};

pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec, slope: f32) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let x = if spec.upsample > 1 {
        let size = [h * spec.upsample, w * spec.upsample];
        let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size);
        module::interpolate(x, options) // [n, cin, 2h, 2w]
    } else {
        x
    };
    let (x, padding) = match spec.pad_mode {
        PadMode::Reflect if spec.padding != [0; 2] => (reflect(x, spec.padding), [0; 2]), // [n, cin, h + 2p, w + 2q]
        _ => (x, spec.padding),
    };
    let options = ConvOptions::new([spec.stride; 2], padding, [1, 1], spec.groups);
    rectified(module::conv2d(x, weight, Some(bias), options), slope) // [n, cout, h', w']
}

pub(crate) fn conv2d_adjoint(dy: Tensor<4>, weight: Tensor<4>, size: [usize; 2], spec: ConvSpec) -> Tensor<4> {
    let ([_, _, rows, columns], [_, _, kh, kw]) = (dy.dims(), weight.dims());
    // What a stride skipped at the far borders.
    let rest = |size: usize, results: usize, kernel: usize, padding: usize| {
        (size + 2 * padding).saturating_sub((results - 1) * spec.stride + kernel)
    };
    let out = [rest(size[0], rows, kh, spec.padding[0]), rest(size[1], columns, kw, spec.padding[1])];
    let options = ConvTransposeOptions::new([spec.stride; 2], spec.padding, out, [1, 1], spec.groups);
    module::conv_transpose2d(dy, weight, None, options)
}

pub(crate) fn rectified(x: Tensor<4>, slope: f32) -> Tensor<4> {
    if slope == 1.0 { x } else { leaky_relu(x, slope) }
}

pub(crate) fn affine_sum(x: Tensor<4>, affine: Affine, other: Option<(Tensor<4>, Option<Affine>)>) -> Tensor<4> {
    let apply = |x: Tensor<4>, affine: Affine| {
        let [n, c, _, _] = x.dims();
        let wide = |values: Tensor<2>| values.reshape([n, c, 1, 1]);
        rectified((x - wide(affine.mean)) * wide(affine.scale) + wide(affine.shift), affine.slope)
    };
    let y = apply(x, affine);
    match other {
        Some((other, Some(affine))) => y + apply(other, affine),
        Some((other, None)) => y + other,
        None => y,
    }
}

pub(crate) fn upsample_bilinear2(x: Tensor<4>) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let options =
        InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false).with_output_size([h * 2, w * 2]);
    module::interpolate(x, options)
}

fn reflect(x: Tensor<4>, padding: [usize; 2]) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let device = x.device();
    let index = |size: usize, padding: usize| {
        let mirrored: Vec<i32> = (-(padding as i32)..(size + padding) as i32)
            .map(|i| {
                let i = i.abs();
                let last = size as i32 - 1;
                if i > last { 2 * last - i } else { i }
            })
            .collect();
        Tensor::<1, Int>::from_ints(mirrored.as_slice(), &device)
    };
    x.select(2, index(h, padding[0])).select(3, index(w, padding[1]))
}

pub(crate) fn normalised(x: Tensor<4>, norm: Norm, residual: Option<Tensor<4>>) -> Tensor<4> {
    let [n, c, _, _] = x.dims();
    let wide = |values: Tensor<2>| values.reshape([n, c, 1, 1]);
    let mean = x.clone().mean_dims(&[2, 3]); // [n, c, 1, 1]
    let centred = x - mean; // [n, c, h, w]
    let variance = centred.clone().square().mean_dims(&[2, 3]); // [n, c, 1, 1]
    let scale = (variance + norm.eps).sqrt().recip() * wide(norm.gain); // [n, c, 1, 1]
    let y = rectified(centred * scale + wide(norm.shift), norm.slope); // [n, c, h, w]
    match residual {
        Some(residual) => y + residual,
        None => y,
    }
}

pub(crate) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    let [n, c, h, w] = x.dims();
    let x = x.reshape([n, c, h * w]); // [n, c, hw]
    let mean = x.clone().mean_dim(2); // [n, c, 1]
    let centred = x - mean.clone(); // [n, c, hw]
    let variance = centred.clone().square().mean_dim(2); // [n, c, 1]
    let third = centred.detach().powi_scalar(3).mean_dim(2); // [n, c, 1]
    [mean, (variance + eps).sqrt(), third].map(|moment| moment.reshape([n, c]))
}

pub(crate) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    activation::leaky_relu(x, f64::from(slope))
}

pub(crate) fn gated(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let half = |from: usize| x.clone().slice([0..n, from..from + c / 2, 0..h, 0..w]); // [n, c/2, h, w]
    half(0) * activation::sigmoid(half(c / 2))
}

pub(crate) fn channel_softmax(x: Tensor<4>) -> Tensor<4> {
    activation::softmax(x, 1)
}

pub(crate) fn scaled(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    let [n, c, _, _] = x.dims();
    x * factors.reshape([n, c, 1, 1])
}

pub(crate) fn products(x: Tensor<4>) -> Tensor<3> {
    let [n, c, h, w] = x.dims();
    let flat = x.reshape([n, c, h * w]); // [n, c, hw]
    flat.clone().matmul(flat.swap_dims(1, 2)) / (h * w) as f32 // [n, c, c]
}

pub(crate) fn mean_squared_difference(a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
    (a - b).square().mean()
}

pub(crate) fn mixed(x: Tensor<4>, matrices: Tensor<3>) -> Tensor<4> {
    let ([n, c, h, w], [_, d, _]) = (x.dims(), matrices.dims());
    matrices.matmul(x.reshape([n, c, h * w])).reshape([n, d, h, w])
}

pub(crate) fn avg_pool2(x: Tensor<4>) -> Tensor<4> {
    module::avg_pool2d(x, AvgPoolOptions::new([2, 2]))
}

pub(crate) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    module::max_pool2d(x, MaxPoolOptions::new([2, 2]))
}

pub(crate) fn pool3(x: Tensor<4>, pool: Pool3) -> Tensor<4> {
    let max = MaxPoolOptions::new([3, 3]);
    match pool {
        Pool3::MaxHalf => module::max_pool2d(x, max.with_stride([2, 2])),
        Pool3::MaxHalfBeyond => module::max_pool2d(x, max.with_stride([2, 2]).with_ceil_mode(true)),
        Pool3::MaxAround => module::max_pool2d(x, max.with_stride([1, 1]).with_padding([1, 1])),
        Pool3::MeanAround => {
            let mean = AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
            module::avg_pool2d(x, mean.with_count_include_pad(false))
        }
    }
}
