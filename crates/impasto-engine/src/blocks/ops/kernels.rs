//! Routing to `impasto-kernels` through burn's extension mechanism.

mod autodiff;
mod flex;
mod packs;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Shape, Tensor};

pub(crate) use self::packs::Packs;
use super::{Affine, ConvSpec, Layer, Norm, Pool3};

/// Operations with a kernel, as burn sees them.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelOps: Backend {
    /// See [`super::conv2d`].
    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        layer: Layer,
        slope: f32,
    ) -> FloatTensor<Self>;
    /// See [`super::conv2d_adjoint`].
    fn kernel_conv2d_adjoint(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 2],
        layer: Layer,
    ) -> FloatTensor<Self>;
    /// See [`super::normalised`].
    fn kernel_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        form: NormForm,
    ) -> FloatTensor<Self>;
    /// See [`super::leaky_relu`].
    fn kernel_leaky_relu(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
    /// See [`super::max_pool2`].
    fn kernel_max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::products`].
    fn kernel_products(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::mean_squared_difference`].
    fn kernel_squared_difference(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::gated`].
    fn kernel_gated(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::channel_softmax`].
    fn kernel_channel_softmax(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::scaled`].
    fn kernel_scaled(x: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::avg_pool2`].
    fn kernel_avg_pool2(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::channel_moments`]; the three one after another, `[3, n, c]`.
    fn kernel_channel_moments(x: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    /// See [`super::upsample_bilinear2`].
    fn kernel_upsample2(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The numbers of a [`Norm`], and whether there is a residual; without one its tensor is a placeholder, as in [`Parts`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormForm {
    eps: f32,
    slope: f32,
    residual: bool,
}

/// Which parts of a fused operation there are. Tensors for those that are not there are placeholders, which burn's
/// routing cannot do without; they are not looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// Slope of the affine map on `x`.
    affine: Option<f32>,
    /// Whether there is a second map.
    other: bool,
    /// Slope of the affine map on the second.
    other_affine: Option<f32>,
}

/// Operations without gradients that save passes over maps. Affine maps are `[3, n, c]`: mean, scale, shift.
#[backend_extension(Flex)]
pub(crate) trait FusedOps: Backend {
    /// See [`super::fused_conv2d`]; `other` is the residual.
    #[allow(clippy::too_many_arguments)]
    fn fused_conv2d(
        x: FloatTensor<Self>,
        affine: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        other: FloatTensor<Self>,
        parts: Parts,
        layer: Layer,
        slope: f32,
    ) -> FloatTensor<Self>;
    /// See [`super::affine_sum`].
    fn fused_affine_sum(
        x: FloatTensor<Self>,
        affine: FloatTensor<Self>,
        other: FloatTensor<Self>,
        other_affine: FloatTensor<Self>,
        parts: Parts,
    ) -> FloatTensor<Self>;
    /// See [`super::pool3`].
    fn fused_pool3(x: FloatTensor<Self>, pool: Pool3) -> FloatTensor<Self>;
    /// See [`super::moments`]; both one after the other, `[2, n, c]`.
    fn fused_moments(x: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    /// See [`super::covariances`].
    fn fused_covariances(x: FloatTensor<Self>, mean: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The adjoints, called by the autodiff implementation only.
pub(crate) trait KernelGrads: Backend {
    /// Without bias: the adjoint of [`KernelGrads::conv2d_input_grad`].
    fn conv2d_plain(x: FloatTensor<Self>, weight: FloatTensor<Self>, layer: Layer) -> FloatTensor<Self>;
    fn conv2d_input_grad(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        x_shape: Shape,
        layer: Layer,
    ) -> FloatTensor<Self>;
    fn conv2d_weight_grad(
        x: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        weight_shape: Shape,
        spec: ConvSpec,
    ) -> FloatTensor<Self>;
    fn conv2d_bias_grad(dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// [`KernelOps::kernel_norm`] with the mean and the inverse deviation of every plane, `[n, c]` each.
    fn norm_with_moments(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        form: NormForm,
    ) -> [FloatTensor<Self>; 3];
    /// Gradients of x, gain and shift; `moments` as [`KernelGrads::norm_with_moments`] gave them.
    fn norm_grad(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        moments: [FloatTensor<Self>; 2],
        form: NormForm,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
    fn leaky_relu_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
    fn upsample2_grad(dy: FloatTensor<Self>) -> FloatTensor<Self>;
    fn products_grad(x: FloatTensor<Self>, dproducts: FloatTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of `a`; that of `b` is its opposite. `dy` `[1]`.
    fn squared_difference_grad(a: FloatTensor<Self>, b: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    fn gated_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// From the result and its gradient.
    fn channel_softmax_grad(y: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradients of both.
    fn scaled_grad(x: FloatTensor<Self>, factors: FloatTensor<Self>, dy: FloatTensor<Self>) -> [FloatTensor<Self>; 2];
    fn avg_pool2_grad(dy: FloatTensor<Self>, x_shape: Shape) -> FloatTensor<Self>;
    fn max_pool2_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `moments` and their gradient `[3, n, c]`.
    fn channel_moments_grad(
        x: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        dmoments: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

pub(super) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, layer: Layer, slope: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        layer,
        slope,
    ))
}

pub(super) fn conv2d_adjoint(dy: Tensor<4>, weight: Tensor<4>, size: [usize; 2], layer: Layer) -> Tensor<4> {
    let (dy, weight) = (dy.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_conv2d_adjoint(dy, weight, size, layer))
}

/// The three constants as one tensor, or a placeholder.
fn constants(affine: Option<Affine>, placeholder: &Tensor<4>) -> (FloatTensor<Dispatch>, Option<f32>) {
    match affine {
        Some(Affine { mean, scale, shift, slope }) => {
            let all: Tensor<3> = Tensor::stack(vec![mean, scale, shift], 0); // [3, n, c]
            (all.into_dispatch(), Some(slope))
        }
        None => (placeholder.clone().into_dispatch(), None),
    }
}

pub(super) fn fused_conv2d(
    x: Tensor<4>,
    affine: Option<Affine>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    layer: Layer,
    slope: f32,
) -> Tensor<4> {
    let (constants, affine) = constants(affine, &weight);
    let parts = Parts { affine, other: residual.is_some(), other_affine: None };
    let other = residual.unwrap_or_else(|| weight.clone()).into_dispatch();
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_conv2d(
        x.into_dispatch(),
        constants,
        weight.into_dispatch(),
        bias.into_dispatch(),
        other,
        parts,
        layer,
        slope,
    ))
}

pub(super) fn affine_sum(x: Tensor<4>, affine: Affine, other: Option<(Tensor<4>, Option<Affine>)>) -> Tensor<4> {
    let (first, slope) = constants(Some(affine), &x);
    let has_other = other.is_some();
    let (other, other_affine) = other.unwrap_or_else(|| (x.clone(), None));
    let (second, other_affine) = constants(other_affine, &x);
    let parts = Parts { affine: slope, other: has_other, other_affine };
    let other = other.into_dispatch();
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_affine_sum(x.into_dispatch(), first, other, second, parts))
}

pub(super) fn pool3(x: Tensor<4>, pool: Pool3) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_pool3(x.into_dispatch(), pool))
}

pub(super) fn moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 2] {
    let [n, c, _, _] = x.dims();
    let moments = Tensor::<3>::from_dispatch(<Dispatch as FusedOps>::fused_moments(x.into_dispatch(), eps));
    [0, 1].map(|i| moments.clone().slice([i..i + 1, 0..n, 0..c]).reshape([n, c]))
}

pub(super) fn covariances(x: Tensor<4>, mean: Tensor<2>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_covariances(x.into_dispatch(), mean.into_dispatch()))
}

pub(super) fn upsample_bilinear2(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_upsample2(x.into_dispatch()))
}

pub(super) fn normalised(x: Tensor<4>, norm: Norm, residual: Option<Tensor<4>>) -> Tensor<4> {
    let Norm { gain, shift, eps, slope } = norm;
    let form = NormForm { eps, slope, residual: residual.is_some() };
    let gain = gain.into_dispatch();
    let residual = residual.map_or_else(|| gain.clone(), Tensor::into_dispatch);
    let y = <Dispatch as KernelOps>::kernel_norm(x.into_dispatch(), gain, shift.into_dispatch(), residual, form);
    Tensor::from_dispatch(y)
}

pub(super) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_leaky_relu(x.into_dispatch(), slope))
}

pub(super) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_max_pool2(x.into_dispatch()))
}

pub(super) fn products(x: Tensor<4>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_products(x.into_dispatch()))
}

/// A convolution of kernel 1, with the images of a batch as groups of channels.
pub(super) fn mixed(x: Tensor<4>, matrices: Tensor<3>) -> Tensor<4> {
    let ([n, c, h, w], [_, d, _]) = (x.dims(), matrices.dims());
    let spec = ConvSpec { groups: n, ..ConvSpec::default() };
    let zeros = Tensor::zeros([n * d], &x.device());
    conv2d(x.reshape([1, n * c, h, w]), matrices.reshape([n * d, c, 1, 1]), zeros, spec.into(), 1.0)
        .reshape([n, d, h, w])
}

pub(super) fn mean_squared_difference(a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_squared_difference(a, b))
}

pub(super) fn gated(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_gated(x.into_dispatch()))
}

pub(super) fn channel_softmax(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_channel_softmax(x.into_dispatch()))
}

pub(super) fn scaled(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_scaled(x.into_dispatch(), factors.into_dispatch()))
}

pub(super) fn avg_pool2(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_avg_pool2(x.into_dispatch()))
}

pub(super) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    let [n, c, _, _] = x.dims();
    let moments = Tensor::<3>::from_dispatch(<Dispatch as KernelOps>::kernel_channel_moments(x.into_dispatch(), eps));
    [0, 1, 2].map(|i| moments.clone().slice([i..i + 1, 0..n, 0..c]).reshape([n, c]))
}
