//! The hand-written gradients, registered with burn's autodiff.

use burn::backend::Autodiff;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::{
    NodeId,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

use super::{KernelGrads, KernelOps, NormForm};
use crate::blocks::ops::Layer;

#[derive(Debug)]
struct ConvBackward;

#[derive(Debug, Clone)]
struct ConvState<F> {
    x: NodeId,
    weight: NodeId,
    layer: Layer,
    slope: f32,
    /// Where there is a rectifier, whose gradient depends on the sign of its result.
    y: Option<F>,
}

impl<B: KernelGrads> Backward<B, 3> for ConvBackward {
    type State = ConvState<B::FloatTensorPrimitive>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let dy = match ops.state.y {
            Some(y) => B::leaky_relu_grad(y, dy, ops.state.slope),
            None => dy,
        };
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.x);
        let weight = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state.weight);
        let (x_shape, weight_shape) = (x.shape(), weight.shape());
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::conv2d_bias_grad(dy.clone()));
        }
        if let Some(node) = weight_node {
            let dw = B::conv2d_weight_grad(x, dy.clone(), weight_shape, ops.state.layer.spec);
            grads.register::<B>(node.id, dw);
        }
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::conv2d_input_grad(dy, weight, x_shape, ops.state.layer));
        }
    }
}

#[derive(Debug)]
struct AdjointBackward;

impl<B: KernelGrads> Backward<B, 2> for AdjointBackward {
    type State = (NodeId, NodeId, Layer);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [dy_node, weight_node] = ops.parents;
        let slope = grads.consume::<B>(&ops.node);
        let (dy, weight, layer) = ops.state;
        let dy = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(dy);
        let weight = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(weight);
        if let Some(node) = weight_node {
            grads.register::<B>(node.id, B::conv2d_weight_grad(slope.clone(), dy, weight.shape(), layer.spec));
        }
        if let Some(node) = dy_node {
            grads.register::<B>(node.id, B::conv2d_plain(slope, weight, layer));
        }
    }
}

#[derive(Debug)]
struct NormBackward;

#[derive(Debug, Clone)]
struct NormState<F> {
    x: NodeId,
    gain: NodeId,
    shift: NodeId,
    moments: [F; 2],
    form: NormForm,
}

impl<B: KernelGrads> Backward<B, 4> for NormBackward {
    type State = NormState<B::FloatTensorPrimitive>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [x_node, gain_node, shift_node, residual_node] = ops.parents;
        let NormState { x, gain, shift, moments, form } = ops.state;
        let dy = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(x);
        let gain = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(gain);
        let shift = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(shift);
        if let Some(node) = residual_node.filter(|_| form.residual) {
            grads.register::<B>(node.id, dy.clone());
        }
        let parts = B::norm_grad(x, gain, shift, moments, form, dy);
        for (node, grad) in [x_node, gain_node, shift_node].into_iter().zip(parts) {
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
struct UpsampleBackward;

impl<B: KernelGrads> Backward<B, 1> for UpsampleBackward {
    type State = ();

    fn backward(self, ops: Ops<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::upsample2_grad(dy));
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
struct ProductsBackward;

impl<B: KernelGrads> Backward<B, 1> for ProductsBackward {
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dproducts = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::products_grad(x, dproducts));
        }
    }
}

#[derive(Debug)]
struct SquaredDifferenceBackward;

impl<B: KernelGrads> Backward<B, 2> for SquaredDifferenceBackward {
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<[NodeId; 2], 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [a_node, b_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let [a, b] = ops.state.map(|node| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(node));
        if let Some(node) = b_node {
            grads.register::<B>(node.id, B::squared_difference_grad(b.clone(), a.clone(), dy.clone()));
        }
        if let Some(node) = a_node {
            grads.register::<B>(node.id, B::squared_difference_grad(a, b, dy));
        }
    }
}

#[derive(Debug)]
struct GatedBackward;

impl<B: KernelGrads> Backward<B, 1> for GatedBackward {
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(ops.state);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::gated_grad(x, dy));
        }
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl<B: KernelGrads> Backward<B, 1> for SoftmaxBackward {
    /// The result.
    type State = B::FloatTensorPrimitive;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::channel_softmax_grad(ops.state, dy));
        }
    }
}

#[derive(Debug)]
struct ScaledBackward;

impl<B: KernelGrads> Backward<B, 2> for ScaledBackward {
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<[NodeId; 2], 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, factors] = ops.state.map(|node| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(node));
        for (node, grad) in ops.parents.into_iter().zip(B::scaled_grad(x, factors, dy)) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct AvgPoolBackward;

impl<B: KernelGrads> Backward<B, 1> for AvgPoolBackward {
    type State = Shape;

    fn backward(self, ops: Ops<Shape, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::avg_pool2_grad(dy, ops.state));
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
        layer: Layer,
        slope: f32,
    ) -> FloatTensor<Self> {
        let prepared = ConvBackward.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound();
        match prepared.stateful() {
            OpsKind::Tracked(mut prep) => {
                let (x_node, weight_node) = (prep.checkpoint(&x), prep.checkpoint(&weight));
                let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
                let y = B::kernel_conv2d(x, weight, bias, layer.clone(), slope);
                let kept = (slope != 1.0).then(|| y.clone());
                prep.finish(ConvState { x: x_node, weight: weight_node, layer, slope, y: kept }, y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
                prep.finish(B::kernel_conv2d(x, weight, bias, layer, slope))
            }
        }
    }

    fn kernel_conv2d_adjoint(
        dy: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 2],
        layer: Layer,
    ) -> FloatTensor<Self> {
        match AdjointBackward.prepare::<C>([dy.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&dy), prep.checkpoint(&weight), layer.clone());
                prep.finish(state, B::kernel_conv2d_adjoint(dy.into_primitive(), weight.into_primitive(), size, layer))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::kernel_conv2d_adjoint(dy.into_primitive(), weight.into_primitive(), size, layer))
            }
        }
    }

    fn kernel_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        form: NormForm,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gain.node(), shift.node(), residual.node()];
        match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let [x_node, gain_node, shift_node] = [&x, &gain, &shift].map(|tensor| prep.checkpoint(tensor));
                let (x, gain) = (x.into_primitive(), gain.into_primitive());
                let (shift, residual) = (shift.into_primitive(), residual.into_primitive());
                let [y, mean, rstd] = B::norm_with_moments(x, gain, shift, residual, form);
                let state = NormState { x: x_node, gain: gain_node, shift: shift_node, moments: [mean, rstd], form };
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, gain) = (x.into_primitive(), gain.into_primitive());
                prep.finish(B::kernel_norm(x, gain, shift.into_primitive(), residual.into_primitive(), form))
            }
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

    fn kernel_upsample2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match UpsampleBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((), B::kernel_upsample2(x.into_primitive())),
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_upsample2(x.into_primitive())),
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

    fn kernel_products(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match ProductsBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::kernel_products(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_products(x.into_primitive())),
        }
    }

    fn kernel_squared_difference(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        match SquaredDifferenceBackward.prepare::<C>([a.node(), b.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [&a, &b].map(|tensor| prep.checkpoint(tensor));
                prep.finish(state, B::kernel_squared_difference(a.into_primitive(), b.into_primitive()))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::kernel_squared_difference(a.into_primitive(), b.into_primitive()))
            }
        }
    }

    fn kernel_gated(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match GatedBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::kernel_gated(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_gated(x.into_primitive())),
        }
    }

    fn kernel_channel_softmax(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match SoftmaxBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::kernel_channel_softmax(x.into_primitive());
                prep.finish(y.clone(), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_channel_softmax(x.into_primitive())),
        }
    }

    fn kernel_scaled(x: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self> {
        match ScaledBackward.prepare::<C>([x.node(), factors.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [&x, &factors].map(|tensor| prep.checkpoint(tensor));
                prep.finish(state, B::kernel_scaled(x.into_primitive(), factors.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_scaled(x.into_primitive(), factors.into_primitive())),
        }
    }

    fn kernel_avg_pool2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match AvgPoolBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let x = x.into_primitive();
                prep.finish(x.shape(), B::kernel_avg_pool2(x))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_avg_pool2(x.into_primitive())),
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
