//! Routing to `impasto-kernels` through burn's extension mechanism.

mod autodiff;
mod flex;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Shape, Tensor};

use super::ConvSpec;

/// Operations with a kernel, as burn sees them.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelOps: Backend {
    /// See [`super::conv2d`].
    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: ConvSpec,
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
    fn max_pool2_grad(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `moments` and their gradient `[3, n, c]`.
    fn channel_moments_grad(
        x: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        dmoments: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

pub(super) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as KernelOps>::kernel_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        spec,
    ))
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
