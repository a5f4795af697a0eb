//! Routing to `impasto-kernels` through burn's extension mechanism.

mod autodiff;
mod flex;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Shape, Tensor};

use super::{Affine, ConvSpec, Pool3};

/// Operations with a kernel, as burn sees them.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelOps: Backend {
    /// See [`super::conv2d`].
    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: ConvSpec,
        slope: f32,
    ) -> FloatTensor<Self>;
    /// See [`super::modulated_norm`].
    fn kernel_modulated_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
    /// See [`super::leaky_relu`].
    fn kernel_leaky_relu(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
    /// See [`super::max_pool2`].
    fn kernel_max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`super::channel_moments`]; the three one after another, `[3, n, c]`.
    fn kernel_channel_moments(x: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    /// See [`super::upsample_bilinear2`].
    fn kernel_upsample2(x: FloatTensor<Self>) -> FloatTensor<Self>;
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
        spec: ConvSpec,
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
    fn conv2d_input_grad(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        x_shape: Shape,
        spec: ConvSpec,
    ) -> FloatTensor<Self>;
    fn conv2d_weight_grad(
        x: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        weight_shape: Shape,
        spec: ConvSpec,
    ) -> FloatTensor<Self>;
    fn conv2d_bias_grad(dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// [`KernelOps::kernel_modulated_norm`] with the mean and the inverse deviation of every plane, `[n, c]` each.
    fn norm_with_moments(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> [FloatTensor<Self>; 3];
    /// Gradients of x, gain and shift; `moments` as [`KernelGrads::norm_with_moments`] gave them.
    fn norm_grad(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        moments: [FloatTensor<Self>; 2],
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
    fn leaky_relu_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>, slope: f32) -> FloatTensor<Self>;
    fn upsample2_grad(dy: FloatTensor<Self>) -> FloatTensor<Self>;
    fn max_pool2_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `moments` and their gradient `[3, n, c]`.
    fn channel_moments_grad(
        x: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        dmoments: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

pub(super) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec, slope: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        spec,
        slope,
    ))
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
    spec: ConvSpec,
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
        spec,
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

pub(super) fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>, eps: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_modulated_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        shift.into_dispatch(),
        eps,
    ))
}

pub(super) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_leaky_relu(x.into_dispatch(), slope))
}

pub(super) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_max_pool2(x.into_dispatch()))
}

pub(super) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    let [n, c, _, _] = x.dims();
    let moments = Tensor::<3>::from_dispatch(<Dispatch as KernelOps>::kernel_channel_moments(x.into_dispatch(), eps));
    [0, 1, 2].map(|i| moments.clone().slice([i..i + 1, 0..n, 0..c]).reshape([n, c]))
}
