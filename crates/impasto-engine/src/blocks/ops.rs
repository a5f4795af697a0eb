//! The operations that run on impasto's own CPU kernels, with hand-written gradients, and their composition from
//! burn's standard operations for every other device. Callers see one function each.

use burn::tensor::Tensor;

use crate::device;

/// What lies beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The picture mirrored about its border pixels (the border itself is not repeated).
    #[default]
    Reflect,
}

/// The geometry of a convolution; channel counts and kernel size come from the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvSpec {
    /// Step between output pixels, at least 1.
    pub stride: usize,
    /// Border in pixels on each side, after upsampling.
    pub padding: usize,
    /// What the border holds.
    pub pad_mode: PadMode,
    /// Channel groups; the number of channels for a depthwise convolution.
    pub groups: usize,
    /// Nearest-neighbour enlargement of the input before padding: 1 or 2 (resize, then convolve).
    pub upsample: usize,
}

impl Default for ConvSpec {
    fn default() -> Self {
        Self { stride: 1, padding: 0, pad_mode: PadMode::Reflect, groups: 1, upsample: 1 }
    }
}

/// 2-D convolution: `x` `[n, cin, h, w]`, `weight` `[cout, cin / groups, kh, kw]`, `bias` `[cout]` to
/// `[n, cout, h', w']`.
pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::conv2d(x, weight, bias, spec);
    }
    composed::conv2d(x, weight, bias, spec)
}

/// Instance normalisation with a gain and a shift for each sample and channel:
/// `(x - mean) / sqrt(variance + eps) * gain + shift`, `x` `[n, c, h, w]`, `gain` and `shift` `[n, c]`.
pub(crate) fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>, eps: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::modulated_norm(x, gain, shift, eps);
    }
    composed::modulated_norm(x, gain, shift, eps)
}

/// `x` where positive, `slope * x` elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>, slope: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::leaky_relu(x, slope);
    }
    composed::leaky_relu(x, slope)
}

/// 2x2 maximum pooling, stride 2, odd rests dropped: `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
pub(crate) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::max_pool2(x);
    }
    composed::max_pool2(x)
}

/// Mean, deviation `sqrt(variance + eps)` and mean cube of the centred values of every channel: `x` `[n, c, h, w]` to
/// three `[n, c]`. The third is a constant for gradients.
pub(crate) fn channel_moments(x: Tensor<4>, eps: f32) -> [Tensor<2>; 3] {
    #[cfg(feature = "flex")]
    if device::has_kernels(&x.device()) {
        return kernels::channel_moments(x, eps);
    }
    composed::channel_moments(x, eps)
}

/// The same operations from burn's own, for devices without impasto's kernels.
pub(crate) mod composed {
    use super::*;
    use burn::tensor::activation;
    use burn::tensor::Int;
    use burn::tensor::module;
    use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};

    pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, spec: ConvSpec) -> Tensor<4> {
        let [_, _, h, w] = x.dims();
        let x = if spec.upsample > 1 {
            let size = [h * spec.upsample, w * spec.upsample];
            let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size);
            module::interpolate(x, options) // [n, cin, 2h, 2w]
        } else {
            x
        };
        let (x, padding) = match spec.pad_mode {
            PadMode::Reflect if spec.padding > 0 => (reflect(x, spec.padding), 0), // [n, cin, h + 2p, w + 2p]
            _ => (x, spec.padding),
        };
        let options = ConvOptions::new([spec.stride; 2], [padding; 2], [1, 1], spec.groups);
        module::conv2d(x, weight, Some(bias), options) // [n, cout, h', w']
    }

    fn reflect(x: Tensor<4>, padding: usize) -> Tensor<4> {
        let [_, _, h, w] = x.dims();
        let device = x.device();
        let index = |size: usize| {
            let mirrored: Vec<i32> = (-(padding as i32)..(size + padding) as i32)
                .map(|i| {
                    let i = i.abs();
                    let last = size as i32 - 1;
                    if i > last { 2 * last - i } else { i }
                })
                .collect();
            Tensor::<1, Int>::from_ints(mirrored.as_slice(), &device)
        };
        x.select(2, index(h)).select(3, index(w))
    }

    pub(crate) fn modulated_norm(x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>, eps: f32) -> Tensor<4> {
        let [n, c, _, _] = x.dims();
        let mean = x.clone().mean_dims(&[2, 3]); // [n, c, 1, 1]
        let centred = x - mean; // [n, c, h, w]
        let variance = centred.clone().square().mean_dims(&[2, 3]); // [n, c, 1, 1]
        let scale = (variance + eps).sqrt().recip() * gain.reshape([n, c, 1, 1]); // [n, c, 1, 1]
        centred * scale + shift.reshape([n, c, 1, 1]) // [n, c, h, w]
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

    pub(crate) fn max_pool2(x: Tensor<4>) -> Tensor<4> {
        module::max_pool2d(x, MaxPoolOptions::new([2, 2]))
    }
}

#[cfg(feature = "flex")]
mod kernels {
    //! Routing to `impasto-kernels` through burn's extension mechanism.
    use super::*;
    use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::{
        NodeId,
        ops::{Backward, Ops, OpsKind},
    };
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
    use burn::tensor::{Bytes, DType, Shape};
    use burn_flex::{FlexTensor, Layout};
    use impasto_kernels as k;

    /// Operations with a kernel, as burn sees them.
    #[backend_extension(Flex, Autodiff)]
    pub trait KernelOps: Backend {
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
    pub trait KernelGrads: Backend {
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
        let moments =
            Tensor::<3>::from_dispatch(<Dispatch as KernelOps>::kernel_channel_moments(x.into_dispatch(), eps));
        [0, 1, 2].map(|i| moments.clone().slice([i..i + 1, 0..n, 0..c]).reshape([n, c]))
    }

    // ---- Flex: slices in, slices out ----

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
            padding: [spec.padding; 2],
            pad_mode: match spec.pad_mode {
                PadMode::Zero => k::PadMode::Zero,
                PadMode::Reflect => k::PadMode::Reflect,
            },
            groups: spec.groups,
            upsample: spec.upsample,
        }
    }

    /// A shape the kernels refuse is a mistake in a network's definition, which burn too answers with a panic.
    fn checked(result: Result<(), k::ShapeError>) {
        if let Err(error) = result {
            panic!("{error}");
        }
    }

    impl KernelOps for Flex {
        fn kernel_conv2d(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, spec: ConvSpec) -> FlexTensor {
            let conv = geometry(&x.shape(), &weight.shape(), spec);
            let [h, w] = conv.output_size();
            let mut y = vec![0.0; conv.batch * conv.channels_out * h * w];
            checked(k::conv2d(&conv, &slice(&x), &slice(&weight), Some(&slice(&bias)), &mut y));
            wrap(y, [conv.batch, conv.channels_out, h, w])
        }

        fn kernel_modulated_norm(x: FlexTensor, gain: FlexTensor, shift: FlexTensor, eps: f32) -> FlexTensor {
            let [y, _, _] = Self::norm_with_moments(x, gain, shift, eps);
            y
        }

        fn kernel_leaky_relu(x: FlexTensor, slope: f32) -> FlexTensor {
            let shape = x.shape();
            let mut y = vec![0.0; shape.num_elements()];
            checked(k::act::leaky_relu_forward(&slice(&x), slope, &mut y));
            wrap(y, shape)
        }

        fn kernel_max_pool2(x: FlexTensor) -> FlexTensor {
            let [n, c, h, w] = dims4(&x.shape());
            let mut y = vec![0.0; n * c * (h / 2) * (w / 2)];
            checked(k::resample::max_pool2x2_forward(planes([n, c, h, w]), &slice(&x), &mut y));
            wrap(y, [n, c, h / 2, w / 2])
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
        fn conv2d_input_grad(dy: FlexTensor, weight: FlexTensor, x_shape: Shape, spec: ConvSpec) -> FlexTensor {
            let conv = geometry(&x_shape, &weight.shape(), spec);
            let mut dx = vec![0.0; x_shape.num_elements()];
            checked(k::conv2d_input_grad(&conv, &slice(&dy), &slice(&weight), &mut dx));
            wrap(dx, x_shape)
        }

        fn conv2d_weight_grad(x: FlexTensor, dy: FlexTensor, weight_shape: Shape, spec: ConvSpec) -> FlexTensor {
            let conv = geometry(&x.shape(), &weight_shape, spec);
            let mut dw = vec![0.0; weight_shape.num_elements()];
            checked(k::conv2d_weight_grad(&conv, &slice(&x), &slice(&dy), &mut dw));
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

        fn norm_with_moments(x: FlexTensor, gain: FlexTensor, shift: FlexTensor, eps: f32) -> [FlexTensor; 3] {
            let shape = x.shape();
            let [n, c, _, _] = dims4(&shape);
            let mut y = vec![0.0; shape.num_elements()];
            let (mut mean, mut rstd) = (vec![0.0; n * c], vec![0.0; n * c]);
            let (gain, shift) = (slice(&gain), slice(&shift));
            checked(k::norm::instance_norm_forward(
                &slice(&x),
                Some(&gain),
                Some(&shift),
                eps,
                &mut y,
                &mut mean,
                &mut rstd,
            ));
            [wrap(y, shape), wrap(mean, [n, c]), wrap(rstd, [n, c])]
        }

        fn norm_grad(
            x: FlexTensor,
            gain: FlexTensor,
            [mean, rstd]: [FlexTensor; 2],
            dy: FlexTensor,
        ) -> [FlexTensor; 3] {
            let shape = x.shape();
            let [n, c, _, _] = dims4(&shape);
            let mut dx = vec![0.0; shape.num_elements()];
            let (mut dgain, mut dshift) = (vec![0.0; n * c], vec![0.0; n * c]);
            checked(k::norm::instance_norm_backward(
                &slice(&x),
                &slice(&dy),
                &slice(&mean),
                &slice(&rstd),
                Some(&slice(&gain)),
                &mut dx,
                &mut dgain,
                &mut dshift,
            ));
            [wrap(dx, shape), wrap(dgain, [n, c]), wrap(dshift, [n, c])]
        }

        fn leaky_relu_grad(x: FlexTensor, dy: FlexTensor, slope: f32) -> FlexTensor {
            let shape = x.shape();
            let mut dx = vec![0.0; shape.num_elements()];
            checked(k::act::leaky_relu_backward(&slice(&x), &slice(&dy), slope, &mut dx));
            wrap(dx, shape)
        }

        fn max_pool2_grad(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
            let shape = x.shape();
            let mut dx = vec![0.0; shape.num_elements()];
            checked(k::resample::max_pool2x2_backward(planes(dims4(&shape)), &slice(&x), &slice(&dy), &mut dx));
            wrap(dx, shape)
        }

        fn channel_moments_grad(x: FlexTensor, moments: FlexTensor, dmoments: FlexTensor) -> FlexTensor {
            let shape = x.shape();
            let [n, c, _, _] = dims4(&shape);
            let (moments, dmoments) = (slice(&moments), slice(&dmoments));
            let part = |values: &'_ [f32], i: usize| values[i * n * c..(i + 1) * n * c].to_vec();
            let mut dx = vec![0.0; shape.num_elements()];
            checked(k::moments::plane_moments_backward(
                &slice(&x),
                &part(&moments, 0),
                &part(&moments, 1),
                &part(&dmoments, 0),
                &part(&dmoments, 1),
                &mut dx,
            ));
            wrap(dx, shape)
        }
    }

    // ---- Autodiff ----

    #[derive(Debug)]
    struct ConvBackward;

    #[derive(Debug, Clone)]
    struct ConvState {
        x: NodeId,
        weight: NodeId,
        spec: ConvSpec,
    }

    impl<B: KernelGrads> Backward<B, 3> for ConvBackward {
        type State = ConvState;

        fn backward(self, ops: Ops<ConvState, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let [x_node, weight_node, bias_node] = ops.parents;
            let dy = grads.consume::<B>(&ops.node);
            let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.x);
            let weight = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.weight);
            let (x_shape, weight_shape) = (x.shape(), weight.shape());
            if let Some(node) = bias_node {
                grads.register::<B>(node.id, B::conv2d_bias_grad(dy.clone()));
            }
            if let Some(node) = weight_node {
                let dw = B::conv2d_weight_grad(x, dy.clone(), weight_shape, ops.state.spec);
                grads.register::<B>(node.id, dw);
            }
            if let Some(node) = x_node {
                grads.register::<B>(node.id, B::conv2d_input_grad(dy, weight, x_shape, ops.state.spec));
            }
        }
    }

    #[derive(Debug)]
    struct NormBackward;

    #[derive(Debug, Clone)]
    struct NormState<F> {
        x: NodeId,
        gain: NodeId,
        moments: [F; 2],
    }

    impl<B: KernelGrads> Backward<B, 3> for NormBackward {
        type State = NormState<B::FloatTensorPrimitive>;

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let dy = grads.consume::<B>(&ops.node);
            let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.x);
            let gain = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.gain);
            let parts = B::norm_grad(x, gain, ops.state.moments, dy);
            for (node, grad) in ops.parents.into_iter().zip(parts) {
                if let Some(node) = node {
                    grads.register::<B>(node.id, grad);
                }
            }
        }
    }

    #[derive(Debug)]
    struct LeakyReluBackward;

    impl<B: KernelGrads> Backward<B, 1> for LeakyReluBackward {
        type State = (NodeId, f32);

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let [node] = ops.parents;
            let dy = grads.consume::<B>(&ops.node);
            let (x, slope) = ops.state;
            let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(x);
            if let Some(node) = node {
                grads.register::<B>(node.id, B::leaky_relu_grad(x, dy, slope));
            }
        }
    }

    #[derive(Debug)]
    struct MaxPoolBackward;

    impl<B: KernelGrads> Backward<B, 1> for MaxPoolBackward {
        type State = NodeId;

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let [node] = ops.parents;
            let dy = grads.consume::<B>(&ops.node);
            let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state);
            if let Some(node) = node {
                grads.register::<B>(node.id, B::max_pool2_grad(x, dy));
            }
        }
    }

    #[derive(Debug)]
    struct MomentsBackward;

    impl<B: KernelGrads> Backward<B, 1> for MomentsBackward {
        type State = (NodeId, B::FloatTensorPrimitive);

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let [node] = ops.parents;
            let dmoments = grads.consume::<B>(&ops.node);
            let (x, moments) = ops.state;
            let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(x);
            if let Some(node) = node {
                grads.register::<B>(node.id, B::channel_moments_grad(x, moments, dmoments));
            }
        }
    }

    impl<B: KernelOps + KernelGrads, C: CheckpointStrategy> KernelOps for Autodiff<B, C> {
        fn kernel_conv2d(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            spec: ConvSpec,
        ) -> FloatTensor<Self> {
            let prepared = ConvBackward.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound();
            match prepared.stateful() {
                OpsKind::Tracked(mut prep) => {
                    let state = ConvState { x: prep.checkpoint(&x), weight: prep.checkpoint(&weight), spec };
                    let y = B::kernel_conv2d(x.into_primitive(), weight.into_primitive(), bias.into_primitive(), spec);
                    prep.finish(state, y)
                }
                OpsKind::UnTracked(prep) => prep.finish(B::kernel_conv2d(
                    x.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    spec,
                )),
            }
        }

        fn kernel_modulated_norm(
            x: FloatTensor<Self>,
            gain: FloatTensor<Self>,
            shift: FloatTensor<Self>,
            eps: f32,
        ) -> FloatTensor<Self> {
            let prepared = NormBackward.prepare::<C>([x.node(), gain.node(), shift.node()]).compute_bound();
            match prepared.stateful() {
                OpsKind::Tracked(mut prep) => {
                    let (x_node, gain_node) = (prep.checkpoint(&x), prep.checkpoint(&gain));
                    let [y, mean, rstd] = B::norm_with_moments(
                        x.into_primitive(),
                        gain.into_primitive(),
                        shift.into_primitive(),
                        eps,
                    );
                    let state = NormState { x: x_node, gain: gain_node, moments: [mean, rstd] };
                    prep.finish(state, y)
                }
                OpsKind::UnTracked(prep) => prep.finish(B::kernel_modulated_norm(
                    x.into_primitive(),
                    gain.into_primitive(),
                    shift.into_primitive(),
                    eps,
                )),
            }
        }

        fn kernel_leaky_relu(x: FloatTensor<Self>, slope: f32) -> FloatTensor<Self> {
            match LeakyReluBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
                OpsKind::Tracked(mut prep) => {
                    let state = (prep.checkpoint(&x), slope);
                    prep.finish(state, B::kernel_leaky_relu(x.into_primitive(), slope))
                }
                OpsKind::UnTracked(prep) => prep.finish(B::kernel_leaky_relu(x.into_primitive(), slope)),
            }
        }

        fn kernel_max_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
            match MaxPoolBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
                OpsKind::Tracked(mut prep) => {
                    let state = prep.checkpoint(&x);
                    prep.finish(state, B::kernel_max_pool2(x.into_primitive()))
                }
                OpsKind::UnTracked(prep) => prep.finish(B::kernel_max_pool2(x.into_primitive())),
            }
        }

        fn kernel_channel_moments(x: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
            match MomentsBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
                OpsKind::Tracked(mut prep) => {
                    let x_node = prep.checkpoint(&x);
                    let moments = B::kernel_channel_moments(x.into_primitive(), eps);
                    prep.finish((x_node, moments.clone()), moments)
                }
                OpsKind::UnTracked(prep) => prep.finish(B::kernel_channel_moments(x.into_primitive(), eps)),
            }
        }
    }
}
