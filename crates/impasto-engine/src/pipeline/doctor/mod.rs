//! Whether a device computes right, and how fast: every operation in use, forward and backward, against f64 on the
//! processor.

mod operations;
mod rates;

pub use rates::{Rates, rates};

use std::time::Instant;

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::device::{self, DeviceSpec};
use crate::error::Result;
use crate::rng;
use operations::{OPERATIONS, Operation};

/// How one operation did on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Which operation.
    pub operation: &'static str,
    /// The result.
    pub forward: Finding,
    /// The gradients of all operands, under a random linear functional of the result.
    pub backward: Finding,
}

/// How far off something is and how long it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Relative L2 distance to the same in f64 on the processor; of several gradients the largest.
    pub error: f64,
    /// Milliseconds on the device, once warm, reading the numbers back included.
    pub millis: f64,
}

/// Errors up to this are rounding: sums of some hundred f32 products, in any order.
const TOLERANCE: f64 = 1e-4;

impl Probe {
    /// Whether forward and backward are off by rounding only.
    pub fn passed(&self) -> bool {
        // A distance that is not a number does not pass.
        self.forward.error <= TOLERANCE && self.backward.error <= TOLERANCE
    }
}

/// Runs every operation on `device` and in f64 on the processor.
///
/// # Errors
/// [`EngineError::Environment`](crate::EngineError::Environment) when this binary holds nothing that computes on the
/// processor.
pub fn probe(device: &Device) -> Result<Vec<Probe>> {
    let reference = device::open(DeviceSpec::Cpu)?.device;
    Ok(OPERATIONS.iter().map(|operation| check(operation, device, &reference)).collect())
}

fn check(operation: &Operation, device: &Device, reference: &Device) -> Probe {
    let exact = Case::new(operation, &reference.clone().autodiff(), DType::F64);
    let (result, gradients) = (exact.forward(), exact.backward());
    let plain = Case::new(operation, device, DType::F32);
    let tracked = Case::new(operation, &device.clone().autodiff(), DType::F32);
    let (found, forward) = timed(|| plain.forward());
    let (slopes, backward) = timed(|| tracked.backward());
    let errors = slopes.iter().zip(&gradients).map(|(found, expected)| distance(found, expected));
    Probe {
        operation: operation.name,
        // Where gradients are wanted, operations may take another way.
        forward: Finding {
            error: worst([distance(&found, &result), distance(&tracked.forward(), &result)]),
            millis: forward,
        },
        backward: Finding { error: worst(errors), millis: backward },
    }
}

/// An operation with its operands on a device, in one precision.
struct Case {
    run: fn(&[Tensor<4>]) -> Tensor<4>,
    operands: Vec<Tensor<4>>,
    device: Device,
    dtype: DType,
}

impl Case {
    fn new(operation: &Operation, device: &Device, dtype: DType) -> Self {
        let draw = |(i, shape): (usize, &[usize; 4])| {
            let name = format!("doctor.{}.{i}", operation.name);
            let tensor =
                place(rng::normal(&mut rng::stream(1, &name, 0), shape.iter().product()), *shape, device, dtype);
            if device.is_autodiff() { tensor.require_grad() } else { tensor }
        };
        let operands = operation.operands.iter().enumerate().map(draw).collect();
        Self { run: operation.run, operands, device: device.clone(), dtype }
    }

    fn forward(&self) -> Vec<f64> {
        values((self.run)(&self.operands))
    }

    /// The gradient of every operand.
    fn backward(&self) -> Vec<Vec<f64>> {
        let result = (self.run)(&self.operands);
        let shape = result.dims();
        let draws = rng::normal(&mut rng::stream(1, "doctor.functional", 0), shape.iter().product());
        let gradients = (result * place(draws, shape, &self.device, self.dtype)).sum().backward();
        // An operand without a gradient gives no numbers, which are off from any.
        self.operands.iter().map(|x| x.grad(&gradients).map(values).unwrap_or_default()).collect()
    }
}

fn place(values: Vec<f32>, shape: [usize; 4], device: &Device, dtype: DType) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (device, dtype))
}

fn values(tensor: Tensor<4>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// What the second call gives, and its milliseconds.
fn timed<T>(mut call: impl FnMut() -> T) -> (T, f64) {
    call();
    let started = Instant::now();
    let found = call();
    (found, started.elapsed().as_secs_f64() * 1e3)
}

/// Relative L2 distance; infinite where there are not as many numbers.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let square = |sum: f64, v: f64| sum + v * v;
    let error = found.iter().zip(expected).map(|(a, b)| a - b).fold(0.0, square);
    let norm = expected.iter().copied().fold(0.0, square);
    (error / norm).sqrt()
}

/// The largest; not a number where any is not.
fn worst(errors: impl IntoIterator<Item = f64>) -> f64 {
    errors
        .into_iter()
        .fold(0.0, |worst: f64, error| if worst.is_nan() || error.is_nan() { f64::NAN } else { worst.max(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_computes_right() {
        let device = device::open(DeviceSpec::Auto).unwrap().device;
        for probe in probe(&device).unwrap() {
            assert!(probe.passed(), "{probe:?}");
        }
    }

    #[test]
    fn wrong_numbers_are_noticed() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let checked = |run| {
            let operation = Operation { name: "wrong", operands: &[[1, 2, 3, 4]], run };
            check(&operation, &device, &device)
        };
        assert!(checked(|x| x[0].clone() * 2.0).passed());
        // Right in f64 only.
        let far = checked(|x| x[0].clone() * if x[0].dtype() == DType::F32 { 1.001 } else { 1.0 });
        assert!(!far.passed() && far.forward.error > 9e-4 && far.backward.error > 9e-4, "{far:?}");
        let not_a_number = checked(|x| x[0].clone() * if x[0].dtype() == DType::F32 { f64::NAN } else { 1.0 });
        assert!(!not_a_number.passed(), "{not_a_number:?}");
        let constant =
            checked(
                |x| if x[0].dtype() == DType::F32 { x[0].clone().detach() + x[0].clone() * 0.0 } else { x[0].clone() },
            );
        assert!(constant.forward.error < 1e-6 && !constant.passed(), "{constant:?}");
    }

    #[test]
    fn distances_are_relative() {
        for (found, expected, by) in [([3.0, 4.5], [3.0, 4.0], 0.1), ([0.0, 0.0], [3.0, 4.0], 1.0)] {
            assert!((distance(&found, &expected) - by).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(distance(&[1.0], &[1.0, 1.0]), f64::INFINITY);
        assert!(worst([1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(worst([1.0, 3.0, 2.0]), 3.0);
    }
}
