//! Whether a device computes right: every operation in use, on the device, against the composition from burn's standard
//! operations on the processor.

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::{self, ConvConfig, ConvSpec, composed};
use crate::device::{self, DeviceSpec};
use crate::rng;
use crate::tensor;

/// How one operation did.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Which operation.
    pub operation: &'static str,
    /// Largest difference from the reference, relative to the reference's largest value.
    pub difference: f64,
    /// Time on the device, once warm.
    pub millis: f64,
}

/// Differences up to this are rounding: sums of some hundred f32 products in another order.
const TOLERANCE: f64 = 1e-4;

impl Probe {
    /// Whether the difference is rounding.
    pub fn passed(&self) -> bool {
        self.difference <= TOLERANCE
    }
}

type Op = fn(&Inputs) -> Tensor<4>;

/// One set of operands on one device.
struct Inputs {
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    vector: Tensor<2>,
}

const CHANNELS: usize = 16;

fn conv(kernel: ConvConfig) -> ConvSpec {
    kernel.spec
}

fn same() -> ConvSpec {
    conv(ConvConfig::same(CHANNELS, CHANNELS, 3))
}

fn gradient(loss: impl Fn(&Inputs) -> Tensor<4>, inputs: &Inputs) -> Tensor<4> {
    let device = inputs.x.device().autodiff();
    let lift = |t: &Tensor<4>| Tensor::<4>::from_data(t.to_data(), &device);
    let x = lift(&inputs.x).require_grad();
    let lifted = Inputs {
        x: x.clone(),
        weight: lift(&inputs.weight),
        bias: Tensor::from_data(inputs.bias.to_data(), &device),
        vector: Tensor::from_data(inputs.vector.to_data(), &device),
    };
    let grads = loss(&lifted).square().sum().backward();
    x.grad(&grads).unwrap_or_else(|| inputs.x.zeros_like())
}

/// Name, the operation as networks use it, and its composition.
const OPERATIONS: [(&str, Op, Op); 8] = [
    ("convolution", |i| run_conv(i, same()), |i| reference_conv(i, same())),
    (
        "strided convolution",
        |i| run_conv(i, conv(ConvConfig::same(CHANNELS, CHANNELS, 3).stride(2))),
        |i| reference_conv(i, conv(ConvConfig::same(CHANNELS, CHANNELS, 3).stride(2))),
    ),
    (
        "upsampled convolution",
        |i| run_conv(i, conv(ConvConfig::same(CHANNELS, CHANNELS, 3).upsampled())),
        |i| reference_conv(i, conv(ConvConfig::same(CHANNELS, CHANNELS, 3).upsampled())),
    ),
    (
        "modulated normalisation",
        |i| blocks::modulated_norm(i.x.clone(), i.vector.clone(), i.vector.clone()),
        |i| composed::modulated_norm(i.x.clone(), i.vector.clone(), i.vector.clone(), 1e-5),
    ),
    ("rectifier", |i| blocks::leaky_relu(i.x.clone(), 0.2), |i| composed::leaky_relu(i.x.clone(), 0.2)),
    ("maximum pooling", |i| blocks::max_pool2(i.x.clone()), |i| composed::max_pool2(i.x.clone())),
    (
        "convolution's gradient",
        |i| gradient(|i| run_conv(i, same()), i),
        |i| gradient(|i| reference_conv(i, same()), i),
    ),
    (
        "normalisation's gradient",
        |i| gradient(|i| blocks::modulated_norm(i.x.clone(), i.vector.clone(), i.vector.clone()).powi_scalar(2), i),
        |i| {
            gradient(
                |i| composed::modulated_norm(i.x.clone(), i.vector.clone(), i.vector.clone(), 1e-5).powi_scalar(2),
                i,
            )
        },
    ),
];

fn run_conv(i: &Inputs, spec: ConvSpec) -> Tensor<4> {
    blocks::conv2d(i.x.clone(), i.weight.clone(), i.bias.clone(), spec, 1.0)
}

fn reference_conv(i: &Inputs, spec: ConvSpec) -> Tensor<4> {
    composed::conv2d(i.x.clone(), i.weight.clone(), i.bias.clone(), spec, 1.0)
}

/// Runs every operation on `device` and on the reference.
pub fn probe(device: &Device) -> Vec<Probe> {
    let reference = device::open(DeviceSpec::Cpu).map_or_else(|_| device.clone(), |cpu| cpu.device);
    let (here, there) = (inputs(device), inputs(&reference));
    OPERATIONS
        .iter()
        .map(|(operation, run, compose)| {
            run(&here);
            let started = Instant::now();
            let found = tensor::values(run(&here));
            let millis = started.elapsed().as_secs_f64() * 1e3;
            Probe { operation, difference: difference(&found, &tensor::values(compose(&there))), millis }
        })
        .collect()
}

fn inputs(device: &Device) -> Inputs {
    let draw = |name: &str, count: usize| rng::normal(&mut rng::stream(1, name, 0), count);
    let shape = [1, CHANNELS, 48, 56];
    let kernel = [CHANNELS, CHANNELS, 3, 3];
    Inputs {
        x: Tensor::from_data(TensorData::new(draw("doctor.x", shape.iter().product()), shape), device),
        weight: Tensor::from_data(TensorData::new(draw("doctor.w", kernel.iter().product()), kernel), device),
        bias: Tensor::from_data(TensorData::new(draw("doctor.b", CHANNELS), [CHANNELS]), device),
        vector: Tensor::from_data(TensorData::new(draw("doctor.v", CHANNELS), [1, CHANNELS]), device),
    }
}

fn difference(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() || found.iter().any(|v| !v.is_finite()) {
        return f64::INFINITY;
    }
    let largest = expected.iter().fold(1e-12, |m: f64, v| m.max(f64::from(v.abs())));
    found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max) / largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_computes_right() {
        let device = device::open(DeviceSpec::Auto).unwrap().device;
        for probe in probe(&device) {
            assert!(probe.passed(), "{probe:?}");
        }
    }

    #[test]
    fn wrong_numbers_are_noticed() {
        assert!(difference(&[1.0, f32::NAN], &[1.0, 1.0]).is_infinite());
        assert!(difference(&[1.0], &[1.0, 1.0]).is_infinite());
        assert!(difference(&[1.0, 1.1], &[1.0, 1.0]) > TOLERANCE);
    }
}
