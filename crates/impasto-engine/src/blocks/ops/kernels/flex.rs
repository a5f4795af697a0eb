//! The kernels on burn's CPU backend: slices in, slices out.

use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};
use impasto_kernels as k;

use super::{FusedOps, KernelGrads, KernelOps, NormForm, Parts};
use crate::blocks::ops::{ConvSpec, Layer, PadMode, Pool3};

fn slice(tensor: &FlexTensor) -> std::borrow::Cow<'_, [f32]> {
    match tensor.as_slice::<f32>() {
        Some(values) => values.into(),
        None => {
            let contiguous = tensor.to_contiguous();
            contiguous.as_slice::<f32>().expect("to_contiguous gives a row-major tensor").to_vec().into()
        }
    }
}

fn wrap(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape.into()), DType::F32)
}

/// The values of a gradient that nobody else looks at, to be changed in place.
fn own(grad: &mut FlexTensor) -> Option<&mut [f32]> {
    let (len, layout) = (grad.shape().num_elements(), grad.layout());
    let whole = layout.is_contiguous() && layout.start_offset() == 0;
    grad.try_storage_mut::<f32>().filter(|values| whole && values.len() == len)
}

fn norm<'a>(gain: &'a [f32], shift: &'a [f32], NormForm { eps, slope, .. }: NormForm) -> k::norm::Norm<'a> {
    k::norm::Norm { gain: Some(gain), shift: Some(shift), eps, slope }
}

fn dims4(shape: &Shape) -> [usize; 4] {
    shape.to_vec().try_into().expect("image tensors have four dimensions")
}

fn geometry(x: &Shape, weight: &Shape, spec: ConvSpec) -> k::Conv2d {
    let ([batch, channels_in, height, width], [channels_out, _, kh, kw]) = (dims4(x), dims4(weight));
    k::Conv2d {
        batch,
        channels_in,
        height,
        width,
        channels_out,
        kernel: [kh, kw],
        stride: [spec.stride; 2],
        padding: spec.padding,
        pad_mode: match spec.pad_mode {
            PadMode::Zero => k::PadMode::Zero,
            PadMode::Reflect => k::PadMode::Reflect,
        },
        groups: spec.groups,
        upsample: spec.upsample,
        method: k::Method::Auto,
    }
}

/// A shape the kernels refuse is a mistake in a network's definition, which burn too answers with a panic.
fn checked<T>(result: Result<T, k::ShapeError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

fn convolved(x: &FlexTensor, weight: &FlexTensor, layer: &Layer, fused: &k::Fused<'_>) -> FlexTensor {
    let conv = geometry(&x.shape(), &weight.shape(), layer.spec);
    let [h, w] = conv.output_size();
    let y = with_weights(weight, layer, &conv, k::Purpose::Forward, |w| k::fresh::conv2d(&conv, &slice(x), w, fused));
    wrap(y, [conv.batch, conv.channels_out, h, w])
}

/// Calls a kernel with the weights of a layer, and what is kept of them.
fn with_weights<T>(
    weight: &FlexTensor,
    layer: &Layer,
    conv: &k::Conv2d,
    purpose: k::Purpose,
    kernel: impl FnOnce(k::Weights<'_>) -> Result<T, k::ShapeError>,
) -> T {
    let values = slice(weight);
    let packed = layer.packs.as_ref().and_then(|packs| packs.of(weight, &values, conv, purpose));
    checked(kernel(k::Weights { values: &values, packed: packed.as_deref() }))
}

/// Splits the constants of an affine map, `[3, n, c]`.
fn affine(constants: &[f32], slope: Option<f32>) -> Option<k::Affine<'_>> {
    let planes = constants.len() / 3;
    let part = |i: usize| &constants[i * planes..(i + 1) * planes];
    slope.map(|slope| k::Affine { mean: part(0), scale: part(1), shift: part(2), slope })
}

impl FusedOps for Flex {
    fn fused_conv2d(
        x: FlexTensor,
        constants: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        other: FlexTensor,
        parts: Parts,
        layer: Layer,
        slope: f32,
    ) -> FlexTensor {
        let (constants, bias) = (slice(&constants), slice(&bias));
        let other = parts.other.then(|| slice(&other));
        let input = affine(&constants, parts.affine);
        convolved(&x, &weight, &layer, &k::Fused { input, bias: Some(&bias), residual: other.as_deref(), slope })
    }

    fn fused_affine_sum(
        x: FlexTensor,
        constants: FlexTensor,
        other: FlexTensor,
        other_constants: FlexTensor,
        parts: Parts,
    ) -> FlexTensor {
        let shape = x.shape();
        let (constants, other_constants) = (slice(&constants), slice(&other_constants));
        let first = affine(&constants, parts.affine).expect("the first map always has constants");
        let other = parts.other.then(|| slice(&other));
        let second = affine(&other_constants, parts.other_affine);
        let y = checked(k::fresh::affine_sum(&slice(&x), first, other.as_deref().map(|other| (other, second))));
        wrap(y, shape)
    }

    fn fused_pool3(x: FlexTensor, pool: Pool3) -> FlexTensor {
        let size = dims4(&x.shape());
        let pool = match pool {
            Pool3::MaxHalf => k::Pool3::MaxHalf,
            Pool3::MaxHalfBeyond => k::Pool3::MaxHalfBeyond,
            Pool3::MaxAround => k::Pool3::MaxAround,
            Pool3::MeanAround => k::Pool3::MeanAround,
        };
        let y = checked(k::fresh::pool3(pool, planes(size), &slice(&x)));
        let [n, c, h, w] = size;
        wrap(y, [n, c, checked(pool.output(h)), checked(pool.output(w))])
    }

    fn fused_moments(x: FlexTensor, eps: f32) -> FlexTensor {
        let [n, c, _, _] = dims4(&x.shape());
        let mut moments = vec![0.0; 2 * n * c];
        let (mean, deviation) = moments.split_at_mut(n * c);
        checked(k::moments::plane_moments(&slice(&x), eps, mean, deviation, None));
        wrap(moments, [2, n, c])
    }

    fn fused_covariances(x: FlexTensor, mean: FlexTensor) -> FlexTensor {
        let size = dims4(&x.shape());
        let [n, c, _, _] = size;
        let mut products = vec![0.0; n * c * c];
        checked(k::channel_products(size, &slice(&x), Some(&slice(&mean)), &mut products));
        wrap(products, [n, c, c])
    }
}

impl KernelOps for Flex {
    fn kernel_conv2d(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, layer: Layer, slope: f32) -> FlexTensor {
        convolved(&x, &weight, &layer, &k::Fused { bias: Some(&slice(&bias)), slope, ..k::Fused::default() })
    }

    fn kernel_conv2d_adjoint(dy: FlexTensor, weight: FlexTensor, [h, w]: [usize; 2], layer: Layer) -> FlexTensor {
        let ([n, ..], [_, group_in, ..]) = (dims4(&dy.shape()), dims4(&weight.shape()));
        Self::conv2d_input_grad(dy, weight, [n, group_in * layer.spec.groups, h, w].into(), layer)
    }

    fn kernel_norm(
        x: FlexTensor,
        gain: FlexTensor,
        shift: FlexTensor,
        residual: FlexTensor,
        form: NormForm,
    ) -> FlexTensor {
        let [y, _, _] = Self::norm_with_moments(x, gain, shift, residual, form);
        y
    }

    fn kernel_leaky_relu(x: FlexTensor, slope: f32) -> FlexTensor {
        let shape = x.shape();
        let y = checked(k::fresh::leaky_relu(&slice(&x), slope));
        wrap(y, shape)
    }

    fn kernel_max_pool2(x: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&x.shape());
        let y = checked(k::fresh::max_pool2x2(planes([n, c, h, w]), &slice(&x)));
        wrap(y, [n, c, h / 2, w / 2])
    }

    fn kernel_products(x: FlexTensor) -> FlexTensor {
        let size = dims4(&x.shape());
        let [n, c, _, _] = size;
        let mut products = vec![0.0; n * c * c];
        checked(k::channel_products(size, &slice(&x), None, &mut products));
        wrap(products, [n, c, c])
    }

    fn kernel_squared_difference(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        wrap(vec![checked(k::mean_squared_difference(&slice(&a), &slice(&b))) as f32], [1])
    }

    fn kernel_gated(x: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&x.shape());
        wrap(checked(k::fresh::gated(n, &slice(&x))), [n, c / 2, h, w])
    }

    fn kernel_channel_softmax(x: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        let [n, c, _, _] = dims4(&shape);
        wrap(checked(k::fresh::channel_softmax(n, c, &slice(&x))), shape)
    }

    fn kernel_scaled(x: FlexTensor, factors: FlexTensor) -> FlexTensor {
        wrap(checked(k::fresh::scaled(&slice(&x), &slice(&factors))), x.shape())
    }

    fn kernel_avg_pool2(x: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&x.shape());
        let y = checked(k::fresh::avg_pool2x2(planes([n, c, h, w]), &slice(&x)));
        wrap(y, [n, c, h / 2, w / 2])
    }

    fn kernel_upsample2(x: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&x.shape());
        let y = checked(k::fresh::bilinear2x(planes([n, c, h, w]), &slice(&x)));
        wrap(y, [n, c, 2 * h, 2 * w])
    }

    fn kernel_channel_moments(x: FlexTensor, eps: f32) -> FlexTensor {
        let [n, c, _, _] = dims4(&x.shape());
        let mut moments = vec![0.0; 3 * n * c];
        let (mean, rest) = moments.split_at_mut(n * c);
        let (deviation, third) = rest.split_at_mut(n * c);
        checked(k::moments::plane_moments(&slice(&x), eps, mean, deviation, Some(third)));
        wrap(moments, [3, n, c])
    }
}

fn planes([n, c, height, width]: [usize; 4]) -> k::resample::Planes {
    k::resample::Planes { count: n * c, height, width }
}

impl KernelGrads for Flex {
    fn conv2d_plain(x: FlexTensor, weight: FlexTensor, layer: Layer) -> FlexTensor {
        convolved(&x, &weight, &layer, &k::Fused { slope: 1.0, ..k::Fused::default() })
    }

    fn conv2d_input_grad(dy: FlexTensor, weight: FlexTensor, x_shape: Shape, layer: Layer) -> FlexTensor {
        let conv = geometry(&x_shape, &weight.shape(), layer.spec);
        let kernel = |w: k::Weights<'_>| k::fresh::conv2d_input_grad(&conv, &slice(&dy), w);
        wrap(with_weights(&weight, &layer, &conv, k::Purpose::InputGrad, kernel), x_shape)
    }

    fn conv2d_weight_grad(x: FlexTensor, dy: FlexTensor, weight_shape: Shape, spec: ConvSpec) -> FlexTensor {
        let conv = geometry(&x.shape(), &weight_shape, spec);
        let dw = checked(k::fresh::conv2d_weight_grad(&conv, &slice(&x), &slice(&dy)));
        wrap(dw, weight_shape)
    }

    fn conv2d_bias_grad(dy: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&dy.shape());
        // The gradient's own shape is all that counts: a 1x1 convolution has it.
        let conv = geometry(&[n, c, h, w].into(), &[c, c, 1, 1].into(), ConvSpec::default());
        let mut db = vec![0.0; c];
        checked(k::conv2d_bias_grad(&conv, &slice(&dy), &mut db));
        wrap(db, [c])
    }

    fn norm_with_moments(
        x: FlexTensor,
        gain: FlexTensor,
        shift: FlexTensor,
        residual: FlexTensor,
        form: NormForm,
    ) -> [FlexTensor; 3] {
        let shape = x.shape();
        let [n, c, _, _] = dims4(&shape);
        let (mut mean, mut rstd) = (vec![0.0; n * c], vec![0.0; n * c]);
        let (gain, shift) = (slice(&gain), slice(&shift));
        let residual = form.residual.then(|| slice(&residual));
        let norm = norm(&gain, &shift, form);
        let y = checked(k::fresh::instance_norm(&slice(&x), &norm, residual.as_deref(), &mut mean, &mut rstd));
        [wrap(y, shape), wrap(mean, [n, c]), wrap(rstd, [n, c])]
    }

    fn norm_grad(
        x: FlexTensor,
        gain: FlexTensor,
        shift: FlexTensor,
        [mean, rstd]: [FlexTensor; 2],
        form: NormForm,
        mut dy: FlexTensor,
    ) -> [FlexTensor; 3] {
        let shape = x.shape();
        let [n, c, _, _] = dims4(&shape);
        let (mut dgain, mut dshift) = (vec![0.0; n * c], vec![0.0; n * c]);
        let sums = [&mut dgain[..], &mut dshift[..]];
        let (x, gain, shift) = (slice(&x), slice(&gain), slice(&shift));
        let (statistics, norm) = ([&slice(&mean)[..], &slice(&rstd)[..]], norm(&gain, &shift, form));
        let dx = match own(&mut dy) {
            Some(grad) => {
                checked(k::norm::instance_norm_backward(&x, None, statistics, &norm, grad, sums));
                dy
            }
            None => wrap(checked(k::fresh::instance_norm_grad(&x, &slice(&dy), statistics, &norm, sums)), shape),
        };
        [dx, wrap(dgain, [n, c]), wrap(dshift, [n, c])]
    }

    fn leaky_relu_grad(x: FlexTensor, mut dy: FlexTensor, slope: f32) -> FlexTensor {
        match own(&mut dy) {
            Some(grad) => {
                checked(k::act::leaky_relu_backward(&slice(&x), None, slope, grad));
                dy
            }
            None => wrap(checked(k::fresh::leaky_relu_grad(&slice(&x), &slice(&dy), slope)), x.shape()),
        }
    }

    fn upsample2_grad(dy: FlexTensor) -> FlexTensor {
        let [n, c, h, w] = dims4(&dy.shape());
        let dx = checked(k::fresh::bilinear2x_grad(planes([n, c, h / 2, w / 2]), &slice(&dy)));
        wrap(dx, [n, c, h / 2, w / 2])
    }

    fn products_grad(x: FlexTensor, dproducts: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        wrap(checked(k::fresh::channel_products_grad(dims4(&shape), &slice(&x), &slice(&dproducts))), shape)
    }

    fn squared_difference_grad(a: FlexTensor, b: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let shape = a.shape();
        wrap(checked(k::fresh::mean_squared_difference_grad(&slice(&a), &slice(&b), slice(&dy)[0])), shape)
    }

    fn gated_grad(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        let [n, _, _, _] = dims4(&shape);
        wrap(checked(k::fresh::gated_grad(n, &slice(&x), &slice(&dy))), shape)
    }

    fn channel_softmax_grad(y: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let shape = y.shape();
        let [n, c, _, _] = dims4(&shape);
        wrap(checked(k::fresh::channel_softmax_grad(n, c, &slice(&y), &slice(&dy))), shape)
    }

    fn scaled_grad(x: FlexTensor, factors: FlexTensor, dy: FlexTensor) -> [FlexTensor; 2] {
        let mut dfactors = vec![0.0; factors.shape().num_elements()];
        let dx = checked(k::fresh::scaled_grad(&slice(&x), &slice(&factors), &slice(&dy), &mut dfactors));
        [wrap(dx, x.shape()), wrap(dfactors, factors.shape())]
    }

    fn avg_pool2_grad(dy: FlexTensor, x_shape: Shape) -> FlexTensor {
        let dx = checked(k::fresh::avg_pool2x2_grad(planes(dims4(&x_shape)), &slice(&dy)));
        wrap(dx, x_shape)
    }

    fn max_pool2_grad(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        let dx = checked(k::fresh::max_pool2x2_grad(planes(dims4(&shape)), &slice(&x), &slice(&dy)));
        wrap(dx, shape)
    }

    fn channel_moments_grad(x: FlexTensor, moments: FlexTensor, dmoments: FlexTensor) -> FlexTensor {
        let shape = x.shape();
        let [n, c, _, _] = dims4(&shape);
        let (moments, dmoments) = (slice(&moments), slice(&dmoments));
        let part = |i: usize| i * n * c..(i + 1) * n * c;
        let (statistics, grads) = ([&moments[part(0)], &moments[part(1)]], [&dmoments[part(0)], &dmoments[part(1)]]);
        wrap(checked(k::fresh::plane_moments_grad(&slice(&x), statistics, grads)), shape)
    }
}
