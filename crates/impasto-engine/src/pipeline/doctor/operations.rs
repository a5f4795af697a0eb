//! The operations that networks and losses are made of.

use burn::tensor::{Tensor, activation, module};

use crate::blocks::{self, Affine, ConvSpec, EPS, PadMode, Pool3};

/// An operation over maps `[n, c, h, w]`; operands of fewer dimensions are reshaped within.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// The operands' shapes; their values are standard normal.
    pub(super) operands: &'static [[usize; 4]],
    pub(super) run: fn(&[Tensor<4>]) -> Tensor<4>,
}

/// Images of a batch and channels in most of them.
const N: usize = 2;
const C: usize = 16;
/// A map with odd rests in both directions for strides and pooling.
const MAP: [usize; 4] = [N, C, 27, 35];
/// A number for each sample and channel.
const ROWS: [usize; 4] = [N, C, 1, 1];
const BIAS: [usize; 4] = [1, C, 1, 1];
const KERNEL: [usize; 4] = [C, C, 3, 3];

const SAME: ConvSpec = ConvSpec { stride: 1, padding: [1; 2], pad_mode: PadMode::Reflect, groups: 1, upsample: 1 };
const ZERO: ConvSpec = ConvSpec { pad_mode: PadMode::Zero, ..SAME };

/// One of each kind and variant in use.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "convolution", operands: &[MAP, KERNEL, BIAS], run: |x| conv(x, SAME, 1.0) },
    Operation { name: "convolution, zeros beyond", operands: &[MAP, KERNEL, BIAS], run: |x| conv(x, ZERO, 1.0) },
    Operation {
        name: "convolution, many channels",
        operands: &[[1, 64, 36, 40], [64, 64, 3, 3], [1, 64, 1, 1]],
        run: |x| conv(x, SAME, 1.0),
    },
    Operation {
        name: "convolution 9x9",
        operands: &[[N, 3, 27, 35], [C, 3, 9, 9], BIAS],
        run: |x| conv(x, ConvSpec { padding: [4; 2], ..SAME }, 1.0),
    },
    Operation {
        name: "convolution 9x9 to colours",
        operands: &[MAP, [3, C, 9, 9], [1, 3, 1, 1]],
        run: |x| conv(x, ConvSpec { padding: [4; 2], ..SAME }, 1.0),
    },
    Operation {
        name: "convolution 1x1",
        operands: &[MAP, [24, C, 1, 1], [1, 24, 1, 1]],
        run: |x| conv(x, ConvSpec { padding: [0; 2], ..SAME }, 1.0),
    },
    Operation {
        name: "convolution 1x7",
        operands: &[MAP, [C, C, 1, 7], BIAS],
        run: |x| conv(x, ConvSpec { padding: [0, 3], ..ZERO }, 1.0),
    },
    Operation {
        name: "convolution, stride 2",
        operands: &[MAP, KERNEL, BIAS],
        run: |x| conv(x, ConvSpec { stride: 2, ..SAME }, 1.0),
    },
    Operation {
        name: "convolution 4x4, stride 2",
        operands: &[MAP, [C, C, 4, 4], BIAS],
        run: |x| conv(x, ConvSpec { stride: 2, ..ZERO }, 1.0),
    },
    Operation {
        name: "convolution, enlarged",
        operands: &[MAP, KERNEL, BIAS],
        run: |x| conv(x, ConvSpec { upsample: 2, ..SAME }, 1.0),
    },
    Operation {
        name: "convolution, 4 groups",
        operands: &[MAP, [C, 4, 3, 3], BIAS],
        run: |x| conv(x, ConvSpec { groups: 4, ..SAME }, 1.0),
    },
    Operation {
        name: "convolution, depthwise",
        operands: &[MAP, [C, 1, 3, 3], BIAS],
        run: |x| conv(x, ConvSpec { groups: C, ..SAME }, 1.0),
    },
    Operation {
        name: "convolution, depthwise, stride 2",
        operands: &[MAP, [C, 1, 3, 3], BIAS],
        run: |x| conv(x, ConvSpec { groups: C, stride: 2, ..SAME }, 1.0),
    },
    Operation { name: "convolution, rectified", operands: &[MAP, KERNEL, BIAS], run: |x| conv(x, SAME, 0.2) },
    Operation {
        name: "convolution, fused",
        operands: &[MAP, KERNEL, BIAS, ROWS, ROWS, ROWS, MAP],
        run: |x| {
            let (weight, bias) = (x[1].clone(), x[2].clone().reshape([C]));
            let (affine, residual) = (affine(&x[3..6], 0.0), x[6].clone());
            blocks::fused_conv2d(x[0].clone(), Some(affine), weight, bias, Some(residual), SAME.into(), 0.2)
        },
    },
    Operation {
        name: "affine sum",
        operands: &[MAP, ROWS, ROWS, ROWS, MAP, ROWS, ROWS, ROWS],
        run: |x| {
            let other = (x[4].clone(), Some(affine(&x[5..8], 0.2)));
            blocks::affine_sum(x[0].clone(), affine(&x[1..4], 0.0), Some(other))
        },
    },
    Operation {
        name: "modulated normalisation",
        operands: &[MAP, ROWS, ROWS],
        run: |x| blocks::modulated_norm(x[0].clone(), rows(&x[1]), rows(&x[2])),
    },
    Operation {
        name: "normalisation, rectified, and sum",
        operands: &[MAP, ROWS, ROWS, MAP],
        run: |x| blocks::Map::normalised(x[0].clone(), rows(&x[1]), rows(&x[2])).relu().plus(x[3].clone().into()),
    },
    Operation { name: "channel moments", operands: &[MAP], run: |x| Tensor::cat(moments(&x[0]), 1) },
    Operation {
        name: "products of channels",
        operands: &[MAP],
        run: |x| blocks::products(x[0].clone()).reshape([N, C, C, 1]),
    },
    Operation {
        name: "mean squared difference",
        operands: &[MAP, MAP],
        run: |x| blocks::mean_squared_difference(x[0].clone(), x[1].clone()).reshape([1, 1, 1, 1]),
    },
    Operation {
        name: "correlations",
        operands: &[MAP],
        run: |x| blocks::correlations(x[0].clone()).reshape([N, C, C, 1]),
    },
    Operation {
        name: "recorrelation",
        operands: &[MAP, [N, C, 9, 9]],
        run: |x| blocks::recorrelate(x[0].clone(), blocks::correlations(x[1].clone())),
    },
    Operation {
        name: "recolouring",
        operands: &[MAP, [N, C, 9, 9], ROWS, ROWS],
        run: |x| {
            // Deviations are positive.
            let (target, gain) = (blocks::correlations(x[1].clone()), rows(&x[2]).square() + 0.1);
            blocks::recoloured(x[0].clone(), target, gain, rows(&x[3]), 0.2)
        },
    },
    Operation { name: "softmax over channels", operands: &[MAP], run: |x| blocks::channel_softmax(x[0].clone()) },
    Operation { name: "gated linear units", operands: &[MAP], run: |x| blocks::gated(x[0].clone()) },
    Operation {
        name: "factors of channels",
        operands: &[MAP, ROWS],
        run: |x| blocks::scaled(x[0].clone(), rows(&x[1])),
    },
    Operation { name: "rectifier", operands: &[MAP], run: |x| blocks::relu(x[0].clone()) },
    Operation { name: "leaky rectifier", operands: &[MAP], run: |x| blocks::leaky_relu(x[0].clone(), 0.2) },
    Operation { name: "maximum pooling", operands: &[MAP], run: |x| blocks::max_pool2(x[0].clone()) },
    Operation { name: "mean pooling", operands: &[MAP], run: |x| blocks::avg_pool2(x[0].clone()) },
    Operation {
        name: "maximum pooling 3x3",
        operands: &[MAP],
        run: |x| blocks::pool3(x[0].clone(), Pool3::MaxHalfBeyond),
    },
    Operation { name: "mean pooling 3x3", operands: &[MAP], run: |x| blocks::pool3(x[0].clone(), Pool3::MeanAround) },
    Operation {
        name: "mean over a grid",
        operands: &[MAP],
        run: |x| module::adaptive_avg_pool2d(x[0].clone(), [6, 6]),
    },
    Operation { name: "bilinear enlarging", operands: &[MAP], run: |x| blocks::upsample_bilinear2(x[0].clone()) },
    Operation {
        name: "matrix product",
        operands: &[[1, N, 48, 32], [1, N, 32, 40]],
        run: |x| x[0].clone().matmul(x[1].clone()),
    },
    Operation { name: "attention", operands: &[[1, N, 60, 8], [1, N, 36, 8], [1, N, 36, 8]], run: attention },
    Operation { name: "log of softmax", operands: &[[1, N, 6, 9]], run: |x| activation::log_softmax(x[0].clone(), 3) },
    Operation { name: "sorting", operands: &[[1, N, 60, 4]], run: |x| x[0].clone().sort(2) },
    Operation { name: "sigmoid", operands: &[MAP], run: |x| activation::sigmoid(x[0].clone()) },
    Operation { name: "softplus", operands: &[MAP], run: |x| activation::softplus(x[0].clone(), 1.0) },
];

fn conv(x: &[Tensor<4>], spec: ConvSpec, slope: f32) -> Tensor<4> {
    let bias = x[2].clone();
    let channels = bias.dims()[1];
    blocks::conv2d(x[0].clone(), x[1].clone(), bias.reshape([channels]), spec, slope)
}

/// `[n, c, 1, 1]` to `[n, c]`.
fn rows(x: &Tensor<4>) -> Tensor<2> {
    let [n, c, _, _] = x.dims();
    x.clone().reshape([n, c])
}

fn affine(x: &[Tensor<4>], slope: f32) -> Affine {
    Affine { mean: rows(&x[0]), scale: rows(&x[1]), shift: rows(&x[2]), slope }
}

/// Mean, deviation and mean cube, each `[n, c, 1, 1]`.
fn moments(x: &Tensor<4>) -> Vec<Tensor<4>> {
    let [n, c, _, _] = x.dims();
    blocks::moments(x.clone(), EPS).map(|moment| moment.reshape([n, c, 1, 1])).into()
}

/// Queries, keys and values `[1, n, rows, width]` to `[1, n, rows of the queries, width]`.
fn attention(x: &[Tensor<4>]) -> Tensor<4> {
    let width = x[0].dims()[3] as f32;
    let scores = x[0].clone().matmul(x[1].clone().swap_dims(2, 3)) / width.sqrt(); // [1, n, queries, keys]
    activation::softmax(scores, 3).matmul(x[2].clone())
}
